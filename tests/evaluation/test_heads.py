"""Heads: converged, the same for the same images twice, and balanced where asked."""

import numpy as np
import pytest

from synthderm.evaluation.features import unit_length
from synthderm.evaluation.heads import PENALTIES, TrainingSet, balanced_log_loss, train_path


def draw(counts: list[int], seed: int = 0, width: int = 12) -> TrainingSet:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    middle = np.random.default_rng(1).normal(size=(len(counts), width))
    return TrainingSet(unit_length(middle[labels] + rng.normal(size=(len(labels), width))), labels)


def test_the_same_images_twice_are_the_same_problem():
    one, test = draw([20, 10, 5]), draw([10, 10, 10], seed=5)
    twice = TrainingSet(np.tile(one.features, (3, 1)), np.tile(one.labels, 3))
    for once, again in zip(train_path(one, test.features, 3), train_path(twice, test.features, 3)):
        assert np.allclose(once, again, atol=2e-3)


@pytest.mark.parametrize("penalty", [PENALTIES[0], PENALTIES[-1]])
def test_heads_have_converged(penalty):
    """The gradient is nought, so that further steps would change nothing."""
    training = draw([30, 10])
    (chances,) = train_path(training, training.features, 2, (penalty,))
    weights = training.image_weights() / len(training.labels)
    # Of the bias, on which there is no penalty: the weighted mean of the errors.
    errors = chances - np.eye(2)[training.labels]
    assert np.abs(weights @ errors).max() < 1e-3


def test_balanced_heads_prefer_no_class():
    training = draw([200, 10])
    test = draw([100, 100], seed=3)
    (plain,) = train_path(training._replace(balanced=False), test.features, 2, (0.03,))
    (balanced,) = train_path(training, test.features, 2, (0.03,))
    assert plain.argmax(1).mean() < 0.3 < balanced.argmax(1).mean() < 0.7


def test_a_class_that_is_missing_gets_nothing():
    training = draw([10, 10])
    (chances,) = train_path(training, training.features, 4, (0.01,))
    assert chances.shape == (20, 4) and not chances[:, 2:].any()
    assert np.allclose(chances.sum(1), 1)


def test_the_balanced_loss_counts_classes_equally():
    chances = np.array([[0.5, 0.5]] * 9 + [[1.0, 0.0]])
    labels = np.array([0] * 9 + [1])
    expected = (np.log(2) - np.log(1e-6)) / 2
    assert np.isclose(balanced_log_loss(chances, labels), expected)
