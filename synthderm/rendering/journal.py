"""A table of what was done, written while it is done: a run that was stopped goes on from it."""

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from synthderm.files import atomic_path

Row = Mapping[str, str]
# Names of files need not be UTF-8.
ENCODING, ERRORS = "utf-8", "surrogateescape"


class Journal:
    """A CSV file that grows by one row for each file that is written. One process has it at a time.

    Args:
        path: the file. Its rows are kept, but for a last one that was cut short.
        columns: their names.

    Attributes:
        rows: those that were there, and those that were appended.

    Raises:
        ValueError: another process has it, or it has other columns.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, columns
        self._file = path.open("a+", newline="", encoding=ENCODING, errors=ERRORS)
        try:
            _lock(self._file, path)
            whole, self.rows = _parse(path, columns)
            self._file.truncate(whole)
            if whole == 0:
                self._write(columns)
        except BaseException:
            self._file.close()
            raise

    def append(self, row: Row) -> None:
        """Write a row at once."""
        self._write([row[column] for column in self.columns])
        self.rows.append(row)

    def _write(self, fields: Sequence[str]) -> None:
        try:
            self._file.write(_line(fields))
            self._file.flush()
        except OSError as error:  # a full disk, say, which names no file
            raise OSError(error.errno, error.strerror, os.fspath(self.path)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a table; [] where there is none.

    Raises:
        ValueError: it has other columns, or is damaged.
    """
    return _parse(path, columns)[1] if path.exists() else []


def stream_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """As `read_rows`, of a table that is whole, one by one."""
    with path.open(newline="", encoding=ENCODING, errors=ERRORS) as file:
        for k, record in enumerate(csv.reader(file, strict=True)):
            if len(record) != len(columns) or (k == 0 and record != list(columns)):
                raise _other_columns(path, columns)
            if k > 0:
                yield dict(zip(columns, record))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table, whole or not at all."""
    with (
        atomic_path(path) as part,
        open(part, "w", newline="", encoding=ENCODING, errors=ERRORS) as file,
    ):
        file.write(_line(columns))
        file.writelines(_line([row[column] for column in columns]) for row in rows)


def _lock(file: io.TextIOWrapper, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"{path.parent} is being written to by another process: wait for it, or stop it."
        ) from None
    except OSError:  # a file system without locks
        pass


def _parse(path: Path, columns: Sequence[str]) -> tuple[int, list[Row]]:
    """The number of bytes of whole lines, and the rows in them."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    text = io.StringIO(data[:whole].decode(ENCODING, ERRORS), newline="")
    try:
        names, *records = list(csv.reader(text, strict=True)) or [list(columns)]
    except csv.Error as error:
        raise ValueError(f"{path} is damaged ({error}): choose a new folder.") from None
    if names != list(columns) or any(len(record) != len(columns) for record in records):
        raise _other_columns(path, columns)
    return whole, [dict(zip(columns, record)) for record in records]


def _other_columns(path: Path, columns: Sequence[str]) -> ValueError:
    return ValueError(
        f"{path} has other columns than {', '.join(columns)}, so this command did not write it or"
        " somebody has changed it: choose a new folder."
    )


def _line(fields: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
