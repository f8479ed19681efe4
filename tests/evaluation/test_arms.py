"""Arms: what each trains on."""

import numpy as np
import pytest

from synthderm.evaluation import arms
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import Pool, unit_length

COUNTS = (12, 6, 9)


def pool(counts, seed: int) -> Pool:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    return Pool(unit_length(np.eye(3)[labels] + 0.3 * rng.normal(size=(len(labels), 3))), labels)


@pytest.fixture
def material() -> Material:
    real = pool(COUNTS, 0)
    copies = {"changed": np.stack([real.features, -real.features], 1)}
    return Material(3, real, pool((40, 40, 40), 1), copies, real)


def run(arm, material, rows, seed=0):
    return arm(material, np.asarray(rows), np.random.default_rng(seed))


def test_real_only_leaves_classes_unequal_and_the_others_do_not(material):
    rows = np.arange(27)
    assert not run(arms.real, material, rows).balanced
    weights = run(arms.oversampled, material, rows).image_weights()
    sums = [weights[material.real.labels == k].sum() for k in range(3)]
    assert np.allclose(sums, 9) and np.isclose(weights.mean(), 1)


def test_generated_images_come_in_equal_classes_and_once(material):
    training = run(arms.generated(2), material, [0, 1, 12, 13, 18, 19])
    added = training.features[6:]
    assert np.bincount(training.labels[6:]).tolist() == [4, 4, 4]
    assert len(np.unique(added, axis=0)) == 12
    alone = run(arms.generated(2, alone=True), material, [0, 1, 12, 13, 18, 19])
    assert np.array_equal(alone.features, added)  # the same ones, from the same random numbers


def test_a_pool_that_is_too_small_gives_what_it_has(material):
    assert len(run(arms.generated(100), material, [0, 12, 18]).labels) == 3 + 120


@pytest.mark.parametrize("select", ["agreement", "centroid"])
def test_selection_keeps_images_that_look_like_their_class(material, select):
    rows = np.arange(27)
    wrong = material.generated.labels.copy()
    swapped = np.arange(0, 120, 3)
    wrong[swapped] = (wrong[swapped] + 1) % 3
    noisy = material._replace(generated=Pool(material.generated.features, wrong))

    def share_right(arm):
        training = run(arm, noisy, rows)
        return np.mean(training.features[27:].argmax(1) == training.labels[27:])

    assert share_right(arms.generated(2, select)) > share_right(arms.generated(2)) + 0.1


def test_shuffled_labels_keep_the_images(material):
    plain, shuffled = (run(arm(2), material, range(27)) for arm in (arms.generated, arms.shuffled))
    assert np.array_equal(plain.features, shuffled.features)
    assert np.array_equal(np.sort(plain.labels), np.sort(shuffled.labels))
    assert (plain.labels[27:] == shuffled.labels[27:]).mean() < 0.7


def test_retrieval_gives_other_photographs_of_the_same_class(material):
    rows = np.array([0, 1, 12, 18])
    training = run(arms.retrieved(2), material, rows)
    added, labels = training.features[4:], training.labels[4:]
    assert np.bincount(labels).tolist() == [4, 2, 2]
    places = [int(np.flatnonzero((material.real.features == x).all(1))[0]) for x in added]
    assert not set(places) & set(rows) and len(set(places)) == 8
    assert np.array_equal(material.real.labels[places], labels)
    own = material.real.features[[0, 1]]
    likeness = (material.real.features[2:12] @ own.T).max(1)
    assert set(places[:4]) == set(2 + np.argsort(-likeness)[:4])


def test_retrieval_from_another_collection_may_give_any_of_it(material):
    rows = np.array([0, 1, 12, 18])
    apart = material._replace(others=material.generated, others_hold_real=False)
    training = run(arms.retrieved(40), apart, rows)
    # All 120, though the numbers of four of them are those of photographs in the draw.
    assert len(training.labels) == 4 + 120
    assert len(run(arms.retrieved(40), material, rows).labels) == 4 + 23


def test_generated_images_on_top_of_changed_copies(material):
    rows = [3, 20]
    training = run(arms.changed_and_generated("changed", 3, 6), material, rows)
    copies = run(arms.changed("changed", 3), material, rows)
    assert np.array_equal(training.features[:8], copies.features)
    assert np.array_equal(training.labels[:8], copies.labels)
    added = run(arms.generated(6), material, rows)
    assert np.array_equal(training.features[8:], added.features[2:])
    assert np.bincount(training.labels[8:]).tolist() == [4, 4, 4]


def test_copies_belong_to_their_photographs(material):
    training = run(arms.changed("changed", 3), material, [3, 20])
    a, b = material.real.features[[3, 20]]
    assert np.allclose(training.features[2:], [a, -a, a, b, -b, b])
    assert training.labels.tolist() == [0, 2, 0, 0, 0, 2, 2, 2]


def test_noise_and_duplicates_stay_with_the_photographs_drawn(material):
    rows = np.array([0, 1, 2, 12, 13, 18])
    own = {tuple(row) for row in material.real.features[rows]}
    assert {tuple(row) for row in run(arms.duplicates(3), material, rows).features} <= own
    noisy = run(arms.noise(2), material, rows)
    assert len(noisy.labels) == 18 and tuple(noisy.features[6]) not in own
    assert (noisy.features[6:] * material.real.features[np.repeat(rows, 2)]).sum(1).mean() > 0.8
