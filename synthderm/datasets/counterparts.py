"""Which class of a data set is which class of another one, by their names."""

from collections.abc import Iterable, Mapping, Sequence

# What published collections call a diagnosis. "bkl" and "sk" are not here: the first is more than
# seborrheic keratosis, the second also means solar keratosis.
SHORT = {
    "mel": "melanoma",
    "nev": "nevus",
    "nv": "nevus",
    "naevus": "nevus",
    "sek": "seborrheic_keratosis",
}


def same_class(name: str, others: Sequence[str]) -> str | None:
    """The one of `others` that has this name: spelt the same; else the only one that differs in
    case and separators alone, or is the same in short (MEL, NV, NEV, SEK). None if there is no
    such one."""
    if name in others:
        return name
    alike = [other for other in others if _fold(other) == _fold(name)]
    return alike[0] if len(alike) == 1 else None


def _fold(name: str) -> str:
    folded = "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
    return SHORT.get(folded, folded)


def find_counterparts(
    classes: Sequence[str], mapping: Mapping[str, str | None], source: str, generated: Sequence[str]
) -> dict[str, str]:
    """For each class that has one, its counterpart in a source of images.

    Args:
        classes: of the data set.
        mapping: its names to the source's; None for a class that shall have no counterpart. Names
            that are not in it are compared with the source's by `same_class`.
        source: how the errors call the source.
        generated: the source's classes.

    Raises:
        ValueError: a name in `mapping` that is no class.
    """
    check_names("mapping", mapping, classes)
    for name, other in mapping.items():
        if other is not None and other not in generated:
            raise ValueError(
                f"mapping gives {name!r} as {other!r}, which is not one of the classes of {source}:"
                f" {', '.join(generated)}. None leaves {name!r} as it is."
            )
    found = {
        name: mapping[name] if name in mapping else same_class(name, generated) for name in classes
    }
    return {name: other for name, other in found.items() if other is not None}


def check_counterparts(
    needed: Sequence[str], counterparts: Mapping[str, str], source: str, generated: Sequence[str]
) -> None:
    """Whether each of these classes has a counterpart of its own.

    Args:
        needed: classes of the data set.
        counterparts: what `find_counterparts` gave.
        source, generated: as there.

    Raises:
        ValueError: a class has none, or two have the same one.
    """
    lacking = [name for name in needed if name not in counterparts]
    if lacking:
        verb = "is not one" if len(lacking) == 1 else "are none"
        raise ValueError(
            f"{', '.join(map(repr, lacking))} {verb} of the classes of {source}:"
            f" {', '.join(generated)}. Say which of these to take with mapping={{{lacking[0]!r}:"
            f" ...}}, or leave it as it is with mapping={{{lacking[0]!r}: None}}, or all such"
            ' classes with missing="skip".'
        )
    check_distinct(needed, counterparts)


def keep_known(
    wanted: Sequence[str], counterparts: Mapping[str, str], source: str, generated: Sequence[str]
) -> list[str]:
    """Those of these classes that have a counterpart; arguments as for `check_counterparts`.

    Raises:
        ValueError: none has.
    """
    known = [name for name in wanted if name in counterparts]
    if wanted and not known:
        raise ValueError(
            f"none of {', '.join(map(repr, wanted))} is a class of {source}: "
            f"{', '.join(generated)}. Say which is which with mapping={{{wanted[0]!r}: ...}}."
        )
    return known


def check_distinct(needed: Iterable[str], counterparts: Mapping[str, str]) -> None:
    """Refuse two classes of the data set that have the same counterpart.

    Raises:
        ValueError: there are such.
    """
    owners: dict[str, str] = {}
    for name in needed:
        other = counterparts[name]
        if other in owners:
            raise ValueError(
                f"{owners[other]!r} and {name!r} are two of your classes, and the same generated"
                f" class {other!r} stands for both: leave one out with mapping={{{name!r}: None}}."
            )
        owners[other] = name


def check_names(argument: str, names: Iterable[str], classes: Sequence[str]) -> None:
    """Refuse names that are no classes of the data set."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise ValueError(
            f"{argument} names {', '.join(map(repr, unknown))}, which the data set does not have:"
            f" its classes are {', '.join(classes)}."
        )
