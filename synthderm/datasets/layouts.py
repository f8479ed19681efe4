"""How collections of skin photographs lie on disk, as published: each function reads one layout to
rows.

`read_rows` finds out which it is by the files. Where a layout has patients, lesions, cases or
subjects but no official
splits, they are split by a hash of that id: 70 % of them to "train", 15 % to "val" and 15 % to
"test", the same on every machine, and none in two splits. Columns were checked against the
published tables, or where these could not be had, against the papers and public code that reads
them; each function names its source.
"""

import ast
import csv
import hashlib
import os
import re
import warnings
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean, median_low
from typing import NamedTuple

from synthderm.imaging.io import list_images

TRAIN, VAL = 0.70, 0.15  # shares of the groups; the rest is "test"


class Row(NamedTuple):
    """A photograph: its files, class, split ("train", "val", "test" or None), group, and skin tone.

    `group` is the patient, lesion, case or subject, where known: no group is in two splits. `tone`
    has what the source
    says of the skin tone, by scale: "fitzpatrick" (1 to 6), "monk" (1 to 10) or "skin_color"
    (words); often nothing.
    """

    image: Path
    label: str
    mask: Path | None = None
    split: str | None = None
    group: str | None = None
    tone: dict[str, float | str] = {}


def read_rows(
    root: str | os.PathLike, min_weight: float | None = None
) -> tuple[str, list[Row]] | None:
    """The name of the layout and its rows, all splits; None where no layout is known, as for an
    ImageFolder.

    Args:
        root: the folder.
        min_weight: for SCIN alone, see `scin`; its default where None.

    Raises:
        FileNotFoundError: a table names a file that is not there.
        ValueError: a column is missing, a row contradicts itself, or `min_weight` is given for
            another layout.
    """
    root = Path(root)
    name, read = _find_layout(root)
    if min_weight is not None:
        if name != "SCIN":
            raise ValueError(
                f"min_weight={min_weight!r} is for SCIN's weighted labels; {root} is read as"
                f" {name or 'ImageFolder'}: leave it out."
            )
        return name, scin(root, min_weight)
    return None if read is None else (name, read(root))


def _find_layout(root: Path):
    """Name and function, by the files; (None, None) where there are none of these."""
    if (root / "metadata.csv").is_file():
        columns = set(_header(root / "metadata.csv"))
        is_pad = "file_name" not in columns and columns & {"img_id", "diagnostic"}
        return ("PAD-UFES-20", pad_ufes_20) if is_pad else ("metadata.csv", metadata_csv)
    if _ham_table(root):
        return "HAM10000", ham10000
    if any(root.glob("ISIC-2017_*_Part3_GroundTruth.csv")):
        return "ISIC 2017", isic_2017
    if (_scin_folder(root) / "scin_cases.csv").is_file():
        return "SCIN", scin
    if (root / "HandInfo.csv").is_file():
        return "11k Hands", hands_11k
    return None, None


def metadata_csv(root: Path) -> list[Row]:
    """This library's own layout, which `synthderm render` writes: `metadata.csv` with columns
    `file_name` and `label`, paths relative to the folder; where there are any, `mask_file_name`,
    `split`, `patient_id` or `lesion_id`, `fitzpatrick`."""
    return [
        Row(
            root / row["file_name"],
            row["label"],
            root / row["mask_file_name"] if row.get("mask_file_name") else None,
            row.get("split") or None,
            row.get("patient_id") or row.get("lesion_id") or None,
            _fitzpatrick(row.get("fitzpatrick")),
        )
        for row in _read_table(root / "metadata.csv", "file_name", "label")
    ]


def ham10000(root: Path) -> list[Row]:
    """HAM10000: `HAM10000_metadata.csv` (or `HAM10000_metadata`, or Dataverse's `.tab`) with
    lesion_id, image_id, dx, dx_type, age, sex, localization and in newer versions dataset;
    photographs in `HAM10000_images_part_1` and `_2`; masks, where they were fetched, in
    `HAM10000_segmentations_lesion_tschandl/<image_id>_segmentation.png`.

    Classes are dx: akiec, bcc, bkl, df, mel, nv, vasc. Split by lesion_id: many lesions were
    photographed more than once.

    Source: Tschandl, Rosendahl and Kittler, Sci Data 5:180161 (2018), doi 10.7910/DVN/DBW86T. For
    non-commercial use; the terms are there.
    """
    table = _ham_table(root)
    rows = _read_table(table, "lesion_id", "image_id", "dx")
    files = _find_files(root, "HAM10000_images_part_*", "HAM10000_segmentations_lesion_tschandl")
    images = _require(
        files, [f"{row['image_id']}.jpg" for row in rows], table, "HAM10000_images_part_1 or _2"
    )
    return [
        Row(
            image,
            row["dx"],
            files.get(f"{row['image_id']}_segmentation.png"),
            hash_split(row["lesion_id"]),
            row["lesion_id"],
        )
        for row, image in zip(rows, images)
    ]


def isic_2017(root: Path) -> list[Row]:
    """ISIC 2017: for Training, Validation and Test_v2 (those that are there) the table
    `ISIC-2017_*_Part3_GroundTruth.csv` with image_id, melanoma, seborrheic_keratosis (1.0 or 0.0;
    nevus where both are 0), photographs in `ISIC-2017_*_Data`, and masks, where they were fetched,
    in `ISIC-2017_*_Part1_GroundTruth/<image_id>_segmentation.png`.

    The splits are the challenge's. The tables name no patients or lesions.

    Source: Codella et al., arXiv 1710.05006 (2017), challenge.isic-archive.com/data. CC0 1.0.
    """
    found = []
    for part, split in {"Training": "train", "Validation": "val", "Test_v2": "test"}.items():
        table = root / f"ISIC-2017_{part}_Part3_GroundTruth.csv"
        if not table.is_file():
            continue
        rows = _read_table(table, "image_id", "melanoma", "seborrheic_keratosis")
        files = _find_files(root, f"ISIC-2017_{part}_Data", f"ISIC-2017_{part}_Part1_GroundTruth")
        images = _require(
            files, [f"{row['image_id']}.jpg" for row in rows], table, f"ISIC-2017_{part}_Data"
        )
        for row, image in zip(rows, images):
            flags = [name for name in ("melanoma", "seborrheic_keratosis") if float(row[name]) == 1]
            if len(flags) == 2:
                raise ValueError(
                    f"{table}: {row['image_id']} is marked melanoma and seborrheic_keratosis; it"
                    " can be one of them."
                )
            found.append(
                Row(
                    image,
                    flags[0] if flags else "nevus",
                    files.get(f"{row['image_id']}_segmentation.png"),
                    split,
                )
            )
    return found


def pad_ufes_20(root: Path) -> list[Row]:
    """PAD-UFES-20: `metadata.csv` with patient_id, lesion_id, diagnostic, img_id, fitspatrick (so
    spelt) and 21 more columns; photographs in `imgs_part_1` to `imgs_part_3`, beside the table or
    in `images`.

    Classes are diagnostic: ACK, BCC, MEL, NEV, SCC, SEK. Split by patient_id. No masks are
    published.

    Source: Pacheco et al., Data in Brief 32:106221 (2020), table 1; doi 10.17632/zr7vgbcyr2.1. CC
    BY 4.0.
    """
    table = root / "metadata.csv"
    rows = _read_table(table, "patient_id", "diagnostic", "img_id")
    images = _require(
        _find_files(root, "imgs_part_*", "images"),
        [row["img_id"] for row in rows],
        table,
        "imgs_part_1, _2 or _3",
    )
    return [
        Row(
            image,
            row["diagnostic"],
            None,
            hash_split(row["patient_id"]),
            row["patient_id"],
            _fitzpatrick(row.get("fitspatrick")),
        )
        for row, image in zip(rows, images)
    ]


def scin(root: Path, min_weight: float = 0.5) -> list[Row]:
    """SCIN: `dataset/scin_cases.csv` (case_id, image_1_path to image_3_path),
    `dataset/scin_labels.csv` (case_id, weighted_skin_condition_label, skin types) and the
    photographs in `dataset/images`; `root` is the folder around `dataset`, or `dataset` itself.

    A case has up to three photographs and, from up to three dermatologists, conditions with weights
    that sum to 1. Its class is the condition of the highest weight, such as Eczema; a case is left
    out where two conditions share the highest weight, where it is below `min_weight`, or where
    nobody could tell. At the default 0.5, 1,931 of the 5,033 cases are left, 324 of them Eczema; at
    0, 2,136 and 368.

    Split by case; cases that share a photograph are one group, and such a photograph is left out,
    having several labels. One person may have sent several cases, which the tables do not tell.
    Photographs that were not fetched are left out with
    a warning: the whole is large, and the tables show which ones one needs.

    Tone: "fitzpatrick" is the (lower) median of the dermatologists' estimates, "monk" the mean of
    the graders in the US and India.

    Source: Ward et al., JAMA Netw Open 2024;7(11):e2446615,
    github.com/google-research-datasets/scin (dataset_schema.md). The
    photographs are under the SCIN Data Use License: whoever shares them, changed or not, names the
    creators, keeps the copyright notice, refers to the licence and its disclaimer of warranties,
    and says what was changed; nobody may try to re-identify the people.

    Raises:
        ValueError: as `read_rows`, a `min_weight` outside [0, 1], or no photograph at all.
    """
    if not 0 <= min_weight <= 1:
        raise ValueError(f"min_weight={min_weight!r}: weights are in [0, 1].")
    folder = _scin_folder(root)
    paths = [f"image_{k}_path" for k in (1, 2, 3)]
    cases = _read_table(folder / "scin_cases.csv", "case_id", *paths)
    labels = {
        row["case_id"]: row
        for row in _read_table(
            folder / "scin_labels.csv", "case_id", "weighted_skin_condition_label"
        )
    }
    photographs = {
        case["case_id"]: [case[column] for column in paths if case[column]] for case in cases
    }
    owners: dict[str, list[str]] = {}
    for case, names in photographs.items():
        for name in names:
            owners.setdefault(name, []).append(case)
    groups = _join(owners.values())
    rows = []
    for case, names in photographs.items():
        label = labels.get(case, {})
        condition = _leading(case, label.get("weighted_skin_condition_label"), min_weight)
        if condition is None:
            continue
        group = groups.get(case, case)
        tone = _scin_tone(label)
        for name in names:
            if len(owners[name]) == 1:
                rows.append(
                    Row(
                        folder / name.removeprefix("dataset/"),
                        condition,
                        None,
                        hash_split(group),
                        group,
                        tone,
                    )
                )
    here = set((folder / "images").glob("*"))
    kept = [row for row in rows if row.image in here]
    if not kept:
        raise ValueError(
            f"{folder / 'images'} holds none of the {len(rows)} photographs that"
            f" {folder / 'scin_cases.csv'} names with a clear label."
        )
    if len(kept) < len(rows):
        warnings.warn(
            f"{len(rows) - len(kept)} of {len(rows)} SCIN photographs are not in"
            f" {folder / 'images'} and left out.",
            stacklevel=4,
        )
    return kept


def hands_11k(root: Path) -> list[Row]:
    """11k Hands: `HandInfo.csv` with id, age, gender, skinColor, accessories, nailPolish,
    aspectOfHand, imageName, irregularities, and the photographs in `Hands`.

    Classes are aspectOfHand: dorsal or palmar, left or right. Split by id, the person.

    Source: Afifi, Multimedia Tools and Applications (2019), doi 10.1007/s11042-019-7424-8,
    sites.google.com/view/11khands. For "reasonable academic fair use".
    """
    table = root / "HandInfo.csv"
    rows = _read_table(table, "id", "aspectOfHand", "imageName")
    images = _require(
        _find_files(root, "Hands"), [row["imageName"] for row in rows], table, "Hands"
    )
    return [
        Row(
            image,
            row["aspectOfHand"],
            None,
            hash_split(row["id"]),
            row["id"],
            {"skin_color": row["skinColor"]} if row.get("skinColor") else {},
        )
        for row, image in zip(rows, images)
    ]


def hash_split(group: str) -> str:
    """ "train", "val" or "test" for a group id: its SHA-256 as a number in [0, 1), cut at 0.70 and
    0.85."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    return "train" if place < TRAIN else "val" if place < TRAIN + VAL else "test"


def _header(path: Path) -> list[str]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file), [])


def _read_table(path: Path, *needed: str) -> list[dict[str, str]]:
    """The rows of a comma- or tab-separated table that has these columns."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}, which this layout needs.")
    with open(path, newline="", encoding="utf-8-sig") as file:
        is_tab = "\t" in file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter="\t" if is_tab else ",")
        rows, columns = list(reader), reader.fieldnames or []
    for column in needed:
        if column not in columns:
            raise ValueError(
                f"{path} has no column {column!r}; it has:"
                f" {', '.join(sorted(columns)) or 'nothing'}."
            )
    if not rows:
        raise ValueError(f"{path} has no rows.")
    return rows


def _find_files(root: Path, *patterns: str) -> dict[str, Path]:
    """Images by name, in the folders of `root` with such a name, at any depth (archives often
    unpack to a folder within a folder) and in upper or lower case (copies differ)."""
    folders = [
        path
        for path in sorted(root.iterdir())
        if path.is_dir() and any(fnmatch(path.name.lower(), p.lower()) for p in patterns)
    ]
    return {path.name: path for folder in folders for path in list_images(folder)}


def _require(files: dict[str, Path], names: list[str], table: Path, where: str) -> list[Path]:
    missing = [name for name in names if name not in files]
    if missing:
        raise FileNotFoundError(
            f"{table} names {missing[0]}, which is not in {where} ({len(missing)} of {len(names)}"
            " photographs are missing)."
        )
    return [files[name] for name in names]


def _fitzpatrick(text: str | None) -> dict[str, float | str]:
    """A skin type as the tables write it: 3, 3.0 or FST3. Nothing where it is empty or anything
    else."""
    found = re.fullmatch(r"(?:FST)?([1-6])(?:\.0)?", text or "")
    return {"fitzpatrick": int(found[1])} if found else {}


def _ham_table(root: Path) -> Path | None:
    return next(
        (
            path
            for suffix in (".csv", "", ".tab")
            if (path := root / f"HAM10000_metadata{suffix}").is_file()
        ),
        None,
    )


def _scin_folder(root: Path) -> Path:
    return root / "dataset" if (root / "dataset").is_dir() else root


def _leading(case: str, text: str | None, min_weight: float) -> str | None:
    """The condition of the highest weight in "{'Eczema': 0.69, ...}", if it is the only one and
    heavy enough."""
    try:
        weights = ast.literal_eval(text or "{}")
        best = max(weights.values(), default=0.0)
        leaders = [condition for condition, weight in weights.items() if weight == best]
    except (ValueError, SyntaxError, AttributeError, TypeError):
        raise ValueError(
            f"scin_labels.csv: case {case} has weighted_skin_condition_label {text!r}, which is no"
            " list of conditions and weights."
        ) from None
    return leaders[0] if len(leaders) == 1 and best >= min_weight else None


def _scin_tone(label: dict[str, str]) -> dict[str, float | str]:
    types = [
        tone["fitzpatrick"]
        for k in (1, 2, 3)
        if (tone := _fitzpatrick(label.get(f"dermatologist_fitzpatrick_skin_type_label_{k}")))
    ]
    monk = [
        float(value)
        for pool in ("us", "india")
        if (value := label.get(f"monk_skin_tone_label_{pool}"))
    ]
    return ({"fitzpatrick": median_low(types)} if types else {}) | (
        {"monk": mean(monk)} if monk else {}
    )


def _join(sets) -> dict[str, str]:
    """For the members of overlapping sets the name of the whole they make up: its smallest
    member."""
    whole: dict[str, set[str]] = {}
    for members in sets:
        if len(members) > 1:
            union = set(members).union(*(whole[member] for member in members if member in whole))
            whole.update(dict.fromkeys(union, union))
    return {member: min(union) for member, union in whole.items()}
