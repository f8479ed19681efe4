"""The tile of heights: what is crisp about drawn eczema, fixed and the same in every process.

A sign shows on a pixel where its level, a smooth map, lifts the tile's height above zero. So a
smooth level gives ragged borders, islands and satellites, more and larger papules, wider sheets of
scale, at any size of image. There are six tiles: fine, middle and coarse signs, each dry
(scratches, scale) and wet (crusts, highlights). Each has five channels, `COVERS`:

    plaque     noise of many scales and round spots; mean 0, standard deviation 1
    papules    domes, in groups                                             these four in [-1, 0]:
    wounds     scratches in groups, most on dry tiles; crusts, on wet ones  highest where the sign
    scale      torn sheets of plates with cracks; or small highlights       shows first
    lines      the skin's ridges between crossing furrows

The tiles wrap around. Cells are after Worley (SIGGRAPH 1996).
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.determinism import usual_torch
from synthderm.imaging.resize import ALL
from synthderm.imaging.tile_parts import (
    TILE,
    noise,
    plates,
    scattered_domes,
    skin_lines,
    smooth,
    strokes,
)

COVERS = ("plaque", "papules", "wounds", "scale")
SIZES = (0.7, 1.0, 1.6)  # of the signs: fine, middle, coarse; how near the camera is
TILES = 2 * len(SIZES)
# Standard deviation in pixels of the blur of all heights. With it the edited skin has as much power
# at the scale of 2 to 7 pixels as inflamed skin has in photographs; without it 6 dB more.
SOFTNESS = 1.0
PEAKS = 0.98  # the share of heights below those that keep theirs when blurred
MAX_LEVEL = 2  # doublings of a tile that are kept
# Tiles are kept as bytes; a step is too small to see.
STEPS = (1 / 31, 1 / 127, 1 / 127, 1 / 127)


def is_wet(tiles: Tensor) -> Tensor:
    """Whether tiles, by their number, are of wet signs."""
    return tiles % 2 == 1


@lru_cache(maxsize=3 * TILES)
@usual_torch()
def height_tile(number: int, level: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """A tile, (4, 512 * 2**level, 512 * 2**level) int8, in units of `STEPS`.

    Args:
        number: 0 to 5: size (fine, middle, coarse) times two, plus one for wet signs.
        level: how many times it is doubled, for larger images.
        device: where it is kept.
    """
    heights = _heights(number)[None]
    if level:
        # Padded, so that the enlarged tile wraps around too.
        heights = F.pad(heights, (1, 1, 1, 1), mode="circular")
        times = 2**level
        heights = F.interpolate(
            heights, scale_factor=float(times), mode="bilinear", align_corners=False
        )
        heights = heights[:, :, times:-times, times:-times]
    steps = torch.tensor(STEPS, dtype=torch.float32).view(-1, 1, 1)
    return (heights[0] / steps).round().clamp(-127, 127).to(torch.int8).to(device)


def cut_heights(
    offset: Tensor,
    tiles: Tensor,
    height: int,
    width: int,
    window: tuple[slice, slice] = ALL,
) -> Tensor:
    """The part of its tile that lies over each image.

    Args:
        offset: (B, 2) float in [0, 1): where on the tile the image's corner is, as a share of the
            places that it can have.
        tiles: (B,) int64, which tile.
        height, width: the image's; signs double in size at 453 px and again at 906 px, and so on.
        window: the part of the image that is wanted.

    Returns:
        (B, 4, height, width) float in units of `STEPS`, or the window of it.
    """
    # A level at which the tile is larger than the image by an eighth at least. Beyond the last one
    # the part of the tile is enlarged instead.
    level = max(0, round(math.log2(max(height, width, 1) / 320)))
    times = 2 ** max(0, level - MAX_LEVEL)
    level, rows, columns = min(level, MAX_LEVEL), -(-height // times), -(-width // times)
    side = TILE * 2**level
    corners = (offset * offset.new_tensor([side - rows, side - columns])).long().tolist()
    parts = []
    for (top, left), number in zip(corners, tiles.tolist()):
        part = height_tile(number, level, offset.device)[:, top : top + rows, left : left + columns]
        parts.append(part if times > 1 else part[:, window[0], window[1]])
    heights = (parts[0][None] if len(parts) == 1 else torch.stack(parts)).to(torch.float32)
    if times > 1:
        heights = F.interpolate(heights, size=(height, width), mode="bilinear", align_corners=False)
        heights = heights[:, :, window[0], window[1]]
    return heights


def _heights(number: int) -> Tensor:
    """(4, 512, 512) float, `COVERS`."""
    rng, size, wet = torch.Generator().manual_seed(11 + number), SIZES[number // 2], number % 2
    plate = (16, 16, 32)[number // 2]
    groups = noise(2, 9, rng)
    # The plaque breaks up into noise of many scales and into round spots, as papules run together.
    spots = scattered_domes(round(1300 / size**2), (2.5 * size, 9.0 * size), groups, rng)
    spots = smooth(spots, 1.2 * size)
    ragged = noise(10 / size, 170 / size, rng, 1.4) + 0.8 * (spots - spots.mean()) / spots.std()
    domes = scattered_domes(round(1200 / size**2), (2.0 * size, 6.5 * size), groups, rng)
    domes = smooth(domes, 0.6 * size)
    skin = skin_lines(9.0 * size, rng)
    flakes = _glints(plate, skin, domes, rng) if wet else _flakes(plate, rng)
    wounds = _wounds(plate // 2, size, bool(wet), groups, rng)
    ragged = smooth(ragged, SOFTNESS)
    signs = torch.stack([_soften(height.clamp(0, 1)) for height in (domes, wounds, flakes)]) - 1
    return torch.cat([(ragged / ragged.std())[None], signs])


def _soften(height: Tensor) -> Tensor:
    """Heights (512, 512) in [0, 1] blurred, and raised again so that as much stands out."""
    soft = smooth(height, SOFTNESS)
    high = torch.tensor([PEAKS], dtype=torch.float32)
    return (soft * (height.quantile(high) / soft.quantile(high))).clamp(0, 1)


def _wounds(plate: int, size: float, wet: bool, groups: Tensor, rng: torch.Generator) -> Tensor:
    """Crusts, cracked and ragged, most on wet tiles, and scratches, most on dry ones."""
    border, _ = plates(plate, rng)
    count, largest = (190, 11) if wet else (70, 6)
    clods = scattered_domes(round(count / size**2), (2.5 * size, largest * size), groups, rng)
    cracks = 0.7 + 0.3 * (border / 0.15).clamp_max(1)
    crusts = clods * (1 + 0.2 * noise(20, 130, rng)) * cracks
    return torch.maximum(crusts, strokes(round((20 if wet else 110) / size), size, rng))


def _flakes(plate: int, rng: torch.Generator) -> Tensor:
    """Torn sheets of plates that curl up at their rim, with cracks between them."""
    wide, wide_number = plates(plate, rng)
    fine, fine_number = plates(plate // 2, rng)
    rim = torch.exp(-(((wide - 0.25) / 0.12) ** 2)) * (0.4 + 0.6 * wide_number)
    rim = rim + 0.5 * torch.exp(-(((fine - 0.2) / 0.12) ** 2)) * fine_number
    torn = 0.45 + 0.17 * noise(4, 90, rng, 1.2) + 0.07 * noise(60, 170, rng)
    plates_only = 0.16 * (wide_number - 0.5) + 0.1 * (fine_number - 0.5)
    flakes = (torn + plates_only + 0.12 * rim) * (0.4 + 0.6 * (wide / 0.12).clamp_max(1))
    return smooth(flakes, 0.45)


def _glints(plate: int, skin: Tensor, domes: Tensor, rng: torch.Generator) -> Tensor:
    """Small highlights on the flanks of the skin's ridges towards the light, and little scale."""
    bumps = smooth(skin + 0.5 * noise(30, 110, rng) + domes, 0.8)
    slope = bumps - bumps.roll((-1, -1), (0, 1))
    glints = 0.16 * slope / slope.std() + 0.1 * noise(4, 24, rng) + 0.12
    return smooth(torch.maximum(_flakes(plate, rng) - 0.25, glints), 0.45)
