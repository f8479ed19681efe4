"""Image files and tensors, in and out, with errors that name the file."""

import io
import os
from collections.abc import Iterable
from errno import ENOTDIR
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from synthderm.callers import name_some, warn_caller
from synthderm.files import atomic_path, walk_files
from synthderm.imaging.color_profiles import to_srgb
from synthderm.imaging.decoding import decode, read_file, upright
from synthderm.imaging.mask_files import is_lossy, mask_region
from synthderm.imaging.provenance import Provenance, provenance_options

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp")
# Other pictures, which are not taken from folders.
OTHERS = (".heic", ".heif", ".avif", ".gif", ".dcm", ".jp2", ".ppm", ".dng", ".nef", ".cr2", ".arw")
WRITABLE = (*SUFFIXES, ".gif")
# Options of formats that lose detail, so that little is lost; the longest side they can have.
QUALITY = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}}
LONGEST = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535}


def read_image(path: str | os.PathLike[str]) -> Image.Image:
    """An image file as PIL RGB in sRGB, turned upright by its EXIF orientation.

    Grey, palette, CMYK and 16-bit grey files are converted; colours are converted from the profile
    that the file embeds; transparency is laid on white. Of an animation, or of several pages, it is
    the first picture. Nothing but the pixels is kept: no EXIF data, no profile.

    Raises:
        OSError: there is no such file, or it can't be read.
        ValueError: not an image of `synthderm.imaging.decoding.FORMATS`, damaged, or too large.
    """
    return parse_image(read_file(path), path)


def parse_image(data: bytes, name: object) -> Image.Image:
    """As `read_image`, of a file in memory that errors call by this name."""
    return to_rgb(upright(decode(data, name), name), name)


def to_rgb(image: Image.Image, name: object) -> Image.Image:
    """Any decoded image as RGB in sRGB, by its meaning.

    Args:
        image: of any mode, with the profile of its file in `info`.
        name: the file, for errors.

    Raises:
        ValueError: values without a fixed range.
    """
    colours, alpha = image, None
    if image.has_transparency_data:
        is_grey = image.mode in ("L", "LA", "La")
        layer = image.convert("LA" if is_grey else "RGBA")
        colours, alpha = layer.convert("L" if is_grey else "RGB"), layer.getchannel("A")
    elif image.mode in ("I", "F") or image.mode.startswith("I;16"):
        colours = _to_8_bits(image, name)
    elif image.mode not in ("RGB", "L", "CMYK"):
        colours = image.convert("L" if image.mode == "1" else "RGB")
    if profile := image.info.get("icc_profile"):
        colours = to_srgb(colours, profile, name)
    if colours.mode != "RGB":
        colours = colours.convert("RGB")
    if alpha is not None:
        colours.paste("white", mask=ImageChops.invert(alpha))
    # Saved again, a profile that has been applied would be applied twice.
    colours.info.clear()
    return colours


def _to_8_bits(image: Image.Image, name: object) -> Image.Image:
    """16-bit grey, scaled: Pillow would clip it."""
    if image.mode == "F":
        raise ValueError(
            f"{name} is a floating point image (mode F), which has no fixed range: convert it to 8"
            " bits."
        )
    grey = np.asarray(image)
    low, high = int(grey.min()), int(grey.max())
    if low < 0 or high > 65535 or 0 < high < 4096:
        raise ValueError(
            f"{name} has grey values from {low} to {high}, which are not those of a 16-bit"
            " photograph (0 to 65535): scale it to 8 bits."
        )
    return Image.fromarray(((grey.astype(np.uint32) + 128) // 257).astype(np.uint8))


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> Image.Image:
    """A mask file as PIL mode L with 0 and 255, whatever its own values; see
    `synthderm.imaging.mask_files`.

    Args:
        path: the file.
        size: the (width, height) that it must have.

    Raises:
        OSError: there is no such file, or it can't be read.
        ValueError: no image, another size than its image's, or no clear region.
    """
    image = decode(read_file(path), path)
    lossy = is_lossy(image)
    image = upright(image, path)
    if image.size != size:
        turned = " (images are turned upright by their EXIF data)" * (image.size == size[::-1])
        raise ValueError(
            f"mask {path} is {image.width}x{image.height} pixels, its image {size[0]}x{size[1]}:"
            f" they must match{turned}."
        )
    try:
        region = mask_region(image, is_lossy=lossy)
    except ValueError as error:
        raise ValueError(f"the region of mask {path} is not clear: {error}.") from None
    return Image.fromarray(region.astype(np.uint8) * 255)


def list_images(directory: str | os.PathLike[str]) -> list[Path]:
    """The image files below a folder, sorted.

    Links are followed. Hidden files and what systems leave behind are passed over, see
    `synthderm.files.walk_files`; pictures in other formats are left out with a warning.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no image in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise FileNotFoundError(f"there is no folder {directory}.")
    return choose_images(walk_files(directory), directory)


def choose_images(files: Iterable[Path], directory: Path) -> list[Path]:
    """As `list_images`, of files that are known.

    Args:
        files: the files.
        directory: the folder that they are from, for the message.
    """
    files = list(files)
    images = [path for path in files if path.suffix.lower() in SUFFIXES]
    others = [path for path in files if path.suffix.lower() in OTHERS]
    if others:
        warn_caller(f"{name_some(others)}: left out; save such pictures as JPEG or PNG.")
    if not images:
        raise ValueError(f"{directory} holds no image ({', '.join(SUFFIXES)}).")
    return images


def to_tensor(image: Image.Image) -> Tensor:
    """PIL L, RGB or RGBA to (1, 3 or 4, H, W) uint8."""
    array = np.asarray(image)
    return torch.from_numpy((array[None] if array.ndim == 2 else array.transpose(2, 0, 1)).copy())


def to_pil(image: Tensor) -> Image.Image:
    """(1, 3 or 4, H, W), uint8, bool or float in [0, 1], to PIL L, RGB or RGBA."""
    if image.dtype == torch.bool:
        image = image.to(torch.uint8) * 255
    elif image.is_floating_point():
        image = (image * 255).round().clamp(0, 255).to(torch.uint8)
    # Pillow puts planes together 3 to 12 times as fast as torch or numpy transpose them.
    bands = [Image.fromarray(band) for band in image.cpu().numpy()]
    return bands[0] if len(bands) == 1 else Image.merge("RGBA"[: len(bands)], bands)


def looks_like_mask(image: Image.Image) -> bool:
    """Whether an RGB image is black and white alone."""
    pixels = to_tensor(image)
    return bool(((pixels == 0) | (pixels == 255)).all() and (pixels == pixels[:1]).all())


def is_picture(path: Path) -> bool:
    """Whether a file is a photograph or a mask, by its suffix."""
    return os.path.splitext(path.name)[1].lower() in WRITABLE


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The format to write a picture in, by the suffix of its name.

    Raises:
        ValueError: there is none, or one of something else.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITABLE:
        raise ValueError(f"{path} has no suffix of a picture; use one of {', '.join(WRITABLE)}.")
    return Image.registered_extensions()[suffix]


def write_image(
    image: Image.Image,
    path: str | os.PathLike[str],
    *,
    file_format: str | None = None,
    provenance: Provenance | None = None,
    **options: Any,
) -> None:
    """Save a picture, whole or not at all.

    Args:
        image: the picture.
        path: the file.
        file_format: Pillow's name of a format; that of the file's suffix where None.
        provenance: what made it, to be written into the file.
        options: for `Image.save`; by default formats that lose detail lose little.

    Raises:
        ValueError: a suffix that is no picture's, or a picture too large for its format.
        OSError: the folder can't be made or written to.
    """
    path = Path(path)
    file_format = file_format or check_suffix(path)
    _check_sides(image, file_format, f"{path}: ")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give another name to the picture.")
    options = QUALITY.get(file_format, {}) | options
    if provenance is not None:
        options |= provenance_options(provenance, file_format, options.get("exif", b""))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(path.parent)) from None
    with atomic_path(path) as part:
        image.save(part, format=file_format, **options)


def encode_image(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """The bytes of a picture's file.

    Args:
        image: the picture.
        file_format: Pillow's name of a format.
        options: for `Image.save`; by default formats that lose detail lose little.

    Raises:
        ValueError: a picture too large for its format.
    """
    _check_sides(image, file_format)
    file = io.BytesIO()
    image.save(file, format=file_format, **QUALITY.get(file_format, {}) | options)
    return file.getvalue()


def _check_sides(image: Image.Image, file_format: str, place: str = "") -> None:
    longest = LONGEST.get(file_format, max(image.size))
    if max(image.size) > longest:
        raise ValueError(
            f"{place}a {file_format} is at most {longest:,} pixels wide and high, and this picture"
            f" is {image.width:,}x{image.height:,}; write a PNG."
        )
