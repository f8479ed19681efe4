"""Mask files: one region in every way that it can be stored, or a refusal with the reason."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFilter

from synthderm.imaging.io import read_mask, to_pil, to_tensor
from tests.drawing import draw_skin
from tests.imaging.mask_forms import (
    BLANK,
    FORMS,
    FULL,
    ONES,
    REGION,
    SIZE,
    WHITE,
    colours,
    layers,
    values,
)
from tests.imaging.profiles import grey_profile


def area(path) -> np.ndarray:
    mask = read_mask(path, SIZE)
    assert mask.mode == "L" and set(mask.tobytes()) <= {0, 255}
    return np.asarray(mask) > 0


@pytest.mark.parametrize("form", FORMS)
def test_one_region_however_it_is_stored(tmp_path, form):
    image = FORMS[form]
    suffix = "tif" if image.mode in ("F", "CMYK", "I") else "png"
    image.save(tmp_path / f"m.{suffix}")
    assert np.array_equal(area(tmp_path / f"m.{suffix}"), REGION)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "webp", "tif", "jpg"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_of_every_format(tmp_path, suffix, mode):
    WHITE.convert(mode).save(tmp_path / f"m.{suffix}")
    assert (area(tmp_path / f"m.{suffix}") != REGION).mean() < 0.02


def test_a_soft_border_is_split_at_half(tmp_path):
    soft = WHITE.resize((300, 200)).filter(ImageFilter.GaussianBlur(3)).resize(SIZE)
    for name, image in {
        "L.png": soft,
        "RGB.png": soft.convert("RGB"),
        "16.png": Image.fromarray(np.asarray(soft, dtype=np.uint16) * 257),
        "F.tif": Image.fromarray(np.asarray(soft, dtype=np.float32) / 255),
        "alpha.png": layers(FULL.convert("RGB"), soft),
        "red.png": Image.merge("RGB", (soft, BLANK, BLANK)),
        "turned.png": layers(soft.convert("RGB"), WHITE.filter(ImageFilter.MaxFilter(5))),
    }.items():
        image.save(tmp_path / name)
        assert np.array_equal(area(tmp_path / name), np.asarray(soft) > 127), name


def test_all_or_nothing(tmp_path):
    for name, image, inside in (
        ("empty", BLANK, False),
        ("full", FULL, True),
        ("ones", Image.new("L", SIZE, 1), True),
        ("transparent", Image.new("RGBA", SIZE), False),
        ("bit", Image.new("1", SIZE, 1), True),
    ):
        image.save(tmp_path / f"{name}.png")
        assert (area(tmp_path / f"{name}.png") == inside).all(), name
    BLANK.save(tmp_path / "empty.jpg")
    assert not area(tmp_path / "empty.jpg").any()


STEPS = (np.arange(600) % 4).reshape(20, 30).astype(np.uint8)
REFUSED = {
    "classes 0 to 3": (Image.fromarray(STEPS), "0, 1, 2, 3"),
    "classes 1 and 2": (values(2, 1), "1, 2"),
    "unknown at 255": (Image.fromarray(np.choose(STEPS, (0, 1, 255, 0)).astype(np.uint8)), "255"),
    "classes as greys": (
        Image.fromarray(np.choose(STEPS, (0, 128, 255, 128)).astype(np.uint8)),
        "128",
    ),
    "classes in 16 bits": (Image.fromarray(STEPS.astype(np.uint16)), "classes or shades"),
    "shades up to a half": (Image.fromarray(STEPS * 40), "0, 40, 80, 120"),
    "a photograph": (to_pil(draw_skin(20, 30)), "classes or shades"),
    "a grey photograph": (Image.effect_noise(SIZE, 90), "classes or shades"),
    "two colours": (colours((255, 0, 0), (255, 255, 255)), "several colours"),
    "classes in colour": (
        Image.fromarray((STEPS[..., None] == np.array([1, 2, 3])).astype(np.uint8) * 255),
        "several colours",
    ),
    "black on transparent": (layers(BLANK.convert("RGB"), WHITE), "black on transparent"),
    "nothing seen of colours": (layers(WHITE.convert("RGB"), BLANK), "transparent everywhere"),
    "negative": (values(1, -1, dtype=np.int32), "from -1 to 1"),
    "no numbers": (values(np.nan, 0, dtype=np.float32), "nan"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_could_be_two_regions_is_refused(tmp_path, form):
    image, says = REFUSED[form]
    path = tmp_path / ("m.tif" if image.mode in ("I", "F") else "m.png")
    image.save(path)
    with pytest.raises(ValueError, match="0 outside and 255 inside") as error:
        read_mask(path, SIZE)
    assert says in str(error.value) and path.name in str(error.value)
    assert "\n" not in str(error.value)


def test_jpeg_of_zeros_and_ones_has_lost_its_region(tmp_path):
    ONES.save(tmp_path / "m.jpg", quality=100)
    with pytest.raises(ValueError, match=r"m\.jpg .*0 outside and 255 inside"):
        read_mask(tmp_path / "m.jpg", SIZE)


def png_of_16_bits(pixels: np.ndarray, colour_type: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(("channels", "colour_type"), [(2, 4), (3, 2), (4, 6)])
@pytest.mark.parametrize("white", [1, 255, 256, 65535])
def test_colours_of_16_bits(tmp_path, channels, colour_type, white):
    """Pillow reads their high bytes alone."""
    pixels = np.where(REGION[..., None], white, 0).repeat(channels, axis=2)
    if channels != 3:
        pixels[..., -1] = 65535
    (tmp_path / "m.png").write_bytes(png_of_16_bits(pixels, colour_type))
    if white > 255:
        assert np.array_equal(area(tmp_path / "m.png"), REGION)
        return
    with pytest.raises(ValueError, match=r"m\.png has 16-bit colours below 256"):
        read_mask(tmp_path / "m.png", SIZE)


def test_another_size_is_refused_and_a_profile_left_alone(tmp_path):
    WHITE.save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"m\.png is 30x20 pixels, its image 31x20"):
        read_mask(tmp_path / "m.png", (31, 20))
    with pytest.raises(ValueError, match="turned upright"):
        read_mask(tmp_path / "m.png", (20, 30))
    ramp = Image.linear_gradient("L").resize(SIZE).point(lambda level: min(255, 2 * level))
    ramp.save(tmp_path / "ramp.png", icc_profile=grey_profile(1.0))
    assert np.array_equal(area(tmp_path / "ramp.png"), np.asarray(ramp) > 127)
    assert to_tensor(read_mask(tmp_path / "m.png", SIZE)).shape == (1, 20, 30)
