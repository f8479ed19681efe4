"""Photographs and generated images as features, and what each arm predicts on each draw."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from benchmarks.heads.plan import ARMS, DRAWS_OF_ALL, GENERATED, arms_of, draw
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import FeatureNetwork, Pool
from synthderm.evaluation.protocol import Outcome, predict

CLASSES = ("melanoma", "nevus", "seborrheic_keratosis")
OTHER_NAMES = ("MEL", "NEV", "SEK")  # the same classes in PAD-UFES-20
COPIES = 2
SEED = 2021  # of generated images and changed copies


class Photographs(NamedTuple):
    """Photographs as features: `groups` (N,) numbers the patients, or the files."""

    pool: Pool
    groups: NDArray[np.int64]


class Condition(NamedTuple):
    """A cell of the benchmark: `source` is None for arms without generated images."""

    source: str | None
    amount: str
    arm: str


Outcomes = dict[Condition, list[Outcome]]


def read(network: FeatureNetwork, folders: Sequence[SkinFolder]) -> Photographs:
    """The photographs of folders, one after the other."""
    features = np.concatenate([network.photographs(folder) for folder in folders])
    labels = np.concatenate([np.array(folder.targets) for folder in folders])
    names = [
        group or path for folder in folders for group, (path, _) in zip(folder.groups, folder.imgs)
    ]
    return Photographs(Pool(features, labels), np.unique(names, return_inverse=True)[1])


def read_tests(network: FeatureNetwork, data: Path, other: Path) -> dict[str, Photographs]:
    """The test images: A, of the same challenge; A-OOD, of another collection. The generator was
    trained on neither."""
    own = [SkinFolder(data, split=split, classes=CLASSES) for split in ("val", "test")]
    return {
        "A": read(network, own),
        "A-OOD": read(network, [SkinFolder(other, classes=OTHER_NAMES)]),
    }


def read_material(
    network: FeatureNetwork, data: Path, source: str, images: int
) -> tuple[Material, NDArray[np.int64]]:
    """What the arms of a source may use, and the groups of the photographs."""
    folder = SkinFolder(data, split="train", classes=CLASSES)
    photographs = read(network, [folder])
    made = SyntheticSkinDataset(source, length=images, labels=CLASSES, seed=SEED)
    labels = np.array([CLASSES.index(made.classes[k]) for k in made.targets])
    material = Material(
        classes=len(CLASSES),
        real=photographs.pool,
        generated=Pool(network.generated(made), labels),
        copies={
            change: network.photographs(folder, change, COPIES, SEED)
            for change in ("randaugment", "blur and jitter")
        },
        others=photographs.pool,
    )
    return material, photographs.groups


def run_all(
    materials: dict[str, Material],
    groups: NDArray[np.int64],
    tests: dict[str, Photographs],
    amounts: Sequence[str],
    draws: Sequence[int],
    jobs: int,
) -> Outcomes:
    """Every arm on every draw. Arms without generated images run once, not for each source."""
    conditions = [
        Condition(source, amount, arm)
        for amount in amounts
        for arm in arms_of(amount)
        for source in (materials if arm in GENERATED else [None])
    ]
    first = next(iter(materials))
    features = np.concatenate([test.pool.features for test in tests.values()])
    outcomes = Parallel(n_jobs=jobs, verbose=5)(
        delayed(run_condition)(
            condition, materials[condition.source or first], groups, features, draws
        )
        for condition in conditions
    )
    return dict(zip(conditions, outcomes))


def run_condition(
    condition: Condition,
    material: Material,
    groups: NDArray[np.int64],
    test: NDArray[Any],
    draws: Sequence[int],
) -> list[Outcome]:
    """One arm with one amount of photographs, on each draw."""
    outcomes = []
    for number in draws[:DRAWS_OF_ALL] if condition.amount == "100%" else draws:
        rows = draw(condition.amount, material.real.labels, groups, number)
        outcomes.append(predict(ARMS[condition.arm], material, rows, groups, test, seed=number))
    return outcomes
