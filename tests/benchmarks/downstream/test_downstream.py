"""The command as a whole: it runs, resumes and refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.downstream import __main__ as downstream
from benchmarks.downstream import arguments, bootstrap, scheduler
from benchmarks.tables.downstream import downstream_section
from tests.benchmarks.downstream.helpers import TINY


def make_command(places: dict[str, Path], out: Path, *more: str) -> list[str]:
    command = []
    for option in ("data", "patches", "cache"):
        command += [f"--{option}", str(places[option])]
    command += ["--out", str(out), "--model", str(places["generator"]), "--classifier", TINY]
    return [*command, "--device", "cpu", "--size", "16", *more]


@pytest.fixture
def tiny_protocol(monkeypatch):
    """Two steps a run, in the command too."""
    original = arguments.read_settings

    def read_settings(args):
        return replace(original(args), steps=2, batch=4)

    monkeypatch.setattr(arguments, "read_settings", read_settings)
    monkeypatch.setattr(bootstrap, "RESAMPLES", 50)


CHOICE = ["--task", "A", "B", "--fraction", "0.1", "--positives", "5", "--n-seeds", "2"]
CHOICE += ["--only", "real", "balancing", "eczema edit 0.5", "synthetic x1"]


@pytest.fixture
def done(places, tmp_path, tiny_protocol, capsys) -> tuple[list[str], Path]:
    """A command that was carried out, and the folder of its records."""
    command = make_command(places, tmp_path, *CHOICE)
    downstream.main(command)
    assert "12 runs, 0 have their record" in capsys.readouterr().out
    return command, tmp_path / "downstream" / "test_efficientnet-16"


def test_the_command_runs_and_resumes(done, monkeypatch, capsys):
    command, folder = done
    summary = json.loads((folder / "summary.json").read_text())
    entry = summary["tasks"]["A"]["amounts"]["10% pretrained"]["arms"]["balancing"]
    assert entry["seeds"] == [0, 1] and entry["vs real"]["low"] <= entry["vs real"]["high"]
    assert "p holm" in entry["vs real"]
    in_b = set(summary["tasks"]["B"]["amounts"]["5 pretrained"]["arms"])
    assert in_b == {"real", "balancing", "eczema edit 0.5"}
    files = sorted(folder.glob("*.jsonl"))
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert len(lines) == summary["runs"] == 3 * 2 + 3 * 2
    assert (folder / "curves.png").exists() is False  # one amount makes no curve

    before = [path.read_bytes() for path in files]
    monkeypatch.setattr(scheduler, "carry_out", None)  # nothing is left to carry out
    downstream.main(command)
    assert "12 runs, 12 have their record" in capsys.readouterr().out
    assert [path.read_bytes() for path in files] == before
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert any("balancing" in line for line in downstream_section(summary, folder))


def test_a_run_whose_line_was_not_finished_is_repeated(done, capsys):
    command, folder = done
    whole = (folder / "A.jsonl").read_bytes()
    (folder / "A.jsonl").write_bytes(whole[:-100])
    downstream.main(command)
    printed = capsys.readouterr()
    assert "12 runs, 11 have their record" in printed.out and "unfinished line" in printed.err
    again = [json.loads(line) for line in (folder / "A.jsonl").read_text().splitlines()]
    first = [json.loads(line) for line in whole.decode().splitlines()]
    assert [record["predictions"] for record in again] == [r["predictions"] for r in first]


def test_records_of_other_conditions_are_refused(done):
    command, folder = done
    path = folder / "A.jsonl"
    first, *others = path.read_text().splitlines(keepends=True)
    record = json.loads(first)
    protocol = record["protocol"]
    key = "A-10pc-pretrained-real-seed-0"
    changes = [
        ({"protocol": protocol | {"version": 99}}, rf"\({key}\) is of protocol version 99"),
        ({"protocol": protocol | {"batch": 99}}, f"{key} .*another protocol: batch 99, now 4"),
        ({"data": {"name": "lesions", "identity": "x"}}, "another data: identity x, now"),
    ]
    for changed, says in changes:
        path.write_text(json.dumps(record | changed) + "\n" + "".join(others))
        with pytest.raises(SystemExit, match=says):
            downstream.main(command)
    path.write_text("{\n" + "".join(others))
    with pytest.raises(SystemExit, match="A.jsonl, line 1 is not a record"):
        downstream.main(command)


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
            ["--task", "A", "--fraction", "0.1", "--only", "balancing", "--model", "./none"],
            "none",
        ),
    ],
)
def test_bad_requests_are_named(places, tmp_path, more, says):
    with pytest.raises(SystemExit, match=says):
        downstream.main(make_command(places, tmp_path, *more))
