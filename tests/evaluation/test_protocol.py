"""The protocol: no patient on both sides, everything chosen within the draw, chance found as
chance."""

import numpy as np
import pytest

from synthderm.evaluation import arms, protocol
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import Pool, unit_length


def drawn(seed: int = 0, count: int = 60) -> tuple[Pool, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    middle = np.random.default_rng(9).normal(size=(3, 8))
    features = unit_length(middle[labels] + 1.5 * rng.normal(size=(count, 8)))
    return Pool(features, labels), np.arange(count) // 6


def test_no_group_is_on_both_sides():
    pool, groups = drawn()
    rows = np.arange(5, 55)
    splits = protocol.split_grouped(pool.labels, groups, rows, 4, seed=0)
    assert np.array_equal(np.sort(np.concatenate([test for _, test in splits])), rows)
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert set(pool.labels[train]) == {0, 1, 2}


@pytest.mark.parametrize(("groups", "folds"), [([0, 1, 2, 3, 4, 4], 0), ([0, 1, 2, 3, 4, 5], 2)])
def test_few_groups_give_few_folds(groups, folds):
    labels = np.array([0, 0, 0, 0, 1, 1])
    splits = protocol.split_grouped(labels, np.array(groups), np.arange(6), 5, seed=0)
    assert len(splits) == folds


def test_nothing_outside_the_draw_is_looked_at():
    """What is predicted stays the same whatever the other photographs are."""
    pool, groups = drawn()
    rows = np.arange(30)
    features = pool.features.copy()
    features[30:] = 7.0
    found = []
    for part in (pool, Pool(features, pool.labels)):
        material = Material(3, part, drawn(1)[0], {})
        found.append(
            protocol.predict(arms.generated(2), material, rows, groups, pool.features, seed=3)
        )
    assert np.array_equal(found[0].probabilities, found[1].probabilities)
    assert found[0].penalty == found[1].penalty and found[0].inner_loss == found[1].inner_loss


def test_two_photographs_of_a_class_are_enough_to_train():
    pool, _ = drawn()
    rows = np.array([0, 1, 2])
    outcome = protocol.predict(
        arms.oversampled, Material(3, pool, pool, {}), rows, np.arange(60), pool.features, seed=0
    )
    assert np.isnan(outcome.inner_loss)
    assert outcome.penalty == protocol.PENALTIES[protocol.USUAL_PENALTY]


def test_draws_are_of_whole_groups():
    pool, groups = drawn(count=120)
    for share in (0.05, 0.3, 1.0):
        rows = protocol.draw_share(pool.labels, groups, share, np.random.default_rng(0))
        assert set(pool.labels[rows]) == {0, 1, 2} and len(rows) >= share * 120 - 1e-9
        assert len(rows) == len(set(rows)) and len(rows) <= share * 120 + 3 * 6
    few = protocol.draw_few(pool.labels, groups, 4, np.random.default_rng(0))
    assert np.bincount(pool.labels[few]).tolist() == [4, 4, 4]
    assert all(len(set(groups[few[pool.labels[few] == k]])) == 4 for k in range(3))


def test_the_best_arm_is_chosen_without_test_images():
    nan = float("nan")
    assert protocol.best_by_inner_loss({"a": [1.0, 3.0], "b": [1.5, 1.5]}) == "b"
    assert protocol.best_by_inner_loss({"a": [nan, nan], "b": [1.0, nan]}) == "b"
    assert protocol.best_by_inner_loss({"a": [nan], "b": [nan]}) == "a"
