"""Whether generated images show the class that was asked for, as a classifier of photographs sees
it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthderm.audit.images import AuditImages
from synthderm.audit.page import paragraph, share_text, table
from synthderm.datasets.counterparts import same_class
from synthderm.evaluation.features import unit_length
from synthderm.evaluation.heads import PENALTIES, TrainingSet, balanced_log_loss, train_path
from synthderm.intervals import Share, exact_share

FEWEST = 10  # photographs of a class that can be learnt
KEPT_BACK = 5  # one photograph of so many chooses the penalty

Layers = Sequence[Tensor]


class ClassFindings(NamedTuple):
    """What was found.

    Args:
        skipped: why nothing was measured; None where it was.
        photographs: of `real` that the classifier learnt from.
        classes: that it tells apart.
        passed_over: classes of the generated images that are none of these.
        shares: of "generated", and "holdout" where there is one: for each class the share of its
            images in which the classifier sees it.
    """

    skipped: str | None
    photographs: int = 0
    classes: list[str] = []
    passed_over: list[str] = []
    shares: dict[str, dict[str, Share]] = {}

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        shares = {
            kind: {name: share._asdict() for name, share in by_class.items()}
            for kind, by_class in self.shares.items()
        }
        return {**self._asdict(), "shares": shares}


def judge_classes(
    images: Mapping[str, AuditImages], layers: Mapping[str, Layers], seed: int = 0
) -> ClassFindings:
    """The share of images in which a head on frozen features sees the class that was asked for.

    The head learns `real`, all classes alike. Classes are matched by `same_class`.

    Args:
        images: "generated", "real", and "holdout" where there is one.
        layers: features of the same, as `extract` gives them.
        seed: of what is kept back to choose the penalty.
    """
    real, generated = images["real"], images["generated"]
    counts = torch.bincount(torch.tensor(real.labels), minlength=len(real.classes)).tolist()
    classes = [name for name, count in zip(real.classes, counts) if count >= FEWEST]
    if len(classes) < 2:
        return ClassFindings(
            f"{real.place} has {len(classes)} classes of at least {FEWEST} photographs, and a"
            " classifier needs two"
        )
    asked = {generated.classes[label] for label in generated.labels}
    passed_over = sorted(name for name in asked if same_class(name, classes) is None)
    if len(passed_over) == len(asked):
        return ClassFindings(
            f"the generated images have none of the classes of {real.place}"
            f" ({', '.join(sorted(asked)[:5])} against {', '.join(classes[:5])})"
        )
    known = {name: _labels(one, classes) for name, one in images.items()}
    rows = {name: _rows(one) for name, one in layers.items()}
    learnt = known["real"] >= 0
    training = TrainingSet(rows["real"][learnt], known["real"][learnt])
    tested = [name for name in ("generated", "holdout") if name in images]
    seen = _predict(training, [rows[name] for name in tested], len(classes), seed)
    shares = {
        name: {
            kind: exact_share(
                int((found[known[name] == k] == k).sum()), int((known[name] == k).sum())
            )
            for k, kind in enumerate(classes)
        }
        for name, found in zip(tested, seen)
    }
    return ClassFindings(None, len(training.labels), classes, passed_over, shares)


def _labels(images: AuditImages, classes: list[str]) -> NDArray[np.int64]:
    """(N,) indices into `classes`, -1 for others."""
    own = [same_class(name, classes) for name in images.classes]
    place = [-1 if name is None else classes.index(name) for name in own]
    return np.array([place[label] for label in images.labels])


def _rows(layers: Layers) -> NDArray[np.float32]:
    """(N, D): the mean of each map, each layer and then the row of length 1."""
    means = [unit_length(layer.mean((2, 3)).numpy()) for layer in layers]
    return unit_length(np.concatenate(means, axis=1))


def _predict(
    training: TrainingSet, tests: list[NDArray[np.float32]], classes: int, seed: int
) -> list[NDArray[np.int64]]:
    """The classes that a head sees. Its penalty is the best for photographs that are kept back."""
    order = np.random.default_rng(seed).permutation(len(training.labels))
    back = np.zeros(len(order), dtype=bool)
    for label in range(classes):  # of each class alike
        back[[row for row in order if training.labels[row] == label][::KEPT_BACK]] = True
    part = TrainingSet(training.features[~back], training.labels[~back])
    losses = [
        balanced_log_loss(found, training.labels[back])
        for found in train_path(part, training.features[back], classes)
    ]
    path = PENALTIES[: int(np.argmin(losses)) + 1]
    found = train_path(training, np.concatenate(tests), classes, path)[-1].argmax(1)
    return np.split(found, np.cumsum([len(test) for test in tests])[:-1])


def classes_section(findings: ClassFindings) -> str:
    """The part of the report."""
    head = "<h3>Classes</h3>"
    if findings.skipped is not None:
        return head + paragraph(f"Not measured: {findings.skipped}.")
    generated, holdout = findings.shares["generated"], findings.shares.get("holdout")
    rows = []
    for name in findings.classes:
        row = [name, share_text(generated[name]._asdict()) if generated[name].total else "none"]
        if holdout is not None:
            row.append(share_text(holdout[name]._asdict()) if holdout[name].total else "none")
            is_less = generated[name].total and generated[name].high < holdout[name].low
            row.append("less often than in photographs" if is_less else "")
        rows.append(row)
    text = (
        f"A classifier (logistic regression on frozen features) learnt {findings.photographs:,}"
        f" real photographs. The share of images in which it sees the class that was asked for;"
        f" by chance 1 of {len(findings.classes)}. Of holdout photographs it says how good the"
        " classifier is: a generator that exaggerates a class can exceed it."
    )
    if findings.passed_over:
        text += f" It does not know {', '.join(findings.passed_over)}."
    columns = ["class", "generated", *(["holdout", ""] if holdout is not None else [])]
    return head + paragraph(text) + table(columns, rows)
