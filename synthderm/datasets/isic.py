"""The ISIC challenges of 2017 to 2020, as challenge.isic-archive.com/data publishes them.

Tables lie beside the folders of photographs, or in folders of their own names, as their archives
unpack.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from synthderm.callers import warn_caller
from synthderm.datasets.finding import NamedFiles, find_files, require_files
from synthderm.datasets.records import PhotoRecord, hash_split
from synthderm.datasets.rows import Row
from synthderm.datasets.tables import read_columns, read_table

PARTS = {"Training": "train", "Validation": "val", "Test": "test"}
PARTS_2017 = {"Training": "train", "Validation": "val", "Test_v2": "test"}
PARTS_2019 = {"Training": "train", "Test": "test"}
CLASSES_2017 = ("melanoma", "seborrheic_keratosis")  # nevus is neither
CLASSES_2018 = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
CLASSES_2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
COLUMNS_2020 = ("image_name", "patient_id", "benign_malignant")
TABLE_2017 = "ISIC-2017_*_Part3_GroundTruth.csv"
TABLE_2018 = "ISIC2018_Task3_*_GroundTruth.csv"
TABLE_2019 = "ISIC_2019_*_GroundTruth.csv"
HAM_MASKS = "HAM10000_segmentations_lesion_tschandl"


def isic_2017(root: Path) -> list[PhotoRecord]:
    """ISIC 2017.

    Files, for Training, Validation and Test_v2 (those that are there): the table
    `ISIC-2017_*_Part3_GroundTruth.csv` with image_id, melanoma and seborrheic_keratosis (1.0 or
    0.0; nevus if both are 0); photographs in `ISIC-2017_*_Data`; and masks, if they were fetched,
    in `ISIC-2017_*_Part1_GroundTruth/<image_id>_segmentation.png`.

    The splits are the challenge's. The tables name no patients or lesions.

    Source: Codella et al., arXiv 1710.05006 (2017). CC0 1.0.
    """
    photographs = []
    for part, split, table in _parts(root, TABLE_2017, PARTS_2017):
        rows = read_table(table, "image_id", *CLASSES_2017)
        folder = f"ISIC-2017_{part}_Data"
        files = find_files(root, folder, f"ISIC-2017_{part}_Part1_GroundTruth")
        for row, image in zip(rows, _images(rows, "image_id", files, folder)):
            label = _label(row, row["image_id"], CLASSES_2017, otherwise="nevus")
            photographs.append(
                PhotoRecord(
                    image,
                    label,
                    mask=_mask(image, files),
                    split=split,
                    table=row.path,
                    line=row.line,
                )
            )
    return photographs


def isic_2018(root: Path) -> list[PhotoRecord]:
    """ISIC 2018, task 3: the photographs of HAM10000 with new ones to validate and test on.

    Files, for Training, Validation and Test (those that are there): the table
    `ISIC2018_Task3_*_GroundTruth.csv` with image and a column of 1.0 and 0.0 for each class;
    photographs in `ISIC2018_Task3_*_Input`. `ISIC2018_Task3_Training_LesionGroupings.csv` (image,
    lesion_id, diagnosis_confirm_type) names the lesions of Training. The challenge has no masks for
    these photographs; those of HAM10000 are read if they were fetched (see `layouts.ham10000`), and
    so are those of task 1 where an image has the same id.

    Classes: AKIEC, BCC, BKL, DF, MEL, NV, VASC. The splits are the challenge's.

    Source: Codella et al., arXiv 1902.03368 (2019); Tschandl, Rosendahl and Kittler, Sci Data
    5:180161 (2018). The columns are those of the tables in github.com/yash2mehta/CDS_Streamlit, and
    of github.com/ImageMarkup/isic-challenge-scoring. CC BY-NC 4.0.
    """
    groupings = find_table(root, "ISIC2018_Task3_Training_LesionGroupings.csv")
    lesions = {} if groupings is None else _lesions(groupings)
    photographs = []
    for part, split, table in _parts(root, TABLE_2018, PARTS):
        rows = read_table(table, "image", *CLASSES_2018)
        folder = f"ISIC2018_Task3_{part}_Input"
        files = find_files(root, folder, HAM_MASKS, "ISIC2018_Task1_*_GroundTruth")
        for row, image in zip(rows, _images(rows, "image", files, folder)):
            photographs.append(
                PhotoRecord(
                    image,
                    _label(row, row["image"], CLASSES_2018),
                    mask=_mask(image, files),
                    split=split,
                    group=lesions.get(row["image"]),
                    table=row.path,
                    line=row.line,
                )
            )
    return photographs


def isic_2018_task1(root: Path) -> list[PhotoRecord]:
    """ISIC 2018, task 1: lesions to segment, without diagnoses.

    Files, for Training, Validation and Test (those that are there): photographs in
    `ISIC2018_Task1-2_*_Input`; masks in `ISIC2018_Task1_*_GroundTruth/<id>_segmentation.png`.

    One class, lesion. The splits are the challenge's.

    Source: Codella et al., arXiv 1902.03368 (2019). CC0 1.0.
    """
    photographs = []
    for part, split in PARTS.items():
        masks = find_files(root, f"ISIC2018_Task1_{part}_GroundTruth")
        for image in find_files(root, f"ISIC2018_Task1-2_{part}_Input"):
            if image.lower().endswith(".jpg"):
                mask = _mask(image, masks)
                photographs.append(PhotoRecord(image, "lesion", mask=mask, split=split))
    return photographs


def isic_2019(root: Path) -> list[PhotoRecord]:
    """ISIC 2019: HAM10000, BCN20000 and MSK.

    Files: `ISIC_2019_Training_GroundTruth.csv` with image and a column of 1.0 and 0.0 for each
    class, `ISIC_2019_Training_Metadata.csv` (image, age_approx, anatom_site_general, lesion_id,
    sex), photographs in `ISIC_2019_Training_Input`; and, if they were fetched,
    `ISIC_2019_Test_GroundTruth.csv` with `ISIC_2019_Test_Input`. No masks are published.

    Classes: AK, BCC, BKL, DF, MEL, NV, SCC, VASC, and last UNK, which only Test has. Training is
    split by a hash of the lesion, or of the image where none is named. If Test is there, "test" is
    that alone, and photographs of Training that would be in "test" are in "train".

    Source: Tschandl, Rosendahl and Kittler, Sci Data 5:180161 (2018); Codella et al., arXiv
    1710.05006 (2017); Combalia et al., arXiv 1908.02288 (2019). The columns are those of the tables
    in github.com/skin-lesion/ISIC. CC BY-NC 4.0.
    """
    metadata = find_table(root, "ISIC_2019_Training_Metadata.csv")
    lesions = {} if metadata is None else _lesions(metadata)
    has_test = find_table(root, "ISIC_2019_Test_GroundTruth.csv") is not None
    photographs = []
    for part, split, table in _parts(root, TABLE_2019, PARTS_2019):
        if part == "Training" and metadata is None:
            warn_caller(
                f"{root} lacks ISIC_2019_Training_Metadata.csv, which names the lesions: one lesion"
                " may be in two splits."
            )
        rows = read_table(table, "image", *CLASSES_2019)
        folder = f"ISIC_2019_{part}_Input"
        images = _images(rows, "image", find_files(root, folder), folder)
        for row, image in zip(rows, images):
            lesion = lesions.get(row["image"])
            if part == "Training":
                split = hash_split(lesion or row["image"])
                split = "train" if has_test and split == "test" else split
            label = _label(row, row["image"], CLASSES_2019)
            photographs.append(
                PhotoRecord(image, label, split=split, group=lesion, table=row.path, line=row.line)
            )
    return photographs


def isic_2020(root: Path) -> list[PhotoRecord]:
    """ISIC 2020.

    Files: `ISIC_2020_Training_GroundTruth_v2.csv`, or the same without `_v2`, or Kaggle's
    `train.csv`, with image_name, patient_id, (lesion_id,) sex, age_approx,
    anatom_site_general_challenge, diagnosis, benign_malignant, target; the JPEG photographs in
    `train`, `jpeg/train`, `ISIC_2020_Training_JPEG` or `ISIC_2020_Training_Input`. If
    `ISIC_2020_Training_Duplicates.csv` (image_name_1, image_name_2) is there, the second of each
    pair is left out, with a warning. Labels of the test photographs and masks are not published.

    Classes: benign and malignant. Split by patient_id.

    Source: Rotemberg et al., Sci Data 8:34 (2021), doi 10.34970/2020-ds01. The columns are those of
    the table in github.com/caitlinruble/Skin-Cancer-Image-Detection. CC BY-NC 4.0.
    """
    table = table_2020(root) or root / "ISIC_2020_Training_GroundTruth.csv"
    pairs = find_table(root, "ISIC_2020_Training_Duplicates.csv")
    doubles = set()
    if pairs is not None:
        doubles = {row["image_name_2"] for row in read_table(pairs, "image_name_1", "image_name_2")}
    named = list(read_table(table, *COLUMNS_2020))
    rows = [row for row in named if row["image_name"] not in doubles]
    if len(rows) < len(named):
        warn_caller(
            f"{len(named) - len(rows):,} of {len(named):,} photographs of ISIC 2020 are left out:"
            f" {pairs} names them as duplicates of others; move it away to read them too."
        )
    files = find_files(root, "train", "jpeg", "ISIC_2020_Training_JPEG", "ISIC_2020_Training_Input")
    images = _images(rows, "image_name", files, "train, jpeg or ISIC_2020_Training_JPEG")
    return [
        PhotoRecord(
            image,
            row["benign_malignant"],
            split=hash_split(row["patient_id"]),
            group=row["patient_id"],
            table=row.path,
            line=row.line,
        )
        for row, image in zip(rows, images)
    ]


def table_2020(root: Path) -> Path | None:
    """The table of ISIC 2020; Kaggle's has a name that says nothing, so its columns decide."""
    for version in ("_v2", ""):
        table = find_table(root, f"ISIC_2020_Training_GroundTruth{version}.csv")
        if table is not None:
            return table
    table = root / "train.csv"
    if table.is_file() and {*COLUMNS_2020} <= {*read_columns(table)}:
        return table
    return None


def find_table(root: Path, name: str) -> Path | None:
    """A table in a folder, or in a sub-folder of its own name; `name` may have wildcards."""
    own = (path for path in root.glob(f"*/{name}") if path.parent.name == path.stem)
    return next((path for path in sorted([*root.glob(name), *own]) if path.is_file()), None)


def task1_folder(root: Path) -> Path | None:
    """A folder of photographs of ISIC 2018's task 1, which has no table."""
    return next(root.glob("ISIC2018_Task1-2_*_Input"), None)


def _parts(root: Path, tables: str, parts: dict[str, str]) -> Iterator[tuple[str, str, Path]]:
    """The parts of a challenge that are there: part, split and table.

    Args:
        root: the folder.
        tables: the name of the tables, with a star for the part.
        parts: of the challenge, with their splits.
    """
    for part, split in parts.items():
        table = find_table(root, tables.replace("*", part))
        if table is not None:
            yield part, split, table


def _lesions(table: Path) -> dict[str, str]:
    """The lesion of each image for which one is named."""
    rows = read_table(table, "image", may_be_empty=["lesion_id"])
    return {row["image"]: row["lesion_id"] for row in rows if row["lesion_id"]}


def _images(rows: Sequence[Row], column: str, files: NamedFiles, where: str) -> list[str]:
    return require_files(rows, [f"{row[column]}.jpg" for row in rows], files.find_copy, where)


def _mask(image: str, files: NamedFiles) -> str | None:
    return files.find(f"{Path(image).stem}_segmentation.png")


def _label(row: Row, image: str, classes: Sequence[str], otherwise: str | None = None) -> str:
    """The one class whose column is 1; `otherwise` if none is."""
    flags = {name: row.number(name) for name in classes}
    odd = [name for name, flag in flags.items() if flag not in (0, 1)]
    if odd:
        raise ValueError(f"{row.place}: {odd[0]} is {row[odd[0]]!r}, neither 0 nor 1.")
    marked = [name for name, flag in flags.items() if flag == 1] or [otherwise or "nothing"]
    if len(marked) > 1 or marked == ["nothing"]:
        raise ValueError(
            f"{row.place}: {image} is marked {' and '.join(marked)}; it can be one of"
            f" {', '.join(classes)}."
        )
    return marked[0]
