"""Comparisons of arms, against planted differences."""

import pytest
import torch

from benchmarks.downstream import bootstrap
from benchmarks.downstream.measures import TONES
from synthderm.evaluation.bootstrap import difference, resample


def test_bootstrap_keeps_patients_together():
    groups = torch.tensor([0, 0, 1, 2, 2, 2])
    times = resample(groups, 500, torch.Generator().manual_seed(0))
    assert (times[:, 0] == times[:, 1]).all() and (times[:, 3] == times[:, 5]).all()
    assert (times[:, [0, 2, 3]].sum(1) == 3).all()
    assert times[:, 2].mean().item() == pytest.approx(1, abs=0.15)


def test_bootstrap_covers_seeds():
    """Photographs that never vary leave the seeds as the only source of chance."""
    gaps = torch.tensor([[0.01], [0.03], [0.05]], dtype=torch.double).expand(3, 500)

    def compare(theirs: torch.Tensor, point: float) -> dict[str, float]:
        return difference(gaps, theirs, point, torch.Generator().manual_seed(0))

    result = compare(torch.zeros_like(gaps), 0.03)
    assert result["low"] < 0.03 < result["high"] and result["low"] >= 0.01 and result["p"] < 0.01
    same = compare(gaps, 0.0)
    assert same["p"] == 1 and same["low"] == same["high"] == 0


def test_holm():
    corrected = bootstrap.holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert corrected == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert bootstrap.holm({}) == {}


LABELS = torch.arange(120) % 3


def make_record(share: float, seed: int) -> dict:
    """Predictions of which this share is right."""
    rng = torch.Generator().manual_seed(seed)
    winner = torch.where(torch.rand(120, generator=rng) < share, LABELS, (LABELS + 1) % 3)
    chances = torch.nn.functional.one_hot(winner, 3).double() * 0.7 + 0.1
    tone = {name: {"n": 0, "value": None} for name in TONES}
    return {
        "predictions": chances.log().tolist(),
        "val": share,
        "rate": 1,
        "trained on": {},
        "test": {"balanced accuracy": 0.0, "AUROC": 0.0, "tone": tone},
    }


def test_summaries_find_a_planted_difference():
    """Predictions that are better by construction come out better, and the same ones do not."""
    test = {"labels": LABELS.tolist(), "groups": list(range(120)), "names": [""] * 120}
    strength = {"real": 0.5, "oversample": 0.6, "balancing": 0.9, "mixup": 0.5}
    records = {
        name: {seed: make_record(share, seed) for seed in range(5)}
        for name, share in strength.items()
    }
    result = bootstrap.compare_arms("A", records, test)
    assert result["best classical on val"] == "oversample"
    assert result["best of ours on val"] == "balancing"
    arms = result["arms"]
    ours, none = arms["balancing"]["vs best classical"], arms["mixup"]["vs real"]
    assert 0.15 < ours["low"] < ours["difference"] < ours["high"] < 0.45 and ours["p holm"] < 0.05
    assert none["low"] == none["high"] == 0 and none["p holm"] == 1
    mean = sum(arms["balancing"]["per seed"]) / 5
    assert arms["balancing"]["mean"] == pytest.approx(mean)
    assert arms["balancing"]["interval"][0] < mean
