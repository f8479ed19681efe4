"""Processes and slices: who computes which rows, what buffers become, and what is refused."""

import sys

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from synthderm.training.collectives import SyncedBatchNorm, gather_rows, sync_norms
from synthderm.training.devices import LAUNCHED, Devices
from synthderm.training.slices import SharedBuffers, split_rows


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (*LAUNCHED, "ACCELERATE_MIXED_PRECISION", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("parts", "run"), [(1, 1), (2, 1), (4, 1), (4, 2), (3, 2)])
def test_each_row_is_in_one_part_and_halves_and_pairs_are_divided_evenly(parts, run):
    rows = split_rows(24, parts, run)
    assert sorted(torch.cat(rows).tolist()) == list(range(24))
    for part in rows:
        assert len(part) == 24 // parts and part.tolist() == sorted(part.tolist())
        assert (part % 2 == 0).tolist() == [True, False] * (len(part) // 2) or run == 1
        assert (part < 12).sum() == len(part) // 2 or len(part) % 2 or run > 1


def test_a_slice_has_the_same_rows_on_any_number_of_processes():
    """With its own batch statistics it would give other losses otherwise."""

    def slices(processes: int) -> list[list[int]]:
        found: list[list[int]] = [[], []]
        for rank in range(processes):
            devices = Devices("cpu")
            devices.rank, devices.count = rank, processes
            devices.split(16, 2)
            for rows, part in zip(found, devices.parts(Whole(torch.arange(16)))):
                rows += part.values.tolist()
        return [sorted(rows) for rows in found]

    assert slices(1) == slices(2) == slices(4)


class Whole:
    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def rows(self, rows: torch.Tensor) -> "Whole":
        return Whole(self.values[rows])


def test_one_process_needs_no_accelerate_and_takes_the_batch_as_it_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    devices, batch = Devices("cpu"), Whole(torch.arange(5))
    devices.split(5, 1, multiple=2, run=2)
    assert devices.is_main and devices.parts(batch)[0] is batch
    network = nn.Sequential(nn.BatchNorm2d(3))
    sync_norms(network)
    assert type(network[0]) is nn.BatchNorm2d
    assert gather_rows(batch.values) is batch.values
    assert devices.agree(7) == 7


@pytest.mark.parametrize("name", LAUNCHED)
def test_several_without_accelerate_are_told_what_to_install(monkeypatch, name):
    monkeypatch.setenv(name, "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ValueError, match=r"needs accelerate: pip install 'synthderm\[train\]'"):
        Devices("cpu")


def test_a_launcher_that_starts_one_of_several_is_told_apart(monkeypatch):
    """`accelerate launch --cpu --num_processes 4` would train in one process, silently."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    Devices("cpu")  # of one process that is fine
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(ValueError, match="by MPI alone: start them by torchrun"):
        Devices("cpu")


def test_a_batch_that_cannot_be_divided_is_refused_with_the_number_that_can():
    devices = Devices("cpu")
    with pytest.raises(ValueError, match="--batch 6 .* one process with --accumulate 2: .* of 4"):
        devices.split(6, 2, multiple=2)
    devices.count = 3
    with pytest.raises(ValueError, match="--batch 16 .* 3 processes with --accumulate 1: .* of 3"):
        devices.split(16, 1)


def test_slices_leave_the_buffers_of_one_pass():
    """A spectral norm takes one power iteration a pass, and not one a slice."""
    torch.manual_seed(0)
    x = torch.randn(8, 3, 4, 4)
    one, sliced = (
        nn.Sequential(spectral_norm(nn.Conv2d(3, 3, 1)), nn.BatchNorm2d(3)) for _ in range(2)
    )
    sliced.load_state_dict(one.state_dict())
    buffers = SharedBuffers([sliced], 2)
    sliced(x[:4])
    buffers.forget()
    before = dict(one.named_buffers())
    assert all(torch.equal(value, before[name]) for name, value in sliced.named_buffers())
    one(x)
    for part in x.split(4):
        sliced(part)
        buffers.next()
    after = dict(sliced.named_buffers())
    for name, value in one.named_buffers():
        if "running_var" not in name:  # the variance of the whole has the means' variance too
            torch.testing.assert_close(after[name], value, msg=name)
    assert after["1.num_batches_tracked"] == 1


def test_a_synced_norm_alone_is_a_batch_norm(monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 5)
    usual, synced = nn.BatchNorm2d(3), SyncedBatchNorm(3)
    torch.testing.assert_close(synced(x), usual(x))
    for name, value in usual.named_buffers():
        torch.testing.assert_close(dict(synced.named_buffers())[name], value)
    torch.testing.assert_close(synced.eval()(x), usual.eval()(x))
