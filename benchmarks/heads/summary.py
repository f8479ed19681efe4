"""Figures with intervals, comparisons corrected for their number, the exchange rate, and how often
a gain would be found where there is none."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import holm
from benchmarks.heads.plan import (
    AMOUNTS,
    BEST_CLASSICAL,
    CLASSICAL,
    CURVE,
    FEW,
    GENERATED,
    HEADLINE,
    PLANNED,
    TRAINED_ON,
)
from benchmarks.heads.run import Condition, Outcomes, Photographs, is_left_out
from synthderm.evaluation.bootstrap import difference, interval_of, resample, resample_seeds
from synthderm.evaluation.measures import balanced_accuracy, macro_auroc
from synthderm.evaluation.protocol import Outcome, best_by_inner_loss

RESAMPLES = 2000
MEASURES = {"balanced accuracy": balanced_accuracy, "AUROC": macro_auroc}
MAIN = "balanced accuracy"


class Score(NamedTuple):
    """A measure of one arm on one set of test images.

    Args:
        draws: (S,), of each draw.
        resampled: (S, R), of each draw in each resample of the test images.
    """

    draws: Tensor
    resampled: Tensor


Scores = dict[tuple[Condition, str, str], Score]  # by condition, test and measure


def score_all(
    outcomes: Outcomes, tests: dict[str, Photographs], resamples: int = RESAMPLES
) -> Scores:
    """Every measure of every arm of one study, on its tests."""
    scores: Scores = {}
    start = 0
    for name, test in tests.items():
        rows = slice(start, start + len(test.groups))
        start = rows.stop
        labels = torch.from_numpy(test.pool.labels)
        rng = torch.Generator().manual_seed(0)
        weights = resample(torch.from_numpy(test.groups), resamples, rng)
        weights = torch.cat([torch.ones(1, len(labels), dtype=torch.double), weights])
        weights = weights.T.contiguous().T  # the order in memory that AUROC is quicker with
        for condition, draws in outcomes.items():
            predicted = [torch.from_numpy(draw.probabilities[rows]) for draw in draws]
            tested = [weights * tested_by(test, number) for number in range(len(draws))]
            for measure, function in MEASURES.items():
                values = torch.stack(
                    [function(one, labels, part) for one, part in zip(predicted, tested)]
                )
                scores[condition, name, measure] = Score(values[:, 0], values[:, 1:])
    return scores


def tested_by(test: Photographs, number: int) -> Tensor:
    """(N,), 1 for the photographs on which a draw is tested, else 0."""
    if test.folds is None:
        return torch.ones(len(test.groups), dtype=torch.double)
    return torch.from_numpy(is_left_out(test.folds, number)).double()


def figure(score: Score) -> dict[str, Any]:
    """The mean over the draws with its 95% interval over draws and test images."""
    rng = torch.Generator().manual_seed(1)
    # Some resamples hold no photograph of a class, in some draw.
    known = score.resampled[:, ~score.resampled.isnan().any(0)]
    low, high = interval_of(resample_seeds(known, rng))
    return {"mean": score.draws.mean().item(), "low": low, "high": high}


def compare(ours: Score, theirs: Score) -> dict[str, float]:
    """Ours less theirs, on the same draws."""
    gap = (ours.draws - theirs.draws).mean().item()
    rng = torch.Generator().manual_seed(1)
    return difference(ours.resampled, theirs.resampled, gap, rng)


def arm_table(
    outcomes: Outcomes, scores: Scores, source: str, amount: str, test: str
) -> dict[str, Any]:
    """All arms of one source, amount and test: figures, and differences from oversampling."""
    trained_on = TRAINED_ON[test]
    chosen = [
        condition
        for condition in outcomes
        if (condition.trained_on, condition.amount) == (trained_on, amount)
        and condition.source in (None, source)
    ]
    baseline = Condition(trained_on, None, amount, "oversampling")
    table = {}
    for condition in chosen:
        entry: dict[str, Any] = {}
        for measure in MEASURES:
            score = scores[condition, test, measure]
            entry[measure] = figure(score)
            if condition != baseline:
                entry[f"{measure}, against oversampling"] = compare(
                    score, scores[baseline, test, measure]
                )
        table[condition.arm] = entry
    return table


def best_classical(outcomes: Outcomes, trained_on: str, amount: str) -> str:
    """The classical arm that the photographs of the draws speak for."""
    losses = {
        arm: _inner_losses(outcomes[Condition(trained_on, None, amount, arm)]) for arm in CLASSICAL
    }
    return best_by_inner_loss(losses)


def _inner_losses(draws: Sequence[Outcome]) -> list[float]:
    return [draw.inner_loss for draw in draws]


def planned_comparisons(outcomes: Outcomes, scores: Scores, source: str) -> list[dict[str, Any]]:
    """What was planned, with p values corrected for their number in each family."""
    found = []
    for family, (ours, cells) in PLANNED.items():
        entries = [
            {"family": family, "ours": ours, "test": test, "amount": amount, "against": other}
            | _compare_arms(outcomes, scores, Cell(source, test, amount), ours, other)
            for test, amounts, others in cells
            for amount in amounts
            for other in others
            if Condition(TRAINED_ON[test], source, amount, ours) in outcomes
        ]
        corrected = holm({str(k): entry[MAIN]["p"] for k, entry in enumerate(entries)})
        found += [{**entry, "p holm": corrected[str(k)]} for k, entry in enumerate(entries)]
    return found


class Cell(NamedTuple):
    """Where two arms are compared."""

    source: str
    test: str
    amount: str


def _compare_arms(
    outcomes: Outcomes, scores: Scores, cell: Cell, ours: str, other: str
) -> dict[str, Any]:
    """The other arm by its own name, and the difference in each measure."""
    source, test, amount = cell
    trained_on = TRAINED_ON[test]
    arm = best_classical(outcomes, trained_on, amount) if other == BEST_CLASSICAL else other
    mine = Condition(trained_on, source, amount, ours)
    theirs = Condition(trained_on, source if arm in GENERATED else None, amount, arm)
    gaps = {m: compare(scores[mine, test, m], scores[theirs, test, m]) for m in MEASURES}
    return {"arm": arm, **gaps}


def exchange_rates(scores: Scores, source: str, test: str) -> list[dict[str, Any]]:
    """How many generated images stand for one photograph: those of the headline arm, over the
    photographs that would have to be added to reach the same figure.

    The curve of photographs alone is interpolated in the logarithm of their number, and never
    falls. Infinite where generated images add nothing; `beyond` says which share of the resamples
    lies above the end of the curve, where the rate is an upper bound.
    """
    sizes = np.log([3 * int(amount) for amount in (*FEW, *CURVE)])
    curve = np.stack([_resampled(scores, None, k, "oversampling", test) for k in (*FEW, *CURVE)])
    curve = np.maximum.accumulate(curve, 0)
    rates = []
    for amount in FEW:
        ours = _resampled(scores, source, amount, HEADLINE, test)
        own = 3 * int(amount)
        equal = np.array([np.exp(np.interp(y, column, sizes)) for y, column in zip(ours, curve.T)])
        with np.errstate(divide="ignore"):
            values = np.where(equal > own, 5 * own / np.maximum(equal - own, 1e-9), np.inf)
        low, middle, high = np.quantile(values, (0.025, 0.5, 0.975), method="nearest")
        entry = {"amount": amount, "rate": middle, "low": low, "high": high}
        entry = {k: v if isinstance(v, str) or np.isfinite(v) else None for k, v in entry.items()}
        rates.append(entry | {"beyond": float((ours >= curve[-1]).mean())})
    return rates


def _resampled(scores: Scores, source: str | None, amount: str, arm: str, test: str) -> Any:
    score = scores[Condition(TRAINED_ON[test], source, amount, arm), test, MAIN]
    return resample_seeds(score.resampled, torch.Generator().manual_seed(2)).numpy()


def summarise(outcomes: Outcomes, scores: Scores, sources: Sequence[str]) -> dict[str, Any]:
    """The content of summary.json but for the settings and the simulations."""
    amounts = [a for a in AMOUNTS if any(c.amount == a for c in outcomes)]
    tests = list(dict.fromkeys(test for _, test, _ in scores))
    collections = list(dict.fromkeys(c.trained_on for c in outcomes))
    with_curve = [test for test in tests if _has_curve(outcomes, TRAINED_ON[test])]
    return {
        "amounts": amounts,
        "best classical": {
            name: {amount: best_classical(outcomes, name, amount) for amount in amounts}
            for name in collections
        },
        "tables": {
            source: {
                test: {a: arm_table(outcomes, scores, source, a, test) for a in amounts}
                for test in tests
            }
            for source in sources
        },
        "planned": {s: planned_comparisons(outcomes, scores, s) for s in sources},
        "exchange rates": {
            s: {test: exchange_rates(scores, s, test) for test in with_curve} for s in sources
        },
    }


def _has_curve(outcomes: Outcomes, trained_on: str) -> bool:
    known = {c.amount for c in outcomes if c.trained_on == trained_on}
    return known.issuperset((*FEW, *CURVE))
