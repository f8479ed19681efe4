"""Which class of a data set is which class of another one, by their names."""

from collections.abc import Iterable, Mapping, Sequence

from synthderm.callers import warn_caller

# What published collections call a diagnosis. Some are not here: "akiec" and "bkl" are more than
# actinic and seborrheic keratosis, and "sk" also means solar keratosis.
SYNONYMS = {
    "ack": "actinic_keratosis",
    "ak": "actinic_keratosis",
    "bcc": "basal_cell_carcinoma",
    "mel": "melanoma",
    "nev": "nevus",
    "nv": "nevus",
    "naevus": "nevus",
    "scc": "squamous_cell_carcinoma",
    "sek": "seborrheic_keratosis",
    "seborrhoeic_keratosis": "seborrheic_keratosis",
}


def same_class(name: str, others: Sequence[str]) -> str | None:
    """The one of `others` that has this name: spelt the same; else the only one that differs in
    case and separators alone, or is the same by `SYNONYMS`. None if there is no such one."""
    if name in others:
        return name
    alike = [other for other in others if _fold(other) == _fold(name)]
    return alike[0] if len(alike) == 1 else None


def _fold(name: str) -> str:
    folded = "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
    return SYNONYMS.get(folded, folded)


def find_counterparts(
    classes: Sequence[str], mapping: Mapping[str, str | None], source: str, generated: Sequence[str]
) -> dict[str, str]:
    """For each class that has one, its counterpart in a source of images.

    Args:
        classes: of the data set.
        mapping: its names to the source's; None for a class that shall have no counterpart. Names
            that are not in it are compared with the source's by `same_class`, and so are the
            source's names in it.
        source: how the errors call the source.
        generated: the source's classes.

    Raises:
        ValueError: a name in `mapping` that is no class.
    """
    check_names("mapping", mapping, classes)
    found = {}
    for name in classes:
        meant = mapping.get(name, name)
        other = same_class(meant, generated) if isinstance(meant, str) else None
        if other is not None:
            found[name] = other
        elif name in mapping and meant is not None:
            raise ValueError(
                f"mapping gives {name!r} as {meant!r}, which is not one of the classes of {source}:"
                f" {', '.join(generated)}. None leaves {name!r} as it is."
            )
    return found


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


def join_classes(
    real: Sequence[str],
    synthetic: Sequence[str],
    used: Iterable[int],
    mapping: Mapping[str, str | None] | None,
) -> tuple[list[str], dict[int, int]]:
    """The classes of two data sets together: those of the real one, then what the synthetic one
    has beside them.

    Args:
        real, synthetic: their classes.
        used: labels that occur in the synthetic one; its other classes are left out.
        mapping: as for `find_counterparts`. New classes are warned of where None.

    Returns:
        the classes, and for each of the labels in `used` its index among them; none for a class
        that `mapping` leaves without a counterpart.

    Raises:
        ValueError: names that do not fit.
    """
    counterparts = find_counterparts(real, mapping or {}, "the synthetic data set", synthetic)
    check_distinct(counterparts, counterparts)
    owners = {other: list(real).index(name) for name, other in counterparts.items()}
    left_out = {
        same_class(name, synthetic) for name, other in (mapping or {}).items() if other is None
    }
    classes, labels = list(real), {}
    for target in sorted(set(used)):
        name = synthetic[target]
        if name in owners:
            labels[target] = owners[name]
        elif name in real and name not in left_out:
            raise ValueError(
                f"mapping gives {name!r} as {counterparts[name]!r}, and the synthetic data set has"
                f" a class {name!r} of its own: rename one of them."
            )
        elif name not in left_out:
            labels[target] = len(classes)
            classes.append(name)
    new = classes[len(real) :]
    if new and mapping is None:
        warn_caller(
            f"{', '.join(map(repr, new))} of the synthetic data set become new classes beside"
            f" {', '.join(map(repr, real))}: if one is the same under another name, say"
            f" mapping={{{real[0]!r}: {new[0]!r}}}; if they are new, mapping={{}}."
        )
    return classes, labels
