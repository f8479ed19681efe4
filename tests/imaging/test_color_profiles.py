"""Embedded colour profiles: a picture looks the same after it was read, in sRGB."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms

from synthderm.imaging.io import read_image, to_pil
from tests.drawing import draw_skin
from tests.imaging import profiles

P3 = profiles.rgb_profile(profiles.DISPLAY_P3)
ADOBE = profiles.rgb_profile(profiles.ADOBE_RGB, gamma=2.2)


def seen(image: Image.Image, profile: bytes) -> Image.Image:
    """What a viewer that knows profiles shows on an sRGB screen."""
    return ImageCms.profileToProfile(
        image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )


def difference(a: Image.Image, b: Image.Image) -> int:
    return np.abs(np.asarray(a, int) - np.asarray(b, int)).max()


@pytest.mark.parametrize("profile", [P3, ADOBE], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
def test_colours_are_converted(tmp_path, skin, profile, suffix):
    path = tmp_path / f"x.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 98, "subsampling": 0}}
    skin.save(path, icc_profile=profile, **options.get(suffix, {}))
    with Image.open(path) as stored:
        shown = seen(stored.convert("RGB"), profile)
    assert difference(read_image(path), shown) <= 2
    assert difference(read_image(path), skin) > 5


def test_red_of_display_p3_is_redder_in_srgb(tmp_path):
    Image.new("RGB", (4, 4), (200, 120, 110)).save(tmp_path / "x.png", icc_profile=P3)
    red, green, _ = read_image(tmp_path / "x.png").getpixel((0, 0))
    # Of Display P3 (200, 120, 110), by its primaries: (215, 117, 106).
    assert abs(red - 215) <= 2 and abs(green - 117) <= 2


@pytest.mark.parametrize(
    "profile",
    [
        profiles.rgb_profile(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        None,
    ],
    ids=["by hand", "of littlecms", "none"],
)
def test_srgb_stays_bit_for_bit(tmp_path, skin, profile):
    skin.save(tmp_path / "x.png", icc_profile=profile)
    assert read_image(tmp_path / "x.png").tobytes() == skin.tobytes()


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "L"])
def test_other_modes_keep_their_looks(tmp_path, skin, mode):
    image = skin.convert(mode)
    profile = profiles.grey_profile(1.0) if "L" in mode else P3
    image.save(tmp_path / "x.png", icc_profile=profile)
    shown = seen(image.convert("L" if "L" in mode else "RGB"), profile)
    assert difference(read_image(tmp_path / "x.png"), shown) <= 2
    assert difference(read_image(tmp_path / "x.png"), image.convert("RGB")) > 5


def test_a_profile_is_applied_before_transparency_is_laid_on_white(tmp_path):
    image = Image.new("RGBA", (2, 1), (200, 120, 110, 0))
    image.putpixel((1, 0), (200, 120, 110, 255))
    image.save(tmp_path / "x.png", icc_profile=P3)
    read = read_image(tmp_path / "x.png")
    assert read.getpixel((0, 0)) == (255, 255, 255) and read.getpixel((1, 0))[0] > 210


def test_grey_photographs_may_have_a_profile_for_colours(tmp_path, skin):
    skin.convert("L").save(tmp_path / "x.jpg", icc_profile=ADOBE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(tmp_path / "x.jpg").size == skin.size


def test_cmyk_is_read_by_its_own_profile(tmp_path):
    inks = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    inks.save(tmp_path / "plain.tif")
    assert read_image(tmp_path / "plain.tif").getpixel((0, 0)) == (0, 255, 255)
    inks.save(tmp_path / "x.tif", icc_profile=profiles.grey_inks_profile())
    red, green, blue = read_image(tmp_path / "x.tif").getpixel((0, 0))
    assert abs(red - green) <= 2 and abs(green - blue) <= 2 and 100 < red < 220


@pytest.mark.parametrize(
    "profile",
    [b"no profile at all", P3[:200], P3[:128] + bytes(400), profiles.grey_inks_profile()],
    ids=["text", "cut short", "zeros", "of inks"],
)
def test_a_broken_profile_is_told_of_and_left_out(tmp_path, skin, profile):
    skin.save(tmp_path / "x.png", icc_profile=profile)
    with pytest.warns(UserWarning, match=r"x\.png has a colour profile that can't be used"):
        assert read_image(tmp_path / "x.png").tobytes() == skin.tobytes()


def test_a_profile_is_not_applied_twice(tmp_path):
    skin = to_pil(draw_skin(20, 20))
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    skin.save(tmp_path / "x.png", icc_profile=P3, exif=exif)
    once = read_image(tmp_path / "x.png")
    assert not once.info
    once.save(tmp_path / "y.png")
    assert read_image(tmp_path / "y.png").tobytes() == once.tobytes()
