"""What is measured on the test photographs. All functions take weights, so that a bootstrap is one
matrix product.

`weights` is (R, N): how often each of R resamples holds each of N photographs. Functions give (R,).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def recalls(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Recall of each class, (R, K); NaN where a resample holds none of it.

    Args:
        probabilities: (N, K).
        labels: (N,) int64.
    """
    correct = (probabilities.argmax(1) == labels).double()
    classes = F.one_hot(labels, probabilities.shape[1]).double()
    return (weights @ (classes * correct[:, None])) / (weights @ classes)


def balanced_accuracy(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean recall over the classes (Brodersen et al., ICPR 2010)."""
    return recalls(probabilities, labels, weights).mean(1)


def auroc(scores: Tensor, positive: Tensor, weights: Tensor) -> Tensor:
    """Area under the ROC curve: the chance that a positive scores above a negative; ties count half
    (Hanley and McNeil, Radiology 143, 1982).

    scikit-learn has it for one set of weights; here all resamples are computed at once.

    Args:
        scores: (N,).
        positive: (N,) bool.
    """
    _, rank = scores.unique(return_inverse=True)  # equal scores share a rank
    place = F.one_hot(rank).double()
    negatives = (weights * ~positive) @ place
    positives = (weights * positive) @ place
    below = negatives.cumsum(1) - negatives / 2
    return (positives * below).sum(1) / (positives.sum(1) * negatives.sum(1))


def macro_auroc(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean of each class against the rest; of two classes, the second's."""
    columns = range(probabilities.shape[1]) if probabilities.shape[1] > 2 else [1]
    return torch.stack([auroc(probabilities[:, k], labels == k, weights) for k in columns]).mean(0)


def calibration_error(
    probabilities: Tensor, labels: Tensor, weights: Tensor, bins: int = 15
) -> Tensor:
    """Expected calibration error of the winning class (Guo et al., ICML 2017): 15 bins of equal
    width."""
    confidence, winner = probabilities.max(1)
    member = F.one_hot((confidence * bins).long().clamp(0, bins - 1), bins).double()
    gap = (winner == labels).double() - confidence.double()
    return (weights @ (member * gap[:, None])).abs().sum(1) / weights.sum(1)


def mean_of(values: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean of a figure that each photograph has of its own, (N,)."""
    return (weights @ values.double()) / weights.sum(1)


Score = Callable[[Tensor, Tensor, Tensor], Tensor]
# The main measure of each task.
SCORES: dict[str, Score] = {"A": balanced_accuracy, "B": macro_auroc, "C": mean_of}


def score_input(task: str, predictions: Tensor) -> Tensor:
    """What `SCORES` take, from predictions as records hold them: probabilities from their
    logarithms, or the Dice of each photograph as it is."""
    return predictions if task == "C" else predictions.exp()


# ITA in degrees: the groups of Chardon et al. (1991), merged into three, since few photographs are
# in the outer ones.
TONES = {
    "very light (ITA > 55)": (55, 181),
    "light to intermediate (28 to 55)": (28, 55),
    "tan to dark (ITA < 28)": (-181, 28),
}
FEWEST = 10  # photographs in a group of skin tones; with fewer no figure is given


def by_tone(score: Score, values: Tensor, labels: Tensor, tones: Tensor) -> dict[str, Any]:
    """A measure within each group of skin tones.

    Args:
        score: one of `SCORES`.
        values: what it takes.
        labels: (N,) int64.
        tones: (N,) float, ITA in degrees.

    Returns:
        `{"n": photographs, "value": figure}` by group; the figure is None where the group is too
        small or lacks a class.
    """
    result = {}
    for name, (low, high) in TONES.items():
        inside = (tones > low) & (tones <= high)
        count, value = int(inside.sum()), None
        if count >= FEWEST:
            once = torch.ones(1, count, dtype=torch.double)
            figure = score(values[inside], labels[inside], once)[0]
            value = None if figure.isnan() else figure.item()
        result[name] = {"n": count, "value": value}
    return result
