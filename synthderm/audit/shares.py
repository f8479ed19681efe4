"""Shares and ranks with their intervals."""

from typing import NamedTuple

import torch
from scipy.stats import binomtest, norm, rankdata
from torch import Tensor


class Share(NamedTuple):
    """`found` of `total`, with the exact 95% interval of Clopper and Pearson (Biometrika 26,
    1934)."""

    found: int
    total: int
    share: float
    low: float
    high: float


def exact_share(count: int, total: int) -> Share:
    """A share with its interval; of nothing, it is anything.

    Args:
        count: how many, at most `total`.
        total: of how many.
    """
    if total == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    interval = binomtest(count, total).proportion_ci(0.95, method="exact")
    return Share(count, total, count / total, float(interval.low), float(interval.high))


def chance_of(count: int, total: int, share: float) -> float:
    """How likely at least `count` of `total` are where each is one with this chance."""
    return float(binomtest(count, total, share, alternative="greater").pvalue) if total else 1.0


class Auroc(NamedTuple):
    """The area under the ROC curve with its 95% interval (Hanley and McNeil, Radiology 143,
    1982)."""

    value: float
    low: float
    high: float


def auroc(positive: Tensor, negative: Tensor) -> Auroc:
    """How well a score tells two groups apart: 0.5 not at all, 1 without a fault.

    Args:
        positive, negative: (N,) and (M,) scores.
    """
    n, m = len(positive), len(negative)
    ranks = rankdata(torch.cat([positive, negative]).double().numpy())
    value = float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (n - 1) * (q1 - value**2) + (m - 1) * (q2 - value**2)
    half = float(norm.ppf(0.975)) * (max(variance, 0.0) / (n * m)) ** 0.5
    return Auroc(value, max(0.0, value - half), min(1.0, value + half))
