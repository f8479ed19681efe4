"""What is said to whoever uses the library: warnings at their own line."""

import sys
import warnings
from collections.abc import Iterable

PACKAGE = __name__.partition(".")[0] + "."
# What stands between the library and its user where that calls a transform or a loader.
BETWEEN = ("torch.", "torchvision.", "contextlib", "albumentations.")


def warn_caller(message: str, *, between: tuple[str, ...] = ()) -> None:
    """A `UserWarning` at the line outside of this package that led here.

    Args:
        message: what is said.
        between: beginnings of the names of other modules that are passed over, as `BETWEEN`.
    """
    level, frame, passed = 1, sys._getframe(0), (PACKAGE, *between)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(passed):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def name_some(things: Iterable[object]) -> str:
    """The first three of several things, and how many more there are."""
    names = [str(thing) for thing in things]
    return ", ".join(names[:3]) + f" and {len(names) - 3} more" * (len(names) > 3)
