"""Hostile and broken image files: one sentence with the file's name, soon, and nothing is run."""

import ast
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

import synthderm
from synthderm.imaging import decoding
from synthderm.imaging.io import read_image, read_mask
from synthderm.imaging.jpeg_scans import count_scans

ROOT = Path(synthderm.__file__).parents[1]
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n%%EOF\n"


def refused(path: Path, says: str) -> None:
    """Both readers refuse a file in one line that names it."""
    for read in (read_image, lambda path: read_mask(path, (9, 9))):
        with pytest.raises(ValueError, match=says) as error:
            read(path)
        assert path.name in str(error.value) and "\n" not in str(error.value)


def save(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(height * (width + 1))))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + rows + chunk(b"IEND", b"")


def tiff(tags: dict[int, int], data: bytes) -> bytes:
    """A grey TIFF of 9 x 9 pixels with these tags; 324 is the place of its data."""
    tags = {256: 9, 257: 9, 258: 8, 259: 1, 262: 1, 277: 1} | tags
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, start if value < 0 else value)
        for tag, value in sorted(tags.items())
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (POSTSCRIPT, "not an image .*PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40) + POSTSCRIPT, "not an image"),
        (b"%PDF-1.7\n", "not an image .*PDF"),
        (b"<html>404</html>", "not an image .*download"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not an image .*git lfs pull"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "not an image .*HEIC"),
        (bytes(128) + b"DICM" + bytes(40), "not an image .*DICOM"),
        (save(Image.new("RGB", (9, 9)), format="PPM"), "not an image .*PNG"),
        (save(Image.new("RGB", (9, 9)), format="ICO"), "not an image .*PNG"),
        (save(Image.new("RGB", (9, 9)), format="JPEG2000"), "not an image .*PNG"),
        (b"hello", "not an image .*JPEG"),
        (b"", "is empty"),
    ],
)
def test_formats_that_are_no_photographs(tmp_path, monkeypatch, data, says):
    monkeypatch.setattr("subprocess.Popen", None)
    for name in ("x.jpg", "x.png", "x"):
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, says)


def test_a_name_that_does_not_fit_is_no_obstacle(tmp_path):
    for file_format in decoding.FORMATS:
        Image.new("RGB", (9, 9), "red").save(tmp_path / "x.jpg", format=file_format)
        assert read_image(tmp_path / "x.jpg").size == (9, 9)


def test_bombs_of_pixels(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(png(3000, 3000))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000_000)  # half as much again is an error
    refused(tmp_path / "x.png", "more than 5,000,000 pixels")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    refused(tmp_path / "x.png", "more than 1,000,000 pixels")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # the user trusts what is there
    assert read_image(tmp_path / "x.png").size == (3000, 3000)


def test_tiles_are_no_larger_than_images(tmp_path):
    tile = zlib.compress(bytes(30_000 * 1000))
    tags = {259: 8, 322: 30_000, 323: 30_000, 324: -1, 325: len(tile)}
    (tmp_path / "x.tif").write_bytes(tiff(tags, tile))
    refused(tmp_path / "x.tif", "tiles of more than")


@pytest.mark.parametrize("tags", [{254: 1}, {50706: 0x0401}], ids=["preview", "DNG"])
def test_raw_files_are_not_read_as_their_previews(tmp_path, tags):
    data = tiff({273: -1, 279: 81} | tags, bytes(81))
    (tmp_path / "x.nef").write_bytes(data)
    refused(tmp_path / "x.nef", "raw file")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0\0\4ab" + bytes(30_000),  # a JPEG without an image
        png(9, 9, chunk(b"abCd", b"") * 20_000),
        png(9, 9, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))),
        png(9, 9, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(5_000_000)))),
    ],
    ids=["filler", "chunks", "text", "profile"],
)
def test_files_that_keep_a_reader_busy(tmp_path, monkeypatch, data):
    monkeypatch.setattr(decoding, "MOST_READS", 10_000)
    (tmp_path / "x.png").write_bytes(data)
    refused(tmp_path / "x.png", "damaged")


def with_scans(image: Image.Image, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = save(image, format="JPEG", progressive=True)
    scan, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[scan:end] * count + data[end:]


def test_a_jpeg_is_gone_over_a_limited_number_of_times(tmp_path, skin, monkeypatch):
    (tmp_path / "x.jpg").write_bytes(with_scans(skin, 50))
    assert read_image(tmp_path / "x.jpg").size == skin.size
    (tmp_path / "x.jpg").write_bytes(with_scans(skin, 1000))
    refused(tmp_path / "x.jpg", "1,001 scans")
    (tmp_path / "x.jpg").write_bytes(with_scans(skin.resize((600, 600)), 50))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600 * 600)
    refused(tmp_path / "x.jpg", "60 scans")


def test_scans_are_counted_to_the_end_of_the_first_image(skin):
    assert count_scans(save(skin, format="JPEG"), 99) == 1
    data = with_scans(skin, 7)
    assert count_scans(data, 99) == 17 and count_scans(data, 12) == 12
    assert count_scans(data + data, 99) == 17  # a second image behind the first
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(data)) + data
    assert count_scans(data[:2] + thumbnail + data[2:], 99) == 17
    assert count_scans(data[: len(data) // 2], 99) <= 17 and count_scans(b"\xff\xd8\xff", 9) == 0


def test_of_many_frames_the_first_is_read(tmp_path, skin):
    frames = [Image.new("RGB", skin.size, (k, 0, 0)) for k in range(1, 60)]
    for suffix in ("gif", "png", "webp", "tif"):
        path = tmp_path / f"x.{suffix}"
        skin.save(path, save_all=True, append_images=frames)
        assert read_image(path).getpixel((5, 5))[1] > 90, suffix


@pytest.mark.parametrize(
    "error", [IndexError(), KeyError("x"), MemoryError(), RecursionError("no")]
)
def test_whatever_a_decoder_raises_names_the_file(tmp_path, skin, monkeypatch, error):
    def load(_):
        raise error

    skin.save(tmp_path / "x.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    refused(tmp_path / "x.png", "damaged or cut short")


def test_files_cut_and_changed_anywhere(tmp_path, skin):
    """An image or one sentence, for every format."""
    rng = np.random.default_rng(0)
    path = tmp_path / "broken.jpg"
    small = skin.resize((24, 20))
    for file_format in decoding.FORMATS:
        whole = save(small, format=file_format)
        for trial in range(60):
            data = bytearray(whole[: rng.integers(1, len(whole))] if trial % 3 == 0 else whole)
            for place in rng.integers(0, len(data), rng.integers(1, 6)):
                data[place] = rng.integers(0, 256)
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for read in (read_image, lambda path: read_mask(path, (24, 20))):
                    try:
                        read(path)
                    except ValueError as error:
                        assert "broken.jpg" in str(error) and "\n" not in str(error)


def test_damaged_exif_data_leave_the_picture(tmp_path, skin, monkeypatch):
    skin.save(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    with pytest.warns(UserWarning, match=r"x\.jpg: Corrupt EXIF data"):
        assert read_image(tmp_path / "x.jpg").size == skin.size
    monkeypatch.setattr(Image.Exif, "get", lambda *_: {}[0])
    skin.save(tmp_path / "x.jpg", exif=Image.Exif())
    with pytest.warns(UserWarning, match=r"x\.jpg has damaged EXIF data: it is not turned"):
        assert read_image(tmp_path / "x.jpg").size == skin.size


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "no regular file")
    for read in (read_image, lambda path: read_mask(path, (9, 9))):
        with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
            read(tmp_path / "none.jpg")
        with pytest.raises(IsADirectoryError):
            read(tmp_path)


def test_a_file_may_be_only_so_large(tmp_path, skin, monkeypatch):
    skin.save(tmp_path / "x.png")
    monkeypatch.setattr(decoding, "LARGEST_FILE", 100)
    refused(tmp_path / "x.png", "larger than 100 bytes")


def test_no_other_place_opens_images():
    """`Image.open` without a list of formats would run PostScript; other readers have no bounds."""
    readers = {
        "imread",
        "decode_image",
        "decode_jpeg",
        "decode_png",
        "default_loader",
        "pil_loader",
    }
    for folder in ("synthderm", "recipes", "benchmarks", "docs"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == "PIL.Image":
                    assert "open" not in {alias.name for alias in node.names}, path
                if not isinstance(node, ast.Attribute):
                    continue
                opens = node.attr == "open" and ast.unparse(node.value) in ("Image", "PIL.Image")
                is_reader = path == Path(decoding.__file__)
                assert is_reader or not opens, f"{path} opens an image: use read_image"
                assert node.attr not in readers, f"{path} reads by {node.attr}: use read_image"
