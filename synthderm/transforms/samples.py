"""Samples, in any nesting of tuples, lists and dicts: which items are the image and the masks, and
how they are read and put back."""

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torchvision import tv_tensors

from synthderm.imaging.io import to_pil, to_tensor

PIL_MODES = ("RGB", "L", "RGBA")


def is_image(item: Any) -> bool:
    """Whether v2 transforms take an item for an image: plain tensors are."""
    is_plain = isinstance(item, Tensor) and not isinstance(item, tv_tensors.TVTensor)
    return is_plain or isinstance(item, (PIL.Image.Image, tv_tensors.Image))


def find_image(flat_inputs: list[Any]) -> Any:
    """The one image among the items of a sample.

    Raises:
        TypeError: there is none.
        ValueError: there are several.
    """
    images = [item for item in flat_inputs if is_image(item)]
    if not images:
        seen = ", ".join(sorted({type(item).__name__ for item in flat_inputs}))
        raise TypeError(
            f"no image in the sample ({seen or 'nothing to transform'}): EczemaEdit takes PIL"
            " images, tv_tensors.Image and tensors."
        )
    if len(images) > 1:
        raise ValueError(
            f"{len(images)} images in one sample: EczemaEdit edits one. Call it for each, and wrap"
            " masks in tv_tensors.Mask."
        )
    return images[0]


def refuse_plain_masks(image: Any, others: list[Any]) -> None:
    """Refuse masks that are no `tv_tensors.Mask` any more, as after `default_collate`: they would
    silently be left as they are.

    Args:
        image: of the sample.
        others: the items of the sample that v2 transforms pass through.

    Raises:
        ValueError: one of them is as high and wide as the image and has one channel.
    """
    count, height, width = size_of(image)
    for item in others:
        is_array = isinstance(item, (Tensor, np.ndarray)) and item.ndim >= 2
        if not is_array or isinstance(item, tv_tensors.TVTensor):
            continue
        if item.shape[-2:] == (height, width) and math.prod(item.shape) == count * height * width:
            raise ValueError(
                f"a plain {type(item).__name__} of shape {tuple(item.shape)} beside the image looks"
                " like a mask, and would not be updated: wrap it in tv_tensors.Mask, or after a"
                " DataLoader use edit.batch(images, masks, labels)."
            )


def size_of(image: Any) -> tuple[int, int, int]:
    """The number of images, height and width."""
    if isinstance(image, PIL.Image.Image):
        return 1, image.height, image.width
    count = len(image) if image.ndim == 4 else 1
    height, width = (1, 1, *image.shape)[-2:]  # `to_batch` says what is wrong with other shapes
    return count, height, width


def to_batch(image: Any) -> Tensor:
    """An image as a plain tensor (B, C, H, W), without gradient."""
    if isinstance(image, PIL.Image.Image):
        if image.mode not in PIL_MODES:
            raise TypeError(
                f"a PIL image of mode {image.mode!r}; supported: {', '.join(PIL_MODES)}. Use"
                " image.convert('RGB')."
            )
        return to_tensor(image)[None]
    if image.ndim not in (3, 4):
        raise ValueError(
            f"an image has shape {tuple(image.shape)}; expected (3, H, W), or (B, 3, H, W)."
        )
    image = image.as_subclass(Tensor).detach()
    return image[None] if image.ndim == 3 else image


def from_batch(images: Tensor, like: Any) -> Any:
    """A plain tensor (B, C, H, W) in the type and shape of the image that it was made of."""
    if isinstance(like, PIL.Image.Image):
        return to_pil(images[0])
    images = images.reshape(like.shape)
    return tv_tensors.wrap(images, like=like) if isinstance(like, tv_tensors.Image) else images


def to_masks(mask: Tensor, images: Tensor) -> Tensor:
    """A mask of a sample as (B, 1, H, W) bool on the device of its images (B, C, H, W)."""
    mask = mask.as_subclass(Tensor)
    shape = torch.Size([len(images), 1, *images.shape[-2:]])
    if mask.shape[-2:] != shape[-2:] or mask.numel() != shape.numel():
        raise ValueError(
            f"the mask has shape {tuple(mask.shape)}; an image of {tuple(images.shape[-2:])} needs"
            f" one mask of {tuple(shape[1:])} each."
        )
    return (mask if mask.dtype == torch.bool else mask != 0).reshape(shape).to(images.device)


def take(batch: Tensor, rows: list[int]) -> Tensor:
    """Rows in ascending order; all of them are the batch itself."""
    return batch if len(rows) == len(batch) else _signed(batch)[rows].view(batch.dtype)


def put(batch: Tensor, rows: list[int], part: Tensor) -> Tensor:
    """The batch with `part` in these rows; the batch itself is not written to."""
    if len(rows) == len(batch):
        return part
    result = batch.clone(memory_format=torch.preserve_format)
    _signed(result)[rows] = _signed(part)
    return result


def changed_rows(before: Tensor, after: Tensor) -> list[int]:
    """The images of two batches (B, C, H, W) of which a pixel differs."""
    if before.device.type == "cpu":
        pairs = zip(before, after)
        return [row for row, (old, new) in enumerate(pairs) if _differs(old, new)]
    differs = (_signed(before) != _signed(after)).flatten(1).any(1).tolist()
    return [row for row, is_changed in enumerate(differs) if is_changed]


def _differs(before: Tensor, after: Tensor) -> bool:
    """Whether two (C, H, W) images differ. In numpy, which compares ten times as fast as torch, and
    first on a few lines: those of an edit differ almost always."""
    for lines in (slice(None, None, 16), slice(None)):
        old, new = before[:, lines], after[:, lines]
        if old.dtype in (torch.float16, torch.bfloat16):  # numpy is slow at one, lacks the other
            old, new = old.float(), new.float()
        if (old.numpy() != new.numpy()).any():
            return True
    return False


def _signed(images: Tensor) -> Tensor:
    """uint16 seen as int16, the same bits: torch has no indexing for uint16."""
    return images.view(torch.int16) if images.dtype == torch.uint16 else images


@lru_cache(maxsize=1)
def warn_of_boxes() -> None:
    """Say once a process that bounding boxes are not updated."""
    warnings.warn(
        "EczemaEdit leaves bounding boxes as they are; boxes around eczema that it adds or removes"
        " are not in step.",
        stacklevel=8,  # the call of the transform
    )
