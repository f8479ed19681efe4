"""The speed benchmark runs and says what it compares; how fast anything is, is not tested."""

import json

import pytest
import torch

from benchmarks import tables, throughput


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    threads = torch.get_num_threads()
    throughput.main(["--smoke", "--out", str(out)])
    assert torch.get_num_threads() == threads
    return json.loads((out / "throughput.json").read_text())


def test_every_row_compares_two_measured_cases(result):
    assert len(result["rows"]) >= 13
    for row in result["rows"]:
        times = [result["cpu_ms_per_image"][row[key]]["median"] for key in ("case", "against")]
        assert min(times) > 0 and row["case"] != row["against"]
        low, high = row["ratio"]["quartiles"]
        assert 0 < low <= row["ratio"]["median"] <= high
    assert {row["variant"] for row in result["rows"]} >= {None, "default"}
    assert {"commit", "date", "versions", "hardware"} <= set(result)


def test_the_table_says_met_or_missed(result):
    text = "\n".join(tables.throughput(result))
    goals = [row for row in result["rows"] if row["goal"] is not None]
    met = sum(row["ratio"]["median"] <= row["goal"] for row in goals)
    assert text.count("| met |") == met and text.count("| **missed** |") == len(goals) - met


def test_a_part_of_the_rows_can_be_measured(tmp_path):
    throughput.main(["--smoke", "--only", "PIL in a pipeline", "--out", str(tmp_path)])
    part = json.loads((tmp_path / "throughput.json").read_text())
    ways = len(throughput.variants())  # one more with the fast extra
    assert len(part["rows"]) == ways and len(part["cpu_ms_per_image"]) == ways + 1
    with pytest.raises(SystemExit, match="no row"):
        throughput.main(["--smoke", "--only", "no such case", "--out", str(tmp_path)])


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_is_skipped_where_there_is_none():
    with pytest.raises(SystemExit, match="skipped"):
        throughput.main(["--cuda"])


def test_turns_interleave_the_cases():
    seen = []
    cases = {name: throughput.Case(lambda name=name: seen.append(name), images=2) for name in "abc"}
    times = throughput.measure(cases, rounds=3, turn=0.0)
    assert seen == [*"aabbcc", *"abc" * 3] and all(len(values) == 3 for values in times.values())


def test_rates_on_a_device():
    rates = throughput.on_cuda(torch.device("cpu"), count=2, side=32, seconds=0.0)
    assert rates["device"] == "CPU" and rates["share_of_copy_bandwidth"] > 0
    assert f"{rates['share_of_copy_bandwidth']:.2%} of the rate" in "\n".join(tables.cuda(rates))


def test_the_network_compared_with_is_the_papers():
    network = throughput.ResNet9()
    assert (
        sum(parameter.numel() for parameter in network.parameters()) == 11_378_179
    )  # the authors' own code counts 11.378 M
    assert throughput.ResNet9(4, 1)(torch.zeros(2, 3, 24, 32)).shape == (2, 3, 24, 32)
