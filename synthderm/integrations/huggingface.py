"""`EachRow`: a joint transform for Hugging Face data sets, which hand over columns."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2.functional import pil_to_tensor

MASK_MODES = ("1", "L", "P", "I", "I;16")


class EachRow:
    """A torchvision transform of an image with its mask and label, for `with_transform`.

    A data set of the `datasets` library calls a transform with a dictionary of columns, as lists.
    This calls `transform` with the image, mask and label of each row, as far as they are named, and
    puts what comes back into these columns. Other columns stay, further images too.

    Args:
        transform: takes and gives back `(image, mask, label)`, without what is not named; the image
            alone where nothing else is. An `EczemaEdit`, or a `v2.Compose` with one.
        image: name of the column of images.
        mask: name of the column of masks, which become `tv_tensors.Mask`; None where there is none.
        label: name of the column of classes, integers; None where it is to stay as it is.

    Raises:
        KeyError: there is no such column.
        TypeError: a mask that is neither a PIL image of one channel nor an array or tensor.
    """

    def __init__(
        self,
        transform: Callable[..., Any],
        image: str = "image",
        *,
        mask: str | None = None,
        label: str | None = None,
    ) -> None:
        self.transform, self.mask = transform, mask
        self.columns = [name for name in (image, mask, label) if name is not None]

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        missing = [name for name in self.columns if name not in batch]
        if missing:
            raise KeyError(f"there is no column {missing[0]!r}; there are {', '.join(batch)}.")
        rows = [self._transform(*row) for row in zip(*(batch[name] for name in self.columns))]
        return dict(batch) | {name: [row[k] for row in rows] for k, name in enumerate(self.columns)}

    def _transform(self, *row: Any) -> tuple[Any, ...]:
        sample = list(row)
        if self.mask is not None:
            sample[1] = _as_mask(row[1])
        if len(sample) == 1:
            return (self.transform(sample[0]),)
        return tuple(self.transform(*sample))

    def __repr__(self) -> str:
        return f"EachRow({self.transform!r}, columns={self.columns})"


def _as_mask(mask: Any) -> tv_tensors.Mask:
    """A mask, of any type that a column may have, with its own values."""
    if isinstance(mask, PIL.Image.Image) and mask.mode in MASK_MODES:
        return tv_tensors.Mask(pil_to_tensor(mask))
    if isinstance(mask, (Tensor, np.ndarray)):
        return tv_tensors.Mask(torch.as_tensor(mask))
    seen = f"PIL image of mode {mask.mode!r}" if hasattr(mask, "mode") else type(mask).__name__
    raise TypeError(f"a mask is a {seen}; expected a PIL image of one channel, or an array.")
