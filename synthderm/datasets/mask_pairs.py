"""Which pictures of a folder are photographs, and which are the masks of these, by their names."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from synthderm.datasets.names import (
    base_of_mask,
    base_of_other,
    is_container,
    is_id,
    is_mask_folder,
    names_of_photograph,
)

Place = tuple[str, ...]


class Pictures(NamedTuple):
    """The pictures of a folder.

    Args:
        photographs: the files, as they came.
        pairs: of each photograph that has some, the files of its masks.
        others: pictures that are named after a photograph and are no mask.
        strays: pictures in folders of masks that are named after no photograph.
    """

    photographs: list[Path]
    pairs: dict[Path, list[Path]]
    others: list[Path]
    strays: list[Path]

    def masks(self) -> list[Path]:
        """The masks that are named after a photograph."""
        return [mask for masks in self.pairs.values() for mask in masks]

    def lost_masks(self) -> list[Path]:
        """The strays among such masks: surely masks, of photographs that are not there."""
        folders = {mask.parent for mask in self.masks()}
        return [path for path in self.strays if path.parent in folders]


def pair_masks(files: Iterable[Path], root: Path, classes: Collection[str] = ()) -> Pictures:
    """Tell the masks from the photographs.

    A mask lies in a folder of masks and has its photograph's name, as `mel/masks/1.png` and
    `masks/mel/1.png` have that of `mel/1.jpg` and `images/mel/1.jpg`; or it is named after a
    photograph, as `1_mask.png` is, beside it or, where the name is an id, anywhere.

    Args:
        files: pictures below `root`.
        root: the folder.
        classes: names of folders that are those of classes, whatever they are called.
    """
    places: dict[Path, tuple[Place, bool]] = {}
    for path in (files := list(files)):
        if path.parent not in places:
            places[path.parent] = _place(path.parent.relative_to(root).parts, classes)
    finder = _Finder(places, [path for path in files if not places[path.parent][1]])
    pictures = Pictures([], {}, [], [])
    for path in files:
        _, in_masks = places[path.parent]
        base, other = base_of_mask(path), base_of_other(path)
        names = [path.stem, *filter(None, (base,))] if in_masks else [base] if base else []
        owners = finder.find(path, names)
        if len(owners) == 1:
            pictures.pairs.setdefault(owners[0], []).append(path)
        elif owners or (other and finder.find(path, [other])):
            pictures.others.append(path)
        elif in_masks:
            pictures.strays.append(path)
        else:
            pictures.photographs.append(path)
    return pictures


def _place(folders: Place, classes: Collection[str]) -> tuple[Place, bool]:
    """The folders that tell photographs from each other, and whether one is of masks."""
    own = [name for name in folders if name in classes or not is_mask_folder(name)]
    return tuple(name.casefold() for name in own if name in classes or not is_container(name)), len(
        own
    ) < len(folders)


class _Finder:
    """Photographs by place and name, or by name alone."""

    def __init__(self, places: dict[Path, tuple[Place, bool]], photographs: list[Path]) -> None:
        self._places = places
        self._near: dict[tuple[Place, str], list[Path]] = {}
        self._anywhere: dict[str, list[Path]] = {}
        for path in photographs:
            self._anywhere.setdefault(path.stem.casefold(), []).append(path)
            for name in names_of_photograph(path):
                key = (places[path.parent][0], name.casefold())
                self._near.setdefault(key, []).append(path)

    def find(self, mask: Path, names: list[str]) -> list[Path]:
        """The photographs that a mask may be of."""
        place, _ = self._places[mask.parent]
        for name in names:
            near = self._near.get((place, name.casefold()), [])
            found = near or (self._anywhere.get(name.casefold(), []) if is_id(name) else [])
            if others := [path for path in found if path != mask]:
                return others
        return []
