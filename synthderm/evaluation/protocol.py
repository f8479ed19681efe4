"""The comparison: which photographs a draw trains on, how the penalty is chosen, what is predicted.

Everything is chosen within the photographs of the draw. Those of one patient or lesion are never on
both sides of a split.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthderm.evaluation.arms import Arm, Material, Rows
from synthderm.evaluation.features import Features
from synthderm.evaluation.heads import (
    PENALTIES,
    Probabilities,
    balanced_log_loss,
    train_path,
)

INNER_FOLDS = 3
USUAL_PENALTY = 3  # its place in `PENALTIES`, where photographs are too few to choose


class Outcome(NamedTuple):
    """What an arm gave on one draw.

    Args:
        probabilities: of the test images, (M, K).
        inner_loss: balanced log loss of the chosen penalty within the draw, NaN where there were
            too few photographs to choose.
        penalty: the chosen one.
    """

    probabilities: Probabilities
    inner_loss: float
    penalty: float


def predict(
    arm: Arm, material: Material, rows: Rows, groups: NDArray[Any], test: Features, seed: int
) -> Outcome:
    """Choose the penalty within a draw, train on all of it, predict the test images.

    The penalty is the one with the least balanced log loss in cross-validation over the draw's own
    photographs; what an arm adds is made anew for each part, from the photographs of the part.

    Args:
        arm: how to train.
        material: all images.
        rows: the draw: which photographs.
        groups: the patient or lesion of every photograph in `material.real`.
        test: (M, D).
        seed: of all that is random in the arm.
    """
    labels = material.real.labels
    losses = []
    for fold, (train, held_out) in enumerate(
        split_grouped(labels, groups, rows, INNER_FOLDS, seed)
    ):
        training = arm(material, train, np.random.default_rng([seed, 1 + fold]))
        held = material.real.take(held_out)
        path = train_path(training, held.features, material.classes)
        losses.append([balanced_log_loss(part, held.labels) for part in path])
    mean = np.mean(losses, axis=0) if losses else np.full(len(PENALTIES), np.nan)
    best = int(np.argmin(mean)) if losses else USUAL_PENALTY
    training = arm(material, rows, np.random.default_rng([seed, 0]))
    (probabilities,) = train_path(training, test, material.classes, PENALTIES[best : best + 1])
    return Outcome(probabilities, float(mean[best]), PENALTIES[best])


def split_grouped(
    labels: NDArray[np.int64], groups: NDArray[Any], rows: Rows, folds: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """Splits of `rows` in which no group is on both sides and every class is on the first.

    Fewer folds where a class has fewer groups; none where a class has one group alone.

    Returns:
        (rows to train on, rows held out) for each fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    owned = [np.unique(groups[rows[labels[rows] == label]]) for label in np.unique(labels[rows])]
    folds = min(folds, *(len(own) for own in owned))
    if folds < 2:
        return []
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    parts = [
        (rows[train], rows[held_out])
        for train, held_out in splitter.split(rows, labels[rows], groups[rows])
    ]
    is_whole = [len(np.unique(labels[train])) == len(owned) for train, held_out in parts]
    return [part for part, whole in zip(parts, is_whole) if whole and len(part[1])]


def draw_few(
    labels: NDArray[np.int64], groups: NDArray[Any], each: int, rng: np.random.Generator
) -> Rows:
    """`each` photographs of every class, each of another group as long as there are any."""
    parts = []
    for label in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == label))
        first = np.sort(np.unique(groups[order], return_index=True)[1])
        parts.append(np.concatenate([order[first], np.delete(order, first)])[:each])
    return np.sort(np.concatenate(parts))


def draw_share(
    labels: NDArray[np.int64], groups: NDArray[Any], share: float, rng: np.random.Generator
) -> Rows:
    """A share of each class, whole groups at a time, at least one group of each."""
    if share >= 1:
        return np.arange(len(labels))
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        order = rng.permutation(np.unique(groups[own]))
        sizes = np.cumsum([np.sum(groups[own] == group) for group in order])
        kept = order[: 1 + np.searchsorted(sizes, share * len(own), side="left")]
        chosen.append(own[np.isin(groups[own], kept)])
    return np.sort(np.concatenate(chosen))


def best_by_inner_loss(losses: Mapping[str, list[float]]) -> str:
    """The arm with the least mean loss within the draws: what one would have chosen without the
    test images. The first of them where photographs were too few for any."""
    means = {name: np.nanmean(values) for name, values in losses.items() if not _all_nan(values)}
    return min(means, key=lambda name: means[name]) if means else next(iter(losses))


def _all_nan(values: list[float]) -> bool:
    return bool(np.isnan(values).all())
