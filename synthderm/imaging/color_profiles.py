"""Embedded colour profiles (ICC): what the numbers of an image file look like, in sRGB.

Phones photograph in Display P3 and some cameras in Adobe RGB. Read as sRGB their pictures are paler
than the skin was, and redness is less of a redness.
"""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from synthderm.callers import warn_caller

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of Pillow, by the profile's colour space
# Profiles of sRGB are many, and differ in the last digit. A picture under one of them stays as it
# is, bit for bit, since no value would change by more than this.
SAME = 2


def to_srgb(image: Image.Image, profile: bytes, name: object) -> Image.Image:
    """An image's colours in sRGB.

    Args:
        image: RGB, L or CMYK.
        profile: what its file embeds.
        name: the file, for the warning.

    Returns:
        an RGB image; or the image itself if that is in sRGB already, or, with a warning, if the
        profile is broken or belongs to another kind of image.
    """
    try:
        mode, transform = _transform(profile)
        if image.mode == "L" and mode == "RGB":
            image = image.convert("RGB")
        if image.mode != mode:
            raise ValueError(f"it is for {mode}, and the image is {image.mode}")
        return image if transform is None else transform.apply(image)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        warn_caller(
            f"{name} has a colour profile that can't be used ({reason}); its colours are taken for"
            " sRGB."
        )
        return image


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """The mode that a profile is for, and the way from there to sRGB; None if it is sRGB itself."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space
    if space not in MODES:
        raise ValueError(f"its colour space is {space.strip()!r}")
    # As image editors do it: white stays white, black stays black.
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        MODES[space],
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    sample = _sample(MODES[space])
    if sample is not None:
        change = np.asarray(transform.apply(sample), int) - np.asarray(sample.convert("RGB"), int)
        if np.abs(change).max() <= SAME:
            return MODES[space], None
    return MODES[space], transform


def _sample(mode: str) -> Image.Image | None:
    """All greys, or colours evenly spread; None of CMYK, which is never sRGB."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    if mode == "RGB":
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
        return Image.fromarray(cube.reshape(1, -1, 3))
    return None
