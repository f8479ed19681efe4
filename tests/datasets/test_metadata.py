"""metadata.csv of our own and of Hugging Face: splits, groups, files under other names."""

import json
import unicodedata

import pytest

from synthderm import SkinFolder
from synthderm.datasets.folder import training_split
from synthderm.datasets.records import hash_split
from tests.datasets.published import draw, isic_2020


def write(folder, text, name="metadata.csv"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def draw_all(root, count=6):
    for k in range(count):
        draw(root / "images" / f"{k}.png")
    return [f"images/{k}.png" for k in range(count)]


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_table_in_each_split_as_hugging_face_lays_it(tmp_path, name):
    for split, label in (("train", "nv"), ("validation", "mel"), ("test", "nv")):
        draw(tmp_path / split / "deep" / "1.png")
        cells = {"file_name": "deep/1.png", "label": label, "patient_id": split}
        text = json.dumps(cells) + "\n"
        if name == "metadata.csv":
            text = "\n".join(",".join(row) for row in (cells, cells.values())) + "\n"
        write(tmp_path / split, text, name)
    data = SkinFolder(tmp_path, split="val")
    assert (data.classes, data.targets, data.groups) == (["mel", "nv"], [0], ["validation"])
    assert data.samples == [(str(tmp_path / "validation" / "deep" / "1.png"), 0)]
    assert len(SkinFolder(tmp_path)) == 3
    assert training_split(tmp_path) == "train"
    (tmp_path / "test" / name).unlink()
    with pytest.raises(ValueError, match=f"test has no {name}: each split needs its own"):
        SkinFolder(tmp_path)


def test_a_table_of_the_whole_names_the_splits_by_its_paths(tmp_path):
    draw(tmp_path / "train" / "1.png")
    draw(tmp_path / "Test" / "2.png")
    write(tmp_path, "file_name,label\ntrain/1.png,a\nTest/2.png,b\n")
    assert SkinFolder(tmp_path, split="test").targets == [1]
    write(tmp_path / "train", "file_name,label\n1.png,a\n")
    with pytest.warns(UserWarning, match="is read, and .*train/metadata.csv are not"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize("name", ["Metadata.csv", "METADATA.CSV", "Metadata.JSONL"])
def test_a_table_may_be_written_in_another_case(tmp_path, name):
    draw(tmp_path / "mel" / "1.png")
    row = '{"file_name": "mel/1.png", "label": "x"}'
    write(tmp_path, row if "J" in name else "file_name,label\nmel/1.png,x\n", name)
    assert SkinFolder(tmp_path).classes == ["x"]


@pytest.mark.parametrize("table", ["metadata.parquet", "metadata.tsv", "metadata.csv.gz"])
def test_tables_that_are_not_read_are_named(tmp_path, table):
    draw(tmp_path / "train" / "1.png")
    (tmp_path / "train" / table).touch()
    with pytest.raises(ValueError, match=f"{table} is not read; save it as .*metadata.csv"):
        SkinFolder(tmp_path)
    write(tmp_path / "train", "file_name,text\n1.png,a mole\n")
    with (
        pytest.warns(UserWarning, match=f"is read, and {table} beside it is not"),
        pytest.raises(ValueError, match="no column 'label'; it has: file_name, text"),
    ):
        SkinFolder(tmp_path)


def test_patients_without_splits_are_split_by_a_hash(tmp_path):
    names = draw_all(tmp_path, 60)
    rows = [f"{name},{'ab'[k % 2]},P{k // 3}" for k, name in enumerate(names)]
    write(tmp_path, "file_name,label,patient_id\n" + "\n".join(rows))
    assert training_split(tmp_path) == "train"
    for split in ("train", "val", "test"):
        data = SkinFolder(tmp_path, split=split)
        assert {hash_split(group) for group in data.groups} == {split}
    # An id by another name, and photographs without one.
    rows = [f"{name},a,{k // 3 or ''}" for k, name in enumerate(names)]
    write(tmp_path, "file_name,label,case_id\n" + "\n".join(rows))
    data = SkinFolder(tmp_path)
    assert data.splits == ["test", "train", "val"]
    assert data.groups[:4] == [None, None, None, "1"]


def test_without_splits_and_patients_there_are_no_splits(tmp_path):
    write(tmp_path, "file_name,label\n" + "\n".join(f"{name},a" for name in draw_all(tmp_path)))
    with pytest.raises(ValueError, match="metadata.csv. has no split 'val'; it has no splits"):
        SkinFolder(tmp_path, split="val")


def test_the_column_split_has_several_spellings_and_gaps_are_named(tmp_path):
    splits = ["Train", "TRAINING", "valid", "validation ", "fold 3", ""]
    rows = [f"{name},a,{split}" for name, split in zip(draw_all(tmp_path), splits)]
    write(tmp_path, "file_name,label,split\n" + "\n".join(rows))
    with pytest.warns(UserWarning, match="metadata.csv, line 7 names no split, as 1 of"):
        data = SkinFolder(tmp_path)
    assert (len(data), data.splits) == (6, ["fold 3", "train", "val"])
    with pytest.warns(UserWarning):
        assert len(SkinFolder(tmp_path, split="val")) == 2


def test_a_patient_or_photograph_in_two_splits_is_reported(tmp_path):
    names = draw_all(tmp_path)
    rows = [f"{name},a,P{k // 4},{'train' if k < 3 else 'test'}" for k, name in enumerate(names)]
    write(tmp_path, "file_name,label,patient_id,split\n" + "\n".join(rows))
    with pytest.warns(UserWarning, match="group 'P0' is in test and train"):
        SkinFolder(tmp_path, split="train")
    rows = [f"{names[0]},a,train", f"images//{names[0][7:]},a,test", f"{names[1]},a,train"]
    write(tmp_path, "file_name,label,split\n" + "\n".join(rows))
    with pytest.warns(UserWarning, match="photograph .*images/0.png' is in test and train"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize("again", ["images/0.png", "./images/0.png", "a/../images\\0.png"])
def test_a_photograph_that_is_named_twice(tmp_path, again):
    draw_all(tmp_path, 2)
    (tmp_path / "a").mkdir()
    header = "file_name,label,patient_id,mask_file_name"
    write(tmp_path, f"{header}\nimages/0.png,a,P,\nimages/1.png,b,,\n{again},a,P,\n{again},a,P,\n")
    says = "0.png is named twice, in .*, line 2, and .*, line 4, and so are 1 more rows; it is read"
    with pytest.warns(UserWarning, match=says):
        assert len(SkinFolder(tmp_path)) == 2
    for kind, row in (("classes, 'a' and 'b'", "b,P,"), ("groups, 'P' and 'Q'", "a,Q,")):
        write(tmp_path, f"{header}\nimages/0.png,a,P,\nimages/1.png,b,,\n{again},{row}\n")
        with pytest.raises(ValueError, match=f"0.png has two {kind}, in .*, line 2, and .*line 4;"):
            SkinFolder(tmp_path)
    write(tmp_path, f"{header}\nimages/0.png,a,,\n{again},a,,images/1.png\n")
    with pytest.raises(ValueError, match="0.png has two masks, none and '.*1.png', in .*, line 2"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize(
    ("one", "other"), [("P1", "p1"), ("1", "1.0"), ("7", "07"), ("ä", "Ä"), ("P 1", "p_1")]
)
def test_two_spellings_of_a_patient_or_a_class_are_named(tmp_path, one, other):
    draw_all(tmp_path, 3)
    rows = "images/0.png,{},{}\nimages/1.png,{},{}\nimages/2.png,{},{}\n"
    write(tmp_path, "file_name,label,case_id\n" + rows.format("x", one, "y", other, "x", "Q"))
    with pytest.warns(UserWarning, match=f"has the groups '{one}' and '{other}': are they"):
        SkinFolder(tmp_path)
    write(tmp_path, "file_name,label,case_id\n" + rows.format(one, "A", other, "B", "x", "C"))
    with pytest.warns(UserWarning, match="has the classes .*: are they the same"):
        SkinFolder(tmp_path)


def test_missing_photographs_and_masks_are_found_at_once(tmp_path):
    names = draw_all(tmp_path)
    write(tmp_path, f"file_name,label\n{names[0]},a\n\nimages/nowhere.png,a\nimages,b\n")
    expected = "metadata.csv names images/nowhere.png, in line 4, .*2 of 3 photographs"
    with pytest.raises(FileNotFoundError, match=expected):
        SkinFolder(tmp_path)
    write(tmp_path, f"file_name,label,mask_file_name\n{names[0]},a,\n{names[1]},a,masks/1.png\n")
    with pytest.raises(FileNotFoundError, match="masks/1.png, in line 3, .*1 of 1 masks"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize("name", ["a" * 300, "é" * 200, "a" * 300 + "/b.png", "b/" + "a" * 10_000])
def test_names_longer_than_any_files_are_missing(tmp_path, name):
    draw_all(tmp_path)
    write(tmp_path, f"file_name,label\n{name},a\n")
    with pytest.raises(FileNotFoundError, match="in line 2") as error:
        SkinFolder(tmp_path)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    "written, on_disk",
    [
        ("images\\sub\\1.png", "images/sub/1.png"),
        ("Images/1.PNG", "images/1.png"),
        ("images/é.png", unicodedata.normalize("NFD", "images/é.png")),
        (unicodedata.normalize("NFD", "é/1.png"), "é/1.png"),
        ("./images//1.png", "images/1.png"),
        ("a/../images/1.png", "images/1.png"),
        ("images/1.png ", "images/1.png"),
    ],
)
def test_names_that_are_written_a_little_differently_find_their_file(tmp_path, written, on_disk):
    draw(tmp_path / "a" / "2.png")
    draw(tmp_path / on_disk)
    write(tmp_path, f"file_name,label,mask_file_name\n{written},a,{written}\n")
    data = SkinFolder(tmp_path, return_mask=True)
    assert data[0][0].size == (6, 5)
    (path, _), mask = data.samples[0], data.masks[data.samples[0][0]]
    assert path == mask and (tmp_path / on_disk).samefile(path)


def test_a_name_that_fits_two_files_is_missing(tmp_path):
    for name in ("a.png", "A.png"):
        draw(tmp_path / name)
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system knows no upper and lower case")
    write(tmp_path, "file_name,label\na.PNG,x\n")
    with pytest.raises(FileNotFoundError, match="names a.PNG, in line 2"):
        SkinFolder(tmp_path)
    write(tmp_path, "file_name,label\na.png,x\nA.png,y\n")
    assert SkinFolder(tmp_path).targets == [0, 1]


def test_own_metadata_comes_before_a_published_table(tmp_path):
    isic_2020(tmp_path)
    write(tmp_path, "file_name,label\ntrain/ISIC_0000001.jpg,mine\n")
    assert SkinFolder(tmp_path).classes == ["mine"]


def test_whole_numbers_are_sorted_as_numbers(tmp_path):
    rows = [f"{name},{label}" for name, label in zip(draw_all(tmp_path), (10, 9, 0, 2, 1, 11))]
    write(tmp_path, "file_name,label\n" + "\n".join(rows))
    assert SkinFolder(tmp_path).classes == ["0", "1", "2", "9", "10", "11"]
    rows = [f"{name},{label}" for name, label in zip(draw_all(tmp_path), (10.0, 9.0, 0.0, 2.0))]
    write(tmp_path, "file_name,label\n" + "\n".join(rows))
    assert SkinFolder(tmp_path).classes == ["0.0", "2.0", "9.0", "10.0"]


@pytest.mark.parametrize("column", ["Split", "set", "fold", "Patient ID", "PatientID", "subject"])
def test_columns_that_are_likely_meant_are_not_passed_over(tmp_path, column):
    draw(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text(f"file_name,label,{column}\na.png,mel,x\n")
    with pytest.raises(ValueError, match=f"{column}.*which is not read: call it"):
        SkinFolder(tmp_path)


def test_what_programs_write_for_an_empty_cell_is_empty(tmp_path):
    names = draw_all(tmp_path, 2)
    rows = [f"{name},a,nan,NA,{split}" for name, split in zip(names, ("train", "<NA>"))]
    write(tmp_path, "file_name,label,patient_id,mask_file_name,split\n" + "\n".join(rows))
    with pytest.warns(UserWarning, match="line 3 names no split, as 1 of"):
        data = SkinFolder(tmp_path)
    assert (data.groups, data.masks, data.splits) == ([None, None], {}, ["train"])


@pytest.mark.parametrize("label", ["['mel', 'nv']", "{'mel': 1}"])
def test_a_list_in_a_cell_is_no_label(tmp_path, label):
    draw(tmp_path / "a.png")
    write(tmp_path, f'file_name,label\na.png,"{label}"\n')
    with pytest.raises(ValueError, match="line 2: label is .*, a list; it must be the name of one"):
        SkinFolder(tmp_path)


def test_two_spellings_of_a_split_are_named(tmp_path):
    rows = [f"{name},a,{split}" for name, split in zip(draw_all(tmp_path, 2), ("Fold1", "fold1"))]
    write(tmp_path, "file_name,label,split\n" + "\n".join(rows))
    with pytest.warns(UserWarning, match="has the splits 'Fold1' and 'fold1': are they the same"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize("label", ["nan", "NaN", "NA", "#N/A", "null"])
def test_what_programs_write_for_an_empty_cell_is_no_class(tmp_path, label):
    draw(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text(f"file_name,label\na.png,{label}\n")
    with pytest.raises(ValueError, match="line 2.*an empty cell"):
        SkinFolder(tmp_path)


@pytest.mark.parametrize("column", ["label", "file_name", "split", "patient_id"])
@pytest.mark.parametrize("value", [["mel", "nv"], {"name": "mel"}])
def test_a_list_in_json_is_no_value(tmp_path, column, value):
    draw(tmp_path / "1.png")
    row = {"file_name": "1.png", "label": "mel", "boxes": [[1, 2]]}
    write(tmp_path, json.dumps(row), "metadata.jsonl")
    assert SkinFolder(tmp_path).classes == ["mel"]
    write(tmp_path, json.dumps(row | {column: value}), "metadata.jsonl")
    with pytest.raises(ValueError, match=f"metadata.jsonl, line 1: {column} is .*mel.*one value"):
        SkinFolder(tmp_path)


def test_folders_of_which_the_table_names_nothing_are_named(tmp_path):
    for name in ("images/1.png", "images/2.png", "mel/deep/1.png", "masks/1.png", ".old/1.png"):
        draw(tmp_path / name)
    (tmp_path / "figures").mkdir()
    write(tmp_path, "file_name,label\nimages/1.png,a\n")
    with pytest.warns(UserWarning, match="names no photograph in .*/mel: left out") as caught:
        assert len(SkinFolder(tmp_path)) == 1
    assert len(caught) == 1
