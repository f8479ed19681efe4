"""Data sets to look at: sheets, slices and arrays are the items, before transforms."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from synthderm import SkinFolder, SkinGenerator, SyntheticSkinDataset, add_eczema
from synthderm.imaging.io import to_tensor
from tests.drawing import draw_folder, draw_skin


def refuse(*_):
    raise AssertionError("transforms play no part")


def stripes(seeds, labels):
    """A function as the source: an image is its label."""
    return labels.view(-1, 1, 1, 1).expand(-1, 3, 8, 8).to(torch.uint8)


def test_arrays_are_the_items():
    data = SyntheticSkinDataset("lesions", length=18, seed=3, size=64, return_mask=True)
    arrays = data.arrays(17, progress=False)  # more than a batch
    assert arrays.images.shape == (17, 64, 64, 3) and arrays.images.dtype == np.uint8
    assert arrays.masks.shape == (17, 64, 64) and arrays.masks.dtype == bool
    assert arrays.labels.tolist() == data.targets[:17] and arrays.labels.dtype == np.int64
    image, mask, _ = data[16]
    assert np.array_equal(arrays.images[16], np.asarray(image))
    assert np.array_equal(arrays.masks[16], mask[0].numpy() > 0)
    data.transforms = refuse
    assert len(data.arrays(progress=False).images) == 18, "all of them"


def test_slices_are_lists_of_items():
    data = SyntheticSkinDataset(stripes, length=9, classes=["a", "b", "c"], transform=to_tensor)
    for part in (slice(4), slice(-2, None), slice(None, None, -3), slice(5, 2), slice(2, 99)):
        expected = [data[index] for index in range(9)[part]]
        taken = data[part]
        assert isinstance(taken, list) and [y for _, y in taken] == [y for _, y in expected]
        assert all(torch.equal(a, b) for (a, _), (b, _) in zip(taken, expected))


def test_a_folder_of_photographs_shows_the_same(tmp_path):
    folder = draw_folder(tmp_path / "data")
    data = SkinFolder(folder, transform=refuse)
    sheet = data.show(4, columns=2, side=40)
    assert sheet.mode == "RGB" and sheet.width >= 84
    arrays = data.arrays(3, progress=False)
    assert arrays.labels.tolist() == [label for _, label in data.samples[:3]]
    assert np.array_equal(arrays.images[2], np.asarray(data.read(2)[0]))
    assert len(SkinFolder(folder)[:3]) == 3


@pytest.mark.parametrize(
    ("labels", "count", "expected"),
    [
        ([0, 0, 0, 1, 1, 2], 5, [0, 3, 5, 1, 4]),
        ([0, 0, 0, 1, 1, 2], 6, [0, 3, 5, 1, 4, 2]),
        ([2, 1, 0, 2, 1, 0], 4, [0, 1, 2, 3]),  # in turn as they are
        ([1] * 5, 3, [0, 1, 2]),
        ([0, 1, 2], 2, [0, 1]),
    ],
)
def test_classes_are_shown_in_turn(labels, count, expected):
    data = SyntheticSkinDataset(stripes, length=len(labels), labels=labels, classes=["a", "b", "c"])
    assert data.choose_shown(count) == expected
    cells = data.show(count, columns=count).crop((0, 0, 68 * count - 4, 8))
    seen = [cells.getpixel((68 * place, 0))[0] for place in range(count)]
    assert seen == [labels[index] for index in expected]


def test_a_folder_shows_all_of_its_classes(tmp_path):
    for name in ("a/1", "a/2", "a/3", "b/4", "c/5"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        v2.functional.to_pil_image(draw_skin(8, 8)).save(path)
    data = SkinFolder(tmp_path)
    assert [data.targets[index] for index in data.choose_shown(4)] == [0, 1, 2, 0]


def test_what_can_not_be_shown_is_said(tmp_path):
    data = SyntheticSkinDataset(stripes, length=5, classes=["a", "b"])
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"n={wrong}: show at least 1 item"):
            data.show(wrong)
    with pytest.raises((TypeError, ValueError), match="n="):
        data.arrays(2.5)
    for side in (20, 30):
        (tmp_path / "a").mkdir(exist_ok=True)
        v2.functional.to_pil_image(draw_skin(side, side)).save(tmp_path / "a" / f"{side}.png")
    with pytest.raises(ValueError, match=r"2 sizes, such as \(20, 20\) and \(30, 30\)"):
        SkinFolder(tmp_path).arrays()


def test_the_bar_can_be_silenced(capsys):
    data = SyntheticSkinDataset(stripes, length=40, classes=["a"])
    data.arrays(progress=False)
    data.arrays(10)
    assert capsys.readouterr().err == ""
    data.arrays()
    assert "items" in capsys.readouterr().err


def test_notebooks_show_data_sets_generators_and_edits():
    state = torch.get_rng_state()
    data = SyntheticSkinDataset("hands", length=2, size=32)
    generator = SkinGenerator.from_pretrained("lesions")
    image = draw_skin(48, 48)
    edits = [add_eczema(image, seed=1), add_eczema(torch.stack([image] * 3), seed=1)]
    edits.append(add_eczema(image.float() / (255 if image.dtype == torch.uint8 else 1), seed=1))
    for shown in (data, generator, *edits):
        assert shown._repr_png_().startswith(b"\x89PNG")
        assert shown._repr_png_() == shown._repr_png_()
    page = data._repr_html_()
    assert "<pre>Dataset SyntheticSkinDataset" in page and 'src="data:image/png;base64,' in page
    assert torch.equal(torch.get_rng_state(), state)
    assert generator.train()._repr_png_() is None
