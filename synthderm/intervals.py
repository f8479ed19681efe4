"""Shares, areas under ROC curves and rank correlations, with their intervals."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.stats import binomtest, norm, spearmanr
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
    scores = torch.cat([positive, negative]).double()
    once = torch.ones(1, n + m, dtype=torch.double)
    value = weighted_auroc(scores, torch.arange(n + m) < n, once).item()
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (n - 1) * (q1 - value**2) + (m - 1) * (q2 - value**2)
    half = float(norm.ppf(0.975)) * (max(variance, 0.0) / (n * m)) ** 0.5
    return Auroc(value, max(0.0, value - half), min(1.0, value + half))


def weighted_auroc(scores: Tensor, positive: Tensor, weights: Tensor) -> Tensor:
    """Area under the ROC curve of many resamples at once: the chance that a positive scores above a
    negative; ties count half (Hanley and McNeil, Radiology 143, 1982).

    scikit-learn has it for one set of weights.

    Args:
        scores: (N,).
        positive: (N,) bool.
        weights: (R, N), how often each of R resamples holds each score.

    Returns:
        (R,).
    """
    by_score = weights.T  # rows are copied faster than columns
    others, order = scores[~positive].sort()
    up, down = by_score[positive], by_score[~positive][order]
    beaten = F.pad(down.cumsum(0), (0, 0, 1, 0))  # row k: the weight of the k least negatives
    below = torch.searchsorted(others, scores[positive])
    not_above = torch.searchsorted(others, scores[positive], right=True)
    wins = (beaten[below] + beaten[not_above]) / 2
    return (up * wins).sum(0) / (up.sum(0) * down.sum(0))


class Correlation(NamedTuple):
    """Spearman's rank correlation with its 95% interval (Bonett and Wright, Psychometrika 65,
    2000); NaN where one of the two never changes."""

    value: float
    low: float
    high: float


def rank_correlation(a: Tensor, b: Tensor) -> Correlation:
    """How far two figures rise together: 1 always, 0 not at all, -1 one falls as the other rises.

    Args:
        a, b: (N,), N of at least 4.
    """
    if a.min() == a.max() or b.min() == b.max():
        return Correlation(math.nan, math.nan, math.nan)
    value = float(spearmanr(a.double().numpy(), b.double().numpy()).statistic)
    if abs(value) > 1 - 1e-12:
        return Correlation(value, value, value)
    half = float(norm.ppf(0.975)) * math.sqrt((1 + value**2 / 2) / (len(a) - 3))
    middle = math.atanh(value)
    return Correlation(value, math.tanh(middle - half), math.tanh(middle + half))
