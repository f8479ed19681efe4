"""The speed benchmark runs and says what it compares; how fast anything is, is not tested."""

import json

import pytest
import torch

from benchmarks.speed import __main__ as speed
from benchmarks.speed.cases import Case
from benchmarks.speed.timing import measure, measure_on
from benchmarks.tables.speed import cuda_section, speed_section


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    threads = torch.get_num_threads()
    speed.main(["--smoke", "--out", str(out)])
    assert torch.get_num_threads() == threads
    return json.loads((out / "speed.json").read_text())


def test_every_row_compares_two_measured_cases(result):
    assert len(result["rows"]) >= 13
    for row in result["rows"]:
        times = [result["cpu_ms_per_image"][row[key]]["median"] for key in ("case", "against")]
        assert min(times) > 0 and row["case"] != row["against"]
        low, high = row["ratio"]["quartiles"]
        assert 0 < low <= row["ratio"]["median"] <= high
    assert {"commit", "date", "versions", "hardware"} <= set(result)


def test_the_table_says_met_or_missed(result):
    text = "\n".join(speed_section(result))
    goals = [row for row in result["rows"] if row["goal"] is not None]
    met = sum(row["ratio"]["median"] <= row["goal"] for row in goals)
    assert text.count("| met |") == met
    assert text.count("| **missed** |") == len(goals) - met


def test_a_part_of_the_rows_can_be_measured(tmp_path):
    speed.main(["--smoke", "--only", "PIL in a pipeline", "--out", str(tmp_path)])
    part = json.loads((tmp_path / "speed.json").read_text())
    assert len(part["rows"]) == 1 and len(part["cpu_ms_per_image"]) == 2
    with pytest.raises(SystemExit, match="no row"):
        speed.main(["--smoke", "--only", "no such case", "--out", str(tmp_path)])


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_is_skipped_where_there_is_none():
    with pytest.raises(SystemExit, match="skipped"):
        speed.main(["--cuda"])


def test_turns_interleave_the_cases():
    calls = []
    cases = {name: Case(lambda name=name: calls.append(name), images=2) for name in "abc"}
    times = measure(cases, rounds=3, turn=0.0)
    assert calls == [*"aabbcc", *"abc" * 3]
    assert all(len(values) == 3 for values in times.values())


def test_rates_on_a_device():
    rates = measure_on(torch.device("cpu"), count=2, side=32, seconds=0.0)
    assert rates["device"] == "CPU" and rates["share_of_copy_bandwidth"] > 0
    share = f"{rates['share_of_copy_bandwidth']:.2%} of the rate"
    assert share in "\n".join(cuda_section(rates))
