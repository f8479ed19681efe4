"""Tables on disk, read strictly: what can't be read is named with its file and line."""

import codecs
import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from synthderm.callers import warn_caller
from synthderm.datasets.rows import Table

SEPARATORS = ",;\t|"
CHUNK = 500  # rows
MOST_KEPT = 100_000  # cells of a column
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(
    path: Path, *columns: str, may_be_empty: Sequence[str] = (), optional: Sequence[str] = ()
) -> Table:
    """The rows of a table, with the columns that are named here.

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
    wanted = dict.fromkeys((*columns, *may_be_empty, *optional))
    if path.suffix.lower() == ".jsonl":
        table = _parse_json(path, lines, wanted, {*columns, *optional})
    else:
        table = _parse_fields(path, lines, wanted)
    for column in (*columns, *may_be_empty):
        if column not in table.columns:
            found = ", ".join(sorted(table.names)) or "nothing"
            raise ValueError(f"{path} has no column {column!r}; it has: {found}.")
    if not table:
        raise ValueError(f"{path} has no rows.")
    empty = [(cells.index(""), name) for name in columns if "" in (cells := table.columns[name])]
    if empty:
        k, column = min(empty, key=itemgetter(0))
        raise ValueError(f"{table[k].place}: {column} is empty; fill it in or delete the row.")
    return table


def read_columns(path: Path) -> list[str]:
    """The names of a table's columns; for JSON lines, of all its keys."""
    lines, _ = _lines(path)
    if path.suffix.lower() == ".jsonl":
        return _parse_json(path, lines, (), set()).names
    return _parse_fields(path, lines, (), most=1).names


def _lines(path: Path) -> tuple[Iterator[str], int | None]:
    """The lines of a text, and the number of the first that is not UTF-8, if there is one."""
    data = path.read_bytes()
    encoding = "UTF-16" if data.startswith(UTF16) else "UTF-8"
    doubtful = None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        doubtful = data.count(b"\n", 0, error.start) + 1
        encoding = "cp1252" if encoding == "UTF-8" else "UTF-8"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}, line {doubtful} is in an unknown encoding; save the table as UTF-8."
            ) from None
    if "\0" in text:
        raise ValueError(f"{path} is no text in UTF-8; save it as CSV in UTF-8.")
    # Line by line, since a list of all takes three times the file's size.
    lines = io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
    return chain([next(lines, "").removeprefix("\ufeff")], lines), doubtful


def _find_names(lines: Iterator[str]) -> tuple[int, str, Iterator[str]]:
    """How many lines there are before that which names the columns, how fields are separated, and
    the lines from there on."""
    before = 0
    for line in lines:
        if stated := re.fullmatch(r"sep=(.)\s*", line):
            return before + 1, stated[1], lines  # a line that Excel writes
        if line.strip():
            return before, max(SEPARATORS, key=line.count), chain([line], lines)
        before += 1
    return before, ",", lines


def _parse_fields(
    path: Path, lines: Iterator[str], wanted: Collection[str], most: int | None = None
) -> Table:
    """The table that lines of fields hold; of the first `most` lines alone, if that is given."""
    before, separator, lines = _find_names(lines)
    reader = csv.reader(islice(lines, most), delimiter=separator, strict=True)
    line = before + 1
    try:
        names = _check_names(path, list(map(clean, next(reader, []))))
        table = Table(path, names, [name for name in wanted if name in names])
        filler = _Filler(table, [names.index(name) for name in table.columns])
        line = before + reader.line_num + 1
        for fields in reader:
            if "".join(fields).strip():
                if len(fields) != len(names):
                    _cut(fields, len(names), f"{path}, line {line}")
                filler.add(fields, line)
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}.") from None
    filler.flush()
    return table


class _Filler:
    """Puts cells into the columns of a table, many rows at once; what many cells hold is in memory
    once.

    Args:
        table: whose columns are filled, in their order.
        places: of each column among the fields of a row.
    """

    def __init__(self, table: Table, places: Sequence[int]) -> None:
        self._table, self._places = table, places
        self._kept: list[dict[str, str]] = [{} for _ in places]
        self._rows: list[Sequence[str]] = []

    def add(self, fields: Sequence[str], line: int) -> None:
        self._rows.append(fields)
        self._table.lines.append(line)
        if len(self._rows) == CHUNK:
            self.flush()

    def flush(self) -> None:
        """To be called at the end."""
        for cells, place, kept in zip(self._table.columns.values(), self._places, self._kept):
            found = [fields[place] for fields in self._rows]
            kept.update((text, clean(text)) for text in {*found}.difference(kept))
            cells.extend(map(kept.__getitem__, found))
            if len(kept) > MOST_KEPT:
                kept.clear()
        self._rows.clear()


def _check_names(path: Path, names: list[str]) -> list[str]:
    while names and not names[-1]:
        names.pop()
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}; rename one.")
    return names


def _cut(fields: list[str], count: int, place: str) -> None:
    """Take off empty cells at the end of a row that has more than there are columns."""
    while len(fields) > count and not fields[-1].strip():
        fields.pop()
    if len(fields) != count:
        raise ValueError(
            f"{place}: the number of fields is {len(fields)}, but that of columns {count}."
        )


def _parse_json(
    path: Path, lines: Iterable[str], wanted: Collection[str], plain: AbstractSet[str]
) -> Table:
    """The table that JSON lines hold; in the columns `plain`, cells are one value."""
    table, names = Table(path, (), wanted), dict[str, None]()
    filler = _Filler(table, range(len(wanted)))
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
        cells = {clean(key): cell for key, cell in cells.items()}
        names.update(dict.fromkeys(cells))
        values = map(cells.get, table.columns)
        filler.add(["" if value is None else str(value) for value in values], number)
    filler.flush()
    table.names += names
    table.columns = {name: cells for name, cells in table.columns.items() if name in names}
    return table


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
