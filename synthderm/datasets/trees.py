"""Folders of classes, as torchvision's `ImageFolder` lays them."""

from collections.abc import Sequence
from pathlib import Path

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.metadata import split_folders
from synthderm.datasets.records import PhotoRecord
from synthderm.datasets.tables import clean
from synthderm.files import is_litter
from synthderm.imaging.io import list_images

FLAT = "image"  # the class of photographs that are in no folder of a class


def image_folder(root: Path) -> list[PhotoRecord]:
    """One folder a class, within folders `train`, `val` and `test` or without them. Where no folder
    of a class is there, all photographs have the class "image".

    Classes may be links to folders and may have folders of their own. What is in no class or no
    split is left out with a warning, and a class without a photograph is none.
    """
    splits = {path.name: split for path, split in split_folders(root).items()}
    photographs: list[PhotoRecord] = []
    left_out: list[Path] = []
    for path in list_images(root):
        folders = list(path.relative_to(root).parts[:-1])
        split = splits.get(folders.pop(0)) if splits and folders else None
        if splits and split is None:
            left_out.append(path)
        else:
            label = clean(folders[0]) if folders else ""
            photographs.append(PhotoRecord(path, label, split=split))
    if any(record.label for record in photographs):
        left_out += [record.image for record in photographs if not record.label]
        photographs = [record for record in photographs if record.label]
    else:
        photographs = [record._replace(label=FLAT) for record in photographs]
    _warn_of_left_out(left_out, "a class within a split" if splits else "a class")
    _warn_of_empty(root, photographs)
    return photographs


def class_folders(root: Path) -> list[Path]:
    """The folders right below a folder, sorted, without litter."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not is_litter(path.name))


def _warn_of_left_out(paths: Sequence[Path], kind: str) -> None:
    if paths:
        warn_caller(f"{name_some(paths)}: left out, in no folder of {kind}.")


def _warn_of_empty(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Warn of splits and classes that have no photograph."""
    splits = split_folders(root)
    read = {record.split for record in photographs}
    empty = [path for path, split in splits.items() if split not in read]
    labels = {record.label for record in photographs}
    if labels != {FLAT}:
        folders = [path for parent in splits or [root] for path in class_folders(parent)]
        empty += [path for path in folders if clean(path.name) not in labels]
    if empty:
        warn_caller(f"{name_some(empty)}: no split or class, since no image is in it.")
