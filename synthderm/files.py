"""Files: written whole or not at all, known by a hash, and found below a folder."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthderm.callers import warn_caller

CHUNK = 1 << 20  # bytes read at once
# What archives, systems and network drives leave beside files, as well as all that is hidden.
LITTER = {
    *("__macosx", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot"),
    *("$recycle.bin", "recycler", "recycled", "system volume information", "lost+found"),
    *("__pycache__", "thumbs.db", "ehthumbs.db", "network trash folder", "temporary items"),
}
OPENED = "~$"  # how the names of Office's copies of open files begin


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the same folder. It takes the place of `path` when the block ends.

    A block that raises leaves nothing behind, and a process that is killed leaves the old file.

    Args:
        path: the file to write; its folder must exist.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON text. Numbers and arrays of numpy and torch become plain ones, paths become text."""

    def plain(value: Any) -> Any:
        if hasattr(value, "tolist"):
            return value.tolist()
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        raise TypeError(f"JSON holds no {type(value).__name__}, as {value!r:.60} is.")

    return json.dumps(value, indent=indent, default=plain)


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name was put there by a system and not by a person: hidden
    ones such as `.ipynb_checkpoints` and `._a.jpg`, and `__MACOSX`, `Thumbs.db` and the like."""
    return name.startswith((".", OPENED)) or name.lower() in LITTER


def walk_files(directory: str | os.PathLike[str]) -> list[Path]:
    """All files below a folder, sorted; without litter.

    Links to folders are followed, but never back to a folder that they lie in. A link that leads
    nowhere is left out with a warning.

    Raises:
        OSError: a folder that can't be read.
    """
    return sorted(_walk(Path(directory), []))


def _walk(directory: Path, above: list[tuple[int, int]]) -> Iterator[Path]:
    """The files below a folder; `above` are the device and inode of the folders around it."""
    status = directory.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    with os.scandir(directory) as entries:
        for entry in entries:
            path = directory / entry.name
            if is_litter(entry.name):
                continue
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link to itself
                is_folder = is_file = False
            if is_folder:
                yield from _walk(path, [*above, identity])
            elif is_file:
                yield path
            elif entry.is_symlink():
                target = os.readlink(path)
                warn_caller(f"{path} is a link to {target}, which is not there: it is left out.")
