"""Heads: multinomial logistic regression on frozen features, trained to convergence.

The loss is the mean over the images (or its weighted mean) plus `penalty` / 2 times the squared
weights. As it is a mean, the same images twice are the same problem: more images change nothing by
their number alone.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthderm.evaluation.features import Features

PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)  # from strong to weak
STEPS = 2000  # of L-BFGS, at most
TOLERANCE = 1e-4  # of the gradient, at which it has converged

Probabilities = NDArray[np.float64]  # (N, K)


class TrainingSet(NamedTuple):
    """What a head is trained on.

    Args:
        features: (N, D).
        labels: (N,) int64.
        balanced: whether every class counts equally, however many images it has.
    """

    features: Features
    labels: NDArray[np.int64]
    balanced: bool = True

    def image_weights(self) -> NDArray[np.float64]:
        """(N,), of mean 1."""
        if not self.balanced:
            return np.ones(len(self.labels))
        counts = np.bincount(self.labels)
        return len(self.labels) / (np.count_nonzero(counts) * counts[self.labels])


def train_path(
    training: TrainingSet, test: Features, classes: int, penalties: tuple[float, ...] = PENALTIES
) -> list[Probabilities]:
    """What heads of these penalties, each started from the one before, predict.

    Args:
        training: at least two classes; one that it lacks gets probability 0.
        test: (M, D).
        classes: K.

    Returns:
        (M, K) for each penalty.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    head: Any = LogisticRegression(max_iter=STEPS, tol=TOLERANCE, warm_start=True)
    weights = training.image_weights()
    predicted = []
    for penalty in penalties:
        head.set_params(C=1 / (penalty * len(training.labels)))
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            head.fit(training.features, training.labels, sample_weight=weights)
        probabilities = np.zeros((len(test), classes))
        probabilities[:, head.classes_] = head.predict_proba(test)
        predicted.append(probabilities)
    return predicted


def balanced_log_loss(probabilities: Probabilities, labels: NDArray[np.int64]) -> float:
    """Mean over the classes of the mean -log p of the class that is right."""
    loss = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-6))
    return float(np.mean([loss[labels == label].mean() for label in np.unique(labels)]))
