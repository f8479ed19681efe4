"""Arguments of `SyntheticSkinDataset`: labels, numbers of any kind, and what is refused."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from synthderm import SyntheticSkinDataset
from synthderm.imaging.io import to_tensor
from synthderm.rendering.items import GeneratedItems


def pixels(item) -> torch.Tensor:
    return to_tensor(item[0])


def test_labels_are_chosen_by_name_index_or_item():
    assert SyntheticSkinDataset(length=4, labels="melanoma").targets == [0] * 4
    assert SyntheticSkinDataset(length=4, labels=["nevus", 0]).targets == [1, 0, 1, 0]
    assert SyntheticSkinDataset(length=3, labels=torch.tensor([2, 2, 1])).targets == [2, 2, 1]
    assert Counter(SyntheticSkinDataset(length=9).targets) == {0: 3, 1: 3, 2: 3}


@pytest.mark.parametrize(
    ("source", "labels", "expected"),
    [
        ("clinical", ["melanoma", "actinic keratosis"], ["MEL", "ACK"]),
        ("clinical", ["basal_cell_carcinoma", "Squamous Cell Carcinoma"], ["BCC", "SCC"]),
        ("clinical", ["nevus", "seborrheic-keratosis", "NV", 1], ["NEV", "SEK", "NEV", "BCC"]),
        ("lesions", "MEL", ["melanoma"]),
        ("lesions", np.array(["NV", "sek"]), ["nevus", "seborrheic_keratosis"]),
        ("lesions", ["Melanoma"], ["melanoma"]),
        ("eczema", "Mild", ["mild"]),
    ],
)
def test_labels_may_be_synonyms(source, labels, expected):
    data = SyntheticSkinDataset(source, length=len(expected), labels=labels)
    assert [data.classes[label] for label in data.targets] == expected


def test_two_classes_of_one_meaning_are_told_apart_by_their_own_names_alone():
    options = {"length": 1, "classes": ["MEL", "melanoma"]}
    for label, name in enumerate(options["classes"]):
        data = SyntheticSkinDataset(lambda seeds, labels: None, labels=name, **options)
        assert data.targets == [label]
    with pytest.raises(ValueError, match="'Mel' is not one of the classes of .*: MEL, melanoma"):
        SyntheticSkinDataset(lambda seeds, labels: None, labels="Mel", **options)


def test_numbers_may_be_numpys_or_torchs():
    plain = dict(length=4, seed=3, size=48, labels=[2, 1], severity=(0.25, 0.5), truncation=0.5)
    kinds = [
        dict(
            length=np.int64(4),
            seed=np.uint8(3),
            size=np.float64(48),
            labels=np.array([2, 1]),
            severity=np.array([0.25, 0.5], np.float32),
            truncation=np.float32(0.5),
        ),
        dict(
            length=torch.tensor(4),
            seed=np.array(3),
            size=np.int16(48),
            labels=torch.tensor([2.0, 1.0]),
            severity=(np.float32(0.25), torch.tensor(0.5)),
            truncation=torch.tensor(0.5),
        ),
    ]
    expected = SyntheticSkinDataset("eczema", **plain)
    for options in kinds:
        data = SyntheticSkinDataset("eczema", **options)
        assert (json.dumps(GeneratedItems(data).describe()), data.targets) == (
            json.dumps(GeneratedItems(expected).describe()),
            expected.targets,
        )
        assert torch.equal(pixels(data[np.int64(1)]), pixels(expected[1]))
    assert SyntheticSkinDataset(length=2, labels=np.int32(1)).targets == [1, 1]
    assert SyntheticSkinDataset(length=1, labels=np.array(["nevus"])).targets == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {"source": "faces", "length": 1},
            "'faces'.*clinical, eczema, hands, lesions, .*, skin",
        ),
        ({"length": 0}, "length=0"),
        ({"length": -3}, "length=-3"),
        ({"length": 2.5}, "length=2.5 must be a whole number"),
        ({"length": True}, "length=True must be a whole number"),
        ({"length": 2, "seed": 0.5}, "seed=0.5 must be a whole number"),
        ({"length": 2, "size": 64.5}, "size=64.5 must be a whole number"),
        ({"length": 2, "labels": 0.5}, "label 0.5"),
        ({"length": 2, "labels": [True]}, "label True"),
        ({"length": 2, "labels": "acne"}, "'acne'.*melanoma, nevus, seborrheic_keratosis"),
        ({"source": "clinical", "length": 1, "labels": "acne"}, "'clinical': ACK, BCC, MEL, NEV"),
        ({"length": 2, "labels": "BCC"}, "'BCC'.*melanoma, nevus, seborrheic_keratosis"),
        ({"length": 2, "labels": [0, 3]}, "label 3"),
        ({"length": 2, "labels": [-1]}, "label -1"),
        ({"length": 2, "labels": []}, "labels is empty"),
        ({"length": 2, "size": 2}, "size=2"),
        ({"length": 2, "severity": (0.9, 0.1)}, "low first"),
        ({"length": 2, "severity": 7}, r"severity=7 must lie in \[0, 1\]"),
        ({"length": 2, "severity": "mild"}, "a number or a pair"),
        ({"length": 2, "severity": (0.0, 1.0)}, "is for the source 'eczema' alone, and 'lesions'"),
        ({"source": "hands", "length": 2, "severity": 0.5}, "'hands' has none: leave it out"),
        (
            {"length": 2, "skin_tone": (0, 30)},
            "'lesions' has no input for the skin tone: leave it out",
        ),
        ({"length": 2, "truncation": 0}, "truncation=0"),
        ({"length": 2, "truncation": 1.5}, "truncation=1.5"),
        (
            {
                "source": lambda seeds, labels: None,
                "classes": ["a"],
                "length": 2,
                "skin_tone": (0, 30),
            },
            "skin_tone and truncation are for generators",
        ),
        (
            {
                "source": lambda seeds, labels: None,
                "classes": ["a"],
                "length": 2,
                "device": "cuda",
            },
            "device='cuda' has no effect on a function",
        ),
        (
            {"source": "eczema", "length": 2, "labels": "clear", "severity": (0.5, 1)},
            "clear do not occur",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        SyntheticSkinDataset(**arguments)


def test_a_number_stands_for_a_range():
    assert SyntheticSkinDataset("eczema", length=4, severity=0.5).targets == [2] * 4
    options = dict(length=1, seed=3)
    number, pair = (SyntheticSkinDataset("skin", skin_tone=t, **options) for t in (20, (20, 20)))
    assert torch.equal(pixels(number[0]), pixels(pair[0]))
