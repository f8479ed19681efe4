"""Tables of published data sets: reading and checking them, and finding the files they name."""

import csv
import hashlib
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from synthderm.imaging.io import list_images

TRAIN, VAL = 0.70, 0.15  # shares of the groups; the rest is "test"

Tone = dict[str, float | str]


class PhotoRecord(NamedTuple):
    """What the tables of a data set say of one photograph.

    Args:
        image: its file.
        label: its class.
        mask: the file of its mask, if there is one.
        split: "train", "val" or "test"; None if the data set has no splits.
        group: the patient, lesion, case or subject, if known; no group is in two splits.
        tone: what the source says of the skin tone, by scale: "fitzpatrick" (1 to 6), "monk" (1 to
            10) or "skin_color" (words); often nothing.
    """

    image: Path
    label: str
    mask: Path | None = None
    split: str | None = None
    group: str | None = None
    tone: Tone = {}


def hash_split(group: str) -> str:
    """The split of a group: "train", "val" or "test".

    The id's SHA-256, as a number in [0, 1), is cut at 0.70 and 0.85.
    """
    number = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    return "train" if number < TRAIN else "val" if number < TRAIN + VAL else "test"


def read_table(path: Path, *columns: str) -> list[dict[str, str]]:
    """The rows of a comma- or tab-separated table.

    Args:
        path: the table.
        columns: the columns that it must have.

    Raises:
        FileNotFoundError: there is no such table.
        ValueError: a column is missing, or there are no rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}, which this layout needs.")
    with open(path, newline="", encoding="utf-8-sig") as file:
        is_tab = "\t" in file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter="\t" if is_tab else ",")
        rows, present = list(reader), reader.fieldnames or []
    for column in columns:
        if column not in present:
            raise ValueError(
                f"{path} has no column {column!r}; it has:"
                f" {', '.join(sorted(present)) or 'nothing'}."
            )
    if not rows:
        raise ValueError(f"{path} has no rows.")
    return rows


def find_files(root: Path, *patterns: str) -> dict[str, Path]:
    """The images in some folders of `root`, by file name.

    Folders are searched at any depth (archives often unpack to a folder within a folder), and their
    names may be in upper or lower case (copies differ).

    Args:
        root: the data set's folder.
        patterns: names of the folders, with wildcards.
    """
    folders = [
        path
        for path in sorted(root.iterdir())
        if path.is_dir()
        and any(fnmatch(path.name.lower(), pattern.lower()) for pattern in patterns)
    ]
    return {path.name: path for folder in folders for path in list_images(folder)}


def require_files(
    files: dict[str, Path], names: Sequence[str], table: Path, where: str
) -> list[Path]:
    """The paths of the photographs that a table names.

    Args:
        files: what `find_files` found.
        names: file names, in the order of the table.
        table, where: the table and the folders, for the message.

    Raises:
        FileNotFoundError: a photograph is missing.
    """
    missing = [name for name in names if name not in files]
    if missing:
        raise FileNotFoundError(
            f"{table} names {missing[0]}, which is not in {where} ({len(missing)} of {len(names)}"
            " photographs are missing)."
        )
    return [files[name] for name in names]


def parse_fitzpatrick(text: str | None) -> Tone:
    """A skin type as the tables write it: 3, 3.0 or FST3; {} for an empty cell or anything else."""
    match = re.fullmatch(r"(?:FST)?([1-6])(?:\.0)?", text or "")
    return {"fitzpatrick": int(match[1])} if match else {}
