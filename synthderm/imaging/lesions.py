"""Lesions as random numbers: what tells one eczema from another, before any image is seen."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from synthderm.determinism import usual_torch
from synthderm.imaging.compositing import GRID
from synthderm.imaging.masks import smooth_fields
from synthderm.imaging.signs import SIGNS
from synthderm.imaging.tiles import SIZES

# Amounts of the signs that occur together, in the order of `SIGNS`. A lesion is one of these, moved
# by up to 40% towards another, and each amount then varies by 0.18 (standard deviation).
PATTERNS = {
    "erythematous": (0.60, 0.15, 0.05, 0.15, 0.25, 0.05, 0.05, 0.10, 0.90, 0.60, 0.3),
    "nummular": (0.75, 0.45, 0.10, 0.40, 0.55, 0.50, 0.40, 0.20, 0.15, 0.20, 0.4),
    "lichenified": (0.45, 0.25, 0.40, 0.95, 0.35, 0.10, 0.05, 0.55, 0.60, 0.30, 0.6),
    "excoriated": (0.45, 0.75, 0.80, 0.30, 0.20, 0.60, 0.15, 0.25, 0.75, 0.95, 0.5),
    "dry": (0.25, 0.10, 0.10, 0.60, 0.95, 0.05, 0.05, 0.15, 0.65, 0.40, 0.4),
    "weeping": (0.80, 0.50, 0.20, 0.20, 0.30, 0.85, 0.90, 0.15, 0.40, 0.40, 0.3),
    "vesicular": (0.45, 0.95, 0.05, 0.10, 0.35, 0.15, 0.80, 0.10, 0.70, 0.60, 0.3),
    "pigmented": (0.12, 0.10, 0.15, 0.45, 0.30, 0.05, 0.05, 0.95, 0.70, 0.60, 0.8),
}
WETNESS = tuple(map(SIGNS.index, ("crust", "oozing", "excoriation", "scale")))
SIZE_SHARES = (0.35, 0.40, 0.25)  # how often signs are fine, middle and coarse
OCTAVES = ((3, 0.86), (6, 0.43), (13, 0.29))  # of the noise: cells across, and amplitude
FIELDS = 4  # of smooth noise: the plaque's shape, its hue, and where two groups of signs are


class Latents(NamedTuple):
    """The random numbers that decide what lesions look like."""

    noise: Tensor  # (B, 4, 32, 32) float, smooth, about standard normal, `FIELDS`
    signs: Tensor  # (B, 11) float in [0, 1]: the amount of each of `SIGNS`
    offset: Tensor  # (B, 2) float in [0, 1): the place on the tile of heights
    tiles: Tensor  # (B,) int64: which tile

    def to(self, device: torch.device) -> "Latents":
        return Latents(*(part.to(device) for part in self))


def sample_latents(count: int, generator: torch.Generator | None = None) -> Latents:
    """Latents of `count` random lesions, from `generator` or from torch's global random state."""
    noise = smooth_fields(count, GRID, *[OCTAVES] * FIELDS, generator=generator)
    table, bounds = _tables()
    first, second = torch.randint(len(table), (2, count), generator=generator)
    share = 0.4 * torch.rand(count, 1, generator=generator, dtype=torch.float32) ** 2
    signs = torch.lerp(table[first], table[second], share)
    varied = torch.randn(signs.shape, generator=generator, dtype=torch.float32)
    signs = (signs + 0.18 * varied).clamp(0, 1)
    offset = torch.rand(count, 2, generator=generator, dtype=torch.float32)
    sizes = torch.bucketize(torch.rand(count, generator=generator, dtype=torch.float32), bounds)
    return Latents(noise, signs, offset, tiles_of(signs, sizes))


@lru_cache(maxsize=1)
@usual_torch()
def _tables() -> tuple[Tensor, Tensor]:
    """`PATTERNS`, (8, 11), and the bounds between fine, middle and coarse in [0, 1]."""
    table = torch.tensor(list(PATTERNS.values()), dtype=torch.float32)
    return table, torch.tensor(SIZE_SHARES, dtype=torch.float32).cumsum(0)[:-1]


def tiles_of(signs: Tensor, sizes: Tensor) -> Tensor:
    """Which tile lesions with these signs and of these sizes (0 to 2) take: the wet one where there
    is more crust and oozing than excoriation and scale."""
    crust, oozing, excoriation, scale = (signs[:, place] for place in WETNESS)
    wet = crust + oozing > excoriation + scale
    return 2 * sizes.clamp(0, len(SIZES) - 1) + wet


def with_signs(latents: Latents, signs: Tensor) -> Latents:
    """The same lesions with other signs, (B, 11) in [0, 1]."""
    return latents._replace(signs=signs, tiles=tiles_of(signs, latents.tiles // 2))


def no_latents(count: int) -> Latents:
    """Zeros, for edits that do not add a lesion."""
    return Latents(
        torch.zeros(count, FIELDS, GRID, GRID, dtype=torch.float32),
        torch.zeros(count, len(SIGNS), dtype=torch.float32),
        torch.zeros(count, 2, dtype=torch.float32),
        torch.zeros(count, dtype=torch.int64),
    )
