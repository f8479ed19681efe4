"""What is measured on the test photographs: functions of tensors, all with weights, so that a
bootstrap is one product.

`weights` is (R, N): how often each of R resamples holds each of N photographs; every function gives
(R,).
"""

import torch
from torch import Tensor


def recalls(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Recall of each class, (R, K); NaN where a resample holds none of it.

    Args:
        probabilities: (N, K).
        labels: (N,) int64.
    """
    correct = (probabilities.argmax(1) == labels).double()
    classes = torch.nn.functional.one_hot(labels, probabilities.shape[1]).double()
    return (weights @ (classes * correct[:, None])) / (weights @ classes)


def balanced_accuracy(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean recall over the classes (Brodersen et al., ICPR 2010)."""
    return recalls(probabilities, labels, weights).mean(1)


def auroc(scores: Tensor, positive: Tensor, weights: Tensor) -> Tensor:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting
    half (Hanley and McNeil, Radiology 143, 1982).

    Args:
        scores: (N,).
        positive: (N,) bool.
    """
    _, rank = scores.unique(return_inverse=True)  # equal scores share a place
    place = torch.nn.functional.one_hot(rank).double()
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
    member = torch.nn.functional.one_hot(
        (confidence * bins).long().clamp(0, bins - 1), bins
    ).double()
    gap = (winner == labels).double() - confidence.double()
    return (weights @ (member * gap[:, None])).abs().sum(1) / weights.sum(1)


def dice(predicted: Tensor, masks: Tensor) -> Tensor:
    """Overlap of each predicted mask with the true one, (N,): 2 |A and B| / (|A| + |B|), 1 where
    both are empty.

    Args:
        predicted, masks: (N, 1, H, W) bool.
    """
    both = (predicted & masks).sum((1, 2, 3)).double()
    total = (predicted.sum((1, 2, 3)) + masks.sum((1, 2, 3))).double()
    return torch.where(total > 0, 2 * both / total.clamp_min(1), 1.0)


def mean_of(values: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean of a figure that each photograph has of its own, (N,)."""
    return (weights @ values.double()) / weights.sum(1)


# The main measure of each task.
SCORES = {"A": balanced_accuracy, "B": macro_auroc, "C": mean_of}


def readable(task: str, predictions: Tensor) -> Tensor:
    """What `SCORES` take: probabilities, which predictions and records hold as logarithms, or the
    Dice of each photograph."""
    return predictions if task == "C" else predictions.exp()


# Chardon et al. (1991), merged into three, since few photographs are of the outer groups.
TONES = {
    "very light (ITA > 55)": (55, 181),
    "light to intermediate (28 to 55)": (28, 55),
    "tan to dark (ITA < 28)": (-181, 28),
}
FEWEST = 10  # photographs in a tone group; of fewer no figure is given


def by_tone(measure, values: Tensor, labels: Tensor, tones: Tensor) -> dict[str, dict]:
    """A measure within each skin tone group: `{"n": photographs, "value": figure}`, the figure None
    where the group is too small."""
    result = {}
    for name, (low, high) in TONES.items():
        inside = (tones > low) & (tones <= high)
        value = (
            measure(
                values[inside], labels[inside], torch.ones(1, int(inside.sum()), dtype=torch.double)
            )[0].item()
            if inside.sum() >= FEWEST
            else None
        )
        result[name] = {
            "n": int(inside.sum()),
            "value": None if value is None or value != value else value,
        }
    return result
