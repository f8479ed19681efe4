"""The networks that show what can be learnt: they learn what there is to learn, and the measures
are what they say."""

import pytest
import torch

from benchmarks.fidelity.networks import UNet, accuracy, mean_dice, train_unet
from synthderm.training.image_pool import ImagePool


def make_discs(count: int, seed: int) -> ImagePool:
    """Dark discs at random places on light noise, with their masks."""
    rng = torch.Generator().manual_seed(seed)
    yy, xx = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    centre = torch.randint(4, 12, (2, count, 1, 1), generator=rng)
    mask = ((yy - centre[0]) ** 2 + (xx - centre[1]) ** 2 < 16)[:, None]
    image = torch.randint(150, 250, (count, 3, 16, 16), generator=rng) - 100 * mask
    labels = torch.arange(count) % 2
    return ImagePool(image.byte(), mask.byte() * 255, labels, torch.zeros(count), ["a", "b"])


def predict_everywhere(x: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(x[:, :1])


def predict_nowhere(x: torch.Tensor) -> torch.Tensor:
    return -torch.ones_like(x[:, :1])


def test_a_unet_finds_discs_and_dice_says_so():
    test = make_discs(16, 1)
    assert mean_dice(train_unet(make_discs(64, 0), steps=30, size=16), test, 16) > 0.9
    assert UNet()(torch.zeros(2, 3, 24, 24)).shape == (2, 1, 24, 24)


def test_dice_of_constant_predictions():
    test = make_discs(16, 1)
    share = (test.masks > 0).float().mean((1, 2, 3))
    expected = (2 * share / (1 + share)).mean().item()
    assert mean_dice(predict_everywhere, test, 16) == pytest.approx(expected, abs=1e-5)
    assert mean_dice(predict_nowhere, test, 16) == 0.0
    tones = torch.zeros(16)
    empty = ImagePool(test.images, test.masks * 0, test.labels, tones, test.classes)
    assert mean_dice(predict_nowhere, empty, 16) == 1.0


def test_accuracy_by_image_and_by_class():
    discs = make_discs(10, 0)
    labels = torch.tensor([0] * 8 + [1] * 2)
    pool = ImagePool(discs.images, discs.masks, labels, discs.skin_tones, discs.classes)

    def always_first(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([1.0, 0.0]).expand(len(x), 2)

    figures = accuracy(always_first, pool)
    assert figures == pytest.approx({"accuracy": 0.8, "balanced_accuracy": 0.5})
