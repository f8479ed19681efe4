"""What the names of files and folders say."""

import pytest

from synthderm.datasets.names import is_container, is_like_split, is_mask_folder, split_name


@pytest.mark.parametrize(
    "name", ["masks", "Mask", "lesionMasks", "GroundTruth", "ground truth", "gt", "seg", "labels"]
)
def test_folders_of_masks(name):
    assert is_mask_folder(name) and not is_container(name) and not is_like_split(name)


@pytest.mark.parametrize(
    "name",
    ["images", "IMG", "JPEGImages", "HAM10000_images_part_1", "ISIC_2019_Training_Input", "data"],
)
def test_folders_of_photographs_of_every_class(name):
    assert is_container(name) and not is_mask_folder(name) and not is_like_split(name)


@pytest.mark.parametrize(
    "name", ["fold_0", "Fold 3", "split1", "trn", "tst", "Trainingsdaten", "val_set", "dev"]
)
def test_other_names_of_splits(name):
    assert is_like_split(name) and split_name(name) is None
    assert not is_container(name) and not is_mask_folder(name)


@pytest.mark.parametrize(
    "name", ["mel", "label_0", "benign_images", "1", "patch_test", "testis", "mass", "trainer"]
)
def test_classes(name):
    assert not is_mask_folder(name) and not is_container(name)
    assert not is_like_split(name) and split_name(name) is None


def test_names_of_splits():
    names = ("Train", " VALID ", "testing")
    assert [split_name(name) for name in names] == ["train", "val", "test"]
