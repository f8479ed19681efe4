"""Tables in a folder that is read by its folders: what they may say of the photographs is named."""

import bz2
import gzip
import lzma
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.names import is_id
from synthderm.datasets.photographs import EDITS
from synthderm.datasets.records import PhotoRecord
from synthderm.datasets.tables import UTF16
from synthderm.datasets.trees import FLAT, SURE

TABLES = {
    *(".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".xlsx", ".xls", ".ods", ".parquet"),
    *(".feather", ".arrow", ".pkl", ".pickle", ".npy", ".npz", ".mat", ".h5", ".hdf5"),
    *(".sqlite", ".db", ".dta", ".sav", ".rds", ".rdata", ".pt", ".pth", ".tfrecord", ".mdb"),
}
TEXTS = {".txt", ".json", ".xml", ".yaml", ".yml", ""}  # they may be tables
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = {*OPENERS, ".zip", ".zst"}
# Texts about a collection as a whole.
ABOUT = re.compile(
    r"read.?me|licen[cs]e|copy(ing|right)|cit(e|ation)|attribution|credit|source|notice|author"
    r"|contribut|change|about|terms|requirements|checksum|md5|sha\d",
    re.IGNORECASE,
)
HEAD = 1 << 20  # bytes of a table that are looked at
ENOUGH = 10  # so many names in a text are no example


class PhotographNames:
    """The names by which a table may call photographs.

    Args:
        photographs: their files.
    """

    def __init__(self, photographs: Iterable[Path]) -> None:
        files = list(photographs)
        self.files = {path.name.casefold() for path in files}
        self.stems = {os.path.splitext(name)[0] for name in self.files}
        # As in lists of splits: "mel/1".
        self.files |= {f"{path.parent.name}/{path.stem}".casefold() for path in files}
        self.ids = {stem for stem in self.stems if is_id(stem)}

    def are_in(self, table: Path) -> bool:
        """Whether a table names photographs; a text must name many where it has no suffixes."""
        cells = _cells(table)
        if cells & self.files:
            return True
        enough = 1 if table_suffix(table) in TABLES else min(ENOUGH, (len(self.ids) + 1) // 2)
        return 0 < enough <= len(cells & self.ids)


def table_suffix(path: Path) -> str:
    """The suffix of a table in lower case, that of "a.csv.gz" too."""
    stem, suffix = os.path.splitext(path.name.lower())
    return os.path.splitext(stem)[1] or suffix if suffix in COMPRESSED else suffix


def is_table(path: Path) -> bool:
    """Whether a file may be a table, by its name."""
    suffix = table_suffix(path)
    return (suffix in TABLES or suffix in TEXTS) and path.name != EDITS


def check_tables(root: Path, tables: Sequence[Path], photographs: Sequence[PhotoRecord]) -> None:
    """Refuse a folder with a table that names the photographs, and so probably their classes; or
    with any table, if its folders name no class.

    Args:
        root: the folder.
        tables: the files in it that may be tables.
        photographs: what was read.
    """
    names = PhotographNames(record.path for record in photographs)
    # Beside a photograph, as "1.json" is beside "1.jpg".
    notes = [path for path in tables if path.stem.casefold() in names.stems]
    for table in sorted({*tables}.difference(notes)):
        if names.are_in(table):
            raise ValueError(
                f"{table} names photographs, but it is no table that is known (see"
                " `synthderm.datasets.layouts`): write a metadata.csv with the columns file_name"
                f" and label, or move the table away; or {SURE}."
            )
    if {record.label for record in photographs} == {FLAT}:
        for table in tables:
            if not ABOUT.match(table.stem):
                raise ValueError(
                    f"{table} is not read, and no folder in {root} names a class: write a"
                    " metadata.csv with the columns file_name and label; or give classes="
                    f"[{FLAT!r}] if there are no classes."
                )
    others = [path for path in tables if table_suffix(path) in TABLES or path in notes]
    if others:
        warn_caller(f"{name_some(others)}: not read; the folders of {root} are the classes.")


def _cells(table: Path) -> set[str]:
    """The beginning of a table, cut into cells; of paths, the names."""
    try:
        with OPENERS.get(table.suffix.lower(), open)(table, "rb") as file:
            data = file.read(HEAD)
    except (OSError, EOFError, lzma.LZMAError):  # it is not what its suffix says
        return set()
    text = data.decode("utf-16" if data.startswith(UTF16) else "utf-8", errors="replace")
    text = text.replace("\\", "/")
    cells = {*re.split(r"[\s,;|\"'{}\[\]:<>]+", text), *re.split(r"[\t\r\n,;|\"{}\[\]<>]+", text)}
    parts = [cell.strip().casefold().split("/") for cell in cells]
    return {part[-1] for part in parts} | {"/".join(part[-2:]) for part in parts}
