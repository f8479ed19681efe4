"""Small statistics, and the sampler of generated images."""

import pytest
import torch

from benchmarks.common import generate, mean_interval, mean_sd, median_quartiles


def test_the_interval_is_students():
    cell = mean_interval([1.0, 2.0, 3.0])
    # t of 2 degrees of freedom, 97.5%
    assert cell["mean"] == 2 and cell["half_width"] == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    assert mean_interval([1.0])["half_width"] is None


def test_spreads():
    assert mean_sd([1.0, 3.0]) == {"mean": 2.0, "sd": pytest.approx(2**0.5)}
    assert mean_sd([1.0]) == {"mean": 1.0, "sd": None}
    assert median_quartiles([1, 2, 3, 4, 5]) == {"median": 3, "quartiles": [2, 4]}


def test_images_are_sampled_one_for_each_label(generator_dir, monkeypatch):
    labels = ["a", "b", "b", "a", "b"]
    images, masks = generate(str(generator_dir), labels, 3, "test")
    assert images.shape == (5, 3, 16, 16) and images.dtype == torch.uint8
    assert masks.shape == (5, 1, 16, 16) and masks.dtype == torch.bool
    monkeypatch.setattr("benchmarks.common.BATCH", 2)
    again, _ = generate(str(generator_dir), labels, 3, "test")
    assert (images.int() - again.int()).abs().max() <= 1  # not of the size of the batches
    other, _ = generate(str(generator_dir), labels, 4, "test")
    assert not torch.equal(other, images)
