"""Photographs: files of all formats, damaged; and their edited copies."""

import io
import random
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from synthderm.imaging.io import read_image
from synthderm.imaging.originals import Original
from tests.fuzz.mutations import mutate, seeds
from tests.fuzz.outcome import attempt, require
from tests.imaging.profiles import DISPLAY_P3, rgb_profile

ATTACK = "image files of six formats with bits, lengths, sizes, EXIF data and profiles damaged"
MODES = {
    "PNG": ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"],
    "JPEG": ["RGB", "L", "CMYK"],
    "GIF": ["P", "L", "RGB"],
    "TIFF": ["RGB", "RGBA", "L", "CMYK", "1", "I;16", "F"],
    "BMP": ["RGB", "L", "1"],
    "WEBP": ["RGB", "RGBA"],
}
OPTIONS = {
    "PNG": [{}, {"compress_level": 0}],
    "JPEG": [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}],
    "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_deflate"}],
    "WEBP": [{}, {"lossless": True}],
}


def draw(rng: random.Random, mode: str) -> Image.Image:
    """A small picture of noise or of one colour."""
    width, height = rng.randint(1, 24), rng.randint(1, 24)
    pixels = np.frombuffer(rng.randbytes(width * height * 3), np.uint8).reshape(height, width, 3)
    if rng.random() < 0.3:
        pixels = np.full_like(pixels, rng.randrange(256))
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    return Image.fromarray(pixels).convert("L" if mode == "F" else "RGB").convert(mode)


def save(rng: random.Random, picture: Image.Image, file_format: str) -> bytes:
    """A file of it, with EXIF data and a profile now and then."""
    options = dict(rng.choice(OPTIONS.get(file_format, [{}])))
    if file_format in ("PNG", "JPEG", "WEBP") and rng.random() < 0.4:
        exif = Image.Exif()
        exif[0x0112] = rng.randrange(1, 9)
        exif[0x010F] = "maker" * rng.randrange(20)
        options["exif"] = mutate(rng, exif.tobytes()) if rng.random() < 0.5 else exif.tobytes()
    if picture.mode in ("RGB", "RGBA") and file_format in MODES and rng.random() < 0.3:
        options["icc_profile"] = mutate(rng, rgb_profile(DISPLAY_P3))
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def make(rng: random.Random) -> bytes:
    file_format = rng.choice(list(MODES))
    most = rng.choice([0, 1, 1, 2, 6, 6])
    return mutate(rng, save(rng, draw(rng, rng.choice(MODES[file_format])), file_format), most)


def cases() -> st.SearchStrategy[bytes]:
    return seeds().map(make)


def prepare(folder: Path) -> None:
    """Nothing is needed."""


def check(data: bytes, folder: Path) -> str:
    path = folder / "x.jpg"
    path.write_bytes(data)
    image, refusal = attempt(lambda: read_image(path), names=str(path))
    if refusal is not None:
        return "refused"
    require(image.mode == "RGB" and not image.info, f"mode {image.mode}, info {list(image.info)}")
    require(image.width * image.height <= Image.MAX_IMAGE_PIXELS, "more pixels than are allowed")
    image.load()
    original, refusal = attempt(lambda: Original(path), names=str(path))
    require(refusal is None, f"an image that can't be edited: {refusal}")
    require(original.image.tobytes() == image.tobytes(), "edited from other pixels than are read")
    if image.width * image.height > 10**6:
        return "read"
    for suffix in (".png", ".jpg"):
        check_copy(original, image, folder / f"copy{suffix}")
    return "read"


def check_copy(original: Original, image: Image.Image, copy: Path) -> None:
    """A copy in which nothing was edited has the same size and, in a PNG, the same pixels."""
    nothing = Image.new("L", image.size)
    _, refusal = attempt(lambda: original.write_copy(image, nothing, copy))
    require(refusal is None, f"a copy can't be written: {refusal}")
    again = attempt(lambda: read_image(copy), names=str(copy)).result
    require(again is not None and again.size == image.size, "the copy has another size")
    with Image.open(copy) as opened:
        has_profile = "icc_profile" in opened.info
    if copy.suffix == ".png" and not has_profile:
        require(again.tobytes() == image.tobytes(), "the copy has other pixels")
