"""The plan, single runs, their records, and the command as a whole."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks import downstream, tables
from benchmarks.trial import arms, compare, plan, runs
from tests.benchmarks.downstream.parts import arm


def test_plan_begins_with_what_is_worth_most():
    runs_ = plan.make_plan(5, own=("10%",))
    assert len(runs_) == len(set(runs_)) and len({run.key for run in runs_}) == len(runs_)
    assert {(run.task, run.amount, run.arm) for run in runs_[:15]} == {
        ("A", "10%", name) for name in plan.MAIN
    }
    blocks = list(dict.fromkeys((run.task, run.amount) for run in runs_))
    assert blocks[:3] == [("A", "10%"), ("B", "5"), ("C", "10%")]
    assert {run.arm for run in runs_ if run.amount == "0"} == {
        "eczema edit 0.5",
        "eczema edit 0.5, wide",
    }
    for task, amounts in plan.AMOUNTS.items():
        for amount in amounts:
            assert plan.STEPS[task][amount] and {
                run.seed for run in runs_ if (run.task, run.amount) == (task, amount)
            } == set(range(5))
    assert {run.arm for run in runs_ if (run.task, run.amount) == ("A", "100%")} >= {
        *plan.MAIN,
        arms.BEST,
        "synthetic only",
        "synthetic x5",
    }
    assert all(run.anchor in runs_ for run in runs_)


def test_the_joint_arm_waits_and_then_takes_the_best_on_val():
    whole = [run for run in plan.make_plan(2) if (run.task, run.amount) == ("A", "10%")]
    joint = next(run for run in whole if run.arm == arms.BEST)
    score = {"mixup": 0.9, "synthetic x2": 0.8, "synthetic only": 1.0, arms.FILTERED.name: 1.0}
    records = {run: {"val": score.get(run.arm, 0.5)} for run in whole if run.arm != arms.BEST}
    assert plan.arm_of(joint, records, whole) == arms.combine(arms.CLASSICAL[3], arms.RATIOS[2])
    records.pop(next(run for run in whole if run.arm == "real"))
    assert plan.arm_of(joint, records, whole) is None
    assert plan.rates_of(whole[0], {}, (1e-3, 1e-2)) == (1e-3, 1e-2)
    later = next(run for run in whole if run.seed == 1)
    assert plan.rates_of(later, {}, (1e-3,)) is None and plan.rates_of(
        later, {later.anchor: {"rate": 0.5}}, (1e-3,)
    ) == (0.5,)


def test_a_run_is_repeatable_and_complete(settings):
    run = plan.Run("A", "25%", "pretrained", "synthetic x1", 0)
    first, again = (
        runs.carry_out(settings, run, arm("A", "synthetic x1"), (1e-3, 1e-2)) for _ in range(2)
    )
    changing = {"seconds", "cpu_seconds"}
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in again.items() if k not in changing
    }
    assert (
        first["rate"] in (1e-3, 1e-2)
        and set(first["tried"]) == {"0.001", "0.01"}
        and max(first["tried"].values()) == first["val"]
    )
    assert {"commit", "versions", "hardware", "generator", "data"} <= set(
        first
    ) and "timm" in first["versions"]
    assert first["trained on"] == {"real": [3, 3], "generated": [3, 3]}
    assert set(first["test"]) == {"balanced accuracy", "AUROC", "ECE", "recall", "tone"}
    other = runs.carry_out(settings, replace(run, seed=1), arm("A", "synthetic x1"), (1e-3,))
    assert other["predictions"] != first["predictions"]


def test_records_say_which_run_they_are(tmp_path):
    run = plan.Run("B", "5", "pretrained", "eczema edit 0.5", 3)
    plan.write_record(tmp_path, run, {"protocol": {"version": plan.VERSION}, "arm": {"name": "x"}})
    path = tmp_path / "B" / f"{run.key}.json"
    assert plan.Run(**json.loads(path.read_text())["run"]) == run and asdict(run)["seed"] == 3
    assert list(path.parent.iterdir()) == [path]


def command(places, out: Path, *more: str) -> list[str]:
    options = [
        "--data",
        places["data"],
        "--patches",
        places["patches"],
        "--cache",
        places["cache"],
        "--out",
        out,
        "--generator",
        places["generator"],
    ]
    return [
        "downstream.py",
        *map(str, options),
        "--model",
        "test_efficientnet",
        "--weights",
        "random",
        "--device",
        "cpu",
        "--size",
        "16",
        *more,
    ]


@pytest.fixture
def tiny_protocol(monkeypatch):
    """Two steps a run, in the command too."""
    original = downstream.read_settings
    monkeypatch.setattr(
        downstream, "read_settings", lambda args: replace(original(args), steps=2, batch=4)
    )
    monkeypatch.setattr(compare, "RESAMPLES", 50)


def test_the_command_runs_resumes_and_refuses(places, tmp_path, monkeypatch, capsys, tiny_protocol):
    selection = [
        "--fraction",
        "0.1",
        "--positives",
        "5",
        "--only",
        "real",
        "balancing",
        "eczema edit 0.5",
        "synthetic x1",
        "--n-seeds",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", command(places, tmp_path, "--task", "A", "B", *selection))
    downstream.main()
    folder = tmp_path / "downstream" / "test_efficientnet-16"
    summary = json.loads((folder / "summary.json").read_text())
    entry = summary["tasks"]["A"]["amounts"]["10% pretrained"]["arms"]["balancing"]
    assert (
        entry["seeds"] == [0, 1]
        and entry["vs real"]["low"] <= entry["vs real"]["high"]
        and "p holm" in entry["vs real"]
    )
    assert set(summary["tasks"]["B"]["amounts"]["5 pretrained"]["arms"]) == {
        "real",
        "balancing",
        "eczema edit 0.5",
    }
    records = sorted(folder.glob("[AB]/*.json"))
    assert len(records) == summary["runs"] == 3 * 2 + 3 * 2
    assert "12 runs, 0 have their record" in capsys.readouterr().out
    assert (folder / "curves.png").exists() is False  # one amount draws no curve

    before = {path: path.stat().st_mtime_ns for path in records}
    monkeypatch.setattr(downstream, "carry_out", None)  # nothing is left to carry out
    downstream.main()
    assert {path: path.stat().st_mtime_ns for path in records} == before
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert any("balancing" in line for line in tables.downstream(summary, folder))

    record = json.loads(records[0].read_text())
    for changed, says in (({"protocol": record["protocol"] | {"version": 99}}, "is of protocol version 99"),
                          ({"protocol": record["protocol"] | {"batch": 99}}, "made with another protocol: batch 99, now 4"),
                          ({"data": {"name": "lesions", "identity": "x"}}, "made with another data: identity x, now")):  # fmt: skip
        records[0].write_text(json.dumps(record | changed))
        with pytest.raises(SystemExit, match=f"{records[0].name} .*{says}"):
            downstream.main()
    records[0].write_text("{")
    with pytest.raises(SystemExit, match=f"{records[0].name} is not a record"):
        downstream.main()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--only", "magic"], "--only 'magic' is none of the arms"),
        (["--fraction", "0.3"], "fraction 0.3 is not part of the protocol"),
        (["--positives", "7"], "--positives '7' is none of 0, 5, 20, all"),
        (["--seeds", "9"], "--seeds 9 is not below"),
        (["--task", "C", "--only", "mixup"], "no run of the protocol is left"),
        (
            ["--task", "A", "--fraction", "1", "--seeds", "1", "--only", "real"],
            "needs A-10pc-pretrained-real-seed-0 for its learning rate",
        ),
        (
            ["--task", "A", "--fraction", "0.1", "--only", "balancing", "--generator", "./none"],
            "none",
        ),
    ],
)
def test_bad_requests_are_named(places, tmp_path, monkeypatch, more, says):
    monkeypatch.setattr(sys, "argv", command(places, tmp_path, *more))
    with pytest.raises(SystemExit, match=says):
        downstream.main()
