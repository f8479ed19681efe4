"""The ISIC challenges: splits, masks, duplicates, and tables that contradict themselves."""

from pathlib import Path

import pytest

from synthderm import SkinFolder
from tests.datasets.published import draw, isic_2018, isic_2019, isic_2020, write_table


def names(data: SkinFolder) -> set[str]:
    return {Path(path).stem for path, _ in data.samples}


def test_isic_2018_has_the_splits_of_the_challenge_and_the_masks_of_ham10000(tmp_path):
    isic_2018(tmp_path)
    assert [len(SkinFolder(tmp_path, split=name)) for name in ("train", "val", "test")] == [6, 3, 4]
    assert len(SkinFolder(tmp_path, return_mask=True)) == 1
    (tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    assert set(SkinFolder(tmp_path).groups) == {None}


def test_isic_2018_task_1_has_masks_and_no_diagnoses(tmp_path):
    for part in ("Training", "Test"):
        draw(tmp_path / f"ISIC2018_Task1-2_{part}_Input" / f"{part}.jpg")
        draw(tmp_path / f"ISIC2018_Task1_{part}_GroundTruth" / f"{part}_segmentation.png", "L")
        (tmp_path / f"ISIC2018_Task1-2_{part}_Input" / "LICENSE.txt").write_text("CC0")
    data = SkinFolder(tmp_path, split="test", return_mask=True)
    assert (data.layout, data.classes, names(data)) == ("ISIC 2018 task 1", ["lesion"], {"Test"})
    assert data[0][1].all()
    isic_2018(tmp_path)
    with pytest.warns(UserWarning, match="read as ISIC 2018; it holds ISIC 2018 task 1"):
        assert len(SkinFolder(tmp_path)) == 13


def test_isic_2019_tests_on_the_challenge_s_photographs_if_they_are_there(tmp_path):
    isic_2019(tmp_path / "alone")
    isic_2019(tmp_path / "both", test=True)
    splits = ("train", "val", "test")
    alone = [names(SkinFolder(tmp_path / "alone", split=name)) for name in splits]
    both = [names(SkinFolder(tmp_path / "both", split=name)) for name in splits]
    assert both[0] == alone[0] | alone[2]
    assert both[1] == alone[1]
    assert len(both[2]) == 9 and not both[2] & (both[0] | both[1])
    # Labels do not depend on whether Test was fetched.
    assert SkinFolder(tmp_path / "both").classes == [*SkinFolder(tmp_path / "alone").classes, "UNK"]
    (tmp_path / "alone" / "ISIC_2019_Training_Metadata.csv").unlink()
    with pytest.warns(UserWarning, match="lacks ISIC_2019_Training_Metadata.csv"):
        SkinFolder(tmp_path / "alone")


@pytest.mark.parametrize("table", ["ISIC_2020_Training_GroundTruth.csv", "train.csv"])
def test_isic_2020_by_its_first_table_and_as_kaggle_has_it(tmp_path, table):
    truth = isic_2020(tmp_path, table)
    if table == "train.csv":
        (tmp_path / "train").rename(tmp_path / "jpeg")
        (tmp_path / "train").mkdir()
        (tmp_path / "train" / "ISIC_0000000.dcm").touch()
    data = SkinFolder(tmp_path)
    assert (data.layout, data.classes) == ("ISIC 2020", ["benign", "malignant"])
    assert names(data) == set(truth)
    pair = {"image_name_1": "ISIC_0000000", "image_name_2": "ISIC_0000007"}
    duplicates = tmp_path / "ISIC_2020_Training_Duplicates.csv"
    write_table(duplicates, "image_name_1 image_name_2", [pair])
    says = f"1 of 60 photographs of ISIC 2020 are left out: {duplicates} names them as duplicates"
    with pytest.warns(UserWarning, match=says):
        assert names(SkinFolder(tmp_path)) == set(truth) - {"ISIC_0000007"}


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("1.0,0.0,0.0,0.0", "1.0,1.0,0.0,0.0", "line 2: ISIC_0024306 is marked MEL and NV; it can"),
        ("1.0,0.0,0.0,0.0", "0.0,0.0,0.0,0.0", "line 2: ISIC_0024306 is marked nothing; it can be"),
        ("1.0,0.0,0.0,0.0", "0.7,0.0,0.0,0.0", "line 2: MEL is '0.7', neither 0 nor 1"),
        ("1.0,0.0,0.0,0.0", "yes,0.0,0.0,0.0", "line 2: MEL is 'yes', no number"),
        ("AKIEC", "AK", "has no column 'AKIEC'"),
        ("ISIC_0024307", "ISIC_0099999", "names ISIC_0099999.jpg, in line 3, which is not in ISIC"),
    ],
)
def test_what_a_table_gets_wrong_is_named_with_its_line(tmp_path, old, new, message):
    isic_2018(tmp_path)
    folder = "ISIC2018_Task3_Training_GroundTruth"
    table = tmp_path / folder / f"{folder}.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises((ValueError, FileNotFoundError), match=f"GroundTruth.csv.*{message}"):
        SkinFolder(tmp_path)


def test_a_part_that_is_not_known_is_named(tmp_path):
    draw(tmp_path / "ISIC2018_Task3_Extra_Input" / "ISIC_0000001.jpg")
    (tmp_path / "ISIC2018_Task3_Extra_GroundTruth.csv").write_text("image,MEL\nISIC_0000001,1.0\n")
    with pytest.raises(ValueError, match="Extra_GroundTruth.csv looks like a part of ISIC 2018"):
        SkinFolder(tmp_path)


def test_a_challenge_opened_one_folder_too_high_is_named(tmp_path):
    isic_2018(tmp_path / "isic")
    with pytest.raises(
        ValueError, match="GroundTruth.csv is the table of .*ISIC 2018.*open .*isic;"
    ):
        SkinFolder(tmp_path)
