"""Goals of arms are judged by the arm that val chose."""

from benchmarks.tables.downstream import goal_table


def goal_line(low: float) -> str:
    arms = {
        "x": {"vs best classical": {"difference": 0.04, "low": low, "high": 0.06}},
        "y": {"vs best classical": {"difference": 0.2}},
        "real": {},
    }
    entry = {"best classical on val": "real", "best of ours on val": "x", "arms": arms}
    return goal_table({"A": {"amounts": {"10% pretrained": entry}}})[2]


def test_goals_are_judged_by_the_arm_that_val_chose():
    assert "| x | real |" in goal_line(0.01)
    assert "| +4.0 [+1.0, +6.0] | met |" in goal_line(0.01)
    assert "**missed**" in goal_line(-0.01)
    assert goal_table({"A": {"amounts": {}}}) == []
