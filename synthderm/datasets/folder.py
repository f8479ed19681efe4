"""`SkinFolder`: photographs on disk as a torchvision-style dataset, with masks if there are any."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.datasets import VisionDataset
from torchvision.datasets.vision import StandardTransform

from synthderm.callers import warn_caller
from synthderm.datasets.classes import check_classes, class_names, sort_labels, warn_of_numbers
from synthderm.datasets.doubts import check_folders, warn_of_siblings
from synthderm.datasets.finding import check_root
from synthderm.datasets.layouts import find_layouts, read_layout
from synthderm.datasets.metadata import split_folders
from synthderm.datasets.names import split_name
from synthderm.datasets.records import PhotoRecord, check_inside, check_records
from synthderm.datasets.rendered import refuse_unfinished, rendered_classes, warn_of_left_out
from synthderm.datasets.viewing import View, Viewing
from synthderm.imaging.io import read_image, read_mask, to_tensor

Transform = Callable[..., Any]


class SkinFolder(Viewing, VisionDataset):
    """Skin photographs from a folder.

    HAM10000, ISIC 2017 to 2020, PAD-UFES-20, SCIN and 11k Hands are read as they are published, and
    are recognised by their files: see `synthderm.datasets.layouts` and `synthderm.datasets.isic`
    for files, classes, splits and licences. Any other folder is read by its `metadata.csv` (see
    `synthderm.datasets.metadata`: columns `file_name` and `label`; `mask_file_name`, `split` and
    `patient_id` if there are any; paths relative to the table), or as torchvision's `ImageFolder`
    (one sub-folder a class, in folders `train`, `val` and `test` if there are splits; masks are
    told by their names, see `synthderm.datasets.mask_pairs`). A folder with none of these has one
    class, "image".

    Items are `(PIL RGB, int)`, or `(PIL RGB, tv_tensors.Mask (1, H, W) uint8 of 0 and 1, int)`.

    Args:
        root: the folder; `~` is the home folder.
        split: keep this split alone ("train", "val", "test"); all where None.
        classes: the classes and their order; others are left out, and some may have no photograph.
            All of the collection, sorted, where None: a class has the same label in every split.
        min_weight: for SCIN alone: the least weight of a case's leading condition, in [0, 1]; 0.5
            where None.
        return_mask: items are `(image, mask, label)`; photographs without a mask are left out, with
            a warning.
        allow_outside: read photographs and masks that a table names outside of `root` too, by a
            whole path or by "..".
        loader: reads a file as a PIL image in RGB.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`; with
            masks, `transform` gets `(image, mask)` and `transforms` gets `(image, mask, label)`.

    Attributes:
        layout: how the folder was read: "HAM10000", "ISIC 2017" to "ISIC 2020", "ISIC 2018 task 1",
            "PAD-UFES-20", "SCIN", "11k Hands", "metadata.csv" or "ImageFolder".
        classes, class_to_idx, samples, imgs, targets, loader: as in torchvision's `ImageFolder`; a
            sample is (image file, label).
        masks: the file of the mask of each photograph that has one, by the photograph's file.
        splits: the splits of the collection; [] if it has none.
        groups: for each item the id of its patient, lesion, case or subject, or None. A group in
            two splits is warned of.
        tones: for each item what the source says of its skin tone, as in {"fitzpatrick": 2}; often
            {}.

    Raises:
        FileNotFoundError: no such folder, or a file that a table names is missing.
        NotADirectoryError: `root` is a file, as an archive is.
        ValueError: no images, a split or classes that do not exist, a table that can't be read, or
            a folder of which it is doubtful that its folders are classes.

    Example:
        >>> from synthderm import SkinFolder
        >>> photographs = SkinFolder("photos")  # a folder for each class
        >>> image, label = photographs[0]
        >>> image.mode, photographs.classes[label], len(photographs)
        ('RGB', 'melanoma', 22)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        split: str | None = None,
        classes: str | Sequence[str] | None = None,
        min_weight: float | None = None,
        return_mask: bool = False,
        allow_outside: bool = False,
        loader: Callable[[str], Image.Image] = read_image,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        transforms: Transform | None = None,
    ) -> None:
        folder = check_root(root)
        wanted = None if classes is None else class_names(classes)
        super().__init__(
            os.fspath(root),
            transforms=transforms,
            transform=transform,
            target_transform=target_transform,
        )
        refuse_unfinished(folder)
        warn_of_left_out(folder)
        self.layout, photographs, labels = read_layout(root, min_weight, wanted or ())
        self.loader, self.return_mask = loader, return_mask
        if split is not None and not isinstance(split, str):
            raise ValueError(f"split={split!r}: give the name of one split, or None for all.")
        self.split = None if split is None else split_name(split) or split
        self.splits = _splits(photographs)
        if not allow_outside:
            check_inside(folder, photographs)
        photographs = check_records(self._place, photographs)
        # torchvision sorts folders as text, "10" before "9".
        known = sorted(labels) if self.layout == "ImageFolder" else sort_labels(labels)
        if wanted is not None:
            check_classes(self._place, wanted, known)
        else:
            if self.layout == "ImageFolder":
                check_folders(folder, photographs)
            warn_of_siblings(folder, known)
            warn_of_numbers(self._place, known)
        self.classes = wanted or rendered_classes(folder, labels) or known
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        photographs = self._select(photographs)
        self.samples = [(one.image, self.class_to_idx[one.label]) for one in photographs]
        self.imgs = self.samples
        self.targets = [label for _, label in self.samples]
        # By file, so that they stay right where somebody shortens `samples`.
        self.masks = {one.image: one.mask for one in photographs if one.mask}
        self.groups = [photograph.group for photograph in photographs]
        self.tones = [photograph.tone for photograph in photographs]

    @property
    def _place(self) -> str:
        return f"{self.root} ({self.layout})"

    def _select(self, photographs: list[PhotoRecord]) -> list[PhotoRecord]:
        """The photographs of the split and the classes, with masks if these are asked for."""
        if self.split is not None:
            if self.split not in self.splits:
                raise ValueError(f"{self._place} has no split {self.split!r}; {self._way_out()}")
            photographs = [one for one in photographs if one.split == self.split]
        photographs = [one for one in photographs if one.label in self.class_to_idx]
        if not photographs:
            where = "" if self.split is None else f" in split {self.split!r}"
            raise ValueError(
                f"{self._place} has no photograph of {', '.join(self.classes)}{where}."
            )
        return self._with_masks(photographs) if self.return_mask else photographs

    def _with_masks(self, photographs: list[PhotoRecord]) -> list[PhotoRecord]:
        """Those that have a mask. The others are left out with a warning."""
        kept = [one for one in photographs if one.mask is not None]
        if not kept:
            raise ValueError(
                f"{self._place} names no masks: add a column mask_file_name to a metadata.csv, or"
                " fetch the masks."
            )
        if len(kept) < len(photographs):
            where = "" if self.split is None else f" in split {self.split!r}"
            warn_caller(
                f"{self._place}: {len(photographs) - len(kept):,} of {len(photographs):,}"
                f" photographs{where} have no mask and are left out: add their masks, or leave out"
                " return_mask=True to read all of them."
            )
        return kept

    def _way_out(self) -> str:
        """What to do where a split is not there."""
        if self.splits:
            return f"it has: {', '.join(map(repr, self.splits))}."
        return (
            "it has no splits. Make folders train, val and test with one folder a class in each,"
            " or a metadata.csv with a column split; leave split out to read all images."
        )

    def extra_repr(self) -> str:
        return f"layout={self.layout!r}, split={self.split!r}, {len(self.classes)} classes"

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, index: int) -> tuple[Image.Image, Image.Image | None, int]:
        """Image, mask (mode L, 0 and 255, or None) and label, before any transform.

        Example:
            >>> from synthderm import SkinFolder
            >>> image, mask, label = SkinFolder("photos").read(0)
            >>> mask is None, label
            (True, 0)
        """
        path, label = self.samples[index]
        image, mask = self.loader(path), self.masks.get(path)
        return image, None if mask is None else read_mask(mask, image.size), label

    def views(self, indices: Sequence[int]) -> list[View]:
        """These items, before transforms."""
        parts = [self.read(index) for index in indices]
        return [View(x, None if y is None else to_tensor(y) > 0, label) for x, y, label in parts]

    def __getitem__(self, index: int | slice) -> Any:
        """An item; of a slice, a list of them."""
        if isinstance(index, slice):
            return self.take(index)
        if not self.return_mask:
            path, label = self.samples[index]
            return apply_transforms(self, self.loader(path), None, label)
        image, mask, label = self.read(index)
        if mask is None:
            raise ValueError(f"{self.samples[index][0]} has no mask.")
        return apply_transforms(self, image, tv_tensors.Mask((to_tensor(mask) > 0).byte()), label)


def find_splits(root: str | os.PathLike[str]) -> list[str]:
    """The splits of a folder, sorted; [] if it has none."""
    folder = check_root(root)
    if not find_layouts(folder):
        return sorted(split_folders(folder).values())
    return _splits(read_layout(folder).photographs)


def _splits(photographs: Sequence[PhotoRecord]) -> list[str]:
    return sorted({one.split for one in photographs if one.split is not None})


def training_split(root: str | os.PathLike[str]) -> str | None:
    """The split to train on: "train" if a folder has splits, else None, which means all of it."""
    return "train" if find_splits(root) else None


def apply_transforms(
    dataset: VisionDataset, image: Image.Image, mask: Tensor | None, label: int
) -> tuple[Any, ...]:
    """An item after the dataset's transforms, read at access time (timm sets them late).

    Without a mask it is what torchvision does; with one, `transform` gets `(image, mask)` and
    `transforms` all three. Joint `transforms` come before a `transform` that is set later.
    """
    parts: tuple[Any, ...] = (image,) if mask is None else (image, mask)
    if dataset.transform is None and dataset.target_transform is None:
        return (*parts, label) if dataset.transforms is None else dataset.transforms(*parts, label)
    if has_joint_transforms(dataset):
        *changed, label = dataset.transforms(*parts, label)
        parts = tuple(changed)
    if dataset.transform is not None:
        result = dataset.transform(*parts)
        parts = (result,) if mask is None else tuple(result)
    target = label if dataset.target_transform is None else dataset.target_transform(label)
    return (*parts, target)


def has_joint_transforms(dataset: Any) -> bool:
    """Whether a data set has `transforms` of its own, which take image and label together."""
    joint = getattr(dataset, "transforms", None)
    return joint is not None and not isinstance(joint, StandardTransform)
