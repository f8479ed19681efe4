"""Image files and tensors, in and out, with errors that name the file."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from synthderm.callers import name_some, warn_caller
from synthderm.files import atomic_path, walk_files

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp")
# Other pictures, which are not taken from folders.
OTHERS = (".heic", ".heif", ".avif", ".gif", ".dcm", ".jp2", ".ppm", ".dng", ".nef", ".cr2", ".arw")


def read_image(path: str | os.PathLike[str]) -> Image.Image:
    """An image file as PIL RGB, turned upright by its EXIF orientation.

    Grey, palette, CMYK and 16-bit grey files are converted; transparency is laid on white.

    Raises:
        ValueError: not an image, cut short, or more pixels than Pillow's `Image.MAX_IMAGE_PIXELS`
            allows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return to_rgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"{path} has more than {Image.MAX_IMAGE_PIXELS:,} pixels; shrink it, or raise"
            " PIL.Image.MAX_IMAGE_PIXELS if you trust it."
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image that Pillow can read.") from None
    except (OSError, SyntaxError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
            raise
        raise ValueError(
            f"{path} is damaged or cut short ({error}); save it again or leave it out."
        ) from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL image as RGB, by its meaning: 16-bit grey is scaled (Pillow would clip it),
    transparency goes on white."""
    if image.mode.startswith("I;16") or image.mode == "I":
        grey = np.asarray(image, dtype=np.float64)
        return Image.fromarray((grey / 257).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError(
            "a floating point image (mode F) has no fixed range: convert it to 8 bits first."
        )
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> Image.Image:
    """A mask file as PIL mode L with 0 and 255, split at half.

    Args:
        path: the file.
        size: the (width, height) that it must have.

    Raises:
        ValueError: another size than its image's.
    """
    mask = ImageOps.grayscale(read_image(path))
    if mask.size != size:
        raise ValueError(
            f"mask {path} is {mask.size[0]}x{mask.size[1]} pixels, its image {size[0]}x{size[1]}:"
            " they must match."
        )
    return mask.point(lambda value: 255 if value > 127 else 0)


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
    files = walk_files(directory)
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


def grid(images: Tensor, columns: int, gap: int = 2) -> Tensor:
    """(B, 3, H, W) to one (3, H', W') contact sheet on white, row by row."""
    missing = -len(images) % columns  # in the last row
    white = 255 if images.dtype == torch.uint8 else 1
    cells = F.pad(images, (0, gap, 0, gap, 0, 0, 0, missing), value=white)
    # From (rows, columns, 3, H, W) to (3, rows, H, columns, W).
    sheet = cells.unflatten(0, (-1, columns)).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
    return sheet[:, : sheet.shape[1] - gap, : sheet.shape[2] - gap]


def outline(
    images: Tensor, masks: Tensor, colour: tuple[float, float, float] = (0.1, 1.0, 0.6)
) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] with the border of their masks (B, 1, H, W) drawn in."""
    share = F.avg_pool2d(masks.float(), 3, 1, 1, count_include_pad=False)
    border = masks & (share < 1)
    return torch.where(border, torch.tensor(colour, device=images.device).view(1, 3, 1, 1), images)


def write_image(image: Image.Image, path: str | os.PathLike[str], **options: Any) -> None:
    """Save a picture in the format of its suffix, whole or not at all. `options` go to
    `Image.save`.

    Raises:
        ValueError: a suffix that Pillow can't write.
        OSError: the folder can't be made or written to.
    """
    path = Path(path)
    file_format = Image.registered_extensions().get(path.suffix.lower())
    if file_format not in Image.SAVE:
        raise ValueError(f"{path} has no suffix of a picture; use one of {', '.join(SUFFIXES)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if file_format == "JPEG":
        options = {"quality": 95, "subsampling": 0} | options
    with atomic_path(path) as part:
        image.save(part, format=file_format, **options)
