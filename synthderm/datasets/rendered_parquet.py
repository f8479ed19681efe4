"""Rows of the Parquet files that `synthderm render` wrote, in any order."""

from pathlib import Path
from typing import Any


class ParquetReader:
    """Reads pictures of a row. The group of rows that was read last is kept, since the next row is
    likely in it.

    Args:
        masks: whether there are masks.

    Raises:
        ImportError: pyarrow is not installed.
    """

    def __init__(self, masks: bool) -> None:
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ImportError(
                "Parquet files need the package pyarrow: pip install 'synthderm[parquet]'"
            ) from None
        self._columns = ["image", "mask"] if masks else ["image"]
        self._ends: dict[Path, list[int]] = {}  # of the groups of each file
        self._last: tuple[Path, int, Any] | None = None

    def read(self, path: Path, row: int) -> tuple[bytes, bytes | None]:
        """The bytes of the image of a row, and of its mask, or None."""
        group, place = self._find_group(path, row)
        if self._last is None or self._last[:2] != (path, group):
            from pyarrow.parquet import ParquetFile

            with ParquetFile(path) as file:
                table = file.read_row_group(group, columns=self._columns)
            self._last = (path, group, table)
        pictures = [self._last[2][name][place].as_py()["bytes"] for name in self._columns]
        return pictures[0], pictures[1] if len(pictures) > 1 else None

    def _find_group(self, path: Path, row: int) -> tuple[int, int]:
        """The group that a row is in, and its place in that."""
        if path not in self._ends:
            from pyarrow.parquet import read_metadata

            facts, ends = read_metadata(path), [0]
            for group in range(facts.num_row_groups):
                ends.append(ends[-1] + facts.row_group(group).num_rows)
            self._ends[path] = ends
        ends = self._ends[path]
        for group, (start, end) in enumerate(zip(ends, ends[1:])):
            if start <= row < end:
                return group, row - start
        raise ValueError(
            f"{path} has no row {row}: `synthderm render --verify` says what is wrong."
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}
