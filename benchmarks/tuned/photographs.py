"""The photographs and generated images that networks are fine-tuned on, as tensors of one side."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from benchmarks.common import generate
from benchmarks.heads.run import CLASSES, OTHER_NAMES, SEED
from synthderm.datasets.folder import SkinFolder
from synthderm.files import sha256
from synthderm.imaging.io import to_tensor


class Images(NamedTuple):
    """N square images.

    pixels: (N, 3, S, S) uint8.
    masks: (N, 1, S, S) bool, where the lesion is; empty where no mask was drawn.
    labels: (N,) int64.
    groups: (N,) int64, which patient or photograph each is of.
    """

    pixels: Tensor
    masks: Tensor
    labels: Tensor
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> "Images":
        index = torch.from_numpy(rows)
        return Images(self.pixels[index], self.masks[index], self.labels[index], self.groups[rows])


class Photographs(NamedTuple):
    """ISIC 2017 in its splits, and "other", the same diagnoses of another collection."""

    train: Images
    val: Images
    test: Images
    other: Images


def read_all(data: Path, other: Path, side: int) -> Photographs:
    """All photographs, resized to squares.

    Raises:
        ValueError: a file of `train` is tested on as well.
    """
    folders = [SkinFolder(data, split=split, classes=CLASSES) for split in ("train", "val", "test")]
    folders.append(SkinFolder(other, classes=OTHER_NAMES))
    check_apart(*folders)
    return Photographs(*(read(folder, side) for folder in folders))


def check_apart(*folders: SkinFolder) -> None:
    """No file is in two folders or splits, under whatever name.

    Raises:
        ValueError: with the names of both.
    """
    first: dict[str, tuple[SkinFolder, str]] = {}
    for folder in folders:
        for path, _ in folder.samples:
            owner, name = first.setdefault(sha256(path), (folder, path))
            if owner is not folder:
                raise ValueError(
                    f"{path} is the same file as {name}: a photograph may be in only one split. "
                    "Remove one."
                )


def read(folder: SkinFolder, side: int) -> Images:
    """The photographs of a folder, with the masks of their lesions."""
    pixels, masks, groups = [], [], []
    for index in tqdm(range(len(folder)), desc=f"read {Path(folder.root).name}", disable=None):
        photograph, lesion, _ = folder.read(index)
        pixels.append(to_tensor(photograph.resize((side, side), resample=3, reducing_gap=3)))
        mask = torch.zeros(1, side, side, dtype=torch.bool)
        if lesion is not None:
            mask = to_tensor(lesion.resize((side, side), resample=4)) > 127
        masks.append(mask)
        groups.append(folder.groups[index] or folder.samples[index][0])
    labels = torch.tensor(folder.targets)
    numbers = np.unique(groups, return_inverse=True)[1]
    return Images(torch.stack(pixels), torch.stack(masks), labels, numbers)


def make_images(source: str, count: int, side: int, classes: Sequence[str] = CLASSES) -> Images:
    """Generated images, in equal classes; each is its own group."""
    labels = [classes[k % len(classes)] for k in range(count)]
    pixels, masks = generate(source, labels, SEED, f"generate {source}", size=side)
    numbers = torch.arange(count) % len(classes)
    return Images(pixels, masks, numbers, np.arange(count))
