"""`SkinFolder`: photographs on disk as a torchvision-style dataset, with masks if there are any."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.datasets import VisionDataset

from synthderm.datasets.layouts import read_layout
from synthderm.datasets.tables import PhotoRecord
from synthderm.imaging.io import list_images, read_image, read_mask, to_tensor

Transform = Callable[..., Any]


class SkinFolder(VisionDataset):
    """Skin photographs from a folder.

    HAM10000, ISIC 2017, PAD-UFES-20, SCIN and 11k Hands are read as they are published, and are
    recognised by their files: see `synthderm.datasets.layouts` for files, classes, splits and
    licences. Any other folder is read by its `metadata.csv` (columns `file_name` and `label`;
    `mask_file_name` and `split` if there are any; paths relative to the folder), or as
    torchvision's `ImageFolder` (one sub-folder a class). A folder with none of these has one class,
    "image".

    Items are `(PIL RGB, int)`, or `(PIL RGB, tv_tensors.Mask (1, H, W) uint8 of 0 and 1, int)`.

    Args:
        root: the folder.
        split: keep this split alone ("train", "val", "test"); all where None.
        classes: keep these classes alone, in this order; all, sorted, where None.
        min_weight: for SCIN alone: the least weight of a case's leading condition, in [0, 1]; 0.5
            where None.
        return_mask: items are `(image, mask, label)`; a photograph without a mask is left out.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`; with
            masks, `transform` gets `(image, mask)` and `transforms` gets `(image, mask, label)`.

    Attributes:
        layout: how the folder was read: "HAM10000", "ISIC 2017", "PAD-UFES-20", "SCIN", "11k
            Hands", "metadata.csv" or "ImageFolder".
        classes, class_to_idx, samples, targets: as in torchvision's `ImageFolder`; a sample is
            (image file, mask file or None, label).
        groups: for each item the id of its patient, lesion, case or subject, or None; no group is
            in two splits.
        tones: for each item what the source says of its skin tone, as in {"fitzpatrick": 2}; often
            {}.

    Raises:
        FileNotFoundError: no such folder, or a photograph that a table names is missing.
        ValueError: no images, a split or class that does not exist, or a column that is missing.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        split: str | None = None,
        classes: str | Sequence[str] | None = None,
        min_weight: float | None = None,
        return_mask: bool = False,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        transforms: Transform | None = None,
    ) -> None:
        super().__init__(
            os.fspath(root),
            transforms=transforms,
            transform=transform,
            target_transform=target_transform,
        )
        self.directory = Path(root)
        self.split = split
        self.return_mask = return_mask
        self.layout, photographs = read_layout(root, min_weight) or (
            "ImageFolder",
            self._read_tree(),
        )
        # Over all splits, so that a class has the same index in each.
        known = sorted({photograph.label for photograph in photographs})
        self.classes: list[str] = self._check_classes(classes, known)
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        photographs = self._select(photographs)
        self.samples = [
            (photograph.image, photograph.mask, self.class_to_idx[photograph.label])
            for photograph in photographs
        ]
        self.targets = [label for _, _, label in self.samples]
        self.groups = [photograph.group for photograph in photographs]
        self.tones = [photograph.tone for photograph in photographs]

    def _read_tree(self) -> list[PhotoRecord]:
        if self.split is not None:
            if not (self.directory / self.split).is_dir():
                raise ValueError(
                    f"{self.directory} (ImageFolder) has no split {self.split!r}: it needs a"
                    f" sub-folder {self.split}/ with one folder a class, or a metadata.csv with a"
                    " column split. Leave split out to read all images."
                )
            self.directory = self.directory / self.split
        photographs = []
        for path in list_images(self.directory):
            parts = path.relative_to(self.directory).parts
            photographs.append(PhotoRecord(path, parts[0] if len(parts) > 1 else "image"))
        return photographs

    def _check_classes(self, classes: str | Sequence[str] | None, known: list[str]) -> list[str]:
        if classes is None:
            return known
        wanted = [classes] if isinstance(classes, str) else list(classes)
        unknown = [name for name in wanted if name not in known]
        if unknown or not wanted:
            raise ValueError(
                f"{self.directory} ({self.layout}) has no class {', '.join(map(repr, unknown))}; it"
                f" has: {', '.join(known)}."
            )
        return wanted

    def _select(self, photographs: list[PhotoRecord]) -> list[PhotoRecord]:
        """The photographs of the split and the classes, with masks if these are asked for."""
        place = f"{self.directory} ({self.layout})"
        if self.split is not None and self.layout != "ImageFolder":
            splits = sorted({photograph.split or "" for photograph in photographs})
            if self.split not in splits:
                raise ValueError(
                    f"{place} has no split {self.split!r}; it has: {', '.join(map(repr, splits))}."
                )
            photographs = [one for one in photographs if one.split == self.split]
        photographs = [one for one in photographs if one.label in self.class_to_idx]
        if not photographs:
            raise ValueError(f"{place} has no {', '.join(self.classes)} in split {self.split!r}.")
        if self.return_mask:
            photographs = [one for one in photographs if one.mask is not None]
            if not photographs:
                raise ValueError(
                    f"{place} names no masks: add a column mask_file_name to a metadata.csv, or"
                    " fetch the masks."
                )
        return photographs

    def extra_repr(self) -> str:
        return f"layout={self.layout!r}, split={self.split!r}, {len(self.classes)} classes"

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, index: int) -> tuple[Image.Image, Image.Image | None, int]:
        """Image, mask (mode L, 0 and 255, or None) and label, before any transform."""
        path, mask_path, label = self.samples[index]
        image = read_image(path)
        return image, None if mask_path is None else read_mask(mask_path, image.size), label

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        image, mask, label = self.read(index)
        if not self.return_mask or mask is None:
            return apply_transforms(self, image, None, label)
        return apply_transforms(self, image, tv_tensors.Mask((to_tensor(mask) > 0).byte()), label)


def training_split(root: str | os.PathLike[str]) -> str | None:
    """The split to train on: "train" if a folder has splits, else None, which means all of it.

    Splits are those of its layout, or a sub-folder of the name "train".
    """
    layout = read_layout(root)
    if layout is not None:
        return "train" if any(photograph.split for photograph in layout[1]) else None
    return "train" if (Path(root) / "train").is_dir() else None


def apply_transforms(
    dataset: VisionDataset, image: Image.Image, mask: Tensor | None, label: int
) -> tuple[Any, ...]:
    """An item after the dataset's transforms, read at access time (timm sets them late).

    Without a mask it is what torchvision does; with one, `transform` gets `(image, mask)` and
    `transforms` all three.
    """
    parts: tuple[Any, ...] = (image,) if mask is None else (image, mask)
    if dataset.transform is None and dataset.target_transform is None:
        return (*parts, label) if dataset.transforms is None else dataset.transforms(*parts, label)
    if dataset.transform is not None:
        result = dataset.transform(*parts)
        parts = (result,) if mask is None else tuple(result)
    target = label if dataset.target_transform is None else dataset.target_transform(label)
    return (*parts, target)
