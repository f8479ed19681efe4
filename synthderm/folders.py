"""`SkinFolder`: photographs on disk as a torchvision-style dataset, with masks where they exist."""

import csv
import os
from pathlib import Path

from PIL import Image
from torchvision import tv_tensors
from torchvision.datasets import VisionDataset

from synthderm.images import list_images, read_image, read_mask, to_tensor


class SkinFolder(VisionDataset):
    """Skin photographs from a folder.

    With a `metadata.csv` (columns `file_name` and `label`; `mask_file_name` and `split` where there are any; paths
    relative to the folder), or as torchvision's `ImageFolder` (one sub-folder a class). A folder with neither has one
    class, "image".

    Args:
        root: the folder.
        split: keep the rows of this split ("train", "val", "test"); all where None.
        return_mask: items are `(image, mask, label)`; a photograph without a mask is left out.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`; with masks,
            `transforms` gets `(image, mask, label)`.

    Items are `(PIL RGB, int)`, or `(PIL RGB, tv_tensors.Mask (1, H, W) uint8 of 0 and 1, int)`.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no images, a split that does not exist, or a column that is missing.
    """

    def __init__(self, root, *, split=None, transform=None, target_transform=None, transforms=None, return_mask=False):
        super().__init__(os.fspath(root), transforms=transforms, transform=transform, target_transform=target_transform)
        self.directory, self.split, self.return_mask = Path(root), split, return_mask
        self.classes: list[str] = []
        rows = self._read_metadata() if (self.directory / "metadata.csv").is_file() else self._read_tree()
        if return_mask:
            rows = [row for row in rows if row[1] is not None]
            if not rows:
                raise ValueError(f"{self.directory} names no masks: add a column mask_file_name to its metadata.csv.")
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        self.samples = [(path, mask, self.class_to_idx[label]) for path, mask, label in rows]
        self.targets = [label for _, _, label in self.samples]

    def _read_metadata(self) -> list[tuple[Path, Path | None, str]]:
        path = self.directory / "metadata.csv"
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        columns = set(rows[0]) if rows else set()
        for needed in ("file_name", "label"):
            if needed not in columns:
                raise ValueError(f"{path} has no column {needed!r}; it has: {', '.join(sorted(columns)) or 'nothing'}.")
        # Over all splits, so that a class has the same index in each.
        self.classes = sorted({row["label"] for row in rows})
        if self.split is not None:
            splits = sorted({row.get("split") or "" for row in rows})
            rows = [row for row in rows if row.get("split") == self.split]
            if not rows:
                raise ValueError(f"{path} has no split {self.split!r}; it has: {', '.join(map(repr, splits))}.")
        return [
            (self.directory / row["file_name"], self.directory / row["mask_file_name"] if row.get("mask_file_name") else None, row["label"]) for row in rows
        ]

    def _read_tree(self) -> list[tuple[Path, Path | None, str]]:
        if self.split is not None and (self.directory / self.split).is_dir():
            self.directory = self.directory / self.split
        found = []
        for path in list_images(self.directory):
            inner = path.relative_to(self.directory).parts
            found.append((path, None, inner[0] if len(inner) > 1 else "image"))
        self.classes = sorted({label for _, _, label in found})
        return found

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, index: int) -> tuple[Image.Image, Image.Image | None, int]:
        """Image, mask (mode L, 0 and 255, or None) and label, before any transform."""
        path, mask_path, label = self.samples[index]
        image = read_image(path)
        return image, None if mask_path is None else read_mask(mask_path, image.size), label

    def __getitem__(self, index: int):
        image, mask, label = self.read(index)
        mask = tv_tensors.Mask((to_tensor(mask) > 0).byte()) if self.return_mask else None
        return apply_transforms(self, image, mask, label)


def training_split(root: str | os.PathLike) -> str | None:
    """ "train" where a folder has splits (a column in its metadata.csv, or a sub-folder of that name), else None: all of it."""
    metadata = Path(root) / "metadata.csv"
    if metadata.is_file():
        with open(metadata, newline="", encoding="utf-8") as file:
            return "train" if "split" in (csv.DictReader(file).fieldnames or []) else None
    return "train" if (Path(root) / "train").is_dir() else None


def apply_transforms(dataset: VisionDataset, image: Image.Image, mask: tv_tensors.Mask | None, label: int) -> tuple:
    """An item after the dataset's transforms, read at access time (timm sets `dataset.transform` late).

    Without a mask as torchvision does it; with one, `transform` gets `(image, mask)` and `transforms` all three.
    """
    parts = (image,) if mask is None else (image, mask)
    if dataset.transform is None and dataset.target_transform is None:
        return (*parts, label) if dataset.transforms is None else dataset.transforms(*parts, label)
    if dataset.transform is not None:
        parts = dataset.transform(*parts)
        parts = (parts,) if mask is None else tuple(parts)
    return (*parts, label if dataset.target_transform is None else dataset.target_transform(label))
