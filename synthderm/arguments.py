"""Checks of arguments that several public functions share."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

Range = float | Sequence[float]  # a number, or a pair (low, high)


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
    ends: Any = (value, value) if isinstance(value, Real) else value
    try:
        least, most = (float(end) for end in ends)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} must be a number or a pair (low, high).") from None
    is_inside = low <= least <= most <= high and not (open_low and least == low)
    if not is_inside:
        bounds = f"{'(' if open_low else '['}{low:g}, {high:g}]"
        raise ValueError(f"{name}={value!r} must lie in {bounds}, low first.")
    return least, most
