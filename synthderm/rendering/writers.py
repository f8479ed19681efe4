"""How the shards of a data set become files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from synthderm.datasets.rendered_names import SHARD_SUFFIXES, Shards, shard_name
from synthderm.rendering.digests import read_checksums
from synthderm.rendering.items import Encoded, Encoder
from synthderm.rendering.work import HashedFile, ShardRecord, Work

Make = Callable[[Sequence[int]], Iterator[Encoded]]  # items, in order, from their numbers
Files = Iterable[tuple[str, str]]  # name and SHA-256 of each
Report = Callable[[int], None]  # is told of so many items that are there


class Writer(Protocol):
    """A format to write shards in.

    Attributes:
        encoder: makes items bytes.
    """

    encoder: Encoder

    def write(self, shard: int, make: Make, report: Report) -> list[tuple[str, str, int]]:
        """Write a shard, what is missing of it.

        Returns:
            The files for its `ShardRecord`.
        """
        ...

    def is_there(self, shard: int, record: ShardRecord) -> bool:
        """Whether the files of a shard that was written are there."""
        ...

    def reopen(self, manifest: dict[str, Any]) -> bool:
        """Take up a folder that was finished.

        Returns:
            Whether all of its files are there.
        """
        ...

    def sizes(self) -> list[int]:
        """Bytes of the files of each shard, once all are there."""
        ...

    def finish(self) -> Files:
        """Do what is left once all shards are there.

        Returns:
            All files, in an order that depends on nothing.
        """
        ...


class ShardWriter:
    """Writes one file a shard.

    Args:
        out: the folder.
        shards: what is written.
        file_format: of the shards.
        encoder: makes items bytes.
        fill: writes items into a file.
    """

    def __init__(
        self,
        out: Path,
        shards: Shards,
        file_format: str,
        encoder: Encoder,
        fill: Callable[[HashedFile, Iterator[Encoded]], None],
    ) -> None:
        self.out, self.shards, self.encoder, self._fill = out, shards, encoder, fill
        self._work, self._suffix = Work(out), SHARD_SUFFIXES[file_format]

    def write(self, shard: int, make: Make, report: Report) -> list[tuple[str, str, int]]:
        name = self._name(shard)
        with self._work.writing(shard, self.out / name) as file:
            self._fill(file, make(self.shards.numbers(shard)))
        return [(name, file.sha256, file.size)]

    def is_there(self, shard: int, record: ShardRecord) -> bool:
        return bool(record.files) and all(
            file_size(self.out / name) == size for name, _, size in record.files
        )

    def reopen(self, manifest: dict[str, Any]) -> bool:
        before = Shards(manifest["length"], self.shards.size)
        digests, left_out = dict(read_checksums(self.out)), manifest["left_out"]
        is_whole = True
        for shard, size in enumerate(manifest["bytes"]):
            name, numbers = self._name(shard), before.numbers(shard)
            if name not in digests or file_size(self.out / name) != size:
                is_whole = False
            elif numbers == self.shards.numbers(shard):
                lacking = {int(k): why for k, why in left_out.items() if int(k) in numbers}
                record = ShardRecord([(name, digests[name], size)], lacking)
                self._work.write_record(shard, record)
        return is_whole

    def sizes(self) -> list[int]:
        return [size for _, _, size in self._files()]

    def finish(self) -> Files:
        return ((name, digest) for name, digest, _ in self._files())

    def _files(self) -> Iterator[tuple[str, str, int]]:
        """Name, SHA-256 and bytes of each shard's file."""
        for shard in range(self.shards.count):
            record = self._work.read_record(shard)
            yield from record.files if record else []

    def _name(self, shard: int) -> str:
        return f"{shard_name(shard)}{self._suffix}"


def file_size(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
