"""Folders of classes, as torchvision's `ImageFolder` lays them."""

from collections.abc import Collection, Sequence
from pathlib import Path

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.mask_pairs import Pictures, pair_masks
from synthderm.datasets.metadata import split_folders
from synthderm.datasets.names import LOSSLESS, base_of_mask, is_clear, is_container, is_mask_folder
from synthderm.datasets.records import PhotoRecord
from synthderm.datasets.tables import clean
from synthderm.files import is_litter, walk_files
from synthderm.imaging.io import choose_images, is_picture

FLAT = "image"  # the class of photographs that are in no folder of a class
SURE = "name the classes, as in classes=[...], if these folders are classes"


def image_folder(root: Path, classes: Collection[str] = ()) -> list[PhotoRecord]:
    """One folder a class, within folders `train`, `val` and `test` or without them. Where no folder
    of a class is there, all photographs have the class "image".

    Classes may be links to folders and may have folders of their own. If all photographs are in
    folders such as `images`, the classes are the folders in these. What is in no class or no split
    is left out with a warning, and a class without a photograph is none. Masks are told by their
    names, see `synthderm.datasets.mask_pairs.pair_masks`.

    Args:
        root: the folder.
        classes: names of folders that are those of classes, whatever they are called.

    Raises:
        ValueError: no image, or a folder of masks that are named after no photograph.
    """
    files = walk_files(root)
    pictures = pair_masks((path for path in files if is_picture(path)), root, classes)
    _check_strays(pictures)
    known = {*pictures.masks(), *pictures.others, *pictures.strays}
    images = choose_images((path for path in files if path not in known), root)
    folders = _folders_below(root, images)
    photographs: list[PhotoRecord] = []
    holders = set()  # the folders that hold those of the classes
    splits = {path.name: split for path, split in split_folders(root).items()}
    for top, split in splits.items() if splits else [(None, None)]:
        inner = [path for path, names in folders.items() if names[:1] == (top,) or not splits]
        depth = _depth_of_classes([folders[path] for path in inner], len(splits) > 0, classes)
        for path in inner:
            names = folders[path]
            if len(names) >= depth:
                label = clean(names[depth]) if len(names) > depth else ""
                mask = next(map(str, pictures.pairs.get(path, ())), None)
                photographs.append(PhotoRecord(str(path), label, mask=mask, split=split))
                holders.add(root.joinpath(*names[:depth]))
    if any(record.label for record in photographs):
        photographs = [record for record in photographs if record.label]
    else:
        photographs = [record._replace(label=FLAT) for record in photographs]
    _warn_of_copies(root, photographs)
    left_out = sorted({*folders}.difference(record.path for record in photographs))
    _warn_of_left_out(left_out, "a class within a split" if splits else "a class")
    _warn_of_masks(root, pictures)
    _warn_of_empty(root, photographs, sorted(holders))
    return photographs


def class_folders(root: Path) -> list[Path]:
    """The folders right below a folder, sorted, without litter."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not is_litter(path.name))


def _folders_below(root: Path, files: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    """The names of the folders that each file lies in, below the root."""
    names = {folder: folder.relative_to(root).parts for folder in {path.parent for path in files}}
    return {path: names[path.parent] for path in files}


def _depth_of_classes(
    folders: Sequence[tuple[str, ...]], depth: int, classes: Collection[str]
) -> int:
    """How many folders below the root those of the classes lie: below `depth`, and below folders
    such as `images` if there are no others."""
    while True:
        names = {path[depth] for path in folders if len(path) > depth}
        if not names or not all(is_container(name) and name not in classes for name in names):
            return depth
        depth += 1


def _check_strays(pictures: Pictures) -> None:
    """Refuse a folder of masks that are named after no photograph: they would be a class."""
    strays = sorted({*pictures.strays}.difference(pictures.lost_masks()))
    if strays:
        folder = next(path for path in strays[0].parents if is_mask_folder(path.name))
        raise ValueError(
            f"{folder} seems to hold masks, no class, and {strays[0].name} has the name of no"
            " photograph: write a metadata.csv with the columns file_name, label and"
            f" mask_file_name; or {SURE}."
        )


def _warn_of_masks(root: Path, pictures: Pictures) -> None:
    """Warn of what may be the other, mask or photograph; of masks that belong to no photograph; and
    of photographs with several."""
    called_so = [
        path
        for path in pictures.photographs
        if base_of_mask(path) is not None and path.suffix.lower() in LOSSLESS
    ]
    likely = [path for path in called_so if is_clear(path.relative_to(root))]
    if likely:
        warn_caller(
            f"{name_some(likely)}: taken for photographs, though called as masks are: no photograph"
            " has the rest of the name."
        )
    if unclear := [path for path in pictures.masks() if not is_clear(path.relative_to(root))]:
        warn_caller(
            f"{name_some(unclear)}: taken for masks, by the name; write a metadata.csv if they are"
            " photographs."
        )
    if lost := pictures.lost_masks():
        warn_caller(f"{name_some(lost)}: left out, masks of no photograph that is there.")
    several = {path: masks for path, masks in pictures.pairs.items() if len(masks) > 1}
    if several:
        path, masks = next(iter(several.items()))
        warn_caller(
            f"{path} has the masks {name_some(mask.name for mask in masks)}, and the first is read;"
            f" so it is with {len(several)} photographs."
        )


def _warn_of_copies(root: Path, photographs: Sequence[PhotoRecord]) -> None:
    """Warn of photographs that have one name in two folders such as `images` and `images_512`."""
    if len({path for path in class_folders(root) if is_container(path.name)}) < 2:
        return
    seen: dict[tuple[str, ...], str] = {}
    for record in photographs:
        top, *inner = record.path.relative_to(root).parts
        other = seen.setdefault((record.label, *inner), record.image)
        if other != record.image and is_container(top):
            warn_caller(
                f"{other} and {record.image} have one name: if one folder is a copy of the other,"
                " open one of them."
            )
            return


def _warn_of_left_out(paths: Sequence[Path], kind: str) -> None:
    if paths:
        warn_caller(f"{name_some(paths)}: left out, in no folder of {kind}.")


def _warn_of_empty(root: Path, photographs: Sequence[PhotoRecord], holders: Sequence[Path]) -> None:
    """Warn of splits and classes that have no photograph."""
    read = {record.split for record in photographs}
    empty = [path for path, split in split_folders(root).items() if split not in read]
    labels = {record.label for record in photographs}
    if labels != {FLAT}:
        empty += [
            path
            for parent in holders
            for path in class_folders(parent)
            if clean(path.name) not in labels and not is_mask_folder(path.name)
        ]
    if empty:
        warn_caller(f"{name_some(empty)}: no split or class, since no image is in it.")
