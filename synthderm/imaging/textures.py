"""Textures of eczema: a fixed tile, of which a random part is laid over an image.

It has three channels, each in [-1, 1]. The first two hold two things each, told apart by their
sign: `relu(amount * texture)` shows what is positive where the amount is positive, and what is
negative where the amount is negative.

    0 light    + sheets of dry scale with cracks between them
               - small wet highlights
    1 dark     + papules (low) and crusts (high)
               - scratches: thin, in groups, each group with its own direction
    2 relief   brightness, under light from the upper left, of the skin's deepened lines and of
               the papules

Nothing here is white noise, which would glitter. Structure comes from cells (Worley, SIGGRAPH
1996), from drawn lines and from noise of a narrow band. The tile wraps around.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.resize import ALL

# Side of the tile in pixels. Larger images get it enlarged, so that scale keeps its size on skin.
TILE = 512
MAX_LEVEL = 2  # doublings of the tile that are kept; the next would take hundreds of megabytes


@lru_cache(maxsize=8)
def texture_tile(level: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """The textures, (3, 512 * 2**level, 512 * 2**level) in [-1, 1]; the same in every process."""
    if level:
        # Padded, so that the enlarged tile wraps around too.
        small = F.pad(texture_tile(0, device)[None], (1, 1, 1, 1), mode="circular")
        times = 2**level
        large = F.interpolate(
            small, scale_factor=float(times), mode="bilinear", align_corners=False
        )
        return large[0, :, times:-times, times:-times].contiguous()
    rng = torch.Generator().manual_seed(7)
    grain, middle, broad = band(60, 150, rng), band(16, 50, rng), band(3, 12, rng)

    # Scale: plates that are brightest where their rim curls up to the light, with cracks between
    # them; some are lost, all are ragged; finer ones lie in the gaps.
    gap, _, number = cells(16, 3.0, rng)
    fine_gap, _, fine_number = cells(8, 2.0, rng)
    presence = 0.9 * broad + 0.6 * middle + 1.6 * (number - 0.5) + 0.3 * grain
    curl = lit(soften((gap / 0.3).clamp(max=1), 0.7)).clamp(0, 2)
    plates = torch.sigmoid(4 * presence) * ((gap - 0.04) / 0.14).clamp(0, 1)
    plates = plates * (0.3 + 0.3 * number + 0.25 * curl)
    thin = torch.sigmoid(4 * (0.8 * broad + 1.2 * (fine_number - 0.5) + 0.1))
    thin = thin * ((fine_gap - 0.05) / 0.2).clamp(0, 1) * 0.3
    scale = (torch.maximum(plates, thin) * (1 + 0.25 * grain + 0.15 * middle)).clamp(0, 1)

    # Papules: domes of varied width and height, most of them low. Crusts: a few wide, cracked ones.
    _, distance, number = cells(16, 2.0, rng)
    domes = (1 - (distance / (2.0 + 4.5 * number**2)) ** 2).clamp(min=0)
    domes = domes * torch.sigmoid(5 * (band(3, 12, rng) + 0.5))
    _, distance, wide_number = cells(64, 6.0, rng)
    crusts = (1.2 - distance / (5 + 16 * wide_number) + 0.15 * middle).clamp(0, 1)
    crusts = crusts * (0.6 + 0.4 * (fine_gap / 0.2).clamp(max=1)) * (wide_number > 0.4)
    dark = torch.maximum(domes * (0.35 + 0.9 * number**2), crusts)
    dark = dark * (1 + 0.15 * middle + 0.1 * grain)
    lines = scratches(70, rng)

    # Relief: two sets of grooves that cross, as skin's lines do, finer ones between them, and the
    # domes.
    bend = 0.5 * band(2, 10, rng) + 0.25 * band(8, 24, rng)
    across = 0.5 * band(2, 10, rng) + 0.25 * middle
    grooves = furrows((26, 14), bend, 0.45) * furrows((-12, 30), across, 0.45)
    height = grooves + 0.35 * (fine_gap / 0.3).clamp(max=1) + 0.06 * grain + 1.6 * domes.sqrt()
    height = soften(height, 0.7)
    relief = lit(height) + 0.8 * (height - soften(height, 6)) / height.std()

    shine = lit(soften(band(14, 60, rng) + 0.5 * grooves, 1.0))
    wet = soften(((shine - 1.3) / 1.2).clamp(0, 1), 0.5)
    wet = wet * torch.sigmoid(4 * (broad.roll(100, 1) + 0.5))
    light = scale - (scale + 1) * (1.3 * wet).clamp(max=1)
    dark = torch.where(lines > dark, -lines, dark)
    return torch.stack([light, dark, relief / (2.5 * relief.std())]).clamp(-1, 1).to(device)


def cut_texture(
    offset: Tensor, height: int, width: int, window: tuple[slice, slice] = ALL
) -> Tensor:
    """The part of the tile that lies over each image.

    Args:
        offset: (B, 2) float in [0, 1): where on the tile the image's corner is, as a share of the
            places that it can have.
        height, width: the image's; textures grow with it.
        window: the part of the image that is wanted.

    Returns:
        (B, 3, height, width) in [-1, 1], or the window of it.
    """
    # A level at which the tile is larger than the image by an eighth at least. Beyond the last one
    # the part of the tile is enlarged instead.
    level = max(0, round(math.log2(max(height, width, 1) / 320)))
    tile = texture_tile(min(level, MAX_LEVEL), offset.device)
    times = 2 ** max(0, level - MAX_LEVEL)
    rows, columns = -(-height // times), -(-width // times)
    room = offset.new_tensor([tile.shape[-1] - rows, tile.shape[-1] - columns])
    corners = (offset * room).long().tolist()
    parts = [tile[:, top : top + rows, left : left + columns] for top, left in corners]
    texture = parts[0][None] if len(parts) == 1 else torch.stack(parts)
    if times > 1:
        texture = F.interpolate(texture, size=(height, width), mode="bilinear", align_corners=False)
    return texture[:, :, window[0], window[1]]


def band(low: float, high: float, rng: torch.Generator) -> Tensor:
    """(512, 512) of noise, standard deviation 1, between `low` and `high` waves per tile."""
    fy, fx = torch.fft.fftfreq(TILE)[:, None] * TILE, torch.fft.rfftfreq(TILE)[None] * TILE
    square = fy**2 + fx**2
    passed = torch.exp(-square / high**2) - torch.exp(-square / low**2)
    spectrum = torch.randn(passed.shape, dtype=torch.cfloat, generator=rng) * passed
    noise = torch.fft.irfft2(spectrum, s=(TILE, TILE))
    return noise / noise.std()


def soften(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (512, 512) that wraps around; `sigma` in pixels."""
    fy, fx = torch.fft.fftfreq(TILE)[:, None], torch.fft.rfftfreq(TILE)[None]
    passed = torch.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2))
    return torch.fft.irfft2(torch.fft.rfft2(x) * passed, s=(TILE, TILE))


def cells(side: int, bend: float, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cells about `side` pixels wide (a divisor of 512), their borders bent by about `bend` pixels.

    Returns:
        Three (512, 512): how much further the second nearest centre is than the nearest (0 on a
        border, in cells), the distance of the nearest (in pixels), and the cell's random number in
        [0, 1).
    """
    count = TILE // side
    # Where in its square each cell has its centre, and its number.
    table = torch.rand(count * count, 3, generator=rng)
    grid = torch.arange(TILE) / side
    y = grid[:, None] + bend / side * band(4, 24, rng)
    x = grid[None] + bend / side * band(4, 24, rng)
    row, column = y.floor().int(), x.floor().int()
    nearest, second = torch.full((TILE, TILE), 9.0), torch.full((TILE, TILE), 9.0)
    number = torch.zeros(TILE, TILE)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            place = ((row + i) % count * count + (column + j) % count).flatten()
            down, right, candidate = table.index_select(0, place).view(TILE, TILE, 3).unbind(2)
            dy, dx = row + i - y + down, column + j - x + right
            distance = (dy.square_() + dx.square_()).sqrt_()
            second = torch.minimum(second, torch.maximum(nearest, distance))
            number = torch.where(distance < nearest, candidate, number)
            nearest = torch.minimum(nearest, distance)
    return second - nearest, nearest * side, number


def scratches(groups: int, rng: torch.Generator) -> Tensor:
    """(512, 512) in [0, 1]: groups of a few roughly parallel, bent, broken lines, as fingernails
    leave them."""
    tile = torch.zeros(TILE, TILE)
    for _ in range(groups):
        angle, y, x = (torch.rand(3, generator=rng) * torch.tensor([math.pi, TILE, TILE])).tolist()
        shift = 0.0
        for _ in range(int(torch.randint(1, 5, (), generator=rng))):
            a, b, c, d, e = torch.rand(5, generator=rng).tolist()
            shift = shift + 4 + 9 * c
            reach, stroke = _scratch(angle + 0.3 * (d - 0.5), a, b, c, d, e)
            slide = 20 * (a - 0.5)
            top = int(y + shift * math.cos(angle) + slide * math.sin(angle))
            left = int(x - shift * math.sin(angle) + slide * math.cos(angle))
            rows, columns = ((reach + top) % TILE)[:, None], (reach + left) % TILE
            tile[rows, columns] = torch.maximum(tile[rows, columns], stroke)
    return tile


def _scratch(
    turn: float, a: float, b: float, c: float, d: float, e: float
) -> tuple[Tensor, Tensor]:
    """One line, drawn around the origin.

    Args:
        turn: its direction in radians.
        a, b, c, d, e: random numbers in [0, 1) that vary length, width, waves, beads and bend.

    Returns:
        The coordinates of the rows and of the columns, (N,), and the line, (N, N) in [0, 1].
    """
    half, width = 12 + 32 * a, 0.7 + 0.7 * b
    reach = torch.arange(-int(half + 8), int(half + 9))
    dy, dx = reach[:, None].float(), reach[None].float()
    along = dx * math.cos(turn) + dy * math.sin(turn)
    across = dy * math.cos(turn) - dx * math.sin(turn)
    waves = 0.6 * torch.sin(along * (0.2 + 0.2 * c))
    across = across - 0.012 * (e - 0.5) * along**2 - waves
    # Beaded: a scratch bleeds and dries in points, and thins out towards its ends.
    beads = 0.6 + 0.6 * torch.sin(along * (0.35 + 0.4 * d) + 9 * b)
    beads = (beads + 0.3 * torch.sin(along * 0.17 + 9 * e)).clamp(0, 1)
    ends = (1 - (along / half).abs()).clamp(min=0).sqrt()
    return reach, ends * torch.exp(-((across / width) ** 2)) * (0.45 + 0.55 * beads)


def furrows(waves: tuple[int, int], bend: Tensor, width: float) -> Tensor:
    """(512, 512) in [0, 1], 0 in the grooves: bent parallel grooves, `waves` of them down and
    across the tile."""
    grid = torch.arange(TILE) / TILE
    phase = math.pi * (waves[0] * grid[:, None] + waves[1] * grid[None] + bend)
    return (phase.sin().abs() / width).clamp(max=1)


def lit(height: Tensor) -> Tensor:
    """How bright a height of (512, 512) is under light from the upper left; mean 0, standard
    deviation 1."""
    slope = (height - height.roll((-1, -1), (0, 1)) + height.roll((1, 1), (0, 1)) - height) / -2
    return (slope - slope.mean()) / slope.std()
