"""Arms: the ways to train that are compared. Each makes a training set of some photographs.

Nothing but `real` leaves classes as unequal as they are: every other arm weighs them equally.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthderm.evaluation.features import Features, Pool, unit_length
from synthderm.evaluation.heads import TrainingSet, train_path

Rows = NDArray[np.int64]
AGREEMENT_PENALTY = 0.003  # of the head that selects generated images


class Material(NamedTuple):
    """All images that arms may use.

    Args:
        classes: how many there are.
        real: the photographs.
        generated: images of the classes that the generator knows.
        copies: changed copies (N, C, D) of every photograph, by the name of the change.
        others: photographs that the generator was trained on, for retrieval.
        others_hold_real: whether the first of `others` are those in `real`, in the same order, so
            that a draw must not retrieve itself; else no photograph is in both.
    """

    classes: int
    real: Pool
    generated: Pool
    copies: dict[str, Features]
    others: Pool | None = None
    others_hold_real: bool = True


Arm = Callable[[Material, Rows, np.random.Generator], TrainingSet]


def real(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
    """The photographs as they are."""
    return TrainingSet(*material.real.take(rows), balanced=False)


def oversampled(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
    """The photographs, each class as heavy as any other: what drawing rare classes more often
    comes to."""
    return TrainingSet(*material.real.take(rows))


def changed(name: str, dose: int) -> Arm:
    """Photographs and `dose` changed copies of each; where fewer were made, some count twice."""

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        return _join(material, rows, _copies(material, rows, name, dose))

    return arm


def changed_and_generated(name: str, dose: int, generated_dose: float) -> Arm:
    """Photographs, `dose` changed copies of each, and on top of these as many generated images for
    each photograph: classical augmentation first, as in Frid-Adar et al., Neurocomputing 2018."""

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        pool = draw_equally(material.generated, round(generated_dose * len(rows)), rng)
        return _join(material, rows, _copies(material, rows, name, dose), pool)

    return arm


def _copies(material: Material, rows: Rows, name: str, dose: int) -> Pool:
    made = material.copies[name]
    copies = made[rows][:, np.arange(dose) % made.shape[1]]
    labels = np.repeat(material.real.labels[rows], dose)
    return Pool(copies.reshape(len(labels), -1), labels)


def generated(dose: float, select: str | None = None, alone: bool = False) -> Arm:
    """Photographs and `dose` generated images for each, in equal classes.

    Args:
        dose: as many generated images for each photograph.
        select: keep the half of twice as many that a head trained on the photographs agrees with
            most ("agreement"), or that are nearest to the photographs of their class
            ("centroid").
        alone: without the photographs.
    """

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        count = round(dose * len(rows))
        pool = draw_equally(material.generated, count * (2 if select else 1), rng)
        if select:
            score = SELECTIONS[select](material, rows, pool)
            pool = pool.take(_best_half(score, pool.labels))
        return TrainingSet(*pool) if alone else _join(material, rows, pool)

    return arm


def all_generated(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
    """All generated images that there are, and no photograph."""
    return TrainingSet(*material.generated)


def shuffled(dose: float) -> Arm:
    """As `generated`, with labels that say nothing."""

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        pool = draw_equally(material.generated, round(dose * len(rows)), rng)
        return _join(material, rows, Pool(pool.features, rng.permutation(pool.labels)))

    return arm


def noise(dose: int, size: float = 0.3) -> Arm:
    """Photographs and `dose` copies of each with Gaussian noise on the features.

    Args:
        size: of the noise, as a share of the spread of the photographs' features.
    """

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        drawn = material.real.take(np.repeat(rows, dose))
        spread = size * material.real.features[rows].std(0)
        added = drawn.features + spread * rng.standard_normal(drawn.features.shape)
        return _join(material, rows, Pool(unit_length(added), drawn.labels))

    return arm


def duplicates(dose: int) -> Arm:
    """Photographs and `dose` photographs drawn again from the same ones."""

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        again = rng.choice(rows, dose * len(rows))
        return _join(material, rows, material.real.take(again))

    return arm


def retrieved(dose: float) -> Arm:
    """Photographs and, for each of a class, `dose` of the generator's own training photographs of
    that class: those nearest to any of them, with their true labels."""

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        others = material.others
        assert others is not None
        free = np.arange(len(others.labels))
        if material.others_hold_real:
            free = np.setdiff1d(free, rows)
        chosen = []
        for label in np.unique(material.real.labels[rows]):
            own = rows[material.real.labels[rows] == label]
            near = free[others.labels[free] == label]
            likeness = (others.features[near] @ material.real.features[own].T).max(1)
            chosen.append(near[np.argsort(-likeness)[: round(dose * len(own))]])
        return _join(material, rows, others.take(np.concatenate(chosen)))

    return arm


def draw_equally(pool: Pool, count: int, rng: np.random.Generator) -> Pool:
    """`count` images, without repetition and in equal classes as far as they divide; fewer where a
    class has no more."""
    labels = np.unique(pool.labels)
    shares = np.full(len(labels), count // len(labels))
    shares[rng.permutation(len(labels))[: count % len(labels)]] += 1
    rows = [
        rng.permutation(np.flatnonzero(pool.labels == label))[:share]
        for label, share in zip(labels, shares)
    ]
    return pool.take(np.concatenate(rows))


def _agreement(material: Material, rows: Rows, pool: Pool) -> NDArray[Any]:
    training = oversampled(material, rows, np.random.default_rng(0))
    (probabilities,) = train_path(training, pool.features, material.classes, (AGREEMENT_PENALTY,))
    return probabilities[np.arange(len(pool.labels)), pool.labels]


def _nearness(material: Material, rows: Rows, pool: Pool) -> NDArray[Any]:
    """By how much the centroid of the image's own class is nearer than the nearest other one."""
    drawn = material.real.take(rows)
    labels = np.unique(drawn.labels)
    centroids = np.stack([drawn.features[drawn.labels == k].mean(0) for k in labels])
    distance = np.linalg.norm(pool.features[:, None] - centroids, axis=2)
    is_own = pool.labels[:, None] == labels
    other = np.where(is_own, np.inf, distance).min(1)
    return other - np.where(is_own, distance, 0).sum(1)


SELECTIONS = {"agreement": _agreement, "centroid": _nearness}


def _best_half(score: NDArray[Any], labels: NDArray[np.int64]) -> Rows:
    """Of each class the half with the highest score."""
    kept = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        kept.append(own[np.argsort(-score[own])[: (len(own) + 1) // 2]])
    return np.concatenate(kept)


def _join(material: Material, rows: Rows, *added: Pool) -> TrainingSet:
    pools = [material.real.take(rows), *added]
    return TrainingSet(
        np.concatenate([pool.features for pool in pools]),
        np.concatenate([pool.labels for pool in pools]),
    )
