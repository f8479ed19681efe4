"""The table of transfer to real inflamed skin."""

import json

from benchmarks.tables.__main__ import make_page

CELL = {"auroc": 0.7912, "interval": [0.72, 0.851], "seeds": [0.79, 0.79]}
RESULT = {
    "classifier": "net",
    "calm": {"skin": 3, "hand": 4},
    "seeds": [0, 1],
    "editors": {"paired": {"model": "m", "weights": "w"}},
    "tests": {"lesions": {"meaning": "a against b", "inflamed": 5, "calm": 6, "groups": 2}},
    "learners": {"probe": "a probe"},
    "rows": {"probe": {"tint": {"lesions": CELL}, "paired": {"lesions": CELL}}},
    "commit": "c" * 40,
    "date": "d",
    "versions": {"torch": "t"},
    "hardware": "h",
}


def test_a_row_for_each_method_and_a_column_for_each_test(tmp_path):
    assert "Transfer" not in make_page(tmp_path)
    (tmp_path / "transfer.json").write_text(json.dumps(RESULT))
    page = make_page(tmp_path)
    assert "## Transfer to real inflamed skin" in page
    assert "|  | lesions |" in page
    assert "| red tint in the mask | 0.79 [0.72, 0.85] |" in page
    assert "| paired | 0.79 [0.72, 0.85] |" in page
    assert "- `lesions`: a against b; 5 and 6 crops of 2 patients." in page
    assert "learns to tell 7 calm crops" in page and "The learner is a probe:" in page
