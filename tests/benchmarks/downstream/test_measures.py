"""Figures and their comparison, against definitions and planted differences."""

import pytest
import torch

from benchmarks import tables
from benchmarks.trial import compare, measures


def test_measures_agree_with_their_definitions():
    torch.manual_seed(0)
    chances, labels = torch.rand(40, 3, dtype=torch.double).softmax(1), torch.arange(40) % 3
    chances[:8] = chances[8:16]  # ties
    once = torch.ones(1, 40, dtype=torch.double)
    right = chances.argmax(1) == labels
    expected = torch.stack([right[labels == k].double().mean() for k in range(3)])
    assert torch.allclose(measures.recalls(chances, labels, once)[0], expected)
    pairs = []
    for k in range(3):
        up, down = chances[labels == k, k], chances[labels != k, k]
        pairs.append(((up[:, None] > down).double() + 0.5 * (up[:, None] == down)).mean())
    assert torch.isclose(measures.macro_auroc(chances, labels, once)[0], torch.stack(pairs).mean())
    # A weight of two is the photograph twice.
    times = torch.randint(0, 3, (40,))
    twice = times.repeat_interleave(times)
    index = torch.arange(40).repeat_interleave(times)
    for measure in (measures.balanced_accuracy, measures.macro_auroc, measures.calibration_error):
        repeated = measure(
            chances[index], labels[index], torch.ones(1, len(twice), dtype=torch.double)
        )
        assert torch.allclose(measure(chances, labels, times[None].double()), repeated)
    sure = torch.tensor([[0.8, 0.2]] * 10, dtype=torch.double)
    assert measures.calibration_error(
        sure, torch.tensor([0] * 8 + [1] * 2), once[:, :10]
    ).item() == pytest.approx(0, abs=1e-9)
    assert measures.calibration_error(
        sure, torch.tensor([0] * 3 + [1] * 7), once[:, :10]
    ).item() == pytest.approx(0.5)


def test_dice():
    a, b = torch.zeros(3, 1, 4, 4, dtype=torch.bool), torch.zeros(3, 1, 4, 4, dtype=torch.bool)
    a[0, 0, :2], b[0, 0, 1:3], a[1] = True, True, True
    assert measures.dice(a, b).tolist() == [0.5, 0.0, 1.0]


def test_tone_groups_split_the_test_photographs_and_small_ones_have_no_figure():
    tones = torch.cat([torch.full((12,), 60.0), torch.full((12,), 40.0), torch.full((3,), 5.0)])
    found = measures.by_tone(
        measures.mean_of, torch.cat([torch.ones(12), torch.zeros(15)]), torch.zeros(27), tones
    )
    assert [entry["n"] for entry in found.values()] == [12, 12, 3]
    assert [entry["value"] for entry in found.values()] == [1.0, 0.0, None]


def test_bootstrap_keeps_patients_together_and_covers_seeds():
    groups = torch.tensor([0, 0, 1, 2, 2, 2])
    drawn = compare.resample(groups, 500, torch.Generator().manual_seed(0))
    assert (drawn[:, 0] == drawn[:, 1]).all() and (drawn[:, 3] == drawn[:, 5]).all()
    assert (drawn[:, [0, 2, 3]].sum(1) == 3).all() and drawn[:, 2].mean().item() == pytest.approx(
        1, abs=0.15
    )
    # Photographs that never vary leave the seeds as the only source of chance.
    gaps = torch.tensor([[0.01], [0.03], [0.05]], dtype=torch.double).expand(3, 500)
    found = compare.difference(gaps, torch.zeros_like(gaps), 0.03, torch.Generator().manual_seed(0))
    assert found["low"] < 0.03 < found["high"] and found["low"] >= 0.01 and found["p"] < 0.01
    same = compare.difference(gaps, gaps, 0.0, torch.Generator().manual_seed(0))
    assert same["p"] == 1 and same["low"] == same["high"] == 0


def test_holm():
    corrected = compare.holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert corrected == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_summaries_find_a_planted_difference():
    """Predictions that are better by construction come out better, and the same ones do not."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3
    test = {"labels": labels.tolist(), "groups": list(range(120)), "names": [""] * 120}

    def record(right: float, seed: int) -> dict:
        rng.manual_seed(seed)
        winner = torch.where(torch.rand(120, generator=rng) < right, labels, (labels + 1) % 3)
        chances = torch.nn.functional.one_hot(winner, 3).double() * 0.7 + 0.1
        figures = {
            "balanced accuracy": 0.0,
            "AUROC": 0.0,
            "tone": {name: {"n": 0, "value": None} for name in measures.TONES},
        }
        return {
            "predictions": chances.log().tolist(),
            "val": right,
            "rate": 1,
            "trained on": {},
            "test": figures,
        }

    strength = {"real": 0.5, "oversample": 0.6, "balancing": 0.9, "mixup": 0.5}
    found = compare.compare_arms(
        "A",
        {
            name: {seed: record(share, seed) for seed in range(5)}
            for name, share in strength.items()
        },
        test,
    )
    assert (
        found["best classical on val"] == "oversample"
        and found["best of ours on val"] == "balancing"
    )
    ours, none = found["arms"]["balancing"]["vs best classical"], found["arms"]["mixup"]["vs real"]
    assert 0.15 < ours["low"] < ours["difference"] < ours["high"] < 0.45 and ours["p holm"] < 0.05
    assert none["low"] == none["high"] == 0 and none["p holm"] == 1
    mean = sum(found["arms"]["balancing"]["per seed"]) / 5
    assert (
        found["arms"]["balancing"]["mean"] == pytest.approx(mean)
        and found["arms"]["balancing"]["interval"][0] < mean
    )


def test_goals_are_judged_by_the_arm_that_val_chose():
    def row(low: float) -> str:
        arms_ = {
            "x": {"vs best classical": {"difference": 0.04, "low": low, "high": 0.06}},
            "y": {"vs best classical": {"difference": 0.2}},
            "real": {},
        }
        entry = {"best classical on val": "real", "best of ours on val": "x", "arms": arms_}
        return tables.downstream_goals({"A": {"amounts": {"10% pretrained": entry}}})[2]

    assert (
        "| x | real |" in row(0.01)
        and "| +4.0 [+1.0, +6.0] | met |" in row(0.01)
        and "**missed**" in row(-0.01)
    )
    assert tables.downstream_goals({"A": {"amounts": {}}}) == []
