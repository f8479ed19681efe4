"""What is measured on test photographs. All functions take weights, so that a bootstrap is computed
at once.

`weights` is (R, N): how often each of R resamples holds each of N photographs. Functions give (R,).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.intervals import weighted_auroc


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


def macro_auroc(probabilities: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean of each class against the rest; of two classes, the second's."""
    columns = range(probabilities.shape[1]) if probabilities.shape[1] > 2 else [1]
    return torch.stack(
        [weighted_auroc(probabilities[:, k], labels == k, weights) for k in columns]
    ).mean(0)
