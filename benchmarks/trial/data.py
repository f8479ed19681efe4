"""The photographs of a task as tensors, and the share of them that a classifier may train on."""

import csv
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.trial.guard import check_groups, check_splits, hash_file
from synthderm.datasets.folder import SkinFolder
from synthderm.imaging.color import ita
from synthderm.imaging.io import to_tensor

SPLITS = ("train", "val", "test")
# The column that says which photographs belong together. Lesion numbers may repeat between
# patients, so patients come first.
GROUPS = ("patient_id", "lesion_id", "group")


@dataclass(frozen=True)
class Pictures:
    """N pictures of one split.

    images (N, 3, S, S) uint8; masks (N, 1, S, S) bool, True = lesion, empty where unknown; labels
    (N,) int64; tones (N,) float, ITA in degrees of the skin around; groups and names, N strings:
    the patient (or the file), and the file.
    """

    images: Tensor
    masks: Tensor
    labels: Tensor
    tones: Tensor
    groups: list[str]
    names: list[str]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, index: list[int]) -> "Pictures":
        at = torch.as_tensor(index, dtype=torch.long)
        parts = {key: getattr(self, key)[at] for key in ("images", "masks", "labels", "tones")}
        return replace(
            self,
            **parts,
            groups=[self.groups[k] for k in index],
            names=[self.names[k] for k in index],
        )


@dataclass(frozen=True)
class TaskData:
    """The three splits of a task, `files` (the SHA-256 of every photograph, by name) and
    `identity`, a hash of all of it."""

    splits: dict[str, Pictures]
    files: dict[str, str]
    identity: str


def load(directory: str | Path, size: int, cache: Path, read=None, kind: str = "whole") -> TaskData:
    """Read a folder of photographs once; later from `cache`, by the hash of its files.

    Args:
        directory: with a metadata.csv that has splits train, val and test.
        size: side of the square images in pixels.
        read: function (folder, rows, size) -> Pictures of a split; whole photographs where None.
        kind: a name of `read` for the cache.

    Raises:
        ValueError: no splits, the same file in two splits, or a patient in two splits.
    """
    directory = Path(directory)
    rows = read_rows(directory)
    files = {row["file_name"]: hash_file(directory / row["file_name"]) for row in rows}
    check_splits(rows, files)
    check_groups(rows, GROUPS)
    everything = (directory / "metadata.csv").read_bytes() + "".join(
        sorted(files.values())
    ).encode()
    identity = hashlib.sha256(everything).hexdigest()[:16]
    path = cache / f"{kind}-{directory.name}-{identity}-{size}.pt"
    if path.is_file():
        splits = {
            split: Pictures(**parts)
            for split, parts in torch.load(path, weights_only=True, mmap=True).items()
        }
    else:
        splits = {split: (read or read_whole)(directory, split, size) for split in SPLITS}
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save({split: vars(pictures) for split, pictures in splits.items()}, part)
        part.replace(path)
    for split, pictures in splits.items():
        counts = torch.bincount(pictures.labels, minlength=len(pictures.classes))
        missing = [name for name, count in zip(pictures.classes, counts) if not count]
        if missing:
            raise ValueError(
                f"{directory}: split {split!r} holds no photograph of class {missing[0]!r}; every"
                " split needs every class."
            )
    return TaskData(splits, files, identity)


def read_rows(directory: Path) -> list[dict]:
    """The rows of metadata.csv, which must have splits."""
    path = directory / "metadata.csv"
    if not path.is_file():
        raise ValueError(
            f"there is no {path}: the benchmark needs one, with the columns file_name, label and"
            " split."
        )
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for split in SPLITS:
        if not any(row.get("split") == split for row in rows):
            raise ValueError(
                f"{path} has no rows with split {split!r}: train, val and test are needed."
            )
    return [row for row in rows if row["split"] in SPLITS]


def group_of(row: dict) -> str:
    return next((row[key] for key in GROUPS if row.get(key)), row["file_name"])


def read_whole(directory: Path, split: str, size: int) -> Pictures:
    """Whole photographs, squeezed to a square where they are not."""
    folder = SkinFolder(directory, split=split)
    rows = [row for row in read_rows(directory) if row["split"] == split]
    images, masks, tones = [], [], []
    for index in tqdm(range(len(folder)), desc=f"read {directory.name} {split}", disable=None):
        photograph, lesion, _ = folder.read(index)
        images.append(to_tensor(photograph.resize((size, size), resample=3, reducing_gap=3)))
        mask = (
            torch.zeros(1, size, size, dtype=torch.bool)
            if lesion is None
            else to_tensor(lesion.resize((size, size), resample=4)) > 127
        )
        masks.append(mask)
        small = torch.nn.functional.avg_pool2d(images[-1][None].float() / 255, 2)
        away = torch.nn.functional.max_pool2d(mask[None].float(), 2) == 0
        tones.append(
            ita(small, away & (small.mean(1, keepdim=True) > 0.15))
        )  # dark corners are the dermatoscope's, not skin
    names = [row["file_name"] for row in rows]
    return Pictures(
        torch.stack(images),
        torch.stack(masks),
        torch.tensor(folder.targets),
        torch.cat(tones),
        list(map(group_of, rows)),
        names,
        folder.classes,
    )


def take_fraction(train: Pictures, fraction: float, seed: int) -> list[int]:
    """Rows of a random share of every class; a larger fraction with the same seed contains the
    smaller one.

    Raises:
        ValueError: a class would be left without a photograph.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction {fraction} is not in (0, 1].")
    chosen = []
    for label, name in enumerate(train.classes):
        rows = (train.labels == label).nonzero().flatten()
        count = round(fraction * len(rows))
        if count == 0:
            raise ValueError(
                f"class {name!r} is missing in the subset: {fraction:.2%} of its {len(rows)}"
                " photographs is none. Take a larger fraction."
            )
        order = torch.randperm(
            len(rows), generator=torch.Generator().manual_seed(1000 * seed + label)
        )
        chosen += rows[order[:count]].tolist()
    return sorted(chosen)


def take_positives(train: Pictures, count: int | None, seed: int) -> list[int]:
    """Rows of all healthy patches (class 0) and of `count` of the others, all where None.

    Raises:
        ValueError: there are fewer.
    """
    healthy, sick = ((train.labels == label).nonzero().flatten() for label in (0, 1))
    if count is not None and count > len(sick):
        raise ValueError(
            f"{count} patches of class {train.classes[1]!r} were asked for, there are {len(sick)}."
        )
    order = torch.randperm(len(sick), generator=torch.Generator().manual_seed(1000 * seed))
    return sorted(healthy.tolist() + sick[order[:count]].tolist())
