"""Samples, in any nesting of tuples, lists and dicts: where the image, the masks and the label are,
and how they are read and put back."""

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import PIL.Image
import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_unflatten
from torchvision import tv_tensors

from synthderm.imaging.io import to_tensor

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
            f"{len(images)} images in one sample: EczemaEdit edits one; call it for each."
        )
    return images[0]


def to_batch(image: Any) -> Tensor:
    """An image as a plain tensor (B, C, H, W), without gradient."""
    if isinstance(image, PIL.Image.Image):
        if image.mode not in PIL_MODES:
            raise TypeError(
                f"a PIL image of mode {image.mode!r}; supported: {', '.join(PIL_MODES)}. Use"
                " image.convert('RGB')."
            )
        return to_tensor(image)[None]
    image = image.as_subclass(Tensor).detach()
    return image[None] if image.ndim == 3 else image


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


def _signed(images: Tensor) -> Tensor:
    """uint16 seen as int16, the same bits: torch has no indexing for uint16."""
    return images.view(torch.int16) if images.dtype == torch.uint16 else images


class _Slot:
    """Stands in for an item of a sample, so that a labels_getter can say which one is the label."""

    def __init__(self, position: int) -> None:
        self.position = position


def find_label(spec: TreeSpec, getter: str | Callable[[Any], Any] | None, label: int) -> int:
    """The place of the label in a flattened sample. The getter is asked on a copy of the sample in
    which every item is its own place.

    Args:
        spec: of the sample, as `tree_flatten` gives it.
        getter: "default", a function of the sample, or None, as `EczemaEdit` takes it.
        label: what is to be set, for the error.

    Raises:
        ValueError: there is none.
    """
    if getter is None:
        raise ValueError(
            f"label={label!r} is to be set, but labels_getter=None: give a function that finds the"
            " label."
        )
    if spec.num_leaves == 1:
        raise ValueError(
            f"label={label!r} is to be set, but the sample is an image alone: call the transform on"
            " (image, label). A data set does so with transforms=, not with transform=."
        )
    slots = tree_unflatten([_Slot(position) for position in range(spec.num_leaves)], spec)
    slot = getter(slots) if callable(getter) else _default_label(slots)
    if not isinstance(slot, _Slot):
        raise ValueError(
            f"label={label!r} is to be set, but no label was found in the sample: give"
            " labels_getter= a function that returns it."
        )
    return slot.position


def _default_label(sample: Any) -> Any:
    """The last element of a tuple, or the entry of a dict whose key contains "label"."""
    if isinstance(sample, dict):
        keys = [key for key in sample if isinstance(key, str) and "label" in key.lower()]
        # "labels" and "label" before longer keys such as "label_source".
        rank = {"labels": 0, "label": 1}
        best = min(keys, key=lambda key: (rank.get(key.lower(), 2), len(key)), default=None)
        return None if best is None else sample[best]
    if isinstance(sample, (tuple, list)) and len(sample) > 1:
        last = sample[-1]
        return last if isinstance(last, _Slot) else _default_label(last)
    return None


def relabel(labels: Any, label: int, rows: list[int], count: int) -> Any:
    """Labels with those of some rows replaced, in the type that they had.

    Args:
        labels: an integer, or an integer tensor of `count` labels.
        label: the new one.
        rows: the images whose label changes; at least one.
        count: the number of images.

    Raises:
        ValueError: the labels are none of these, as after MixUp.
    """
    if isinstance(labels, Tensor):
        if labels.is_floating_point() or labels.numel() != count:
            raise ValueError(
                f"the label is a {tuple(labels.shape)} tensor of {labels.dtype}; expected"
                f" {count} integer class(es). Edit before MixUp."
            )
        new = labels.clone()
        new.view(-1)[rows] = label
        return new
    if isinstance(labels, (bool, float, str)) or not hasattr(labels, "__index__"):
        raise ValueError(
            f"the label is {labels!r}, not an integer: labels_getter= a function that returns the"
            " class."
        )
    return type(labels)(label)


@lru_cache(maxsize=1)
def warn_of_boxes() -> None:
    """Say once a process that bounding boxes are not updated."""
    warnings.warn(
        "EczemaEdit leaves bounding boxes as they are; boxes around eczema that it adds or removes"
        " are not in step.",
        stacklevel=6,
    )
