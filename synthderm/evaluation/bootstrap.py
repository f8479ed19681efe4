"""Do two ways to train differ? Intervals by resampling test photographs and draws together."""

from typing import NamedTuple

import torch
from torch import Tensor

INTERVAL = (0.025, 0.975)


class Interval(NamedTuple):
    """A figure with its 95% interval."""

    estimate: float
    low: float
    high: float


def resample(groups: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """How often each of `count` resamples holds each photograph, (count, N): photographs of a group
    (a patient) are resampled together.

    Args:
        groups: (N,) int64 in [0, G).
        count: number of resamples.
        rng: random state.
    """
    size = int(groups.max()) + 1
    chosen = torch.randint(size, (count, size), generator=rng)
    ones = torch.ones(count, size, dtype=torch.double)
    times = torch.zeros_like(ones).scatter_add_(1, chosen, ones)
    return times[:, groups]


def interval_of(values: Tensor) -> list[float]:
    """The 95% percentile interval of resampled values, (R,)."""
    return values.quantile(torch.tensor(INTERVAL, dtype=values.dtype)).tolist()


def resample_seeds(values: Tensor, rng: torch.Generator) -> Tensor:
    """The mean over resampled seeds, (R,), of (S, R) values: one for each seed and each resample of
    the photographs."""
    seeds = torch.randint(len(values), values.shape, generator=rng)
    return values.gather(0, seeds).mean(0)


def difference(
    ours: Tensor, theirs: Tensor, point: float, rng: torch.Generator
) -> dict[str, float]:
    """Mean difference of two arms with a 95% percentile interval and a two-sided p value.

    The photographs are resampled by the caller; here the seeds are, in pairs, so that the interval
    covers both sources of chance.

    Args:
        ours, theirs: (S, R), the figure of each seed in each resample of the photographs.
        point: the difference without resampling.
        rng: random state.
    """
    gap = ours - theirs
    resampled = resample_seeds(gap[:, ~gap.isnan().any(0)], rng)
    low, high = interval_of(resampled)
    tail = min((resampled <= 0).sum().item(), (resampled >= 0).sum().item())
    p = min(1.0, 2 * (tail + 1) / (len(resampled) + 1))
    return {"difference": point, "low": low, "high": high, "p": p}
