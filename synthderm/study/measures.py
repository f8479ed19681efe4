"""The statistics, each one call of scipy or statsmodels on plain arrays.

Answers of one participant resemble each other, so treating all answers as independent gives
intervals that are too narrow as soon as people differ. Intervals that are meant for people like
these resample or average whole participants.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import binom_tost, proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

RESAMPLES = 4999


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
    return Interval(
        successes / trials, *map(float, proportion_confint(successes, trials, method="beta"))
    )


def tests_of_answers(correct: int, trials: int, margin: float) -> Tests:
    """Exact binomial tests; they take all answers as independent."""
    return Tests(
        stats.binomtest(correct, trials).pvalue,
        float(binom_tost(correct, trials, 0.5 - margin, 0.5 + margin)[0]),
    )


def tests_of_people(correct: np.ndarray, trials: np.ndarray, margin: float) -> Tests:
    """One-sample t tests of participants' accuracies; `correct` and `trials` are
    (participants,)."""
    if len(correct) < 2:
        return Tests(math.nan, math.nan)
    accuracies = DescrStatsW(correct / trials)
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # nobody differs: 0 / 0 is nan, and shown as such
        return Tests(
            float(accuracies.ttest_mean(0.5)[1]),
            float(accuracies.ttost_mean(0.5 - margin, 0.5 + margin)[0]),
        )


def bootstrap(
    statistic: Callable, *data: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """A statistic with an interval from resampling participants.

    The percentiles are widened as Hesterberg (The American Statistician 69, 2015, section 5.3)
    does, by the t quantile and sqrt(n / (n - 1)): without it 12 participants give 92 % intervals.

    Args:
        statistic: function of the arrays and `axis`.
        data: arrays (participants,).
    """
    people = len(data[0])
    estimate = float(statistic(*data, axis=-1))
    if people < 2:
        return Interval(estimate, math.nan, math.nan)
    level = 1 - 2 * stats.norm.cdf(
        math.sqrt(people / (people - 1)) * stats.t.ppf(0.025, people - 1)
    )
    found = stats.bootstrap(data, statistic, paired=True, vectorized=True, n_resamples=resamples, method="percentile",
                            confidence_level=min(level, 1 - 1e-9), rng=np.random.default_rng(seed))  # fmt: skip
    return Interval(estimate, *map(float, found.confidence_interval))


def accuracy(correct, trials, axis=-1):
    """Share of correct answers; arrays (..., participants)."""
    return correct.sum(axis) / trials.sum(axis)


def dprime(hits, signals, false_alarms, noises, axis=-1):
    """d' of yes/no trials pooled over participants, with the log-linear correction (Hautus 1995) so
    that it stays finite."""
    return _z(hits, signals, axis) - _z(false_alarms, noises, axis)


def criterion(hits, signals, false_alarms, noises, axis=-1):
    """Bias c of yes/no trials: above 0 people say "real" more readily, below 0 "generated"."""
    return -(_z(hits, signals, axis) + _z(false_alarms, noises, axis)) / 2


def dprime_of_pairs(correct, trials, axis=-1):
    """d' of two-alternative trials, sqrt(2) z(accuracy), with the same correction."""
    return math.sqrt(2) * _z(correct, trials, axis)


def _z(successes, trials, axis):
    return stats.norm.ppf((successes.sum(axis) + 0.5) / (trials.sum(axis) + 1))


def people_and_images(
    correct: Sequence[int], participants: Sequence[int], images: Sequence[int]
) -> Interval:
    """Accuracy with an interval for other people *and* other images: two-way clustered errors
    (Cameron et al. 2011), t quantiles.

    Never narrower than with clusters of participants alone, which the two-way estimate can be by
    chance.
    """
    values = np.asarray(correct, dtype=float)
    people, pictures = (
        np.unique(np.asarray(groups), return_inverse=True)[1] for groups in (participants, images)
    )
    if people.max(initial=0) < 1 or pictures.max(initial=0) < 1:
        return Interval(float(values.mean()), math.nan, math.nan)
    model, intervals = OLS(values, np.ones(len(values))), []
    for groups in (people, np.column_stack([people, pictures])):
        with np.errstate(invalid="ignore"):
            intervals.append(
                model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True).conf_int()[0]
            )
    low, high = max(
        intervals, key=lambda ends: -math.inf if np.isnan(ends).any() else ends[1] - ends[0]
    )
    return Interval(float(values.mean()), float(low), float(high))


class Agreement(NamedTuple):
    """Fleiss' kappa, and the images and the raters of each that it rests on."""

    kappa: float
    images: int
    raters: int


def agreement(images: Sequence[str], ratings: Sequence[bool]) -> Agreement:
    """Fleiss' kappa of yes/no ratings.

    It needs as many raters for every image: of each image with at least that many the first ones
    count, and their number is the one that uses most ratings.
    """
    votes: dict[str, list[bool]] = {}
    for image, rating in zip(images, ratings, strict=True):
        votes.setdefault(image, []).append(bool(rating))
    counts = np.array([len(found) for found in votes.values()])
    if not len(counts) or counts.max() < 2:
        return Agreement(math.nan, 0, 0)
    raters = max(range(2, counts.max() + 1), key=lambda number: number * (counts >= number).sum())
    yes = [sum(found[:raters]) for found in votes.values() if len(found) >= raters]
    with np.errstate(invalid="ignore"):  # all ratings alike: nan
        return Agreement(
            float(fleiss_kappa(np.array([[count, raters - count] for count in yes]))),
            len(yes),
            raters,
        )
