"""What is measured on the test photographs. All functions take weights, so that a bootstrap is one
matrix product.

`weights` is (R, N): how often each of R resamples holds each of N photographs. Functions give (R,).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.evaluation.measures import balanced_accuracy, macro_auroc


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
