"""Classes that a source lacks, names that differ, and a limit to what `balancing` adds."""

from collections import Counter

import pytest

from synthderm import SyntheticSkinDataset
from synthderm.datasets.counterparts import same_class

PAD = ["ACK", "BCC", "MEL", "NEV", "SCC", "SEK"]
HAM = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
LESIONS = ["melanoma", "nevus", "seborrheic_keratosis"]


class Collection:
    """Classes and labels alone, with so many images of each class."""

    def __init__(self, classes, counts):
        self.classes = classes
        self.targets = [label for label, count in enumerate(counts) for _ in range(count)]


def added(real, source="lesions", **options) -> dict[str, int]:
    extra = SyntheticSkinDataset.balancing(real, source, **options)
    assert extra.classes == list(real.classes) and len(extra) == len(extra.targets)
    return dict(Counter(extra.classes[label] for label in extra.targets))


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("MEL", LESIONS, "melanoma"),
        ("nv", LESIONS, "nevus"),
        ("Seborrheic Keratosis", LESIONS, "seborrheic_keratosis"),
        ("seborrheic-keratosis", LESIONS, "seborrheic_keratosis"),
        ("melanoma", ["NV", "MEL"], "MEL"),
        ("bkl", LESIONS, None),  # also other keratoses
        ("mel", ["MEL", "Mel"], None),  # which?
        ("MEL", ["melanoma", "MEL"], "MEL"),
        ("actinic keratosis", PAD, "ACK"),
        ("AK", PAD, "ACK"),  # of ISIC 2019
        ("Basal-Cell Carcinoma", PAD, "BCC"),
        ("squamous_cell_carcinoma", PAD, "SCC"),
        ("seborrhoeic keratosis", PAD, "SEK"),
        ("scc", ["squamous cell carcinoma"], "squamous cell carcinoma"),
        ("AKIEC", PAD, None),  # also Bowen's disease
        ("keratosis", PAD, None),
    ],
)
def test_the_same_class_under_another_name(name, others, expected):
    assert same_class(name, others) == expected


@pytest.mark.parametrize(
    ("classes", "counts", "expected"),
    [
        (PAD, [7, 9, 1, 4, 2, 3], {"MEL": 8, "NEV": 5, "SEK": 6}),
        (HAM, [2, 3, 4, 1, 4, 9, 1], {"mel": 5}),
        (LESIONS, [1, 3, 2], {"melanoma": 2, "seborrheic_keratosis": 1}),
    ],
)
def test_classes_that_the_source_lacks_may_be_left_as_they_are(classes, counts, expected):
    real = Collection(classes, counts)
    assert added(real, missing="skip") == expected
    none = {name: None for name in classes if same_class(name, LESIONS) is None}
    assert added(real, mapping=none) == expected
    if none:
        first = next(iter(none))
        says = rf"'{first}'.* of 'lesions': melanoma, .*mapping=\{{'{first}': None\}}.*\"skip\""
        with pytest.raises(ValueError, match=says):
            SyntheticSkinDataset.balancing(real)


def test_what_the_mapping_says_counts():
    real = Collection(HAM, [2, 3, 4, 1, 4, 9, 1])
    bkl = {"bkl": "seborrheic_keratosis"}
    assert added(real, mapping=bkl, missing="skip") == {"mel": 5, "bkl": 5}
    assert added(real, mapping=bkl | {"mel": None}, missing="skip") == {"bkl": 5}
    assert added(real, mapping=bkl, missing="skip", classes=["df", "bkl"]) == {"bkl": 5}
    assert added(real, mapping={"bkl": "SEK"}, missing="skip") == {"mel": 5, "bkl": 5}
    # A class that needs none may be left out too, and the largest is still the aim.
    assert added(real, mapping={"nv": None}, missing="skip") == {"mel": 5}


def grey(seeds, labels):
    return (labels / 10).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)


def test_a_function_makes_no_class_that_is_left_out():
    real = Collection(HAM, [2, 3, 4, 1, 4, 9, 1])
    options = {"classes": ["df", "vasc"], "mapping": {"df": None}}
    extra = SyntheticSkinDataset.balancing(real, grey, **options)
    assert set(extra.targets) == {HAM.index("vasc")}
    assert extra[0][0].getpixel((0, 0)) == (0, 0, 0)  # its only class


def test_a_limit_of_generated_images_for_each_real_one():
    real = Collection(LESIONS, [2, 20, 10])
    assert added(real) == {"melanoma": 18, "seborrheic_keratosis": 10}
    assert added(real, max_ratio=3) == {"melanoma": 6, "seborrheic_keratosis": 10}
    assert added(real, max_ratio=0.5) == {"melanoma": 1, "seborrheic_keratosis": 5}
    # 0.29 * 100 is 28.999999999999996.
    assert added(Collection(LESIONS, [100, 200, 200]), max_ratio=0.29) == {"melanoma": 29}
    assert added(Collection(LESIONS, [0, 4, 1]), max_ratio=1) == {"seborrheic_keratosis": 1}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"missing": "ignore"}, 'missing=\'ignore\' must be "error" or "skip"'),
        ({"max_ratio": -1}, "max_ratio=-1 must be a number in"),
        ({"max_ratio": float("nan")}, "max_ratio=nan must be"),
        ({"max_ratio": float("inf")}, "max_ratio=inf must be"),
        ({"max_ratio": "1"}, "max_ratio='1' must be"),
        ({"max_ratio": 0}, "max_ratio=0 leaves no image to add"),
        ({"classes": []}, "no class is left to balance"),
        ({"mapping": dict.fromkeys(LESIONS)}, "no class is left to balance"),
        ({"mapping": {"nevus": "mole"}}, "'nevus' as 'mole', .*None leaves 'nevus' as it is"),
        ({"mapping": {"ACK": None}}, "mapping names 'ACK', which the data set does not have"),
    ],
)
def test_what_does_not_fit_is_named(options, says):
    with pytest.raises(ValueError, match=says):
        SyntheticSkinDataset.balancing(Collection(LESIONS, [1, 2, 3]), **options)


def test_a_source_that_knows_none_of_the_classes():
    says = "none of 'a', 'b' is a class of 'lesions': melanoma, .*mapping={'a': ...}"
    with pytest.raises(ValueError, match=says):
        SyntheticSkinDataset.balancing(Collection(["a", "b"], [1, 2]), missing="skip")
    real = Collection(["NV", "naevus", "b"], [1, 2, 3])
    with pytest.raises(ValueError, match="'NV' and 'naevus' are two of your classes.*'naevus': N"):
        SyntheticSkinDataset.balancing(real, missing="skip")
