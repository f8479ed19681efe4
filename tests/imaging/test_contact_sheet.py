"""Contact sheets: where the pictures are, what is drawn on them, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from synthderm.imaging.contact_sheet import contact_sheet, grid, outline, to_png


def test_grid_and_outline():
    sheet = grid(torch.zeros(5, 3, 4, 4), columns=3, gap=2)
    assert sheet.shape == (3, 10, 16) and (sheet == 1).any()
    masks = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    masks[..., 2:6, 2:6] = True
    drawn = (outline(torch.zeros(1, 3, 8, 8), masks) != 0).any(1)[0]
    assert drawn.sum() == 12 and not drawn[3:5, 3:5].any()


def test_pictures_of_any_size_and_mode_lie_row_by_row():
    colours = ["red", "lime", "blue"]
    images = [Image.new("RGB", (20, 20), colour) for colour in colours]
    sheet = contact_sheet(images, columns=2, gap=4)
    assert sheet.size == (44, 44) and sheet.mode == "RGB"
    places = [(10, 10), (34, 10), (10, 34)]
    assert [sheet.getpixel(place) for place in places] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
    ]
    assert sheet.getpixel((34, 34)) == (255, 255, 255)
    mixed = [Image.new("L", (300, 100)), Image.new("RGBA", (7, 900)), Image.new("1", (1, 1))]
    assert contact_sheet(mixed, columns=9, side=90).height == 90
    assert mixed[0].size == (300, 100), "the images that were given are not changed"


def test_masks_are_outlined_at_the_size_that_is_shown():
    mask = torch.zeros(1, 400, 400, dtype=torch.bool)
    mask[:, 100:300, 100:300] = True
    black = Image.new("RGB", (400, 400))
    sheet = np.asarray(contact_sheet([black], [mask], side=100))
    drawn = sheet.any(-1)
    assert drawn[25:75, 25].all() and not drawn[30:70, 30:70].any() and not drawn[:20].any()
    for nothing in (None, torch.zeros_like(mask), torch.ones_like(mask)):
        assert not np.asarray(contact_sheet([black], [nothing], side=100)).any()


@pytest.mark.parametrize("caption", ["nevus", "x" * 500, "one\ntwo", "Ekzem ü 湿疹", ""])
def test_captions_stay_in_their_cell(caption, monkeypatch):
    images = [Image.new("RGB", (64, 64), "white")] * 2
    plain = contact_sheet(images, columns=2, captions=[" ", " "])
    for font in (ImageFont.load_default(), ImageFont.load_default_imagefont()):
        monkeypatch.setattr(ImageFont, "load_default", lambda font=font: font)
        sheet = contact_sheet(images, columns=2, captions=[caption, " "])
        assert sheet.size == plain.size
        dark = np.asarray(sheet.convert("L")) < 128
        assert dark.any() == bool(caption) and not dark[:, 66:].any() and not dark[:64].any()


def test_no_image_and_numbers_below_1_are_refused():
    with pytest.raises(ValueError, match="at least 1 image"):
        contact_sheet([])
    for wrong in ({"columns": 0}, {"side": -3}):
        with pytest.raises(ValueError, match="must be at least 1"):
            contact_sheet([Image.new("L", (2, 2))], **wrong)


def test_a_png_is_as_notebooks_want_it():
    assert to_png(Image.new("RGB", (2, 2))).startswith(b"\x89PNG")
