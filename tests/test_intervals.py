"""Shares, areas under ROC curves and rank correlations, against other implementations."""

import math

import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from synthderm.intervals import (
    auroc,
    chance_of,
    exact_share,
    rank_correlation,
    weighted_auroc,
)
from synthderm.study.measures import share


def draw(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("count", "total"), [(0, 20), (20, 20), (3, 500), (7, 9)])
def test_shares_are_those_of_clopper_and_pearson(count, total):
    found = exact_share(count, total)
    low, high = proportion_confint(count, total, method="beta")
    assert found.low == pytest.approx(low, abs=1e-9) and found.high == pytest.approx(high)
    assert share(count, total) == pytest.approx(found[2:])  # the study's is the same


def test_a_share_of_nothing_is_anything():
    assert exact_share(0, 0)[2:] == (0.0, 0.0, 1.0)
    assert math.isnan(share(0, 0).low)
    assert chance_of(0, 0, 0.5) == 1.0


def test_the_area_is_that_of_scikit_learn_ties_too():
    a, b = draw(40, 1).round() + 1, draw(60, 2).round()
    found = auroc(a, b)
    assert found.value == pytest.approx(roc_auc_score([1] * 40 + [0] * 60, torch.cat([a, b])))
    assert 0.5 < found.low < found.value < found.high < 1
    assert auroc(torch.ones(5), torch.zeros(5)) == (1.0, 1.0, 1.0)


def test_weights_are_how_often_a_score_is_there():
    scores, positive = draw(30, 3), torch.arange(30) % 3 == 0
    weights = torch.randint(0, 4, (2, 30), generator=torch.Generator().manual_seed(0)).double()
    for row, area in zip(weights, weighted_auroc(scores, positive, weights)):
        again = scores.repeat_interleave(row.long()), positive.repeat_interleave(row.long())
        assert area.item() == pytest.approx(roc_auc_score(again[1], again[0]))


def test_rank_correlation_and_how_often_its_interval_holds():
    a = draw(50, 4)
    found = rank_correlation(a, a + draw(50, 5))
    assert found.value == pytest.approx(stats.spearmanr(a, a + draw(50, 5)).statistic)
    assert rank_correlation(a, a.exp()) == pytest.approx((1.0, 1.0, 1.0))
    assert all(math.isnan(value) for value in rank_correlation(a, torch.ones(50)))
    held = [
        low < 0 < high
        for _, low, high in (rank_correlation(draw(40, k), draw(40, 1000 + k)) for k in range(200))
    ]
    assert 0.9 < sum(held) / 200 < 0.99
