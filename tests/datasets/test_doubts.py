"""Folders whose names are hardly classes: what was not understood is named, and nothing guessed."""

import warnings

import pytest

from synthderm import SkinFolder
from tests.datasets.published import draw, ham10000
from tests.drawing import draw_folder


@pytest.mark.parametrize("above", ["HAM10000", "a/b"])
def test_a_folder_too_high_is_named(tmp_path, above):
    ham10000(tmp_path / above)
    expected = f"HAM10000_metadata.csv is the table of .*HAM10000.*open {tmp_path / above};"
    with pytest.raises(ValueError, match=expected):
        SkinFolder(tmp_path)
    assert len(SkinFolder(tmp_path / above)) == 80


def test_splits_and_classes_a_folder_too_high_are_named(tmp_path):
    for name in ("train/a/1.png", "val/a/1.png"):
        draw(tmp_path / "splits" / "data" / name)
    with pytest.raises(ValueError, match="data, which has the splits train, val: open .*data;"):
        SkinFolder(tmp_path / "splits")
    for name in ("mel/1.png", "nv/1.png"):
        draw(tmp_path / "classes" / "archive" / name)
    with pytest.warns(UserWarning, match="one class, 'archive': if the classes are mel, nv, open"):
        SkinFolder(tmp_path / "classes")


@pytest.mark.parametrize("names", [("train_set", "test_set"), ("ISIC Train", "ISIC Val")])
def test_splits_under_other_names_are_no_classes(tmp_path, names):
    for name in names:
        draw(tmp_path / name / "a" / "1.png")
    with pytest.raises(ValueError, match="which seem to be splits: call them train, val and test"):
        SkinFolder(tmp_path)


def test_one_split_opened_alone_says_that_labels_differ(tmp_path):
    for name in ("train/bcc/1.png", "train/mel/1.png", "val/mel/1.png"):
        draw(tmp_path / name)
    with pytest.warns(UserWarning, match="train has classes that val lacks .bcc.*split='val'"):
        SkinFolder(tmp_path / "val")
    draw(tmp_path / "val" / "bcc" / "1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SkinFolder(tmp_path / "val")


@pytest.mark.parametrize("inner", ["images", "imgs/JPEGImages", "train/images", "data"])
def test_folders_of_photographs_are_looked_through(tmp_path, inner):
    for name in ("mel", "nv"):
        draw(tmp_path / inner / name / "1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SkinFolder(tmp_path).classes == ["mel", "nv"]
    named = SkinFolder(tmp_path, classes=["mel", "nv"])
    assert named.targets == [0, 1]


def test_photographs_in_no_class_have_one_class(tmp_path):
    for name in ("HAM10000_images_part_1/1.png", "HAM10000_images_part_2/2.png"):
        draw(tmp_path / name)
    assert SkinFolder(tmp_path).classes == ["image"]
    assert SkinFolder(tmp_path, classes=["HAM10000_images_part_2"]).targets == [0]


def test_a_folder_of_photographs_beside_classes_is_named(tmp_path):
    for name in ("images/1.png", "mel/2.png"):
        draw(tmp_path / name)
    with pytest.raises(ValueError, match="folder images, which may hold any class, beside mel"):
        SkinFolder(tmp_path)
    assert SkinFolder(tmp_path, classes=["images", "mel"]).targets == [0, 1]


@pytest.mark.parametrize(
    "names", [("fold_0", "fold_1"), ("split1",), ("trn", "tst"), ("Trainingsdaten",)]
)
def test_folds_and_splits_in_other_words_are_no_classes(tmp_path, names):
    for name in names:
        draw(tmp_path / name / "mel" / "1.png")
    with pytest.raises(ValueError, match=f"{names[-1]}, which seem to be splits: call them train"):
        SkinFolder(tmp_path)


def test_splits_within_classes_are_no_part_of_them(tmp_path):
    for name in ("mel/train/1.png", "mel/test/2.png", "nv/Train/1.png"):
        draw(tmp_path / name)
    with pytest.raises(ValueError, match="folders Train, test, train, which seem to be splits"):
        SkinFolder(tmp_path)
    assert len(SkinFolder(tmp_path, classes=["mel", "nv"])) == 3


def test_splits_within_a_folder_of_photographs_are_no_classes(tmp_path):
    for name in ("images/train/1.png", "images/val/2.png", "masks/train/1.png", "masks/val/2.png"):
        draw(tmp_path / name)
    with pytest.raises(
        ValueError, match="folders train, val, which seem to be splits: .* directly"
    ):
        SkinFolder(tmp_path)


def test_a_root_of_one_split_is_no_class(tmp_path):
    for name in ("mel", "nv"):
        draw(tmp_path / "train" / name / "1.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SkinFolder(tmp_path, split="train").classes == ["mel", "nv"]


def test_folders_of_single_photographs_are_no_classes(tmp_path):
    for name in ("IMD002", "IMD003"):
        draw(tmp_path / name / f"{name}_Dermoscopic_Image" / f"{name}.bmp")
        draw(tmp_path / name / f"{name}_lesion" / f"{name}_lesion.bmp", "L")
    with pytest.raises(ValueError, match="a folder for each photograph, as IMD002, and none for a"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize("name", ["patient_{}", "Case{}", "subject-0{}"])
def test_folders_of_patients_are_no_classes(tmp_path, name):
    for number in (1, 2):
        for picture in (1, 2):
            draw(tmp_path / name.format(number) / f"{picture}.png")
    with pytest.raises(ValueError, match="a folder for each patient, as .*and none for a class"):
        SkinFolder(tmp_path)


def test_a_copy_of_a_folder_of_photographs_is_named(tmp_path):
    for name in ("images/mel/1.png", "images_512/mel/1.png", "images_512/nv/2.png"):
        draw(tmp_path / name)
    with pytest.warns(UserWarning, match="images_512/mel/1.png have one name: if one folder is a"):
        assert SkinFolder(tmp_path).classes == ["mel", "nv"]


@pytest.mark.parametrize("folder", ["HAM10000_images_part_1", "HAM10000_images_part_2"])
def test_a_folder_too_low_is_named(tmp_path, folder):
    ham10000(tmp_path / "HAM")
    with pytest.raises(ValueError, match="HAM10000_metadata.csv .HAM10000. is the table of these"):
        SkinFolder(tmp_path / "HAM" / folder)
    assert SkinFolder(tmp_path / "HAM" / folder, classes=["image"]).targets == [0] * 40
    draw_folder(tmp_path / "own", count=2)
    with pytest.warns(UserWarning, match="is the table of these photographs: open .*own, if they"):
        SkinFolder(tmp_path / "own" / "images")
    (tmp_path / "own" / "metadata.csv").rename(tmp_path / "own" / "labels.csv")
    with pytest.warns(
        UserWarning, match="labels.csv names these photographs, and is not read: open"
    ):
        SkinFolder(tmp_path / "own" / "images")
    # A table beside the folder says nothing of other photographs.
    draw(tmp_path / "HAM" / "mine" / "arm.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SkinFolder(tmp_path / "HAM" / "mine").classes == ["image"]


@pytest.mark.parametrize("layout", ["classes", "containers", "tables"])
def test_a_split_opened_alone_whose_labels_differ_is_named(tmp_path, layout):
    classes = {"train": ["bcc", "mel", "nv"], "val": ["mel", "nv"]}
    for split, names in classes.items():
        folder = tmp_path / split / ("images" if layout == "containers" else "")
        for name in names:
            draw(folder / ("" if layout == "tables" else name) / f"{name}.png")
        if layout == "tables":
            rows = "".join(f"{name}.png,{name}\n" for name in names)
            (folder / "metadata.csv").write_text("file_name,label\n" + rows)
    with pytest.warns(UserWarning, match="train has classes that val lacks .bcc.*split='val'"):
        SkinFolder(tmp_path / "val")
    with warnings.catch_warnings(action="error"):
        SkinFolder(tmp_path / "train")
        SkinFolder(tmp_path / "val", classes=["bcc", "mel", "nv"])


@pytest.mark.parametrize("inner", [["mel", "nv"], ["train"]])
def test_folders_that_hold_the_same_folders_are_named(tmp_path, inner):
    for outer in ("hospital1", "hospital2"):
        for name in inner:
            draw(tmp_path / outer / name / ("mel" if name == "train" else "") / "1.png")
    with pytest.warns(UserWarning, match="hospital1, hospital2 all hold the folders"):
        data = SkinFolder(tmp_path)
    assert data.classes == ["hospital1", "hospital2"]
    with warnings.catch_warnings(action="error"):
        SkinFolder(tmp_path, classes=data.classes)
        SkinFolder(tmp_path / "hospital1")


def test_folders_within_classes_that_differ_are_no_doubt(tmp_path):
    for name in ("mel/a/1.png", "mel/b/1.png", "nv/a/1.png", "nv/c/1.png"):
        draw(tmp_path / name)
    with warnings.catch_warnings(action="error"):
        assert SkinFolder(tmp_path).classes == ["mel", "nv"]
