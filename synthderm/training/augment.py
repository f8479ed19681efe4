"""Differentiable augmentation for discriminators (Zhao et al., NeurIPS 2020).

The same random changes are made to real and to generated images, so that a discriminator with only
a few photographs can't memorise them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def diff_augment(x: Tensor, p: float | Tensor = 0.7, *, color: float = 1.0) -> Tensor:
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
    """

    def sample(low: float, high: float) -> Tensor:
        values = torch.empty(len(x), 1, 1, 1, device=x.device).uniform_(low, high)
        is_used = torch.rand(len(x), 1, 1, 1, device=x.device) < p
        return torch.where(is_used, values, torch.zeros_like(values))

    image, rest = x[:, :3], x[:, 3:]
    image = image + color * sample(-0.4, 0.4)
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * (1 + color * sample(-0.6, 0.6))
    mean = image.mean((1, 2, 3), keepdim=True)
    image = mean + (image - mean) * (1 + color * sample(-0.4, 0.4))
    x = _shift(torch.cat([image, rest], 1), sample(-0.125, 0.125), sample(-0.125, 0.125))
    return _cutout(x, p)


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


def _cutout(x: Tensor, p: float | Tensor) -> Tensor:
    """Set a square of half the side to zero, in an image with probability p / 2."""
    count, side = len(x), x.shape[-1]
    place = torch.arange(side, device=x.device)
    centre = torch.rand(2, count, 1, device=x.device) * side
    inside = (place - centre).abs() < side / 4
    square = inside[0, :, None, :, None] & inside[1, :, None, None, :]
    is_used = torch.rand(count, 1, 1, 1, device=x.device) < p / 2
    return x * ~(square & is_used)


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
