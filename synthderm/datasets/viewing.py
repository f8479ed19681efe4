"""Data sets to look at: contact sheets, slices, and numpy arrays."""

import copy
from collections.abc import Sequence
from html import escape
from itertools import islice, zip_longest
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.datasets import VisionDataset
from tqdm import tqdm

from synthderm.arguments import as_integer
from synthderm.datasets.parts import fetch, locate
from synthderm.files import inline_picture
from synthderm.imaging.contact_sheet import contact_sheet, to_png
from synthderm.imaging.io import to_pil

BATCH = 16


class View(NamedTuple):
    """An item before any transform: `mask` is (1, H, W) bool, or None; `label` an index."""

    image: Image.Image
    mask: Tensor | None
    label: int


class Arrays(NamedTuple):
    """Items as numpy has them: `images` (N, H, W, 3) uint8, `masks` (N, H, W) bool, or None where
    the data has none, and `labels` (N,) int64."""

    images: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None
    labels: NDArray[np.int64]


class Viewing:
    """What a data set with `views`, `classes` and `targets` can show of itself. All of it is before
    transforms: what the data is, not what a network gets."""

    classes: list[str]
    targets: list[int]

    def __len__(self) -> int:
        raise NotImplementedError

    def views(self, indices: Sequence[int]) -> list[View]:
        """These items, before transforms."""
        raise NotImplementedError

    def choose_shown(self, count: int) -> list[int]:
        """Which items `show` shows: so many, the classes in turn."""
        return take_turns(self.targets[: len(self)], count)

    def show(
        self, n: int = 16, *, columns: int | None = None, side: int = 256, masks: bool = True
    ) -> Image.Image:
        """A contact sheet of the first items of each class in turn; a notebook displays it.

        Args:
            n: how many, at least 1; all where there are fewer.
            columns: images in a row; about as many as there are rows where None.
            side: the longest side of an image on the sheet, in pixels.
            masks: draw the masks' outlines in.

        Returns:
            a PIL image: `.show()` opens a window, `.save("sheet.png")` keeps it.

        Example:
            >>> from synthderm import SyntheticSkinDataset
            >>> sheet = SyntheticSkinDataset("hands", length=10, size=64).show(4, columns=2)
            >>> sheet.save("hands.png")
        """
        shown = self.choose_shown(len(self._first(n)))
        views = [view for batch in self._batches(shown) for view in self.views(batch)]
        outlines = [view.mask if masks else None for view in views]
        captions = [
            f"{index} {self.classes[view.label] if view.label >= 0 else 'no label'}"
            for index, view in zip(shown, views)
        ]
        images = [view.image for view in views]
        return contact_sheet(images, outlines, captions, columns=columns, side=side)

    def arrays(self, n: int | None = None, *, progress: bool = True) -> Arrays:
        """The first items as numpy arrays, as scikit-learn and matplotlib take them.

        Args:
            n: how many, at least 1; all where None, or where there are fewer.
            progress: show a bar, where there is more than one batch to make.

        Raises:
            ValueError: images of different sizes do not fit in one array.

        Example:
            >>> from synthderm import SyntheticSkinDataset
            >>> images, masks, labels = SyntheticSkinDataset("hands", length=9, size=32).arrays(4)
            >>> images.shape, masks.shape, labels.tolist()
            ((4, 32, 32, 3), (4, 32, 32), [0, 1, 2, 3])
        """
        batches = self._batches(self._first(len(self) if n is None else n))
        bar = tqdm(batches, desc="items", unit="batch", disable=not progress or len(batches) < 2)
        views = [view for batch in bar for view in self.views(batch)]
        sizes = sorted({view.image.size for view in views})
        if len(sizes) > 1:
            raise ValueError(
                f"images of {len(sizes)} sizes, such as {sizes[0]} and {sizes[-1]}, do not fit in"
                " one array: give `size=`, or resize them in a transform and take the items."
            )
        regions = [view.mask for view in views if view.mask is not None]
        return Arrays(
            np.stack([np.asarray(view.image.convert("RGB")) for view in views]),
            np.stack([mask[0].numpy() for mask in regions]) if len(regions) == len(views) else None,
            np.array([view.label for view in views], dtype=np.int64),
        )

    def take(self, indices: slice) -> list[Any]:
        """The items of a slice, as `dataset[:16]` gives them.

        Example:
            >>> from synthderm import SkinFolder
            >>> images, labels = zip(*SkinFolder("photos")[:3])
            >>> labels
            (0, 0, 0)
        """
        batches = self._batches(range(len(self))[indices])
        return [item for batch in batches for item in fetch(self, batch)]

    def _repr_png_(self) -> bytes:
        return to_png(self.show(8, columns=4))

    def _repr_html_(self) -> str:
        picture = inline_picture(self._repr_png_(), "the first items")
        return f"<pre>{escape(repr(self))}</pre>{picture}"

    def _first(self, n: int) -> Sequence[int]:
        n = as_integer("n", n)
        if n < 1:
            raise ValueError(f"n={n!r}: show at least 1 item.")
        return range(min(n, len(self)))

    @staticmethod
    def _batches(indices: Sequence[int]) -> list[list[int]]:
        return [list(indices[k : k + BATCH]) for k in range(0, len(indices), BATCH)]


def take_turns(labels: Sequence[int], count: int) -> list[int]:
    """The first item of each class, then the second of each, and so on, up to `count`.

    Args:
        labels: of all items.
        count: at most as many as there are items.
    """
    places: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        own = places.setdefault(label, [])
        if len(own) < count:
            own.append(index)
    turns = (index for turn in zip_longest(*places.values()) for index in turn)
    return list(islice((index for index in turns if index is not None), count))


def views_of(dataset: Any, indices: Sequence[int]) -> list[View]:
    """Items of any data set before its transforms, with its own labels.

    Transforms are taken off torchvision's data sets, in a copy. Of others the items are taken as
    they come.

    Raises:
        TypeError: the items have no image that can be shown, say a tensor that was normalized.
    """
    found: dict[int, View] = {}
    places = [locate(dataset, index) for index in indices]
    for inner in {id(inner): inner for inner, _ in places}.values():
        numbers = [number for other, number in places if other is inner]
        positions = [k for k, (other, _) in enumerate(places) if other is inner]
        found |= zip(positions, _views_of_one(inner, numbers))
    return [found[k] for k in range(len(places))]


def _views_of_one(dataset: Any, numbers: list[int]) -> list[View]:
    if hasattr(dataset, "views"):
        return list(dataset.views(numbers))
    if isinstance(dataset, VisionDataset):
        dataset = copy.copy(dataset)
        dataset.transform = dataset.target_transform = dataset.transforms = None
    return [_view(dataset, item) for item in fetch(dataset, numbers)]


def _view(dataset: Any, item: Any) -> View:
    """A view of an item `(image, label)` or `(image, mask, label)`."""
    image, *mask, label = item
    if isinstance(image, Tensor):
        is_shown = image.ndim == 3 and len(image) == 3
        is_shown &= image.dtype == torch.uint8 or 0 <= float(image.min()) <= float(image.max()) <= 1
        image = to_pil(image) if is_shown else image
    if not isinstance(image, Image.Image):
        raise TypeError(
            f"{type(dataset).__name__} gives no images that can be shown, but"
            f" {type(image).__name__}: take its transforms off, or look at the other part alone."
        )
    return View(image, torch.as_tensor(mask[0]) > 0 if mask else None, label)
