"""The images of an audit: photographs from a folder, and generated ones from any source."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from synthderm.audit.copy_index import fit_square
from synthderm.callers import name_some, warn_caller
from synthderm.datasets.counterparts import same_class
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.imaging.io import read_mask, to_tensor

FEWEST = 20  # images of each kind
UNREADABLE = 0.01  # share of files that may be passed over
BATCH = 32


@dataclass
class AuditImages:
    """Square images of one kind, with what is known of each.

    Args:
        place: where they come from, for errors and the report.
        images: (N, 3, S, S) uint8.
        names: a file or an item of each.
        labels: of each, an index into `classes`.
        classes: names of the classes.
        groups: patient or lesion of each, None where unknown.
        masks: (N, 1, S, S) bool, empty for an image without one; None where no image has one.
        unreadable: files that could not be read, with the reason.
        sizes: width and height of the files, each once.
        facts: what else the report says of the source.
        clean: the images without artifacts; None where none were drawn.
        origins: of each image the folder that it comes from, a number; `join` sets it.
    """

    place: str
    images: Tensor
    names: list[str]
    labels: list[int]
    classes: list[str]
    groups: list[str | None] = field(default_factory=list)
    masks: Tensor | None = None
    unreadable: list[str] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)
    clean: Tensor | None = None
    origins: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    def __post_init__(self) -> None:
        if not len(self.origins):
            self.origins = torch.zeros(len(self.images), dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def judged(self) -> Tensor:
        """The images in which copies are looked for: without artifacts, which could hide one."""
        return self.images if self.clean is None else self.clean

    def describe(self) -> dict[str, Any]:
        """What the report says of them."""
        return {
            "place": self.place,
            "images": len(self),
            "sizes": max(1, len(self.sizes)),
            "unreadable": self.unreadable,
            "classes": self.classes,
            **self.facts,
        }


def read_photographs(
    root: str | os.PathLike[str], split: str | None, size: int, length: int | None = None
) -> AuditImages:
    """The photographs, or generated images, of a folder, squeezed to squares.

    Args:
        root: the folder, as `SkinFolder` reads it.
        split: keep this split alone; all where None.
        size: side in pixels.
        length: read so many at most, evenly from all.

    Raises:
        ValueError, OSError: as `SkinFolder`; more than 1% of the files can't be read, or fewer than
            20 can.
    """
    folder = SkinFolder(Path(root).expanduser(), split=split)
    count = len(folder) if length is None else min(length, len(folder))
    chosen = [k * len(folder) // count for k in range(count)]
    place = str(root) if split is None else f"{root} ({split})"
    images, masks, kept, unreadable = [], [], [], []
    sizes = set()
    for index in tqdm(chosen, desc=f"read {place}", disable=None):
        path, _ = folder.samples[index]
        try:
            photograph = folder.loader(path)
        except (OSError, ValueError) as error:
            unreadable.append(f"{_short(path, folder.root)}: {str(error).rstrip('.')}")
            continue
        mask = folder.masks.get(path)
        sizes.add(photograph.size)
        images.append(to_tensor(photograph.resize((size, size), resample=3, reducing_gap=3)))
        if mask is None:
            masks.append(torch.zeros(1, size, size, dtype=torch.bool))
        else:
            region = read_mask(mask, photograph.size).resize((size, size), resample=0)
            masks.append(to_tensor(region) > 0)
        kept.append(index)
    _check_unreadable(place, unreadable, len(chosen))
    check_count(place, len(kept))
    return AuditImages(
        place,
        torch.stack(images),
        [_short(folder.samples[index][0], folder.root) for index in kept],
        [folder.samples[index][1] for index in kept],
        folder.classes,
        [folder.groups[index] for index in kept],
        torch.stack(masks) if folder.masks else None,
        unreadable,
        sizes,
    )


def join(parts: Sequence[AuditImages]) -> AuditImages:
    """The images of several folders as one set; classes of one name are one class.

    Args:
        parts: at least one, of one size; the same folders in the same order for `real` and holdout.
    """
    if len(parts) == 1:
        return parts[0]
    classes = sorted({name for part in parts for name in part.classes})
    labels = [classes.index(part.classes[label]) for part in parts for label in part.labels]
    masks = [part.masks for part in parts if part.masks is not None]
    counts = torch.tensor([len(part) for part in parts])
    return AuditImages(
        ", ".join(part.place for part in parts),
        torch.cat([part.images for part in parts]),
        [f"{part.place}: {name}" for part in parts for name in part.names],
        labels,
        classes,
        # Two collections may number their patients alike.
        [group and f"{part.place}: {group}" for part in parts for group in part.groups],
        torch.cat(masks) if len(masks) == len(parts) else None,
        [f"{part.place}: {file}" for part in parts for file in part.unreadable],
        set().union(*(part.sizes for part in parts)),
        origins=torch.arange(len(parts)).repeat_interleave(counts),
    )


def generate(dataset: SyntheticSkinDataset, size: int) -> AuditImages:
    """The items of a data set, squeezed to squares of `size` pixels.

    Raises:
        ValueError: fewer than 20 items.
    """
    check_count(dataset.source, len(dataset))
    images, masks, clean = [], [], []
    numbers = torch.arange(len(dataset)).split(BATCH)
    severity: list[float] = []
    bar = tqdm(total=len(dataset), desc=f"generate {dataset.source}", unit="image", disable=None)
    with bar:
        for part in numbers:
            made = dataset.sample(part.tolist())
            images.append(fit_square(made.images, size))
            if made.clean is not None:
                clean.append(fit_square(made.clean, size))
            masks.append(fit_square(made.masks.byte() * 255, size) > 127)
            severity += made.severity or []
            bar.update(len(part))
    return AuditImages(
        dataset.source,
        torch.cat(images),
        [f"item {k}" for k in range(len(dataset))],
        dataset.targets,
        dataset.classes,
        masks=torch.cat(masks),
        facts={
            "revision": dataset.revision,
            "weights": dataset.weights,
            "seed": dataset.seed,
            "truncation": dataset.truncation,
            "artifacts": dict(dataset.artifacts),
            **({"severity": severity} if severity else {}),
        },
        clean=torch.cat(clean) if clean else None,
    )


def check_apart(real: AuditImages, holdout: AuditImages) -> None:
    """Refuse a holdout that is the real photographs over again.

    Raises:
        ValueError: more than half of the holdout are pixel for pixel among `real`.
    """
    known = {image.numpy().tobytes() for image in real.images}
    same = sum(image.numpy().tobytes() in known for image in holdout.images)
    if 2 * same > len(holdout):
        raise ValueError(
            f"{same:,} of {len(holdout):,} photographs of the holdout {holdout.place} are in"
            f" {real.place} too: a holdout is photographs that the generator has not seen."
        )


def check_count(place: str, count: int) -> None:
    """Refuse fewer images than the audit needs.

    Raises:
        ValueError: with both numbers.
    """
    if count < FEWEST:
        raise ValueError(f"{place}: {count} images, and the audit needs at least {FEWEST}.")


def match_labels(dataset: SyntheticSkinDataset, real: AuditImages) -> list[str] | None:
    """Labels for as many items, with classes as frequent as in `real`; None where the data set
    lacks one of them, and where it has none in common."""
    counts = torch.bincount(torch.tensor(real.labels), minlength=len(real.classes)).tolist()
    shares: dict[str, int] = {}
    for name, count in zip(real.classes, counts):
        own = same_class(name, dataset.classes)
        if count and own is None:
            return None
        if count and own is not None:
            shares[own] = shares.get(own, 0) + count
    labels: list[str] = []
    given = dict.fromkeys(shares, 0)
    total = sum(shares.values())
    for k in range(1, len(dataset) + 1):  # always the class that is furthest behind
        name = max(shares, key=lambda name: shares[name] * k / total - given[name])
        given[name] += 1
        labels.append(name)
    return labels


def _check_unreadable(place: str, unreadable: Sequence[str], total: int) -> None:
    if not unreadable:
        return
    if len(unreadable) > UNREADABLE * total:
        raise ValueError(
            f"{place}: {len(unreadable):,} of {total:,} files can't be read, and at most"
            f" {UNREADABLE:.0%} may be passed over: {name_some(unreadable)}."
        )
    warn_caller(f"{place}: passed over {name_some(unreadable)}.")


def _short(path: str, root: str) -> str:
    """A file's name below its folder."""
    return os.path.relpath(path, root)
