"""The rows of a table, of which there may be a million."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload


class Table(Sequence["Row"]):
    """The rows of a table. Cells are held by column, since there may be a million rows.

    Args:
        path: the file.
        names: of all its columns.
        columns: the cells of those that are read, without spaces around them and in Unicode's NFC.

    Attributes:
        lines: the number of each row's line, from 1.
    """

    def __init__(self, path: Path, names: Iterable[str], columns: Iterable[str]) -> None:
        self.path, self.names = path, list(names)
        self.columns: dict[str, list[str]] = {name: [] for name in columns}
        self.lines = array("Q")

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> "Row": ...
    @overload
    def __getitem__(self, index: slice) -> "list[Row]": ...
    def __getitem__(self, index: int | slice) -> "Row | list[Row]":
        if isinstance(index, slice):
            return [Row(self, k) for k in range(len(self))[index]]
        return Row(self, range(len(self))[index])

    def __iter__(self) -> "Iterator[Row]":
        return (Row(self, k) for k in range(len(self)))


class Row(Mapping[str, str]):
    """One row of a table: its cells by column; "" where JSON has none."""

    __slots__ = ("index", "table")

    def __init__(self, table: Table, index: int) -> None:
        self.table, self.index = table, index

    def __getitem__(self, column: str) -> str:
        return self.table.columns[column][self.index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.columns)

    def __len__(self) -> int:
        return len(self.table.columns)

    @property
    def path(self) -> Path:
        """The file."""
        return self.table.path

    @property
    def line(self) -> int:
        """The number of its line, from 1."""
        return self.table.lines[self.index]

    @property
    def place(self) -> str:
        """The file and the line."""
        return f"{self.path}, line {self.line}"

    def number(self, column: str) -> float:
        """The number in a column, with a decimal point or comma.

        Raises:
            ValueError: it is none.
        """
        try:
            return float(self[column].replace(",", "."))
        except ValueError:
            raise ValueError(f"{self.place}: {column} is {self[column]!r}, no number.") from None
