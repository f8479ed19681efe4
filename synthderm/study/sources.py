"""Where a study's images come from: folders, a generator, and pairs of before and after."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from synthderm.imaging.io import list_images, read_image, to_pil, to_tensor


class Picture(NamedTuple):
    """An upright RGB image and where it came from."""

    image: Image.Image
    origin: str


class Pair(NamedTuple):
    """The same picture before and after an edit."""

    before: Picture
    after: Picture


def pick(paths: list[Path], count: int, rng: np.random.Generator) -> list[Path]:
    """`count` paths at random, or all of them where there are fewer."""
    return [paths[index] for index in rng.permutation(len(paths))[:count]]


def from_folder(folder: str | os.PathLike, count: int, rng: np.random.Generator) -> list[Picture]:
    """Up to `count` images of a folder."""
    return [
        Picture(read_image(path), str(path.relative_to(folder)))
        for path in pick(list_images(folder), count, rng)
    ]


def from_generator(source: str, count: int, rng: np.random.Generator, seed: int) -> list[Picture]:
    """`count` generated images: from a folder of images where `source` is one, else drawn from the
    generator of this name or folder.

    Raises:
        ValueError, FileNotFoundError: `source` is neither.
    """
    if Path(source).is_dir() and not (Path(source) / "model.safetensors").is_file():
        return from_folder(source, count, rng)
    from synthderm import SyntheticSkinDataset

    dataset = SyntheticSkinDataset(source, length=count, seed=seed)
    return [
        Picture(dataset[index][0].convert("RGB"), f"{source}#{index}") for index in range(count)
    ]


def from_pairs(
    folders: list[str], kind: str, count: int, rng: np.random.Generator, seed: int
) -> list[Pair]:
    """Up to `count` pairs: the same file names in two folders, or one folder of photographs that
    the package edits.

    Args:
        folders: [before, after], or [before].
        kind: "add" or "remove", the edit for a single folder.

    Raises:
        ValueError: more than two folders, no file name in common, or nothing that could be edited.
    """
    if len(folders) == 1:
        return _edited_by_package(folders[0], kind, count, rng, seed)
    if len(folders) != 2:
        raise ValueError(
            f"--{kind} takes one folder (to edit) or two (before, after), not {len(folders)}."
        )
    before, after = (
        {path.relative_to(folder).with_suffix(""): path for path in list_images(folder)}
        for folder in folders
    )
    common = sorted(before.keys() & after.keys())
    if not common:
        raise ValueError(
            f"{folders[0]} and {folders[1]} share no file name: a pair is the same name in both."
        )
    names = pick(common, count, rng)
    return [
        Pair(*(Picture(read_image(side[name]), str(name)) for side in (before, after)))
        for name in names
    ]


def _edited_by_package(
    folder: str, kind: str, count: int, rng: np.random.Generator, seed: int
) -> list[Pair]:
    """Up to `count` pairs; photographs in which the editor changes nothing (no eczema to remove)
    are passed over."""
    pairs = []
    paths = list_images(folder)
    for index, path in enumerate(pick(paths, len(paths), rng)):
        before = Picture(read_image(path), str(path.relative_to(folder)))
        after = edit(before, kind, seed + index)
        if after.image.tobytes() != before.image.tobytes():
            pairs.append(Pair(before, after))
        if len(pairs) == count:
            break
    if not pairs:
        raise ValueError(
            f"the editor changed none of the photographs in {folder} (--{kind}): to remove eczema"
            " they must show some."
        )
    return pairs


def edit(picture: Picture, kind: str, seed: int) -> Picture:
    """The picture with eczema added, or with its eczema removed, by the bundled editor."""
    from synthderm.transforms.functional import add_eczema, remove_eczema

    tensor = to_tensor(picture.image)[None]
    edited = add_eczema(tensor, severity=0.7, seed=seed) if kind == "add" else remove_eczema(tensor)
    return Picture(to_pil(edited.images[0]), f"{picture.origin} ({kind})")
