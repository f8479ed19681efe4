"""Task T: the ways to train that are compared. Many arms have the name of the copies they use."""

from collections.abc import Sequence

import numpy as np

from synthderm.evaluation import arms
from synthderm.evaluation.arms import Arm, Material, Rows
from synthderm.evaluation.features import Features, Pool
from synthderm.evaluation.heads import TrainingSet

PLAIN = "plain"
LAB, MELANIN = "LAB shift", "tone jitter"
LAB_ITA, MELANIN_ITA = "LAB shift to an ITA", "tone jitter to an ITA"
EDIT = "EczemaEdit"
EDIT_MELANIN, EDIT_ITA = f"{EDIT} + {MELANIN}", f"{EDIT} + {MELANIN_ITA}"
GENERATED = "generated x3"
# Of tone in `steadying`. Among 300 to 30,000, on training photographs that draws left out, the
# first had the best balanced accuracy, and the second the fewest flips at no loss.
WEIGHTS = {"steadied": 3e3, "steadied more": 3e4}


def joined(names: Sequence[str], edits: Sequence[str] = (), photographs: bool = True) -> Arm:
    """Photographs with changed copies of them, and with edits of the healthy ones as inflamed.

    Args:
        names: copies that keep their labels.
        edits: copies of healthy skin that are inflamed.
        photographs: with inflamed photographs; else healthy skin and edits alone.
    """

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        healthy = rows[material.real.labels[rows] == 0]
        kept = rows if photographs else healthy
        pools = [material.real.take(kept)]
        pools += [copies_of(material, name, kept) for name in names]
        for name in edits:
            pool = copies_of(material, name, healthy)
            before = np.repeat(material.real.features[healthy], len(pool.labels) // len(healthy), 0)
            # In some no skin is found, so that nothing is edited.
            is_edited = (copies_of(material, EDIT, healthy).features != before).any(1)
            pools.append(Pool(pool.features, np.ones_like(pool.labels)).take(is_edited))
        return TrainingSet(
            np.concatenate([pool.features for pool in pools]),
            np.concatenate([pool.labels for pool in pools]),
        )

    return arm


def copies_of(material: Material, name: str, rows: Rows) -> Pool:
    """All copies of some photographs."""
    made = material.copies[name][rows]
    labels = np.repeat(material.real.labels[rows], made.shape[1])
    return Pool(made.reshape(-1, made.shape[2]), labels)


def steadying(material: Material, weight: float) -> Features:
    """(D, D), to multiply features with: directions in which a change of tone moves the training
    photographs get small, so that a head pays more for its use of them.

    Within-class covariance normalisation (Hatch et al., Interspeech 2006), where a class is one
    photograph in several tones: (1 + weight x covariance) to the power of -1/2.
    """
    photographs = material.real.features
    moved = [material.copies[name] - photographs[:, None] for name in (MELANIN, MELANIN_ITA)]
    rows = np.concatenate([one.reshape(-1, one.shape[2]) for one in moved]).astype(np.float64)
    values, axes = np.linalg.eigh(rows.T @ rows / len(rows))
    scaled = axes / np.sqrt(1 + weight * values.clip(0)) @ axes.T
    return scaled.astype(np.float32)


def scale(material: Material, by: Features) -> Material:
    """All features multiplied with a matrix."""
    return material._replace(
        real=Pool(material.real.features @ by, material.real.labels),
        generated=Pool(material.generated.features @ by, material.generated.labels),
        copies={name: rows @ by for name, rows in material.copies.items()},
    )


def with_generated(names: Sequence[str], generated: Sequence[str], dose: int = 3) -> Arm:
    """Photographs, changed copies of them, and `dose` generated images for each photograph.

    Args:
        names: copies of photographs.
        generated: copies of the generated images, beside these.
        dose: generated images for each photograph.
    """

    def arm(material: Material, rows: Rows, rng: np.random.Generator) -> TrainingSet:
        numbers = np.arange(len(material.generated.labels))
        chosen = arms.draw_equally(
            Pool(numbers[:, None], material.generated.labels), dose * len(rows), rng
        ).features[:, 0]
        pools = [material.real.take(rows), material.generated.take(chosen)]
        pools += [copies_of(material, name, rows) for name in names]
        labels = material.generated.labels[chosen]
        pools += [Pool(material.copies[name][chosen, 0], labels) for name in generated]
        return TrainingSet(
            np.concatenate([pool.features for pool in pools]),
            np.concatenate([pool.labels for pool in pools]),
        )

    return arm


GENERATED_ITA = "generated, to an ITA"
COMMON: dict[str, Arm] = {
    PLAIN: joined([]),
    LAB: joined([LAB]),
    MELANIN: joined([MELANIN]),
    LAB_ITA: joined([LAB_ITA]),
    MELANIN_ITA: joined([MELANIN_ITA]),
}
# The same arms on features in which tone was made small.
STEADY: dict[str, tuple[str, ...]] = {
    "inflamed": (PLAIN, MELANIN_ITA, EDIT_ITA),
    "diagnoses": (PLAIN, MELANIN_ITA),
}
ARMS: dict[str, dict[str, Arm]] = {
    "inflamed": {
        **COMMON,
        EDIT: joined([], [EDIT]),
        EDIT_MELANIN: joined([MELANIN], [EDIT_MELANIN]),
        EDIT_ITA: joined([MELANIN_ITA], [EDIT_ITA]),
        f"{EDIT} alone": joined([], [EDIT], photographs=False),
        f"{EDIT_MELANIN}, alone": joined([MELANIN], [EDIT_MELANIN], photographs=False),
        f"{EDIT_ITA}, alone": joined([MELANIN_ITA], [EDIT_ITA], photographs=False),
    },
    "diagnoses": {
        **COMMON,
        GENERATED: with_generated([], []),
        f"{GENERATED} + {MELANIN_ITA}": with_generated([MELANIN_ITA], []),
        f"{GENERATED} + {MELANIN_ITA}, generated too": with_generated(
            [MELANIN_ITA], [GENERATED_ITA]
        ),
    },
}
