"""The arms: what is done to the training set and to its batches. Everything else is the same for
all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.trial.data import Pictures
from benchmarks.trial.generated import Pool
from synthderm.transforms.eczema_edit import EczemaEdit


@dataclass(frozen=True)
class Arm:
    """One way to train. Every arm turns, flips, zooms and shifts its images (`move`); `real` does
    nothing else.

    Args:
        name: as in the results.
        ours: uses what this library makes.
        oversample: a batch draws each class equally often.
        randaugment: torchvision's `v2.RandAugment` with its defaults.
        photometric: `v2.RandomPhotometricDistort`, where a mask has to stay in step with the image.
        mixup: alpha of MixUp's beta distribution (Zhang et al., ICLR 2018); 0 is none.
        paste: chance that an image gets a lesion of another, cut out by its mask.
        ratio: generated images for each real one, the classes in equal shares.
        balancing: as many generated images as bring every class up to the largest.
        real: the real images are used too.
        edit: chance that a healthy image gets eczema and its label.
        wide: the eczema covers 0.3 to 0.95 of the image at severities of 0.6 to 1, as task B's
            lesions do, instead of 0.1 to 0.6 at 0.3 to 1.
        keep: share of the generated images that is used: those of whose class a classifier trained
            on the real subset is surest.
        first: share of the steps that see generated images alone; the others see real ones alone. 0
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
# Added once the arms above had been measured, and chosen on val. Why does the edit fall behind
# oversampling, and what mends it?
WIDE = [Arm("eczema edit 0.5, wide", True, edit=0.5, wide=True)]
WIDE += [
    Arm(f"oversample + eczema edit {edit:g}, wide", True, oversample=True, edit=edit, wide=True)
    for edit in (0.25, 0.1)
]
# Does it help to see generated images first and to end on real ones?
FIRST = Arm("synthetic first, then oversample", True, oversample=True, ratio=5, first=0.5)
PAIRS_FIRST = Arm("synthetic first", True, ratio=5, first=0.25)
LATER = (
    *WIDE,
    FIRST,
    PAIRS_FIRST,
)  # all that were added: none of them is a candidate for the joined arm
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
MAIN = (
    "real",
    "oversample",
    "balancing",
)  # nothing, the usual answer to rare classes, and ours to the same question


def combine(a: Arm, b: Arm) -> Arm:
    """Both at once: each setting from the arm that has it."""
    settings = {
        f.name: getattr(a, f.name) if getattr(a, f.name) != f.default else getattr(b, f.name)
        for f in fields(Arm)
        if f.name not in ("name", "ours")
    }
    return Arm(BEST, True, **settings)


def generated_counts(arm: Arm, labels: Tensor, classes: int) -> list[int]:
    """How many generated images of each class an arm adds to real images with these labels."""
    counts = torch.bincount(labels, minlength=classes)
    if arm.balancing:
        return (counts.max() - counts).tolist()
    total = round(arm.ratio * len(labels))
    return [total // classes + (k < total % classes) for k in range(classes)]


def assemble(
    arm: Arm, real: Pictures, pool: Pool | None, rng: torch.Generator, sureness=None
) -> tuple[Pictures, dict]:
    """The training set of an arm, and the counts of its parts by class.

    Args:
        sureness: function (images (N, 3, S, S) uint8, labels) -> (N,), for an arm that keeps a part
            of the generated images.
    """
    counts = generated_counts(arm, real.labels, len(real.classes))
    record = {
        "real": (
            torch.bincount(real.labels, minlength=len(real.classes)).tolist()
            if arm.real
            else [0] * len(real.classes)
        ),
        "generated": counts,
    }
    images, masks, labels = (
        (real.images, real.masks, real.labels)
        if arm.real
        else (real.images[:0], real.masks[:0], real.labels[:0])
    )
    if sum(counts):
        drawn = pool.draw([round(count / arm.keep) for count in counts], rng)
        if arm.keep < 1:
            score = sureness(drawn[0], drawn[2])
            best = [
                score.masked_fill(drawn[2] != k, -1).argsort(descending=True)[:count]
                for k, count in enumerate(counts)
            ]
            drawn = [part[torch.cat(best)] for part in drawn]
        images, masks, labels = (
            torch.cat([images, drawn[0]]),
            torch.cat([masks, drawn[1]]),
            torch.cat([labels, drawn[2]]),
        )
    missing = [name for k, name in enumerate(real.classes) if not (labels == k).any()]
    if missing and not arm.edit:
        raise ValueError(f"arm {arm.name!r}: class {missing[0]!r} is missing in its training set.")
    count = len(labels)
    names = [*real.names, *[""] * (count - len(real))] if arm.real else [""] * count
    return (
        Pictures(images, masks, labels, torch.zeros(count), [""] * count, names, real.classes),
        record,
    )


def order(labels: Tensor, oversample: bool, batch: int) -> Iterator[Tensor]:
    """Row numbers of one batch after the other, without end: every image once a round, or every
    class equally often."""
    queue = torch.empty(0, dtype=torch.long)
    weights = 1.0 / torch.bincount(labels).clamp_min(1)[labels]
    while True:
        while len(queue) < batch:
            more = (
                torch.multinomial(weights, len(labels), replacement=True)
                if oversample
                else torch.randperm(len(labels))
            )
            queue = torch.cat([queue, more])
        yield queue[:batch]
        queue = queue[batch:]


def stages(arm: Arm, train: Pictures, batch: int, steps: int) -> Iterator[Tensor]:
    """Row numbers of one batch after the other: of all images, or first of those without a name,
    the generated ones, then of the others."""
    if not arm.first:
        yield from order(train.labels, arm.oversample, batch)
    real = torch.tensor([bool(name) for name in train.names])
    for part, count in ((~real, round(arm.first * steps)), (real, None)):
        rows = part.nonzero().flatten()
        yield from (
            rows[chosen]
            for chosen in islice(order(train.labels[rows], arm.oversample, batch), count)
        )


def batches(
    arm: Arm, train: Pictures, batch: int, to_any: bool, steps: int = 0
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Training batches without end, from torch's global random numbers: images (B, 3, S, S) float
    in [0, 1], masks (B, 1, S, S) float, targets (B, K) float that sum to 1.

    Args:
        to_any: pasted lesions go on any image and bring their label, as on healthy skin; else on
            images of their class.
        steps: how many batches will be used, for an arm whose batches change on the way.
    """
    augment, distort = v2.RandAugment(), v2.RandomPhotometricDistort(p=1.0)
    severity, coverage = ((0.6, 1.0), (0.3, 0.95)) if arm.wide else ((0.3, 1.0), (0.1, 0.6))
    edit = (
        EczemaEdit(p=arm.edit, severity=severity, coverage=coverage, label=1) if arm.edit else None
    )
    if arm.paste and not train.masks.flatten(1).any():
        raise ValueError(f"arm {arm.name!r} needs lesion masks, and no photograph has one.")
    for rows in stages(arm, train, batch, steps):
        images, masks, labels = train.images[rows], train.masks[rows], train.labels[rows]
        if arm.paste:
            images, masks, labels = paste(images, masks, labels, train, arm.paste, to_any)
        healthy = (labels == 0).nonzero().flatten()
        if edit is not None and len(healthy):
            images, labels = images.clone(), labels.clone()
            images[healthy], labels[healthy] = edit.batch(images[healthy], labels=labels[healthy])
        if arm.randaugment or arm.photometric:
            change = augment if arm.randaugment else distort
            images = torch.stack([change(image) for image in images])
        images, masks = move(images.float() / 255, masks.float())
        targets = F.one_hot(labels, len(train.classes)).float()
        if arm.mixup:
            share = torch.distributions.Beta(arm.mixup, arm.mixup).sample()
            images, targets = (
                share * part + (1 - share) * part.flip(0) for part in (images, targets)
            )
        yield images, masks, targets


def paste(
    images: Tensor, masks: Tensor, labels: Tensor, train: Pictures, chance: float, to_any: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Lesions of other images, cut out by their masks with a soft edge, shifted and flipped, laid
    on these (Ghiasi et al., CVPR 2021)."""
    images, masks, labels = images.clone(), masks.clone(), labels.clone()
    has_mask = train.masks.flatten(1).any(1)
    for k in range(len(images)):
        donors = (
            (has_mask & (train.labels > 0 if to_any else train.labels == labels[k]))
            .nonzero()
            .flatten()
        )
        # A lesion on a lesion would hide it: where there is healthy skin, that alone is pasted on.
        if torch.rand(()) >= chance or not len(donors) or (to_any and labels[k] > 0):
            continue
        donor = int(donors[torch.randint(len(donors), ())])
        stamp = torch.cat([train.images[donor].float(), train.masks[donor].float()])
        stamp = stamp.flip([axis for axis in (1, 2) if torch.rand(()) < 0.5])
        side = stamp.shape[-1]
        down, right = (torch.rand(2) - 0.5).mul(side / 2).long().tolist()
        stamp = F.pad(stamp, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))
        stamp = stamp[
            :, max(-down, 0) : max(-down, 0) + side, max(-right, 0) : max(-right, 0) + side
        ]
        if not (stamp[3] > 0.5).any():
            continue
        soft = (2 * F.avg_pool2d(stamp[None, 3:], 5, 1, 2)[0] - 1).clamp_min(
            0
        )  # fades inwards: beyond the mask nothing is known
        images[k] = torch.lerp(images[k].float(), stamp[:3], soft).round().byte()
        masks[k] |= stamp[3:] > 0.5
        labels[k] = train.labels[donor]
    return images, masks, labels


def move(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Each image and its mask turned by any angle, flipped, zoomed by 0.8 to 1.25 and shifted by up
    to a tenth, with mirrored borders."""
    count = len(images)
    angle, zoom = torch.rand(count) * 2 * torch.pi, 0.8 * (1.25 / 0.8) ** torch.rand(count)
    flip = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    shift = (torch.rand(2, count) - 0.5) * 0.4
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    theta = torch.stack(
        [
            torch.stack([cos * flip, -sin, shift[0]], -1),
            torch.stack([sin * flip, cos, shift[1]], -1),
        ],
        1,
    )
    grid = F.affine_grid(theta, [count, 1, *images.shape[-2:]], align_corners=False)
    moved = F.grid_sample(
        torch.cat([images, masks], 1), grid, padding_mode="reflection", align_corners=False
    )
    return moved[:, :3].clamp(0, 1), (moved[:, 3:] > 0.5).float()
