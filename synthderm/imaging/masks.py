"""Masks: where skin is, and random lesion shapes on it. Masks are bool (B, 1, H, W), True inside.

Everything is drawn on a small grid and enlarged, so a mask costs well under a millisecond whatever
the image's size.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from synthderm.determinism import usual_torch
from synthderm.imaging.color import FLOOR
from synthderm.imaging.resize import enlarge

SIDE = 64  # of the grid on which masks are drawn
# Skin is redder than this: three times the green density plus the blue one, both above the red one.
# It leaves out 99.9% of the backgrounds of hands photographed indoors, where the 1% of close-ups of
# skin with the least colour are as grey.
SKIN_COLOUR = 0.18
DARKEST = 12 / 255  # the least red of skin: below, colours are the camera's noise
LONGEST = 4.0  # times as long as wide: a band along a finger or in the bend of an elbow


def skin_region(images: Tensor) -> Tensor:
    """Where images show skin; nowhere, where their colours do not tell.

    Melanin and haemoglobin absorb blue more than red, whatever their amount, so skin of every tone
    has a blue optical density above its red one; white, grey and blue backgrounds do not. The
    threshold is Otsu's (IEEE SMC 9, 1979) on that difference, used only where it parts the picture
    into two clearly different sides; a close-up is all skin.

    Paper in the light of a lamp is a little warm, too, so what was found is skin only if its mean
    colour is (`SKIN_COLOUR`). A picture without colour, of skin or of paper, has no skin region.

    Args:
        images: (B, 3, H, W), float in [0, 1].

    Returns:
        (B, 1, H, W) bool.
    """
    # In numpy, whose calls cost a fraction of torch's on so few numbers.
    pixels = images.detach().float().cpu().flatten(2).numpy()
    red, blue = pixels[:, 0], pixels[:, 2]
    warmth = np.log(np.maximum(red, FLOOR) / np.maximum(blue, FLOOR))  # blue density above red
    warmth = warmth.clip(-1, 1.99)
    skin = np.empty(warmth.shape, bool)
    for colours, values, is_skin in zip(pixels, warmth, skin):
        threshold, below, above = _otsu(values)
        two_sided = above - below > 0.2 and below < 0.15
        np.greater(values, threshold if two_sided else 0.0, out=is_skin)
        if not _is_skin_colour(colours @ is_skin.astype(np.float32), int(is_skin.sum())):
            is_skin[:] = False
    return torch.from_numpy(skin).view_as(images[:, :1]).to(images.device)


def _is_skin_colour(total: NDArray[Any], count: int) -> bool:
    """Whether pixels may be skin by their mean colour.

    Args:
        total: (3,) sum of their red, green and blue.
        count: their number.
    """
    red, green, blue = (total / max(1, count)).tolist()
    if red < DARKEST:
        return False
    # Blood takes green from the light that skin returns. A lamp's warm light takes mostly blue.
    green_density, blue_density = (math.log(red / max(c, FLOOR)) for c in (green, blue))
    return 3 * green_density + blue_density > SKIN_COLOUR


def _otsu(values: NDArray[Any], bins: int = 64) -> tuple[float, float, float]:
    """Otsu's threshold of (N,) values in [-1, 2), the cut with the largest between-class variance,
    and the means of the values below and above it."""
    index = ((values + 1) * (bins / 3)).astype(np.intp)
    weight = np.bincount(index, minlength=bins).cumsum()
    total = np.bincount(index, values, bins).cumsum()
    rest = (weight[-1] - weight).clip(1)
    below, above = total / weight.clip(1), (total[-1] - total) / rest
    cut = (weight * rest * (above - below) ** 2).argmax()
    return (cut + 1) * (3 / bins) - 1, below[cut], above[cut]


Octaves = tuple[tuple[int, float], ...]  # (cells across, amplitude) each


@lru_cache(maxsize=8)
@usual_torch()
def _noise_basis(side: int, fields: tuple[Octaves, ...]) -> tuple[Tensor, Tensor]:
    """For fields that are sums of octaves: the matrix that enlarges the noise of all octaves at
    once, (side, sum of the cells), and the amplitudes as a block-diagonal mask over white noise,
    (fields, cells, cells)."""
    sizes = sorted({cells for octaves in fields for cells, _ in octaves})
    eyes = [torch.eye(cells, dtype=torch.float32)[:, None] for cells in sizes]
    parts = [enlarge(eye, 1, side, kind="cubic")[:, 0].T for eye in eyes]
    amplitudes = []
    for octaves in fields:
        # The interpolation averages neighbours, which lowers the deviation; 0.8 makes up for it.
        by_cells = {cells: amplitude / 0.8 for cells, amplitude in octaves}
        ones = [torch.ones(cells, cells, dtype=torch.float32) for cells in sizes]
        blocks = [one * by_cells.get(cells, 0.0) for one, cells in zip(ones, sizes)]
        amplitudes.append(torch.block_diag(*blocks))
    return torch.cat(parts, dim=1), torch.stack(amplitudes)


def smooth_fields(
    count: int, side: int, *octaves: Octaves, generator: torch.Generator | None = None
) -> Tensor:
    """Smooth noise on the CPU: (count, fields, side, side), each field a sum of octaves.

    Args:
        octaves: for each field pairs (cells, amplitude): noise whose features are `side / cells`
            wide, of about that standard deviation.
    """
    matrix, amplitude = _noise_basis(side, octaves)
    noise = torch.randn(count, *amplitude.shape, generator=generator, dtype=torch.float32)
    return matrix @ (noise * amplitude @ matrix.T)


def sample_masks(
    size: Sequence[int],
    coverage: Tensor,
    skin: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Random lesion masks: a patch, or a few, with ragged borders.

    A rough field (noise of three octaves that falls off from a random place) is cut at the height
    that leaves the share asked for, on a 64 px grid; the smooth field, not the mask, is enlarged,
    so borders are smooth at any size. It falls off evenly, or faster to two sides, at a random
    angle: eczema comes as round patches and as bands in the folds of skin.

    Args:
        size: (H, W).
        coverage: (B,) float in (0, 1], share of the skin that the mask should cover.
        skin: (B, 1, 64, 64) bool, where a lesion may be; everywhere where None. An empty one gives
            an empty mask.
        generator: random numbers; torch's global ones where None.

    Returns:
        (B, 1, H, W) bool, on the CPU.
    """
    count, side = len(coverage), SIDE
    # In numpy, whose calls cost a fraction of torch's on so few numbers.
    octaves = ((4, 1.0), (10, 0.4), (26, 0.15))
    fields = smooth_fields(count, side, octaves, generator=generator)[:, 0].numpy()
    chances = torch.rand(count, 3, generator=generator, dtype=torch.float32).tolist()
    allowed = np.ones((count, side, side), bool) if skin is None else skin[:, 0].cpu().numpy()
    heights = np.full((count, side, side), -3.0, np.float32)
    for row, ((place, stretch, turn), share) in enumerate(zip(chances, coverage.tolist())):
        cells = np.flatnonzero(allowed[row])
        if len(cells) == 0:
            continue
        # The centre is a random allowed cell; the further from it, the lower the field.
        centre = divmod(int(cells[int(place * len(cells))]), side)
        distance = _distance(side, centre, LONGEST**stretch, math.pi * turn)
        field = fields[row] - distance * np.float32(2.5 / side / share**0.5)
        height = field - _threshold(field.ravel()[cells], share)
        np.clip(height, -3, 3, out=heights[row], where=allowed[row])
    return enlarge(torch.from_numpy(heights)[:, None], *size) > 0


def _threshold(values: NDArray[Any], share: float) -> float:
    """The value above which a share of (N,) values lie; one below all of them for the whole."""
    count = round(share * len(values))
    if count == len(values):
        return -50.0
    place = len(values) - 1 - count
    return np.partition(values, place)[place]


def _distance(
    side: int, centre: tuple[int, int], stretch: float, angle: float
) -> NDArray[np.float32]:
    """(side, side): the distance of each cell from the one at `centre`, row and column. Points of
    one distance lie on an ellipse, `stretch` times as long as wide, that is turned by `angle`."""
    steps = np.arange(side, dtype=np.float32)
    down, across = (steps - centre[0])[:, None], (steps - centre[1])[None, :]
    along = (math.cos(angle) * across + math.sin(angle) * down) * np.float32(stretch**-0.5)
    beside = (math.cos(angle) * down - math.sin(angle) * across) * np.float32(stretch**0.5)
    return np.sqrt(along * along + beside * beside)  # a quarter of the time of np.hypot


def clear_windows(
    blocked: Tensor, skin: Tensor, side: int, *, stride: int = 1, min_skin: float = 0.9
) -> Tensor:
    """Which square windows of an image hold skin and nothing that is blocked.

    Args:
        blocked: (1, H, W) float, above 0 where no window may be, as on a lesion.
        skin: (1, H, W) float in [0, 1].
        side: of a window, in pixels.
        stride: pixels from one window to the next.
        min_skin: the share of a window that has to be more than this.

    Returns:
        (H', W') bool; entry (i, j) is the window whose corner is at (i * stride, j * stride).
    """
    is_free = F.max_pool2d(blocked[None], side, stride) == 0
    is_skin = F.avg_pool2d(skin[None], side, stride) > min_skin
    return (is_free & is_skin)[0, 0]
