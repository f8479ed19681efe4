"""The photographs in a folder, without the masks that lie among them."""

import os
import unicodedata
from pathlib import Path

from synthderm.datasets.metadata import TABLES
from synthderm.datasets.rendered import refuse_unfinished
from synthderm.datasets.tables import read_table
from synthderm.files import walk_files
from synthderm.imaging.io import SUFFIXES, WRITABLE, list_images

EDITS = "edits.csv"  # what `synthderm edit` did to the photographs of a folder
MASK_ENDINGS = ("_segmentation", "_mask")  # of a mask's name, after that of its photograph


def list_photographs(folder: str | os.PathLike[str]) -> list[Path]:
    """The image files below a folder, sorted, except masks.

    Masks are the files that a `metadata.csv` or `.jsonl` names as `mask_file_name`; those in a
    folder `masks` beside a folder `images`; and those that are named after another image, as
    `a_segmentation.png` or `a_mask.png` is after `a.jpg`.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no image in it, masks alone, a table that can't be read, or what an unfinished
            `synthderm render` wrote.
    """
    folder = Path(folder)
    refuse_unfinished(folder)
    files = walk_files(folder) if folder.is_dir() else []
    named = {mask for table in files if table.name in TABLES for mask in _named_masks(table)}
    masks = {
        path
        for path in files
        if path.suffix.lower() in WRITABLE
        and (_same_for_all(path) in named or _lies_beside_images(path, folder))
    }
    if masks and not any(path.suffix.lower() in SUFFIXES for path in files if path not in masks):
        raise ValueError(f"{folder} holds masks alone, and no photograph.")
    images = list_images(folder, masks.__contains__)
    stems = {path.stem for path in images}
    return [
        path
        for path in images
        if not any(path.stem.removesuffix(end) in stems - {path.stem} for end in MASK_ENDINGS)
    ]


def _named_masks(table: Path) -> set[str]:
    """The masks that a table names."""
    try:
        rows = read_table(table)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{error} So it is not known which files in {table.parent} are masks: mend the table,"
            " or name a folder of photographs alone."
        ) from None
    names = [row["mask_file_name"] for row in rows if row.get("mask_file_name")]
    return {_same_for_all(table.parent / name.replace("\\", "/")) for name in names}


def _same_for_all(path: Path) -> str:
    """A path without links, in the form that all ways to write its name have in common."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _lies_beside_images(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder `masks`, below `folder`, with a folder `images` beside it."""
    inner = [parent for parent in path.parents if folder in parent.parents]
    return any(one.name == "masks" and (one.parent / "images").is_dir() for one in inner)
