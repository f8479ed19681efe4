"""Goals of editors are judged as they are written."""

from benchmarks.editing.goals import ROWS, is_met

ROW = {row.key: row for row in ROWS}


def test_a_goal_can_be_met_and_missed():
    kid, iou = ROW["kid added"], ROW["iou hands"]
    assert is_met(kid, "paired", {"paired": 0.3, "renderer": 0.5, "tint": 0.6})
    assert not is_met(kid, "paired", {"paired": 0.3, "renderer": 0.2, "tint": 0.6})
    assert not is_met(kid, "paired", {"paired": 0.45, "renderer": 0.5, "tint": 0.6})
    assert is_met(iou, "unpaired", {"unpaired": 0.6})
    assert not is_met(iou, "paired", {"paired": 0.6})


def test_only_editors_have_goals():
    assert is_met(ROW["kid added"], "tint", {"tint": 0.1}) is None
    assert is_met(ROW["probe"], "paired", {"paired": 0.1}) is None
