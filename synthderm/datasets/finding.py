"""The files that a table names, found also where the name is written a little differently."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from synthderm.datasets.rows import Row
from synthderm.files import is_litter, walk_files
from synthderm.imaging.io import SUFFIXES

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
LONGEST = 255  # bytes of a name
LONGEST_PATH = 4096  # no system has longer ones
Find = Callable[[str], str | None]


def check_root(root: str | os.PathLike[str]) -> Path:
    """The folder that a path names; `~` is the home folder.

    Raises:
        TypeError: no path.
        ValueError: an empty one.
        NotADirectoryError: a file, as an archive is.
        FileNotFoundError: nothing is there.
    """
    if not isinstance(root, (str, os.PathLike)) or isinstance(os.fspath(root), bytes):
        raise TypeError(f"root={root!r}: give the path of a folder of photographs, as text.")
    if not os.fspath(root):
        raise ValueError("root='' names no folder: give its path, or '.' for the current folder.")
    path = Path(os.path.expanduser(root))
    if path.is_file():
        advice = f"give the folder that it is in, {path.parent}"
        if path.suffix.lower() in ARCHIVES:
            advice = "unpack it, and give the folder"
        raise NotADirectoryError(f"{path} is a file, no folder: {advice}.")
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path}.")
    return path


class NamedFiles:
    """Files by their names.

    A name is found as it is written, or else in another case or another Unicode form of its
    accents, if just one file fits.

    Args:
        files: their paths, as texts, by their names.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._exact = files
        self._alike: dict[str, list[str]] | None = None  # made where it is needed

    def __iter__(self) -> Iterator[str]:
        return iter(self._exact.values())

    def find(self, name: str) -> str | None:
        if name in self._exact:
            return self._exact[name]
        if self._alike is None:
            self._alike = _by_fold(self._exact)
        alike = self._alike.get(_fold(name), [])
        return self._exact[alike[0]] if len(alike) == 1 else None

    def find_copy(self, name: str) -> str | None:
        """As `find`, or the same picture saved in another format."""
        stem = PurePosixPath(name).stem
        names = (name, *(stem + suffix for suffix in SUFFIXES))
        return next((path for each in names if (path := self.find(each))), None)


def _by_fold(names: Iterable[str]) -> dict[str, list[str]]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_fold(name), []).append(name)
    return alike


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class _Folder:
    """What is in a folder: names with whether it is a file."""

    def __init__(self, path: str) -> None:
        self.beginning = _beginning(path)
        self._alike: dict[str, list[str]] | None = None
        self.names: dict[str, bool] = {}
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                self.names = {entry.name: _is_file(entry) for entry in entries}

    def find(self, name: str) -> str | None:
        """The name of what is called so, as in `NamedFiles`."""
        if name in self.names:
            return name
        if self._alike is None:
            self._alike = _by_fold(self.names)
        alike = self._alike.get(_fold(name), [])
        return alike[0] if len(alike) == 1 else None


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


class RelativeFiles:
    """Files by their paths relative to a folder, with slashes or backslashes; each part as in
    `NamedFiles`.

    There may be a million, so paths are texts here, and each folder is listed once.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._paths: dict[str, str | None] = {}  # of folders, by how a table writes them
        self._listed: dict[str, _Folder] = {}  # by path
        self._written: dict[str, _Folder | None] = {}  # by what stands before a file's name

    def find(self, name: str) -> str | None:
        """The path of a file."""
        start = name.rfind("/") + 1
        folder, last = self._written.get(name[:start]), name[start:]
        if folder is not None and folder.names.get(last):  # nearly all, and quickly
            return folder.beginning + last
        for text in (name, name.replace("\\", "/")) if "\\" in name else (name,):
            if text.endswith(("/", "/.")):
                text = str(PurePosixPath(text))
            start = text.rfind("/") + 1
            before, last = text[:start], text[start:]
            if len(before) > LONGEST_PATH:
                continue
            if before not in self._written:
                path = self._find_folder(PurePosixPath(before))
                self._written[before] = None if path is None else self._list(path)
            folder = self._written[before]
            found = None if folder is None else folder.find(last)
            if folder is not None and found is not None and folder.names[found]:
                return folder.beginning + found
        return None

    def top_folders(self) -> set[str]:
        """The names of the folders right below the root in which files were looked for."""
        start = _beginning(self._root)
        inside = [path for path in self._paths.values() if path and path.startswith(start)]
        return {path[len(start) :].split("/")[0] for path in inside if path != self._root}

    def _find_folder(self, path: PurePosixPath) -> str | None:
        """The path of a folder, by how a table writes it."""
        folder, written = self._root, ""
        for part in path.parts:
            written = f"{written}/{part}"
            if written not in self._paths:
                self._paths[written] = self._step(folder, part)
            found = self._paths[written]
            if found is None:
                return None
            folder = found
        return folder

    def _step(self, folder: str, part: str) -> str | None:
        """The path of a folder in a folder."""
        # Also "..", and the "/" of an absolute path.
        direct = part if part.startswith("/") else _beginning(folder) + part
        if not os.path.isdir(direct):
            found = self._list(folder).find(part)
            return None if found is None else _beginning(folder) + found
        if part == "..":  # so that two ways to write a path find one file
            plain = os.path.normpath(direct)
            if os.path.isdir(plain) and os.path.samefile(plain, direct):  # no link is between
                return plain
        return direct

    def _list(self, folder: str) -> _Folder:
        if folder not in self._listed:
            self._listed[folder] = _Folder(folder)
        return self._listed[folder]


def _beginning(folder: str) -> str:
    """How the paths of the files in a folder begin."""
    return "" if folder == "." else folder if folder.endswith("/") else f"{folder}/"


def has_image(folder: Path) -> bool:
    """Whether a photograph is somewhere below a folder."""
    return any(
        os.path.splitext(name)[1].lower() in SUFFIXES and not is_litter(name)
        for _, _, names in os.walk(folder)
        for name in names
    )


def find_files(root: Path, *patterns: str) -> NamedFiles:
    """The files in some folders of `root`, by file name.

    Folders are searched at any depth (archives often unpack to a folder within a folder), and their
    names may be in upper or lower case (copies differ).

    Args:
        root: the data set's folder.
        patterns: names of the folders, with wildcards.
    """
    folders = [
        path
        for path in sorted(root.iterdir())
        if path.is_dir()
        and any(fnmatch(path.name.lower(), pattern.lower()) for pattern in patterns)
    ]
    files = (path for folder in folders for path in walk_files(folder))
    return NamedFiles({path.name: str(path) for path in files})


def require_files(rows: Sequence[Row], names: Sequence[str], find: Find, where: str) -> list[str]:
    """The paths of the photographs that a table names.

    Args:
        rows: of the table.
        names: one for each row.
        find: the path of a name, or None.
        where: the folders and what the files are, for the message.

    Raises:
        FileNotFoundError: a file is missing.
    """
    paths = find_named(rows, names, find, where, "photographs")
    return [path for path in paths if path is not None]


def find_named(
    rows: Sequence[Row], names: Sequence[str], find: Find, where: str, kind: str
) -> list[str | None]:
    """As `require_files`, with None where a name is empty."""
    paths = [find(name) if name else None for name in names]
    missing = [k for k, path in enumerate(paths) if path is None and names[k]]
    if missing:
        row, name = rows[missing[0]], names[missing[0]]
        shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
        raise FileNotFoundError(
            f"{row.path} names {shown}, in line {row.line}, which is not in {where}"
            f" ({len(missing)} of {sum(map(bool, names))} {kind} are missing)."
        )
    return paths
