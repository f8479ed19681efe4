"""Doubts whether the folders of a folder are classes: tables that nobody read, splits under other
names, a folder too high or too low."""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.layouts import find_layouts
from synthderm.datasets.metadata import find_metadata, split_folders
from synthderm.datasets.names import (
    is_container,
    is_id,
    is_like_group,
    is_like_split,
    is_mask_folder,
    split_name,
    split_word,
)
from synthderm.datasets.records import PhotoRecord
from synthderm.datasets.rendered import MANIFEST, read_record
from synthderm.datasets.rendered_names import IMAGES
from synthderm.datasets.tables import clean, read_table
from synthderm.datasets.trees import FLAT, SURE, class_folders
from synthderm.datasets.unread_tables import (
    TABLES,
    PhotographNames,
    check_tables,
    is_table,
    table_suffix,
)
from synthderm.files import walk_files


def check_folders(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Refuse to take the names of folders for classes where it is doubtful.

    Args:
        root: a folder that was read as `ImageFolder`.
        photographs: what was read.

    Raises:
        ValueError: with what speaks against it, and what to do.
    """
    tables = [path for path in walk_files(root) if is_table(path)]
    _check_height(root, tables)
    _check_depth(root, photographs)
    check_tables(root, tables, photographs)
    _check_splits(root, photographs)
    _check_classes(root, photographs)
    _warn_of_depth(root, photographs)
    _warn_of_repeats(root, photographs)


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


def _check_depth(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Whether the folder is one of photographs, and their table lies above it."""
    root = Path(os.path.abspath(root))
    if root.name == IMAGES and read_record(root.parent / MANIFEST) is not None:
        warn_caller(
            f"{root} is a part of a rendering, which may number classes in another way:"
            f" open {root.parent}."
        )
    if {record.label for record in photographs} != {FLAT}:
        return
    names = PhotographNames(record.path for record in photographs)
    for folder in root.parents[:2]:
        found: dict[str, Path] = {}
        with suppress(OSError, ValueError):
            found = find_layouts(folder)
        for layout, table in found.items():
            if not (names.are_in(table) if table.is_file() else table == root):
                continue
            says = f"{table} ({layout}) is the table of these photographs: open {folder}"
            if layout == "metadata.csv":
                warn_caller(f"{says}, if they have classes.")
            else:
                raise ValueError(f"{says}; or give classes=[{FLAT!r}] to read {root} without it.")
            return
    with suppress(OSError):
        for table in sorted(root.parent.iterdir()):
            if table_suffix(table) in TABLES and table.is_file() and names.are_in(table):
                warn_caller(
                    f"{table} names these photographs, and is not read: open {table.parent}."
                )
                return


def _check_splits(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Whether folders are called like splits."""
    folders = [path.name for path in class_folders(root) if not is_mask_folder(path.name)]
    words = {name: word for name in folders if not split_name(name) and (word := split_word(name))}
    labels = {record.label for record in photographs}
    names = {name for name in labels if split_name(name) or is_like_split(name)}
    if len(set(words.values())) > 1:
        names |= words.keys()
    if not names:
        names = _splits_below(root, photographs)
    if names:
        raise ValueError(
            f"{root} has the folders {', '.join(sorted(names))}, which seem to be splits: call them"
            f" train, val and test, directly in {root}, or write a metadata.csv with a column"
            f" split; or {SURE}."
        )


def _splits_below(root: Path, photographs: Sequence[PhotoRecord]) -> set[str]:
    """The folders below those of classes that are called like splits, if there are several."""
    names = {
        name
        for folder in {record.path.parent for record in photographs}
        for name in folder.relative_to(root).parts[1:]
        if split_name(name)
    }
    return names if len(set(map(split_name, names))) > 1 else set()


def _check_classes(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Whether folders are called as those that hold photographs of all classes, or as these."""
    labels = {record.label for record in photographs}
    images = sorted(name for name in labels if is_container(name))
    if images and labels != {FLAT}:
        others = name_some(sorted(labels.difference(images)))
        raise ValueError(
            f"{root} has the folder {images[0]}, which may hold any class, beside {others}: move"
            f" its photographs into folders of classes; or {SURE}."
        )
    of_ids = len(labels) > 1 and all(map(is_id, labels))
    of_each = of_ids and labels <= {record.path.stem for record in photographs}
    if of_each or all(map(is_like_group, labels)):
        raise ValueError(
            f"{root} has a folder for each {'photograph' if of_each else 'patient'}, as"
            f" {min(labels)}, and none for a class: write a metadata.csv with the columns"
            f" file_name, label and patient_id; or {SURE}."
        )


def _warn_of_depth(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Warn if all is in one class, which has folders of its own that may be the classes."""
    labels = {(record.split, record.label) for record in photographs}
    folders = [path for path in class_folders(root) if (None, clean(path.name)) in labels]
    inner = class_folders(folders[0]) if len(labels) == len(folders) == 1 else []
    inner = [path for path in inner if not is_mask_folder(path.name)]
    if len(inner) > 1 and all(record.path.parent != folders[0] for record in photographs):
        names = name_some(path.name for path in inner)
        warn_caller(
            f"{root} has one class, {folders[0].name!r}: if the classes are {names}, open"
            f" {folders[0]}."
        )


def _warn_of_repeats(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Warn if all classes hold folders of the same names, which may be the classes, as those of
    several clinics or years."""
    inner: dict[str, set[str]] = {}
    for record in photographs:
        parts = record.path.relative_to(root).parts
        if record.split is not None or len(parts) < 3 or clean(parts[0]) != record.label:
            return
        inner.setdefault(record.label, set()).add(parts[1])
    first = next(iter(inner.values()), set())
    is_repeated = len(inner) > 1 and all(names == first for names in inner.values())
    if is_repeated and (len(first) > 1 or split_name(*first) is not None):
        names, outer = name_some(sorted(first)), name_some(inner)
        warn_caller(
            f"{root}: the classes {outer} all hold the folders {names}. If those are the classes,"
            f" or splits, open each of {outer} by itself; or {SURE}."
        )


def warn_of_siblings(root: Path, classes: Collection[str]) -> None:
    """Warn if the folder is one split of several, and another has other classes."""
    root = Path(os.path.abspath(root))
    if is_container(root.name):
        root = root.parent
    split = split_name(root.name)
    if split is None or not classes:
        return
    with suppress(OSError, ValueError):
        for other in split_folders(root.parent):
            others = set() if other == root else _classes_in(other) - set(classes)
            if others:
                warn_caller(
                    f"{other} has classes that {root.name} lacks ({name_some(sorted(others))}), so"
                    f" the two number them differently: open {root.parent} with split={split!r}."
                )


def _classes_in(folder: Path) -> set[str]:
    """The classes of a split, by its table or its folders."""
    if tables := find_metadata(folder):
        # The labels alone: the photographs of a split that was not opened need not be looked for.
        return {row["label"] for table in tables for row in read_table(table, "label")}
    folders = [path for path in class_folders(folder) if not is_mask_folder(path.name)]
    if folders and all(is_container(path.name) for path in folders):
        folders = [path for container in folders for path in class_folders(container)]
    return {clean(path.name) for path in folders}
