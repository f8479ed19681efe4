"""`metadata.csv`: this library's own layout, and that of Hugging Face's imagefolder."""

import os
import re
from collections.abc import Sequence, Set
from itertools import repeat
from pathlib import Path

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.finding import RelativeFiles, find_named, has_image, require_files
from synthderm.datasets.names import is_mask_folder, split_name
from synthderm.datasets.records import PhotoRecord, Tone, hash_split, parse_fitzpatrick
from synthderm.datasets.rows import Table
from synthderm.datasets.tables import read_table
from synthderm.files import is_litter

TABLES = ("metadata.csv", "metadata.jsonl")
UNREAD = (
    *("metadata.parquet", "metadata.xlsx", "metadata.xls", "metadata.ods", "metadata.tsv"),
    *("metadata.feather", "metadata.pkl", "metadata.csv.gz", "metadata.csv.zip"),
)
# Columns of what must not be parted by a split, the first that has a value.
GROUPS = ("patient_id", "lesion_id", "case_id", "subject_id", "group")
OPTIONAL = ("mask_file_name", "split", "fitzpatrick", *GROUPS)
# Names of columns that are likely meant as one that is read; compared in lower case, with _ for
# spaces and dashes.
MEANT = {
    **{name: name for name in ("split", *GROUPS)},
    **dict.fromkeys(("set", "fold", "partition"), "split"),
    **dict.fromkeys(("patient", "patientid", "pid", "participant_id"), "patient_id"),
    **dict.fromkeys(("subject", "subjectid"), "subject_id"),
}
BLANKS = ("nan", "na", "n/a", "#n/a", "<na>", "null")  # what programs write for an empty cell


def find_metadata(root: Path) -> list[Path]:
    """The tables `metadata.csv` or `metadata.jsonl`: of the folder, or else one in each split.

    Raises:
        ValueError: there is such a table in a format that is not read, or in some of the splits.
    """
    own = _table_in(root)
    folders = {path: _table_in(path) for path in split_folders(root)}
    tables = [table for table in folders.values() if table is not None]
    if own is not None:
        if tables:
            warn_caller(f"{own} is read, and {', '.join(map(str, tables))} are not.")
        return [own]
    without = [str(path) for path, table in folders.items() if table is None]
    if tables and without:
        raise ValueError(
            f"{tables[0]} is there, but {without[0]} has no {tables[0].name}: each split needs its"
            " own."
        )
    return tables


def split_folders(root: Path) -> dict[Path, str]:
    """The sub-folders that are splits ("train", "Valid", "test"), and which.

    Raises:
        ValueError: two of them are the same split, or the same folder.
    """
    folders: dict[Path, str] = {}
    for path in sorted(root.iterdir()):
        split = split_name(path.name)
        if split is None or not path.is_dir():
            continue
        for other, taken in folders.items():
            if split == taken or path.samefile(other):
                raise ValueError(
                    f"{root} has {other.name} and {path.name}, which are the same split or the same"
                    " folder: keep one."
                )
        folders[path] = split
    return folders


def _table_in(folder: Path) -> Path | None:
    names = {name.lower(): folder / name for name in sorted(os.listdir(folder))}
    tables = [names[name] for name in TABLES if name in names and names[name].is_file()]
    unread = [names[name] for name in UNREAD if name in names]
    if unread and not tables:
        raise ValueError(f"{unread[0]} is not read; save it as {folder / TABLES[0]}.")
    if len(tables) + len(unread) > 1:
        others = ", ".join(path.name for path in (*tables[1:], *unread))
        warn_caller(f"{tables[0]} is read, and {others} beside it is not.")
    return tables[0] if tables else None


def metadata_csv(root: Path) -> list[PhotoRecord]:
    """This library's own layout, which `synthderm render` writes, and Hugging Face's.

    Files: `metadata.csv` (or `metadata.jsonl`) with columns `file_name` and `label`, and, where
    there are any, `mask_file_name`, `split`, `patient_id`, `lesion_id`, `case_id`, `subject_id` or
    `group`, `fitzpatrick`. Paths are relative to the table's folder. The table is in the folder, or
    one in each of its sub-folders `train`, `val` and `test`.

    Splits: the column `split`; or else the folders of the names of the splits; or else, if there
    are ids, a hash of them.

    Source of Hugging Face's layout: huggingface.co/docs/datasets/image_dataset.
    """
    return [record for table in find_metadata(root) for record in _read(table, root)]


def _read(path: Path, root: Path) -> list[PhotoRecord]:
    """The photographs that one table of a folder names."""
    table = read_table(path, "file_name", "label", optional=OPTIONAL)
    _check_cells(table)
    images, masks = _find_files(table)
    groups, labels, lines = _groups(table), table.columns["label"], table.lines
    splits, tones = _splits(root, table, groups), _tones(table)
    del table  # whose names of files take much memory
    tables = repeat(path)
    return list(map(PhotoRecord, images, labels, masks, splits, groups, tones, tables, lines))


def _find_files(table: Table) -> tuple[list[str], list[str | None]]:
    """The photograph and the mask of each row."""
    finder, folder = RelativeFiles(table.path.parent), str(table.path.parent)
    images = require_files(table, table.columns["file_name"], finder.find, folder)
    masks: list[str | None] = [None] * len(table)
    if names := table.columns.get("mask_file_name"):
        masks = find_named(table, names, finder.find, folder, "masks")
    _warn_of_unnamed(table.path, finder.top_folders())
    return images, masks


def _check_cells(table: Table) -> None:
    """Refuse columns that would be passed over though they are likely meant, and labels that are
    empty or a list; other columns may be empty."""
    for column in table.names:
        meant = MEANT.get(column.lower().replace(" ", "_").replace("-", "_"))
        if meant is not None and column != meant and meant not in table.names:
            raise ValueError(
                f"{table.path} has a column {column!r}, which is not read: call it {meant!r} if it"
                " is that, or give it another name."
            )
    labels = table.columns["label"]
    for label in dict.fromkeys(labels):  # in the order of the rows
        if label.lower() in BLANKS:
            problem = "an empty cell; fill it in or delete the row"
        elif label[0] in "[{":
            problem = "a list; it must be the name of one class"
        else:
            continue
        raise ValueError(f"{table[labels.index(label)].place}: label is {label!r:.60}, {problem}.")
    for column in table.columns.keys() & {*OPTIONAL}:
        cells = table.columns[column]
        if blanks := {text for text in set(cells) if text.lower() in BLANKS}:
            table.columns[column] = ["" if text in blanks else text for text in cells]


def _warn_of_unnamed(table: Path, named: Set[str]) -> None:
    """Warn of folders beside a table with photographs of which it names none: they look like
    classes, or like a part that was forgotten."""
    others = [
        path
        for path in sorted(table.parent.iterdir())
        if path.name not in named
        and path.is_dir()
        and not is_litter(path.name)
        and not is_mask_folder(path.name)
        and has_image(path)
    ]
    if others:
        warn_caller(f"{table} names no photograph in {name_some(others)}: left out.")


def _groups(table: Table) -> list[str | None]:
    """The group of each row."""
    groups: list[str | None] = [None] * len(table)
    for column in reversed(GROUPS):
        if column in table.columns:
            groups = [own or other for own, other in zip(table.columns[column], groups)]
    return groups


def _tones(table: Table) -> list[Tone]:
    """The skin tone of each row."""
    cells = table.columns.get("fitzpatrick")
    if cells is None:
        return [{}] * len(table)
    known = {cell: parse_fitzpatrick(cell) for cell in set(cells)}
    return [dict(known[cell]) for cell in cells]


def _splits(root: Path, table: Table, groups: Sequence[str | None]) -> Sequence[str | None]:
    """The split of each row."""
    cells = table.columns.get("split", [])
    if any(cells):
        unnamed = cells.count("")
        if unnamed:
            warn_caller(
                f"{table[cells.index('')].place} names no split, as {unnamed} of {len(cells)} rows:"
                " they are in none."
            )
        known = {cell: split_name(cell) or cell or None for cell in set(cells)}
        return [known[cell] for cell in cells]
    if table.path.parent != root:
        return [split_name(table.path.parent.name)] * len(table)
    # Hugging Face's table of the whole names files as in "train/1.png".
    tops = [re.split(r"[\\/]", name, maxsplit=1)[0] for name in table.columns["file_name"]]
    names = {top: split_name(top) for top in set(tops)}
    if any(names.values()):
        return [names[top] for top in tops]
    if any(groups):
        files = table.columns["file_name"]
        ids = [group or file for group, file in zip(groups, files)]
        hashed = {name: hash_split(name) for name in set(ids)}
        return [hashed[name] for name in ids]
    return [None] * len(table)
