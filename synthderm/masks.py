"""Masks: where skin is, and random lesion shapes on it. Masks are bool (B, 1, H, W), True inside.

Everything is drawn on a small grid and enlarged, so a mask costs well under a millisecond whatever the image's size.
"""

import torch
from torch import Tensor

from synthderm.color import to_density
from synthderm.resize import enlarge


def skin_region(image: Tensor) -> Tensor:
    """Where an image shows skin.

    Melanin and haemoglobin absorb blue more than red, whatever their amount, so skin of every tone has a blue optical
    density above its red one; white, grey and blue backgrounds do not. The threshold is Otsu's (IEEE SMC 9, 1979) on
    that difference, used only where it parts the picture into two clearly different sides; a close-up is all skin, and so
    is a picture without colour.

    Args:
        image: (B, 3, H, W), float in [0, 1].

    Returns:
        (B, 1, H, W) bool.
    """
    density = to_density(image[:, ::2])
    warmth = (density[:, 1] - density[:, 0]).clamp(-1, 2)
    threshold = _otsu(warmth.flatten(1))[:, None, None]
    skin = warmth > threshold
    count = skin.sum((1, 2)).clamp_min(1)
    rest = (~skin).sum((1, 2)).clamp_min(1)
    gap = (warmth * skin).sum((1, 2)) / count - (warmth * ~skin).sum((1, 2)) / rest
    cold = (warmth * ~skin).sum((1, 2)) / rest < 0.15
    two_sided = (gap > 0.2) & cold
    grey = warmth.abs().amax((1, 2)) < 0.02  # without colour, nothing tells skin from the rest
    return (torch.where(two_sided[:, None, None], skin, warmth > 0.0) | grey[:, None, None])[:, None]


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


def smooth_noise(count: int, side: int, cells: int, generator: torch.Generator | None = None) -> Tensor:
    """(count, side, side) of about standard normal noise whose features are `side / cells` pixels wide, on the CPU."""
    noise = torch.randn(count, 1, cells, cells, generator=generator)
    noise = enlarge(noise, side, side, kind="cubic")[:, 0]
    return noise / 0.8  # the interpolation averages neighbours, which lowers the spread


def random_mask(size: tuple[int, int], coverage: Tensor, skin: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
    """Random lesion masks: a patch, or a few, with ragged borders.

    A rough field (noise of three octaves that falls off from a random place) is cut at the height that leaves the
    share asked for, on a 64 px grid; the smooth field, not the mask, is enlarged, so borders are smooth at any size.

    Args:
        size: (H, W).
        coverage: (B,) float in (0, 1], share of the skin that the mask should cover.
        skin: (B, 1, 64, 64) bool, where a lesion may be; everywhere where None. An empty one gives an empty mask.
        generator: random numbers; torch's global ones where None.

    Returns:
        (B, 1, H, W) bool, on the CPU.
    """
    count, side = len(coverage), 64
    field = smooth_noise(count, side, 4, generator) + 0.4 * smooth_noise(count, side, 10, generator)
    field = field + 0.15 * smooth_noise(count, side, 26, generator)
    allowed = torch.ones(count, side, side, dtype=torch.bool) if skin is None else skin[:, 0].cpu()
    flat = allowed.flatten(1)
    # The centre is a random allowed cell: the largest of random numbers where allowed.
    cell = torch.where(flat, torch.rand(flat.shape, generator=generator), -1.0).argmax(1)
    grid = torch.arange(side)
    distance = ((grid[:, None] - (cell // side)[:, None, None]) ** 2 + (grid[None, :] - (cell % side)[:, None, None]) ** 2).float()
    field = field - 2.5 * distance.sqrt() / side / coverage.view(-1, 1, 1).sqrt()
    cells = torch.where(flat, field.flatten(1), -torch.inf)
    want = ((coverage * flat.sum(1)).round().long() + 1).clamp(1, side * side)
    # The want-th largest number of each row; one row needs no sorting.
    if count == 1:
        threshold = cells.kthvalue(side * side + 1 - int(want), dim=1, keepdim=True).values
    else:
        threshold = cells.sort(1, descending=True).values.gather(1, want[:, None] - 1)
    field = torch.where(allowed, field - threshold.clamp(min=-1e4)[:, :, None], -10.0)[:, None].clamp(-3, 3)
    mask = enlarge(field, *size) > 0
    return mask & flat.any(1).view(-1, 1, 1, 1)
