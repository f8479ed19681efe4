"""Differentiable augmentation for discriminators (Zhao et al., NeurIPS 2020).

The same random changes are made to real and to generated images, so that a discriminator with only
a few photographs can't memorise them.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Changes(NamedTuple):
    """Random numbers of the changes of B images."""

    brightness: Tensor  # (B, 1, 1, 1) each, 0 where an image is not changed
    saturation: Tensor
    contrast: Tensor
    down: Tensor
    right: Tensor
    square: Tensor  # (B, 2, 1) in [0, 1): row and column of its centre
    is_cut: Tensor  # (B, 1, 1, 1) bool

    def rows(self, rows: Tensor) -> "Changes":
        """Those of some of the images."""
        return Changes(*(part[rows] for part in self))


def sample_changes(count: int, p: float | Tensor, device: torch.device) -> Changes:
    """Draw what `diff_augment` does to each of `count` images, from torch's global random state.

    Args:
        p: probability of each change of an image.
    """

    def sample(low: float, high: float) -> Tensor:
        values = torch.empty(count, 1, 1, 1, device=device).uniform_(low, high)
        is_used = torch.rand(count, 1, 1, 1, device=device) < p
        return torch.where(is_used, values, torch.zeros_like(values))

    return Changes(
        brightness=sample(-0.4, 0.4),
        saturation=sample(-0.6, 0.6),
        contrast=sample(-0.4, 0.4),
        down=sample(-0.125, 0.125),
        right=sample(-0.125, 0.125),
        square=torch.rand(2, count, 1, device=device).transpose(0, 1),
        is_cut=torch.rand(count, 1, 1, 1, device=device) < p / 2,
    )


def diff_augment(
    x: Tensor,
    p: float | Tensor = 0.7,
    *,
    color: float = 1.0,
    changes: Changes | None = None,
) -> Tensor:
    """Random brightness, saturation, contrast, shift and cut-out.

    Each change is made to an image with probability `p` alone. As long as p < 1, the generator
    can't take augmented images for the real ones, so the changes do not leak into what it makes
    (Karras et al., NeurIPS 2020).

    Args:
        x: (B, C, S, S) in [-1, 1]. Changes of colour touch the first three channels; a mask in a
            fourth one moves along.
        p: probability of each change of an image.
        color: weight of the three changes of colour. A discriminator that sees them can't judge
            how much light and skin differ between photographs, and the generator then makes all
            of them alike.
        changes: drawn before, instead of by `p`.
    """
    if changes is None:
        changes = sample_changes(len(x), p, x.device)
    image, rest = x[:, :3], x[:, 3:]
    image = image + color * changes.brightness
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * (1 + color * changes.saturation)
    mean = image.mean((1, 2, 3), keepdim=True)
    image = mean + (image - mean) * (1 + color * changes.contrast)
    x = _shift(torch.cat([image, rest], 1), changes.down, changes.right)
    return _cutout(x, changes.square, changes.is_cut)


def _shift(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move each image by a fraction of its side; what comes in is the border, reflected."""
    side = x.shape[-1]
    margin = side // 8 + 1
    padded = F.pad(x, (margin,) * 4, mode="reflect")
    place = torch.arange(side, device=x.device) + margin
    row = (place + (down * side).round().long().view(-1, 1))[:, None, :, None]
    column = (place + (right * side).round().long().view(-1, 1))[:, None, None, :]
    batch = torch.arange(len(x), device=x.device)[:, None, None, None]
    channel = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
    return padded[batch, channel, row, column]


def _cutout(x: Tensor, square: Tensor, is_cut: Tensor) -> Tensor:
    """Set a square of half the side to zero in some images."""
    side = x.shape[-1]
    place = torch.arange(side, device=x.device)
    inside = (place - square * side).abs() < side / 4
    cut = inside[:, None, 0, :, None] & inside[:, None, 1, None, :]
    return x * ~(cut & is_cut)


def adapt_probability(
    p: Tensor, sign: Tensor, images: int, *, target: float = 0.6, span: int = 200_000
) -> Tensor:
    """The next probability of augmentation, raised while the discriminator overfits.

    The mean sign of its logits on real images, r_t, is 0 where it can't tell them and 1 where it
    has memorised them. Karras et al. (NeurIPS 2020, section 3) hold it at 0.6 by small steps of p.

    Args:
        p: 0-dimensional tensor. It never becomes a number, so that nothing waits for the GPU.
        sign: r_t, the mean sign over the last batches, in [-1, 1].
        images: shown since the last step.
        target: r_t that is held.
        span: images in which p can go from 0 to 1; the paper's 500,000 suit longer runs.

    Returns:
        p in [0, 0.8]: above that, changes begin to leak into what is generated.
    """
    return (p + (sign - target).sign() * images / span).clamp(0, 0.8)
