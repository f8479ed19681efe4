"""`MixedSkinDataset.set_epoch`: other synthetic images in each epoch, as many of each class."""

import copy
import pickle
from collections import Counter

import pytest
import torch
from torch.utils.data import DataLoader, Subset

from synthderm import MixedSkinDataset, SyntheticSkinDataset
from tests.datasets.collections import Photographs, generated, numbered
from tests.states import in_every_state

NAMES = ["nevus", "melanoma", "other"]


def photographs(*counts: int, classes=NAMES) -> Photographs:
    return Photographs(classes, [label for label, count in enumerate(counts) for _ in range(count)])


def content(data, epoch: int) -> list[tuple]:
    """What the items are in an epoch: image and label."""
    data.set_epoch(epoch)
    return [(image.tobytes(), label) for image, label in data]


def test_each_epoch_has_other_synthetic_images_and_the_same_labels():
    data = MixedSkinDataset(photographs(2, 1, 1), generated(6))
    epochs = [content(data, epoch) for epoch in range(4)]
    real = [items[:4] for items in epochs]
    assert real[0] == real[1] == real[2] == real[3]
    drawn = [item for items in epochs for item in items[4:]]
    assert len(set(drawn)) == len(drawn) == 24
    assert all([label for _, label in items] == data.targets for items in epochs)
    # In the first epoch they are those of the data set itself.
    assert [(image.tobytes(), label) for image, label in generated(6)] == epochs[0][4:]


def test_an_item_depends_on_seed_epoch_and_index_alone():
    data, again = (MixedSkinDataset(photographs(2, 1), generated(5), mapping={}) for _ in "ab")
    epochs = [content(data, epoch) for epoch in range(3)]
    # In any order of epochs and items, alone or in a batch.
    for epoch in (2, 0, 1):
        again.set_epoch(epoch)
        for index in (7, 3, 5, -1):
            image, label = again[index]
            assert (image.tobytes(), label) == epochs[epoch][index]
    assert content(MixedSkinDataset(photographs(2, 1), generated(5, seed=1)), 0) != epochs[0]


def test_a_data_set_that_ends_gives_a_choice():
    pool = Subset(generated(30), range(30))
    data = MixedSkinDataset(photographs(4, 4, 4), pool, ratio=0.5, seed=3)
    assert len(data) == 18 and Counter(data.targets[12:]) == {0: 2, 1: 2, 2: 2}
    everything = {(image.tobytes(), label) for image, label in pool}
    epochs = [content(data, epoch)[12:] for epoch in range(30)]
    assert all(set(items) <= everything and len(set(items)) == 6 for items in epochs)
    assert set().union(*epochs) == everything
    assert content(MixedSkinDataset(photographs(4, 4, 4), pool, ratio=0.5, seed=4), 0) != epochs[0]
    assert content(data, 7)[12:] == epochs[7]
    # Without a ratio it is all, in order, in every epoch.
    whole = MixedSkinDataset(photographs(4, 4, 4), pool)
    assert content(whole, 0) == content(whole, 5)
    assert content(whole, 0)[12:] == [(image.tobytes(), label) for image, label in pool]


def count_synthetic(data) -> dict[str, int]:
    flagged = zip(data.targets, data.is_synthetic)
    return dict(Counter(data.classes[target] for target, is_synthetic in flagged if is_synthetic))


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (None, {"nevus": 2, "melanoma": 2, "other": 2}),
        (2, {"nevus": 8, "melanoma": 12, "other": 2}),  # none real: as many as there are
        (0, {"other": 2}),
        ({"nevus": 0.25}, {"nevus": 1, "melanoma": 2, "other": 2}),
        ({"other": 0, "melanoma": 0}, {"nevus": 2}),
        (torch.tensor(0.5), {"nevus": 2, "melanoma": 3, "other": 2}),
    ],
)
def test_the_ratio_of_synthetic_to_real(ratio, expected):
    data = MixedSkinDataset(photographs(4, 6, 0), generated(6), ratio=ratio)
    assert count_synthetic(data) == expected
    assert [label for _, label in data] == data.targets


def test_images_beyond_the_length_are_new_ones():
    data = MixedSkinDataset(photographs(5, 5, 5), generated(3), ratio=4)
    items = content(data, 0)[15:] + content(data, 1)[15:]
    assert len(items) == len(set(items)) == 120
    real = photographs(2, 5, 5)
    extra = SyntheticSkinDataset.balancing(real, numbered)
    balanced = MixedSkinDataset(real, extra)
    items = content(balanced, 0)[12:] + content(balanced, 1)[12:]
    assert len(set(items)) == 6 and {label for _, label in items} == {0}


@pytest.mark.parametrize(
    ("ratio", "says"),
    [
        (-1, "ratio=-1 must be a number in"),
        (float("inf"), "ratio=inf must be"),
        (True, "ratio=True must be a number, or a number for each class"),
        ([1, 2], "a number for each class by name"),
        ({"nevus": "all"}, "ratio='all' must be a number"),
        ({"acne": 1}, "ratio names 'acne', which the data set does not have: .* are nevus"),
        ({"other": 1}, "ratio names 'other', of which there is no real image"),
        ({"melanoma": 1}, "ratio names 'melanoma', of which there is no synthetic image"),
        (3, r"ratio=3 asks for 12 synthetic images of 'nevus', and there are 5: at most 1.25"),
    ],
)
def test_a_ratio_that_cannot_be_had_is_named(ratio, says):
    pool = Subset(generated(10, labels=["nevus", "other"]), range(10))
    with pytest.raises(ValueError, match=says):
        MixedSkinDataset(photographs(4, 6, 0), pool, ratio=ratio)


@pytest.mark.parametrize("epoch", [-1, 0.5, "3", True])
def test_an_epoch_is_a_whole_number(epoch):
    with pytest.raises(ValueError, match=f"epoch={epoch!r}"):
        MixedSkinDataset(photographs(1), generated(1)).set_epoch(epoch)


def test_copies_have_epochs_of_their_own():
    data = MixedSkinDataset(photographs(1), generated(3), mapping={})
    data.set_epoch(2)
    copies = [copy.deepcopy(data), pickle.loads(pickle.dumps(data))]
    for other in copies:
        assert other.epoch == 2 and content(other, 1) != content(other, 2)
    data.set_epoch(5)
    assert [other.epoch for other in copies] == [2, 2]


def test_an_epoch_reaches_what_is_within():
    inner = MixedSkinDataset(photographs(1, 1), generated(2))
    data = MixedSkinDataset(Subset(inner, [0, 2]), generated(2))
    first, second = content(data, 0), content(data, 1)
    assert inner.epoch == 1 and first[0] == second[0]
    assert all(a != b for a, b in zip(first[1:], second[1:]))


@in_every_state
def test_epochs_in_every_state_of_torch(switched):
    expected = content(MixedSkinDataset(photographs(1, 1), generated(4), mapping={}), 3)
    with switched():
        data = MixedSkinDataset(photographs(1, 1), generated(4), mapping={})
        assert content(data, 3) == expected
    assert content(data, 0) != expected and content(data, 3) == expected


def collate(items) -> list:
    return [(image.tobytes(), label) for image, label in items]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_stay_see_the_epoch(method):
    data = MixedSkinDataset(photographs(3, 2, 1), generated(7), ratio=2)
    expected = [content(data, epoch) for epoch in range(3)]
    loader = DataLoader(
        data,
        batch_size=4,
        num_workers=1,
        persistent_workers=True,
        multiprocessing_context=method,
        collate_fn=collate,
    )
    for epoch in (0, 2, 1):
        data.set_epoch(epoch)
        assert [item for batch in loader for item in batch] == expected[epoch]
