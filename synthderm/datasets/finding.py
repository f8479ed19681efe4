"""The files that a table names, found also where the name is written a little differently."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from synthderm.datasets.tables import Row
from synthderm.files import is_litter, walk_files
from synthderm.imaging.io import SUFFIXES

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
LONGEST = 255  # bytes of a name
Find = Callable[[str], Path | None]


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
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._exact = {path.name: path for path in paths}
        self._alike: dict[str, list[Path]] = {}
        for path in self._exact.values():
            self._alike.setdefault(_fold(path.name), []).append(path)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._exact.values())

    def find(self, name: str) -> Path | None:
        if name in self._exact:
            return self._exact[name]
        alike = self._alike.get(_fold(name), [])
        return alike[0] if len(alike) == 1 else None

    def find_copy(self, name: str) -> Path | None:
        """As `find`, or the same picture saved in another format."""
        stem = PurePosixPath(name).stem
        names = (name, *(stem + suffix for suffix in SUFFIXES))
        return next((path for each in names if (path := self.find(each))), None)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class RelativeFiles:
    """Files by their paths relative to a folder, with slashes or backslashes; each part as in
    `NamedFiles`.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[Path, NamedFiles] = {}
        self._folders: dict[str, Path | None] = {}

    def find(self, name: str) -> Path | None:
        for text in dict.fromkeys((name, name.replace("\\", "/"))):
            path = PurePosixPath(text)
            # No system has longer ones, and asked for them, it fails.
            if any(len(os.fsencode(part)) > LONGEST for part in path.parts):
                continue
            folder = self._find_folder(path.parent)
            found = None if folder is None else self._list(folder).find(path.name)
            if found is not None and found.is_file():
                return found
        return None

    def top_folders(self) -> set[str]:
        """The names of the folders right below the root in which files were looked for."""
        folders = [path for path in self._folders.values() if path and self.root in path.parents]
        return {path.relative_to(self.root).parts[0] for path in folders}

    def _find_folder(self, path: PurePosixPath) -> Path | None:
        key = str(path)
        if key not in self._folders:
            folder: Path | None = self.root
            for part in path.parts:
                if folder is None:
                    break
                direct = folder / part  # also "..", and the "/" of an absolute path
                folder = direct if direct.is_dir() else self._list(folder).find(part)
            # So that two ways to write a path find one file; a link may lead elsewhere.
            if folder is not None and ".." in path.parts:
                plain = Path(os.path.normpath(folder))
                folder = plain if plain.is_dir() and plain.samefile(folder) else folder
            self._folders[key] = folder
        return self._folders[key]

    def _list(self, folder: Path) -> NamedFiles:
        if folder not in self._listed:
            entries = os.listdir(folder) if folder.is_dir() else []
            self._listed[folder] = NamedFiles(folder / entry for entry in entries)
        return self._listed[folder]


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
    return NamedFiles(path for folder in folders for path in walk_files(folder))


def require_files(
    rows: Sequence[Row], names: Sequence[str], find: Find, where: str, kind: str = "photographs"
) -> list[Path]:
    """The paths of the files that a table names.

    Args:
        rows: of the table.
        names: one for each row.
        find: the path of a name, or None.
        where: the folders and what the files are, for the message.

    Raises:
        FileNotFoundError: a file is missing.
    """
    paths = [find(name) for name in names]
    missing = [k for k, path in enumerate(paths) if path is None]
    if missing:
        row, name = rows[missing[0]], names[missing[0]]
        shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
        raise FileNotFoundError(
            f"{row.table} names {shown}, in line {row.line}, which is not in {where}"
            f" ({len(missing)} of {len(names)} {kind} are missing)."
        )
    return [path for path in paths if path is not None]
