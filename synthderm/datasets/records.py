"""What is known of one photograph, and which split it is in."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from synthderm.callers import warn_caller

TRAIN, VAL = 0.70, 0.15  # shares of the groups; the rest is "test"
# Other names of the splits, in any case.
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}

Tone = dict[str, float | str]


class PhotoRecord(NamedTuple):
    """What a collection says of one photograph.

    Args:
        image: its file.
        label: its class.
        mask: the file of its mask, if there is one.
        split: "train", "val", "test" or another name; None if it is in no split.
        group: the patient, lesion, case or subject, if known.
        tone: what the source says of the skin tone, by scale: "fitzpatrick" (1 to 6), "monk" (1 to
            10) or "skin_color" (words); often nothing.
    """

    image: Path
    label: str
    mask: Path | None = None
    split: str | None = None
    group: str | None = None
    tone: Tone = {}


def split_name(text: str) -> str | None:
    """The split of a name such as "Training" or "valid": "train", "val" or "test"; or None."""
    return SPLITS.get(text.strip().lower())


def hash_split(group: str) -> str:
    """The split of a group: "train", "val" or "test".

    The id's SHA-256, as a number in [0, 1), is cut at 0.70 and 0.85.
    """
    number = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    return "train" if number < TRAIN else "val" if number < TRAIN + VAL else "test"


def parse_fitzpatrick(text: str | None) -> Tone:
    """A skin type as the tables write it: 3, 3.0 or FST3; {} for an empty cell or anything else."""
    match = re.fullmatch(r"(?:FST)?([1-6])(?:\.0)?", text or "")
    return {"fitzpatrick": int(match[1])} if match else {}


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Each class once, sorted; whole numbers by their value, so that 10 comes after 9."""
    names = set(labels)
    numbers = all(name.isascii() and name.isdecimal() for name in names)
    return sorted(names, key=(lambda name: (int(name), name)) if numbers else None)


def check_records(place: str, records: Sequence[PhotoRecord]) -> None:
    """Whether the records agree with each other.

    Warns if a patient, lesion or photograph is in two splits, or if two classes differ in upper and
    lower case alone.

    Args:
        place: the folder, for the message.
        records: of the whole collection.

    Raises:
        ValueError: a photograph has two classes.
    """
    labels: dict[Path, str] = {}
    for record in records:
        if labels.setdefault(record.image, record.label) != record.label:
            raise ValueError(
                f"{place}: {record.image} has two classes, {labels[record.image]!r} and"
                f" {record.label!r}; it can have one."
            )
    _warn_of_leaks(place, "group", ((record.group, record.split) for record in records))
    _warn_of_leaks(place, "photograph", ((str(record.image), record.split) for record in records))
    spellings: dict[str, str] = {}
    for name in sort_labels(labels.values()):
        other = spellings.setdefault(name.casefold(), name)
        if other != name:
            warn_caller(f"{place} has the classes {other!r} and {name!r}: are they the same?")


def _warn_of_leaks(place: str, kind: str, pairs: Iterable[tuple[str | None, str | None]]) -> None:
    """Warn of what is in two splits."""
    seen: dict[str, set[str]] = {}
    for name, split in pairs:
        if name is not None and split is not None:
            seen.setdefault(name, set()).add(split)
    leaks = {name: splits for name, splits in seen.items() if len(splits) > 1}
    if leaks:
        name, splits = next(iter(leaks.items()))
        more = f", and so are {len(leaks) - 1} more" if len(leaks) > 1 else ""
        warn_caller(
            f"{place}: {kind} {name!r} is in {' and '.join(sorted(splits))}{more}, so a test on one"
            " of them flatters what was trained on another."
        )
