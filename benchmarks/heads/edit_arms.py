"""Task B: the ways to train that are compared, and how many edits each draw uses."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthderm.evaluation import arms
from synthderm.evaluation.arms import Arm, Material, Rows
from synthderm.evaluation.features import Features, Pool
from synthderm.evaluation.heads import TrainingSet

AMOUNTS = ("0", "5", "20", "all")  # inflamed photographs
SHARES = (0.1, 0.25, 0.5)  # of the inflamed images of a training set, those that are made
REAL, OVERSAMPLING, RANDAUGMENT = "real only", "oversampling", "RandAugment + oversampling"
EDIT, SHUFFLED, TINT, PASTE = "EczemaEdit", "EczemaEdit, labels shuffled", "red tint", "copy-paste"
OURS = EDIT
CLASSICAL = (REAL, OVERSAMPLING, RANDAUGMENT, PASTE)


def mixed(name: str, share: float, shuffled: bool = False) -> Arm:
    """Oversampling in which a share of the inflamed images is made from healthy skin.

    There are as many images of either class, as far as whole repeats of the inflamed photographs
    allow; the head weighs classes equally in any case.

    Args:
        name: copies of healthy skin; of inflamed skin for `PASTE`.
        share: of the inflamed images, those that are made.
        shuffled: which of the healthy and the made images are called inflamed is drawn anew.
    """

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        labels = material.real.labels[rows]
        healthy, inflamed = rows[labels == 0], rows[labels == 1]
        count = max(1, round(share * len(healthy)))
        made = _made(material, name, inflamed if name == PASTE else healthy, count, rng)
        repeats = max(1, round((1 - share) * len(healthy) / max(1, len(inflamed))))
        added = np.concatenate([np.zeros(len(healthy)), np.ones(len(made))]).astype(np.int64)
        own = np.repeat(inflamed, repeats)
        return TrainingSet(
            np.concatenate([material.real.features[healthy], made, material.real.features[own]]),
            np.concatenate([rng.permutation(added) if shuffled else added, np.ones_like(own)]),
        )

    return arm


def _made(
    material: Material, name: str, rows: Rows, count: int, rng: np.random.Generator
) -> Features:
    """`count` copies of rows, evenly drawn, without those in which nothing changed."""
    copies = material.copies[name][rows]
    chosen = np.resize(rng.permutation(copies.shape[0] * copies.shape[1]), count)
    before = material.real.features[rows][chosen // copies.shape[1]]
    made = copies.reshape(-1, copies.shape[2])[chosen]
    return made[(made != before).any(1)]


def by_share(name: str, shuffled: bool = False) -> dict[float, Arm]:
    """The same arm with every share, among which each draw chooses by its own photographs."""
    return {share: mixed(name, share, shuffled) for share in SHARES}


# Each arm is one or several, of which a draw takes the one with the least loss in its own
# cross-validation.
ARMS: dict[str, dict[float, Arm]] = {
    REAL: {0.0: arms.real},
    OVERSAMPLING: {0.0: arms.oversampled},
    RANDAUGMENT: {0.0: arms.changed(RANDAUGMENT, 2)},
    PASTE: by_share(PASTE),
    TINT: by_share(TINT),
    SHUFFLED: by_share(EDIT, shuffled=True),
    EDIT: by_share(EDIT),
}
WITHOUT = (EDIT, TINT, SHUFFLED)  # what needs no inflamed photograph


class Made(NamedTuple):
    """Healthy skin and what was made of it: a task without an inflamed photograph.

    Args:
        material: healthy images, 0, and made ones, 1; nothing else.
        groups: of both.
    """

    material: Material
    groups: NDArray[np.int64]


def made_of(
    healthy: Features,
    copies: Mapping[str, Features],
    groups: NDArray[np.int64],
    name: str,
    number: int,
) -> Made:
    """Healthy skin with one made image of each, which copy is drawn by `number`.

    Args:
        healthy: (N, D).
        copies: (N, C, D) by name.
        groups: (N,).
        name: of the copies; `SHUFFLED` for edits whose labels say nothing.
        number: of the draw.
    """
    rng = np.random.default_rng(number)
    rows = copies[EDIT if name == SHUFFLED else name]
    made = rows[np.arange(len(rows)), rng.integers(rows.shape[1], size=len(rows))]
    changed = (made != healthy).any(1)
    labels = np.concatenate([np.zeros(len(healthy)), np.ones(changed.sum())]).astype(np.int64)
    if name == SHUFFLED:
        labels = rng.permutation(labels)
    pool = Pool(np.concatenate([healthy, made[changed]]), labels)
    return Made(Material(2, pool, pool, {}), np.concatenate([groups, groups[changed]]))


def draw(amount: str, labels: NDArray[np.int64], groups: NDArray[np.int64], number: int) -> Rows:
    """All healthy images, and so many inflamed ones, each of another patient; or all of them."""
    healthy, inflamed = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    if amount != "all":
        order = np.random.default_rng([AMOUNTS.index(amount), number]).permutation(inflamed)
        _, first = np.unique(groups[order], return_index=True)
        inflamed = order[np.sort(first)][: int(amount)]
    return np.sort(np.concatenate([healthy, inflamed]))
