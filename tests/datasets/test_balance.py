"""`SyntheticSkinDataset.balancing`: any data set with classes and targets, and its own labels."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, random_split
from torchvision.transforms import v2

from synthderm import MixedSkinDataset, SkinFolder, SyntheticSkinDataset
from synthderm.imaging.io import to_tensor
from tests.datasets.collections import Photographs
from tests.drawing import draw_folder

HAM = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
NAMES = {"bkl": "seborrheic_keratosis", "mel": "melanoma", "nv": "nevus"}
AB = {"a": "melanoma", "b": "nevus"}


def count_labels(*datasets: Dataset) -> Counter:
    both = ConcatDataset(datasets)
    return Counter(both[index][1] for index in range(len(both)))


def test_balancing_fills_up_to_the_largest_class(tmp_path):
    real = SkinFolder(draw_folder(tmp_path / "d"))
    real = Subset(real, [real.targets.index(0)] + [k for k in range(12) if real.targets[k] == 1])
    extra = SyntheticSkinDataset.balancing(real, "lesions", mapping=AB, seed=4)
    assert extra.classes == ["a", "b"] and extra.class_to_idx == {"a": 0, "b": 1}
    assert extra.targets == [0] * 5 and count_labels(real, extra) == {0: 6, 1: 6}
    melanoma = SyntheticSkinDataset("lesions", length=5, labels="melanoma", seed=4)
    assert torch.equal(to_tensor(extra[2][0]), to_tensor(melanoma[2][0]))


def test_subsets_and_data_sets_in_a_row():
    real = Photographs(["b", "a"], [0] * 6 + [1] * 4)
    split = random_split(real, [7, 3], generator=torch.Generator().manual_seed(0))[0]
    inner = Subset(Subset(real, [0, 1, 2, 3, 9]), np.array([0, 2, 4]))
    row = ConcatDataset([real, Subset(real, [0])])
    for part in (real, split, inner, row):
        extra = SyntheticSkinDataset.balancing(part, "lesions", mapping=AB)
        counts = count_labels(part, extra)
        assert extra.classes == ["b", "a"] and counts[0] == counts[1] and len(counts) == 2
    # A class that the part has lost is a class all the same.
    assert SyntheticSkinDataset.balancing(Subset(real, [0, 1]), mapping=AB).targets == [1, 1]


@pytest.mark.parametrize(
    "targets",
    [torch.tensor([0, 1, 1]), np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0]), (0, 1, np.int64(1))],
)
def test_targets_of_any_kind(targets):
    extra = SyntheticSkinDataset.balancing(Photographs(("a", "b"), targets), mapping=AB)
    assert extra.targets == [0] and type(extra.targets[0]) is int


def is_melanoma(label: int) -> int:
    return int(label == 1)


def test_generated_labels_go_through_the_target_transform_of_the_real_ones():
    real = Photographs(["b", "a"], [0] * 3 + [1], target_transform=is_melanoma)
    named = Subset(real, range(4))  # as some give a Subset what it lacks
    named.classes, named.targets = real.classes, real.targets
    for data in (real, Subset(real, range(4)), ConcatDataset([real]), named):
        extra = SyntheticSkinDataset.balancing(data, mapping=AB)
        assert extra.targets == [1, 1] and [label for _, label in extra] == [1, 1]
        assert [label for _, label in DataLoader(extra, collate_fn=lambda items: items[0])] == [
            1
        ] * 2
    switched = Photographs(["melanoma", "nevus"], [0] * 3 + [1], target_transform=is_melanoma)
    extra = SyntheticSkinDataset.balancing(switched, transform=v2.PILToTensor())
    assert count_labels(switched, extra) == {0: 3, 1: 3}
    # What is given counts.
    given = SyntheticSkinDataset.balancing(switched, target_transform=str)
    assert [label for _, label in given] == ["1", "1"]
    assert SyntheticSkinDataset.balancing(switched, target_transform=None)[0][1] == 1


def test_labels_that_cannot_be_taken_over_are_refused():
    def both(image, label):
        return image, 7

    options = {"classes": ["melanoma", "nevus"], "targets": [0, 0, 1]}
    joint, separate = (
        Photographs(transforms=both, **options),
        Photographs(target_transform=is_melanoma, **options),
    )
    with pytest.raises(ValueError, match="has `transforms`, which may change its labels"):
        SyntheticSkinDataset.balancing(joint, transform=v2.PILToTensor())
    assert SyntheticSkinDataset.balancing(joint, transforms=both)[0][1] == 7
    assert SyntheticSkinDataset.balancing(joint, target_transform=None)[0][1] == 1
    with pytest.raises(ValueError, match="has a target_transform, and transforms= would pass"):
        SyntheticSkinDataset.balancing(separate, transforms=both)
    with pytest.raises(ValueError, match="have different target_transforms"):
        SyntheticSkinDataset.balancing(ConcatDataset([separate, Photographs(**options)]))


def test_some_of_seven_classes():
    real = Photographs(HAM, [0, 1, 2, 3, 4, 5, 5, 5, 6])
    extra = SyntheticSkinDataset.balancing(real, mapping=NAMES, classes=["mel", "bkl"])
    assert extra.classes == HAM and extra.targets == [2, 2, 4, 4]
    assert SyntheticSkinDataset.balancing(real, mapping=NAMES, classes="mel").targets == [4, 4]
    says = (
        r"'akiec', 'bcc', 'df', 'vasc' are none of the classes of 'lesions': melanoma, nevus,.*"
        r"mapping=\{'akiec': ...\}, .* with mapping=\{'akiec': None\}, or .* missing=\"skip\""
    )
    with pytest.raises(ValueError, match=says):
        SyntheticSkinDataset.balancing(real, mapping=NAMES)
    # A class that has enough needs no counterpart.
    most = Photographs(["melanoma", "other"], [0, 1, 1])
    assert SyntheticSkinDataset.balancing(most).targets == [0]


def grey(seeds, labels):
    return (labels / 10).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)


def test_a_function_has_the_classes_that_are_balanced():
    real = Photographs(HAM, [0, 1, 2, 3, 4, 5, 5, 6])
    extra = SyntheticSkinDataset.balancing(real, grey, classes=["df", "bcc"], mapping={"df": "x"})
    assert extra.targets == [1, 3] and extra.classes == HAM
    assert [to_tensor(image).max().item() for image, _ in extra] == [26, 0]
    with pytest.raises(ValueError, match="does not say which classes its labels are"):
        SyntheticSkinDataset.balancing(real, grey)


@pytest.mark.parametrize(
    ("targets", "options", "says"),
    [
        ([0] * 6 + [1] * 6, {"mapping": AB}, "every class .* 6 images: nothing to balance"),
        ([0, 0, 1], {"classes": ["a"], "mapping": AB}, "'a' .* already has 2 images"),
        ([], {"mapping": AB}, "the data set has no images"),
        ([0, 1, 1], {}, "'a' is not one of the classes.*melanoma, nevus"),
        ([0, 1, 1], {"mapping": {"A": "melanoma"}}, "mapping names 'A', .* its classes are a, b"),
        ([0, 1, 1], {"mapping": AB | {"b": "mole"}}, "mapping gives 'b' as 'mole'.*nevus"),
        ([0, 1, 1], {"mapping": {"a": 0}}, "mapping gives 'a' as 0"),
        ([0, 1, 1], {"classes": ["c"]}, "classes names 'c', .* its classes are a, b"),
        ([0, 1, 2], {"mapping": AB}, "target 2 of the data set is none of its 2 classes"),
        ([0, -1, 1], {"mapping": AB}, "target -1 of the data set"),
        ([0, 0.5], {"mapping": AB}, "target=0.5 must be a whole number"),
        (["a", "b"], {"mapping": AB}, "target='a' must be a whole number"),
        ([0, 1, 1], {"mapping": AB, "length": 9}, "length is what balancing works out"),
        ([0, 1, 1], {"mapping": AB, "labels": [0]}, "labels is what balancing works out"),
    ],
)
def test_what_does_not_fit_is_named(targets, options, says):
    with pytest.raises(ValueError, match=says):
        SyntheticSkinDataset.balancing(Photographs(["a", "b"], targets), **options)


def test_two_classes_may_not_have_one_counterpart():
    with pytest.raises(
        ValueError, match="'a' and 'b' are two of your classes, and the same generated class"
    ):
        SyntheticSkinDataset.balancing(
            Photographs(["a", "b", "c"], [0, 1, 2, 2]), mapping={"a": "nevus", "b": "nevus"}
        )


def test_what_is_no_labelled_data_set_is_named():
    with pytest.raises(TypeError, match="list has no `classes`: needed is a data set"):
        SyntheticSkinDataset.balancing([1, 2])
    with pytest.raises(TypeError, match="list has no `classes`"):
        SyntheticSkinDataset.balancing(Subset([1, 2], [0]))
    parts = [Photographs(["a", "b"], [0, 1]), Photographs(["b", "a"], [0, 1])]
    with pytest.raises(ValueError, match=r"different classes \(a, b; b, a\)"):
        SyntheticSkinDataset.balancing(ConcatDataset(parts))


@pytest.mark.parametrize(
    "kind", [np.array, list, torch.tensor, lambda flags: [*map(np.bool_, flags)]]
)
def test_truth_values_as_indices_are_refused(kind):
    """`Subset(real, labels == 0)`: torch gives items 0 and 1, over and over."""
    real = Photographs(["a", "b"], [0, 1, 1, 1])
    part = Subset(real, kind([True, False, True, True]))
    for data in (part, Subset(part, [0, 1]), ConcatDataset([real, part])):
        with pytest.raises(ValueError, match="truth values, .*np.flatnonzero"):
            SyntheticSkinDataset.balancing(data, "lesions", mapping=AB)
        with pytest.raises(ValueError, match="truth values, .*np.flatnonzero"):
            MixedSkinDataset(data, SyntheticSkinDataset("lesions", length=2))


@pytest.mark.parametrize("wrong", [[0, 9], [0.5], ["a"], [None], [-5]])
def test_indices_that_a_data_set_does_not_have_are_refused(wrong):
    real = Photographs(["a", "b"], [0, 1, 1, 1])
    with pytest.raises(ValueError, match="among the indices of a Subset"):
        SyntheticSkinDataset.balancing(Subset(real, wrong), "lesions", mapping=AB)
