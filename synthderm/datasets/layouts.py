"""How collections of skin photographs lie on disk, as published: one function reads one layout.

`read_layout` recognises the layout by its files. If a layout has patients, lesions, cases or
subjects but no official splits, a hash of that id decides: 70% of the ids are in "train", 15% in
"val" and 15% in "test", the same on every machine, and none in two splits.

Columns were checked against the published tables, or, if these could not be had, against the papers
and public code that reads them; each function names its source.
"""

import os
from collections.abc import Callable
from pathlib import Path

from synthderm.datasets.scin import scin, scin_folder
from synthderm.datasets.tables import (
    PhotoRecord,
    find_files,
    hash_split,
    parse_fitzpatrick,
    read_table,
    require_files,
)

ISIC_SPLITS = {"Training": "train", "Validation": "val", "Test_v2": "test"}
ISIC_CLASSES = ("melanoma", "seborrheic_keratosis")  # nevus is neither


def read_layout(
    root: str | os.PathLike[str], min_weight: float | None = None
) -> tuple[str, list[PhotoRecord]] | None:
    """The name of the layout and its photographs, of all splits.

    Args:
        root: the folder.
        min_weight: for SCIN alone, see `scin`; its default where None.

    Returns:
        None if no layout is recognised, as for an ImageFolder.

    Raises:
        FileNotFoundError: a table names a file that is not there.
        ValueError: a column is missing, a row contradicts itself, or `min_weight` is given for
            another layout.
    """
    root = Path(root)
    layout = _find_layout(root)
    name = "ImageFolder" if layout is None else layout[0]
    if min_weight is not None:
        if name != "SCIN":
            raise ValueError(
                f"min_weight={min_weight!r} is for SCIN's weighted labels; {root} is read as"
                f" {name}: leave it out."
            )
        return name, scin(root, min_weight)
    return None if layout is None else (name, layout[1](root))


def _find_layout(root: Path) -> tuple[str, Callable[[Path], list[PhotoRecord]]] | None:
    """The name of the layout and the function that reads it, by the files in the folder."""
    if (root / "metadata.csv").is_file():
        columns = set(read_table(root / "metadata.csv")[0])
        is_pad = "file_name" not in columns and columns & {"img_id", "diagnostic"}
        return ("PAD-UFES-20", pad_ufes_20) if is_pad else ("metadata.csv", metadata_csv)
    if _ham_table(root).is_file():
        return "HAM10000", ham10000
    if any(root.glob("ISIC-2017_*_Part3_GroundTruth.csv")):
        return "ISIC 2017", isic_2017
    if (scin_folder(root) / "scin_cases.csv").is_file():
        return "SCIN", scin
    if (root / "HandInfo.csv").is_file():
        return "11k Hands", hands_11k
    return None


def metadata_csv(root: Path) -> list[PhotoRecord]:
    """This library's own layout, which `synthderm render` writes.

    Files: `metadata.csv` with columns `file_name` and `label`, and, where there are any,
    `mask_file_name`, `split`, `patient_id` or `lesion_id`, `fitzpatrick`. Paths are relative to the
    folder.
    """
    return [
        PhotoRecord(
            root / row["file_name"],
            row["label"],
            mask=root / row["mask_file_name"] if row.get("mask_file_name") else None,
            split=row.get("split") or None,
            group=row.get("patient_id") or row.get("lesion_id") or None,
            tone=parse_fitzpatrick(row.get("fitzpatrick")),
        )
        for row in read_table(root / "metadata.csv", "file_name", "label")
    ]


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
    table = _ham_table(root)
    rows = read_table(table, "lesion_id", "image_id", "dx")
    files = find_files(root, "HAM10000_images_part_*", "HAM10000_segmentations_lesion_tschandl")
    names = [f"{row['image_id']}.jpg" for row in rows]
    images = require_files(files, names, table, "HAM10000_images_part_1 or _2")
    return [
        PhotoRecord(
            image,
            row["dx"],
            mask=files.get(f"{row['image_id']}_segmentation.png"),
            split=hash_split(row["lesion_id"]),
            group=row["lesion_id"],
        )
        for row, image in zip(rows, images)
    ]


def _ham_table(root: Path) -> Path:
    tables = [root / f"HAM10000_metadata{suffix}" for suffix in (".csv", "", ".tab")]
    return next(filter(Path.is_file, tables), tables[0])


def isic_2017(root: Path) -> list[PhotoRecord]:
    """ISIC 2017.

    Files, for Training, Validation and Test_v2 (those that are there): the table
    `ISIC-2017_*_Part3_GroundTruth.csv` with image_id, melanoma and seborrheic_keratosis (1.0 or
    0.0; nevus if both are 0); photographs in `ISIC-2017_*_Data`; and masks, if they were fetched,
    in `ISIC-2017_*_Part1_GroundTruth/<image_id>_segmentation.png`.

    The splits are the challenge's. The tables name no patients or lesions.

    Source: Codella et al., arXiv 1710.05006 (2017), challenge.isic-archive.com/data. CC0 1.0.
    """
    photographs = []
    for part, split in ISIC_SPLITS.items():
        table = root / f"ISIC-2017_{part}_Part3_GroundTruth.csv"
        if not table.is_file():
            continue
        rows = read_table(table, "image_id", *ISIC_CLASSES)
        folder = f"ISIC-2017_{part}_Data"
        files = find_files(root, folder, f"ISIC-2017_{part}_Part1_GroundTruth")
        names = [f"{row['image_id']}.jpg" for row in rows]
        for row, image in zip(rows, require_files(files, names, table, folder)):
            classes = [name for name in ISIC_CLASSES if float(row[name]) == 1]
            if len(classes) == 2:
                raise ValueError(
                    f"{table}: {row['image_id']} is marked melanoma and seborrheic_keratosis; it"
                    " can be one of them."
                )
            label = classes[0] if classes else "nevus"
            mask = files.get(f"{row['image_id']}_segmentation.png")
            photographs.append(PhotoRecord(image, label, mask=mask, split=split))
    return photographs


def pad_ufes_20(root: Path) -> list[PhotoRecord]:
    """PAD-UFES-20.

    Files: `metadata.csv` with patient_id, lesion_id, diagnostic, img_id, fitspatrick (so spelt) and
    21 more columns; photographs in `imgs_part_1` to `imgs_part_3`, beside the table or in `images`.

    Classes are diagnostic: ACK, BCC, MEL, NEV, SCC, SEK. Split by patient_id. No masks are
    published.

    Source: Pacheco et al., Data in Brief 32:106221 (2020), table 1; doi 10.17632/zr7vgbcyr2.1.
    CC BY 4.0.
    """
    table = root / "metadata.csv"
    rows = read_table(table, "patient_id", "diagnostic", "img_id")
    files = find_files(root, "imgs_part_*", "images")
    images = require_files(files, [row["img_id"] for row in rows], table, "imgs_part_1, _2 or _3")
    return [
        PhotoRecord(
            image,
            row["diagnostic"],
            split=hash_split(row["patient_id"]),
            group=row["patient_id"],
            tone=parse_fitzpatrick(row.get("fitspatrick")),
        )
        for row, image in zip(rows, images)
    ]


def hands_11k(root: Path) -> list[PhotoRecord]:
    """11k Hands.

    Files: `HandInfo.csv` with id, age, gender, skinColor, accessories, nailPolish, aspectOfHand,
    imageName, irregularities; photographs in `Hands`.

    Classes are aspectOfHand: dorsal or palmar, left or right. Split by id, the person.

    Source: Afifi, Multimedia Tools and Applications (2019), doi 10.1007/s11042-019-7424-8,
    sites.google.com/view/11khands. For "reasonable academic fair use".
    """
    table = root / "HandInfo.csv"
    rows = read_table(table, "id", "aspectOfHand", "imageName")
    files = find_files(root, "Hands")
    images = require_files(files, [row["imageName"] for row in rows], table, "Hands")
    return [
        PhotoRecord(
            image,
            row["aspectOfHand"],
            split=hash_split(row["id"]),
            group=row["id"],
            tone={"skin_color": row["skinColor"]} if row.get("skinColor") else {},
        )
        for row, image in zip(rows, images)
    ]
