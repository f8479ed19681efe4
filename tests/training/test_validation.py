"""What is measured while a generator trains."""

import pytest
import torch

from synthderm.models.generator import SkinGenerator
from synthderm.training.discriminators import Logits, make_discriminators
from synthderm.training.image_pool import ImagePool, load_image_pool, load_validation
from synthderm.training.validation import SampleSheet, Validation
from tests.drawing import draw_folder, liven, write_extractor


@pytest.fixture
def pools(tmp_path) -> tuple[ImagePool, ImagePool]:
    data = str(draw_folder(tmp_path / "data", count=24))
    return load_image_pool(data, "train", 16), load_validation(data, 16)


@pytest.fixture
def generator() -> SkinGenerator:
    return liven(SkinGenerator(16, [16, 8, 8], ["a", "b"], latent_dim=8, style_dim=8))


class Memory(torch.nn.Module):
    """A discriminator that has memorised the first photographs that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = [3.0, 1.0, -1.0]  # of photographs trained on, of others, of generated ones

    def forward(self, x, labels, *, skin_tone=None, condition=1.0) -> Logits:
        return Logits(torch.full((len(x), 1), self.logits.pop(0)), torch.zeros(len(x), 2))


def test_the_gap_is_how_much_a_discriminator_prefers_what_it_was_trained_on(pools, generator):
    train, val = pools
    validation = Validation(val, None, torch.randn(16, 8))
    networks = torch.nn.ModuleList([Memory()])
    measured = validation.measure_gap(networks, generator, train, condition=1.0, size=16, batch=32)
    assert measured == {"d_train": 3.0, "d_val": 1.0, "d_fake": -1.0, "gap": 2.0, "gap_share": 0.5}


def test_measures_repeat_and_leave_the_random_state_alone(pools, generator, tmp_path):
    train, val = pools
    validation = Validation(val, write_extractor(tmp_path), torch.randn(16, 8))
    networks = make_discriminators(16, [8, 8, 8], 2)
    before = torch.get_rng_state()

    def measure() -> tuple:
        options = {"condition": 0.5, "size": 8, "batch": 4}
        gap = validation.measure_gap(networks, generator, train, **options)
        return validation.measure_kid(generator), gap

    assert measure() == measure()
    assert torch.equal(torch.get_rng_state(), before) and networks.training
    assert Validation(val, None, torch.randn(16, 8)).measure_kid(generator) is None


def test_the_spread_of_samples_falls_when_modes_collapse(generator, tmp_path):
    samples = SampleSheet(generator, torch.Generator().manual_seed(0), torch.device("cpu"))
    varied = samples.write(generator, tmp_path / "a.png", condition=1.0, size=16)
    assert (tmp_path / "a.png").is_file() and varied > 0
    samples.latents = samples.latents[:1].expand(64, -1)
    samples.labels = samples.labels[:1].expand(64)
    assert samples.write(generator, tmp_path / "b.png", condition=1.0, size=8) < 1e-6
