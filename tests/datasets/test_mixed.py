"""`MixedSkinDataset`: one list of classes, targets and items for real and synthetic images."""

import warnings
from pathlib import Path

import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, random_split
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from synthderm import EczemaEdit, MixedSkinDataset, SkinFolder, SyntheticSkinDataset
from tests.datasets.collections import PAD, Photographs, generated, grey, numbered
from tests.drawing import draw_folder


def test_classes_are_joined_by_name():
    real = Photographs(PAD, [0, 1, 2, 3, 3])
    with pytest.warns(UserWarning, match="'other' of the synthetic data set become new classes"):
        data = MixedSkinDataset(real, generated())
    assert data.classes == [*PAD, "other"] and data.class_to_idx["other"] == 4
    assert data.targets == [0, 1, 2, 3, 3, 3, 2, 4, 3, 2, 4]
    assert data.is_synthetic == [False] * 5 + [True] * 6
    assert [label for _, label in data] == data.targets and len(data) == 11
    # nevus is 0 in the generator, and 3 here.
    assert [grey(data[index][0]) for index in (1, 5, 6, 7, -1)] == [1, 0, 1, 2, 2]
    assert "NEV: 2 real, 2 synthetic" in repr(data)


def test_what_the_mapping_says_counts():
    real = Photographs(PAD, [0, 1, 2, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = MixedSkinDataset(real, generated(), mapping={"ACK": "other", "MEL": None})
    assert data.classes == PAD and data.targets[4:] == [3, 0, 3, 0]
    assert MixedSkinDataset(real, generated(), mapping={}).classes == [*PAD, "other"]
    # A class of which there is no image is no class of the whole.
    assert MixedSkinDataset(real, generated(labels="nevus")).classes == PAD


def test_what_balancing_made_has_the_right_labels():
    real = Photographs(PAD, [0, 0, 1, 2, 3, 3], target_transform=lambda label: label * 10)
    extra = SyntheticSkinDataset.balancing(real, numbered, missing="skip")
    data = MixedSkinDataset(real, extra)
    assert data.classes == PAD and data.targets == [0, 0, 1, 2, 3, 3, 2]
    assert [label for _, label in data] == [0, 0, 10, 20, 30, 30, 20]
    assert grey(data[-1][0]) == 1


def test_a_transform_set_late_follows_those_of_the_parts():
    real = Photographs(PAD, [0, 3], transform=v2.Resize(16))
    data = MixedSkinDataset(real, generated(2, transform=v2.Resize(16)))
    data.transform = v2.Compose([v2.Pad(1), v2.PILToTensor()])
    assert [image.shape for image, _ in data] == [(3, 18, 18)] * 4
    data.target_transform = str
    assert [label for _, label in data] == ["0", "3", "3", "2"]


def add_one(image, label):
    return image, label + 1


def test_labels_that_joint_transforms_make_are_kept():
    real = Photographs(["clear", "severe"], [0, 0], transforms=add_one)
    data = MixedSkinDataset(real, generated(2), mapping={})
    assert data.targets == [0, 0, 2, 3] and [label for _, label in data] == [1, 1, 2, 3]
    outer = MixedSkinDataset(Subset(data, [1, 2, 3]), generated(1), mapping={})
    assert [label for _, label in outer] == [1, 2, 3, 2]
    # timm sets a transform late: the joint one comes first.
    for late in (data, generated(2, labels=0, transforms=add_one)):
        late.transform = v2.PILToTensor()
        image, label = late[0]
        assert isinstance(image, torch.Tensor) and label == 1
    same = Photographs(["nevus", "melanoma"], [0, 1])
    assert MixedSkinDataset(same, generated(2, transforms=add_one))[2][1] == 1


def test_an_edit_that_sets_the_label():
    edit = EczemaEdit(p=1, severity=1.0, coverage=0.5, label=1)
    real = SyntheticSkinDataset("hands", length=2, size=64, labels=0, transforms=edit)
    data = MixedSkinDataset(real, generated(1), mapping={}, transform=v2.PILToTensor())
    torch.manual_seed(0)
    assert [label for _, label in data][:2] == [1, 1]


def test_the_transforms_of_the_whole():
    real = Photographs(PAD, [0, 3])
    data = MixedSkinDataset(
        real, generated(1), transforms=lambda image, label: (grey(image), -label)
    )
    assert list(data) == [(0, 0), (1, -3), (0, -3)]


def test_data_sets_within_data_sets():
    real = Photographs(PAD, [0, 1, 2, 3] * 3)
    part = random_split(real, [8, 4], generator=torch.Generator().manual_seed(0))[0]
    row = ConcatDataset([part, Subset(real, [11])])
    data = MixedSkinDataset(row, Subset(generated(), [1, 0]))
    assert data.targets == [row[k][1] for k in range(9)] + [2, 3]
    half = Subset(data, [8, 9])
    outer = MixedSkinDataset(half, generated(1))
    assert outer.is_synthetic == [False, True, True] and outer.targets == [3, 2, 3]
    assert SyntheticSkinDataset.balancing(outer, numbered, missing="skip").targets == [2]


def test_images_with_masks(tmp_path):
    real = SkinFolder(draw_folder(tmp_path / "d"), return_mask=True)
    extra = SyntheticSkinDataset("lesions", length=3, size=40, return_mask=True)
    data = MixedSkinDataset(real, extra, mapping={"a": "melanoma", "b": "nevus"})
    data.transform = v2.Compose([v2.RandomCrop(32), v2.ToImage()])
    for index in (0, len(real), len(data) - 1):
        image, mask, label = data[index]
        assert image.shape == (3, 32, 32) and type(mask) is tv_tensors.Mask
        assert mask.shape == (1, 32, 32) and label == data.targets[index]
    assert data.classes == ["a", "b", "seborrheic_keratosis"]
    for pair in ((real, generated()), (Photographs(PAD, [0]), extra)):
        with pytest.raises(ValueError, match="only some of the images come with masks: give both"):
            MixedSkinDataset(*pair, mapping={})


def test_samples_where_there_are_files(tmp_path):
    folder = draw_folder(tmp_path / "d", masks=False)
    real = SkinFolder(folder)
    data = MixedSkinDataset(Subset(real, [3, 1]), generated(2), mapping={"a": None, "b": None})
    assert data.samples[:2] == [real.samples[3], real.samples[1]]
    assert data.samples[2:] == [(None, 2), (None, 3)]
    both = MixedSkinDataset(real, SkinFolder(folder))
    for (file, label), (image, target) in zip(both.samples, both):
        assert label == target and real.loader(file).tobytes() == image.tobytes()
    assert not hasattr(MixedSkinDataset(Photographs(PAD, [0]), generated(1)), "samples")
    # torchvision's own data set of files.
    for path in Path(folder).rglob("*.csv"):
        path.unlink()
    plain = ImageFolder(folder)
    assert MixedSkinDataset(plain, plain).samples == plain.samples * 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mapping": {"X": "nevus"}}, "mapping names 'X', which the data set does not have"),
        ({"mapping": {"ACK": "mole"}}, "mapping gives 'ACK' as 'mole', .* synthetic data set: nev"),
        ({"mapping": {"ACK": "nevus"}}, "'ACK' and 'NEV' are two of your classes"),
        ({"seed": 0.5, "mapping": {}}, "seed=0.5 must be a whole number"),
        ({"transform": grey, "transforms": grey}, "Only transforms or"),
    ],
)
def test_what_does_not_fit_is_named(options, says):
    with pytest.raises(ValueError, match=says):
        MixedSkinDataset(Photographs(PAD, [0, 1, 2, 3]), generated(), **options)


def test_labels_made_in_two_ways_are_refused():
    plain, real = Photographs(PAD, [0, 1]), Photographs(PAD, [0, 1], target_transform=str)
    own = generated(target_transform=lambda label: 0)
    with pytest.raises(ValueError, match="has a target_transform of its own"):
        MixedSkinDataset(plain, own)
    assert MixedSkinDataset(plain, own, mapping={}, target_transform=repr)[2][1] == "3"
    with pytest.raises(ValueError, match="transforms= would pass it over"):
        MixedSkinDataset(real, generated(), transforms=add_one)
    with pytest.raises(ValueError, match="`transforms`, which may change its labels, and these"):
        MixedSkinDataset(plain, generated(transforms=add_one), mapping={})
    late = Photographs(PAD, [0, 1], transforms=add_one)
    late.target_transform = str
    with pytest.raises(ValueError, match="has both `transforms` and a target_transform"):
        MixedSkinDataset(late, generated(), mapping={})
    same_names = generated(classes=["ACK", "x", "y"])
    with pytest.raises(ValueError, match="has a class 'ACK' of its own: rename"):
        MixedSkinDataset(plain, same_names, mapping={"ACK": "x"})


def test_what_is_no_labelled_data_set_is_named():
    real = Photographs(PAD, [0, 1])
    with pytest.raises(TypeError, match="list has no `classes`"):
        MixedSkinDataset(real, [1, 2])
    with pytest.raises(IndexError, match="item 3 of a dataset of 3"):
        MixedSkinDataset(real, generated(1))[3]
    real = Photographs(PAD, [0, 1])
    real.__class__ = type("Short", (Photographs,), {"__len__": lambda self: 1})
    with pytest.raises(ValueError, match="Short has 1 items and 2 `targets`"):
        MixedSkinDataset(real, generated(1))
    real.__class__ = type("Odd", (Photographs,), {"__getitem__": lambda self, k: {"image": k}})
    with pytest.raises(TypeError, match=r"item 0 is dict: both parts should give \(image, label\)"):
        MixedSkinDataset(real, generated(1))[0]
