"""Records: a line a run, whole or not at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from benchmarks.common import RESULTS
from benchmarks.downstream import records
from benchmarks.downstream.arms import ARMS, BEST, Arm, settings_of
from benchmarks.downstream.protocol import VERSION, Run, list_runs
from benchmarks.downstream.records import append_record, path_of, read_file, read_records

RUN = Run("B", "5", "pretrained", "eczema edit 0.5", 3)
RECORD = {
    "predictions": [[0.5, -1.25]],
    "protocol": {"version": VERSION},
    "arm": {"name": "x"},
    "val": 0.1 + 0.2,
}


def test_records_say_which_run_they_are(tmp_path):
    append_record(tmp_path, RUN, RECORD)
    line = json.loads(path_of(tmp_path, "B").read_text())
    assert Run(**line["run"]) == RUN and asdict(RUN)["seed"] == 3
    assert read_file(path_of(tmp_path, "B")) == {RUN: {"run": asdict(RUN), **RECORD}}
    assert list(line) == ["run", "arm", "val", "protocol", "predictions"]


def test_an_unfinished_line_is_dropped_with_a_message(tmp_path, capsys):
    other = replace(RUN, seed=4)
    append_record(tmp_path, RUN, RECORD)
    path = path_of(tmp_path, "B")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])  # killed while it wrote
    assert list(read_file(path)) == [RUN]
    assert "B.jsonl ends in an unfinished line, which is dropped" in capsys.readouterr().err
    append_record(tmp_path, other, RECORD)
    assert "unfinished line" in capsys.readouterr().err
    assert list(read_file(path)) == [RUN, other] and path.read_bytes().startswith(whole)
    assert capsys.readouterr().err == ""


def test_many_writers_leave_whole_lines(tmp_path):
    runs = [replace(RUN, seed=seed) for seed in range(40)]
    record = RECORD | {"predictions": [0.5] * 5000}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: append_record(tmp_path, run, record), runs))
    assert set(read_file(path_of(tmp_path, "B"))) == set(runs)


def test_of_two_records_of_a_run_the_later_one_counts(tmp_path):
    append_record(tmp_path, RUN, RECORD)
    append_record(tmp_path, RUN, RECORD | {"val": 0.9})
    assert read_file(path_of(tmp_path, "B"))[RUN]["val"] == 0.9


def test_a_line_that_is_no_record_is_named(tmp_path):
    append_record(tmp_path, RUN, RECORD)
    path = path_of(tmp_path, "B")
    path.write_text(path.read_text() + "{\n")
    with pytest.raises(ValueError, match="B.jsonl, line 2 is not a record"):
        read_file(path)
    append_record(tmp_path, Run("A", "5%", "pretrained", "real", 0), {"protocol": {"version": 99}})
    with pytest.raises(ValueError, match=r"line 1 \(A-5pc-.*\) is of protocol version 99"):
        read_file(path_of(tmp_path, "A"))


def test_other_conditions_are_refused(tmp_path):
    append_record(tmp_path, RUN, RECORD | {"data": {"identity": "x"}})

    def required(run: Run, arm: Arm) -> dict:
        return {"data": {"identity": arm.name + "y"}}

    with pytest.raises(ValueError, match=f"{RUN.key} .* another data: identity x, now xy"):
        read_records(tmp_path, [RUN], required)
    other = replace(RUN, seed=9)
    assert read_records(tmp_path, [other], required) == {}


@pytest.mark.parametrize("task", "ABC")
def test_committed_records_are_in_the_form_that_is_written(task):
    path = records.path_of(RESULTS / "downstream" / "mobilenetv2_100-128", task)
    for line, (run, record) in zip(
        path.read_text().splitlines(keepends=True), read_file(path).items()
    ):
        assert records.format_line(run, record) == line


def test_committed_records_are_runs_of_the_protocol_with_its_arms():
    folder = RESULTS / "downstream" / "mobilenetv2_100-128"
    runs = list_runs(10, own=("10%",))
    stored = records.read_folder(folder)
    assert set(stored) <= set(runs)

    def required(run: Run, recorded: Arm) -> dict:
        """As the scheduler requires it."""
        return {"arm": settings_of(recorded if run.arm == BEST else ARMS[run.arm])}

    assert read_records(folder, runs, required) == stored
