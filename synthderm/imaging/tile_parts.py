"""What the tiles of heights are made of, all (512, 512) and wrapping around: noise, domes, strokes,
plates and skin lines."""

import math

import torch
from torch import Tensor

TILE = 512  # side in pixels


def noise(low: float, high: float, rng: torch.Generator, tilt: float = 0.0) -> Tensor:
    """Noise of standard deviation 1 between `low` and `high` waves a tile; its amplitude falls with
    the number of waves to the power `tilt`."""
    fy, fx = _frequencies()
    wave = torch.sqrt((fy * TILE) ** 2 + (fx * TILE) ** 2).clamp_min(0.5)
    passed = torch.exp(-((wave / high) ** 2)) * (1 - torch.exp(-((wave / low) ** 2))) / wave**tilt
    spectrum = torch.randn(passed.shape, dtype=torch.cfloat, generator=rng) * passed
    x = torch.fft.irfft2(spectrum, s=(TILE, TILE))
    return x / x.std()


def smooth(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur; `sigma` in pixels."""
    fy, fx = _frequencies()
    passed = torch.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2))
    return torch.fft.irfft2(torch.fft.rfft2(x) * passed, s=(TILE, TILE))


def _frequencies() -> tuple[Tensor, Tensor]:
    """Waves a pixel, down (512, 1) and across (1, 257), of `torch.fft.rfft2`."""
    down = torch.fft.fftfreq(TILE, dtype=torch.float32)
    return down[:, None], torch.fft.rfftfreq(TILE, dtype=torch.float32)[None]


def scattered_domes(
    count: int, radius: tuple[float, float], density: Tensor, rng: torch.Generator
) -> Tensor:
    """Round domes in [0, 1] at random places.

    Args:
        count: of domes.
        radius: lowest and highest, in pixels; small ones are more frequent.
        density: (512, 512), higher where there are more domes.
    """
    height = torch.zeros(TILE, TILE, dtype=torch.float32)
    chance = torch.softmax(density.flatten() * 1.5, 0)
    for place in torch.multinomial(chance, count, generator=rng).tolist():
        a, b, c, d = torch.rand(4, generator=rng, dtype=torch.float32).tolist()
        r = radius[0] + (radius[1] - radius[0]) * a**2
        reach = torch.arange(-int(r * 1.5 + 2), int(r * 1.5 + 3))
        along, across = _turned(reach, math.pi * b)
        across = across / (0.75 + 0.25 * c)
        dome = (1 - (along**2 + across**2) / r**2).clamp_min(0) * (0.4 + 0.6 * d)
        _raise(height, dome, reach + place // TILE, reach + place % TILE)
    return height


def strokes(groups: int, size: float, rng: torch.Generator) -> Tensor:
    """Groups of nearly parallel, bent, broken lines in [0, 1]; 1 where one is deepest."""
    height = torch.zeros(TILE, TILE, dtype=torch.float32)
    for _ in range(groups):
        most = torch.tensor([math.pi, TILE, TILE], dtype=torch.float32)
        angle, y, x = (torch.rand(3, generator=rng, dtype=torch.float32) * most).tolist()
        peak = 0.4 + 0.6 * torch.rand((), generator=rng, dtype=torch.float32).item()
        shift = 0.0
        for _ in range(int(torch.randint(2, 6, (), generator=rng))):
            a, b, c, d, e = torch.rand(5, generator=rng, dtype=torch.float32).tolist()
            half, width = size * (10 + 36 * a), size * (0.9 + 0.9 * b)
            shift = shift + size * (3 + 8 * c)
            reach = torch.arange(-int(half + 8), int(half + 9))
            along, across = _turned(reach, angle + 0.35 * (d - 0.5))
            across = across - 0.01 / size * (e - 0.5) * along**2
            broken = 0.55 + 0.9 * torch.sin(along * (0.12 + 0.25 * d) / size + 9 * b)
            line = (1 - (along / half).abs()).clamp_min(0).sqrt() * broken.clamp(0.1, 1) * peak
            line = line * torch.exp(-((across / width) ** 2))
            top, left = int(y + shift * math.cos(angle)), int(x - shift * math.sin(angle))
            _raise(height, line, reach + top, reach + left)
    return height


def _turned(reach: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """Coordinates (N, N) along and across a direction, around the origin."""
    dy, dx = reach[:, None].float(), reach[None].float()
    along = dx * math.cos(angle) + dy * math.sin(angle)
    return along, dy * math.cos(angle) - dx * math.sin(angle)


def _raise(height: Tensor, shape: Tensor, rows: Tensor, columns: Tensor) -> None:
    """Put a shape on a tile, in place, where it is higher."""
    place = (rows % TILE)[:, None], columns % TILE
    height[place] = torch.maximum(height[place], shape)


def plates(side: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cells about `side` pixels wide with bent borders: the distance from the border, about 1 in
    the middle, and the cell's random number in [0, 1]."""
    count = TILE // side
    table = torch.rand(count, count, 3, generator=rng, dtype=torch.float32)
    axis = torch.arange(TILE, dtype=torch.float32) / side
    y = axis[:, None] + 0.3 * noise(2, 60, rng, 0.7)
    x = axis[None] + 0.3 * noise(2, 60, rng, 0.7)
    row, column = y.floor().long(), x.floor().long()
    nearest, second = torch.full((2, TILE, TILE), 9.0, dtype=torch.float32)
    number = torch.zeros(TILE, TILE, dtype=torch.float32)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            entries = table[(row + i) % count, (column + j) % count]
            down, right, candidate = entries.unbind(2)
            distance = torch.hypot(row + i + down - y, column + j + right - x)
            number = torch.where(distance < nearest, candidate, number)
            second = torch.minimum(second, torch.maximum(distance, nearest))
            nearest = torch.minimum(nearest, distance)
    return second - nearest, number


def skin_lines(spacing: float, rng: torch.Generator) -> Tensor:
    """0 in the skin's furrows, 1 between them: three crossing sets of bent, broken grooves."""
    axis = torch.arange(TILE, dtype=torch.float32) / TILE
    ridges = torch.ones(TILE, TILE, dtype=torch.float32)
    waves = TILE / spacing / 2
    for turn in (0.35, 1.4, 2.5):
        down, across = round(waves * math.sin(turn)), round(waves * math.cos(turn))
        bend = 0.9 * noise(1, 6, rng) + 0.3 * noise(6, 30, rng)
        phase = 2 * (down * axis[:, None] + across * axis[None]) + bend
        groove = 1 - (torch.sin(math.pi * phase).abs() / 0.4).clamp_max(1)
        ridges = ridges * (1 - torch.sigmoid(3 * noise(3, 14, rng) + 0.5) * groove)
    return ridges
