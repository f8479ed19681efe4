"""Goals of editors are judged as they are written."""

from benchmarks.editing.goals import ROWS, is_met

ROW = {row.key: row for row in ROWS}


def test_a_goal_can_be_met_and_missed():
    auroc, iou = ROW["classifier"], ROW["iou clear hands"]
    assert is_met(auroc, "paired", {"paired": 0.9, "renderer": 0.8, "tint": 0.7})
    assert not is_met(auroc, "paired", {"paired": 0.9, "renderer": 0.95, "tint": 0.7})
    assert not is_met(auroc, "paired", {"paired": 0.84, "renderer": 0.8, "tint": 0.7})
    assert is_met(iou, "unpaired", {"unpaired": 0.6})
    assert not is_met(iou, "paired", {"paired": 0.6})


def test_only_editors_have_goals():
    assert is_met(ROW["classifier"], "tint", {"tint": 0.1}) is None
    assert is_met(ROW["probe"], "paired", {"paired": 0.1}) is None
