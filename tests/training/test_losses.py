"""Losses against values worked out by hand, and what a generator learns from one of them."""

import math

import pytest
import torch

from synthderm.imaging.color import ita
from synthderm.models.generator import SkinGenerator
from synthderm.training.losses import (
    cross_entropy,
    discriminator_hinge,
    discriminator_relativistic,
    generator_hinge,
    generator_relativistic,
    gradient_penalty,
    masked_difference,
    region_alone,
    skin_tone_error,
    soft_iou,
)
from tests.drawing import draw_skin


def test_hinge_losses():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.25])
    # real: max(0, 1 - 2) = 0, max(0, 1 - 0.5) = 0.5, mean 0.25
    # fake: max(0, 1 - 3) = 0, 1.25, mean 0.625
    assert discriminator_hinge(real, fake).item() == pytest.approx(0.875)
    assert generator_hinge(fake).item() == pytest.approx(1.375)


def test_relativistic_losses():
    real, fake = torch.tensor([1.0, 0.0]), torch.tensor([1.0, math.log(3)])
    # The pairs differ by 0 and ln 3: ln(1 + 1) = ln 2 and ln(1 + 3) = 2 ln 2 for the
    # discriminator, ln(1 + 1/3) for the generator.
    loss_d = discriminator_relativistic(real, fake).item()
    assert loss_d == pytest.approx(1.5 * math.log(2), rel=1e-6)
    loss_g = generator_relativistic(real, fake).item()
    assert loss_g == pytest.approx((math.log(2) + math.log(4 / 3)) / 2, rel=1e-6)
    # Only differences count.
    shifted = discriminator_relativistic(real + 5, fake + 5).item()
    assert shifted == pytest.approx(loss_d, rel=1e-6)


def test_gradient_penalty():
    x = torch.tensor([[1.0, 2.0], [0.0, 3.0]]).view(2, 1, 1, 2).requires_grad_()
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    # D(x) = 3 a + 4 b: the gradient is (3, 4) everywhere, half its square 12.5.
    linear = gradient_penalty((x.flatten(1) * weight).sum(1, keepdim=True), x)
    assert linear.item() == pytest.approx(12.5)
    linear.backward()
    assert weight.grad.tolist() == [3.0, 4.0]  # of (a^2 + b^2) / 2: the penalty can be trained on
    # D(x) = a^2 + b^2: the gradient is 2 x, half its square 2 (a^2 + b^2): 10 and 18.
    square = gradient_penalty(x.square().flatten(1).sum(1, keepdim=True), x)
    assert square.item() == pytest.approx(14.0)
    # Of several logits, here 2a and 4a, the mean, 3a, counts.
    several = torch.stack([2 * x[:, 0, 0, 0], 4 * x[:, 0, 0, 0]], 1)
    assert gradient_penalty(several, x).item() == pytest.approx(4.5)


def test_weighted_classes_have_one_loss_in_slices_and_as_a_whole():
    logits, labels = torch.randn(8, 3), torch.tensor([0, 0, 0, 1, 0, 2, 1, 0])
    weights = torch.tensor([0.5, 2.0, 4.0])
    parts = [cross_entropy(logits[k : k + 4], labels[k : k + 4], weights) for k in (0, 4)]
    whole = cross_entropy(logits, labels, weights)
    assert torch.allclose(sum(parts) / 2, whole)
    # Two images of the same logits: the one of a weight of 4 counts eight times that of 0.5.
    flat = torch.zeros(2, 3)
    losses = [cross_entropy(flat, torch.tensor([k, k]), weights).item() for k in (0, 2)]
    assert losses[1] == pytest.approx(8 * losses[0])


def test_the_region_alone_tells_nothing_of_what_is_outside():
    images, masks = torch.rand(2, 3, 8, 8) - 0.5, torch.full((2, 1, 8, 8), -1.0)
    masks[:, :, 2:5, 2:5] = 1
    inside = (masks > 0).expand(2, 3, 8, 8)
    x = torch.cat([images, masks], 1).requires_grad_()
    alone = region_alone(x)
    assert torch.equal(alone[:, :3][inside], images[inside])
    assert torch.equal(alone[:, 3:], masks) and not alone[:, :3][~inside].any()
    alone.sum().backward()
    assert torch.equal(x.grad[:, :3], inside.float()) and not x.grad[:, 3].any()


def test_skin_tone_error_is_zero_at_the_tone_and_says_which_way():
    skin = torch.stack([draw_skin(16, 16, tone) for tone in ("light", "dark")])
    tone, masks = ita(skin), torch.ones(2, 1, 16, 16)
    assert skin_tone_error(skin, masks, tone).item() < 0.05
    assert skin_tone_error(skin, masks, tone + 33).item() == pytest.approx(1.0, abs=0.1)
    half = masks.clone()
    half[..., :8] = 0  # what is not skin may have any colour
    painted = torch.where(half > 0, skin, torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1))
    assert skin_tone_error(painted, half, tone).item() < 0.1
    darker = skin[1:].clone().requires_grad_()
    skin_tone_error(darker, masks[:1], tone[:1]).backward()
    assert darker.grad.sum() < 0 and darker.grad.isfinite().all()  # to be lighter, grow


def test_a_generator_learns_to_follow_the_tone_from_its_loss_alone():
    torch.manual_seed(0)
    model = SkinGenerator(16, [16, 8, 8], ["a"], latent_dim=8, style_dim=8, tones=[-20.0, 60.0])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    labels = torch.zeros(16, dtype=torch.long)
    for _ in range(200):
        tone = torch.rand(16) * 80 - 20
        images = (model(torch.randn(16, 8), labels, skin_tone=tone)[:, :3] + 1) / 2
        optimizer.zero_grad()
        skin_tone_error(images, torch.ones(16, 1, 16, 16), tone).backward()
        optimizer.step()
    model.eval()

    def measured(tone: float) -> float:
        latents, skin_tone = torch.randn(16, 8), torch.full((16,), tone)
        return ita(model.generate(latents, labels, skin_tone=skin_tone)[0]).median().item()

    dark, middle, light = (measured(tone) for tone in (-10.0, 20.0, 50.0))
    assert dark + 15 < middle < light - 15  # asked for 30 apart


def test_masked_difference():
    a, b = torch.full((1, 3, 2, 2), 0.5), torch.full((1, 3, 2, 2), 0.25)
    everywhere = torch.ones(1, 1, 2, 2, dtype=torch.bool)
    # Twelve values differ by ln 2 in density, none in gradient; the sum is divided by 3 * 4 + 1.
    difference = masked_difference(a, b, everywhere).item()
    assert difference == pytest.approx(12 * math.log(2) / 13)
    assert masked_difference(a, b, ~everywhere) == 0
    assert masked_difference(a, b, everywhere, color=0) == 0
    # A step of ln 2 in each of two rows and three channels, counted twice; half of the colour is
    # left.
    b[..., 1] = 0.5
    difference = masked_difference(a, b, everywhere).item()
    assert difference == pytest.approx((12 + 6) * math.log(2) / 13)


def test_soft_iou():
    half = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).view(1, 1, 2, 2)
    assert soft_iou(half, half) == 1
    assert soft_iou(half, 1 - half).item() == pytest.approx(1 / 5)
