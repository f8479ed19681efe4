"""Task B: AUROC of every cell with its interval, and the comparisons of `EczemaEdit`."""

from collections import Counter
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray

from benchmarks.common import holm
from benchmarks.heads.edit_arms import (
    AMOUNTS,
    CLASSICAL,
    OURS,
    OVERSAMPLING,
    PASTE,
    SHUFFLED,
    TINT,
)
from benchmarks.heads.plan import BEST_CLASSICAL
from benchmarks.heads.summary import Score, compare, figure
from synthderm.evaluation.bootstrap import resample
from synthderm.evaluation.features import Features
from synthderm.evaluation.protocol import Outcome, best_by_inner_loss
from synthderm.intervals import weighted_auroc

RESAMPLES = 2000
CLOSE_UPS, ELSEWHERE = "close-ups", "hands and dermoscopy"


class Cell(NamedTuple):
    """A cell of the benchmark: what the healthy skin is of, how many inflamed photographs, and
    how heads are trained."""

    source: str
    amount: str
    arm: str


class Chosen(NamedTuple):
    """What a draw gave, with the share of made images that it chose."""

    share: float
    outcome: Outcome


class Examined(NamedTuple):
    """Images as heads see them: 1 is inflamed."""

    features: Features
    labels: NDArray[Any]
    groups: NDArray[Any]


Cells = dict[Cell, list[Chosen]]
Scores = dict[Cell, Score]


def score_all(outcomes: Cells, tests: dict[str, Examined], resamples: int) -> dict[str, Scores]:
    """AUROC of every cell on every test."""
    scores: dict[str, Scores] = {}
    start = 0
    for name, test in tests.items():
        rows = slice(start, start + len(test.labels))
        start = rows.stop
        positive = torch.from_numpy(test.labels) == 1
        rng = torch.Generator().manual_seed(0)
        weights = resample(torch.from_numpy(test.groups), resamples, rng)
        has_both = (weights[:, positive].sum(1) > 0) & (weights[:, ~positive].sum(1) > 0)
        once = torch.ones(1, len(positive), dtype=torch.double)
        weights = torch.cat([once, weights[has_both]])
        scores[name] = {}
        for cell, draws in outcomes.items():
            values = torch.stack(
                [
                    weighted_auroc(
                        torch.from_numpy(draw.outcome.probabilities[rows, 1]), positive, weights
                    )
                    for draw in draws
                ]
            )
            scores[name][cell] = Score(values[:, 0], values[:, 1:])
    return scores


def compared_with(outcomes: Cells, cell: Cell) -> dict[str, str]:
    """What an arm of ours is compared with, by title. The best classical arm is the one that the
    draws' own photographs speak for."""
    if cell.amount == "0":
        return {TINT: TINT, SHUFFLED: SHUFFLED}
    losses = {
        arm: [draw.outcome.inner_loss for draw in outcomes[cell._replace(arm=arm)]]
        for arm in CLASSICAL
    }
    others = (OVERSAMPLING, PASTE, TINT, SHUFFLED)
    return {BEST_CLASSICAL: best_by_inner_loss(losses), **{name: name for name in others}}


def summarise(
    outcomes: Cells, tests: dict[str, Examined], resamples: int = RESAMPLES
) -> dict[str, Any]:
    """The figures by test, and the comparisons of `EczemaEdit`, with p values corrected for their
    number on each test."""
    scores = score_all(outcomes, tests, resamples)
    tables: dict[str, list[dict[str, Any]]] = {}
    comparisons: dict[str, list[dict[str, Any]]] = {}
    for name, of_test in scores.items():
        tables[name] = [
            {**cell._asdict(), **figure(score), "shares": shares(outcomes[cell])}
            for cell, score in of_test.items()
        ]
        found = [
            {**cell._asdict(), "against": title, "is": other}
            | compare(score, of_test[cell._replace(arm=other)])
            for cell, score in of_test.items()
            if cell.arm == OURS
            for title, other in compared_with(outcomes, cell).items()
        ]
        corrected = holm({str(k): one["p"] for k, one in enumerate(found)})
        comparisons[name] = [{**one, "p holm": corrected[str(k)]} for k, one in enumerate(found)]
    counts = {
        name: {
            "images": len(test.labels),
            "inflamed": int((test.labels == 1).sum()),
            "groups": int(test.groups.max()) + 1,
        }
        for name, test in tests.items()
    }
    amounts = [amount for amount in AMOUNTS if any(cell.amount == amount for cell in outcomes)]
    return {"amounts": amounts, "tests": counts, "tables": tables, "comparisons": comparisons}


def shares(draws: list[Chosen]) -> dict[str, int]:
    """How often each share of made images was chosen."""
    counts = Counter(draw.share for draw in draws)
    return {str(share): counts[share] for share in sorted(counts)}
