"""What runs on a GPU, tried on one: `pytest -k cuda`."""

import pytest
import torch

from synthderm import EczemaEdit, SyntheticSkinDataset
from synthderm.imaging.io import to_tensor
from synthderm.training.training_state import write_training_state
from synthderm.transforms.functional import add_eczema, find_eczema, remove_eczema
from tests.drawing import draw_folder, draw_skin, write_extractor
from tests.recipes.running import run_here

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


def test_cuda_items_are_those_of_the_cpu_but_for_rounding(generator_dir):
    options = {"length": 8, "seed": 1, "return_mask": True}
    for source in (generator_dir, "lesions", "hands"):
        here = SyntheticSkinDataset(str(source), **options)
        there = SyntheticSkinDataset(str(source), device="cuda", **options)
        for a, b in zip(here, there):
            assert (to_tensor(a[0]).float() - to_tensor(b[0]).float()).abs().mean() < 2
            assert a[-1] == b[-1]


def test_cuda_batches_of_generated_images_can_be_edited():
    dataset = SyntheticSkinDataset("eczema", length=4, device="cuda")
    assert len({image.size for image, _ in dataset}) == 1


def test_cuda_edits_are_those_of_the_cpu_but_for_rounding():
    image = draw_skin(96, 128, seed=3)[None]
    mask = torch.zeros(1, 1, 96, 128, dtype=torch.bool)
    mask[..., 20:70, 30:90] = True
    here = add_eczema(image, mask, 0.8, seed=1).images
    there = add_eczema(image.cuda(), mask.cuda(), 0.8, seed=1).images
    assert there.is_cuda and (there.cpu().float() - here.float()).abs().max() <= 3
    untouched = ~mask.expand_as(image)
    assert torch.equal(there.cpu()[untouched], image[untouched])
    removed = remove_eczema(there, mask.cuda()).images
    assert removed.is_cuda and not torch.equal(removed, there)
    assert find_eczema(there).is_cuda


def test_cuda_single_images_go_through_the_transform():
    image = draw_skin(64, 64, seed=2).cuda()
    edited, label = EczemaEdit(p=1, label=1, severity=1.0)(image, torch.tensor(0))
    assert edited.is_cuda and not torch.equal(edited, image) and label == 1


@pytest.mark.parametrize("recipe", ["train_gan.py", "train_edit.py"])
def test_cuda_trains_and_goes_on(tmp_path, monkeypatch, recipe):
    data, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    options = ["--device", "cuda"]
    if recipe == "train_gan.py":
        options += ["--kid", write_extractor(data)]
    log = run_here(monkeypatch, recipe, data, out, *options)
    assert log and all(entry["shown"] for entry in log)
    assert (out / "model" / "model.safetensors").exists()
    run_here(monkeypatch, recipe, data, out, *options, "--images", "300")


def test_cuda_goes_on_from_a_training_state(tmp_path, monkeypatch, capsys):
    data, first = draw_folder(tmp_path / "data"), tmp_path / "first"
    options = ["--device", "cuda", "--kid", "none", "--images", "40"]
    run_here(monkeypatch, "train_gan.py", data, first, *options)
    write_training_state(first, tmp_path / "state")
    init = ["--init", str(tmp_path / "state")]
    log = run_here(monkeypatch, "train_gan.py", data, tmp_path / "second", *options, *init)
    assert "optimizers go on after 40 images" in capsys.readouterr().out
    assert log[-1]["shown"] == 40 and log[-1]["loss_d"] > 0
