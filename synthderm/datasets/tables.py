"""Tables on disk, read strictly: what can't be read is named with its file and line."""

import codecs
import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from synthderm.callers import warn_caller

SEPARATORS = ",;\t|"
MOST_KEPT = 10_000  # cells
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Row(dict[str, str]):
    """One row of a table: its cells by column, without spaces around them and in Unicode's NFC.

    Args:
        cells: (column, cell).
        table: the file.
        line: the number of its line, from 1.
    """

    __slots__ = ("line", "table")  # there may be a million

    def __init__(self, cells: Iterable[tuple[str, str]], table: Path, line: int) -> None:
        super().__init__(cells)
        self.table, self.line = table, line

    @property
    def place(self) -> str:
        """The file and the line."""
        return f"{self.table}, line {self.line}"

    def number(self, column: str) -> float:
        """The number in a column, with a decimal point or comma.

        Raises:
            ValueError: it is none.
        """
        try:
            return float(self[column].replace(",", "."))
        except ValueError:
            raise ValueError(f"{self.place}: {column} is {self[column]!r}, no number.") from None


def read_table(
    path: Path, *columns: str, may_be_empty: Sequence[str] = (), optional: Sequence[str] = ()
) -> list[Row]:
    """The rows of a table.

    The file is JSON lines where its suffix is `.jsonl`; else fields are separated by commas,
    semicolons, tabs or vertical bars, whichever its first line has. It is UTF-8, UTF-16 with a byte
    order mark, or else cp1252, with a warning. Empty lines are passed over.

    Args:
        path: the table.
        columns: columns that it must have, with a value in each row.
        may_be_empty: columns that it must have.
        optional: columns that are read if they are there.

    Raises:
        FileNotFoundError: there is no such table.
        ValueError: a column or a value is missing, a row has too few or too many fields, there are
            no rows, a value of one of these columns is a list in JSON, or the file is no such
            table.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}, which this layout needs.")
    lines, doubtful = _lines(path)
    if doubtful:
        warn_caller(f"{path}, line {doubtful} is not UTF-8, so the table is read as cp1252.")
    if path.suffix.lower() == ".jsonl":
        names, rows = _parse_json(path, lines, {*columns, *optional})
    else:
        names, rows = _parse_fields(path, lines)
    for column in (*columns, *may_be_empty):
        if column not in names:
            found = ", ".join(sorted(names)) or "nothing"
            raise ValueError(f"{path} has no column {column!r}; it has: {found}.")
    if not rows:
        raise ValueError(f"{path} has no rows.")
    for row in rows:
        for column in columns:
            if not row.get(column):
                raise ValueError(f"{row.place}: {column} is empty; fill it in or delete the row.")
    return rows


def read_columns(path: Path) -> list[str]:
    """The names of a table's columns; for JSON lines, of all its keys."""
    lines, _ = _lines(path)
    if path.suffix.lower() == ".jsonl":
        return _parse_json(path, lines, set())[0]
    first, _ = _find_names(lines)
    return _parse_fields(path, lines[: first + 1])[0]


def _lines(path: Path) -> tuple[list[str], int | None]:
    """The lines of a text, and the number of the first that is not UTF-8, if there is one."""
    data = path.read_bytes()
    encoding = "UTF-16" if data.startswith(UTF16) else "UTF-8"
    doubtful = None
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        doubtful = data.count(b"\n", 0, error.start) + 1
        try:
            text = data.decode("cp1252" if encoding == "UTF-8" else "UTF-8")
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}, line {doubtful} is in an unknown encoding; save the table as UTF-8."
            ) from None
    if "\0" in text:
        raise ValueError(f"{path} is no text in UTF-8; save it as CSV in UTF-8.")
    return io.StringIO(text, newline="").readlines(), doubtful


def _find_names(lines: list[str]) -> tuple[int, str]:
    """Which line names the columns, from 0, and how fields are separated."""
    first = next((k for k, line in enumerate(lines) if line.strip()), len(lines))
    if first < len(lines) and (stated := re.fullmatch(r"sep=(.)\s*", lines[first])):
        return first + 1, stated[1]  # a line that Excel writes
    return first, max(SEPARATORS, key=lines[first].count) if first < len(lines) else ","


def _parse_fields(path: Path, lines: list[str]) -> tuple[list[str], list[Row]]:
    first, separator = _find_names(lines)
    reader = csv.reader(lines[first:], delimiter=separator, strict=True)
    names: list[str] | None = None
    rows: list[Row] = []
    kept: dict[str, str] = {}  # what many cells hold is in memory once
    line = first + 1
    try:
        for fields in reader:
            values = [kept.get(field) or clean(field) for field in fields]
            if names is None:
                names = _check_names(path, values)
            elif any(values):
                if len(values) != len(names):
                    _cut(values, len(names), f"{path}, line {line}")
                rows.append(Row(zip(names, values), path, line))
                if len(kept) < MOST_KEPT:
                    kept.update(zip(fields, values))
            line = first + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}.") from None
    return names or [], rows


def _check_names(path: Path, names: list[str]) -> list[str]:
    while names and not names[-1]:
        names.pop()
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}; rename one.")
    return names


def _cut(values: list[str], count: int, place: str) -> None:
    """Take off empty cells at the end of a row that has more than there are columns."""
    while len(values) > count and not values[-1]:
        values.pop()
    if len(values) != count:
        raise ValueError(
            f"{place}: the number of fields is {len(values)}, but that of columns {count}."
        )


def _parse_json(
    path: Path, lines: list[str], plain: AbstractSet[str]
) -> tuple[list[str], list[Row]]:
    """The columns and rows of JSON lines; in the columns `plain`, cells hold one value."""
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number} is not JSON: {error}.") from None
        if not isinstance(cells, dict):
            raise ValueError(f"{path}, line {number} is no JSON object: {line[:40]!r}.")
        if "[" in line or line.count("{") > 1:
            _check_plain(cells, plain, f"{path}, line {number}")
        values = {
            clean(key): "" if cell is None else clean(str(cell)) for key, cell in cells.items()
        }
        rows.append(Row(values.items(), path, number))
    return list(dict.fromkeys(key for row in rows for key in row)), rows


def _check_plain(cells: dict[str, Any], plain: AbstractSet[str], place: str) -> None:
    for key, cell in cells.items():
        if isinstance(cell, (list, dict)) and clean(key) in plain:
            raise ValueError(
                f"{place}: {key} is {json.dumps(cell):.60}; it must be one value, a text or a"
                " number."
            )


def clean(text: str) -> str:
    """A name without spaces around it and in Unicode's NFC: what looks the same is the same."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()
