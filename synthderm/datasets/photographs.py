"""The photographs in a folder, without the masks that lie among them."""

import os
import unicodedata
from pathlib import Path

from synthderm.datasets.mask_pairs import pair_masks
from synthderm.datasets.metadata import TABLES
from synthderm.datasets.names import is_container, is_mask_folder
from synthderm.datasets.rendered import refuse_unfinished
from synthderm.datasets.tables import read_table
from synthderm.files import walk_files
from synthderm.imaging.io import SUFFIXES, choose_images, is_picture

EDITS = "edits.csv"  # what `synthderm edit` did to the photographs of a folder


def list_photographs(folder: str | os.PathLike[str]) -> list[Path]:
    """The image files below a folder, sorted, except masks.

    Masks are the files that a `metadata.csv` or `.jsonl` names as `mask_file_name`; those in a
    folder `masks` beside a folder `images`; and those that have the name of a photograph, as
    `a_segmentation.png` or `masks/a.png` has that of `a.jpg` (see
    `synthderm.datasets.mask_pairs.pair_masks`).

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no image in it, masks alone, a table that can't be read, or what an unfinished
            `synthderm render` wrote.
    """
    folder = Path(folder)
    refuse_unfinished(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}.")
    files = walk_files(folder)
    named = {
        mask for table in files if table.name.lower() in TABLES for mask in _named_masks(table)
    }
    pictures = [path for path in files if is_picture(path)]
    beside = _mask_folders({path.parent for path in pictures}, folder)
    masks = {
        path
        for path in pictures
        if path.parent in beside or (named and _same_for_all(path) in named)
    }
    pairs = pair_masks([path for path in pictures if path not in masks], folder)
    masks.update(pairs.masks(), pairs.others, pairs.lost_masks())
    others = [path for path in files if path not in masks]
    if masks and not any(path.suffix.lower() in SUFFIXES for path in others):
        raise ValueError(f"{folder} holds masks alone, and no photograph.")
    return choose_images(others, folder)


def _named_masks(table: Path) -> set[str]:
    """The masks that a table names."""
    try:
        rows = read_table(table, optional=["mask_file_name"])
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


def _mask_folders(folders: set[Path], root: Path) -> set[Path]:
    """Those that are folders of masks, or lie in one, with a folder of photographs beside it.

    Where there is none, it may be the name of a class.
    """
    inner = {path: [path, *path.parents] for path in folders if path != root}
    named = {
        one
        for path, around in inner.items()
        for one in around
        if root in one.parents and is_mask_folder(one.name)
    }
    sure = {
        one
        for one in named
        if any(is_container(other.name) and other.is_dir() for other in one.parent.iterdir())
    }
    return {path for path, around in inner.items() if sure & set(around)}
