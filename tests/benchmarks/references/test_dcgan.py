"""The reference DCGAN: its networks, its training, and as a source of data sets."""

import pytest
import torch

from benchmarks.references import dcgan
from benchmarks.references.dcgan import DCGAN, DCGANSource, count_parameters, make_discriminator
from synthderm import SkinGenerator, SyntheticSkinDataset
from tests.drawing import draw_folder, liven


def test_the_networks_fit_the_size():
    model = DCGAN(32, 4, latent_dim=6)
    assert model(torch.zeros(2, 6, 1, 1)).shape == (2, 3, 32, 32)
    assert make_discriminator(32, 4)(torch.zeros(2, 3, 32, 32)).shape == (2, 1, 1, 1)
    assert count_parameters(DCGAN(32, 8, latent_dim=6)) > 2 * count_parameters(model)


def test_a_dcgan_is_a_source_of_data_sets(tmp_path):
    DCGAN(32, 4, latent_dim=6).save_pretrained(tmp_path)
    data = SyntheticSkinDataset(DCGANSource(tmp_path), length=4, classes=["a"], seed=1)
    images = data.generate([0, 1, 2, 3])[0]
    assert images.shape == (4, 3, 32, 32) and not torch.equal(images[0], images[1])
    assert torch.equal(data.generate([2])[0][0], images[2])


def test_training_changes_both_networks_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(dcgan, "WIDTHS", range(4, 6))
    data = draw_folder(tmp_path / "data", size=16)
    model = liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8))
    model.save_pretrained(tmp_path / "like")
    command = ["--data", str(data), "--model", str(tmp_path / "like"), "--batch", "4"]
    command += ["--out", str(tmp_path / "run"), "--device", "cpu", "--check", "1"]
    dcgan.main([*command, "--minutes", "1e-9"])
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    first = DCGAN.from_pretrained(tmp_path / "run").state_dict()
    assert checkpoint["state"]["shown"] == 4 and (tmp_path / "run" / "samples.png").is_file()
    minutes = checkpoint["state"]["seconds"] / 60
    dcgan.main([*command, "--minutes", str(minutes + 1e-9)])
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    second = DCGAN.from_pretrained(tmp_path / "run").state_dict()
    assert checkpoint["state"]["shown"] == 8
    assert any(not torch.equal(first[key], second[key]) for key in first)
    with pytest.raises(SystemExit, match="dcgan: .* --model was .*like and is lesions now"):
        dcgan.main([*command, "--model", "lesions"])
