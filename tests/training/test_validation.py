"""What is measured while a generator trains."""

from dataclasses import replace

import pytest
import torch

from synthderm.models.generator import SkinGenerator
from synthderm.training.discriminators import Logits, make_discriminators
from synthderm.training.image_pool import ImagePool, load_image_pool, load_validation
from synthderm.training.validation import FIRST_BUNDLED, SampleSheet, Validation, verdict
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


def test_a_kid_is_held_against_photographs_and_blobs(pools, tmp_path):
    train, val = pools
    checks = train.images.clone()
    rows = torch.arange(16)
    board = ((rows[:, None] + rows) % 2 * 200).to(torch.uint8)  # detail that blurring takes away
    checks[:], val.images[:] = board, board
    (tmp_path / "fine.py").write_text(
        "import torch\n\n\nclass Fine(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        step = (x[..., 1:] - x[..., :-1]).abs().mean((2, 3))\n"
        "        return {3: step + x[:, :, 0, 0] * 0 + torch.rand(len(x), 1) * 1e-3}\n\n\n"
        "def load(path):\n    return Fine()\n"
    )
    (tmp_path / "fine.safetensors").write_bytes(b"")
    validation = Validation(val, str(tmp_path / "fine.safetensors"), torch.randn(16, 8))
    sharp, blobs = validation.measure_photographs(replace(train, images=checks))
    assert sharp < blobs / 10
    assert Validation(val, None, torch.randn(16, 8)).measure_photographs(train) is None


@pytest.mark.parametrize(
    ("best_kid", "shown", "says"),
    [
        (280.0, 2000, "Not worth using: after 2,000 images these are blobs"),
        (280.0, 2000, "train on, lesions were first bundled after 78,000 images"),
        (280.0, 90000, "see the advice"),
        (9.0, 60000, "The best model is that of 1,500 images"),
        (None, 60000, "nothing says how good"),
        (float("nan"), 60000, "Not worth using"),
    ],
)
def test_the_verdict_says_whether_a_model_is_worth_using(best_kid, shown, says):
    photographs = None if best_kid is None else (3.0, 250.0)
    assert says in verdict(best_kid, 1500, shown, photographs)


def test_the_verdict_names_what_the_first_bundled_lesions_took():
    training = SkinGenerator.from_pretrained("lesions").card["training"]
    assert training["before"][0]["images"] == FIRST_BUNDLED
