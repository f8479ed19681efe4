"""Checks of arguments that several public functions share.

A number may be Python's or a scalar of numpy or torch; what comes out is Python's, since JSON and
checkpoints hold nothing else.
"""

import math
import operator
import reprlib
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

Range = float | Sequence[float]  # a number, or a pair (low, high)


def is_number(value: object) -> bool:
    """Whether this is one number. A truth value and text are none."""
    if isinstance(value, Real):
        return not isinstance(value, bool)
    dtype = str(getattr(value, "dtype", ""))
    return getattr(value, "ndim", None) == 0 and ("int" in dtype or "float" in dtype)


def as_integer(name: str, value: Any) -> int:
    """A whole number as an int; 3.0 is one, 2.5 is none.

    Args:
        name: the argument's name, for the error.
        value: the number.

    Raises:
        ValueError: no whole number.
    """
    if is_number(value):
        try:
            return operator.index(value)
        except TypeError:
            if float(value).is_integer():
                return int(float(value))
    raise ValueError(f"{name}={_shown(value)} must be a whole number.")


def as_index(index: Any, length: int) -> int:
    """The index of an item counted from the start; negative ones count from the end.

    Raises:
        IndexError: there is no such item.
        TypeError: no whole number.
    """
    number = operator.index(index)
    if not -length <= number < length:
        raise IndexError(f"item {number} of a dataset of {length}")
    return number % length


def as_range(
    name: str, value: Range, low: float = 0.0, high: float = 1.0, *, open_low: bool = False
) -> tuple[float, float]:
    """A number or a pair as a pair (least, most) within [low, high].

    Args:
        name: the argument's name, for the error.
        value: one number, which stands for both ends, or a pair with the lower end first.
        low, high: the bounds.
        open_low: `low` itself is outside, as in (0, 1].

    Raises:
        ValueError: no number or pair, outside the bounds, or the higher end first.
    """
    pair: Any = (value, value) if is_number(value) else value
    ends = list(pair) if isinstance(pair, Iterable) else []
    if len(ends) != 2 or not all(is_number(end) for end in ends):
        raise ValueError(f"{name}={_shown(value)} must be a number or a pair (low, high).")
    least, most = (_as_float(end) for end in ends)
    is_inside = low <= least <= most <= high and not (open_low and least == low)
    if not is_inside:
        bounds = _interval(low, high, open_low)
        raise ValueError(f"{name}={_shown(value)} must lie in {bounds}, low first.")
    return least, most


def as_number(name: str, value: Any, low: float = 0.0, high: float = 1.0) -> float:
    """A number within [low, high] as a float.

    Args:
        name: the argument's name, for the error.
        value: the number.
        low, high: the bounds.

    Raises:
        ValueError: no number, or outside the bounds.
    """
    if not is_number(value) or not low <= _as_float(value) <= high:
        raise ValueError(f"{name}={_shown(value)} must be a number in {_interval(low, high)}.")
    return float(value)


def as_numbers(
    name: str,
    values: Any,
    count: int,
    *,
    open_low: bool = False,
    device: torch.device | str = "cpu",
) -> Tensor:
    """A number for all images, or one for each, as (count,) float32.

    Args:
        name: the argument's name, for the error.
        values: a number, or a tensor, an array or a list of `count` numbers, in [0, 1].
        count: of images.
        open_low: 0 itself is outside.
        device: of the result.

    Raises:
        ValueError: no numbers, not as many as there are images, or outside the bounds.
    """
    bounds = _interval(0, 1, open_low)
    array = values if isinstance(values, Tensor) else _as_array(values)
    if array is None or str(array.dtype).startswith(("torch.bool", "torch.complex")):
        raise ValueError(
            f"{name}={_shown(values)} must be a number in {bounds}, or one for each image."
        )
    numbers = torch.as_tensor(array, dtype=torch.float32, device=device).detach()
    if numbers.ndim > 1 or numbers.numel() not in (1, count):
        raise ValueError(
            f"{name} has shape {tuple(numbers.shape)}; {count} images need ({count},), or one"
            " number for all."
        )
    wrong = [n for n in numbers.flatten().tolist() if not (0 <= n <= 1) or (open_low and n == 0)]
    if wrong:
        raise ValueError(f"{name} must be in {bounds}; got {wrong[0]:.6g}.")
    return numbers.expand(count)


def _as_array(values: Any) -> np.ndarray[Any, Any] | None:
    """Numbers as an array; None where they are none."""
    try:
        array = np.asarray(_as_float(values) if is_number(values) else values)
    except (TypeError, ValueError):  # rows of different length
        return None
    with np.errstate(over="ignore"):  # infinity is refused
        return array.astype(np.float32) if array.dtype.kind in "iuf" else None


def _as_float(number: Any) -> float:
    """A number as a float; infinity where it is beyond all floats."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _interval(low: float, high: float, open_low: bool = False) -> str:
    return f"{'(' if open_low else '['}{low:g}, {high:g}]"


def _shown(value: object) -> str:
    """A value for a sentence: in one line, and short."""
    return " ".join(reprlib.repr(value).split())
