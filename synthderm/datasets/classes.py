"""Names of classes: in order, as somebody gives them, and where two may be the same."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set

from synthderm.callers import warn_caller
from synthderm.datasets.tables import clean

UNKNOWN = "UNK"  # of ISIC 2019
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
COPY = re.compile(r" (copy|kopie|copie|copia)( ?\(\d+\))?$")  # what systems add to a name
GAPS = re.compile(r"[\s_-]+")


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Each class once, sorted; numbers by their value, so that 10 comes after 9. `UNKNOWN` is the
    last one, which a collection may have in its test photographs alone: the others keep their
    places where these were not fetched."""
    names = set(labels)
    if all(NUMBER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (float(name), name))
    return sorted(names, key=lambda name: (name == UNKNOWN, name))


def warn_of_numbers(place: str, known: Sequence[str]) -> None:
    """Warn where classes are whole numbers that are not the labels they get, such as -1, 0, 1."""
    moved = [name for index, name in enumerate(known) if name.lstrip("-").isdigit()]
    if len(moved) == len(known) and moved != [str(index) for index in range(len(known))]:
        warn_caller(
            f"the classes of {place} are the numbers {', '.join(known[:5])}, but their labels are 0"
            f" to {len(known) - 1}, in this order: name them by classes=[...] if that is meant, or"
            " delete rows that mean no class."
        )


def class_names(classes: str | Iterable[str]) -> list[str]:
    """The names of classes that somebody gives, one or several.

    Raises:
        TypeError: they have no order, or are no names.
    """
    if isinstance(classes, (Set, Mapping)):
        raise TypeError(
            f"classes={classes!r} has no order of its own, which gives the labels: pass a list."
        )
    names = [classes] if isinstance(classes, str) else classes
    if not isinstance(names, Iterable) or isinstance(names, bytes):
        raise TypeError(f"classes={classes!r} is no list of names, as in classes=['mel', 'nv'].")
    names = list(names)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"classes={names!r}: classes are given by their names, which are text, as in"
            f" classes={[str(name) for name in names]!r}."
        )
    return [clean(name) for name in names]


def check_classes(place: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    """Whether the classes that somebody gives fit those of a collection.

    Args:
        place: the collection, for messages.
        wanted: the classes that are given.
        known: those of the collection.

    Raises:
        ValueError: a class is given twice, or the collection has none of them.
    """
    twice = [name for name, count in Counter(wanted).items() if count > 1]
    if twice or not wanted:
        raise ValueError(
            f"classes={wanted!r} names {repr(twice[0]) + ' twice' if twice else 'nothing'}:"
            f" name each class once; {place} has: {', '.join(known)}."
        )
    there, asked = set(known), set(wanted)  # of which there may be many
    unknown = ", ".join(repr(name) for name in wanted if name not in there)
    left_out = ", ".join(repr(name) for name in known if name not in asked)
    if not there & asked:
        raise ValueError(f"{place} has no class {unknown}; it has: {', '.join(known)}.")
    if unknown and left_out:
        warn_caller(
            f"{place} has no photograph of {unknown}, and {left_out} is left out: are"
            " these classes spelt as in the folder?"
        )


def warn_of_alike(place: str, kind: str, names: Iterable[str]) -> None:
    """Warn of names that differ in upper and lower case alone, in what parts their words, or in how
    a number is written."""
    spellings: dict[str, str] = {}
    pairs = []
    for name in names:
        other = spellings.setdefault(_without_spelling(name), name)
        if other != name:
            pairs.append((other, name))
    if pairs:
        more = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
        one, other = pairs[0]
        warn_caller(f"{place} has the {kind} {one!r} and {other!r}{more}: are they the same?")


def _without_spelling(name: str) -> str:
    """What "P 1", "P_1" and "p-1" have in common; and "1", "01" and "1.0"."""
    if NUMBER.fullmatch(name):
        whole, _, rest = name.removeprefix("-").partition(".")
        sign = "-" if name.startswith("-") else ""
        return f"{sign}{whole.lstrip('0')}.{rest.rstrip('0')}"
    return COPY.sub("", GAPS.sub(" ", name.casefold()))
