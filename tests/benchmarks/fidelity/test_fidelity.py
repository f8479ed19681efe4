"""The fidelity benchmark as a command, on drawn photographs and a tiny generator."""

import json

import pytest

from benchmarks.fidelity import __main__ as fidelity
from benchmarks.fidelity.measures import PARTS
from benchmarks.references.dcgan import DCGAN
from synthderm import SkinGenerator
from tests.drawing import draw_folder, liven, write_extractor


def make_generator(seed: int) -> SkinGenerator:
    return liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8), seed=seed)


@pytest.fixture
def measure(tmp_path):
    """Measures parts of the model in `tmp_path/model`, and gives all parts of the result."""
    data = draw_folder(tmp_path / "data", count=60, size=24)
    options = ["--data", str(data), "--extractor", write_extractor(data), "--n", "12"]
    options += ["--pairs", "4", "--steps", "1", "--unet-size", "16", "--out", str(tmp_path / "out")]

    def run(*parts: str, model: str = "model") -> dict:
        fidelity.main(["--model", str(tmp_path / model), *options, "--parts", *parts])
        return json.loads((tmp_path / "out" / f"fidelity-{model}.json").read_text())["parts"]

    return run


def test_it_is_measured_in_parts_and_those_of_other_weights_are_dropped(tmp_path, measure):
    make_generator(1).save_pretrained(tmp_path / "model")
    assert set(measure("kid", "prdc")) == {"kid", "prdc"}
    both = measure("msssim")
    assert set(both) == {"kid", "prdc", "msssim"}
    assert len({part["weights"] for part in both.values()}) == 1
    make_generator(2).save_pretrained(tmp_path / "model")
    assert set(measure("kid")) == {"kid"}


def test_a_part_that_does_not_apply_is_skipped_and_the_others_have_a_run_a_seed(tmp_path, measure):
    make_generator(1).save_pretrained(tmp_path / "model")
    parts = measure("is", "dice", "tone")
    assert list(parts) == ["is", "dice", "tone"] and set(parts) < set(PARTS)
    assert len(parts["dice"]["runs"]) == 1
    assert "no classes of its own" in parts["is"]["skipped"]
    assert "no input for the skin tone" in parts["tone"]["skipped"]


def test_a_dcgan_is_measured_as_well(tmp_path, measure):
    DCGAN(16, 4, latent_dim=6).save_pretrained(tmp_path / "dcgan")
    part = measure("kid", model="dcgan")["kid"]
    assert part["size"] == 16 and part["revision"] == "local"
    assert part["runs"][0]["n"] == 12
