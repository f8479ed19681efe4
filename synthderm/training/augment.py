"""Differentiable augmentation for discriminators (Zhao et al., NeurIPS 2020): the same random
changes on real and on generated images, so that a discriminator that has only a few photographs
can't learn them by heart."""

import torch
import torch.nn.functional as F
from torch import Tensor


def adapt(p: Tensor, sign: Tensor, images: int, target: float = 0.6, span: int = 200_000) -> Tensor:
    """The next probability of augmentation, raised while the discriminator is too sure of its
    photographs.

    The mean sign of its verdicts on real images is 0 where it can't tell them and 1 where it has
    learnt them by heart. Karras et al. (NeurIPS 2020, section 3) hold it at 0.6 by small steps of
    p.

    Args:
        p: 0-dimensional tensor; so that nothing waits for the GPU, it never becomes a number.
        sign: mean sign over the last batches, in [-1, 1].
        images: shown since the last step.
        span: images in which p can go from 0 to 1; the paper's 500,000 suit longer runs.

    Returns:
        p in [0, 0.8]: above that, changes begin to leak into what is generated.
    """
    return (p + (sign - target).sign() * images / span).clamp(0, 0.8)


def diff_augment(x: Tensor, p: float | Tensor = 0.7, colour: float = 1.0) -> Tensor:
    """Random brightness, saturation, contrast, shift and cut-out.

    Each change is applied to an image with probability `p` alone: as long as p < 1 the generator
    can't take an augmented look for the real one, so the changes don't leak into what it makes
    (Karras et al., NeurIPS 2020).

    Args:
        x: (B, C, S, S) in [-1, 1]; colour changes touch the first three channels, the mask (if any)
            moves along.
        p: probability of each change per image.
        colour: weight of the three changes of colour. A discriminator that sees them is a poor
            judge of how much light and skin differ between photographs, and the generator then
            makes all of them alike.
    """
    size, device = len(x), x.device

    def draw(low: float, high: float) -> Tensor:
        values = torch.empty(size, 1, 1, 1, device=device).uniform_(low, high)
        return torch.where(
            torch.rand(size, 1, 1, 1, device=device) < p, values, torch.zeros_like(values)
        )

    image, rest = x[:, :3], x[:, 3:]
    image = image + colour * draw(-0.4, 0.4)
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * (1 + colour * draw(-0.6, 0.6))
    mean = image.mean((1, 2, 3), keepdim=True)
    image = mean + (image - mean) * (1 + colour * draw(-0.4, 0.4))
    return _cutout(_shift(torch.cat([image, rest], 1), draw(-0.125, 0.125), draw(-0.125, 0.125)), p)


def _shift(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Moves each image by a fraction of its side; what comes in is the border, reflected."""
    side = x.shape[-1]
    margin = side // 8 + 1
    padded = F.pad(x, (margin,) * 4, mode="reflect")
    rows = torch.arange(side, device=x.device) + margin
    row = (rows + (down * side).round().long().view(-1, 1))[:, None, :, None]
    column = (rows + (right * side).round().long().view(-1, 1))[:, None, None, :]
    batch = torch.arange(len(x), device=x.device)[:, None, None, None]
    channel = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
    return padded[batch, channel, row, column]


def _cutout(x: Tensor, p: float) -> Tensor:
    """Sets a square of half the side to zero."""
    size, side = len(x), x.shape[-1]
    at = torch.arange(side, device=x.device)
    centre = torch.rand(2, size, 1, device=x.device) * side
    inside = (at - centre).abs() < side / 4
    box = inside[0, :, None, :, None] & inside[1, :, None, None, :]
    used = torch.rand(size, 1, 1, 1, device=x.device) < p / 2
    return x * ~(box & used)
