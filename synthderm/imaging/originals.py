"""Photographs to be edited: what their files hold besides pixels, and edited copies written with
it."""

import os
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from synthderm.callers import warn_caller
from synthderm.imaging.decoding import decode, find_turn, read_file
from synthderm.imaging.io import check_suffix, to_rgb, write_image
from synthderm.imaging.jpeg_files import jpeg_options, read_planes
from synthderm.imaging.provenance import Provenance, find_provenance

WITH_EXIF = ("JPEG", "MPO", "PNG", "WEBP")  # formats; in a TIFF such data are of its own layout
WITH_PROFILE = (*WITH_EXIF, "TIFF")
MAKER_NOTE = 0x927C  # in the maker's own format, often with a preview of the picture
LONGEST_EXIF = 65_000  # bytes in a JPEG


class Original:
    """A photograph and its file.

    Args:
        path: the file; see `read_image` for what is read, and for what is raised.

    Attributes:
        image: PIL RGB in sRGB, upright, as `read_image` gives it.
        origin: what the file says of where it comes from, as `read_provenance` gives it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        data = read_file(path)
        decoded = decode(data, path)
        self.origin = find_provenance(data, decoded)
        turn = find_turn(decoded, path)
        raw = decoded if turn is None else decoded.transpose(turn)
        profile = decoded.info.get("icc_profile")
        self._exif = _upright_exif(decoded, raw.size, path)
        self._jpeg = jpeg_options(decoded, turn)
        self._ycc = None if self._jpeg is None else read_planes(data, path, decoded, turn)
        self.image = to_rgb(raw, path)
        is_converted = self.image is not raw  # then its colours are sRGB, and not the file's
        self._profile = None if is_converted else profile
        if is_converted:
            self._ycc = None

    def write_copy(
        self,
        edited: Image.Image,
        mask: Image.Image,
        path: Path,
        *,
        exif: bool = True,
        provenance: Provenance | None = None,
    ) -> None:
        """Write an edited copy, of the same size, upright.

        Outside the mask a JPEG of a JPEG is compressed as that was. PNG, TIFF, BMP and WebP (which
        is written without loss) keep all pixels of `edited` bit for bit.

        Args:
            edited: RGB; outside the mask as `image`.
            mask: L, 255 inside.
            path: the file to write; its suffix gives the format.
            exif: keep the EXIF data (place, time, camera), without previews.
            provenance: what made the edit, to be written into the file.
        """
        file_format = check_suffix(path)
        options: dict[str, Any] = {}
        if exif and self._exif and file_format in WITH_EXIF:
            options["exif"] = self._exif
        if self._profile and file_format in WITH_PROFILE:
            options["icc_profile"] = self._profile
        if file_format == "WEBP":
            options["lossless"] = True
        if file_format == "JPEG" and self._jpeg:
            options |= self._jpeg
            if self._ycc is not None:
                edited = Image.composite(edited.convert("YCbCr"), self._ycc, mask)
        write_image(edited, path, provenance=provenance, **options)


def _upright_exif(decoded: Image.Image, size: tuple[int, int], name: object) -> bytes:
    """The EXIF data of an upright copy, without previews of the picture as it was."""
    if decoded.format not in WITH_EXIF:
        return b""
    try:
        exif = decoded.getexif()
        if not exif:
            return b""
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details.pop(MAKER_NOTE, None)
        sides = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
        details.update({tag: side for tag, side in zip(sides, size) if tag in details})
        data = exif.tobytes()
        if len(data) > LONGEST_EXIF:
            raise ValueError(f"{len(data):,} bytes")
    # Anything: EXIF data are a file of their own.
    except Exception as error:
        warn_caller(f"{name} has EXIF data that can't be kept ({error}).")
        return b""
    return data
