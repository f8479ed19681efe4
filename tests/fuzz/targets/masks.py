"""Mask files: the region that was stored, or a refusal; never another region."""

import io
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from synthderm.imaging.io import read_mask
from tests.fuzz.mutations import mutate, seeds
from tests.fuzz.outcome import attempt, require
from tests.fuzz.targets.images import make as make_image

ATTACK = "masks of 1 to 16 bits, grey, coloured, painted, of classes, compressed with loss, damaged"


class Case(NamedTuple):
    """A mask file, and the region that it was made of; None where it was damaged."""

    data: bytes
    region: np.ndarray | None
    size: tuple[int, int]


def make(rng: random.Random) -> Case:
    if rng.random() < 0.3:
        return Case(make_image(rng), None, (rng.randint(1, 24), rng.randint(1, 24)))
    width, height = rng.randint(1, 40), rng.randint(1, 40)
    region = np.zeros((height, width), bool)
    for _ in range(rng.randrange(3)):
        y, x = rng.randrange(height), rng.randrange(width)
        region[y : y + rng.randint(1, 30), x : x + rng.randint(1, 30)] = True
    image, file_format = store(rng, region)
    file = save(image, file_format)
    if rng.random() < 0.2:
        return Case(mutate(rng, file, 3), None, (width, height))
    return Case(file, region, (width, height))


def store(rng: random.Random, region: np.ndarray) -> tuple[Image.Image, str]:
    """The region as some program would store it."""
    kind = rng.randrange(7)
    if kind == 0:  # one value inside
        return Image.fromarray(region * np.uint8(rng.choice([1, 2, 127, 255]))), "PNG"
    if kind == 1:
        return Image.fromarray(region * np.uint16(rng.choice([1, 255, 256, 65_535]))), "TIFF"
    if kind == 2:
        return Image.fromarray(region * np.uint8(255)).convert("1"), rng.choice(["PNG", "TIFF"])
    if kind == 3:  # a colour on black
        colour = np.array(rng.choice([(255, 0, 0), (0, 128, 0), (255, 255, 255)]), np.uint8)
        return Image.fromarray(region[..., None] * colour), rng.choice(["PNG", "BMP"])
    if kind == 4:  # painted on transparent ground
        paint = Image.new("RGBA", region.shape[::-1], (200, 30, 30, 0))
        paint.putalpha(Image.fromarray(region * np.uint8(255)))
        return paint, "PNG"
    if kind == 5:
        return Image.fromarray(region * np.float32(rng.choice([1, 255]))), "TIFF"
    return Image.fromarray(region * np.uint8(255)), "GIF"


def save(image: Image.Image, file_format: str) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format)
    return file.getvalue()


def cases() -> st.SearchStrategy[Case]:
    return seeds().map(make)


def prepare(folder: Path) -> None:
    """Nothing is needed."""


def check(case: Case, folder: Path) -> str:
    path = folder / "mask.png"
    path.write_bytes(case.data)
    mask, refusal = attempt(lambda: read_mask(path, case.size), names=str(path))
    if refusal is not None:
        require(case.region is None, f"a sound mask is refused: {refusal}")
        return "refused"
    require(mask.mode == "L" and mask.size == case.size, f"{mask.mode}, {mask.size}")
    values = np.asarray(mask)
    require(np.isin(values, (0, 255)).all(), "other values than 0 and 255")
    if case.region is not None:
        require(np.array_equal(values > 0, case.region), "another region than was stored")
    return "read"
