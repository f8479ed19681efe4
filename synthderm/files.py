"""Files: written whole or not at all, by one process at a time, known by a hash, found below a
folder, and put into a page."""

import base64
import fcntl
import hashlib
import html
import json
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthderm.callers import warn_caller

CHUNK = 1 << 20  # bytes read at once
# Names of temporary files and folders, with the number of the process that made them.
PART = re.compile(r"\..*\.(\d+)\.synthderm\.part", re.DOTALL)
TEMPORARY = re.compile(r"synthderm-(\d+)-.*")
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

    A block that raises leaves nothing behind, and a process that is killed leaves the old file, and
    the temporary one for `remove_parts`.

    Args:
        path: the file to write; its folder must exist.

    Raises:
        OSError: it can't be written; the error names `path`, as on a full disk it names nothing.
    """
    path = Path(path)
    part = path.with_name(_part_name(path.name))
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        if error.filename not in (None, part, os.fspath(part)):
            raise  # of another file
        if error.errno is None:
            raise OSError(f"{path} can't be written: {error}.") from None
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    finally:
        part.unlink(missing_ok=True)


def _part_name(name: str) -> str:
    """The name of a temporary file, as short as file systems have it (255 bytes)."""
    if len(os.fsencode(name)) > 200:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}.{os.getpid()}.synthderm.part"


def remove_parts(directory: str | os.PathLike[str]) -> None:
    """Remove the temporary files below a folder that killed processes left."""
    for folder, _, names in os.walk(directory):
        for name in names:
            match = PART.fullmatch(name)
            if match and not _is_alive(int(match[1])):
                Path(folder, name).unlink(missing_ok=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder for temporary files, which goes when the block ends. Those of processes that
    were killed go before."""
    root = Path(tempfile.gettempdir())
    for name in os.listdir(root):
        match = TEMPORARY.fullmatch(name)
        if match and not _is_alive(int(match[1])):
            shutil.rmtree(root / name, ignore_errors=True)  # another user's stays
    with tempfile.TemporaryDirectory(prefix=f"synthderm-{os.getpid()}-") as folder:
        yield Path(folder)


def _is_alive(pid: int) -> bool:
    """Whether a process of this machine has this number."""
    if pid < 1:  # which would mean a group of processes
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True


@contextmanager
def held(path: str | os.PathLike[str], *, patience: float = 0.0, name: str = "") -> Iterator[None]:
    """Have a folder that is there, or a lock file, for this process alone. The lock goes with the
    process, however that ends.

    Args:
        path: the folder; or the lock file, which is made, and says who has it.
        patience: seconds to wait for another process.
        name: what errors call it; its path where "".

    Raises:
        ValueError: another process has it.
    """
    is_folder = os.path.isdir(path)
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _lock(descriptor, patience):
            owner = "" if is_folder else os.read(descriptor, 200).decode("utf-8", "replace")
            raise ValueError(
                f"{name or os.fspath(path)} is being written to by another process"
                f"{owner and f' ({owner})'}: wait for it, or stop it."
            )
        if not is_folder:
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, patience: float) -> bool:
    """Lock an open file, or say that another process has it."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return True
        else:
            return True


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


def inline_picture(picture: bytes, alt: str, kind: str = "image/png") -> str:
    """A picture as HTML that needs no other file.

    Args:
        picture: the bytes of its file.
        alt: what it shows, in words.
        kind: as in image/png.
    """
    data = base64.b64encode(picture).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:{kind};base64,{data}">'
