"""Samples, in any nesting of tuples, lists and dicts: which items are the image and the masks, and
how they are read and put back."""

import copy
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten
from torchvision import tv_tensors

from synthderm.callers import BETWEEN, warn_caller
from synthderm.imaging.io import to_pil, to_tensor
from synthderm.transforms.checks import check_dense
from synthderm.transforms.mask_values import to_region

PIL_MODES = ("RGB", "L", "RGBA")
MASK_KEYS = ("mask", "masks", "segmentation")


def is_image(item: Any) -> bool:
    """Whether an input of the transform is an image: v2 transforms take plain tensors for one."""
    is_plain = isinstance(item, Tensor) and not isinstance(item, tv_tensors.TVTensor)
    return is_plain or isinstance(item, (PIL.Image.Image, tv_tensors.Image)) or is_array(item)


def is_array(item: Any) -> bool:
    """Whether this is an image in numpy: uint8 (H, W, 3), taken for RGB."""
    is_bytes = isinstance(item, np.ndarray) and item.dtype == np.uint8
    return is_bytes and item.ndim == 3 and item.shape[-1] == 3


def choose_inputs(flat: list[Any], is_input: list[bool]) -> list[bool]:
    """Which items of a sample are images, masks and boxes: those of v2 transforms, and arrays in a
    sample without a PIL image, a `tv_tensors.Image` or a tensor that may be an image.

    Args:
        flat: all items of a sample.
        is_input: those that v2 transforms choose.
    """
    for item, chosen in zip(flat, is_input):
        if chosen and is_image(item) and not (isinstance(item, Tensor) and item.ndim < 3):
            return is_input
    if not any(map(is_array, flat)):
        return is_input
    return [
        is_array(item) or (chosen and isinstance(item, tv_tensors.TVTensor))
        for item, chosen in zip(flat, is_input)
    ]


def find_image(inputs: list[Any], others: list[Any] | None = None) -> Any:
    """The one image among the inputs of the transform.

    Args:
        inputs: images, masks and boxes of a sample.
        others: its other items, for the error.

    Raises:
        TypeError: there is none.
        ValueError: there are several.
    """
    images = [item for item in inputs if is_image(item)]
    if not images:
        seen = ", ".join(sorted({describe(item) for item in [*inputs, *(others or [])]}))
        raise TypeError(
            f"no image in the sample ({seen or 'nothing to transform'}): EczemaEdit takes PIL"
            " images, tv_tensors.Image, tensors, and uint8 arrays (H, W, 3) in RGB."
        )
    if len(images) > 1:
        raise ValueError(
            f"{len(images)} images in one sample: EczemaEdit edits one. Call it for each, wrap"
            " masks in tv_tensors.Mask, and give columns of a Hugging Face data set to"
            " synthderm.integrations.huggingface.EachRow."
        )
    if isinstance(images[0], Tensor):
        check_dense("the image", images[0])
    return images[0]


def describe(item: Any) -> str:
    """What an item is, for errors: its type, and where it has them mode, dtype and shape."""
    if isinstance(item, PIL.Image.Image):
        return f"PIL image of mode {item.mode!r}"
    name = type(item).__name__
    is_shaped = isinstance(item, (Tensor, np.ndarray))
    return f"{name} of {item.dtype}, {tuple(item.shape)}" if is_shaped else name


def refuse_unclear(image: Any, others: list[Any]) -> None:
    """Refuse masks that are no `tv_tensors.Mask`: they would silently be left as they are, as
    after `default_collate`, or, where they come first, be edited instead of the image.

    Args:
        image: of the sample.
        others: the items of the sample that v2 transforms pass through.

    Raises:
        ValueError: one of them is as high and wide as the image and has one channel; or the image
            has one channel, and one of them three.
    """
    masks = find_masks(image, others)
    if masks:
        raise ValueError(
            f"a {describe(masks[0])}, beside the image looks like a mask, and would not be updated:"
            " wrap it in tv_tensors.Mask, or after a DataLoader use"
            " edit.batch(images, masks, labels)."
        )
    if isinstance(image, tv_tensors.Image) or not _is_grey(image):
        return
    _, height, width = size_of(image)
    for item in others:
        if _is_coloured(item, height, width):
            raise ValueError(
                f"the sample has a {describe(image)}, with one channel, which would be edited, and"
                f" a {describe(item)}: wrap what is a mask in tv_tensors.Mask, and the image in"
                " tv_tensors.Image."
            )


def find_masks(image: Any, others: list[Any]) -> list[Any]:
    """Arrays and tensors that have the size of the image and one channel."""
    count, height, width = size_of(image)
    found = []
    for item in others:
        if isinstance(item, tv_tensors.TVTensor) or not isinstance(item, (Tensor, np.ndarray)):
            continue
        is_as_large = item.ndim >= 2 and math.prod(item.shape) == count * height * width
        if is_as_large and (height, width) in (item.shape[-2:], item.shape[-3:-1]):
            found.append(item)
    return found


def _is_grey(image: Any) -> bool:
    if isinstance(image, PIL.Image.Image):
        return len(image.getbands()) == 1
    return math.prod(image.shape) == math.prod(size_of(image))


def _is_coloured(item: Any, height: int, width: int) -> bool:
    """Whether an item may be a colour image of this size."""
    if isinstance(item, PIL.Image.Image):
        return item.size == (width, height) and len(item.getbands()) >= 3
    if isinstance(item, tv_tensors.TVTensor) or not isinstance(item, (Tensor, np.ndarray)):
        return False
    shapes = [((c, height, width), (height, width, c)) for c in (3, 4)]
    return any(tuple(item.shape[-3:]) in pair for pair in shapes)


def size_of(image: Any) -> tuple[int, int, int]:
    """The number of images, height and width."""
    if isinstance(image, PIL.Image.Image):
        return 1, image.height, image.width
    if is_array(image):
        return 1, image.shape[0], image.shape[1]
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
    if is_array(image):
        return to_tensor(image)[None]
    if image.ndim not in (3, 4):
        raise ValueError(
            f"an image has shape {tuple(image.shape)}; expected (3, H, W), or (B, 3, H, W)."
        )
    image = image.as_subclass(Tensor).detach()
    return image[None] if image.ndim == 3 else image


def from_batch(images: Tensor, like: Any) -> Any:
    """A plain tensor (B, C, H, W) in the type and shape of the image that it was made of. A PIL
    image has its `info` too, as after Pillow's own methods: colour profile, EXIF data, dpi."""
    if isinstance(like, PIL.Image.Image):
        image = to_pil(images[0])
        image.info = like.info.copy()
        return image
    if is_array(like):
        return np.array(to_pil(images[0]))  # which is quicker than to transpose
    images = images.reshape(like.shape)
    if isinstance(like, tv_tensors.Image):
        return tv_tensors.wrap(images, like=like)
    return _as_subclass(images, like)


def _as_subclass(images: Tensor, like: Tensor) -> Tensor:
    """A plain tensor as the kind of tensor that others make of theirs, as MONAI's MetaTensor, with
    what that carries."""
    if type(like) is Tensor or isinstance(like, torch.nn.Parameter):
        return images
    result = images.as_subclass(type(like))
    result.__dict__.update(copy.deepcopy(vars(like)))
    return result


def to_masks(mask: Tensor, images: Tensor) -> Tensor:
    """A mask of a sample as (B, 1, H, W) bool on the device of its images (B, C, H, W)."""
    check_dense("the mask", mask)
    mask = mask.as_subclass(Tensor)
    shape = torch.Size([len(images), 1, *images.shape[-2:]])
    if mask.shape[-2:] != shape[-2:] or mask.numel() != shape.numel():
        raise ValueError(
            f"the mask has shape {tuple(mask.shape)}; an image of {tuple(images.shape[-2:])} needs"
            f" one mask of {tuple(shape[1:])} each."
        )
    return to_region(mask).reshape(shape).to(images.device)


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
    warn_caller(
        "EczemaEdit leaves bounding boxes as they are; boxes around eczema that it adds or removes"
        " are not in step.",
        between=BETWEEN,
    )


def warn_of_unknown_masks(sample: Any) -> None:
    """Say once a process and kind that what a dict calls a mask is of a type that is not updated:
    polygons, runs, a path, another size."""
    for part in sample if isinstance(sample, (tuple, list)) else [sample]:
        for key, value in part.items() if isinstance(part, Mapping) else ():
            if value is not None and isinstance(key, str) and key.lower() in MASK_KEYS:
                found, _ = tree_flatten(value)
                if not any(isinstance(item, tv_tensors.Mask) for item in found):
                    _warn_of_unknown_mask(key, type(value).__name__)


@lru_cache(maxsize=16)
def _warn_of_unknown_mask(key: str, kind: str) -> None:
    warn_caller(
        f"EczemaEdit edits the image and leaves {key!r}, a {kind}, as it is: a mask that is to"
        " follow must be a tv_tensors.Mask of the image's size.",
        between=BETWEEN,
    )
