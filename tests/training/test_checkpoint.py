"""Checkpoints: what is left out, and that nothing is lost."""

import json
import resource

import numpy as np
import pytest
import torch
from torch import nn

from synthderm.training.checkpoint import (
    load_state,
    log_metrics,
    read_checkpoint,
    read_log,
    restore,
    to_state,
    trim_log,
    write_checkpoint,
)

CPU = torch.device("cpu")


class Network(nn.Module):
    """A head on a backbone that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Linear(4, 4), nn.Linear(4, 1)


def make_adam(model: nn.ModuleList) -> torch.optim.Adam:
    return torch.optim.Adam(model[0].head.parameters(), lr=0.1, betas=(0.0, 0.99))


def train(interrupted: bool) -> torch.Tensor:
    """The weights after six steps; after three of them the model may be saved and loaded."""
    torch.manual_seed(1)
    model = nn.ModuleList([Network()])
    optimizer = make_adam(model)
    for step in range(6):
        if interrupted and step == 3:
            state, moments = to_state(model), to_state(optimizer)
            assert set(state) == {"0.head.weight", "0.head.bias"}
            assert "exp_avg" not in moments["state"][0]
            backbone = model[0].backbone
            model = nn.ModuleList([Network()])
            model[0].backbone = backbone
            load_state(model, state)
            optimizer = make_adam(model)
            load_state(optimizer, moments)
        optimizer.zero_grad()
        (model[0].head(model[0].backbone(torch.ones(2, 4) * step)) ** 2).sum().backward()
        optimizer.step()
    return model[0].head.weight.detach()


def test_a_checkpoint_leaves_out_what_is_known_and_loses_nothing():
    assert torch.equal(train(interrupted=False), train(interrupted=True))
    model = nn.ModuleList([Network()])
    with pytest.raises(RuntimeError, match="Unexpected key"):
        load_state(model, {**to_state(model), "0.other": torch.zeros(1)})


def test_an_optimizer_keeps_its_moments_and_takes_the_learning_rate_of_now():
    model = nn.ModuleList([Network()])
    stored = to_state(make_adam(model))
    faster = torch.optim.Adam(model[0].head.parameters(), lr=0.5, betas=(0.0, 0.9))
    load_state(faster, stored)
    assert faster.param_groups[0]["lr"] == 0.5 and faster.param_groups[0]["betas"] == (0.0, 0.9)
    other = torch.optim.Adam(model[0].parameters(), lr=0.1, betas=(0.0, 0.99))
    with pytest.raises(ValueError, match="doesn't match the size"):
        load_state(other, stored)


@pytest.mark.parametrize(("number", "says"), [(0, "another shape"), (9, "no parameter 9")])
def test_moments_of_another_shape_or_parameter_are_refused(number, says):
    model = nn.ModuleList([Network()])
    stored = to_state(make_adam(model))
    fitting = torch.optim.Adam(model[0].head.parameters(), lr=0.5, betas=(0.0, 0.9))
    moments = {name: torch.ones(1) for name in ("step", "exp_avg_sq")}  # it could be broadcast
    stored["state"] = {**stored["state"], number: moments}
    with pytest.raises(ValueError, match=says):
        load_state(fitting, stored)


def test_parts_random_numbers_and_state_come_back(tmp_path):
    model, mean, means = nn.Linear(2, 2), torch.tensor(3.0), {"add": 0.1, "find": 0.2}
    assert read_checkpoint(tmp_path) is None
    torch.manual_seed(0)
    parts = {"model": model, "mean": mean, "means": means}
    write_checkpoint(tmp_path, parts, {"shown": 8}, {"a": 1}, CPU)
    following = torch.rand(3)
    other, other_mean, other_means = nn.Linear(2, 2), torch.tensor(0.0), {"old": 1.0}
    values = read_checkpoint(tmp_path)
    assert values["state"] == {"shown": 8} and values["record"] == {"a": 1}
    parts = {"model": other, "mean": other_mean, "means": other_means}
    restore(tmp_path, values, parts, CPU)
    assert torch.equal(other.weight, model.weight) and other_mean == 3.0 and other_means == means
    assert torch.equal(torch.rand(3), following)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_was_logged_after_the_checkpoint_is_removed(tmp_path):
    for shown in (4, 8, 12):
        log_metrics(tmp_path, {"shown": np.int64(shown), "loss": np.float32(0.5)})
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"shown": 1')  # the process was killed
    write_checkpoint(tmp_path, {}, {"shown": 8}, {}, CPU)
    trim_log(tmp_path, read_checkpoint(tmp_path)["state"]["shown"])
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"shown": 4, "loss": 0.5},
        {"shown": 8, "loss": 0.5},
    ]


def test_whatever_is_no_line_of_the_log_is_passed_over_and_removed(tmp_path):
    odd = [b"\0\0\0\n", b"[1]\n", b"{}\n", b'{"shown": "5"}\n', b'{"shown": null}\n', b"\xff\xc3\n"]
    odd.append(b"[" * 100_000 + b"\n")
    lines = [b'{"shown": 4}\n', *odd, b'{"shown": 8}\n', b'{"shown": 9']
    (tmp_path / "metrics.jsonl").write_bytes(b"".join(lines))
    assert [entry["shown"] for entry in read_log(tmp_path)] == [4, 8]
    trim_log(tmp_path, 8)
    log_metrics(tmp_path, {"shown": 12})
    text = (tmp_path / "metrics.jsonl").read_text()
    assert [json.loads(line)["shown"] for line in text.splitlines()] == [4, 8, 12]
    assert read_log(tmp_path / "none") == []


def test_a_full_disk_names_the_checkpoint_and_keeps_the_old_one(tmp_path):
    write_checkpoint(tmp_path, {"mean": torch.zeros(4)}, {"shown": 4}, {}, CPU)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, usual[1]))
    try:
        with pytest.raises(OSError, match=r"checkpoint\.pt"):
            write_checkpoint(tmp_path, {"mean": torch.zeros(90_000)}, {"shown": 8}, {}, CPU)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    """One bit of a weight is wrong."""
    place = data.index(torch.full((64,), 7.0).numpy().tobytes())
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("spoil", [cut, flip, lambda data: b"", lambda data: b"no archive"])
def test_a_damaged_checkpoint_is_named(tmp_path, spoil):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(tmp_path, {"weights": torch.full((64,), 7.0)}, {"shown": 8}, {}, CPU)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(
        ValueError, match=r"checkpoint.pt is damaged \(.*\). Delete it to start anew"
    ):
        read_checkpoint(tmp_path)


WHOLE = {"state": {"shown": 8}, "record": {}, "rng": torch.get_rng_state()}


@pytest.mark.parametrize(
    "values",
    [
        *({"state": {"shown": 8}}, [1, 2], torch.zeros(3), WHOLE | {"rng": None}),
        *(WHOLE | {"state": {}}, WHOLE | {"state": {"shown": "8"}}, WHOLE | {"record": [1]}),
    ],
)
def test_a_checkpoint_of_another_program_is_named(tmp_path, values):
    torch.save(values, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="another program, or another version"):
        read_checkpoint(tmp_path)


def test_parts_that_do_not_fit_are_named(tmp_path):
    write_checkpoint(tmp_path, {"model": nn.Linear(2, 2)}, {"shown": 8}, {}, CPU)
    values = read_checkpoint(tmp_path)
    for parts in ({"model": nn.Linear(2, 3)}, {"other": nn.Linear(2, 2)}):
        with pytest.raises(
            ValueError, match=f"checkpoint.pt does not fit this {next(iter(parts))}"
        ):
            restore(tmp_path, values, parts, CPU)
