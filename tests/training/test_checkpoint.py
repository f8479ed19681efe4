"""Checkpoints: what is left out, and that nothing is lost."""

import json

import pytest
import torch
from torch import nn

from synthderm.training.checkpoint import (
    load_state,
    log_metrics,
    read_checkpoint,
    to_state,
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


def test_parts_random_numbers_and_state_come_back(tmp_path):
    model, mean = nn.Linear(2, 2), torch.tensor(3.0)
    assert read_checkpoint(tmp_path, {"model": model}, CPU) is None
    torch.manual_seed(0)
    write_checkpoint(tmp_path, {"model": model, "mean": mean}, {"shown": 8}, CPU)
    following = torch.rand(3)
    other, other_mean = nn.Linear(2, 2), torch.tensor(0.0)
    state = read_checkpoint(tmp_path, {"model": other, "mean": other_mean}, CPU)
    assert state == {"shown": 8} and other_mean == 3.0
    assert torch.equal(other.weight, model.weight) and torch.equal(torch.rand(3), following)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_was_logged_after_the_checkpoint_is_removed(tmp_path):
    for shown in (4, 8, 12):
        log_metrics(tmp_path, {"shown": shown})
    write_checkpoint(tmp_path, {}, {"shown": 8}, CPU)
    read_checkpoint(tmp_path, {}, CPU)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["shown"] for line in lines] == [4, 8]
