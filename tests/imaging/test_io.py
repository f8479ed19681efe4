"""Image files and folders of every kind: read by their meaning, or refused with the file named."""

import numpy as np
import pytest
import torch
from PIL import Image

from synthderm.imaging.io import WRITABLE, read_image, to_pil, to_tensor, write_image


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1", "LA"])
def test_other_modes_become_rgb(tmp_path, skin, mode):
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    skin.convert(mode).save(path)
    image = read_image(path)
    assert image.mode == "RGB" and image.size == skin.size
    if mode in ("CMYK", "RGBA"):
        assert np.abs(np.asarray(image, dtype=int) - np.asarray(skin)).mean() < 12


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    values = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    assert np.asarray(read_image(tmp_path / "x.png"))[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    ("values", "dtype", "says"),
    [
        ([[0, 255]], np.uint16, "from 0 to 255"),
        ([[0, 4095]], np.uint16, "from 0 to 4095"),
        ([[-1, 60000]], np.int32, "from -1 to 60000"),
        ([[0, 70000]], np.int32, "from 0 to 70000"),
    ],
)
def test_grey_of_no_known_range_is_refused(tmp_path, values, dtype, says):
    Image.fromarray(np.array(values, dtype=dtype)).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match=rf"x\.tif has grey values {says}"):
        read_image(tmp_path / "x.tif")


def test_transparency_is_laid_on_white(tmp_path):
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").getpixel((0, 0)) == (255, 255, 255)


def test_exif_orientation_is_honoured(tmp_path):
    image, exif = Image.new("RGB", (30, 20)), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "x.jpg", exif=exif)
    assert read_image(tmp_path / "x.jpg").size == (20, 30)


def test_damaged_files_are_named(tmp_path, skin, monkeypatch):
    skin.resize((400, 400)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:2000])
    with pytest.raises(ValueError, match="cut.jpg is damaged or cut short"):
        read_image(tmp_path / "cut.jpg")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ValueError, match="text.png is not an image"):
        read_image(tmp_path / "text.png")
    skin.save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="bomb.png has more than 1,000 pixels"):
        read_image(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match="mode F"):
        Image.new("F", (3, 3)).save(tmp_path / "f.tif")
        read_image(tmp_path / "f.tif")


def test_writing_leaves_nothing_behind(tmp_path, skin):
    write_image(skin, tmp_path / "new" / "x.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.png"]
    with pytest.raises(ValueError, match="no suffix of a picture"):
        write_image(skin, tmp_path / "x.docx")
    with pytest.raises(OSError):
        write_image(skin.convert("RGBA"), tmp_path / "x.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_errors_of_writing_name_the_file(tmp_path, skin, monkeypatch):
    for name in ("x.pdf", "x.eps", "x", "x.mp4"):
        with pytest.raises(ValueError, match=r"x.* has no suffix of a picture; .*\.png.*\.gif"):
            write_image(skin, tmp_path / name)
    for name, side in (("x.jpg", 65501), ("x.webp", 16384), ("x.gif", 65536)):
        with pytest.raises(ValueError, match=rf"{name}: a .* at most .* write a PNG"):
            write_image(Image.new("L", (side, 1)), tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.png is a folder"):
        write_image(skin, tmp_path / "folder.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file"):
        write_image(skin, tmp_path / "file" / "x.png")

    def fail(self, path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(PermissionError) as error:
        write_image(skin, tmp_path / "x.png")
    assert error.value.filename == str(tmp_path / "x.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.parametrize("suffix", WRITABLE)
def test_what_is_written_can_be_read(tmp_path, skin, suffix):
    write_image(skin, tmp_path / f"x{suffix.upper()}")
    read = np.asarray(read_image(tmp_path / f"x{suffix.upper()}"), dtype=int)
    assert np.abs(read - np.asarray(skin)).mean() < 3


def test_tensors_and_pil_agree(skin):
    assert to_pil(to_tensor(skin)).tobytes() == skin.tobytes()
    assert to_pil(to_tensor(skin.convert("L"))).mode == "L"
    assert np.asarray(to_pil(torch.tensor([[[True, False]]]))).tolist() == [[255, 0]]
