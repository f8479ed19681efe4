"""Labels of edited samples: which ones they get, where the label is in a sample, and how it is put
back."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_unflatten
from torchvision import tv_tensors

from synthderm.arguments import as_integer
from synthderm.transforms.checks import check_dense
from synthderm.transforms.mask_values import WIDE

Label = int | Mapping[str, int]  # one, or {"add": 1, "remove": 0}
LabelsGetter = Callable[[Any], Any]
LARGEST = 2**63 - 1


def labels_of(mode: str, label: Label | None) -> dict[str, int]:
    """The label that an image gets when eczema is added ("add") or removed ("remove"); {} where
    labels stay.

    Args:
        mode: "add", "remove" or "toggle".
        label: as `EczemaEdit` takes it.

    Raises:
        ValueError: no whole number from 0 on, or not one for each direction of the mode.
    """
    directions = ["add", "remove"] if mode == "toggle" else [mode]
    if label is None:
        return {}
    if not isinstance(label, Mapping):
        if mode == "toggle":
            raise ValueError(
                f"label={label!r} would also be the label of images whose eczema is removed: with"
                " mode='toggle' give label={'add': 1, 'remove': 0}."
            )
        label = {mode: label}
    if sorted(label) != directions:
        raise ValueError(
            f"label={dict(label)!r} must have the keys {' and '.join(map(repr, directions))}, what"
            f" mode={mode!r} does."
        )
    labels = {direction: as_integer("label", label[direction]) for direction in directions}
    for number in labels.values():
        if not 0 <= number <= LARGEST:
            raise ValueError(f"label={number} is no class: classes count from 0, in 64 bits.")
    return labels


class _Slot:
    """Stands in for an item of a sample, so that a labels_getter can say which one is the label."""

    def __init__(self, position: int, item: Any) -> None:
        self.position = position
        self.is_passed_over = isinstance(item, tv_tensors.TVTensor) and not isinstance(
            item, (tv_tensors.Image, tv_tensors.Video)
        )


def find_label(
    flat: list[Any], is_input: list[bool], spec: TreeSpec, getter: LabelsGetter | str | None
) -> int:
    """The place of the label in a flattened sample. The getter is asked on a copy of the sample in
    which every item is its own place.

    Args:
        flat, spec: the sample, as `tree_flatten` gives it.
        is_input: which items are images, masks and boxes.
        getter: "default", a function of the sample, or None, as `EczemaEdit` takes it.

    Raises:
        ValueError: there is none.
    """
    if getter is None:
        raise ValueError(
            "a label is to be set, but labels_getter=None: give a function that finds the label."
        )
    if len(flat) == 1:
        raise ValueError(
            "a label is to be set, but the sample is an image alone: call the transform on"
            " (image, label). A data set does so with transforms=, not with transform=; an"
            " ImageFolder needs wrap_dataset_for_transforms_v2: see docs/integrations.md."
        )
    slots = tree_unflatten([_Slot(*pair) for pair in enumerate(flat)], spec)
    slot = getter(slots) if callable(getter) else _default_label(slots)
    if not isinstance(slot, _Slot) or is_input[slot.position]:
        raise ValueError(
            "a label is to be set, but no label was found where torchvision looks for it: second in"
            " a tuple, or under a key with 'label'. Give labels_getter= a function that returns it."
        )
    return slot.position


def _default_label(sample: Any) -> Any:
    """By torchvision's rule for `labels_getter="default"`: the second element of a tuple or list;
    in a dict, or a dict that is second, the entry "labels", else the first whose key contains
    "label", in any case. Masks and boxes, which torchvision refuses as second element, are passed
    over, since samples are often (image, mask, label)."""
    if isinstance(sample, (tuple, list)):
        passed_over = [isinstance(item, _Slot) and item.is_passed_over for item in sample]
        rest = [item for item, passed in zip(sample[1:], passed_over[1:]) if not passed]
        sample = rest[0] if rest else None
    if isinstance(sample, Mapping):
        keys = [key for key in sample if isinstance(key, str) and "label" in key.lower()]
        keys.sort(key=lambda key: key.lower() != "labels")  # which keeps the order of the others
        return sample[keys[0]] if keys else None
    return sample


def relabel(labels: Any, new: Mapping[int, int], count: int) -> Any:
    """Labels with those of some images replaced, in the type that they had.

    Args:
        labels: a whole number, or an integer tensor or array of `count` labels.
        new: the label of each image that gets another one.
        count: the number of images.

    Raises:
        ValueError: the labels are none of these, as after MixUp, or too small a type for the new.
    """
    if isinstance(labels, (Tensor, np.ndarray)):
        return _relabel_all(labels, new, count)
    if isinstance(labels, (float, str)) or not hasattr(labels, "__index__") or count != 1:
        raise ValueError(
            f"the label is {labels!r}, not {count if count > 1 else 'an'} integer: labels_getter= a"
            " function that returns the class."
        )
    (label,) = new.values()
    try:
        changed = type(labels)(label)
    except (ValueError, OverflowError):
        changed = None
    if changed != label:
        raise ValueError(f"label={label} can't be a {type(labels).__name__}, as the labels are.")
    return changed


def _relabel_all(
    labels: Tensor | NDArray[Any], new: Mapping[int, int], count: int
) -> Tensor | NDArray[Any]:
    """As `relabel`, of a tensor or an array."""
    if isinstance(labels, Tensor):
        check_dense("the label", labels)
    dtype = str(labels.dtype).removeprefix("torch.")
    if not dtype.startswith(("int", "uint", "bool")) or math.prod(labels.shape) != count:
        raise ValueError(
            f"the label is a {tuple(labels.shape)} tensor of {dtype}; expected {count} integer"
            " class(es). Edit before MixUp."
        )
    largest = 1 if dtype == "bool" else np.iinfo(dtype).max
    if max(new.values()) > largest:
        raise ValueError(f"label={max(new.values())} can't be a {dtype}, as the labels are.")
    if isinstance(labels, Tensor) and labels.dtype in WIDE:  # which torch can't be indexed with
        values = labels.flatten().tolist()
        return labels.new_tensor([new.get(k, value) for k, value in enumerate(values)]).reshape(
            labels.shape
        )
    result = labels.contiguous().clone() if isinstance(labels, Tensor) else labels.copy()
    for label in set(new.values()):
        result.reshape(-1)[[row for row, value in new.items() if value == label]] = label
    return result
