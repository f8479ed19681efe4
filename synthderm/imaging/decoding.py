"""Image files from anywhere, decoded within bounds: photographic formats alone, and limits on
bytes, pixels and work.

Pillow chooses the format by a file's content, not by its name, and can read far more formats than
photographs come in; one of them hands the file to Ghostscript, which runs it. So this is the one
place that opens image files.
"""

import io
import os
import stat
import warnings

from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from synthderm.callers import warn_caller
from synthderm.imaging.jpeg_scans import count_scans

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
LARGEST_FILE = 600_000_000  # bytes: 16-bit colour, uncompressed, of as many pixels as are allowed
# Calls that a decoder makes to get at its file. A large photograph takes a few thousand; a file of
# empty chunks takes one or more a chunk, for as many minutes as it likes.
MOST_READS = 300_000
# A progressive JPEG of a few kilobytes may ask for the whole picture to be gone over again and
# again. Cameras and editors write 5 to 20 scans.
MOST_SCANS = 1000
SCANS_OF_LARGEST = 32  # how often as many pixels as are allowed may be gone over

REDUCED, DNG_VERSION, TILE_WIDTH, TILE_LENGTH = 254, 50706, 322, 323  # tags of TIFF
TURNS = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# How files begin that are often taken for images, and what to do with them.
OTHERS = {
    b"%!PS": "it is PostScript: export it as PNG",
    b"%PDF": "it is a PDF: export its picture as PNG",
    b"<": "it is a web page or a drawing (SVG), perhaps a download that failed: fetch it again",
    b"version https://git-lfs": "it is a pointer of Git LFS: run git lfs pull",
}


class _EndlessError(Exception):
    """A decoder went on reading for too long."""


class _RefusedError(Exception):
    """A file that could be decoded and is not, with the reason."""


class _CountedFile(io.BytesIO):
    """A file in memory that can be read a limited number of times."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MOST_READS:
            raise _EndlessError
        return super().read(size)


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an image file.

    Raises:
        OSError: it is not there, or can't be read.
        ValueError: it is empty, too large, or no regular file (a pipe would be waited for).
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{path} is a folder, not an image file.")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is no regular file: save it to the disk first.")
    if status.st_size > LARGEST_FILE:
        raise ValueError(
            f"{path} is larger than {LARGEST_FILE:,} bytes, more than an image needs; save it as"
            " PNG or JPEG."
        )
    with open(path, "rb") as file:
        data = file.read()
    if not data:
        raise ValueError(f"{path} is empty; copy or download it again.")
    return data


def decode(
    data: bytes, name: object, draft: tuple[str, tuple[int, int]] | None = None
) -> Image.Image:
    """The first picture of an image file, in the file's own mode and orientation.

    Args:
        data: the whole file.
        name: its path, for errors.
        draft: mode and size to decode a JPEG to, for Pillow's `Image.draft`.

    Raises:
        ValueError: not an image, damaged or cut short, more pixels than Pillow's
            `Image.MAX_IMAGE_PIXELS` allows, or made to keep a decoder busy.
    """
    try:
        with warnings.catch_warnings(record=True) as odd:
            warnings.simplefilter("always")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(_CountedFile(data), formats=FORMATS)
            _check_work(image, data, name)
            if draft is not None:
                image.draft(*draft)
            has_16_bits = ";16" in str(image.tile)
            image.load()
        _check_depth(image, has_16_bits, name)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"{name} has more than {Image.MAX_IMAGE_PIXELS:,} pixels; shrink it, or raise"
            " PIL.Image.MAX_IMAGE_PIXELS if you trust it."
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not an image that can be read; {_hint(data)}.") from None
    except _RefusedError as error:
        raise ValueError(str(error)) from None
    except _EndlessError:
        raise ValueError(
            f"{name} is damaged, or made to keep its reader busy: it has more parts than an image"
            " needs; save it again or leave it out."
        ) from None
    # Decoders raise almost anything when a file is broken.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{name} is damaged or cut short ({reason}); save it again or leave it out."
        ) from None
    _pass_on(odd, name)
    return image


def _check_work(image: Image.Image, data: bytes, name: object) -> None:
    """Refuse a file that makes much work of few pixels, or whose first picture is a preview."""
    most = Image.MAX_IMAGE_PIXELS
    if image.format in ("JPEG", "MPO"):
        scans = count_scans(data, MOST_SCANS + 1)
        work = scans * image.width * image.height
        if scans > MOST_SCANS or (most is not None and work > SCANS_OF_LARGEST * most):
            raise _RefusedError(
                f"{name} is a JPEG that is made to keep its reader busy: it has {scans:,} scans,"
                " and a photograph has 20 at most; save it again or leave it out."
            )
    if isinstance(image, TiffImageFile):
        tags = image.tag_v2
        if tags.get(REDUCED, 0) & 1 or DNG_VERSION in tags or data[8:10] == b"CR":
            raise _RefusedError(
                f"{name} is a camera's raw file, of which only a preview could be read; export it"
                " as TIFF, PNG or JPEG."
            )
        if most is not None and tags.get(TILE_WIDTH, 0) * tags.get(TILE_LENGTH, 0) > most:
            raise _RefusedError(f"{name} has tiles of more than {most:,} pixels; save it again.")


def _check_depth(image: Image.Image, has_16_bits: bool, name: object) -> None:
    """Refuse 16-bit colours of which nothing is left: Pillow reads their high bytes alone."""
    is_colour = has_16_bits and image.mode in ("RGB", "RGBA")
    if is_colour and not any(image.getchannel(band).getbbox() for band in "RGB"):
        raise _RefusedError(
            f"{name} has 16-bit colours below 256, of which nothing would be seen; save it with 8"
            " bits."
        )


def _hint(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return "it is HEIC, AVIF or a film: save it as JPEG or PNG"
    if data[128:132] == b"DICM":
        return "it is DICOM: export its picture as PNG"
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    kinds = f"these formats are: {', '.join(FORMATS)}"
    return next((text for magic, text in OTHERS.items() if start.startswith(magic)), kinds)


def upright(image: Image.Image, name: object) -> Image.Image:
    """A decoded image turned by its EXIF orientation; as it is, with a warning, if its EXIF data
    can't be understood."""
    turn = find_turn(image, name)
    return image if turn is None else image.transpose(turn)


def find_turn(image: Image.Image, name: object) -> Image.Transpose | None:
    """What puts a decoded image upright; None if it is, or, with a warning, if its EXIF data can't
    be understood."""
    try:
        with warnings.catch_warnings(record=True) as odd:
            warnings.simplefilter("always")
            turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        _pass_on(odd, name)
    # Anything again: EXIF data are a file of their own.
    except Exception:
        warn_caller(f"{name} has damaged EXIF data: it is not turned upright.")
        return None
    return turn


def _pass_on(odd: list[warnings.WarningMessage], name: object) -> None:
    """Pillow's warnings of odd metadata, with the file's name before them."""
    for text in dict.fromkeys(str(warning.message).strip() for warning in odd):
        warn_caller(f"{name}: {text}")
