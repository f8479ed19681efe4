"""Labels of a data set's items, from the classes that are asked for."""

from collections.abc import Iterable, Sequence
from typing import Any

from synthderm.arguments import is_number
from synthderm.datasets.counterparts import same_class


def choose_labels(
    labels: str | int | Iterable[str | int] | None,
    classes: Sequence[str],
    possible: Sequence[int],
    source: str,
    severity: tuple[float, float] | None,
) -> list[int]:
    """The labels that items get in turn.

    Args:
        labels: by name, as `same_class` knows it, or index; all that are possible where None.
        classes: the names of the classes.
        possible: the classes that occur.
        source, severity: for errors.

    Raises:
        ValueError: a label that is no class, or does not occur; or none at all.
    """
    if labels is None:
        chosen = list(possible)
    else:
        given: Any = [labels] if isinstance(labels, str) or is_number(labels) else labels
        chosen = [_index(label, classes, source) for label in given]
        impossible = sorted({classes[k] for k in chosen if k not in possible})
        if impossible:
            raise ValueError(
                f"labels {', '.join(impossible)} do not occur with severity={severity}:"
                " widen the range."
            )
    if not chosen:
        raise ValueError("labels is empty: name at least one class, or leave it out for all.")
    return chosen


def _index(label: Any, classes: Sequence[str], source: str) -> int:
    """A class's index, from its name or its index."""
    name = same_class(label, classes) if isinstance(label, str) else None
    if name is not None:
        return classes.index(name)
    if is_number(label) and label in range(len(classes)):
        return int(label)
    raise ValueError(
        f"label {label!r} is not one of the classes of {source!r}: {', '.join(classes)}."
        " `balancing` takes your names for them as mapping={...}."
    )
