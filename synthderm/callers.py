"""What is said to whoever uses the library: warnings at their own line."""

import sys
import warnings
from collections.abc import Iterable

PACKAGE = __name__.partition(".")[0] + "."


def warn_caller(message: str) -> None:
    """A `UserWarning` at the line outside of this package that led here."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def name_some(things: Iterable[object]) -> str:
    """The first three of several things, and how many more there are."""
    names = [str(thing) for thing in things]
    return ", ".join(names[:3]) + f" and {len(names) - 3} more" * (len(names) > 3)
