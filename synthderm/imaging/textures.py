"""Textures of eczema: a fixed tile that the editor and the renderer cut at a random place and lay
over an image.

Three channels, each in [-1, 1]. The first two hold two things, told apart by their sign, so that
one channel can show
either: `relu(amount * texture)` shows what is positive where the amount is positive, and the rest
where it is negative.

    0  light on the skin   + sheets of dry scale with cracks between them     - small wet highlights
    1  dark on the skin    + papules (low) and crusts (high)                  - scratches: thin,
    grouped, each group its way 2  relief              brightness under light from the upper left of
    the skin's lines, deepened, and of the papules

Nothing here is white noise, which would glitter: structure comes from cells (Worley, SIGGRAPH
1996), from drawn lines and from noise of a narrow band. The tile wraps around.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.resize import ALL

TILE = 512  # side of the texture tile; larger images get it enlarged, so that scale has the same size on the skin


def band(low: float, high: float, rng: torch.Generator) -> Tensor:
    """(512, 512) of noise, standard deviation 1, between `low` and `high` waves per tile."""
    fy, fx = torch.fft.fftfreq(TILE)[:, None] * TILE, torch.fft.rfftfreq(TILE)[None] * TILE
    square = fy**2 + fx**2
    keep = torch.exp(-square / high**2) - torch.exp(-square / low**2)
    noise = torch.fft.irfft2(
        torch.randn(keep.shape, dtype=torch.cfloat, generator=rng) * keep, s=(TILE, TILE)
    )
    return noise / noise.std()


def soften(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (512, 512) that wraps around; `sigma` in pixels."""
    fy, fx = torch.fft.fftfreq(TILE)[:, None], torch.fft.rfftfreq(TILE)[None]
    return torch.fft.irfft2(
        torch.fft.rfft2(x) * torch.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2)),
        s=(TILE, TILE),
    )


def cells(side: int, bend: float, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cells about `side` pixels wide (a divisor of 512), their borders bent by about `bend` pixels.

    Returns three (512, 512): how far the second nearest centre is beyond the nearest (0 on a
    border, in cells), how far the nearest is (in pixels), and the cell's own random number in [0,
    1).
    """
    count = TILE // side
    table = torch.rand(
        count * count, 3, generator=rng
    )  # where in its square each cell has its centre, and its own number
    grid = torch.arange(TILE) / side
    y, x = (
        grid[:, None] + bend / side * band(4, 24, rng),
        grid[None] + bend / side * band(4, 24, rng),
    )
    row, column = y.floor().int(), x.floor().int()
    first, second, value = (
        torch.full((TILE, TILE), 9.0),
        torch.full((TILE, TILE), 9.0),
        torch.zeros(TILE, TILE),
    )
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            at = ((row + i) % count * count + (column + j) % count).flatten()
            down, right, own = table.index_select(0, at).view(TILE, TILE, 3).unbind(2)
            far = ((row + i - y + down).square_() + (column + j - x + right).square_()).sqrt_()
            second = torch.minimum(second, torch.maximum(first, far))
            value = torch.where(far < first, own, value)
            first = torch.minimum(first, far)
    return second - first, first * side, value


def scratches(groups: int, rng: torch.Generator) -> Tensor:
    """(512, 512) in [0, 1]: groups of a few roughly parallel, bent, broken lines, as fingernails
    leave them."""
    tile = torch.zeros(TILE, TILE)
    for _ in range(groups):
        angle, y, x = (torch.rand(3, generator=rng) * torch.tensor([math.pi, TILE, TILE])).tolist()
        shift = 0.0
        for _ in range(int(torch.randint(1, 5, (), generator=rng))):
            a, b, c, d, e = torch.rand(5, generator=rng).tolist()
            half, width, shift, turn = (
                12 + 32 * a,
                0.7 + 0.7 * b,
                shift + 4 + 9 * c,
                angle + 0.3 * (d - 0.5),
            )
            reach = torch.arange(-int(half + 8), int(half + 9))
            dy, dx = reach[:, None].float(), reach[None].float()
            along, across = (
                dx * math.cos(turn) + dy * math.sin(turn),
                dy * math.cos(turn) - dx * math.sin(turn),
            )
            across = (
                across - 0.012 * (e - 0.5) * along**2 - 0.6 * torch.sin(along * (0.2 + 0.2 * c))
            )
            # Beaded: a scratch bleeds and dries in points, and thins out towards its ends.
            beads = (
                0.6
                + 0.6 * torch.sin(along * (0.35 + 0.4 * d) + 9 * b)
                + 0.3 * torch.sin(along * 0.17 + 9 * e)
            ).clamp(0, 1)
            stroke = (
                (1 - (along / half).abs()).clamp(min=0).sqrt()
                * torch.exp(-((across / width) ** 2))
                * (0.45 + 0.55 * beads)
            )
            rows = (
                reach + int(y + shift * math.cos(angle) + 20 * (a - 0.5) * math.sin(angle))
            ) % TILE
            columns = (
                reach + int(x - shift * math.sin(angle) + 20 * (a - 0.5) * math.cos(angle))
            ) % TILE
            tile[rows[:, None], columns] = torch.maximum(tile[rows[:, None], columns], stroke)
    return tile


def furrows(waves: tuple[int, int], bend: Tensor, width: float) -> Tensor:
    """(512, 512) in [0, 1], 0 in the grooves: bent parallel grooves, `waves` of them down and
    across the tile."""
    grid = torch.arange(TILE) / TILE
    phase = math.pi * (waves[0] * grid[:, None] + waves[1] * grid[None] + bend)
    return (phase.sin().abs() / width).clamp(max=1)


def lit(height: Tensor) -> Tensor:
    """How bright a height of (512, 512) is under light from the upper left, mean 0 and standard
    deviation 1."""
    slope = (height - height.roll((-1, -1), (0, 1)) + height.roll((1, 1), (0, 1)) - height) / -2
    return (slope - slope.mean()) / slope.std()


@lru_cache(maxsize=8)
def texture_tile(level: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """The textures, (3, 512 * 2**level, 512 * 2**level) in [-1, 1]; see the module. Every process
    has the same."""
    if level:
        small = F.pad(
            texture_tile(0, device)[None], (1, 1, 1, 1), mode="circular"
        )  # so that the enlarged tile wraps too
        large = F.interpolate(
            small, scale_factor=float(2**level), mode="bilinear", align_corners=False
        )[0]
        return large[:, 2**level : -(2**level), 2**level : -(2**level)].contiguous()
    rng = torch.Generator().manual_seed(7)
    grain, middle, broad = band(60, 150, rng), band(16, 50, rng), band(3, 12, rng)

    # Scale: plates that are brightest where their rim curls up to the light, cracks between them,
    # some lost, ragged at their edges; finer ones in the gaps.
    gap, _, own = cells(16, 3.0, rng)
    fine_gap, _, fine_own = cells(8, 2.0, rng)
    there = torch.sigmoid(4 * (0.9 * broad + 0.6 * middle + 1.6 * (own - 0.5) + 0.3 * grain))
    curl = lit(soften((gap / 0.3).clamp(max=1), 0.7)).clamp(0, 2)
    plates = there * ((gap - 0.04) / 0.14).clamp(0, 1) * (0.3 + 0.3 * own + 0.25 * curl)
    thin = (
        torch.sigmoid(4 * (0.8 * broad + 1.2 * (fine_own - 0.5) + 0.1))
        * ((fine_gap - 0.05) / 0.2).clamp(0, 1)
        * 0.3
    )
    scale = (torch.maximum(plates, thin) * (1 + 0.25 * grain + 0.15 * middle)).clamp(0, 1)

    # Papules and crusts: domes of varied width and height, most of them low; a few wide, cracked
    # crusts, dark in the middle.
    _, far, own = cells(16, 2.0, rng)
    domes = (1 - (far / (2.0 + 4.5 * own**2)) ** 2).clamp(min=0) * torch.sigmoid(
        5 * (band(3, 12, rng) + 0.5)
    )
    _, wide, which = cells(64, 6.0, rng)
    clods = (
        (1.2 - wide / (5 + 16 * which) + 0.15 * middle).clamp(0, 1)
        * (0.6 + 0.4 * (fine_gap / 0.2).clamp(max=1))
        * (which > 0.4)
    )
    dark = torch.maximum(domes * (0.35 + 0.9 * own**2), clods) * (1 + 0.15 * middle + 0.1 * grain)
    lines = scratches(70, rng)

    # Relief: two sets of grooves that cross, as skin's lines do, finer ones between them, and the
    # domes.
    bend = 0.5 * band(2, 10, rng) + 0.25 * band(8, 24, rng)
    coarse = furrows((26, 14), bend, 0.45) * furrows(
        (-12, 30), 0.5 * band(2, 10, rng) + 0.25 * middle, 0.45
    )
    height = coarse + 0.35 * (fine_gap / 0.3).clamp(max=1) + 0.06 * grain + 1.6 * domes.sqrt()
    height = soften(height, 0.7)
    relief = lit(height) + 0.8 * (height - soften(height, 6)) / height.std()

    wet = soften(
        ((lit(soften(band(14, 60, rng) + 0.5 * coarse, 1.0)) - 1.3) / 1.2).clamp(0, 1), 0.5
    ) * torch.sigmoid(4 * (broad.roll(100, 1) + 0.5))
    light = scale - (scale + 1) * (1.3 * wet).clamp(max=1)
    dark = torch.where(lines > dark, -lines, dark)
    return torch.stack(
        [light.clamp(-1, 1), dark.clamp(-1, 1), (relief / (2.5 * relief.std())).clamp(-1, 1)]
    ).to(device)


def cut_texture(
    offset: Tensor, height: int, width: int, window: tuple[slice, slice] = ALL
) -> Tensor:
    """The texture that lies over each image.

    Args:
        offset: (B, 2) float in [0, 1): where on the tile the image's corner is, as a share of the
            room there is.
        height, width: the image's; textures grow with it.
        window: the part of the image that is wanted.

    Returns:
        (B, 3, height, width) in [-1, 1], or the window of it.
    """
    # The level is chosen so that the tile is always larger than the image, by an eighth at least.
    # Beyond level 2 a tile would take hundreds of megabytes: its part of the image is enlarged
    # instead.
    level = max(0, round(math.log2(max(height, width, 1) / 320)))
    tile, more = texture_tile(min(level, 2), offset.device), 2 ** max(0, level - 2)
    tall, wide = -(-height // more), -(-width // more)
    room = offset.new_tensor([tile.shape[-1] - tall, tile.shape[-1] - wide])
    pieces = [
        tile[:, top : top + tall, left : left + wide]
        for top, left in (offset * room).long().tolist()
    ]
    texture = pieces[0][None] if len(pieces) == 1 else torch.stack(pieces)
    if more > 1:
        texture = F.interpolate(texture, size=(height, width), mode="bilinear", align_corners=False)
    return texture[:, :, window[0], window[1]]
