"""`evaluate`: do generated images help a classifier of one's own photographs?"""

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from synthderm.arguments import as_integer
from synthderm.callers import warn_caller
from synthderm.datasets.counterparts import check_distinct, find_counterparts
from synthderm.datasets.folder import SkinFolder, training_split
from synthderm.datasets.function_source import Function
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.evaluation import arms
from synthderm.evaluation.arms import Arm, Material, Rows
from synthderm.evaluation.bootstrap import (
    Interval,
    difference,
    interval_of,
    resample,
    resample_seeds,
)
from synthderm.evaluation.features import FeatureNetwork, Pool
from synthderm.evaluation.findings import CLASSICAL, Evaluation, Figure
from synthderm.evaluation.leaks import check_unseen, find_unlike
from synthderm.evaluation.measures import balanced_accuracy, macro_auroc
from synthderm.evaluation.protocol import best_by_inner_loss, draw_share, predict, split_grouped
from synthderm.evaluation.verdict import Difference, verdict

FEWEST = 10  # photographs of a class


class Plan(NamedTuple):
    """How much is compared.

    Args:
        shares: of the training photographs, in (0, 1]; the verdict is on the last.
        doses: generated images for each photograph.
        folds, repeats: of the cross-validation over all photographs.
        copies: changed copies of each photograph, for RandAugment.
        most_generated: images made, at most.
        most_photographs: used, at most; whole patients or lesions are left out.
    """

    shares: tuple[float, ...] = (0.1, 0.3, 1.0)
    doses: tuple[int, ...] = (1, 5)
    folds: int = 5
    repeats: int = 4
    copies: int = 3
    most_generated: int = 6000
    most_photographs: int | None = None


USUAL = Plan()
QUICK = Plan(shares=(1.0,), folds=3, repeats=2, copies=1, most_generated=900, most_photographs=600)


def evaluate(
    data: SkinFolder | str | os.PathLike[str],
    source: str | os.PathLike[str] | Function = "lesions",
    *,
    classifier: str = "mobilenetv2_100",
    mapping: Mapping[str, str | None] | None = None,
    size: int | None = None,
    artifacts: Mapping[str, float] | None = None,
    seen: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    seed: int = 0,
    quick: bool = False,
) -> Evaluation:
    """Compare a classifier of these photographs with and without generated images.

    The classifier is a head, logistic regression trained to convergence, on frozen features. Every
    photograph is tested on, by heads that were trained on photographs of other patients or lesions
    (repeated cross-validation by groups). Compared are the photographs alone, the same with classes
    weighed equally (oversampling), with RandAugment copies, and with generated images.

    Args:
        data: photographs of at least two classes, or their folder, all splits of it.
        source: of the generated images, as for `SyntheticSkinDataset`.
        classifier: a timm network, NAME with weights from the Hub, or NAME=FILE.safetensors.
        mapping: class names of `data` to the source's, as for `SyntheticSkinDataset.balancing`.
        size: side of the generated images in pixels; the classifier's where None.
        artifacts: on the generated images, as for `SyntheticSkinDataset`.
        seen: a folder with the photographs that the generator was trained on; near-duplicates of
            these are left out.
        cache: a folder in which features are kept; nothing is kept where None.
        seed: of draws, copies and generated images.
        quick: 600 photographs and few repeats, for a first impression.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: the generator was trained on these photographs, too few of a class, or no class
            that the source knows.

    Example:
        >>> import synthderm
        >>> network = "mobilenetv2_100=network.safetensors"
        >>> found = synthderm.evaluate("photos", "lesions", classifier=network, quick=True)
        >>> "points" in found.verdict  # a sentence, which can say no
        True
        >>> found.difference.low <= found.difference.estimate <= found.difference.high
        True
    """
    _check_installed()
    if not isinstance(data, SkinFolder):
        data = SkinFolder(data)
    plan, seed = QUICK if quick else USUAL, as_integer("seed", seed)
    network = FeatureNetwork(classifier, None if cache is None else Path(cache))
    size = network.side if size is None else as_integer("size", size)
    data, groups = _select(data, check_unseen(data, source, size), plan, seed)
    if seen is not None:
        others = network.photographs(SkinFolder(seen, split=training_split(seen)))
        unlike = find_unlike(network.photographs(data), others)
        data, groups = _select(data, unlike, plan, seed)
    _check_counts(data, groups)
    options = {"size": size, "artifacts": artifacts}
    material, facts = _read_material(data, source, mapping or {}, options, network, plan, seed)
    found = _Comparison(material, groups, plan, seed)
    facts |= {
        "folder": Path(data.root).name,
        "groups": int(groups.max()) + 1,
        "classifier": network.spec.partition("=")[0],
    }
    return found.conclude(facts | plan._asdict())


def _check_installed() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise ImportError(
            "the comparison trains heads with scikit-learn: pip install 'synthderm[evaluation]'"
        ) from None


def _select(
    data: SkinFolder, places: Sequence[int], plan: Plan, seed: int
) -> tuple[SkinFolder, NDArray[np.int64]]:
    """A folder of these photographs alone, whole groups up to the plan's number of them; and the
    number of each one's group. A photograph without a group is one of its own."""
    if not places:
        raise ValueError(f"no photograph of {data.root} is left to test on.")
    names = [data.groups[k] or data.samples[k][0] for k in places]
    groups = np.unique(names, return_inverse=True)[1]
    most = plan.most_photographs or len(places)
    if len(places) > most:
        labels = np.array([data.targets[k] for k in places])
        rng = np.random.default_rng(seed)
        rows = draw_share(labels, groups, most / len(places), rng)
        places, groups = [places[k] for k in rows], np.unique(groups[rows], return_inverse=True)[1]
    return subset(data, places), groups


def subset(data: SkinFolder, places: Sequence[int] | Rows) -> SkinFolder:
    """A folder of some of the photographs alone."""
    part = copy.copy(data)
    part.samples = [data.samples[k] for k in places]
    part.imgs, part.targets = part.samples, [label for _, label in part.samples]
    part.groups = [data.groups[k] for k in places]
    return part


def _check_counts(data: SkinFolder, groups: NDArray[np.int64]) -> None:
    """Enough photographs of each class, of enough patients or lesions."""
    if len(data.classes) < 2:
        raise ValueError(f"{data.root} has one class alone, {data.classes[0]!r}: name two or more.")
    for label, name in enumerate(data.classes):
        rows = np.array(data.targets) == label
        if rows.sum() < FEWEST or len(np.unique(groups[rows])) < 3:
            raise ValueError(
                f"class {name!r} has {rows.sum()} photographs of"
                f" {len(np.unique(groups[rows]))} patients or lesions: at least {FEWEST} of at"
                " least 3 are needed; leave the class out with --classes."
            )


def _read_material(
    data: SkinFolder,
    source: Any,
    mapping: Mapping[str, str | None],
    options: Mapping[str, Any],
    network: FeatureNetwork,
    plan: Plan,
    seed: int,
) -> tuple[Material, dict[str, Any]]:
    """All features, and what the report says of them."""
    known = SyntheticSkinDataset(source, length=1, **options).classes
    counterparts = find_counterparts(data.classes, mapping, str(source), known)
    if not counterparts:
        raise ValueError(
            f"none of {', '.join(map(repr, data.classes))} is a class of {source}:"
            f" {', '.join(known)}. Say which is which with --map {data.classes[0]}=..."
        )
    check_distinct(counterparts, counterparts)
    lacking = [name for name in data.classes if name not in counterparts]
    if lacking:
        warn_caller(f"{source} has no {', '.join(lacking)}: no images are generated of these.")
    count = min(plan.most_generated, 2 * max(plan.doses) * len(data))
    made = SyntheticSkinDataset(
        source, length=count, labels=list(counterparts.values()), seed=seed, **options
    )
    owners = {other: data.classes.index(name) for name, other in counterparts.items()}
    labels = np.array([owners[made.classes[k]] for k in made.targets])
    photographs = Pool(network.photographs(data), np.array(data.targets))
    copies = network.photographs(data, "randaugment", plan.copies, seed)
    material = Material(
        len(data.classes), photographs, Pool(network.generated(made), labels), {"copies": copies}
    )
    counts = np.bincount(photographs.labels, minlength=len(data.classes))
    facts = {
        "source": str(source),
        "size": made.size,
        "artifacts": dict(made.artifacts),
        "classes": dict(zip(data.classes, counts.tolist())),
        "generated of": counterparts,
        "generated": count,
    }
    return material, facts


class _Comparison:
    """The predictions of every arm for every photograph, and what follows from them."""

    def __init__(
        self, material: Material, groups: NDArray[np.int64], plan: Plan, seed: int
    ) -> None:
        self.material, self.groups, self.plan = material, groups, plan
        self.ours = [f"generated x{dose}" for dose in plan.doses]
        ways: list[Arm] = [arms.real, arms.oversampled, arms.changed("copies", plan.copies)]
        ways += [arms.generated(dose) for dose in plan.doses]
        self.arms = dict(zip((*CLASSICAL, *self.ours), ways))
        shape = (plan.repeats, len(groups), material.classes)
        keys = [(arm, share) for share in plan.shares for arm in self.arms]
        self.predicted = {key: np.zeros(shape) for key in keys}
        self.losses: dict[tuple[str, float], list[float]] = {key: [] for key in keys}
        self.sizes: dict[float, list[int]] = {share: [] for share in plan.shares}
        self._run(seed)

    def _run(self, seed: int) -> None:
        labels = self.material.real.labels
        every = np.arange(len(labels))
        for repeat in tqdm(range(self.plan.repeats), desc="cross-validation", disable=None):
            splits = split_grouped(labels, self.groups, every, self.plan.folds, seed + repeat)
            if sum(len(test) for _, test in splits) < len(labels):
                raise ValueError(
                    "the photographs of a class are of too few patients or lesions to be split:"
                    " leave the class out with --classes."
                )
            for fold, (train, test) in enumerate(splits):
                self._run_fold(repeat, train, test, (seed + repeat) * self.plan.folds + fold)

    def _run_fold(self, repeat: int, train: Rows, test: Rows, seed: int) -> None:
        labels = self.material.real.labels
        for share in self.plan.shares:
            rng = np.random.default_rng(seed)
            rows = train[draw_share(labels[train], self.groups[train], share, rng)]
            self.sizes[share].append(len(rows))
            for arm, way in self.arms.items():
                outcome = predict(
                    way, self.material, rows, self.groups, self.material.real.features[test], seed
                )
                self.predicted[arm, share][repeat, test] = outcome.probabilities
                self.losses[arm, share].append(outcome.inner_loss)

    def conclude(self, facts: dict[str, Any]) -> Evaluation:
        """The verdict on all photographs, and the figures of all."""
        rng = torch.Generator().manual_seed(0)
        weights = resample(torch.from_numpy(self.groups), 2000, rng)
        weights = torch.cat([torch.ones(1, len(self.groups), dtype=torch.double), weights])
        labels = torch.from_numpy(self.material.real.labels)
        scores, figures = {}, []
        for (arm, share), predicted in self.predicted.items():
            repeats = [torch.from_numpy(part) for part in predicted]
            score = torch.stack([balanced_accuracy(part, labels, weights) for part in repeats])
            area = torch.stack([macro_auroc(part, labels, weights) for part in repeats])
            scores[arm, share] = score
            size = round(float(np.mean(self.sizes[share])))
            figures.append(Figure(arm, share, size, _interval(score), _interval(area)))
        last = self.plan.shares[-1]
        ours = best_by_inner_loss({arm: self.losses[arm, last] for arm in self.ours})
        classical = best_by_inner_loss({arm: self.losses[arm, last] for arm in CLASSICAL})
        a, b = scores[ours, last], scores[classical, last]
        gap = difference(a[:, 1:], b[:, 1:], (a[:, 0] - b[:, 0]).mean().item(), rng)
        found = Difference(gap["difference"], gap["low"], gap["high"], len(labels))
        return Evaluation(verdict(found), found, ours, classical, figures, facts)


def _interval(scores: torch.Tensor) -> Interval:
    rng = torch.Generator().manual_seed(1)
    resampled = resample_seeds(scores[:, 1:], rng)
    low, high = interval_of(resampled[~resampled.isnan()])
    return Interval(scores[:, 0].mean().item(), low, high)
