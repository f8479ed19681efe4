"""The statistics of the study, each one call of scipy or statsmodels on plain arrays.

Answers of one participant resemble each other. Intervals that take all answers as independent are
therefore too narrow as soon as people differ. Intervals for other people like these resample or
average whole participants.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import binom_tost
from statsmodels.stats.weightstats import DescrStatsW

from synthderm.intervals import exact_share

RESAMPLES = 4999

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate and its 95 % interval; nan where there are too few data for it."""

    estimate: float
    low: float
    high: float


class Tests(NamedTuple):
    """p values: accuracy differs from 0.5; accuracy lies within 0.5 +- margin (TOST)."""

    chance: float
    equivalence: float


def share(successes: int, trials: int) -> Interval:
    """A share with its exact interval (Clopper and Pearson 1934), for independent answers."""
    if not trials:
        return Interval(math.nan, math.nan, math.nan)
    return Interval(*exact_share(successes, trials)[2:])


def tests_of_answers(correct: int, trials: int, margin: float) -> Tests:
    """Exact binomial tests, which take all answers as independent."""
    equivalence = binom_tost(correct, trials, 0.5 - margin, 0.5 + margin)[0]
    return Tests(float(stats.binomtest(correct, trials).pvalue), float(equivalence))


def tests_of_people(correct: np.ndarray, trials: np.ndarray, margin: float) -> Tests:
    """One-sample t tests of participants' accuracies.

    Args:
        correct, trials: (participants,) correct answers and answers of each.
        margin: of the equivalence test.
    """
    if len(correct) < 2:
        return Tests(math.nan, math.nan)
    accuracies = DescrStatsW(correct / trials)
    with np.errstate(divide="ignore", invalid="ignore"):  # all alike: 0 / 0 gives nan
        chance = accuracies.ttest_mean(0.5)[1]
        equivalence = accuracies.ttost_mean(0.5 - margin, 0.5 + margin)[0]
    return Tests(float(chance), float(equivalence))


def bootstrap(
    statistic: Callable[..., Floats], *data: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """A statistic with an interval from resampling participants.

    The percentiles are widened by the t quantile and sqrt(n / (n - 1)), as in Hesterberg (The
    American Statistician 69, 2015, section 5.3). Without this 12 participants give 92 % intervals.

    Args:
        statistic: function of the arrays and `axis`.
        data: arrays (participants,).
        seed: of the resampling.
        resamples: how many.
    """
    people = len(data[0])
    estimate = float(statistic(*data, axis=-1))
    if people < 2:
        return Interval(estimate, math.nan, math.nan)
    quantile = math.sqrt(people / (people - 1)) * stats.t.ppf(0.025, people - 1)
    result = stats.bootstrap(
        data,
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        method="percentile",
        confidence_level=min(1 - 2 * stats.norm.cdf(quantile), 1 - 1e-9),
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(estimate, float(low), float(high))


def accuracy(correct: np.ndarray, trials: np.ndarray, axis: int = -1) -> Floats:
    """Share of correct answers, pooled over participants; arrays (..., participants)."""
    return np.asarray(correct.sum(axis) / trials.sum(axis))


def dprime(
    hits: np.ndarray,
    signals: np.ndarray,
    false_alarms: np.ndarray,
    noises: np.ndarray,
    axis: int = -1,
) -> Floats:
    """d' of yes/no trials, pooled over participants.

    The log-linear correction (Hautus 1995) keeps it finite. Arrays (..., participants).
    """
    return _z(hits, signals, axis) - _z(false_alarms, noises, axis)


def criterion(
    hits: np.ndarray,
    signals: np.ndarray,
    false_alarms: np.ndarray,
    noises: np.ndarray,
    axis: int = -1,
) -> Floats:
    """Bias c of yes/no trials: above 0 people say "real" more readily, below 0 "generated"."""
    return -(_z(hits, signals, axis) + _z(false_alarms, noises, axis)) / 2


def dprime_of_pairs(correct: np.ndarray, trials: np.ndarray, axis: int = -1) -> Floats:
    """d' of two-alternative trials, sqrt(2) z(accuracy), with the same correction."""
    return math.sqrt(2) * _z(correct, trials, axis)


def _z(successes: np.ndarray, trials: np.ndarray, axis: int) -> Floats:
    return np.asarray(stats.norm.ppf((successes.sum(axis) + 0.5) / (trials.sum(axis) + 1)))


def people_and_images(
    correct: Sequence[int], participants: Sequence[int], images: Sequence[int]
) -> Interval:
    """Accuracy with an interval for other people *and* other images.

    The errors are clustered two ways (Cameron, Gelbach and Miller 2011), with t quantiles. By
    chance such an interval can be narrower than with clusters of participants alone; then the
    latter is taken.

    Args:
        correct: 0 or 1 for each answer.
        participants, images: whose each answer is, and about which image.
    """
    values = np.asarray(correct, dtype=float)
    mean = float(values.mean())
    people = np.unique(np.asarray(participants), return_inverse=True)[1]
    pictures = np.unique(np.asarray(images), return_inverse=True)[1]
    if people.max(initial=0) < 1 or pictures.max(initial=0) < 1:
        return Interval(mean, math.nan, math.nan)
    model = OLS(values, np.ones(len(values)))
    widest = Interval(mean, math.nan, math.nan)
    for groups in (people, np.column_stack([people, pictures])):
        with np.errstate(invalid="ignore"):
            fit = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
            low, high = fit.conf_int()[0]
        if math.isnan(widest.low) or high - low > widest.high - widest.low:
            widest = Interval(mean, float(low), float(high))
    return widest


class Agreement(NamedTuple):
    """Fleiss' kappa, the number of images that it uses, and the raters of each."""

    kappa: float
    images: int
    raters: int


def agreement(images: Sequence[str], ratings: Sequence[bool]) -> Agreement:
    """Fleiss' kappa of yes/no ratings.

    Kappa needs equally many raters for every image. Of each image with at least that many ratings
    the first ones count. The number of raters is the one that uses most ratings.
    """
    votes: dict[str, list[bool]] = {}
    for image, rating in zip(images, ratings, strict=True):
        votes.setdefault(image, []).append(bool(rating))
    counts = np.array([len(ratings_of) for ratings_of in votes.values()])
    if not len(counts) or counts.max() < 2:
        return Agreement(math.nan, 0, 0)
    raters = max(range(2, counts.max() + 1), key=lambda number: number * (counts >= number).sum())
    yes = np.array([sum(each[:raters]) for each in votes.values() if len(each) >= raters])
    with np.errstate(invalid="ignore"):  # all ratings alike: nan
        kappa = fleiss_kappa(np.column_stack([yes, raters - yes]))
    return Agreement(float(kappa), len(yes), raters)
