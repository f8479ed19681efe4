"""Files say that they are synthetic, and what made them."""

import io

import numpy as np
import pytest
from PIL import Image

from synthderm.imaging.io import check_suffix, read_image, write_image
from synthderm.imaging.provenance import (
    Provenance,
    name_model,
    provenance_options,
    read_provenance,
)

MADE = Provenance("generated", "org/näme & <co>", "ab12", seed=-3, item=7)
SUFFIXES = (".png", ".jpg", ".webp", ".tif")


def write(skin: Image.Image, path, provenance=MADE, **options):
    write_image(skin, path, **provenance_options(provenance, check_suffix(path)), **options)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read(tmp_path, skin, suffix):
    found = read_provenance(write(skin, tmp_path / f"x{suffix}"))
    assert found["digital source type"] == "trainedAlgorithmicMedia"
    assert found["model"] == "org/näme & <co>" and found["weights"] == "ab12"
    assert (found["seed"], found["item"]) == ("-3", "7")
    assert "synthderm" in found["tool"] and "mode" not in found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_pixel_is_other_than_without(tmp_path, skin, suffix):
    write_image(skin, tmp_path / f"plain{suffix}")
    plain = read_image(tmp_path / f"plain{suffix}")
    marked = read_image(write(skin, tmp_path / f"marked{suffix}"))
    assert np.array_equal(plain, marked)


@pytest.mark.parametrize("before", SUFFIXES)
@pytest.mark.parametrize("after", [".png", ".jpg", ".webp"])
def test_it_stays_where_pillow_writes_the_exif_data_again(tmp_path, skin, before, after):
    with Image.open(write(skin, tmp_path / f"x{before}")) as image:
        image.save(tmp_path / f"y{after}", exif=image.getexif())
    found = read_provenance(tmp_path / f"y{after}")
    assert found["digital source type"] == "trainedAlgorithmicMedia"
    assert found["weights"] == "ab12" and found["item"] == "7"


def test_a_jpeg_keeps_it_when_pillow_is_told_nothing(tmp_path, skin):
    with Image.open(write(skin, tmp_path / "x.jpg")) as image:
        image.save(tmp_path / "y.jpg")
    assert read_provenance(tmp_path / "y.jpg")["seed"] == "-3"


def test_a_gif_says_it_in_its_comment(tmp_path, skin):
    found = read_provenance(write(skin.quantize(16), tmp_path / "x.gif"))
    assert found["digital source type"] == "trainedAlgorithmicMedia"


def test_a_description_of_the_photographer_stays(skin):
    exif = Image.Exif()
    exif[0x010E] = "left hand"
    edited = Provenance("edited", "eczema", "cd", seed=1, mode="add")
    for file_format in ("JPEG", "PNG", "WEBP"):
        file = io.BytesIO()
        skin.save(file, file_format, **provenance_options(edited, file_format, exif.tobytes()))
        assert Image.open(file).getexif()[0x010E] == "left hand"


def test_other_tools_are_read_too(tmp_path, skin):
    """As an attribute, and as a resource."""
    for text in (
        '<rdf:Description Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/'
        'digitalsourcetype/trainedAlgorithmicMedia"/>',
        '<Iptc4xmpExt:DigitalSourceType rdf:resource="http://cv.iptc.org/newscodes/'
        'digitalsourcetype/trainedAlgorithmicMedia"/>',
    ):
        packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{text}</x:xmpmeta>'
        skin.save(tmp_path / "x.webp", xmp=packet.encode())
        assert read_provenance(tmp_path / "x.webp") == {
            "digital source type": "trainedAlgorithmicMedia"
        }


def test_a_photograph_says_nothing(tmp_path, skin):
    skin.save(tmp_path / "x.png")
    assert read_provenance(tmp_path / "x.png") is None
    skin.save(tmp_path / "x.jpg", comment=b"Synthetic image made by hand; model x")
    assert read_provenance(tmp_path / "x.jpg") is None


def test_folders_of_the_machine_are_not_told():
    assert name_model("/home/jane/runs/x") == name_model("./runs/x") == "x"
    assert name_model("org/x") == "org/x"
