"""What is known of one photograph, and which split it is in."""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from synthderm.callers import warn_caller
from synthderm.datasets.classes import sort_labels, warn_of_alike

TRAIN, VAL = 0.70, 0.15  # shares of the groups; the rest is "test"
Tone = dict[str, float | str]


class PhotoRecord(NamedTuple):
    """What a collection says of one photograph.

    Args:
        image: the path of its file.
        label: its class.
        mask: the path of its mask, if there is one.
        split: "train", "val", "test" or another name; None if it is in no split.
        group: the patient, lesion, case or subject, if known.
        tone: what the source says of the skin tone, by scale: "fitzpatrick" (1 to 6), "monk" (1 to
            10) or "skin_color" (words); often nothing.
        table: the file that names it; None where none does.
        line: of the table.
    """

    image: str
    label: str
    mask: str | None = None
    split: str | None = None
    group: str | None = None
    tone: Tone = {}
    table: Path | None = None
    line: int | None = None

    @property
    def path(self) -> Path:
        """The path of its file."""
        return Path(self.image)


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


def check_inside(root: Path, records: Iterable[PhotoRecord]) -> None:
    """Refuse files that a table names outside of the folder, by `..` or by a whole path. Links in
    the folder may lead anywhere.

    Raises:
        ValueError: with the first such file.
    """
    whole = os.path.join(os.path.abspath(root), "")
    inside: set[str] = set()  # folders
    for record in records:
        for path in filter(None, (record.image, record.mask)):
            folder = path.rpartition(os.sep)[0]
            if folder in inside:
                continue
            if os.path.abspath(path).startswith(whole):
                inside.add(folder)
            else:
                line = "" if record.line is None else f" (line {record.line})"
                raise ValueError(
                    f"a table in {root} names a file outside of it, {path}{line}: give"
                    " allow_outside=True to read such files too."
                )


def check_records(place: str, records: Sequence[PhotoRecord]) -> list[PhotoRecord]:
    """The records, each once. They must agree with each other.

    Warns of a photograph that is named twice; of a patient, lesion or photograph in two splits; and
    of classes, splits or groups whose names are likely two spellings of one.

    Args:
        place: the folder, for the message.
        records: of the whole collection.

    Raises:
        ValueError: a photograph has two classes, masks or groups.
    """
    firsts: dict[str, PhotoRecord] = {}
    others: set[tuple[str, str | None]] = set()  # photographs in further splits
    kept, repeats = [], []
    for record in records:
        first = firsts.setdefault(record.image, record)
        if first is not record:
            _check_same(place, first, record)
            key = (record.image, record.split)
            if record.split == first.split or key in others:
                repeats.append(record)
                continue
            others.add(key)
        kept.append(record)
    if repeats:
        lines = _name_rows(firsts[repeats[0].image], repeats[0])
        more = f", and so are {len(repeats) - 1} more rows" if len(repeats) > 1 else ""
        warn_caller(f"{place}: {repeats[0].image} is named twice{lines}{more}; it is read once.")
    _warn_of_leaks(place, "group", ((record.group, record.split) for record in kept))
    twice = {image for image, _ in others}
    _warn_of_leaks(place, "photograph", ((x.image, x.split) for x in kept if x.image in twice))
    warn_of_alike(place, "classes", sort_labels(record.label for record in kept))
    warn_of_alike(place, "splits", sorted({one.split for one in kept if one.split}))
    warn_of_alike(place, "groups", dict.fromkeys(one.group for one in kept if one.group))
    return kept


def _check_same(place: str, one: PhotoRecord, other: PhotoRecord) -> None:
    """Refuse two records of one photograph that contradict each other."""
    pairs = {
        "classes": (one.label, other.label),
        "masks": (one.mask, other.mask),
        "groups": (one.group, other.group),
    }
    for kind, (value, second) in pairs.items():
        if value != second:
            values = " and ".join("none" if x is None else repr(str(x)) for x in (value, second))
            raise ValueError(
                f"{place}: {one.image} has two {kind}, {values}{_name_rows(one, other)}; it can"
                " have one."
            )


def _name_rows(one: PhotoRecord, other: PhotoRecord) -> str:
    """The lines that two records are from, in words."""
    if one.table is None or other.table is None:
        return ""
    return f", in {one.table}, line {one.line}, and {other.table}, line {other.line}"


def _warn_of_leaks(place: str, kind: str, pairs: Iterable[tuple[str | None, str | None]]) -> None:
    """Warn of what is in two splits."""
    firsts: dict[str, str] = {}
    leaks: dict[str, set[str]] = {}
    for name, split in pairs:
        if name is not None and split is not None:
            first = firsts.setdefault(name, split)
            if split != first:
                leaks.setdefault(name, {first}).add(split)
    if leaks:
        name = next(name for name in firsts if name in leaks)
        splits = leaks[name]
        more = f", and so are {len(leaks) - 1} more" if len(leaks) > 1 else ""
        warn_caller(
            f"{place}: {kind} {name!r} is in {' and '.join(sorted(splits))}{more}, so a test on one"
            " of them flatters what was trained on another."
        )
