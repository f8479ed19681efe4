"""The benchmarks' own parts: probes learn what is there to learn, goals are judged as they are
written."""

import json
import sys

import pytest
import torch

from benchmarks import fidelity
from benchmarks.dcgan import DCGAN, DCGANSource, count, discriminator
from benchmarks.goals import goals, reached
from benchmarks.probes import UNet, accuracy, dice, train_unet
from synthderm import SkinGenerator, SyntheticSkinDataset
from synthderm.training.image_pool import Photographs
from tests.drawing import draw_folder, liven, write_extractor


def discs(count: int, seed: int) -> Photographs:
    """Dark discs at random places on light noise, with their masks."""
    rng = torch.Generator().manual_seed(seed)
    yy, xx = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    centre = torch.randint(4, 12, (2, count, 1, 1), generator=rng)
    mask = (yy - centre[0]) ** 2 + (xx - centre[1]) ** 2 < 16
    image = torch.randint(150, 250, (count, 3, 16, 16), generator=rng) - 100 * mask[:, None]
    return Photographs(
        torch.cat([image, 255 * mask[:, None]], 1).to(torch.uint8),
        torch.arange(count) % 2,
        torch.zeros(count),
        ["a", "b"],
    )


def test_a_unet_finds_discs_and_dice_says_so():
    test = discs(16, 1)
    learnt = train_unet(discs(64, 0), steps=30, size=16)
    assert dice(learnt, test, 16) > 0.9
    everything, nothing = (
        lambda x, sign=sign: sign * torch.ones_like(x[:, :1]) for sign in (1, -1)
    )
    share = (test.images[:, 3] > 0).float().mean((1, 2))
    assert dice(everything, test, 16) == pytest.approx(
        (2 * share / (1 + share)).mean().item(), abs=1e-5
    )
    assert dice(nothing, test, 16) == 0.0
    empty = test._replace(
        images=test.images * torch.tensor([1, 1, 1, 0], dtype=torch.uint8).view(4, 1, 1)
    )
    assert dice(nothing, empty, 16) == 1.0
    assert UNet()(torch.zeros(2, 3, 24, 24)).shape == (2, 1, 24, 24)


def test_accuracy_by_image_and_by_class():
    data = discs(10, 0)._replace(labels=torch.tensor([0] * 8 + [1] * 2))
    always_first = lambda x: torch.tensor([1.0, 0.0]).expand(len(x), 2)  # noqa: E731
    assert accuracy(always_first, data) == pytest.approx(
        {"accuracy": 0.8, "balanced_accuracy": 0.5}
    )


def test_goals_are_met_or_missed_by_the_mean_over_seeds():
    kid = {
        "extractor": "e",
        "size": 8,
        "n_test": 9,
        "runs": [{"n": 5, "kid_x1000": 0.2}, {"n": 5, "kid_x1000": 0.4}],
    }
    dcgan = {**kid, "runs": [{"n": 5, "kid_x1000": 1.0}]}
    parts = {
        "kid": kid,
        "prdc": {"train_vs_test": {"recall": 0.8}, "runs": [{"recall": 0.4}]},
        "is": {"skipped": "x"},
        "tone": {"skipped": "x"},
    }
    rows = goals(parts, dcgan)
    assert (
        [row[-1] for row in rows] == ["met", "**missed**"]
        and rows[0][2] == "0.30 ± 0.14"
        and rows[1][2] == "0.50"
    )
    assert (
        reached("kid", kid, None) == []
        and reached("kid", kid, {**dcgan, "extractor": "another"}) == []
    )
    assert reached("kid", kid, {**dcgan, "runs": [{"n": 6, "kid_x1000": 1.0}]}) == []  # another N
    assert goals({"dice": {"real_train": 1.0, "runs": [{"dice": 0.9}]}}, None)[0][1:] == [
        "at least 0.9",
        "0.90",
        "met",
    ]
    assert goals({"dice": {"real_train": 0.0, "runs": [{"dice": 0.9}]}}, None) == []
    accuracies = {
        "real_test": {"accuracy": 0.5},
        "real_train": {"accuracy": 1.0},
        "runs": [{"accuracy": 0.5}],
    }
    assert [row[2:] for row in goals({"class": accuracies, "pose": accuracies}, None)] == [
        ["1.00", "met"],
        ["0.50", "**missed**"],
    ]
    assert goals({"tone": {"runs": [{"median_error": 8.5}]}}, None)[0][-1] == "**missed**"


def test_a_dcgan_is_a_source_of_data_sets(tmp_path):
    model = DCGAN(32, 4, latent_dim=6)
    assert model(torch.zeros(2, 6, 1, 1)).shape == (2, 3, 32, 32) and discriminator(32, 4)(
        torch.zeros(2, 3, 32, 32)
    ).shape == (2, 1, 1, 1)
    assert count(DCGAN(32, 8, latent_dim=6)) > 2 * count(model)
    model.save_pretrained(tmp_path)
    data = SyntheticSkinDataset(DCGANSource(tmp_path), length=4, classes=["a"], seed=1)
    images = data.generate([0, 1, 2, 3])[0]
    assert (
        images.shape == (4, 3, 32, 32)
        and not torch.equal(images[0], images[1])
        and torch.equal(data.generate([2])[0][0], images[2])
    )


def test_fidelity_is_measured_in_parts_and_those_of_other_weights_are_dropped(
    tmp_path, monkeypatch
):
    data, model, out = (
        draw_folder(tmp_path / "data", count=60, size=24),
        tmp_path / "model",
        tmp_path / "out",
    )

    def measure(*parts: str) -> dict:
        command = [
            "--model",
            str(model),
            "--data",
            str(data),
            "--extractor",
            write_extractor(data),
            "--n",
            "12",
            "--pairs",
            "4",
            "--out",
            str(out),
        ]
        monkeypatch.setattr(sys, "argv", ["fidelity", *command, "--parts", *parts])
        fidelity.main()
        return json.loads((out / "fidelity-model.json").read_text())["parts"]

    liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8), seed=1).save_pretrained(
        model
    )
    assert set(measure("kid", "prdc")) == {"kid", "prdc"}
    both = measure("msssim")
    assert (
        set(both) == {"kid", "prdc", "msssim"}
        and len({part["weights"] for part in both.values()}) == 1
    )
    liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8), seed=2).save_pretrained(
        model
    )
    assert set(measure("kid")) == {"kid"}
