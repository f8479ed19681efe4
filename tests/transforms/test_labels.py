"""Labels: which one an edited sample gets, where it is found, and how it is put back."""

import warnings
from collections import OrderedDict, namedtuple
from enum import IntEnum

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import _utils as torchvision_utils

from synthderm import EczemaEdit
from synthderm.imaging.io import to_pil
from synthderm.transforms.samples import warn_of_boxes
from tests.transforms.samples import SIZE, half_mask, tensor

Sample = namedtuple("Sample", "picture target index")
Grade = IntEnum("Grade", ["CLEAR", "MILD"], start=0)


@pytest.mark.parametrize(
    "rest",
    [
        ("label", 1),
        ("label", 1, "path"),
        ({"labels": "label", "label": 3},),
        ({"label_source": 7, "LaBeLs": "label"},),
        ({"count": 7, "label_source": "label", "label": 1},),
        ({"id": 3, "my_Label": "label"}, 2),
        {"image": 0, "index": 1, "label": "label"},
        {"label_of_patient": "label", "label": 2, "image": 0},
        OrderedDict(image=0, ground_label="label", labels_all=2, x=1),
    ],
    ids=repr,
)
def test_the_label_is_where_torchvision_looks_for_it(editor, rest):
    """torchvision's own function, asked for a tensor, has the last word."""

    def build(label):
        def fill(part):
            if isinstance(part, dict):
                return type(part)((key, fill(value)) for key, value in part.items())
            return label if part == "label" else part

        if isinstance(rest, dict):
            return fill(rest) | {"image": tv_tensors.Image(tensor())}
        return (tv_tensors.Image(tensor()), *map(fill, rest))

    wanted = torch.tensor(4)
    assert torchvision_utils._find_labels_default_heuristic(build(wanted)) is wanted
    flat, spec = torch.utils._pytree.tree_flatten(build(4))
    new, new_spec = torch.utils._pytree.tree_flatten(
        EczemaEdit(p=1, label=9, model=editor)(build(4))
    )
    assert spec == new_spec and [x for x in new if type(x) is int] == [
        9 if x == 4 else x for x in flat if type(x) is int
    ]


@pytest.mark.parametrize(
    "sample",
    [
        (to_pil(tensor()), 0, 5),
        [to_pil(tensor()), 0, 5],
        Sample(to_pil(tensor()), 0, 5),
        (tv_tensors.Image(tensor()), half_mask(), 0, 5),
        (tensor(), {"mask": half_mask(), "label": 0}, 5),
        (
            tv_tensors.Image(tensor()),
            tv_tensors.BoundingBoxes([[1, 1, 5, 5]], format="XYXY", canvas_size=SIZE),
            half_mask(),
            0,
            5,
        ),
    ],
    ids=lambda sample: type(sample).__name__,
)
def test_the_index_behind_the_label_stays(editor, sample):
    warn_of_boxes.cache_clear()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        edited = EczemaEdit(p=1, label=9, model=editor)(sample)
    assert all(warning.filename == __file__ for warning in seen)
    assert type(edited) is type(sample) and edited[-1] == 5
    label = edited[1]["label"] if isinstance(edited[1], dict) else edited[-2]
    assert label == 9


@pytest.mark.parametrize(
    "sample",
    [
        (to_pil(tensor()), "melanoma", 0),
        (to_pil(tensor()), None, 0),
        (0, to_pil(tensor())),
        (0, tv_tensors.Image(tensor())),
        (tv_tensors.Image(tensor()), half_mask()),
        (to_pil(tensor()), (half_mask(), 0)),
        {"image": to_pil(tensor()), "target": 0},
        (to_pil(tensor()), {"target": 0}),
        {"image": to_pil(tensor()), "label": [1, 0]},
        (to_pil(tensor()), 0.0),
        (to_pil(tensor()), torch.tensor(0.0)),
        (to_pil(tensor()), torch.tensor([1, 0])),
        (torch.stack([tensor()] * 2), 0),
        (torch.stack([tensor()] * 2), torch.tensor([[1, 0], [0, 1]])),
    ],
)
def test_no_label_is_guessed(editor, sample):
    with pytest.raises(ValueError, match=r"labels_getter=|Edit before MixUp"):
        EczemaEdit(p=1, label=9, model=editor)(sample)


@pytest.mark.parametrize(
    "label",
    [
        0,
        np.int64(0),
        np.uint8(0),
        np.array(0),
        np.array([0]),
        torch.tensor(0),
        torch.tensor([0], dtype=torch.uint8),
        torch.tensor(False),
        np.array(False),
        Grade.CLEAR,
        False,
    ],
    ids=repr,
)
def test_labels_keep_their_type(editor, label):
    _, new, index = EczemaEdit(p=1, label=1, model=editor)((to_pil(tensor()), label, 7))
    assert type(new) is type(label) and new == 1 and label == 0 and index == 7
    assert getattr(new, "dtype", None) == getattr(label, "dtype", None)
    assert getattr(new, "shape", None) == getattr(label, "shape", None)


@pytest.mark.parametrize(
    "label",
    [np.uint8(0), torch.tensor(0, dtype=torch.int8), np.array(0, np.uint8), Grade.CLEAR, False]
    + [torch.tensor(False)],
    ids=repr,
)
def test_a_label_that_does_not_fit_is_refused(editor, label):
    with pytest.raises(ValueError, match=r"label=300 can't be a .*, as the labels are"):
        EczemaEdit(p=1, label=300, model=editor)((to_pil(tensor()), label))


@pytest.mark.parametrize(
    "label", [3, 3.0, np.int64(3), np.float32(3), np.array(3), torch.tensor(3)], ids=repr
)
def test_the_new_label_may_be_any_whole_number(editor, label):
    edit = EczemaEdit(p=1, label=label, model=editor)
    assert edit((to_pil(tensor()), 0))[1] == 3 and "label={'add': 3}" in repr(edit)


@pytest.mark.parametrize(
    ("mode", "label", "says"),
    [
        ("add", -1, "label=-1 is no class: classes count from 0"),
        ("add", "eczema", "label='eczema' must be a whole number"),
        ("add", 0.5, "label=0.5 must be a whole number"),
        ("add", True, "label=True must be a whole number"),
        ("add", (1, 0), "must be a whole number"),
        ("toggle", 1, r"also .* label of images whose eczema is removed.*'add': 1, 'remove': 0"),
        ("toggle", {"add": 1}, "must have the keys 'add' and 'remove'"),
        ("toggle", {"add": 1, "remove": None}, "label=None must be a whole number"),
        ("toggle", {"add": 1, "remove": -1}, "label=-1 is no class"),
        ("toggle", {1: 1, 0: 0}, "must have the keys"),
        ("add", {"add": 1, "remove": 0}, "must have the keys 'add'"),
        ("remove", {"add": 1}, "must have the keys 'remove'"),
    ],
)
def test_labels_that_mean_nothing_are_refused(mode, label, says):
    with pytest.raises(ValueError, match=says):
        EczemaEdit(mode, label=label)


def test_toggle_gives_each_direction_its_label(editor):
    edit = EczemaEdit(
        "toggle", p=1, severity=1.0, mask="given", label={"add": 1, "remove": 0}, model=editor
    )
    empty = tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.uint8))
    image = tv_tensors.Image(tensor())
    assert edit(image, half_mask(), 1)[2] == 0
    assert edit(image, empty, 0)[2] == 1
    images, masks = torch.stack([tensor()] * 2), torch.stack([half_mask(), empty])
    assert edit.batch(images, masks, torch.tensor([1, 0]))[2].tolist() == [0, 1]
    assert EczemaEdit("remove", label={"remove": 0}).labels == {"remove": 0}


def test_a_batch_whose_label_is_to_be_set_needs_its_labels(editor):
    edit, images = EczemaEdit(p=1, label=1, model=editor), torch.rand(2, 3, 8, 8)
    with pytest.raises(ValueError, match="give labels="):
        edit.batch(images)
    for options in ({"masks": [[1]]}, {"labels": [0, 1]}, {"labels": np.zeros(2, int)}):
        with pytest.raises(ValueError, match="must be a tensor, not"):
            edit.batch(images, **options)


def test_a_getter_finds_a_label_among_equal_numbers(editor):
    edit = EczemaEdit(p=1, label=9, labels_getter=lambda sample: sample[2], model=editor)
    assert edit((to_pil(tensor()), 1, 1, 1))[1:] == (1, 9, 1)
    with pytest.raises(ValueError, match="no label was found"):
        EczemaEdit(p=1, label=9, labels_getter=lambda sample: 3, model=editor)((tensor(), 1))
