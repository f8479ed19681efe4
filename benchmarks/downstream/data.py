"""The photographs of a task, and the part of them that a classifier may train on."""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from benchmarks.downstream.leakage import check_groups, check_splits, hash_photograph
from synthderm.datasets.folder import SkinFolder
from synthderm.files import atomic_path
from synthderm.imaging.color import ita
from synthderm.imaging.io import to_tensor
from synthderm.training.image_pool import ImagePool

SPLITS = ("train", "val", "test")
# Columns that say which photographs belong together. Lesion numbers may repeat between patients, so
# patients come first.
GROUPS = ("patient_id", "lesion_id", "group")
DARK = 0.15  # mean of a pixel below which it is the dermatoscope's dark corner, not skin

Reader = Callable[[Path, str, int], ImagePool]


@dataclass(frozen=True)
class TaskData:
    """The photographs of a task.

    Args:
        splits: by name; `groups` are patients (or files), `names` files, `skin_tones` those of the
            healthy skin, and masks are empty where the lesion's is not known.
        files: the SHA-256 of every photograph, by name.
        identity: a hash of all of it.
    """

    splits: dict[str, ImagePool]
    files: dict[str, str]
    identity: str


def load_task(directory: str | Path, size: int, cache: Path, read: Reader, kind: str) -> TaskData:
    """Read a folder of photographs once, and later from a cache, by the hash of its files.

    Args:
        directory: with a metadata.csv that has splits train, val and test.
        size: side of the square images in pixels.
        cache: folder.
        read: function of the folder, a split and the size: its images.
        kind: a name of `read`, for the cache.

    Raises:
        ValueError: no splits, the same file in two splits, a patient in two splits, or a split
            without an image of a class.
    """
    directory = Path(directory)
    rows = read_rows(directory)
    files = {row["file_name"]: hash_photograph(directory / row["file_name"]) for row in rows}
    check_splits(rows, files)
    check_groups(rows, GROUPS)
    metadata = (directory / "metadata.csv").read_bytes()
    everything = metadata + "".join(sorted(files.values())).encode()
    identity = hashlib.sha256(everything).hexdigest()[:16]
    path = cache / f"{kind}-{directory.name}-{identity}-{size}.pt"
    if not path.is_file():
        save_pools({split: read(directory, split, size) for split in SPLITS}, path)
    splits = load_pools(path)
    for split, pool in splits.items():
        counts = torch.bincount(pool.labels, minlength=len(pool.classes))
        missing = [name for name, count in zip(pool.classes, counts) if not count]
        if missing:
            raise ValueError(
                f"{directory}: split {split!r} holds no photograph of class {missing[0]!r}; every "
                "split needs every class."
            )
    return TaskData(splits, files, identity)


def save_pools(pools: dict[str, ImagePool], path: Path) -> None:
    """Write pools to a file of the cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        torch.save({name: vars(pool) for name, pool in pools.items()}, part)


def load_pools(path: Path) -> dict[str, ImagePool]:
    """The pools of a file of the cache; pixels are read when they are used."""
    pools = torch.load(path, weights_only=True, mmap=True)
    return {name: ImagePool(**parts) for name, parts in pools.items()}


def read_rows(directory: Path) -> list[dict[str, str]]:
    """The rows of metadata.csv, which must have splits.

    Raises:
        ValueError: there is no such file, or a split is missing.
    """
    path = directory / "metadata.csv"
    if not path.is_file():
        raise ValueError(
            f"there is no {path}: the benchmark needs one, with the columns file_name, label and "
            "split."
        )
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for split in SPLITS:
        if not any(row.get("split") == split for row in rows):
            raise ValueError(
                f"{path} has no rows with split {split!r}: train, val and test are needed."
            )
    return [row for row in rows if row["split"] in SPLITS]


def group_of(row: dict[str, str]) -> str:
    """What a photograph belongs to: the patient, or the file itself."""
    return next((row[key] for key in GROUPS if row.get(key)), row["file_name"])


def read_photographs(directory: Path, split: str, size: int) -> ImagePool:
    """Whole photographs, squeezed to a square where they are not square."""
    folder = SkinFolder(directory, split=split)
    rows = [row for row in read_rows(directory) if row["split"] == split]
    images, masks, tones = [], [], []
    for index in tqdm(range(len(folder)), desc=f"read {directory.name} {split}", disable=None):
        photograph, lesion, _ = folder.read(index)
        image = to_tensor(photograph.resize((size, size), resample=3, reducing_gap=3))
        mask = torch.zeros(1, size, size, dtype=torch.bool)
        if lesion is not None:
            mask = to_tensor(lesion.resize((size, size), resample=4)) > 127
        images.append(image)
        masks.append(mask)
        tones.append(tone_around(image, mask))
    return ImagePool(
        torch.stack(images),
        torch.stack(masks).byte() * 255,
        torch.tensor(folder.targets),
        torch.cat(tones),
        folder.classes,
        groups=[group_of(row) for row in rows],
        names=[row["file_name"] for row in rows],
    )


def tone_around(image: Tensor, mask: Tensor) -> Tensor:
    """ITA in degrees of the skin around a lesion, (1,); image (3, S, S) uint8, mask (1, S, S)
    bool."""
    small = F.avg_pool2d(image[None].float() / 255, 2)
    is_outside = F.max_pool2d(mask[None].float(), 2) == 0
    return ita(small, is_outside & (small.mean(1, keepdim=True) > DARK))


def take_fraction(train: ImagePool, fraction: float, seed: int) -> list[int]:
    """Rows of a random share of every class; a larger fraction with the same seed contains the
    smaller one.

    Raises:
        ValueError: the fraction is not in (0, 1], or a class would be left without a photograph.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction {fraction} is not in (0, 1].")
    chosen = []
    for label, name in enumerate(train.classes):
        rows = (train.labels == label).nonzero().flatten()
        count = round(fraction * len(rows))
        if count == 0:
            raise ValueError(
                f"class {name!r} is missing in the subset: {fraction:.2%} of its {len(rows)} "
                "photographs is none. Take a larger fraction."
            )
        rng = torch.Generator().manual_seed(1000 * seed + label)
        chosen += rows[torch.randperm(len(rows), generator=rng)[:count]].tolist()
    return sorted(chosen)


def take_positives(train: ImagePool, count: int | None, seed: int) -> list[int]:
    """Rows of all healthy patches (class 0) and of `count` inflamed ones (class 1), all where None.

    Raises:
        ValueError: there are fewer.
    """
    healthy, inflamed = ((train.labels == label).nonzero().flatten() for label in (0, 1))
    if count is not None and count > len(inflamed):
        raise ValueError(
            f"{count} patches of class {train.classes[1]!r} were asked for, there are "
            f"{len(inflamed)}."
        )
    rng = torch.Generator().manual_seed(1000 * seed)
    order = torch.randperm(len(inflamed), generator=rng)
    return sorted(healthy.tolist() + inflamed[order[:count]].tolist())
