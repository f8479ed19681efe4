"""What counts as a fault when a parser is given hostile input."""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

REFUSALS = (ValueError, TypeError, OSError)
SECONDS = 10.0  # of processor time, far more than any of these small inputs should take
LONGEST = 700  # characters of an error


class Fault(AssertionError):
    """The parser did what it must not do."""


class Outcome(NamedTuple):
    """What came of a call: its result, or the error in one sentence."""

    result: Any
    refusal: str | None


def attempt(call: Callable[[], Any], names: str = "", refusals: tuple = REFUSALS) -> Outcome:
    """Call, and judge how it ended.

    Args:
        call: hands hostile input to a parser.
        names: what the error must name, as a file.
        refusals: how the parser may refuse; `KeyError`, `RecursionError` and the like are never
            meant.

    Raises:
        Fault: another exception, an error that is not one clear sentence, a warning that is not
            meant for users, or too much time.
    """
    started = time.process_time()
    result, refusal = None, None
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = call()
    except refusals as error:
        refusal = str(error)
        if isinstance(error, UnicodeError) or not _is_sentence(refusal, names):
            raise Fault(f"unclear: {type(error).__name__} {refusal[:300]!r}") from error
    except Exception as error:
        raise Fault(f"raised {type(error).__name__} {str(error)[:300]!r}") from error
    seconds = time.process_time() - started
    if seconds > SECONDS:
        raise Fault(f"took {seconds:.1f} s of processor time")
    odd = [w for w in caught if w.category is not UserWarning or not _is_sentence(str(w.message))]
    if odd:
        raise Fault(f"warned: {odd[0].category.__name__} {str(odd[0].message)[:300]!r}")
    return Outcome(result, refusal)


def require(condition: object, what: str) -> None:
    """A property that must hold of what was accepted."""
    if not condition:
        raise Fault(what)


def _is_sentence(text: str, names: str = "") -> bool:
    is_line = text.isprintable() or not any(mark in text for mark in "\n\r\0\x1b")
    return is_line and 0 < len(text) <= LONGEST and names in text
