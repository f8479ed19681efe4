"""Labels of samples: where in a nested sample the label is, and a new label in the type of the old one."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_unflatten


class _Slot:
    """Stands in for an item of a sample, so that a labels_getter can say which one is the label."""

    def __init__(self, position: int):
        self.position = position


def find_label(spec: TreeSpec, getter: str | Callable | None, label: int) -> int:
    """Where in the flattened sample its label is: the getter is asked on a twin of the sample made of positions.

    Args:
        spec: of the sample, any nesting of tuples, lists and dicts, as `tree_flatten` gives it.
        getter: "default", a function of the sample, or None, as `EczemaEdit` takes it.
        label: what is to be set, for the error.

    Raises:
        ValueError: there is none.
    """
    if getter is None:
        raise ValueError(f"label={label!r} is to be set, but labels_getter=None: give a function that finds the label.")
    twin = tree_unflatten([_Slot(position) for position in range(spec.num_leaves)], spec)
    slot = getter(twin) if callable(getter) else _default_label(twin)
    if not isinstance(slot, _Slot):
        raise ValueError(f"label={label!r} is to be set, but no label was found in the sample: give labels_getter= a function that returns it.")
    return slot.position


def _default_label(twin: Any) -> _Slot | None:
    if isinstance(twin, dict):
        keys = [key for key in twin if isinstance(key, str) and "label" in key.lower()]
        return twin[min(keys, key=lambda key: (key.lower() != "labels", key.lower() != "label", len(key)))] if keys else None
    if isinstance(twin, (tuple, list)) and len(twin) > 1:
        last = twin[-1]
        return last if isinstance(last, _Slot) else _default_label(last)
    return None


def relabel(old: Any, label: int, rows: list[int], count: int) -> Any:
    """The label of edited images, in the type it had.

    Args:
        old: an integer, or an integer tensor of `count` labels.
        label: the new one.
        rows: the labels that change.

    Raises:
        ValueError: it is none of these, as after MixUp.
    """
    if isinstance(old, Tensor):
        if old.is_floating_point() or old.numel() != count:
            raise ValueError(f"the label is a {tuple(old.shape)} tensor of {old.dtype}; expected {count} integer class(es). Edit before MixUp.")
        new = old.clone()
        new.view(-1)[rows] = label
        return new
    if isinstance(old, (bool, float, str)) or not hasattr(old, "__index__"):
        raise ValueError(f"the label is {old!r}, not an integer: labels_getter= a function that returns the class.")
    return type(old)(label)
