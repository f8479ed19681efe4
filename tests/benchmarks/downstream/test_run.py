"""A single run."""

from dataclasses import replace

from benchmarks.downstream.arms import ARMS
from benchmarks.downstream.protocol import Run
from benchmarks.downstream.run import carry_out

RUN = Run("A", "25%", "pretrained", "synthetic x1", 0)
TIMES = {"seconds", "cpu_seconds"}


def test_a_run_is_repeatable_and_complete(settings):
    arm = ARMS["synthetic x1"]
    first, again = (carry_out(settings, RUN, arm, (1e-3, 1e-2)) for _ in range(2))
    assert {key: value for key, value in first.items() if key not in TIMES} == {
        key: value for key, value in again.items() if key not in TIMES
    }
    assert first["rate"] in (1e-3, 1e-2) and set(first["tried"]) == {"0.001", "0.01"}
    assert max(first["tried"].values()) == first["val"]
    assert {"commit", "versions", "hardware", "generator", "data"} <= set(first)
    assert "timm" in first["versions"]
    assert first["trained on"] == {"real": [3, 3], "generated": [3, 3]}
    assert set(first["test"]) == {"balanced accuracy", "AUROC", "ECE", "recall", "tone"}
    other = carry_out(settings, replace(RUN, seed=1), arm, (1e-3,))
    assert other["predictions"] != first["predictions"]
