"""The exponential moving average of weights."""

import pytest
import torch
from torch import nn

from synthderm.training.ema import ema_decay, update_ema


def test_floats_are_averaged_and_counts_copied():
    ema, model = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    with torch.no_grad():
        ema.weight.fill_(1.0)
        model.weight.fill_(2.0)
        model.running_mean.fill_(4.0)
        model.num_batches_tracked.fill_(7)
    update_ema(ema, model, decay=0.75)
    assert ema.weight.tolist() == [1.25, 1.25] and ema.running_mean.tolist() == [1.0, 1.0]
    assert ema.num_batches_tracked == 7


def test_the_decay_starts_low_and_ends_at_its_half_life():
    assert ema_decay(0, 16, half_life=4000) == 0
    assert ema_decay(160, 16, half_life=4000) == 0.5
    assert ema_decay(10**6, 16, half_life=4000) ** 250 == pytest.approx(0.5)
