"""Data sets to look at: contact sheets, slices, and numpy arrays."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from synthderm.arguments import as_integer
from synthderm.imaging.contact_sheet import contact_sheet, to_png

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
    """What a data set with `views` and `classes` can show of itself. All of it is before
    transforms: what the data is, not what a network gets."""

    classes: list[str]

    def __len__(self) -> int:
        raise NotImplementedError

    def views(self, indices: Sequence[int]) -> list[View]:
        """These items, before transforms."""
        raise NotImplementedError

    def show(
        self, n: int = 16, *, columns: int | None = None, side: int = 256, masks: bool = True
    ) -> Image.Image:
        """A contact sheet of the first items with their classes; a notebook displays it.

        Args:
            n: how many, at least 1; all where there are fewer.
            columns: images in a row; about as many as there are rows where None.
            side: the longest side of an image on the sheet, in pixels.
            masks: draw the masks' outlines in.

        Returns:
            a PIL image: `.show()` opens a window, `.save("sheet.png")` keeps it.
        """
        views = [view for batch in self._batches(self._first(n)) for view in self.views(batch)]
        outlines = [view.mask if masks else None for view in views]
        captions = [
            f"{index} {self.classes[view.label] if view.label >= 0 else 'no label'}"
            for index, view in enumerate(views)
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
        """The items of a slice, as `dataset[:16]` gives them."""
        chosen: Any = self
        return [chosen[index] for index in range(len(self))[indices]]

    def _repr_png_(self) -> bytes:
        return to_png(self.show(8, columns=4))

    def _first(self, n: int) -> Sequence[int]:
        n = as_integer("n", n)
        if n < 1:
            raise ValueError(f"n={n!r}: show at least 1 item.")
        return range(min(n, len(self)))

    @staticmethod
    def _batches(indices: Sequence[int]) -> list[list[int]]:
        return [list(indices[k : k + BATCH]) for k in range(0, len(indices), BATCH)]
