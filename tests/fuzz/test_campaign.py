"""The longer run counts what it finds, and finds it."""

import types
from functools import partial

import pytest
from hypothesis import strategies as st

from tests.fuzz import campaign as module
from tests.fuzz.__main__ import fuzz_target, replace_rows
from tests.fuzz.outcome import Fault, attempt, require
from tests.fuzz.sizes import Size, make_model, make_table, measure, read_table, refuse_model


def raises(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError("label"), "raised KeyError"),
        (RecursionError("deep"), "raised RecursionError"),
        (ValueError(""), "unclear"),
        (ValueError("two\nlines"), "unclear"),
        (ValueError("x.jpg " + "long " * 200), "unclear"),
        (ValueError("no file is named"), "unclear"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x.jpg"), "unclear"),
    ],
)
def test_what_counts_as_a_fault(error, says):
    with pytest.raises(Fault, match=says):
        attempt(raises(error), names="x.jpg")


def test_what_counts_as_none():
    assert attempt(lambda: 3).result == 3
    assert (
        attempt(raises(ValueError("x.jpg is empty.")), names="x.jpg").refusal == "x.jpg is empty."
    )


def test_faults_are_counted_and_told_with_their_input(monkeypatch):
    def check(case, folder):
        require(case != 7, "seven")
        return "refused" if case > 7 else "read"

    target = types.SimpleNamespace(
        cases=lambda: st.integers(0, 9), check=check, prepare=lambda folder: None
    )
    monkeypatch.setattr(module, "TARGETS", {"numbers": target})
    found = module.campaign("numbers", 0, seed=1)
    assert found["cases"] == found["accepted"] + found["refused"] + found["failures"] > 9
    assert found["failures"] > 0 and found["accepted"] > found["failures"]
    assert found["faults"][0] == "seven | 7" and len(found["faults"]) <= module.SHOWN


def test_sizes_are_measured_and_judged(tmp_path):
    make, use = (partial(part, rows=3000, classes=70) for part in (make_table, read_table))
    size = Size("a small one", make, use, seconds=30, mb=300)
    assert measure(size)["failures"] == 0 and measure(size._replace(seconds=0))["failures"] == 1
    model = Size("a header", partial(make_model, tensors=30_000), refuse_model, 30, 300)
    assert measure(model)["failures"] == 0


def test_rows_that_are_made_again_take_the_place_of_the_former():
    before = {"commit": "a", "rows": [{"name": "x", "cases": 1}, {"name": "y", "cases": 1}]}
    result = {"commit": "b", "rows": [{"name": "z", "cases": 2}, {"name": "x", "cases": 2}]}
    rows = replace_rows(before, result, ["x", "z", "y"])["rows"]
    assert [(row["name"], row["cases"], row.get("commit")) for row in rows] == [
        ("x", 2, "b"),
        ("z", 2, "b"),
        ("y", 1, None),
    ]


def test_a_target_in_a_process_of_its_own():
    row = fuzz_target("masks", 0, seed=0)
    assert row["cases"] > 50 and row["failures"] == 0 and row["attack"].startswith("masks of")
