"""Numbers and ranges, as public functions take them."""

import numpy as np
import pytest
import torch

from synthderm.arguments import as_integer, as_number, as_numbers, as_range


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, (0.5, 0.5)),
        (1, (1.0, 1.0)),
        ((0, 1), (0.0, 1.0)),
        ([0.2, 0.2], (0.2, 0.2)),
        (np.float32(0.5), (0.5, 0.5)),
        (np.int64(1), (1.0, 1.0)),
        (np.array(0.5), (0.5, 0.5)),
        (torch.tensor(0.5), (0.5, 0.5)),
        (np.array([0.25, 0.5]), (0.25, 0.5)),
    ],
)
def test_a_number_or_a_pair_becomes_a_pair(value, expected):
    assert as_range("severity", value) == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("half", "severity='half' must be a number or a pair"),
        ((0.1, 0.2, 0.3), "a number or a pair"),
        (None, "a number or a pair"),
        (True, "a number or a pair"),
        ("01", "a number or a pair"),
        (("0", "1"), "a number or a pair"),
        (np.zeros(500), r"severity=array.{,30} must be a number or a pair"),
        ((0.5, 0.2), "low first"),
        (1.5, r"must lie in \[0, 1\]"),
        (float("nan"), r"must lie in \[0, 1\]"),
    ],
)
def test_what_is_none_is_named(value, says):
    with pytest.raises(ValueError, match=says):
        as_range("severity", value)


def test_an_open_end_is_outside():
    assert as_range("coverage", 1.0, open_low=True) == (1.0, 1.0)
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\]"):
        as_range("coverage", (0.0, 0.5), open_low=True)


@pytest.mark.parametrize(
    "value",
    [3, 3.0, np.int64(3), np.uint8(3), np.float32(3), np.array(3), torch.tensor(3), 3 + 2**70],
)
def test_a_whole_number_of_any_kind_becomes_an_int(value):
    number = as_integer("seed", value)
    assert number == value and type(number) is int


@pytest.mark.parametrize(
    "value", [2.5, float("nan"), float("inf"), True, np.True_, torch.tensor(True), "3", None, [3]]
)
def test_what_is_no_whole_number_is_named(value):
    with pytest.raises(ValueError, match="seed=.* must be a whole number"):
        as_integer("seed", value)


@pytest.mark.parametrize(
    "value", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5)]
)
def test_a_number_of_any_kind_becomes_a_float(value):
    number = as_number("p", value)
    assert number == 0.5 and type(number) is float
    for values in (value, [0.5] * 3, np.full(3, 0.5), torch.full((3,), 0.5), np.full(3, 0.5)[::-1]):
        numbers = as_numbers("severity", values, 3)
        assert numbers.tolist() == [0.5] * 3 and numbers.dtype == torch.float32
    assert as_number("p", np.int64(1)) == 1 and as_numbers("severity", 1, 0).shape == (0,)


@pytest.mark.parametrize("value", ["x", "0.5", None, True, 1.5, -0.1, float("nan"), [0.5], 1j])
def test_what_is_no_number_within_the_bounds_is_named(value):
    with pytest.raises(ValueError, match=r"p=.* must be a number in \[0, 1\]"):
        as_number("p", value)


@pytest.mark.parametrize("value", [np.ones((9, 9)), torch.ones(2, 3), "a\nb" * 90, [[1] * 99] * 99])
def test_what_is_refused_is_shown_in_one_short_line(value):
    for check in (as_number, as_range, as_integer, lambda name, x: as_numbers(name, x, 3)):
        with pytest.raises(ValueError, match="^p[= ]") as error:
            check("p", value)
        assert len(str(error.value)) < 200 and "\n" not in str(error.value)


def test_what_is_beyond_float32_is_refused_without_a_warning(recwarn):
    with pytest.raises(ValueError, match="got inf"):
        as_numbers("severity", 1e300, 2)
    assert not recwarn.list


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_what_is_beyond_all_floats_is_out_of_bounds(value):
    for check in (as_number, as_range, lambda name, x: as_numbers(name, x, 2)):
        with pytest.raises(ValueError, match="^p[= ]") as error:
            check("p", value)
        assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("x", r"severity='x' must be a number in \(0, 1\], or one for each image"),
        (None, "severity=None must be a number"),
        (True, "severity=True must be a number"),
        (["a"] * 3, "must be a number"),
        ([[0.1], [0.1, 0.2]], "must be a number"),
        (torch.tensor([True]), "must be a number"),
        ([0.1] * 500, r"severity has shape \(500,\); 3 images need \(3,\)"),
        (torch.rand(3, 1), r"severity has shape \(3, 1\)"),
        (torch.tensor([0.5, 1.5, 0.5]), r"severity must be in \(0, 1\]; got 1.5"),
        ([0.5, 0.0, 0.5], "got 0"),
        (float("nan"), "got nan"),
    ],
)
def test_wrong_numbers_of_images_are_named_in_one_line(values, says):
    with pytest.raises(ValueError, match=says) as error:
        as_numbers("severity", values, 3, open_low=True)
    assert len(str(error.value)) < 120 and "\n" not in str(error.value)
