"""Edited copies of photographs: what of their files is kept, and how near a JPEG stays."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from synthderm.imaging.io import read_image, to_pil
from synthderm.imaging.originals import Original
from tests.drawing import draw_skin
from tests.imaging.profiles import DISPLAY_P3, rgb_profile

WIDTH, HEIGHT = 192, 128
INSIDE = (100, 40, 140, 70)


def draw_photograph(turn: int = 1) -> tuple[Image.Image, Image.Exif]:
    """Smooth colours with grain, as large as whole blocks, and EXIF data as a phone writes them."""
    skin = to_pil(draw_skin(HEIGHT, WIDTH))
    patch = Image.radial_gradient("L").resize(skin.size).point(lambda value: value // 3)
    skin.paste("darkred", mask=patch)
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "A phone", turn
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.ExifImageWidth: WIDTH,
            ExifTags.Base.ExifImageHeight: HEIGHT,
            ExifTags.Base.DateTimeOriginal: "2026:01:02 03:04:05",
            ExifTags.Base.MakerNote: b"with a preview",
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return skin, exif


def copy(source, target, **options) -> np.ndarray:
    """Write a copy with a blue patch; the change outside of it, (H, W)."""
    original = Original(source)
    edited, mask = original.image.copy(), Image.new("L", original.image.size)
    edited.paste("blue", INSIDE)
    mask.paste(255, INSIDE)
    original.write_copy(edited, mask, target, **options)
    before, after = (np.asarray(image, int) for image in (original.image, read_image(target)))
    assert after[INSIDE[1] + 8, INSIDE[0] + 8].argmax() == 2
    change = np.abs(before - after).max(2)
    change[np.asarray(mask) > 0] = 0
    return change


@pytest.mark.parametrize("quality", [60, 85, 95])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_a_jpeg_keeps_what_is_outside_as_near_as_jpeg_allows(tmp_path, quality, subsampling):
    skin, _ = draw_photograph()
    options = {"quality": quality, "subsampling": subsampling, "progressive": quality == 85}
    skin.save(tmp_path / "in.jpg", **options)
    change = copy(tmp_path / "in.jpg", tmp_path / "out.jpg")
    far = change.copy()  # 16 px blocks, and one more pixel of chroma, that the patch does not touch
    far[30:82, 94:146] = 0
    assert (far > 0).mean() < 0.06 and far.max() <= 4
    with Image.open(tmp_path / "in.jpg") as before, Image.open(tmp_path / "out.jpg") as after:
        assert before.quantization[0] == after.quantization[0]
        assert before.layer[0][1:3] == after.layer[0][1:3] and before.size == after.size
        assert before.info.get("progressive") == after.info.get("progressive")
        sizes = [len((tmp_path / name).read_bytes()) for name in ("in.jpg", "out.jpg")]
    assert sizes[1] < 1.15 * sizes[0]


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_jpeg_is_written_upright(tmp_path, turn):
    skin, exif = draw_photograph(turn)
    skin.save(tmp_path / "in.jpg", quality=85, exif=exif)  # 4:2:0
    change = copy(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert (change > 0).mean() < 0.35 and np.percentile(change, 95) <= 3
    with Image.open(tmp_path / "out.jpg") as after:
        assert after.size == ((WIDTH, HEIGHT) if turn < 5 else (HEIGHT, WIDTH))
        assert after.getexif()[ExifTags.Base.Orientation] == 1


def test_sides_that_are_no_whole_blocks(tmp_path):
    skin, exif = draw_photograph(3)
    skin.crop((0, 0, 187, 121)).save(tmp_path / "in.jpg", quality=85, exif=exif)
    assert copy(tmp_path / "in.jpg", tmp_path / "out.jpg").max() <= 20
    with Image.open(tmp_path / "out.jpg") as after:  # no worse than a good JPEG
        assert max(after.quantization[0]) < 20 and after.layer[0][1:3] == (1, 1)


@pytest.mark.parametrize("form", ["grey", "CMYK", "RGB inside", "a PNG by another name"])
def test_other_kinds_of_jpeg(tmp_path, form):
    skin, _ = draw_photograph()
    image = {"grey": skin.convert("L"), "CMYK": skin.convert("CMYK")}.get(form, skin)
    file_format = "PNG" if form == "a PNG by another name" else "JPEG"
    keep_rgb = form == "RGB inside"
    image.save(tmp_path / "in.jpg", format=file_format, quality=90, keep_rgb=keep_rgb)
    assert np.percentile(copy(tmp_path / "in.jpg", tmp_path / "out.jpg"), 90) <= 6


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 3), (17, 9)])
def test_small_jpegs(tmp_path, size):
    to_pil(draw_skin(*reversed(size))).save(tmp_path / "in.jpg", quality=90)
    original = Original(tmp_path / "in.jpg")
    original.write_copy(original.image, Image.new("L", size), tmp_path / "out.jpg")
    after = read_image(tmp_path / "out.jpg")
    assert after.size == size
    assert np.abs(np.asarray(after, int) - np.asarray(original.image, int)).max() <= 8


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp"])
@pytest.mark.parametrize("source", ["png", "jpg", "webp"])
def test_other_formats_keep_each_pixel_outside(tmp_path, source, suffix):
    skin, exif = draw_photograph(6)
    skin.save(tmp_path / f"in.{source}", exif=exif)
    assert copy(tmp_path / f"in.{source}", tmp_path / f"out.{suffix}").max() == 0


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_exif_data_are_kept_upright_without_previews(tmp_path, suffix):
    skin, exif = draw_photograph(6)
    thumbnail = io.BytesIO()
    skin.resize((48, 32)).save(thumbnail, "JPEG")
    exif.get_ifd(ExifTags.IFD.IFD1).update({0x0201: 0, 0x0202: len(thumbnail.getvalue())})
    skin.save(tmp_path / "in.jpg", exif=exif)
    copy(tmp_path / "in.jpg", tmp_path / f"out.{suffix}")
    with Image.open(tmp_path / f"out.{suffix}") as after:
        kept = after.getexif()
    details = kept.get_ifd(ExifTags.IFD.Exif)
    assert kept[ExifTags.Base.Make] == "A phone" and kept[ExifTags.Base.Orientation] == 1
    assert details[ExifTags.Base.DateTimeOriginal] == "2026:01:02 03:04:05"
    assert details[ExifTags.Base.ExifImageWidth] == HEIGHT == after.size[0]
    assert details[ExifTags.Base.ExifImageHeight] == WIDTH == after.size[1]
    assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert ExifTags.Base.MakerNote not in details and not kept.get_ifd(ExifTags.IFD.IFD1)
    copy(tmp_path / "in.jpg", tmp_path / f"bare.{suffix}", exif=False)
    with Image.open(tmp_path / f"bare.{suffix}") as bare:
        assert not bare.getexif() and "exif" not in bare.info


def test_damaged_exif_data_are_left_out(tmp_path):
    skin, _ = draw_photograph()
    skin.save(tmp_path / "in.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x40\1\x12\0\3")
    original = Original(tmp_path / "in.jpg")
    original.write_copy(original.image, Image.new("L", skin.size), tmp_path / "out.jpg")
    assert read_image(tmp_path / "out.jpg").size == skin.size


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_profile_is_kept_where_it_is_still_true(tmp_path, suffix):
    skin, _ = draw_photograph()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    skin.save(tmp_path / "srgb.png", icc_profile=srgb)
    skin.save(tmp_path / "p3.png", icc_profile=rgb_profile(DISPLAY_P3))
    for name, expected in (("srgb", srgb), ("p3", None)):
        copy(tmp_path / f"{name}.png", tmp_path / f"{name}.{suffix}-copy.{suffix}")
        with Image.open(tmp_path / f"{name}.{suffix}-copy.{suffix}") as after:
            assert after.info.get("icc_profile") == expected
