"""Losses: functions of tensors, each a few lines to check against its paper."""

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.color import to_density, to_lab
from synthderm.imaging.compositing import Drawing

# About the standard deviation of each part of what the renderer draws.
SPREAD = {
    "levels": 0.25,
    "absorption": 0.1,
    "flush": 0.13,
    "gain": 0.35,
    "sharpness": 0.1,
    "deepen": 0.1,
    "dried": 0.1,
    "white": 0.1,
}


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(real)) + max(0, 1 + D(fake)), means over all logits (Lim and Ye, arXiv
    1705.02894)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_hinge(fake: Tensor) -> Tensor:
    """-D(fake), the generator's side of the hinge loss."""
    return -fake.mean()


def discriminator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """ln(1 + exp(D(fake) - D(real))), mean over pairs.

    A real image need only look more real than the generated one beside it (Jolicoeur-Martineau,
    ICLR 2019; equation 2 of Huang et al., NeurIPS 2024, with f(t) = -ln(1 + exp(-t))).
    """
    return F.softplus(fake - real).mean()


# By the name of the game.
DISCRIMINATOR = {"hinge": discriminator_hinge, "relativistic": discriminator_relativistic}


def generator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """ln(1 + exp(D(real) - D(fake))), mean over pairs: the generator's side of the relativistic
    loss."""
    return F.softplus(real - fake).mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """1/2 |dD/dx|^2, mean over images: R1 on real images, R2 on generated ones, to be multiplied
    by gamma (Mescheder et al., ICML 2018, equations 9 and 10).

    Args:
        logits: (B, K), of `images`; where K > 1, their mean is the D of the equation.
        images: (B, C, H, W), with `requires_grad`.
    """
    (gradient,) = torch.autograd.grad(logits.mean(1).sum(), images, create_graph=True)
    return 0.5 * gradient.square().sum((1, 2, 3)).mean()


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy, mean over images. torch's own divides by the weights of the images at hand, so
    that a batch in slices would have another loss than the whole.

    Args:
        logits: (B, K).
        labels: (B,) int64.
        weights: (K,), of the images of each class.
    """
    return (weights[labels] * F.cross_entropy(logits, labels, reduction="none")).mean()


def region_alone(x: Tensor) -> Tensor:
    """Images with their masks, (B, 4, S, S) in [-1, 1], mid-grey outside the region. No gradient
    reaches the masks."""
    images, masks = x[:, :3], x[:, 3:].detach()
    return torch.cat([images * (masks > 0), masks], dim=1)


def skin_tone_error(images: Tensor, masks: Tensor, skin_tone: Tensor) -> Tensor:
    """Mean absolute difference between the ITA asked for and that of the skin's colour, in units
    of 30 degrees. Differences of up to 3 degrees are free: photographs of one hand differ by more.

    `color.ita` measures by the median, whose gradient reaches three pixels. Here the mean of the
    pixels about as light and as yellow as the median stands for it.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        masks: (B, 1, H, W) float in [0, 1], how much of each pixel is skin.
        skin_tone: (B,) ITA in degrees.
    """
    lab, masks = to_lab(images)[:, ::2].flatten(2), masks.flatten(2)
    with torch.no_grad():
        skin = lab.masked_fill(masks < 0.5, torch.nan)
        median = skin.nanmedian(2, keepdim=True).values.nan_to_num(50.0)
        near = torch.exp(-((lab - median) ** 2).sum(1, keepdim=True) / (2 * 20**2))
    weight = masks * near
    light, yellow = ((lab * weight).sum(2) / (weight.sum(2) + 1e-3)).unbind(1)
    measured = torch.rad2deg(torch.atan2(light - 50, yellow))
    return (F.relu((measured - skin_tone).abs() - 3) / 30).mean()


def masked_difference(
    a: Tensor, b: Tensor, mask: Tensor, *, whole: Tensor | None = None, color: float = 1.0
) -> Tensor:
    """Mean absolute difference inside a mask, of optical density and, twice, of its gradients,
    which carry the texture.

    It serves for reconstruction, cycle and identity (Zhu et al., ICCV 2017), and with `color` 0
    for gradient consistency alone (after Hiasa et al., SASHIMI 2018).

    Args:
        a, b: (B, 3, H, W) float in [0, 1].
        mask: (B, 1, H, W) bool.
        whole: (N, 1, H, W) bool, the masks of the batch that these images are a part of. The mean
            over its parts, which have B images each, is then the difference of the whole batch.
        color: weight of the density itself.
    """
    a, b, inside = to_density(a), to_density(b), mask.float()
    total = 2 * ((a.diff(dim=3) - b.diff(dim=3)).abs() * inside[..., 1:]).sum()
    total = total + 2 * ((a.diff(dim=2) - b.diff(dim=2)).abs() * inside[..., 1:, :]).sum()
    if color:
        total = total + color * ((a - b).abs() * inside).sum()
    return total / part_divisor(inside, inside if whole is None else whole.float())


def part_divisor(inside: Tensor, whole: Tensor) -> Tensor:
    """What the sum over a part of a batch is divided by, for the mean over the parts to be the mean
    over all that lies inside the masks.

    Args:
        inside: (B, 1, H, W) float in [0, 1], the masks of the part.
        whole: (N, 1, H, W) float in [0, 1], those of the batch.
    """
    return (3 * whole.sum() + 1) * (len(inside) / len(whole))


def drawing_difference(predicted: Drawing, truth: Drawing) -> Tensor:
    """Mean absolute difference of two drawings, each part in units of its spread over random
    lesions."""
    parts = zip(predicted, truth, Drawing._fields)
    return torch.stack([F.l1_loss(a, b) / SPREAD[name] for a, b, name in parts]).mean()


def soft_iou(predicted: Tensor, truth: Tensor) -> Tensor:
    """Soft intersection over union of (B, 1, H, W) in [0, 1], the mean over images (Rahman and
    Wang, ISVC 2016)."""
    both = (predicted * truth).sum((1, 2, 3))
    return ((both + 1) / ((predicted + truth).sum((1, 2, 3)) - both + 1)).mean()
