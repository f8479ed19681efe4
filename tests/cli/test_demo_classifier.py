"""The demo's classifier: the same every time, and an interval that holds its share."""

import torch

from synthderm.cli.demo_classifier import _interval, measure
from tests.drawing import draw_folder


def test_it_gives_the_same_every_time_and_leaves_the_random_state(tmp_path):
    state = torch.get_rng_state()
    first = measure(None, smoke=True)
    assert first == measure(None, smoke=True) and "chance is 50%" in first
    assert torch.equal(torch.get_rng_state(), state)
    folder = draw_folder(tmp_path / "data")
    assert "of 4 photographs that it had not seen" in measure(folder, smoke=True)
    few = draw_folder(tmp_path / "few", count=2)
    assert "has 2 photographs, and 3 are needed" in measure(few, smoke=True)


def test_the_interval_draws_whole_subjects():
    right = torch.tensor([1.0, 0.0] * 50, dtype=torch.double).repeat(2)
    subjects = torch.arange(100).repeat(2)
    low, high = _interval(right, subjects)
    assert 0.36 < low < 0.44 and 0.56 < high < 0.64, "as wide as 100 subjects make it"
