"""Options that take a number or a range, as `--severity LOW [HIGH]`."""

import argparse
from collections.abc import Sequence
from typing import Any


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
