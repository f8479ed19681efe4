"""Folders whose names are hardly classes: what was not understood is named, and nothing guessed."""

import warnings

import pytest

from synthderm import SkinFolder
from tests.datasets.published import draw, ham10000


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
