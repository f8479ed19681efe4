"""Names of classes: their order, and what is no name."""

import warnings

import pytest

from synthderm.datasets.classes import check_classes, class_names, sort_labels, warn_of_alike
from synthderm.datasets.folder import SkinFolder
from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "0"], ["0", "9", "10"]),
        (["10.0", "9.0", "-1.0"], ["-1.0", "9.0", "10.0"]),
        (["10", "9", "nv"], ["10", "9", "nv"]),
        (["b", "a", "b"], ["a", "b"]),
    ],
)
def test_numbers_are_sorted_by_their_value(labels, expected):
    assert sort_labels(labels) == expected


def test_names_are_cleaned_and_kept_in_their_order():
    assert class_names("mel ") == ["mel"]
    assert class_names(iter(["nv", " mel"])) == ["nv", "mel"]


@pytest.mark.parametrize("classes", [[0, 1], b"mel", 3, [None], {"mel"}, {"mel": 0}])
def test_what_is_no_list_of_names_is_refused(classes):
    with pytest.raises(TypeError, match="classes="):
        class_names(classes)


def test_a_collection_has_one_of_the_classes():
    check_classes("R", ["nv", "mel"], ["mel", "nv"])
    check_classes("R", ["nv", "mel", "df"], ["mel", "nv"])
    with pytest.raises(ValueError, match="R has no class 'df'; it has: mel"):
        check_classes("R", ["df"], ["mel"])
    with pytest.warns(UserWarning, match="R has no photograph of 'Mel', and 'mel' is left out"):
        check_classes("R", ["Mel", "nv"], ["mel", "nv"])


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        ("P1", "p1", True),
        ("1", "01.00", True),
        ("basal cell", "Basal_cell", True),
        ("-1", "-1.0", True),
        ("1", "-1", False),
        ("10", "1", False),
        ("P1", "P01", False),
        ("mel", "mel - Copy", True),
        ("0.5", "5", False),
    ],
)
def test_two_spellings(one, other, are_alike):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_alike("R", "classes", [one, other])
    assert [str(warning.message) for warning in caught] == [
        f"R has the classes {one!r} and {other!r}: are they the same?"
    ] * are_alike


def test_many_classes_take_no_time():
    """Comparing each with each, 100,000 would never come to an end."""
    names = [f"c{k}" for k in range(100_000)]
    check_classes("here", names, names)
    with pytest.raises(ValueError, match="'c7' twice"):
        check_classes("here", [*names, "c7"], names)


@pytest.mark.parametrize("labels", [("-1", "0", "1"), ("3", "4"), ("1", "2")])
def test_numbers_that_are_not_the_labels_are_told(tmp_path, labels):
    rows = ["file_name,label"]
    for k, label in enumerate(labels):
        to_pil(draw_skin(8, 8, seed=k)).save(tmp_path / f"{k}.png")
        rows.append(f"{k}.png,{label}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    with pytest.warns(UserWarning, match=f"numbers {', '.join(labels)}, but their labels are 0"):
        folder = SkinFolder(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SkinFolder(tmp_path, classes=list(labels))
    assert folder.classes == list(labels)
