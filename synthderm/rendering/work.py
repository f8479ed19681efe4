"""The folder of a rendering that is not finished: locks, what was done, files that are half
written. It goes when the last shard is there."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from synthderm.datasets.rendered_names import shard_name
from synthderm.files import held, write_text

# Seconds to wait for another process with a shard: the workers of a run that was killed need a
# moment to notice it.
PATIENCE = 10.0


class BusyError(ValueError):
    """Another process has this shard."""


class ShardRecord(NamedTuple):
    """What is known of a shard that is there.

    Args:
        files: name, SHA-256 and bytes of each file that is whole; [] of class folders, whose
            journal has these.
        left_out: why items of it could not be made, by their number.
    """

    files: list[tuple[str, str, int]]
    left_out: dict[int, str]


class Work:
    """The folder `unfinished` in one that is rendered into."""

    def __init__(self, out: Path) -> None:
        self.out, self.folder = out, out / "unfinished"

    def path(self, shard: int, suffix: str) -> Path:
        """A file of a shard."""
        return self.folder / f"{shard_name(shard)}{suffix}"

    @contextmanager
    def locked(self, shard: int, patience: float | None = None) -> Iterator[None]:
        """Have a shard for this process alone.

        Args:
            shard: its number.
            patience: seconds to wait for another process; `PATIENCE` where None.

        Raises:
            BusyError: another one has it; it is named.
        """
        lock = held(
            self.path(shard, ".lock"),
            patience=PATIENCE if patience is None else patience,
            name=f"shard {shard} of {self.out}",
        )
        try:
            lock.__enter__()
        except ValueError as error:
            raise BusyError(error) from None
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    def write_record(self, shard: int, record: ShardRecord) -> None:
        """Say that a shard is there."""
        content = {"files": record.files, "left_out": record.left_out}
        write_text(self.path(shard, ".json"), json.dumps(content))

    def read_record(self, shard: int) -> ShardRecord | None:
        """What was said of a shard; None where it is not there."""
        try:
            content = json.loads(self.path(shard, ".json").read_text(encoding="utf-8"))
            files = [(str(name), str(digest), int(size)) for name, digest, size in content["files"]]
            return ShardRecord(files, {int(k): v for k, v in content["left_out"].items()})
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def forget_record(self, shard: int) -> None:
        self.path(shard, ".json").unlink(missing_ok=True)

    def count_records(self) -> int:
        """How many shards are there."""
        try:
            return sum(name.endswith(".json") for name in os.listdir(self.folder))
        except FileNotFoundError:  # another job has finished
            return 0

    def clear(self) -> None:
        """Remove the folder."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    @contextmanager
    def writing(self, shard: int, path: Path) -> "Iterator[HashedFile]":
        """A file for a shard, which takes its place when it is whole."""
        part = self.path(shard, ".part")
        try:
            with naming(path):
                with part.open("wb") as raw:
                    file = HashedFile(raw)
                    yield file
                os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


class HashedFile(io.RawIOBase):
    """A file that is written from beginning to end, with its SHA-256."""

    def __init__(self, raw: io.BufferedWriter) -> None:
        self._raw, self._digest, self.size = raw, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = self._raw.write(data)
        self._digest.update(data)
        self.size += count
        return count

    def flush(self) -> None:
        if not self._raw.closed:
            self._raw.flush()

    def tell(self) -> int:
        return self.size

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of the system that name no file, as of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        raise
