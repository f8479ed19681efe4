"""Cut, resize and save all images of a study in the same way, under random names."""

import hashlib
import secrets
from pathlib import Path

import numpy as np
from PIL import Image

from synthderm.study.pictures import Pair, Picture, Pictures
from synthderm.study.schedule import ImageNames

Box = tuple[int, int, int, int]  # left, top, right, bottom, pixels

OPPOSITE = {"real": "generated", "generated": "real"}


class ImageWriter:
    """Prepares images, gives them random names, and records where each comes from.

    Args:
        size: width and height of the written images, pixels.
        quality: JPEG quality of the written images.
    """

    def __init__(self, size: int, quality: int) -> None:
        self.size = size
        self.quality = quality
        self.rows: list[dict[str, str]] = []  # for each image: name, side, origin
        self.prepared: dict[str, Image.Image] = {}
        self.origins: dict[tuple[bytes, str], str] = {}  # by hash of the pixels and side

    def add_all(self, pictures: Pictures) -> ImageNames:
        """Prepare all pictures of a study and return their new names."""
        return ImageNames(
            real=[self.add(picture, "real") for picture in pictures.real],
            generated=[self.add(picture, "generated") for picture in pictures.generated],
            add=[self.add_pair(pair) for pair in pictures.add],
            remove=[self.add_pair(pair) for pair in pictures.remove],
        )

    def add(self, picture: Picture, side: str, box: Box | None = None) -> str:
        """Prepare an image and return its new name.

        Args:
            picture: the image.
            side: "real", "generated", "before" or "after".
            box: what to cut out; the middle where None.

        Raises:
            ValueError: the same pixels are on the opposite side too.
        """
        box = box or largest_square(picture.image)
        image = picture.image.resize((self.size, self.size), Image.Resampling.LANCZOS, box)
        digest = hashlib.sha256(image.tobytes()).digest()
        opposite = OPPOSITE.get(side, "")
        if (digest, opposite) in self.origins:
            raise ValueError(
                f"{picture.origin} ({side}) shows the same pixels as"
                f" {self.origins[digest, opposite]} ({opposite}), so no answer is right: remove"
                " one of them."
            )
        self.origins[digest, side] = picture.origin
        name = secrets.token_hex(16) + ".jpg"
        self.prepared[name] = image
        self.rows.append({"name": name, "side": side, "origin": picture.origin})
        return name

    def add_pair(self, pair: Pair) -> tuple[str, str]:
        """Prepare both images of a pair, cut at the same place around the edit.

        Raises:
            ValueError: the two have different sizes, or the same pixels.
        """
        if pair.before.image.size != pair.after.image.size:
            raise ValueError(
                f"{pair.before.origin} is {pair.before.image.size} before and"
                f" {pair.after.image.size} after the edit: give both the same size."
            )
        before, after = (np.asarray(side.image, dtype=np.int16) for side in pair)
        change = np.abs(before - after).sum(2)
        if not change.any():
            raise ValueError(
                f"{pair.after.origin} is the same before and after: nothing was edited. Leave it"
                " out."
            )
        box = largest_square(pair.before.image, change)
        return self.add(pair.before, "before", box), self.add(pair.after, "after", box)

    def write(self, folder: Path) -> None:
        """Write all images, sorted by name: neither their order nor their dates tell the side."""
        folder.mkdir(parents=True)
        for name, image in sorted(self.prepared.items()):
            image.save(folder / name, quality=self.quality, subsampling=0, optimize=True)


def largest_square(image: Image.Image, weight: np.ndarray | None = None) -> Box:
    """The largest square in an image, around its middle or the centre of a (H, W) weight."""
    width, height = image.size
    edge = min(width, height)
    x, y = width / 2, height / 2
    if weight is not None:
        x = np.average(np.arange(width), weights=weight.sum(0))
        y = np.average(np.arange(height), weights=weight.sum(1))
    left = int(np.clip(round(x - edge / 2), 0, width - edge))
    top = int(np.clip(round(y - edge / 2), 0, height - edge))
    return left, top, left + edge, top + edge
