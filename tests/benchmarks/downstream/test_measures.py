"""Measures, against their definitions."""

import pytest
import torch

from benchmarks.downstream import measures
from synthderm.evaluation.measures import balanced_accuracy, macro_auroc
from synthderm.metrics import dice


@pytest.mark.parametrize("measure", [balanced_accuracy, macro_auroc, measures.calibration_error])
def test_a_weight_of_two_is_the_photograph_twice(measure):
    torch.manual_seed(0)
    chances, labels = torch.rand(40, 3, dtype=torch.double).softmax(1), torch.arange(40) % 3
    times = torch.randint(0, 3, (40,))
    index = torch.arange(40).repeat_interleave(times)
    once = torch.ones(1, len(index), dtype=torch.double)
    repeated = measure(chances[index], labels[index], once)
    assert torch.allclose(measure(chances, labels, times[None].double()), repeated)


def test_calibration_error():
    sure = torch.tensor([[0.8, 0.2]] * 10, dtype=torch.double)
    once = torch.ones(1, 10, dtype=torch.double)
    calibrated = measures.calibration_error(sure, torch.tensor([0] * 8 + [1] * 2), once)
    assert calibrated.item() == pytest.approx(0, abs=1e-9)
    overconfident = measures.calibration_error(sure, torch.tensor([0] * 3 + [1] * 7), once)
    assert overconfident.item() == pytest.approx(0.5)


def test_dice():
    a, b = torch.zeros(3, 1, 4, 4, dtype=torch.bool), torch.zeros(3, 1, 4, 4, dtype=torch.bool)
    a[0, 0, :2], b[0, 0, 1:3], a[1] = True, True, True
    assert dice(a, b).tolist() == [0.5, 0.0, 1.0]


def test_tone_groups_split_the_test_photographs_and_small_ones_have_no_figure():
    tones = torch.cat([torch.full((12,), 60.0), torch.full((12,), 40.0), torch.full((3,), 5.0)])
    values = torch.cat([torch.ones(12), torch.zeros(15)])
    groups = measures.by_tone(measures.mean_of, values, torch.zeros(27), tones)
    assert [group["n"] for group in groups.values()] == [12, 12, 3]
    assert [group["value"] for group in groups.values()] == [1.0, 0.0, None]
