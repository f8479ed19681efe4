"""Numbers of command lines that are out of range, in one line."""

from collections.abc import Sequence


def check_share(
    name: str, value: float | Sequence[float] | None, *, open_low: bool = False
) -> None:
    """Refuse numbers that do not lie in [0, 1]; None is right.

    Args:
        name: of the argument, for the error.
        value: one number, or several.
        open_low: 0 itself is outside.
    """
    for number in [] if value is None else value if isinstance(value, Sequence) else [value]:
        if not 0 <= number <= 1 or (open_low and number == 0):
            raise ValueError(f"{name} must be in {'(' if open_low else '['}0, 1]; got {number:g}.")


def check_from_1(name: str, value: int | None) -> None:
    """Refuse a number below 1; None is right."""
    if value is not None and value < 1:
        raise ValueError(f"{name}={value} must be at least 1.")
