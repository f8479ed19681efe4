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
)
from benchmarks.heads.run import Condition, Outcomes, Photographs
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
    """Every measure of every arm."""
    scores: Scores = {}
    start = 0
    for name, test in tests.items():
        rows = slice(start, start + len(test.groups))
        start = rows.stop
        labels = torch.from_numpy(test.pool.labels)
        rng = torch.Generator().manual_seed(0)
        weights = resample(torch.from_numpy(test.groups), resamples, rng)
        weights = torch.cat([torch.ones(1, len(labels), dtype=torch.double), weights])
        for condition, draws in outcomes.items():
            for measure, function in MEASURES.items():
                values = torch.stack(
                    [
                        function(torch.from_numpy(draw.probabilities[rows]), labels, weights)
                        for draw in draws
                    ]
                )
                scores[condition, name, measure] = Score(values[:, 0], values[:, 1:])
    return scores


def figure(score: Score) -> dict[str, Any]:
    """The mean over the draws with its 95% interval over draws and test images."""
    rng = torch.Generator().manual_seed(1)
    low, high = interval_of(resample_seeds(score.resampled, rng))
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
    chosen = [c for c in outcomes if c.amount == amount and c.source in (None, source)]
    baseline = Condition(None, amount, "oversampling")
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


def best_classical(outcomes: Outcomes, amount: str) -> str:
    """The classical arm that the photographs of the draws speak for."""
    losses = {arm: _inner_losses(outcomes[Condition(None, amount, arm)]) for arm in CLASSICAL}
    return best_by_inner_loss(losses)


def _inner_losses(draws: Sequence[Outcome]) -> list[float]:
    return [draw.inner_loss for draw in draws]


def planned_comparisons(outcomes: Outcomes, scores: Scores, source: str) -> list[dict[str, Any]]:
    """The headline arm against what was planned, with p values corrected for their number."""
    found = []
    for test, amounts, others in PLANNED:
        for amount in amounts:
            if Condition(source, amount, HEADLINE) not in outcomes:
                continue
            for other in others:
                arm = best_classical(outcomes, amount) if other == BEST_CLASSICAL else other
                condition = Condition(source if arm in GENERATED else None, amount, arm)
                entry: dict[str, Any] = {"test": test, "amount": amount, "against": other}
                entry |= {"arm": arm}
                for measure in MEASURES:
                    entry[measure] = compare(
                        scores[Condition(source, amount, HEADLINE), test, measure],
                        scores[condition, test, measure],
                    )
                found.append(entry)
    corrected = holm({str(k): entry[MAIN]["p"] for k, entry in enumerate(found)})
    for k, entry in enumerate(found):
        entry["p holm"] = corrected[str(k)]
    return found


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
    score = scores[Condition(source, amount, arm), test, MAIN]
    return resample_seeds(score.resampled, torch.Generator().manual_seed(2)).numpy()


def summarise(outcomes: Outcomes, scores: Scores, sources: Sequence[str]) -> dict[str, Any]:
    """The content of summary.json but for the settings and the simulations."""
    amounts = [a for a in AMOUNTS if any(c.amount == a for c in outcomes)]
    tests = list(dict.fromkeys(test for _, test, _ in scores))
    has_curve = all(any(c.amount == a for c in outcomes) for a in (*FEW, *CURVE))
    return {
        "amounts": amounts,
        "best classical": {amount: best_classical(outcomes, amount) for amount in amounts},
        "tables": {
            source: {
                test: {a: arm_table(outcomes, scores, source, a, test) for a in amounts}
                for test in tests
            }
            for source in sources
        },
        "planned": {s: planned_comparisons(outcomes, scores, s) for s in sources},
        "exchange rates": {
            s: {test: exchange_rates(scores, s, test) for test in tests}
            for s in sources
            if has_curve
        },
    }
