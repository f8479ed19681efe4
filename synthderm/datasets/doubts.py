"""Doubts whether the folders of a folder are classes: tables that nobody read, masks, splits under
other names, a folder too high."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.layouts import find_layouts
from synthderm.datasets.metadata import split_folders
from synthderm.datasets.photographs import EDITS
from synthderm.datasets.records import PhotoRecord, split_name
from synthderm.datasets.tables import UTF16
from synthderm.datasets.trees import class_folders
from synthderm.files import walk_files

TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".parquet", ".xlsx", ".xls", ".ods")
TEXTS = (".txt", ".json", "")  # they may be tables
MASKS = {"mask", "segmentation", "groundtruth", "annotation"}
HEAD = 1 << 16  # bytes of a table that are looked at
SURE = "name the classes, as in classes=[...], if these folders are classes"


def check_folders(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Refuse to take the names of folders for classes where it is doubtful.

    Args:
        root: a folder that was read as `ImageFolder`.
        photographs: what was read.

    Raises:
        ValueError: with what speaks against it, and what to do.
    """
    files = [path for path in walk_files(root) if path.name != EDITS]
    tables = [path for path in files if path.suffix.lower() in (*TABLES, *TEXTS)]
    _check_height(root, tables)
    _check_tables(root, tables, photographs)
    _check_names(root)
    _warn_of_depth(root, photographs)
    _warn_of_siblings(root)


def _check_height(root: Path, tables: Sequence[Path]) -> None:
    """Whether the data set is in a folder further down."""
    for folder in sorted({folder for table in tables for folder in table.parents[:2]}):
        if root in folder.parents and (found := find_layouts(folder)):
            name, path = next(iter(found.items()))
            raise ValueError(
                f"{root} is not read as classes: {path} is the table of a collection ({name}), so"
                f" open {folder}; or {SURE}."
            )
    folders = class_folders(root)
    if len(folders) == 1 and (splits := split_folders(folders[0])):
        names = ", ".join(sorted(path.name for path in splits))
        raise ValueError(
            f"{root} has one folder, {folders[0].name}, which has the splits {names}: open"
            f" {folders[0]}; or {SURE}."
        )


def _check_tables(root: Path, tables: Sequence[Path], photographs: Sequence[PhotoRecord]) -> None:
    """Whether there are tables that name the photographs, and so probably their classes."""
    names = {record.image.name.casefold() for record in photographs}
    stems = {PurePosixPath(name).stem for name in names}
    # A short number or a word is as likely to mean something else.
    ids = {stem for stem in stems if len(stem) > 4 and any(map(str.isdigit, stem))}
    for table in tables:
        if _cells(table) & (names | ids if table.suffix.lower() in TABLES else names):
            raise ValueError(
                f"{table} names photographs, but it is no table that is known (see"
                " `synthderm.datasets.layouts`): write a metadata.csv with the columns file_name"
                f" and label, or move the table away; or {SURE}."
            )
    others = [str(table) for table in tables if table.suffix.lower() in TABLES]
    if others:
        warn_caller(f"{name_some(others)}: not read; the folders of {root} are the classes.")


def _cells(table: Path) -> set[str]:
    """The beginning of a table, cut into cells; of paths, the names."""
    with open(table, "rb") as file:
        data = file.read(HEAD)
    text = data.decode("utf-16" if data.startswith(UTF16) else "utf-8", errors="replace")
    cells = re.split(r"[\s,;|\"'{}\[\]:]+", text.replace("\\", "/"))
    return {cell.rpartition("/")[2].casefold() for cell in cells} - {""}


def _check_names(root: Path) -> None:
    """Whether folders are called like masks or like splits."""
    folders = [path for path in class_folders(root) if split_name(path.name) is None]
    for path in folders:
        if MASKS & {part.rstrip("s") for part in _parts(path.name)}:
            raise ValueError(
                f"{path} seems to hold masks, no class: write a metadata.csv with the columns"
                f" file_name, label and mask_file_name; or {SURE}."
            )
    splits = {path.name: _split_in(path.name) for path in folders}
    if len(set(splits.values()) - {None}) > 1:
        names = sorted(name for name, split in splits.items() if split)
        raise ValueError(
            f"{root} has the folders {', '.join(names)}, which seem to be splits: call them train,"
            f" val and test; or {SURE}."
        )


def _split_in(name: str) -> str | None:
    """The split that a part of a name says, as in "ISIC_train"."""
    return next((split for part in _parts(name) if (split := split_name(part))), None)


def _parts(name: str) -> list[str]:
    """The words in the name of a folder."""
    return re.split(r"[^a-z]+", name.casefold())


def _warn_of_depth(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Warn if all is in one folder, which has folders of its own that may be the classes."""
    folders = class_folders(root)
    inner = class_folders(folders[0]) if len(folders) == 1 else []
    if len(inner) > 1 and all(record.image.parent != folders[0] for record in photographs):
        names = name_some(path.name for path in inner)
        warn_caller(
            f"{root} has one class, {folders[0].name!r}: if the classes are {names}, open"
            f" {folders[0]}."
        )


def _warn_of_siblings(root: Path) -> None:
    """Warn if the folder is one split of several, and another has other classes."""
    root = Path(os.path.abspath(root))
    split = split_name(root.name)
    if split is None:
        return
    classes = {path.name for path in class_folders(root)}
    with suppress(OSError, ValueError):
        for other in split_folders(root.parent):
            others = {path.name for path in class_folders(other)} - classes
            if other != root and others and classes:
                warn_caller(
                    f"{other} has classes that {root.name} lacks ({name_some(sorted(others))}), so"
                    f" the two number them differently: open {root.parent} with split={split!r}."
                )
