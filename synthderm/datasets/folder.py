"""`SkinFolder`: photographs on disk as a torchvision-style dataset, with masks where they exist."""

import os
from pathlib import Path

from PIL import Image
from torchvision import tv_tensors
from torchvision.datasets import VisionDataset

from synthderm.datasets.layouts import Row, read_rows
from synthderm.imaging.io import list_images, read_image, read_mask, to_tensor


class SkinFolder(VisionDataset):
    """Skin photographs from a folder.

    Read as they are published: HAM10000, ISIC 2017, PAD-UFES-20, SCIN and 11k Hands, which are
    known by their files (see `synthderm.datasets.layouts` for files, classes, splits and licences).
    Else with a `metadata.csv` (columns `file_name` and `label`; `mask_file_name` and `split` where
    there are any; paths relative to the folder), or as torchvision's `ImageFolder` (one sub-folder
    a class). A folder with none of these has one class, "image".

    Args:
        root: the folder.
        split: keep the rows of this split ("train", "val", "test"); all where None.
        classes: keep these classes alone, in this order; all, sorted, where None.
        min_weight: for SCIN alone: the least weight of a case's leading condition, in [0, 1]; 0.5
            where None.
        return_mask: items are `(image, mask, label)`; a photograph without a mask is left out.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`; with
            masks, `transforms` gets `(image, mask, label)`.

    `layout` says how the folder was read: "HAM10000", "ISIC 2017", "PAD-UFES-20", "SCIN", "11k
    Hands", "metadata.csv" or "ImageFolder". `groups` has, for each item, the id of its patient,
    lesion, case or subject (none is in two splits), or None; `tones` what the source says of its
    skin tone, as in {"fitzpatrick": 2}, often {}.

    Items are `(PIL RGB, int)`, or `(PIL RGB, tv_tensors.Mask (1, H, W) uint8 of 0 and 1, int)`.

    Raises:
        FileNotFoundError: no such folder, or a photograph that a table names is missing.
        ValueError: no images, a split or class that does not exist, or a column that is missing.
    """

    def __init__(self, root, *, split=None, classes=None, min_weight=None, transform=None, target_transform=None,
                 transforms=None, return_mask=False):  # fmt: skip
        super().__init__(
            os.fspath(root),
            transforms=transforms,
            transform=transform,
            target_transform=target_transform,
        )
        self.directory, self.split, self.return_mask = Path(root), split, return_mask
        self.layout, rows = read_rows(root, min_weight) or ("ImageFolder", self._read_tree())
        # Over all splits, so that a class has the same index in each.
        known = sorted({row.label for row in rows})
        self.classes: list[str] = (
            known if classes is None else [classes] if isinstance(classes, str) else list(classes)
        )
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        unknown = [name for name in self.classes if name not in known]
        if unknown or not self.classes:
            raise ValueError(
                f"{self.directory} ({self.layout}) has no class {', '.join(map(repr, unknown))}; it"
                f" has: {', '.join(known)}."
            )
        if split is not None and self.layout != "ImageFolder":
            splits = sorted({row.split or "" for row in rows})
            if split not in splits:
                raise ValueError(
                    f"{self.directory} ({self.layout}) has no split {split!r}; it has:"
                    f" {', '.join(map(repr, splits))}."
                )
            rows = [row for row in rows if row.split == split]
        rows = [row for row in rows if row.label in self.class_to_idx]
        if not rows:
            raise ValueError(
                f"{self.directory} ({self.layout}) has no {', '.join(self.classes)} in split"
                f" {split!r}."
            )
        if return_mask:
            rows = [row for row in rows if row.mask is not None]
            if not rows:
                raise ValueError(
                    f"{self.directory} ({self.layout}) names no masks: add a column mask_file_name"
                    " to a metadata.csv, or fetch the masks."
                )
        self.samples = [(row.image, row.mask, self.class_to_idx[row.label]) for row in rows]
        self.targets = [label for _, _, label in self.samples]
        self.groups, self.tones = [row.group for row in rows], [row.tone for row in rows]

    def _read_tree(self) -> list[Row]:
        if self.split is not None and (self.directory / self.split).is_dir():
            self.directory = self.directory / self.split
        found = []
        for path in list_images(self.directory):
            inner = path.relative_to(self.directory).parts
            found.append(Row(path, inner[0] if len(inner) > 1 else "image"))
        return found

    def extra_repr(self) -> str:
        return f"layout={self.layout!r}, split={self.split!r}, {len(self.classes)} classes"

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
    """ "train" where a folder has splits (its layout's, or a sub-folder of that name), else None:
    all of it."""
    found = read_rows(root)
    if found is not None:
        return "train" if any(row.split for row in found[1]) else None
    return "train" if (Path(root) / "train").is_dir() else None


def apply_transforms(
    dataset: VisionDataset, image: Image.Image, mask: tv_tensors.Mask | None, label: int
) -> tuple:
    """An item after the dataset's transforms, read at access time (timm sets `dataset.transform`
    late).

    Without a mask as torchvision does it; with one, `transform` gets `(image, mask)` and
    `transforms` all three.
    """
    parts = (image,) if mask is None else (image, mask)
    if dataset.transform is None and dataset.target_transform is None:
        return (*parts, label) if dataset.transforms is None else dataset.transforms(*parts, label)
    if dataset.transform is not None:
        parts = dataset.transform(*parts)
        parts = (parts,) if mask is None else tuple(parts)
    return (*parts, label if dataset.target_transform is None else dataset.target_transform(label))
