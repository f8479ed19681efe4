"""Which pictures of a folder are photographs, and which are the masks of these, by their names."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from synthderm.datasets.names import (
    base_of_mask,
    base_of_mask_folder,
    base_of_other,
    is_container,
    is_id,
    is_mask_folder,
    names_of_photograph,
)


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
    files = list(files)
    places = {
        folder: _place(folder.relative_to(root).parts, classes)
        for folder in {path.parent for path in files}
    }
    # What may be no photograph, and how its photograph may be called.
    named = {
        path: names
        for path in files
        if (names := _names_of_owner(path, places[path.parent].of_masks))
    }
    pictures = Pictures([], {}, [], [])
    finder = _Finder(places, files if named else [])
    for path, names in named.items():
        place = places[path.parent]
        owners = finder.find(path, names)
        if len(owners) == 1 and (place.of_masks or base_of_mask(path) is not None):
            pictures.pairs.setdefault(owners[0], []).append(path)
        elif owners:
            pictures.others.append(path)
        elif place.of_masks:
            pictures.strays.append(path)
    known = {*pictures.masks(), *pictures.others, *pictures.strays}
    pictures.photographs.extend(path for path in files if path not in known)
    return pictures


def _names_of_owner(path: Path, in_masks: bool) -> list[str]:
    """How the photograph may be called that a file tells of."""
    base = base_of_mask(path) or base_of_other(path)
    own = [path.stem] if in_masks else []
    return own if base is None else [*own, base]


class _Place(NamedTuple):
    """A folder: the names on its path that tell photographs from each other; and, if it is one of
    masks, those after which folders of masks are named too."""

    names: tuple[str, ...]
    owners: tuple[str, ...] | None = None

    @property
    def of_masks(self) -> bool:
        return self.owners is not None


def _place(folders: Sequence[str], classes: Collection[str]) -> _Place:
    names, owners = [], []
    for name in folders:
        if name not in classes and is_mask_folder(name):
            owners.append(base_of_mask_folder(name).casefold())
        elif name in classes or not is_container(name):
            names.append(name.casefold())
            owners.append(name.casefold())
    of_masks = any(name not in classes and is_mask_folder(name) for name in folders)
    return _Place(tuple(names), tuple(filter(None, owners)) if of_masks else None)


class _Finder:
    """Photographs by place and name, or by name alone."""

    def __init__(self, places: dict[Path, _Place], files: Iterable[Path]) -> None:
        self._places = places
        self._near: dict[tuple[tuple[str, ...], str], list[Path]] = {}
        self._anywhere: dict[str, list[Path]] = {}
        for path in files:
            place = places[path.parent]
            if not place.of_masks:
                self._anywhere.setdefault(path.stem.casefold(), []).append(path)
                for name in names_of_photograph(path):
                    self._near.setdefault((place.names, name.casefold()), []).append(path)

    def find(self, mask: Path, names: Iterable[str]) -> list[Path]:
        """The photographs that a mask may be of."""
        place = self._places[mask.parent]
        for name in map(str.casefold, names):
            near = self._near.get((place.names, name), [])
            if not near and place.owners is not None:
                near = self._near.get((place.owners, name), [])
            found = near or (self._anywhere.get(name, []) if is_id(name) else [])
            if others := [path for path in found if path != mask]:
                return others
        return []
