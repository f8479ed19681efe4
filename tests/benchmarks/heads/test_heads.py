"""The benchmark of heads on drawn features: knowledge is found, nothing is not."""

import json

import numpy as np
import pytest
import torch

from benchmarks.heads import __main__ as command
from benchmarks.heads import plan, simulations, summary
from benchmarks.heads.run import Condition, Photographs, Study, run_all
from benchmarks.tables.heads import heads_section
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import Pool, unit_length

MIDDLE = np.random.default_rng(5).normal(size=(3, 10))


def draw(count: int, seed: int, signal: float = 1.0) -> Pool:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    noise = rng.normal(size=(count, 10))
    return Pool(unit_length(signal * MIDDLE[labels] + 1.5 * noise), labels)


@pytest.fixture(scope="module")
def tests() -> dict[str, Photographs]:
    names = enumerate(("A", "A-OOD"))
    return {name: Photographs(draw(300, k), np.arange(300)) for k, name in names}


@pytest.fixture(scope="module")
def material() -> Material:
    real = draw(90, 27)
    copies = {name: real.features[:, None] for name in ("randaugment", "blur and jitter")}
    return Material(3, real, draw(240, 8), copies, real)


FEW = plan.DESIGNS[plan.ISIC]._replace(amounts=("5",), curve=())


@pytest.fixture(scope="module")
def forward(material, tests) -> Study:
    return Study({"known": material}, np.arange(90), tests)


@pytest.fixture(scope="module")
def outcomes(forward):
    return run_all(plan.ISIC, forward, FEW, range(2), jobs=1)


def test_every_arm_runs_on_the_same_draws(outcomes, material):
    arms = {condition.arm for condition in outcomes}
    assert arms == set(plan.arms_of(FEW, "5"))
    assert all(len(draws) == 2 for draws in outcomes.values())
    groups, labels = np.arange(90), material.real.labels
    first, again, other = (plan.draw("5", labels, groups, k) for k in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_knowledge_is_found_and_what_is_written_is_read(outcomes, tests, tmp_path):
    scores = summary.score_all(outcomes, tests, resamples=100)
    found = summary.summarise(outcomes, scores, ["known"])
    table = found["tables"]["known"]["A"]["5"]
    alone = table["generated alone"]["balanced accuracy, against oversampling"]
    shuffled = table["shuffled labels x5"]["balanced accuracy, against oversampling"]
    assert alone["difference"] > 0 and shuffled["low"] < 0
    assert shuffled["difference"] < alone["difference"]
    planned = found["planned"]["known"]
    assert {(one["test"], one["amount"]) for one in planned} == {("A", "5"), ("A-OOD", "5")}
    on_top = [one["against"] for one in planned if one["ours"] == plan.ON_TOP]
    assert on_top == [plan.RANDAUGMENT] * 2
    assert all(one["p holm"] >= one["balanced accuracy"]["p"] for one in planned)
    lines = command.run_lines(outcomes, scores).splitlines()
    assert len(lines) == len(outcomes) and len(json.loads(lines[0])["A: AUROC"]) == 2


def test_an_exchange_rate_is_read_from_the_curve():
    """Photographs alone gain 10 points where their number doubles; 5 generated images for each of
    15 photographs give as much as 30 photographs: 5 to one. Nothing gained is no rate."""
    scores: summary.Scores = {}

    def put(source, amount, arm, value):
        values = torch.full((2, 50), value, dtype=torch.double)
        condition = Condition(plan.ISIC, source, amount, arm)
        scores[condition, "A", summary.MAIN] = summary.Score(values[:, 0], values)

    for k, amount in enumerate((*plan.FEW, *plan.CURVE)):
        put(None, amount, "oversampling", 0.4 + 0.1 * k)
    for source, gain in (("good", 0.1), ("bad", -0.05)):
        for k, amount in enumerate(plan.FEW):
            put(source, amount, plan.HEADLINE, 0.4 + 0.1 * k + gain)
    for one in summary.exchange_rates(scores, "good", "A"):
        assert abs(one["rate"] - 5) < 1e-6 and one["low"] == one["high"] and one["beyond"] == 0
    assert [one["rate"] for one in summary.exchange_rates(scores, "bad", "A")] == [None] * 3


def test_null_studies_find_few_gains(forward, monkeypatch):
    monkeypatch.setattr(simulations, "AMOUNT", "5")
    again = {"again": simulations.NULLS["the same arm twice, with other generated images"]}
    monkeypatch.setattr(simulations, "NULLS", again)
    null = simulations.simulate(forward, pool=6, studies=40, draws=4, jobs=1)
    assert null["false gains"]["again"] <= 0.15


def test_a_study_of_a_better_arm_finds_it(tests):
    labels = tests["A"].pool.labels
    right = torch.eye(3)[torch.from_numpy(labels)].double().repeat(4, 1, 1)
    guess = torch.full_like(right, 1 / 3)
    rng = torch.Generator().manual_seed(0)
    assert simulations.study(right, guess, labels, 4, False, rng, resamples=50)
    assert not simulations.study(guess, right, labels, 4, False, rng, resamples=50)


def test_the_section_says_what_was_met_and_missed():
    def gap(difference, low):
        return {"difference": difference, "low": low, "high": 2 * difference - low}

    planned = [
        {"family": "generated images", "ours": plan.HEADLINE, "test": test, "amount": "10"}
        | {"against": against, "arm": "oversampling", "p holm": 0.01}
        | {"balanced accuracy": gap(*values), "AUROC": gap(*values)}
        for test, against, values in (
            ("A", plan.BEST_CLASSICAL, (0.06, 0.01)),
            ("A", "retrieval x5", (-0.02, -0.05)),
        )
    ]
    entry = {"balanced accuracy": {"mean": 0.5}, "AUROC": {"mean": 0.6}}
    content = {
        "sources": ["lesions"],
        "classifier": "net",
        "side": 224,
        "draws": 20,
        "headline": plan.HEADLINE,
        "photographs": {plan.ISIC: [298, 1094, 203], plan.PADUFES: [39, 144, 119]},
        "generated images": 1600,
        "test images": {"A": 547, "A-OOD": 302, "A-OOD, reverse": 547, "A, reverse": 302},
        "planned": {"lesions": planned},
        "tables": {"lesions": {"A": {"10": {"oversampling": entry}}}},
        "exchange rates": {
            "lesions": {"A": [dict(amount="10", rate=5.0, low=2.0, high=None, beyond=0.1)]}
        },
        "null": {
            "studies": 10,
            "draws": 20,
            "amount": "10",
            "false gains": {"same": 0.02, "wrong": 0.07},
        },
        "commit": "0" * 40,
        "date": "2026-01-01",
        "versions": {"torch": "2"},
        "hardware": "cpu",
    }
    text = "\n".join(heads_section(content))
    assert "| A | 10 | best classical | +5, interval above 0 | +6.0 [+1.0, +11.0] | met |" in text
    assert "-2.0 [-5.0, +1.0] | **missed** |" in text
    assert "against what was planned, 2 comparisons" in text and "39 melanomas, 144 nevi" in text
    assert "| same | 2.0% | ≤ 5% | met |" in text and "7.0% | ≤ 5% | **missed** |" in text
    assert "| 5.0 | 2.0 | none | 10% |" in text
