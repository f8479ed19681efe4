"""The statistics against scipy, values by hand, and simulated participants."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from synthderm.study import measures


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_interval_is_clopper_and_pearsons(counts):
    correct, trials = counts
    found = measures.share(correct, trials)
    reference = stats.binomtest(correct, trials).proportion_ci(0.95, method="exact")
    assert found == pytest.approx((correct / trials, reference.low, reference.high))


def test_exact_tests_by_hand():
    # 8 of 10: P(X >= 8) = (45 + 10 + 1) / 1024, twice for two sides.
    assert measures.tests_of_answers(8, 10, 0.1).chance == pytest.approx(112 / 1024)
    # TOST of 5 of 10 within 0.5 +- 0.4: the larger of P(X >= 5 | 0.1) and P(X <= 5 | 0.9), which
    # are equal.
    upper = sum(math.comb(10, k) * 0.1**k * 0.9 ** (10 - k) for k in range(5, 11))
    assert measures.tests_of_answers(5, 10, 0.4).equivalence == pytest.approx(upper)


def test_tests_of_people_are_t_tests():
    correct, trials = np.array([11, 9, 12, 10, 8, 13, 10, 9]), np.full(8, 20)
    found = measures.tests_of_people(correct, trials, 0.1)
    shares = correct / trials
    assert found.chance == pytest.approx(stats.ttest_1samp(shares, 0.5).pvalue)
    lower = stats.ttest_1samp(shares, 0.4, alternative="greater").pvalue
    upper = stats.ttest_1samp(shares, 0.6, alternative="less").pvalue
    assert found.equivalence == pytest.approx(max(lower, upper))
    assert all(math.isnan(p) for p in measures.tests_of_people(correct[:1], trials[:1], 0.1))


def test_dprime_and_criterion_by_hand():
    # 84.13 % hits and 15.87 % false alarms are z = +1 and -1. With 10^6 trials the correction
    # vanishes.
    n = np.array([10**6])
    hits, false_alarms = np.array([841345]), np.array([158655])
    assert measures.dprime(hits, n, false_alarms, n) == pytest.approx(2, abs=1e-4)
    assert measures.criterion(hits, n, false_alarms, n) == pytest.approx(0, abs=1e-4)
    says_real = measures.criterion(false_alarms, n, false_alarms, n)
    assert says_real == pytest.approx(1, abs=1e-4), "above 0 for people who say real more readily"
    assert measures.dprime_of_pairs(hits, n) == pytest.approx(math.sqrt(2), abs=1e-4)
    few = np.array([10])
    all_right = measures.dprime(few, few, 0 * few, few)
    assert all_right == pytest.approx(2 * stats.norm.ppf(10.5 / 11)), "finite at 100 %"


def test_kappa_against_pairs_counted_one_by_one():
    rng = np.random.default_rng(4)
    votes = {f"image{index}": list(rng.random(6) < rng.uniform(0.1, 0.9)) for index in range(12)}
    images = [image for image, of_image in votes.items() for _ in of_image]
    ratings = [vote for of_image in votes.values() for vote in of_image]
    found = measures.agreement(images, ratings)
    pairs = [pair for of_image in votes.values() for pair in combinations(of_image, 2)]
    agree = np.mean([one == two for one, two in pairs])
    yes = np.mean(ratings)
    chance = yes**2 + (1 - yes) ** 2
    assert found == pytest.approx(((agree - chance) / (1 - chance), 12, 6))


def test_kappa_takes_as_many_raters_as_most_images_have():
    images = ["a"] * 4 + ["b"] * 4 + ["c"] * 5 + ["d"]
    assert measures.agreement(images, [True] * 4 + [False] * 4 + [True, False] * 3)[1:] == (3, 4)
    assert math.isnan(measures.agreement(["a", "b"], [True, False]).kappa), "nobody to agree with"


def test_people_and_images_is_cameron_gelbach_and_millers_estimate():
    rng = np.random.default_rng(5)
    people, images = np.repeat(np.arange(12), 10), np.tile(np.arange(10), 12)
    easy, skill = rng.normal(0, 0.25, 10), rng.normal(0, 0.2, 12)
    correct = (rng.random(120) < np.clip(0.6 + easy[images] + skill[people], 0, 1)).astype(int)
    found = measures.people_and_images(correct, people, images)
    rest = correct - correct.mean()

    def variance(groups):
        """The clustered variance of a mean by hand, with the usual small-sample factor."""
        ids, index = np.unique(groups, return_inverse=True)
        factor = len(ids) / (len(ids) - 1) * (len(rest) - 1) / (len(rest) - 1)
        return factor * (np.bincount(index, rest) ** 2).sum() / len(rest) ** 2

    both = math.sqrt(variance(people) + variance(images) - variance(people * 10 + images))
    assert (found.high - found.low) / 2 == pytest.approx(both * stats.t.ppf(0.975, 9), rel=0.02)
    alone = math.sqrt(variance(people)) * stats.t.ppf(0.975, 11)
    assert (found.high - found.low) / 2 > alone, "images add to the uncertainty"
    assert math.isnan(measures.people_and_images([1, 0], [1, 1], [1, 2]).low), "one participant"


def test_too_few_people_give_no_interval():
    one = measures.bootstrap(measures.accuracy, np.array([3]), np.array([4]))
    assert one.estimate == 0.75 and math.isnan(one.low)
    two = measures.bootstrap(measures.accuracy, np.array([1, 3]), np.array([4, 4]))
    assert (two.low, two.high) == (0.25, 0.75)
    alike = measures.bootstrap(measures.accuracy, np.full(9, 4), np.full(9, 4))
    assert alike == (1, 1, 1)


EXPERT_MEAN = 0.8
CHECKS, ALLOWED = 6, 1


def population(rng, people, experts=0.3, careless=0.15):
    """(true accuracies, whether careless) of guessers and of experts, some of them careless."""
    expert = rng.random(people) < experts
    accuracies = np.where(expert, rng.normal(EXPERT_MEAN, 0.07, people).clip(0, 1), 0.5)
    return accuracies, rng.random(people) < careless


@pytest.mark.parametrize("people", [12, 24, 40])
def test_the_interval_covers_the_truth_in_95_percent_of_simulated_studies(people):
    """With guessers, experts and careless people, whom the attention checks exclude.

    The truth is the mean over those who take care. Over 6,000 studies the coverage is 94.5 % for
    each number of people; 2,000 studies have a standard error of 0.5 points.
    """
    rng, trials, studies = np.random.default_rng(people), 20, 2000
    truth = 0.3 * EXPERT_MEAN + 0.7 * 0.5
    covered = independent = 0
    for study in range(studies):
        accuracies, careless = population(rng, people + 8)
        failed = rng.binomial(CHECKS, np.where(careless, 0.5, 0.01))
        correct = rng.binomial(trials, np.where(careless, 0.5, accuracies))
        correct = correct[failed <= ALLOWED][:people]
        answers = np.full(len(correct), trials)
        interval = measures.bootstrap(
            measures.accuracy, correct, answers, seed=study, resamples=499
        )
        covered += interval.low <= truth <= interval.high
        exact = measures.share(int(correct.sum()), trials * len(correct))
        independent += exact.low <= truth <= exact.high
    assert 0.93 <= covered / studies <= 0.97
    assert independent / studies < 0.9, "where people differ, answers are not independent"


def test_the_exact_interval_covers_where_answers_are_independent():
    correct = np.random.default_rng(0).binomial(800, 0.5, 1000)
    intervals = [measures.share(int(count), 800) for count in correct]
    covered = sum(low <= 0.5 <= high for _, low, high in intervals)
    assert 930 <= covered <= 970


@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_the_interval_of_dprime_covers(truth):
    rng, people, half = np.random.default_rng(1), 30, 10
    n, covered = np.full(people, half), 0
    for study in range(1000):
        skill = rng.normal(truth, 0.2, people)
        hits = rng.binomial(half, stats.norm.cdf(skill / 2))
        false_alarms = rng.binomial(half, stats.norm.cdf(-skill / 2))
        interval = measures.bootstrap(
            measures.dprime, hits, n, false_alarms, n, seed=study, resamples=999
        )
        covered += interval.low <= truth <= interval.high
    assert 930 <= covered <= 970


def test_tost_rarely_claims_equivalence_at_the_margin():
    """With a true accuracy of exactly 0.5 + margin, 5 % of studies at most find "can't tell"."""
    rng, people, trials, margin = np.random.default_rng(2), 30, 20, 0.1
    skills = np.clip(rng.normal(0.5 + margin, 0.08, (2000, people)), 0, 1)
    claimed = sum(
        measures.tests_of_people(row, np.full(people, trials), margin).equivalence < 0.05
        for row in rng.binomial(trials, skills)
    )
    assert 60 <= claimed <= 130, "5 % of 2000 is 100"
