"""The images of a study: from folders, from a generator, and in pairs before and after an edit."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from synthderm.callers import name_some, warn_caller
from synthderm.datasets.photographs import list_photographs
from synthderm.hub.resolve import bundled_names
from synthderm.imaging.io import read_image, to_pil, to_tensor

Folder = str | os.PathLike[str]


class Picture(NamedTuple):
    """An upright RGB image, and where it comes from."""

    image: Image.Image
    origin: str


class Pair(NamedTuple):
    """One picture before and after an edit."""

    before: Picture
    after: Picture


@dataclass(frozen=True)
class Pictures:
    """All pictures of a study, by side; the kinds of edits that it does not show are empty."""

    real: list[Picture]
    generated: list[Picture]
    add: list[Pair]
    remove: list[Pair]

    def all(self) -> list[Picture]:
        """Every picture, single or in a pair."""
        paired = [picture for pair in self.add + self.remove for picture in pair]
        return self.real + self.generated + paired


def sample_paths(paths: list[Path], count: int, rng: np.random.Generator) -> list[Path]:
    """`count` of the paths at random, or all of them if there are fewer."""
    return [paths[index] for index in rng.permutation(len(paths))[:count]]


def read_folder(folder: Folder, count: int, rng: np.random.Generator) -> list[Picture]:
    """Up to `count` images of a folder, chosen at random."""
    return [
        Picture(read_image(path), str(path.relative_to(folder)))
        for path in sample_paths(list_photographs(folder), count, rng)
    ]


def read_generated(
    source: Folder, count: int, rng: np.random.Generator, seed: int
) -> list[Picture]:
    """`count` generated images.

    Args:
        source: a folder of images, or a generator: bundled name, model folder or Hub id.
        count: number of images; a folder may hold fewer.
        rng: chooses from a folder.
        seed: of the generator.

    Raises:
        FileNotFoundError, ValueError: `source` is neither.
    """
    is_bundled = str(source) in bundled_names()
    is_model_folder = (Path(source) / "model.safetensors").is_file()
    if Path(source).is_dir() and not is_bundled and not is_model_folder:
        return read_folder(source, count, rng)
    from synthderm import SyntheticSkinDataset

    dataset = SyntheticSkinDataset(source, length=count, seed=seed)
    return [
        Picture(dataset[index][0].convert("RGB"), f"{source}#{index}") for index in range(count)
    ]


def read_pairs(
    folders: Sequence[Folder], kind: str, count: int, rng: np.random.Generator, seed: int
) -> list[Pair]:
    """Up to `count` pairs of before and after. Photographs without a partner, or that the editor
    does not change, are left out with a warning.

    Args:
        folders: (before, after), which hold pairs under the same file names; or (before,), whose
            photographs the bundled editor edits.
        kind: "add" or "remove", the edit.
        count: number of pairs.
        rng: chooses the pairs.
        seed: of the editor.

    Raises:
        ValueError: more than two folders, no file name in both, or no photograph that the editor
            changes.
    """
    if len(folders) == 1:
        return _edit_folder(folders[0], kind, count, rng, seed)
    if len(folders) != 2:
        raise ValueError(
            f"--{kind} takes one folder (to edit) or two (before, after), not {len(folders)}."
        )
    before, after = (
        {path.relative_to(folder).with_suffix(""): path for path in list_photographs(folder)}
        for folder in folders
    )
    common = sorted(before.keys() & after.keys())
    if not common:
        raise ValueError(
            f"{folders[0]} and {folders[1]} share no file name: give the two images of a pair the"
            " same name."
        )
    if lone := sorted(before.keys() ^ after.keys()):
        warn_caller(
            f"{name_some(lone)}: left out, with no partner of the same name in {folders[0]} and"
            f" {folders[1]}."
        )
    return [
        Pair(*(Picture(read_image(side[name]), str(name)) for side in (before, after)))
        for name in sample_paths(common, count, rng)
    ]


def _edit_folder(
    folder: Folder, kind: str, count: int, rng: np.random.Generator, seed: int
) -> list[Pair]:
    """Up to `count` pairs; photographs that the editor does not change are left out."""
    pairs: list[Pair] = []
    unchanged: list[str] = []
    paths = list_photographs(folder)
    for index, path in enumerate(sample_paths(paths, len(paths), rng)):
        before = Picture(read_image(path), str(path.relative_to(folder)))
        after = edit(before, kind, seed + index)
        if after.image.tobytes() != before.image.tobytes():
            pairs.append(Pair(before, after))
        else:
            unchanged.append(before.origin)
        if len(pairs) == count:
            break
    if not pairs:
        raise ValueError(
            f"the editor changed none of the photographs in {folder} (--{kind}): to remove eczema,"
            " give photographs that show some."
        )
    if unchanged:
        warn_caller(
            f"{name_some(sorted(unchanged))} of {folder}: left out, as the editor changes nothing"
            f" there (--{kind})."
        )
    return pairs


def edit(picture: Picture, kind: str, seed: int) -> Picture:
    """The picture with eczema added (`kind` is "add") or removed, by the bundled editor."""
    from synthderm.transforms.functional import add_eczema, remove_eczema

    tensor = to_tensor(picture.image)[None]
    edited = add_eczema(tensor, severity=0.7, seed=seed) if kind == "add" else remove_eczema(tensor)
    return Picture(to_pil(edited.images[0]), f"{picture.origin} ({kind})")
