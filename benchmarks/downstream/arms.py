"""The arms: what is done to the training set and to its batches. Everything else is the same for
all of them."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

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
        generated_first: share of the steps, at the beginning, whose batches hold generated images
            alone; all later batches hold real ones alone. 0 mixes both in every batch.
    """

    name: str
    _: KW_ONLY
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
    generated_first: float = 0.0

    @property
    def generates(self) -> bool:
        """Whether it uses generated images."""
        return bool(self.ratio or self.balancing)


BEST = "best classical + best of ours"  # which arms these are, `val` decides: see `protocol.arm_of`
ARMS = {
    arm.name: arm
    for arm in (
        # Classical ones.
        Arm("real"),
        Arm("randaugment", randaugment=True),
        Arm("photometric", photometric=True),
        Arm("oversample", oversample=True),
        Arm("mixup", mixup=0.2),
        Arm("copy-paste", paste=0.5),
        # Generated images.
        Arm("balancing", ours=True, balancing=True),
        Arm("balancing, surest half", ours=True, balancing=True, keep=0.5),
        Arm("synthetic x0.5", ours=True, ratio=0.5),
        Arm("synthetic x1", ours=True, ratio=1),
        Arm("synthetic x2", ours=True, ratio=2),
        Arm("synthetic x5", ours=True, ratio=5),
        Arm("synthetic only", ours=True, ratio=5, real=False),
        Arm(
            "synthetic first, then oversample",
            ours=True,
            oversample=True,
            ratio=5,
            generated_first=0.5,
        ),
        Arm("synthetic first", ours=True, ratio=5, generated_first=0.25),
        # Edited images.
        Arm("eczema edit 0.5", ours=True, edit=0.5),
        Arm("eczema edit 0.25", ours=True, edit=0.25),
        Arm("eczema edit 0.5, wide", ours=True, edit=0.5, wide=True),
        Arm(
            "oversample + eczema edit 0.25, wide",
            ours=True,
            oversample=True,
            edit=0.25,
            wide=True,
        ),
        Arm("oversample + eczema edit 0.1, wide", ours=True, oversample=True, edit=0.1, wide=True),
        # Both kinds.
        Arm(BEST, ours=True),
    )
}
# The arms of each task, in the order in which results list them.
TASK_ARMS = {
    "A": (
        "real",
        "randaugment",
        "oversample",
        "mixup",
        "copy-paste",
        "balancing",
        "synthetic x0.5",
        "synthetic x1",
        "synthetic x2",
        "synthetic x5",
        "balancing, surest half",
        "synthetic only",
        BEST,
        "synthetic first, then oversample",
    ),
    "B": (
        "real",
        "randaugment",
        "oversample",
        "mixup",
        "copy-paste",
        "eczema edit 0.5",
        "eczema edit 0.25",
        "balancing",
        BEST,
        "eczema edit 0.5, wide",
        "oversample + eczema edit 0.25, wide",
        "oversample + eczema edit 0.1, wide",
    ),
    "C": (
        "real",
        "photometric",
        "copy-paste",
        "synthetic x1",
        "synthetic x5",
        "synthetic only",
        BEST,
        "synthetic first",
    ),
}
# Designed after results of the other arms were known. No candidates for the joined arm.
ADDED_LATER = (
    "synthetic first, then oversample",
    "synthetic first",
    "eczema edit 0.5, wide",
    "oversample + eczema edit 0.25, wide",
    "oversample + eczema edit 0.1, wide",
)


def settings_of(arm: Arm) -> dict[str, Any]:
    """The settings of an arm that are not the default, as a record holds them."""
    return {f.name: getattr(arm, f.name) for f in fields(Arm) if getattr(arm, f.name) != f.default}


def combine(a: Arm, b: Arm) -> Arm:
    """The joined arm of two: each setting from the arm that has it."""
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
        ValueError: a class is missing, or what the arm needs was not given.
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
        if generated is None:
            raise ValueError(f"arm {arm.name!r} needs generated images.")
        chosen = sample_by_class(generated, [round(count / arm.keep) for count in counts], rng)
        if arm.keep < 1:
            if label_probability is None:
                raise ValueError(f"arm {arm.name!r} needs the probability of each label.")
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
