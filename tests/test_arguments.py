"""Numbers and ranges, as public functions take them."""

import numpy as np
import pytest

from synthderm.arguments import as_range


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, (0.5, 0.5)),
        (1, (1.0, 1.0)),
        ((0, 1), (0.0, 1.0)),
        ([0.2, 0.2], (0.2, 0.2)),
        (np.float32(0.5), (0.5, 0.5)),
        (np.int64(1), (1.0, 1.0)),
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
