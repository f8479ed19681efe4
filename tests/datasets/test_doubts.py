"""Folders whose names are hardly classes: what was not understood is named, and nothing guessed."""

import warnings

import pytest

from synthderm import SkinFolder
from tests.datasets.published import draw, ham10000

DDI = ",DDI_ID,DDI_file,skin_tone,malignant,disease\n0,1,000001.png,56,True,melanoma-in-situ\n"
MD5 = "0a94359e7eaacd7178e06b2823777789"
FITZPATRICK = f"md5hash,fitzpatrick_scale,label,url\n{MD5},1,drug induced pigmentary changes,\n"
ISIC_2016 = "ISIC_0000000,benign\nISIC_0000001,malignant\n"
ISIC_2024 = "isic_id,target,patient_id\nISIC_0015670,0,IP_1235828\n"
COCO = '{"images": [{"id": 1, "file_name": "images/hand.png"}], "annotations": []}'


@pytest.mark.parametrize(
    "table, text, photograph",
    [
        ("ddi_metadata.csv", DDI, "000001.png"),
        ("ddi_metadata.csv", DDI, "images/000001.png"),
        ("fitzpatrick17k.csv", FITZPATRICK, f"data/finalfitz17k/{MD5}.jpg"),
        ("ISBI2016_Part3_Training_GroundTruth.csv", ISIC_2016, "Training_Data/ISIC_0000000.jpg"),
        ("train-metadata.csv", ISIC_2024, "train-image/image/ISIC_0015670.jpg"),
        ("train/labels.csv", "id;diagnosis\nphoto_17;eczema\n", "train/Photo_17.JPG"),
        ("annotations.json", COCO, "images/hand.png"),
        ("list.txt", "hand.png 3\n", "images/hand.png"),
        ("labels.xlsx", "", ""),
    ],
)
def test_tables_that_are_not_understood_are_named(tmp_path, table, text, photograph):
    draw(tmp_path / (photograph or "a/1.png"))
    (tmp_path / table).write_text(text)
    if not photograph:  # what can't be looked into
        with pytest.warns(UserWarning, match=f"{table}: not read; the folders of"):
            SkinFolder(tmp_path)
        return
    with pytest.raises(
        ValueError, match=f"{table} names photographs, but .*: write a metadata.csv"
    ):
        SkinFolder(tmp_path)
    (tmp_path / table).unlink()
    SkinFolder(tmp_path)


def test_whoever_names_the_classes_is_sure(tmp_path):
    draw(tmp_path / "mel" / "ISIC_0000001.jpg")
    draw(tmp_path / "nv" / "ISIC_0000002.jpg")
    (tmp_path / "ages.csv").write_text("image,age\nISIC_0000001,55\n")
    with pytest.raises(ValueError, match=r"or name the classes, as in classes=\[...\]"):
        SkinFolder(tmp_path)
    assert SkinFolder(tmp_path, classes=["nv", "mel"]).targets == [1, 0]


def test_other_files_are_no_reason_to_refuse(tmp_path):
    draw(tmp_path / "nevus" / "nevus.png")
    draw(tmp_path / "mel" / "12.png")
    (tmp_path / "README.md").write_text("a nevus is benign")
    (tmp_path / "labels.txt").write_text("nevus\nmel\n12\n")
    (tmp_path / "class_to_idx.json").write_text('{"nevus": 0, "mel": 1}')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SkinFolder(tmp_path).classes == ["mel", "nevus"]
    (tmp_path / "classes.csv").write_text("index,name\n12,nevus\n")
    with pytest.warns(UserWarning, match="classes.csv: not read"):
        SkinFolder(tmp_path)


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


@pytest.mark.parametrize("name", ["masks", "Mask", "ISIC-2017_Training_Part1_GroundTruth"])
def test_masks_are_no_class(tmp_path, name):
    draw(tmp_path / "images" / "1.jpg")
    draw(tmp_path / name / "1.png", "L")
    with pytest.raises(ValueError, match=f"{name} seems to hold masks, no class: write a metadata"):
        SkinFolder(tmp_path)


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
