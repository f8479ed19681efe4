"""The arms: what is done to the training set and to its batches. Everything else is the same for
all of them."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from benchmarks.downstream.generated import sample_by_class
from synthderm.training.image_pool import ImagePool

# For each image of a pool, how probable its own label is, (N,).
LabelProbability = Callable[[ImagePool], Tensor]


@dataclass(frozen=True)
class Arm:
    """One way to train. All arms rotate, flip, zoom and shift their images (`batches.move`); `real`
    does nothing else.

    Args:
        name: as in the results.
        ours: uses what this library makes.
        oversample: batches hold each class equally often.
        randaugment: torchvision's `v2.RandAugment` with its defaults.
        photometric: `v2.RandomPhotometricDistort`, where image and mask have to stay aligned.
        mixup: alpha of MixUp's beta distribution (Zhang et al., ICLR 2018); 0 is none.
        paste: chance that an image gets a lesion of another, cut out by its mask.
        ratio: generated images for each real one, the classes in equal shares.
        balancing: as many generated images as bring every class up to the largest.
        real: the real images are used too.
        edit: chance that a healthy image gets eczema and its label.
        wide: the eczema covers 0.3 to 0.95 of the image at severities of 0.6 to 1, as task B's
            lesions do, instead of 0.1 to 0.6 at 0.3 to 1.
        keep: share of the generated images that is used: those whose class is the most probable
            to a classifier trained on the real subset.
        first: share of the steps that use generated images alone; the others use real ones alone. 0
            mixes them.
    """

    name: str
    ours: bool = False
    oversample: bool = False
    randaugment: bool = False
    photometric: bool = False
    mixup: float = 0.0
    paste: float = 0.0
    ratio: float = 0.0
    balancing: bool = False
    real: bool = True
    edit: float = 0.0
    wide: bool = False
    keep: float = 1.0
    first: float = 0.0

    @property
    def generates(self) -> bool:
        """Whether it uses generated images."""
        return bool(self.ratio or self.balancing)


BEST = "best classical + best of ours"
REAL = Arm("real")
CLASSICAL = [
    REAL,
    Arm("randaugment", randaugment=True),
    Arm("oversample", oversample=True),
    Arm("mixup", mixup=0.2),
    Arm("copy-paste", paste=0.5),
]
BALANCING = Arm("balancing", True, balancing=True)
RATIOS = [Arm(f"synthetic x{ratio:g}", True, ratio=ratio) for ratio in (0.5, 1, 2, 5)]
ONLY = Arm("synthetic only", True, ratio=5, real=False)
FILTERED = Arm("balancing, surest half", True, balancing=True, keep=0.5)
EDITS = [Arm(f"eczema edit {edit:g}", True, edit=edit) for edit in (0.5, 0.25)]
# The arms from here on were added after the others had been measured, and were chosen on val.
# Edits that are as wide and severe as the lesions of task B, alone and with oversampling.
WIDE = [Arm("eczema edit 0.5, wide", True, edit=0.5, wide=True)]
WIDE += [
    Arm(f"oversample + eczema edit {edit:g}, wide", True, oversample=True, edit=edit, wide=True)
    for edit in (0.25, 0.1)
]
# Generated images first, real ones afterwards.
FIRST = Arm("synthetic first, then oversample", True, oversample=True, ratio=5, first=0.5)
PAIRS_FIRST = Arm("synthetic first", True, ratio=5, first=0.25)
# Those that were added later are no candidates for the joined arm.
LATER = (*WIDE, FIRST, PAIRS_FIRST)
ARMS = {
    "A": [*CLASSICAL, BALANCING, *RATIOS, FILTERED, ONLY, Arm(BEST, True), FIRST],
    "B": [*CLASSICAL, *EDITS, BALANCING, Arm(BEST, True), *WIDE],
    "C": [
        REAL,
        Arm("photometric", photometric=True),
        Arm("copy-paste", paste=0.5),
        *RATIOS[1::2],
        ONLY,
        Arm(BEST, True),
        PAIRS_FIRST,
    ],
}
# Nothing, the usual answer to rare classes, and ours to the same question.
MAIN = ("real", "oversample", "balancing")


def find_arm(task: str, name: str) -> Arm:
    """The arm of a task by its name."""
    return next(arm for arm in ARMS[task] if arm.name == name)


def settings_of(arm: Arm) -> dict[str, object]:
    """The settings of an arm that are not the default, as a record holds them."""
    return {f.name: getattr(arm, f.name) for f in fields(Arm) if getattr(arm, f.name) != f.default}


def combine(a: Arm, b: Arm) -> Arm:
    """Both at once: each setting from the arm that has it."""
    settings = settings_of(b) | settings_of(a)
    return Arm(**settings | {"name": BEST, "ours": True})


def generated_counts(arm: Arm, labels: Tensor, classes: int) -> list[int]:
    """How many generated images of each class an arm adds to real images with these labels."""
    counts = torch.bincount(labels, minlength=classes)
    if arm.balancing:
        return (counts.max() - counts).tolist()
    total = round(arm.ratio * len(labels))
    return [total // classes + (k < total % classes) for k in range(classes)]


def assemble(
    arm: Arm,
    real: ImagePool,
    generated: ImagePool | None,
    rng: torch.Generator,
    label_probability: LabelProbability | None = None,
) -> tuple[ImagePool, dict[str, list[int]]]:
    """The training set of an arm, and the counts of its parts by class.

    Args:
        arm: what to do.
        real: the photographs.
        generated: images to choose from; None for an arm that uses none.
        rng: random state.
        label_probability: for an arm that keeps a part of the generated images.

    Returns:
        the training set, in which generated images have no name; and the counts.

    Raises:
        ValueError: a class is missing.
    """
    classes = real.classes
    counts = generated_counts(arm, real.labels, len(classes))
    used = real if arm.real else real.rows([])
    record = {
        "real": torch.bincount(used.labels, minlength=len(classes)).tolist(),
        "generated": counts,
    }
    parts = [used]
    if sum(counts):
        chosen = sample_by_class(generated, [round(count / arm.keep) for count in counts], rng)
        if arm.keep < 1:
            chosen = most_probable(chosen, label_probability(chosen), counts)
        parts.append(chosen)
    images, masks, labels = (
        torch.cat([getattr(part, key) for part in parts]) for key in ("images", "masks", "labels")
    )
    missing = [name for k, name in enumerate(classes) if not (labels == k).any()]
    if missing and not arm.edit:
        raise ValueError(f"arm {arm.name!r}: class {missing[0]!r} is missing in its training set.")
    names = used.names + [""] * (len(labels) - len(used))
    return ImagePool(images, masks, labels, torch.zeros(len(labels)), classes, names=names), record


def most_probable(pool: ImagePool, probability: Tensor, counts: list[int]) -> ImagePool:
    """As many images of each class as `counts` says, those with the highest probability."""
    rows = []
    for label, count in enumerate(counts):
        of_class = probability.masked_fill(pool.labels != label, -1)
        rows.append(of_class.argsort(descending=True)[:count])
    return pool.rows(torch.cat(rows))
