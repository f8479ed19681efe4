"""Class folders: a file for each image and each mask, and a table."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from synthderm.datasets.rendered_names import Shards, folder_names, item_files
from synthderm.files import sha256
from synthderm.rendering.digests import read_checksums
from synthderm.rendering.items import Encoded, Encoder
from synthderm.rendering.journal import Journal, Row, read_rows, stream_rows, write_rows
from synthderm.rendering.work import ShardRecord, Work, naming
from synthderm.rendering.writers import Files, Make, Report, file_size

TABLE = "metadata.csv"
PART = ".part"  # instead of its suffix, until all files are there
HASHES = ("image_sha256", "mask_sha256")
SIZES = ("image_bytes", "mask_bytes")
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
        self._columns = (*self._table, *HASHES[: len(names)], *SIZES[: len(names)])
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
        pictures = (item.image, item.mask)
        for column, digest, size, name, data in zip(self._names, HASHES, SIZES, names, pictures):
            assert data is not None
            path = _part(self.out / name)
            with naming(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            row |= {column: name, digest: hashlib.sha256(data).hexdigest(), size: str(len(data))}
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
        """Whether the files of an item are there, and as long as they were written. A machine that
        goes down may leave files without all of their bytes."""
        return all(
            int(row[size]) in (file_size(path), file_size(_part(path)))
            for path, size in zip(self._paths(row), SIZES)
        )

    def _paths(self, row: Row) -> list[Path]:
        return [self.out / row[name] for name in self._names]

    def _bytes(self, rows: Iterable[Row]) -> int:
        return sum(int(row[size]) for row in rows for size in SIZES[: len(self._names)])

    def sizes(self) -> list[int]:
        return [self._bytes(self._rows(shard)) for shard in range(self.shards.count)]

    def reopen(self, manifest: dict[str, Any]) -> bool:
        before = Shards(manifest["length"], self.shards.size)
        sizes, count = dict(enumerate(manifest.get("bytes", ()))), 0
        rows = self._rows_with_hashes()
        for shard, group in groupby(rows, lambda row: int(row["index"]) // before.size):
            there = [row for row in map(self._with_sizes, group) if row is not None]
            if self._bytes(there) != sizes.get(shard):
                there = [row for row in there if self._is_same(row)]
            write_rows(self._work.path(shard, ".csv"), self._columns, there)
            count += len(there)
        return count + len(manifest["left_out"]) == before.length

    def _with_sizes(self, row: Row) -> Row | None:
        """A row with the sizes that its files have now; None where one is not there."""
        sizes = [file_size(path) for path in self._paths(row)]
        return None if None in sizes else {**row, **dict(zip(SIZES, map(str, sizes)))}

    def _is_same(self, row: Row) -> bool:
        """Whether the files of an item are what was written."""
        paths = self._paths(row)
        return all(sha256(path) == row[digest] for path, digest in zip(paths, HASHES))

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
