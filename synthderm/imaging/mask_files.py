"""What a mask file says: one region, in whatever way its values are stored.

Black is outside. Inside is white, or 1, or whatever one value or one colour there is beside black;
or what is painted on transparent ground. Grey levels from black to white, as a soft brush and JPEG
leave them, are split at half. Where a file could mean two regions it is refused.
"""

import numpy as np
from PIL import Image

LEVELS = (1, 255, 65535)  # what white is: of floats, in 8 bits, in 16 bits
FEW = 0.2  # the share of white up to which a level counts as black; as far from white, as white
PURE = 0.95  # the share of white from which on a mask without black is white everywhere
SHOWN = 8  # so few levels may be classes; an error names them
ADVICE = "save it with one channel, 0 outside and 255 inside"
COLOUR_TOLERANCE = 16  # of 255: what JPEG changes


def mask_region(image: Image.Image, *, is_lossy: bool) -> np.ndarray:
    """The region of a decoded mask.

    Args:
        image: of any mode.
        is_lossy: the file was compressed with loss, which smears levels.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: the reason why the region is not clear, without the file's name.
    """
    if image.has_transparency_data:
        levels = _painted(image)
    elif image.mode in ("L", "I", "F") or image.mode.startswith("I;16"):
        levels = np.asarray(image)
    elif image.mode == "1":
        levels = np.asarray(image.convert("L"))
    elif image.mode == "P" and _says_nothing(image):
        levels = np.asarray(image)
    else:
        levels = _of_one_colour(np.asarray(image.convert("RGB")))
    return levels > _threshold(*_histogram(levels), is_lossy, levels.dtype.kind == "f")


def is_lossy(image: Image.Image) -> bool:
    """Whether a decoded file was, or may have been, compressed with loss."""
    compression = str(image.info.get("compression", ""))
    return image.format in ("JPEG", "MPO", "WEBP") or "jpeg" in compression


def _histogram(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values of an image, in order, and the number of pixels of each."""
    if levels.dtype not in (np.uint8, np.uint16):
        return np.unique(levels, return_counts=True)
    # Many times as fast; in parts, since it needs eight bytes a pixel.
    parts = np.array_split(levels.ravel(), 1 + levels.size // 2**20)
    most = np.iinfo(levels.dtype).max + 1
    counts = np.sum([np.bincount(part, minlength=most) for part in parts], axis=0)
    values = np.flatnonzero(counts)
    return values, counts[values]


def _threshold(values: np.ndarray, counts: np.ndarray, is_lossy: bool, is_float: bool) -> float:
    """The level above which a pixel is inside."""
    low, high = values[0], values[-1]
    if not (np.isfinite(values).all() and low >= 0 and high <= LEVELS[-1]):
        raise ValueError(f"its values go from {low:g} to {high:g}; {ADVICE}")
    if high == 0:
        return 0
    is_share = is_float and high < 1  # of white, which is 1: a soft mask's, or a probability
    if not (is_lossy or is_share) and (len(values) == 1 or (len(values) == 2 and low == 0)):
        return 0
    white = next(level for level in LEVELS[0 if is_float else 1 :] if high <= level)
    dark, bright = FEW * white, (1 - FEW) * white
    between = counts[(values > dark) & (values < bright)].sum() / counts.sum()
    has_ends = high >= bright and (low <= dark or low >= PURE * white)
    is_soft = has_ends and between <= (0.25 if len(values) <= SHOWN else 0.5)
    # Beside black and white only a few dark levels: classes, and white may be "unknown".
    is_labels = not is_lossy and len(values) > 2 and values[-2] <= dark and low == 0
    if not is_soft or is_labels:
        shown = ", ".join(f"{value:g}" for value in values[:SHOWN])
        seen = shown if len(values) <= SHOWN else f"{len(values)} levels from {low:g} to {high:g}"
        raise ValueError(f"it holds {seen}, which could be classes or shades; {ADVICE}")
    return white / 2


def _says_nothing(image: Image.Image) -> bool:
    """Whether a palette has one colour for all that an image holds, as that of classes has which
    were saved without colours: then its indices tell."""
    pixels = np.asarray(image.convert("RGB"))
    return bool((pixels == pixels[0, 0]).all() and np.ptp(np.asarray(image)) > 0)


def _painted(image: Image.Image) -> np.ndarray:
    """The levels of an image with transparency."""
    pixels = np.asarray(image.convert("RGBA"))
    colour, alpha = pixels[..., :3], pixels[..., 3]
    most = alpha.max()
    if alpha.min() == most and most > 0:  # the same everywhere: it says nothing
        return _of_one_colour(colour)
    shown = colour[alpha == most]
    if (shown == shown[0]).all():
        if most > 0 and not shown[0].any():
            raise ValueError(f"it is black on transparent, and could mean either; {ADVICE}")
        return alpha
    if most == 0:
        raise ValueError(f"it is transparent everywhere, over several colours; {ADVICE}")
    # Black and white with a transparent border, as turned images have it.
    seen = colour.astype(np.uint16) * alpha[..., None] // 255
    return _of_one_colour(seen.astype(np.uint8))


def _of_one_colour(pixels: np.ndarray) -> np.ndarray:
    """The levels of an (H, W, 3) image in shades of one colour: white, or another.

    Raises:
        ValueError: several colours.
    """
    if (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    levels = pixels.max(2)
    brightest = pixels.reshape(-1, 3)[levels.argmax()].astype(np.uint16)
    expected = (levels[..., None] * brightest // max(1, brightest.max())).astype(np.uint8)
    difference = np.maximum(pixels, expected) - np.minimum(pixels, expected)
    if difference.max() > COLOUR_TOLERANCE:
        raise ValueError(f"it shows several colours, and is no mask of one region; {ADVICE}")
    return levels
