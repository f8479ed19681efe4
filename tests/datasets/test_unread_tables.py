"""Tables that nobody read, in folders that are read by their folders."""

import bz2
import gzip
import lzma
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
        ("train.txt", "mel/1\nmel/2\n", "mel/1.jpg"),
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


TABLE = "image,label\n0,mel\n1,nv\n"
PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("labels.json", b'{"0": "mel", "1": "nv"}'),
        ("labels.txt", b"0 mel\n1 nv\n"),
        ("labels", b"0 mel\n1 nv\n"),
        ("labels.csv.gz", gzip.compress(TABLE.encode())),
        ("labels.feather", b"ARROW1"),
        ("labels.pkl", b"\x80\x04."),
        ("labels.npy", b"\x93NUMPY"),
        ("images/0.json", b'{"diagnosis": "nevus"}'),
        ("Descriptions/0", b'{"diagnosis": "nevus"}'),
        ("labels/0.txt", b"3 0.5 0.5 1 1"),
    ],
)
@pytest.mark.parametrize("folder", ["images", "."])
def test_a_folder_without_classes_has_no_table_that_may_name_them(tmp_path, table, content, folder):
    for name in "01":
        draw(tmp_path / folder / f"{name}.jpg")
    path = tmp_path / table
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{table} is not read, and no folder .* metadata.csv"):
        SkinFolder(tmp_path)
    assert SkinFolder(tmp_path, classes=["image"]).targets == [0, 0]
    path.rename(path.with_name("README.txt"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SkinFolder(tmp_path).classes == ["image"]


@pytest.mark.parametrize("suffix", ["", *PACKED])
def test_tables_are_looked_into_also_where_they_are_packed(tmp_path, suffix):
    for label in ("mel", "nv"):
        draw(tmp_path / label / f"my {label} 1.jpg")
    text = b"image,sex\n0,female\nmy mel 1.jpg,male\n"
    (tmp_path / f"patients.csv{suffix}").write_bytes(PACKED.get(suffix, bytes)(text))
    with pytest.raises(ValueError, match=f"patients.csv{suffix} names photographs"):
        SkinFolder(tmp_path)


def test_a_text_that_names_photographs_without_their_suffix(tmp_path):
    for number in range(4):
        draw(tmp_path / "images" / "mel" / f"ISIC_{number:07}.jpg")
    (tmp_path / "mel.txt").write_text("Such as ISIC_0000001.\n")  # an example
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SkinFolder(tmp_path)
    (tmp_path / "mel.txt").write_text("ISIC_0000001 3\nISIC_0000002 4\n")
    with pytest.raises(ValueError, match="mel.txt names photographs"):
        SkinFolder(tmp_path)


def test_notes_beside_photographs_in_classes_are_named(tmp_path):
    draw(tmp_path / "mel" / "ISIC_0000001.jpg")
    (tmp_path / "mel" / "ISIC_0000001.json").write_text('{"name": "ISIC_0000001.jpg"}')
    with pytest.warns(UserWarning, match="ISIC_0000001.json: not read"):
        SkinFolder(tmp_path)
