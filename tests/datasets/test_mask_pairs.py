"""Masks among photographs: told by the names of files and folders, and paired with these."""

import warnings
from pathlib import Path

import pytest

from synthderm import SkinFolder
from synthderm.datasets.photographs import list_photographs
from tests.datasets.published import draw


def draw_all(root: Path, *names: str) -> None:
    for name in names:
        draw(root / name)


def pairs_of(root: Path) -> dict[str, str]:
    """The masks, by photograph; nothing may be said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = SkinFolder(root)
    return {
        Path(path).relative_to(root).as_posix(): Path(mask).relative_to(root).as_posix()
        for path, mask in data.masks.items()
    }


@pytest.mark.parametrize(
    ("photograph", "mask", "label"),
    [
        ("mel/0.png", "mel/0_mask.png", "mel"),
        ("mel/0.jpg", "mel/0_segmentation.png", "mel"),
        ("mel/0.jpg", "mel/0-Mask.PNG", "mel"),
        ("mel/0.jpg", "mel/mask_0.png", "mel"),
        ("mel/0.jpg", "mel/0_lesion_mask.gif", "mel"),
        ("mel/0.jpg", "mel/0mask.png", "mel"),
        ("mel/0_orig.jpg", "mel/0_mask.png", "mel"),
        ("images/0_image.png", "masks/0_mask.png", "image"),
        ("mel/0.jpg", "mel_masks/0.png", "mel"),
        ("train/mel/0.jpg", "train_masks/mel/0.png", "mel"),
        ("images/0.jpg", "lesion_masks/0.png", "image"),
        ("ISBI2016_Data/ISIC_01.jpg", "ISBI2016_GroundTruth/ISIC_01_Segmentation.png", "image"),
        ("images/ISIC_01.jpeg", "Segmentation/ISIC_01_expert.png", "image"),
        ("inputs/1.jpg", "targets/1.png", "image"),
        ("mel/images/0.png", "mel/masks/0.png", "mel"),
        ("mel/0.jpg", "mel/gt/0.png", "mel"),
        ("images/mel/0.jpg", "masks/mel/0.png", "mel"),
        ("train/images/0.jpg", "train/masks/0.png", "image"),
        ("train/images/mel/0.jpg", "train/seg/mel/0_seg.png", "mel"),
        ("images/0.jpg", "labels/0.png", "image"),
        ("images/0.jpg", "Ground_Truth/0.png", "image"),
        ("images/img_001.jpg", "masks/mask_001.png", "image"),
        (
            "ISIC_images/ISIC_01.jpg",
            "ISIC-2017_Part1_GroundTruth/ISIC_01_segmentation.png",
            "image",
        ),
        ("mel/ISIC_01.jpg", "segmentations/ISIC_01_segmentation.png", "mel"),
    ],
)
def test_a_mask_is_found_beside_its_photograph(tmp_path, photograph, mask, label):
    draw_all(tmp_path, photograph, mask)
    assert pairs_of(tmp_path) == {photograph: mask}
    data = SkinFolder(tmp_path, return_mask=True)
    assert (data.classes, len(data)) == ([label], 1)
    assert data[0][1].shape == (1, 5, 6)
    assert list_photographs(tmp_path) == [tmp_path / photograph]


@pytest.mark.parametrize(
    ("photograph", "mask"),
    [
        ("mel/IMD002.bmp", "mel/IMD002_lesion.bmp"),
        ("mel/1.jpg", "mel/1_roi.png"),
        ("mel/IMD02/Dermoscopic/IMD02.bmp", "mel/IMD02/IMD02_lesion/IMD02_lesion.bmp"),
    ],
)
def test_a_mask_that_may_be_called_as_a_photograph_is_named(tmp_path, photograph, mask):
    draw_all(tmp_path, photograph, mask)
    with pytest.warns(UserWarning, match=f"{Path(mask).name}: taken for masks, by the name; write"):
        data = SkinFolder(tmp_path)
    assert data.masks == {str(tmp_path / photograph): str(tmp_path / mask)} and len(data) == 1
    assert list_photographs(tmp_path) == [tmp_path / photograph]


@pytest.mark.parametrize(
    "name", ["mel/ISIC_1_superpixels.png", "mel/ISIC_1_attribute_milia_like_cyst.png"]
)
def test_other_pictures_about_a_photograph_are_neither(tmp_path, name):
    draw_all(tmp_path, "mel/ISIC_1.jpg", name)
    assert pairs_of(tmp_path) == {}
    assert len(SkinFolder(tmp_path)) == len(list_photographs(tmp_path)) == 1


@pytest.mark.parametrize(
    "name",
    ["mel/child_with_mask.jpg", "mel/1_lesion.jpg", "mel/unmasked.png", "mel/superpixels.png"],
)
def test_photographs_are_no_masks(tmp_path, name):
    draw_all(tmp_path, "mel/1.jpg", name)
    assert pairs_of(tmp_path) == {} and len(SkinFolder(tmp_path)) == 2
    assert len(list_photographs(tmp_path)) == 2


@pytest.mark.parametrize("folder", ["masks", "mel/GroundTruth", "seg", "annotations"])
def test_masks_of_nothing_are_no_class(tmp_path, folder):
    draw_all(tmp_path, "mel/1.jpg", "nv/2.jpg", f"{folder}/7.png")
    with pytest.raises(ValueError, match=f"{folder} seems to hold masks, no class, and 7.png"):
        SkinFolder(tmp_path)
    with pytest.raises(
        ValueError, match="write a metadata.csv with .* mask_file_name; or name the"
    ):
        SkinFolder(tmp_path)
    name = Path(folder).name
    classes = ["mel", "nv", name] if name == folder else ["mel", "nv", "GroundTruth"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(SkinFolder(tmp_path, classes=classes)) == 3


def test_a_mask_without_photograph_among_others_is_named(tmp_path):
    draw_all(tmp_path, "images/1.jpg", "masks/1.png", "masks/2.png")
    with pytest.warns(UserWarning, match="masks/2.png: left out, masks of no photograph"):
        assert len(SkinFolder(tmp_path)) == 1
    assert list_photographs(tmp_path) == [tmp_path / "images" / "1.jpg"]


def test_a_photograph_that_is_called_like_a_mask_is_named(tmp_path):
    draw_all(tmp_path, "mel/1.jpg", "mel/skin_lesion.png")
    assert pairs_of(tmp_path) == {}
    draw_all(tmp_path, "mel/2_mask.png")
    with pytest.warns(UserWarning, match="2_mask.png: taken for photographs, though called as"):
        assert len(SkinFolder(tmp_path)) == 3


def test_masks_of_splits(tmp_path):
    for name in ("train", "test"):
        draw_all(tmp_path, f"{name}/mel/1.jpg", f"{name}_masks/mel/1.png")
    assert len(pairs_of(tmp_path)) == 2
    assert SkinFolder(tmp_path).splits == ["test", "train"]


def test_several_masks_of_a_photograph_are_named(tmp_path):
    draw_all(tmp_path, "mel/1.jpg", "mel/1_mask.png", "mel/1_segmentation.png")
    with pytest.warns(UserWarning, match="has the masks 1_mask.png, 1_segmentation.png, and the"):
        data = SkinFolder(tmp_path)
    assert list(data.masks.values()) == [str(tmp_path / "mel" / "1_mask.png")]


def test_two_photographs_of_one_name_have_no_mask(tmp_path):
    """It would be a guess."""
    draw_all(tmp_path, "mel/1.jpg", "mel/1.png", "mel/1_mask.png")
    assert pairs_of(tmp_path) == {} and len(SkinFolder(tmp_path)) == 2
