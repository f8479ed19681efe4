"""Fine-tuning learns, and keeps what is best on val."""

import pytest
import torch

from benchmarks.downstream.arms import ARMS
from benchmarks.downstream.batches import make_batches
from benchmarks.downstream.network import TaskNetwork
from benchmarks.downstream.settings import task_data
from benchmarks.downstream.training import predict, train
from tests.benchmarks.downstream.helpers import TINY


def test_segmentation_learns_its_masks(settings):
    """A few steps on discs that are darker than skin raise the Dice."""
    splits = task_data(settings, "C").splits
    torch.manual_seed(0)
    network = TaskNetwork(TINY, 2, True, 16)
    before = predict(network, splits["test"], "cpu").mean()

    def validate(network: TaskNetwork) -> float:
        return predict(network, splits["val"], "cpu").mean().item()

    batches = make_batches(ARMS["real"], splits["train"], 8, False)
    best, step = train(network, batches, 40, 1e-2, validate, "cpu")
    assert predict(network, splits["test"], "cpu").mean() > max(0.6, before + 0.1)
    assert best == pytest.approx(validate(network)) and step > 0
