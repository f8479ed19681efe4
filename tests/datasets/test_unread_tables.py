"""Tables that nobody read, in folders that are read by their folders."""

import warnings

import pytest

from synthderm import SkinFolder
from tests.datasets.published import draw

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
