"""How collections of skin photographs lie on disk, as published: one function reads one layout.

`read_layout` recognises the layout by its tables. If a layout has patients, lesions, cases or
subjects but no official splits, a hash of that id decides: 70% of the ids are in "train", 15% in
"val" and 15% in "test", the same on every machine, and none in two splits.

Columns were checked against the published tables, or, if these could not be had, against the papers
and public code that reads them; each function names its source.
"""

import os
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple

from synthderm.callers import warn_caller
from synthderm.datasets import isic
from synthderm.datasets.finding import check_root, find_files, require_files
from synthderm.datasets.metadata import find_metadata, metadata_csv
from synthderm.datasets.records import PhotoRecord, Tone, hash_split, parse_fitzpatrick
from synthderm.datasets.rows import Row
from synthderm.datasets.scin import keep_fetched, scin, scin_table
from synthderm.datasets.tables import read_columns, read_table
from synthderm.datasets.trees import image_folder

FITSPATRICK, SKIN_COLOR = "fitspatrick", "skinColor"
TONES = (FITSPATRICK, SKIN_COLOR)


def ham10000(root: Path) -> list[PhotoRecord]:
    """HAM10000.

    Files: `HAM10000_metadata.csv` (or `HAM10000_metadata`, or Dataverse's `.tab`) with lesion_id,
    image_id, dx, dx_type, age, sex, localization and, in newer versions, dataset; photographs in
    `HAM10000_images_part_1` and `_2`; masks, if they were fetched, in
    `HAM10000_segmentations_lesion_tschandl/<image_id>_segmentation.png`.

    Classes are dx: akiec, bcc, bkl, df, mel, nv, vasc. Split by lesion_id: many lesions were
    photographed more than once.

    Source: Tschandl, Rosendahl and Kittler, Sci Data 5:180161 (2018), doi 10.7910/DVN/DBW86T. For
    non-commercial use; the terms are there.
    """
    return _read_by_group(
        _ham_table(root),
        ("image_id", "dx", "lesion_id"),
        folders=("HAM10000_images_part_*", isic.HAM_MASKS),
        where="HAM10000_images_part_1 or _2",
        suffix=".jpg",
    )


def pad_ufes_20(root: Path) -> list[PhotoRecord]:
    """PAD-UFES-20.

    Files: `metadata.csv` with patient_id, lesion_id, diagnostic, img_id, fitspatrick (so spelt) and
    21 more columns; photographs in `imgs_part_1` to `imgs_part_3`, beside the table or in `images`.

    Classes are diagnostic: ACK, BCC, MEL, NEV, SCC, SEK. Split by patient_id. No masks are
    published.

    Source: Pacheco et al., Data in Brief 32:106221 (2020), table 1; doi 10.17632/zr7vgbcyr2.1.
    CC BY 4.0.
    """
    return _read_by_group(
        root / "metadata.csv",
        ("img_id", "diagnostic", "patient_id"),
        folders=("imgs_part_*", "images"),
        where="imgs_part_1, _2 or _3",
        tone=lambda row: parse_fitzpatrick(row.get(FITSPATRICK)),
    )


def hands_11k(root: Path) -> list[PhotoRecord]:
    """11k Hands.

    Files: `HandInfo.csv` with id, age, gender, skinColor, accessories, nailPolish, aspectOfHand,
    imageName, irregularities; photographs in `Hands`.

    Classes are aspectOfHand: dorsal or palmar, left or right. Split by id, the person.

    Source: Afifi, Multimedia Tools and Applications (2019), doi 10.1007/s11042-019-7424-8,
    sites.google.com/view/11khands. For "reasonable academic fair use".
    """
    return _read_by_group(
        root / "HandInfo.csv",
        ("imageName", "aspectOfHand", "id"),
        folders=("Hands",),
        where="Hands",
        tone=lambda row: {"skin_color": row[SKIN_COLOR]} if row.get(SKIN_COLOR) else {},
    )


def _read_by_group(
    table: Path,
    columns: tuple[str, str, str],
    *,
    folders: tuple[str, ...],
    where: str,
    suffix: str = "",
    tone: Callable[[Row], Tone] = lambda row: {},
) -> list[PhotoRecord]:
    """One table of photographs, split by a hash of their group.

    Args:
        table: the file.
        columns: those of the photograph's file, its class and its group.
        folders: where photographs and masks are, with wildcards.
        where: the same, in words.
        suffix: what the table leaves out of the file's name.
        tone: the skin tone that a row tells.
    """
    image_column, label_column, group_column = columns
    rows = read_table(table, *columns, optional=TONES)
    files = find_files(table.parent, *folders)
    names = [row[image_column] + suffix for row in rows]
    return [
        PhotoRecord(
            image,
            row[label_column],
            mask=files.find(f"{Path(image).stem}_segmentation.png"),
            split=hash_split(row[group_column]),
            group=row[group_column],
            tone=tone(row),
            table=row.path,
            line=row.line,
        )
        for row, image in zip(rows, require_files(rows, names, files.find_copy, where))
    ]


class Contents(NamedTuple):
    """What was read of a folder.

    Args:
        layout: the name of the layout.
        photographs: those that are there, of all splits.
        labels: the classes of the whole collection, also of photographs that are not there.
    """

    layout: str
    photographs: list[PhotoRecord]
    labels: set[str]

    @classmethod
    def of(cls, layout: str, photographs: list[PhotoRecord]) -> "Contents":
        """Contents whose photographs are all there."""
        return cls(layout, photographs, {record.label for record in photographs})


class Layout(NamedTuple):
    """How a collection is recognised and read.

    Args:
        name: of the collection.
        find: its table in a folder; None where it is not there.
        read: the photographs of a folder that has the table.
    """

    name: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path], list[PhotoRecord]]


def _ham_table(root: Path) -> Path:
    tables = [root / f"HAM10000_metadata{suffix}" for suffix in (".csv", "", ".tab")]
    return next(filter(Path.is_file, tables), tables[0])


def _pad_table(root: Path) -> Path | None:
    table = root / "metadata.csv"
    columns = set(read_columns(table)) if table.is_file() else set()
    return table if "file_name" not in columns and columns & {"img_id", "diagnostic"} else None


def _own_table(root: Path) -> Path | None:
    return None if _pad_table(root) else next(iter(find_metadata(root)), None)


# In the order of precedence.
LAYOUTS = (
    Layout("PAD-UFES-20", _pad_table, pad_ufes_20),
    Layout("metadata.csv", _own_table, metadata_csv),
    Layout("HAM10000", _ham_table, ham10000),
    Layout("ISIC 2017", partial(isic.find_table, name=isic.TABLE_2017), isic.isic_2017),
    Layout("ISIC 2018", partial(isic.find_table, name=isic.TABLE_2018), isic.isic_2018),
    Layout("ISIC 2018 task 1", isic.task1_folder, isic.isic_2018_task1),
    Layout("ISIC 2019", partial(isic.find_table, name=isic.TABLE_2019), isic.isic_2019),
    Layout("ISIC 2020", isic.table_2020, isic.isic_2020),
    Layout("SCIN", scin_table, scin),
    Layout("11k Hands", lambda root: root / "HandInfo.csv", hands_11k),
)


def find_layouts(root: Path) -> dict[str, Path]:
    """The names of the layouts whose tables are in a folder, with the tables."""
    found = {layout.name: layout.find(root) for layout in LAYOUTS}
    return {name: path for name, path in found.items() if path is not None and path.exists()}


def read_layout(
    root: str | os.PathLike[str],
    min_weight: float | None = None,
    class_folders: Collection[str] = (),
) -> Contents:
    """What is in a folder, of all splits.

    Args:
        root: the folder; `~` is the home folder.
        min_weight: for SCIN alone, see `scin`; its default where None.
        class_folders: for `ImageFolder` alone: names of folders that are those of classes, whatever
            they are called.

    Raises:
        FileNotFoundError: there is no such folder, or a table names a file that is not there.
        ValueError: a column is missing, a row contradicts itself, there are no images, or
            `min_weight` is given for another layout.
    """
    root = check_root(root)
    found = find_layouts(root)
    name = next(iter(found), "ImageFolder")
    if min_weight is not None and name != "SCIN":
        raise ValueError(
            f"min_weight={min_weight!r} is for SCIN's weighted labels; {root} is read as {name}:"
            " leave it out."
        )
    if len(found) > 1 and name != "metadata.csv":  # which somebody has written for this folder
        others = ", ".join(f"{other} ({path.name})" for other, path in list(found.items())[1:])
        warn_caller(f"{root} is read as {name}; it holds {others} too, which is not read.")
    if name == "ImageFolder":
        return Contents.of(name, image_folder(root, class_folders))
    if name == "SCIN":
        named = scin(root, min_weight)
        return Contents.of(name, named)._replace(photographs=keep_fetched(named, root))
    readers = {layout.name: layout.read for layout in LAYOUTS}
    photographs = readers[name](root)
    if not photographs:
        raise ValueError(
            f"{found[name]} looks like a part of {name}, but none of its parts that are known has"
            f" photographs in {root}."
        )
    return Contents.of(name, photographs)
