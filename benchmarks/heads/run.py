"""Photographs and generated images as features, and what each arm predicts on each draw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from benchmarks.heads.plan import (
    A_OOD,
    A_OOD_REVERSE,
    A_REVERSE,
    ARMS,
    DESIGNS,
    GENERATED,
    ISIC,
    PADUFES,
    A,
    Design,
    arms_of,
    draw,
)
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.evaluation.arms import Material, Rows
from synthderm.evaluation.evaluate import subset
from synthderm.evaluation.features import FeatureNetwork, Features, Pool
from synthderm.evaluation.protocol import Outcome, draw_share, predict, split_grouped

CLASSES = ("melanoma", "nevus", "seborrheic_keratosis")
OTHER_NAMES = ("MEL", "NEV", "SEK")  # the same classes in PAD-UFES-20
COPIES = 2
CHANGES = ("randaugment", "blur and jitter")
SEED = 2021  # of generated images and changed copies


class Photographs(NamedTuple):
    """Photographs as features.

    Args:
        pool: features and labels of N photographs.
        groups: (N,) numbers the patients, or the files.
        folds: (N,) which draws a photograph tests: those that leave its fold out. None where each
            tests all draws.
    """

    pool: Pool
    groups: NDArray[np.int64]
    folds: NDArray[np.int64] | None = None


class Study(NamedTuple):
    """What heads learn from, and what they are tested on.

    Args:
        materials: by source of generated images; the photographs are the same in all.
        groups: of the photographs.
        tests: by name.
        folds: (N,) of the photographs. Draw k learns from none of fold k modulo their number. None
            where draws are from all photographs.
    """

    materials: dict[str, Material]
    groups: NDArray[np.int64]
    tests: dict[str, Photographs]
    folds: NDArray[np.int64] | None = None

    def material(self, source: str | None) -> Material:
        return self.materials[source or next(iter(self.materials))]

    def test_features(self) -> Features:
        """Of all tests, one after the other."""
        return np.concatenate([test.pool.features for test in self.tests.values()])

    def draw(self, amount: str, number: int) -> Rows:
        """The photographs of a draw."""
        labels = self.material(None).real.labels
        if self.folds is None:
            return draw(amount, labels, self.groups, number)
        kept = np.flatnonzero(~is_left_out(self.folds, number))
        return kept[draw(amount, labels[kept], self.groups[kept], number)]


def is_left_out(folds: NDArray[np.int64], number: int) -> NDArray[np.bool_]:
    """(N,), which photographs a draw leaves out and is tested on."""
    return folds == number % (folds.max() + 1)


class Condition(NamedTuple):
    """A cell of the benchmark: `source` is None for arms without generated images."""

    trained_on: str
    source: str | None
    amount: str
    arm: str


Outcomes = dict[Condition, list[Outcome]]


def read_studies(
    network: FeatureNetwork,
    data: Path,
    other: Path,
    sources: Mapping[str, str],
    images: int,
    most: int | None = None,
) -> dict[str, Study]:
    """Both directions: trained on ISIC 2017 and on PAD-UFES-20.

    Args:
        network: of the features.
        data: ISIC 2017, on whose split `train` alone the generators were trained.
        other: PAD-UFES-20.
        sources: of generated images, by label.
        images: generated with each.
        most: photographs of each folder and split, for a trial; all where None.
    """
    train, val, test = (
        sampled(SkinFolder(data, split=split, classes=CLASSES), most)
        for split in ("train", "val", "test")
    )
    phone = sampled(SkinFolder(other, classes=OTHER_NAMES), most)
    seen, own, others = read(network, [train]), read(network, [val, test]), read(network, [phone])
    generated = {label: read_generated(network, one, images) for label, one in sources.items()}

    def materials(folder: SkinFolder, real: Photographs) -> dict[str, Material]:
        copies = {name: network.photographs(folder, name, COPIES, SEED) for name in CHANGES}
        known, is_own = seen.pool, folder is train
        return {
            label: Material(len(CLASSES), real.pool, pool, copies, known, is_own)
            for label, pool in generated.items()
        }

    count = DESIGNS[PADUFES].folds
    assert count is not None
    folds = split_folds(others.pool.labels, others.groups, count)
    reverse = {A_OOD_REVERSE: own, A_REVERSE: others._replace(folds=folds)}
    return {
        ISIC: Study(materials(train, seen), seen.groups, {A: own, A_OOD: others}),
        PADUFES: Study(materials(phone, others), others.groups, reverse, folds),
    }


def sampled(folder: SkinFolder, most: int | None) -> SkinFolder:
    """The folder, or about so many of its photographs, of each class in proportion."""
    if most is None or len(folder) <= most:
        return folder
    labels, every = np.array(folder.targets), np.arange(len(folder))
    rng = np.random.default_rng(SEED)
    return subset(folder, draw_share(labels, every, most / len(folder), rng))


def read(network: FeatureNetwork, folders: Sequence[SkinFolder]) -> Photographs:
    """The photographs of folders, one after the other."""
    features = np.concatenate([network.photographs(folder) for folder in folders])
    labels = np.concatenate([np.array(folder.targets) for folder in folders])
    names = [
        group or path for folder in folders for group, (path, _) in zip(folder.groups, folder.imgs)
    ]
    return Photographs(Pool(features, labels), np.unique(names, return_inverse=True)[1])


def read_generated(network: FeatureNetwork, source: str, images: int) -> Pool:
    made = SyntheticSkinDataset(source, length=images, labels=CLASSES, seed=SEED)
    labels = np.array([CLASSES.index(made.classes[k]) for k in made.targets])
    return Pool(network.generated(made), labels)


def split_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """(N,) the fold of each photograph; a patient is in one alone, and every class in each."""
    folds = np.full(len(labels), -1)
    for fold, (_, held_out) in enumerate(
        split_grouped(labels, groups, np.arange(len(labels)), count, SEED)
    ):
        folds[held_out] = fold
    if set(folds) != set(range(count)):
        raise ValueError(f"the patients of a class are too few to be split into {count} folds.")
    return folds


def run_all(name: str, study: Study, design: Design, draws: Sequence[int], jobs: int) -> Outcomes:
    """Every arm on every draw. Arms without generated images run once, not for each source."""
    conditions = [
        Condition(name, source, amount, arm)
        for amount in (*design.amounts, *design.curve)
        for arm in arms_of(design, amount)
        for source in (study.materials if arm in GENERATED else [None])
    ]
    outcomes = Parallel(n_jobs=jobs, verbose=5)(
        delayed(run_condition)(
            condition,
            study,
            draws[: design.draws_of_all] if condition.amount == "100%" else draws,
        )
        for condition in conditions
    )
    return dict(zip(conditions, outcomes))


def run_condition(condition: Condition, study: Study, draws: Sequence[int]) -> list[Outcome]:
    """One arm with one amount of photographs, on each draw."""
    material, test = study.material(condition.source), study.test_features()
    outcomes = []
    for number in draws:
        rows = study.draw(condition.amount, number)
        arm = ARMS[condition.arm]
        outcomes.append(predict(arm, material, rows, study.groups, test, seed=number))
    return outcomes
