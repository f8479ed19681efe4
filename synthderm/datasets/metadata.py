"""`metadata.csv`: this library's own layout, and that of Hugging Face's imagefolder."""

import os
from collections.abc import Set
from pathlib import Path

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.finding import RelativeFiles, has_image, require_files
from synthderm.datasets.names import is_mask_folder, split_name
from synthderm.datasets.records import PhotoRecord, hash_split, parse_fitzpatrick
from synthderm.datasets.tables import Row, read_table
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
    photographs = []
    for table in find_metadata(root):
        rows = read_table(table, "file_name", "label", optional=OPTIONAL)
        _check_rows(rows, table)
        finder = RelativeFiles(table.parent)
        names = [row["file_name"] for row in rows]
        images = require_files(rows, names, finder.find, str(table.parent))
        masked = [row for row in rows if row.get("mask_file_name")]
        mask_names = [row["mask_file_name"] for row in masked]
        found = require_files(masked, mask_names, finder.find, str(table.parent), "masks")
        masks = dict(zip((row.line for row in masked), found))
        _warn_of_unnamed(table, finder.top_folders())
        for row, image, split in zip(rows, images, _splits(root, table, rows)):
            photographs.append(
                PhotoRecord(
                    image,
                    row["label"],
                    mask=masks.get(row.line),
                    split=split,
                    group=_group(row),
                    tone=parse_fitzpatrick(row.get("fitzpatrick")),
                    row=row,
                )
            )
    return photographs


def _check_rows(rows: list[Row], table: Path) -> None:
    """Refuse columns that would be passed over though they are likely meant, and labels that are
    empty or a list; other columns may be empty."""
    for column in rows[0]:
        meant = MEANT.get(column.strip().lower().replace(" ", "_").replace("-", "_"))
        if meant is not None and column != meant and meant not in rows[0]:
            raise ValueError(
                f"{table} has a column {column!r}, which is not read: call it {meant!r} if it is"
                " that, or give it another name."
            )
    for row in rows:
        if row["label"].lower() in BLANKS:
            raise ValueError(
                f"{row.place}: label is {row['label']!r}, an empty cell; fill it in or delete the"
                " row."
            )
        if row["label"][0] in "[{":
            raise ValueError(
                f"{row.place}: label is {row['label']!r:.60}, a list; it must be the name of one"
                " class."
            )
    for column in OPTIONAL:
        for text in {row.get(column, "") for row in rows}:
            if text.lower() in BLANKS:
                for row in rows:
                    if row.get(column) == text:
                        row[column] = ""


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


def _group(row: Row) -> str | None:
    return next((row[column] for column in GROUPS if row.get(column)), None)


def _splits(root: Path, table: Path, rows: list[Row]) -> list[str | None]:
    """The split of each row."""
    if any(row.get("split") for row in rows):
        unnamed = [row for row in rows if not row.get("split")]
        if unnamed:
            warn_caller(
                f"{unnamed[0].place} and {len(unnamed) - 1} more have no split: they are in none."
            )
        return [split_name(row.get("split", "")) or row.get("split") or None for row in rows]
    if table.parent != root:
        return [split_name(table.parent.name)] * len(rows)
    # Hugging Face's table of the whole names files as in "train/1.png".
    firsts = [split_name(row["file_name"].replace("\\", "/").split("/")[0]) for row in rows]
    if any(firsts):
        return firsts
    if any(map(_group, rows)):
        return [hash_split(_group(row) or row["file_name"]) for row in rows]
    return [None] * len(rows)
