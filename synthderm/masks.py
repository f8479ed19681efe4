"""Masks: where skin is, and random lesion shapes on it. Masks are bool (B, 1, H, W), True inside.

Everything is drawn on a small grid and enlarged, so a mask costs well under a millisecond whatever the image's size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.color import to_density


def skin_region(image: Tensor) -> Tensor:
    """Where an image shows skin.

    Melanin and haemoglobin absorb blue more than red, whatever their amount, so skin of every tone has a blue optical
    density above its red one; white, grey and blue backgrounds do not. The threshold is Otsu's (IEEE SMC 9, 1979) on
    that difference, used only where it parts the picture into two clearly different sides; a close-up is all skin.

    Args:
        image: (B, 3, H, W), float in [0, 1].

    Returns:
        (B, 1, H, W) bool.
    """
    density = to_density(image)
    warmth = (density[:, 2] - density[:, 0]).clamp(-1, 2)
    threshold = _otsu(warmth.flatten(1))[:, None, None]
    skin = warmth > threshold
    count = skin.sum((1, 2)).clamp_min(1)
    rest = (~skin).sum((1, 2)).clamp_min(1)
    gap = (warmth * skin).sum((1, 2)) / count - (warmth * ~skin).sum((1, 2)) / rest
    cold = (warmth * ~skin).sum((1, 2)) / rest < 0.15
    two_sided = (gap > 0.2) & cold
    return torch.where(two_sided[:, None, None], skin, warmth > 0.0)[:, None]


def _otsu(values: Tensor, bins: int = 64) -> Tensor:
    """Otsu's threshold of each row of (B, N) values in [-1, 2]: the cut with the largest between-class variance."""
    index = ((values + 1) / 3 * bins).long().clamp(0, bins - 1)
    histogram = torch.zeros(len(values), bins, device=values.device)
    histogram.scatter_add_(1, index, torch.ones_like(values))
    centre = (torch.arange(bins, device=values.device) + 0.5) / bins * 3 - 1
    weight = histogram.cumsum(1)
    mean = (histogram * centre).cumsum(1)
    total, total_mean = weight[:, -1:], mean[:, -1:]
    between = (total_mean * weight - mean * total) ** 2 / (weight * (total - weight)).clamp_min(1e-6)
    return centre[between.argmax(1)] + 1.5 / bins
