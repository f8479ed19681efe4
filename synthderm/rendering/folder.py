"""Class folders: a file for each image and each mask, and a table."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from synthderm.datasets.rendered_names import Shards, folder_names, item_files
from synthderm.rendering.digests import read_checksums
from synthderm.rendering.items import Encoded, Encoder
from synthderm.rendering.journal import Journal, Row, read_rows, stream_rows, write_rows
from synthderm.rendering.work import ShardRecord, Work, naming
from synthderm.rendering.writers import Files, Make, Report

TABLE = "metadata.csv"
PART = ".part"  # instead of its suffix, until all files are there
HASHES = ("image_sha256", "mask_sha256")
DECIMALS = {"severity": 4, "skin_tone": 2}


class FolderWriter:
    """Writes `images/CLASS/*`, `masks/CLASS/*.gif` and `metadata.csv`. A shard is a journal of its
    items, so that none is made again after a stop; until the last shard is there, no file has a
    name that a reader takes for an image's.

    Args:
        out: the folder.
        shards: what is written.
        encoder: makes items bytes.
        classes: the names of the classes.
        columns: what `Item.row` has.
    """

    def __init__(
        self,
        out: Path,
        shards: Shards,
        encoder: Encoder,
        classes: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        self.out, self.shards, self.encoder = out, shards, encoder
        self._work, self._folders = Work(out), folder_names(classes)
        names = ("file_name", "mask_file_name")[: 1 + (encoder.mask is not None)]
        self._table = (*names, *columns)
        self._columns = (*self._table, *HASHES[: len(names)])
        self._names = names

    def write(self, shard: int, make: Make, report: Report) -> list[tuple[str, str, int]]:
        numbers = self.shards.numbers(shard)
        with Journal(self._work.path(shard, ".csv"), self._columns) as journal:
            there = {int(row["index"]) for row in journal.rows if self._has_files(row)}
            missing = [number for number in numbers if number not in there]
            report(len(numbers) - len(missing))
            for item in make(missing):
                journal.append(self._write_item(item))
        return []

    def _write_item(self, item: Encoded) -> Row:
        """Write the files of an item.

        Returns:
            Its row of the journal.
        """
        row = {name: _as_text(name, value) for name, value in item.row.items()}
        has_mask = item.mask is not None
        names = item_files(item.number, self._folders[item.label], self.encoder.image, has_mask)
        for column, digest, name, data in zip(self._names, HASHES, names, (item.image, item.mask)):
            assert data is not None
            path = _part(self.out / name)
            with naming(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            row |= {column: name, digest: hashlib.sha256(data).hexdigest()}
        return row

    def is_there(self, shard: int, record: ShardRecord) -> bool:
        rows = list(self._rows(shard))
        lacking = len(self.shards.numbers(shard)) - len(rows)
        return lacking == len(record.left_out) and all(map(self._has_files, rows))

    def _rows(self, shard: int) -> Iterator[Row]:
        """What the journal of a shard says of its items, in order, the last word on each."""
        rows = read_rows(self._work.path(shard, ".csv"), self._columns)
        last = {int(row["index"]): row for row in rows}
        return (last[number] for number in self.shards.numbers(shard) if number in last)

    def _all_rows(self) -> Iterator[Row]:
        return (row for shard in range(self.shards.count) for row in self._rows(shard))

    def _has_files(self, row: Row) -> bool:
        paths = [self.out / row[name] for name in self._names]
        return all(path.is_file() or _part(path).is_file() for path in paths)

    def reopen(self, manifest: dict[str, Any]) -> bool:
        before = Shards(manifest["length"], self.shards.size)
        count = 0
        rows = self._rows_with_hashes()
        for shard, group in groupby(rows, lambda row: int(row["index"]) // before.size):
            there = [row for row in group if self._has_files(row)]
            write_rows(self._work.path(shard, ".csv"), self._columns, there)
            count += len(there)
        return count + len(manifest["left_out"]) == before.length

    def _rows_with_hashes(self) -> Iterator[Row]:
        """The rows of the table of a folder that was finished, as the journals have them; as far as
        the checksums go."""
        if not (self.out / TABLE).is_file():
            return
        digests = read_checksums(self.out)
        for row in stream_rows(self.out / TABLE, self._table):
            added = {}
            for column, digest in zip(self._names, HASHES):
                name, added[digest] = next(digests, ("", ""))
                if name != row[column]:
                    return
            yield {**row, **added}

    def finish(self) -> Files:
        for name in reversed(self._names):  # masks first
            for row in self._all_rows():
                path = self.out / row[name]
                with suppress(FileNotFoundError):  # it has its name
                    os.replace(_part(path), path)
        write_rows(self.out / TABLE, self._table, self._all_rows())
        return self._hashes(self._all_rows())

    def _hashes(self, rows: Iterable[Row]) -> Files:
        for row in rows:
            yield from ((row[name], row[digest]) for name, digest in zip(self._names, HASHES))


def _part(path: Path) -> Path:
    """The file until all images are there, of a name that no reader takes for an image's."""
    return path.with_suffix(PART)


def _as_text(name: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{DECIMALS[name]}f}" if name in DECIMALS else str(value)
