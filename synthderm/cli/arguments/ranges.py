"""Options that take a number or a range, as `--severity LOW [HIGH]`, and numbers that are out of
range, in one line."""

import argparse
from collections.abc import Sequence
from typing import Any


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


class NumberOrRange(argparse.Action):
    """Keeps one number as a number, and two as a pair (low, high)."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        numbers = tuple(values or ())
        if len(numbers) > 2:
            raise argparse.ArgumentError(self, f"{len(numbers)} numbers: give one, or LOW HIGH")
        setattr(namespace, self.dest, numbers[0] if len(numbers) == 1 else numbers)


def add_ranges(parser: argparse.ArgumentParser) -> None:
    """Add `--severity` and `--skin-tone`, as `SyntheticSkinDataset` takes them."""
    options: dict[str, Any] = {
        "type": float,
        "nargs": "+",
        "metavar": ("LOW", "HIGH"),
        "action": NumberOrRange,
    }
    parser.add_argument(
        "--severity", help="of eczema, within [0, 1]; all of it by default", **options
    )
    parser.add_argument("--skin-tone", help="ITA in degrees; as in training by default", **options)
