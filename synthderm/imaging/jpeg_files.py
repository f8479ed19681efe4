"""JPEG files written over a JPEG file, so that what was not edited is compressed to what it was.

A JPEG is compressed in blocks of 8 or 16 pixels. Compressed anew with the same quantisation, and
from the same luma and chroma, a block gives the same numbers again. Three things would spoil that:
other tables, the way over RGB, which rounds, and chroma that was enlarged for the screen and is
shrunk again, which blurs.
"""

from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from synthderm.imaging.decoding import decode

FULL, WIDE, HALF = 0, 1, 2  # Pillow's numbers for 4:4:4, 4:2:2 and 4:2:0
BLOCKS = {FULL: (8, 8), WIDE: (16, 8), HALF: (16, 16)}  # width and height
# Turns by which width and height change places, and those by which blocks are counted from the
# other end: of the width, and of the height of the picture as stored.
_T = Image.Transpose
SIDEWAYS = (_T.ROTATE_90, _T.ROTATE_270, _T.TRANSPOSE, _T.TRANSVERSE)
FLIPPED = (
    (_T.FLIP_LEFT_RIGHT, _T.ROTATE_180, _T.ROTATE_90, _T.TRANSVERSE),
    (_T.FLIP_TOP_BOTTOM, _T.ROTATE_180, _T.ROTATE_270, _T.TRANSVERSE),
)


def jpeg_options(source: Image.Image, turn: Image.Transpose | None) -> dict[str, Any] | None:
    """How to save a picture as a JPEG was saved, for Pillow's `Image.save`; None for another kind
    of file, and where blocks would lie elsewhere.

    Args:
        source: a decoded file.
        turn: what puts it upright, as the picture is.
    """
    if not isinstance(source, JpegImageFile) or source.mode not in ("RGB", "L"):
        return None
    sampling = FULL if source.mode == "L" else get_sampling(source)
    if sampling not in BLOCKS or (sampling == WIDE and turn in SIDEWAYS):
        return None
    for side, block, turns in zip(source.size, BLOCKS[sampling], FLIPPED):
        if turn in turns and side % block:
            return None
    tables = [source.quantization[component[3]] for component in source.layer]
    if turn in SIDEWAYS:
        tables = [[table[8 * (k % 8) + k // 8] for k in range(64)] for table in tables]
    return {
        "qtables": tables,
        "quality": -1,  # the tables as they are
        "subsampling": sampling,
        "progressive": "progressive" in source.info,
        "optimize": True,
    }


def read_planes(
    data: bytes, name: object, source: Image.Image, turn: Image.Transpose | None
) -> Image.Image | None:
    """The luma and chroma of a JPEG, upright, as a YCbCr image of which the encoder makes the same
    again; None where it has others than these, or of another size.

    Args:
        data: the file.
        name: its path, for errors.
        source: the same, decoded; its mode and size, and where it is marked as RGB.
        turn: what puts it upright.
    """
    sampling, (width, height) = get_sampling(source), source.size
    is_ycc = source.mode == "RGB" and source.info.get("adobe_transform", 1) == 1
    if not is_ycc or sampling not in (FULL, HALF) or min(width, height) < 2:
        return None
    try:
        full = decode(data, name, ("YCbCr", (width, height)))
        # Half as large, each component is decoded at the size that half-size chroma has.
        half = decode(data, name, ("YCbCr", (width // 2, height // 2)))
    except ValueError:  # RGB that does not say so
        return None
    planes = list(full.split())
    if sampling == HALF:
        planes[1:] = [_double(plane, (width, height)) for plane in half.split()[1:]]
    picture = Image.merge("YCbCr", planes)
    return picture if turn is None else picture.transpose(turn)


def _double(plane: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A plane with each pixel twice in both directions, which the encoder's mean gives back."""
    doubled = plane.resize((2 * plane.width, 2 * plane.height), Image.Resampling.NEAREST)
    return doubled.crop((0, 0, *size))
