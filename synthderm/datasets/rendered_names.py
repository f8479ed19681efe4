"""The names of what `synthderm render` writes: they follow from an item's number alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

IMAGES, MASKS = "images", "masks"
# Formats of pictures, and the suffixes of their files.
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
# A format without loss that timm and torchvision do not take for an image to train on, whichever
# folder they are given.
MASK_SUFFIX = ".gif"
# Formats of shards, and the suffixes of their files. Any other format is one of pictures, in
# folders of classes.
SHARD_SUFFIXES = {"webdataset": ".tar", "parquet": ".parquet"}


@dataclass(frozen=True)
class Shards:
    """The parts of a data set that are written one by one: `size` items each, in order; fewer in
    the last. They depend on the numbers of the items alone.

    Args:
        length: items of the data set.
        size: items of a shard.
    """

    length: int
    size: int

    @property
    def count(self) -> int:
        return -(-self.length // self.size)

    def numbers(self, shard: int) -> range:
        """The items of a shard."""
        return range(shard * self.size, min((shard + 1) * self.size, self.length))

    def part(self, index: int, count: int) -> range:
        """The shards of one of `count` jobs that share the work."""
        return range(index, self.count, count)


def shard_name(shard: int) -> str:
    """What the names of a shard's files begin with."""
    return f"{shard:06d}"


def item_key(number: int) -> str:
    """The name of an item in a tar file."""
    return f"{number:09d}"


def item_files(
    number: int, folder: str, encoding: str, masks: bool
) -> tuple[str, str] | tuple[str]:
    """The files of an item in class folders: its image, and its mask.

    Args:
        number: of the item.
        folder: of its class, see `folder_names`.
        encoding: format of the image.
        masks: whether there are masks.
    """
    stem = f"{folder}/{number:07d}"
    image = f"{IMAGES}/{stem}{SUFFIXES[encoding]}"
    return (image, f"{MASKS}/{stem}{MASK_SUFFIX}") if masks else (image,)


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder for each class, of its name as far as any file system can have it."""
    names: list[str] = []
    for label in classes:
        name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", label).strip().rstrip(".")[:60]
        name = re.sub(r"^(\.|$)", "_", name)
        taken = {other.casefold() for other in names}
        while name.casefold() in taken:  # one folder, where case does not count
            name += "_"
        names.append(name)
    return names
