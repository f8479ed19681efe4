"""Differentiable augmentation, and its probability."""

import pytest
import torch

from synthderm.training.augment import adapt_probability, diff_augment


def test_it_is_the_identity_at_p_0_and_passes_gradients():
    x = torch.randn(4, 4, 32, 32, requires_grad=True)
    assert torch.allclose(diff_augment(x, p=0.0), x, atol=1e-5)
    diff_augment(x, p=1.0).square().sum().backward()
    assert torch.isfinite(x.grad).all() and (x.grad != 0).float().mean() > 0.3


def test_image_and_mask_move_together():
    torch.manual_seed(0)
    x = torch.zeros(64, 4, 32, 32)
    x[:, :, 12:20, 12:20] = 1.0
    y = diff_augment(x, p=1.0)
    images = (y[:, :3] - y[:, :3].amin((1, 2, 3), keepdim=True)).mean(1)
    for image, mask in zip(images, y[:, 3]):
        if mask.sum() == 64 and image.std() > 0:  # not cut out
            assert image[mask == 1].mean() > image[mask == 0].mean()


def test_without_colour_every_value_stays_as_it_is():
    torch.manual_seed(0)
    # Two values alone; what comes in from outside is reflected, cut-out is zero.
    x = torch.randn(8, 4, 16, 16).sign()
    values = diff_augment(x, 0.9, color=0.0).mul(1000).round().unique()
    assert set(values.tolist()) == {-1000.0, 0.0, 1000.0}
    assert len(diff_augment(x, 0.9).unique()) > 20


def test_the_probability_grows_while_the_discriminator_overfits():
    p = torch.tensor(0.2)
    assert adapt_probability(p, torch.tensor(0.9), 16, span=1600).item() == pytest.approx(0.21)
    assert adapt_probability(p, torch.tensor(0.3), 16, span=1600).item() == pytest.approx(0.19)
    for sign, limit in ((1.0, 0.8), (-1.0, 0.0)):
        for _ in range(100):
            p = adapt_probability(p, torch.tensor(sign), 16, span=1600)
        assert p.item() == pytest.approx(limit)
