"""Folders of classes: the same labels in every split, whatever the splits are called."""

import os

import pytest
from torchvision.datasets import ImageFolder

from synthderm import SkinFolder
from synthderm.datasets.folder import find_splits, training_split
from synthderm.imaging.io import read_image, to_pil, write_image
from tests.drawing import draw_skin


def draw(root, *names):
    for name in names:
        write_image(to_pil(draw_skin(8, 8)), root / name)
    return root


def classes_of(data: SkinFolder) -> list[str]:
    return [data.classes[label] for label in data.targets]


def test_a_class_has_one_label_in_every_split(tmp_path):
    draw(tmp_path, *(f"train/{name}/1.png" for name in ("akiec", "bcc", "mel", "nv")))
    draw(tmp_path, *(f"val/{name}/1.png" for name in ("akiec", "mel", "nv", "vasc")))
    train, val = (SkinFolder(tmp_path, split=split) for split in ("train", "val"))
    assert train.classes == val.classes == ["akiec", "bcc", "mel", "nv", "vasc"]
    assert train.targets == [0, 1, 2, 3]
    assert val.targets == [0, 2, 3, 4]
    # Of all splits, which torchvision would take for classes.
    assert SkinFolder(tmp_path).targets == train.targets + val.targets


def test_given_classes_fix_names_and_order(tmp_path):
    draw(tmp_path, "mel/1.png", "nv/1.png")
    data = SkinFolder(tmp_path, classes=["nv", "bcc", "mel"])
    assert data.class_to_idx == {"nv": 0, "bcc": 1, "mel": 2}
    assert data.targets == [2, 0]
    with pytest.warns(UserWarning, match="no photograph of 'Mel', and 'mel' is left out"):
        assert SkinFolder(tmp_path, classes=["nv", "Mel"]).targets == [0]
    with pytest.raises(ValueError, match="no class 'Mel', 'bcc'; it has: mel, nv"):
        SkinFolder(tmp_path, classes=["Mel", "bcc"])
    with pytest.raises(ValueError, match="names 'nv' twice"):
        SkinFolder(tmp_path, classes=["nv", "nv"])
    with pytest.raises(ValueError, match=r"classes=\[\] names nothing"):
        SkinFolder(tmp_path, classes=[])


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_splits_have_several_names(tmp_path, train, val):
    draw(tmp_path, f"{train}/a/1.png", f"{val}/a/2.png", f"{val}/b/3.png", "Test/a/4.png")
    for name in ("val", "valid", "Validation"):
        data = SkinFolder(tmp_path, split=name)
        assert (data.split, data.targets, data.classes) == ("val", [0, 1], ["a", "b"])
    assert data.splits == find_splits(tmp_path) == ["test", "train", "val"]
    assert training_split(tmp_path) == "train"
    with pytest.raises(ValueError, match="no split 'dev'; it has: 'test', 'train', 'val'"):
        SkinFolder(tmp_path, split="dev")


@pytest.mark.parametrize("split", ["train", "test"])
def test_without_split_folders_there_are_no_splits(tmp_path, split):
    draw(tmp_path, "a/1.png", "b/2.png")
    with pytest.raises(ValueError, match=f"no split '{split}'; it has no splits. Make folders"):
        SkinFolder(tmp_path, split=split)


def test_several_splits_at_once_are_refused(tmp_path):
    draw(tmp_path, "train/a/1.png", "val/a/1.png")
    with pytest.raises(ValueError, match="give the name of one split"):
        SkinFolder(tmp_path, split=["train", "val"])


def test_two_folders_for_one_split_are_refused(tmp_path):
    draw(tmp_path, "train/a/1.png", "val/a/2.png", "valid/a/3.png")
    with pytest.raises(ValueError, match="val and valid, which are the same split"):
        SkinFolder(tmp_path, split="val")
    draw(tmp_path / "linked", "train/a/1.png")
    (tmp_path / "linked" / "test").symlink_to(tmp_path / "linked" / "train")
    with pytest.raises(ValueError, match="test and train, which are the same split or the same"):
        SkinFolder(tmp_path / "linked", split="test")


def test_what_is_in_no_class_or_split_is_named(tmp_path):
    draw(tmp_path, "train/a/1.png", "train/b/1.png", "test/1.png", "figures/1.png", "logo.png")
    (tmp_path / "train" / "c").mkdir()
    (tmp_path / "val").mkdir()
    with pytest.warns(UserWarning) as caught:
        assert classes_of(SkinFolder(tmp_path)) == ["a", "b"]
    text = " ".join(str(warning.message) for warning in caught)
    for name in ("test/1.png", "figures/1.png", "logo.png", "train/c", "val", "test"):
        assert f"{tmp_path}/{name}" in text
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="no split 'val'"):
        SkinFolder(tmp_path, split="val")


def test_names_of_classes_are_cleaned(tmp_path):
    draw(tmp_path, "mel /1.png", "E\u0301kzem/1.png")
    assert SkinFolder(tmp_path).classes == ["mel", "\u00c9kzem"]
    assert SkinFolder(tmp_path, classes=["mel ", "E\u0301kzem"]).targets == [1, 0]
    draw(tmp_path, "Mel/1.png")
    with pytest.warns(UserWarning, match="the classes 'Mel' and 'mel': are they the same"):
        SkinFolder(tmp_path)


def test_attributes_are_those_of_image_folder(tmp_path):
    draw(tmp_path, "a/1.png", "a/deep/2.png", "b/3.png", "10/4.png", "9/5.png")
    ours, theirs = SkinFolder(tmp_path), ImageFolder(tmp_path)
    for name in ("classes", "class_to_idx", "samples", "imgs", "targets"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.loader(ours.samples[0][0]).tobytes() == ours[0][0].tobytes()
    grey = SkinFolder(tmp_path, loader=lambda path: read_image(path).convert("L"))
    assert grey[0][0].mode == "L"
    # Samples are shortened by hand here and there.
    ours.samples = ours.samples[-1:]
    assert len(ours) == 1 and ours[0][1] == 3


def test_a_home_folder(tmp_path, monkeypatch):
    draw(tmp_path, "x/a/1.png", "x/b/1.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    data = SkinFolder("~/x")
    assert os.path.isfile(data.samples[0][0])
    assert training_split("~/x") is None


@pytest.mark.parametrize("classes", [{"a", "b"}, {"a": 4, "b": 0}])
def test_classes_without_an_order_are_refused(tmp_path, classes):
    for name in ("a", "b"):
        draw(tmp_path, f"{name}/1.png")
    with pytest.raises(TypeError, match="pass a list"):
        SkinFolder(tmp_path, classes=classes)


@pytest.mark.parametrize("classes", [[0, 1], (0, "b"), [None], b"ab", 3, [b"a"]])
def test_classes_that_are_no_names_are_refused(tmp_path, classes):
    draw(tmp_path, "0/1.png", "b/1.png")
    with pytest.raises(TypeError, match=r"given by their names.* as in|is no list of names, as in"):
        SkinFolder(tmp_path, classes=classes)
    assert SkinFolder(tmp_path, classes=iter("0b")).targets == [0, 1]
    with pytest.raises(TypeError, match=r"as in classes=\['0', '1'\]"):
        SkinFolder(tmp_path, classes=[0, 1])


@pytest.mark.parametrize("names", [("01", "1"), ("0.0", "0"), ("mel", "MEL")])
def test_two_spellings_of_a_class_are_named(tmp_path, names):
    draw(tmp_path, *(f"{name}/1.png" for name in names))
    with pytest.warns(UserWarning, match="has the classes .* and .*: are they the same?"):
        SkinFolder(tmp_path)
