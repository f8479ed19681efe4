"""Textures of eczema: a fixed tile that the editor and the renderer cut at a random place and lay over an image.

Three channels, each in [-1, 1]. The first two hold two things, told apart by their sign, so that one channel can show
either: `relu(amount * texture)` shows what is positive where the amount is positive, and the rest where it is negative.

    0  light on the skin   + sheets of dry scale with cracks between them     - small wet highlights
    1  dark on the skin    + papules (low) and crusts (high)                  - scratches: thin, grouped, each group its way
    2  relief              brightness under light from the upper left of the skin's lines, deepened, and of the papules

Nothing here is white noise, which would glitter: structure comes from cells (Worley, SIGGRAPH 1996), from drawn lines and
from noise of a narrow band. The tile wraps around.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.resize import ALL

TILE = 512  # side of the texture tile; larger images get it enlarged, so that scale has the same size on the skin


def band(low: float, high: float, rng: torch.Generator) -> Tensor:
    """(512, 512) of noise, standard deviation 1, between `low` and `high` waves per tile."""
    fy, fx = torch.fft.fftfreq(TILE)[:, None] * TILE, torch.fft.rfftfreq(TILE)[None] * TILE
    square = fy**2 + fx**2
    keep = torch.exp(-square / high**2) - torch.exp(-square / low**2)
    noise = torch.fft.irfft2(torch.fft.rfft2(torch.randn(TILE, TILE, generator=rng)) * keep, s=(TILE, TILE))
    return noise / noise.std()


def soften(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (512, 512) that wraps around; `sigma` in pixels."""
    fy, fx = torch.fft.fftfreq(TILE)[:, None], torch.fft.rfftfreq(TILE)[None]
    return torch.fft.irfft2(torch.fft.rfft2(x) * torch.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2)), s=(TILE, TILE))


def cells(side: int, bend: float, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cells about `side` pixels wide (a divisor of 512), their borders bent by about `bend` pixels.

    Returns three (512, 512): how far the second nearest centre is beyond the nearest (0 on a border, in cells), how far
    the nearest is (in pixels), and the cell's own random number in [0, 1).
    """
    count = TILE // side
    centres = torch.rand(count, count, 2, generator=rng) * 0.9 + 0.05
    own = torch.rand(count, count, generator=rng)
    grid = torch.arange(TILE) / side
    y, x = grid[:, None] + bend / side * band(4, 24, rng), grid[None] + bend / side * band(4, 24, rng)
    row, column = y.floor().long(), x.floor().long()
    first, second, value = torch.full((TILE, TILE), 9.0), torch.full((TILE, TILE), 9.0), torch.zeros(TILE, TILE)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            at = (row + i) % count * count + (column + j) % count
            centre = centres.view(-1, 2)[at]
            far = torch.hypot(row + i + centre[..., 0] - y, column + j + centre[..., 1] - x)
            second = torch.minimum(second, torch.maximum(first, far))
            value = torch.where(far < first, own.view(-1)[at], value)
            first = torch.minimum(first, far)
    return second - first, first * side, value


def scratches(groups: int, rng: torch.Generator) -> Tensor:
    """(512, 512) in [0, 1]: groups of parallel, slightly bent, broken lines, as fingernails leave them."""
    tile = torch.zeros(TILE, TILE)
    for _ in range(groups):
        angle, y, x, curve = (torch.rand(4, generator=rng) * torch.tensor([math.pi, TILE, TILE, 0.006]) - torch.tensor([0, 0, 0, 0.003])).tolist()
        for line in range(int(torch.randint(2, 6, (), generator=rng))):
            a, b, c = torch.rand(3, generator=rng).tolist()
            half, width, shift = 14 + 30 * a, 0.7 + 0.6 * b, 7 * line + 5 * c
            reach = torch.arange(-int(half + 4), int(half + 5))
            dy, dx = reach[:, None].float(), reach[None].float()
            along, across = dx * math.cos(angle) + dy * math.sin(angle), dy * math.cos(angle) - dx * math.sin(angle)
            across = across - curve * along**2
            ends = torch.sigmoid((half - 3 - (along + half * (a - 0.5) / 2).abs()) / 2)
            stroke = ends * torch.exp(-((across / width) ** 2)) * (0.7 + 0.3 * torch.sin(along * (0.2 + 0.3 * c) + 9 * b))
            rows = (reach + int(y + shift * math.cos(angle))) % TILE
            columns = (reach + int(x - shift * math.sin(angle))) % TILE
            tile[rows[:, None], columns] = torch.maximum(tile[rows[:, None], columns], stroke)
    return tile


@lru_cache(maxsize=8)
def texture_tile(level: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """The textures, (3, 512 * 2**level, 512 * 2**level) in [-1, 1]; see the module. Every process has the same."""
    if level:
        small = F.pad(texture_tile(0, device)[None], (1, 1, 1, 1), mode="circular")  # so that the enlarged tile wraps too
        large = F.interpolate(small, scale_factor=float(2**level), mode="bilinear", align_corners=False)[0]
        return large[:, 2**level : -(2**level), 2**level : -(2**level)].contiguous()
    rng = torch.Generator().manual_seed(7)
    grain, middle, broad = band(60, 150, rng), band(16, 50, rng), band(3, 12, rng)

    # Scale: plates with cracks between them, some lost, ragged at their edges; finer ones in the gaps.
    gap, far, own = cells(16, 3.0, rng)
    fine_gap, _, fine_own = cells(8, 2.0, rng)
    there = torch.sigmoid(5 * (0.9 * broad + 0.5 * middle + 2.0 * (own - 0.5) + 0.25 * grain))
    plates = there * ((gap - 0.06) / 0.16).clamp(0, 1) * (0.55 + 0.35 * own + 0.02 * far)
    thin = torch.sigmoid(4 * (0.8 * broad + 1.5 * (fine_own - 0.5) - 0.2)) * ((fine_gap - 0.08) / 0.2).clamp(0, 1) * 0.45
    scale = (torch.maximum(plates, thin) * (1 + 0.2 * grain)).clamp(0, 1)

    # Papules and crusts: domes of varied width and height, most of them low.
    gap, far, own = cells(16, 1.5, rng)
    reach = 2.0 + 4.5 * own**2
    domes = (1 - (far / reach) ** 2).clamp(min=0) * torch.sigmoid(6 * (broad.roll(200, 0) + 0.6))
    crusts = (domes * (0.4 + 0.9 * own**2) * (1 + 0.15 * middle + 0.15 * grain)).clamp(0, 1)
    lines = scratches(60, rng)

    # Relief: furrows of two widths and the domes make a height; light from the upper left makes it bright and dark.
    narrow, wide = cells(8, 2.0, rng)[0], cells(32, 6.0, rng)[0]
    height = 0.6 * (narrow / 0.35).clamp(max=1) + 0.8 * (wide / 0.15).clamp(max=1) + 1.2 * domes.sqrt() + 0.15 * grain
    height = soften(height, 0.8)
    slope = height - height.roll((-1, -1), (0, 1))
    relief = -slope / slope.std() + 0.8 * (height - soften(height, 6)) / height.std()
    relief = relief.roll((1, 1), (0, 1)) - relief.mean()

    wet = torch.sigmoid(5 * (relief / relief.std() + 0.8 * middle - 2.6)) * torch.sigmoid(4 * (band(3, 12, rng) + 0.2))
    light = torch.where(wet > 0.3, -wet, scale)
    dark = torch.where(lines > crusts, -lines, crusts)
    return torch.stack([light, dark, (relief / (2.5 * relief.std())).clamp(-1, 1)]).to(device)


def cut_texture(offset: Tensor, height: int, width: int, window: tuple[slice, slice] = ALL) -> Tensor:
    """The texture that lies over each image.

    Args:
        offset: (B, 2) float in [0, 1): where on the tile the image's corner is, as a share of the room there is.
        height, width: the image's; textures grow with it.
        window: the part of the image that is wanted.

    Returns:
        (B, 3, height, width) in [-1, 1], or the window of it.
    """
    # The level is chosen so that the tile is always larger than the image, by an eighth at least. Beyond level 2 a tile
    # would take hundreds of megabytes: its part of the image is enlarged instead.
    level = max(0, round(math.log2(max(height, width, 1) / 320)))
    tile, more = texture_tile(min(level, 2), offset.device), 2 ** max(0, level - 2)
    tall, wide = -(-height // more), -(-width // more)
    room = offset.new_tensor([tile.shape[-1] - tall, tile.shape[-1] - wide])
    pieces = [tile[:, top : top + tall, left : left + wide] for top, left in (offset * room).long().tolist()]
    texture = pieces[0][None] if len(pieces) == 1 else torch.stack(pieces)
    if more > 1:
        texture = F.interpolate(texture, size=(height, width), mode="bilinear", align_corners=False)
    return texture[:, :, window[0], window[1]]
