"""What `synthderm render` wrote, in any format, as the source of a `SyntheticSkinDataset`."""

import os
import tarfile
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthderm.datasets.rendered import MANIFEST, PLAN, read_record, warn_of_left_out
from synthderm.datasets.rendered_names import (
    SHARD_SUFFIXES,
    SUFFIXES,
    Shards,
    folder_names,
    item_files,
    item_key,
    shard_name,
)
from synthderm.datasets.rendered_parquet import ParquetReader
from synthderm.datasets.sources import Generated
from synthderm.imaging.decoding import decode, read_file
from synthderm.imaging.io import parse_image, to_tensor
from synthderm.imaging.mask_files import mask_region


class Files(NamedTuple):
    """An item's files: the bytes of its image and its mask (None where there is none), and what
    errors call it."""

    image: bytes
    mask: bytes | None
    name: str


class Reader(Protocol):
    """Reads the files of an item, by its number."""

    def __call__(self, number: int) -> Files: ...


class RenderedSource:
    """A source that reads and makes nothing.

    Args:
        root: folder that `synthderm render` wrote.
        needs_mask: whether a folder without masks is an error. Else all of an image is inside.

    Attributes:
        targets: the label of each item.
        seed: of the data set that was rendered.
        name, classes, labels, revision, size, weights: see `Source`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: nothing was rendered into it, or not to the end, or no masks.
    """

    def __init__(self, root: str | os.PathLike[str], *, needs_mask: bool = False) -> None:
        self.root = Path(root).expanduser()
        record = read_rendering(self.root)
        if needs_mask and not record["masks"]:
            raise ValueError(
                f"return_mask=True, but {self.root} was rendered without masks: leave it out."
            )
        self.name, self.classes = str(record["source"]), list(record["classes"])
        self.labels: Sequence[int] = range(len(self.classes))
        self.revision, self.weights = str(record.get("revision", "local")), str(record["weights"])
        self.size: int | None = record["size"]
        self.seed = int(record["seed"])
        warn_of_left_out(self.root)
        lacking = {int(number) for number in record["left_out"]}
        self._numbers = [number for number in range(record["length"]) if number not in lacking]
        turn = record["targets"]
        self.targets = [turn[number % len(turn)] for number in self._numbers]
        self._read = make_reader(self.root, record)

    def sample(self, labels: list[int], rngs: list[torch.Generator]) -> Generated:
        raise NotImplementedError("a rendering is read by the places of its items: see `read`")

    def read(self, places: Sequence[int]) -> Generated:
        """Items by their places among those that are there."""
        pairs = [_decode(self._read(self._numbers[place])) for place in places]
        images, masks = zip(*pairs)
        return Generated(torch.stack(images), torch.stack(masks))


def read_rendering(root: Path) -> dict[str, Any]:
    """The manifest of a rendering.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: nothing was rendered into it, or not to the end.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}.")
    if read_record(root / PLAN) is not None:
        raise ValueError(
            f"{root} is not rendered to the end: give `synthderm render` the same command again, it"
            " goes on."
        )
    record = read_record(root / MANIFEST)
    if record is None:
        raise ValueError(
            f"{root} has no {MANIFEST}: `synthderm render` did not write it; SkinFolder reads"
            " folders of photographs."
        )
    lacking = {"source", "weights", "size", "seed", "targets", "format", "masks", "left_out"}
    lacking -= record.keys()
    if lacking:
        raise ValueError(
            f"{root / MANIFEST} lacks {', '.join(sorted(lacking))}: render into a new folder."
        )
    return record


def make_reader(root: Path, record: dict[str, Any]) -> Reader:
    """What reads the items of a rendering, by its manifest."""
    file_format, shards = record["format"], Shards(record["length"], record["shard_size"])
    if file_format not in SHARD_SUFFIXES:
        return FolderReader(root, record)
    suffix = SUFFIXES[record["encoding"]]
    if file_format == "webdataset":
        return TarReader(root, shards, suffix)
    return RowReader(root, shards, record)


class FolderReader:
    """Reads class folders."""

    def __init__(self, root: Path, record: dict[str, Any]) -> None:
        self._root, self._turn = root, record["targets"]
        self._folders = folder_names(record["classes"])
        self._facts = (record["format"], record["masks"])

    def __call__(self, number: int) -> Files:
        folder = self._folders[self._turn[number % len(self._turn)]]
        names = item_files(number, folder, *self._facts)
        image, *mask = [read_file(self._root / name) for name in names]
        return Files(image, mask[0] if mask else None, str(self._root / names[0]))


class TarReader:
    """Reads tar files. Where the items of one are is looked up when the first is read."""

    def __init__(self, root: Path, shards: Shards, suffix: str) -> None:
        self._root, self._shards, self._suffix = root, shards, suffix
        self._places: dict[int, NDArray[np.int64]] = {}

    def __call__(self, number: int) -> Files:
        shard = number // self._shards.size
        path = self._root / f"{shard_name(shard)}.tar"
        if shard not in self._places:
            self._places[shard] = self._find_places(shard, path)
        image, size, mask, mask_size = self._places[shard][number - shard * self._shards.size]
        name = f"{path}/{item_key(number)}{self._suffix}"
        if size < 0:
            raise ValueError(
                f"{name} is not there: `synthderm render --verify` says what is wrong."
            )
        with path.open("rb") as file:
            data = _read_at(file, image, size)
            return Files(data, None if mask_size < 0 else _read_at(file, mask, mask_size), name)

    def _find_places(self, shard: int, path: Path) -> NDArray[np.int64]:
        """(N, 4), for each item the offset and the size of its image, and of its mask; -1 where
        there is none."""
        numbers = self._shards.numbers(shard)
        places = np.full((len(numbers), 4), -1, dtype=np.int64)
        columns = {self._suffix: slice(0, 2), ".mask.png": slice(2, 4)}
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                key, dot, suffix = member.name.partition(".")
                if key.isdecimal() and int(key) in numbers and dot + suffix in columns:
                    place = (member.offset_data, member.size)
                    places[int(key) - numbers.start, columns[dot + suffix]] = place
        return places


class RowReader:
    """Reads Parquet files."""

    def __init__(self, root: Path, shards: Shards, record: dict[str, Any]) -> None:
        self._root, self._shards = root, shards
        self._lacking = sorted(int(number) for number in record["left_out"])
        self._reader = ParquetReader(record["masks"])

    def __call__(self, number: int) -> Files:
        shard = number // self._shards.size
        first = shard * self._shards.size
        skipped = bisect_left(self._lacking, number) - bisect_left(self._lacking, first)
        path, row = self._root / f"{shard_name(shard)}.parquet", number - first - skipped
        return Files(*self._reader.read(path, row), f"{path}, row {row}")


def _read_at(file: Any, offset: int, size: int) -> bytes:
    file.seek(offset)
    return bytes(file.read(size))


def _decode(files: Files) -> tuple[Tensor, Tensor]:
    """The image (3, H, W) uint8 and the mask (1, H, W) bool of an item."""
    image = to_tensor(parse_image(files.image, files.name))
    if files.mask is None:
        return image, torch.ones_like(image[:1], dtype=torch.bool)
    name = f"the mask of {files.name}"
    region = mask_region(decode(files.mask, name), is_lossy=False)
    if region.shape != image.shape[1:]:
        raise ValueError(f"{name} has another size than its image: render it again.")
    return image, torch.from_numpy(region.astype(bool))[None]
