"""What is measured in task T: whether a decision depends on the tone that a photograph is rendered
in, and what is right on every tone. All functions take weights; see
`synthderm.evaluation.measures`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.heads.tone_changes import LEVELS, LIGHT
from synthderm.evaluation.bootstrap import difference, interval_of, resample, resample_seeds
from synthderm.evaluation.measures import recalls

RESAMPLES = 2000
FLIPS, WORST, LIGHT_SKIN = "flip rate", "worst-group recall", "light skin"
AS_TAKEN = "as photographed"
HALVED = 0.5


def flip_rate(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The share of photographs whose decision is not the same in all renderings, (R,).

    Args:
        predicted: (L + 1, N, K) probabilities of each rendering, and last of the photograph itself.
        labels: (N,) int64.
        weights: (R, N).
    """
    decisions = predicted[:-1].argmax(2)
    flips = (decisions != decisions[:1]).any(0).double()
    return (weights @ flips) / weights.sum(1)


def level_recalls(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Recall of each class on each tone, (R, L, K)."""
    return torch.stack([recalls(level, labels, weights) for level in predicted[:-1]], dim=1)


def worst_group_recall(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The least recall of any class on any tone, (R,)."""
    return level_recalls(predicted, labels, weights).flatten(1).amin(1)


def light_skin(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean recall of the classes on the two light tones, (R,)."""
    chosen = [list(LEVELS).index(name) for name in LIGHT]
    return level_recalls(predicted, labels, weights)[:, chosen].mean((1, 2))


def as_taken(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean recall of the classes on the photographs as they are, (R,)."""
    return recalls(predicted[-1], labels, weights).mean(1)


Measure = Callable[[Tensor, Tensor, Tensor], Tensor]
MEASURES: dict[str, Measure] = {
    FLIPS: flip_rate,
    WORST: worst_group_recall,
    LIGHT_SKIN: light_skin,
    AS_TAKEN: as_taken,
}


class Score(NamedTuple):
    """A measure of one arm, of each draw: (S,), and in each resample of the photographs, (S, R)."""

    draws: Tensor
    resampled: Tensor


def score(
    predicted: Sequence[Tensor], labels: Tensor, groups: Tensor, resamples: int = RESAMPLES
) -> dict[str, Score]:
    """All measures of one arm on one test.

    Args:
        predicted: of each draw, (L + 1, N, K).
        labels, groups: (N,) int64.
        resamples: of the groups, the same for every arm.
    """
    weights = resample(groups, resamples, torch.Generator().manual_seed(0))
    weights = torch.cat([torch.ones(1, len(labels), dtype=torch.double), weights])
    found = {}
    for name, measure in MEASURES.items():
        values = torch.stack([measure(one, labels, weights) for one in predicted])
        found[name] = Score(values[:, 0], values[:, 1:])
    return found


def summarise(
    scores: dict[str, dict[str, Score]], baseline: str
) -> dict[str, dict[str, dict[str, Any]]]:
    """By arm and measure the mean with its interval, and the difference from the baseline; for the
    flip rate also its share of the baseline's."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for arm, measures in scores.items():
        table[arm] = {}
        for name, ours in measures.items():
            low, high = interval_of(_known(resample_seeds(ours.resampled, _rng())))
            entry: dict[str, Any] = {"mean": ours.draws.mean().item(), "low": low, "high": high}
            if arm != baseline:
                theirs = scores[baseline][name]
                point = (ours.draws - theirs.draws).mean().item()
                entry["gap"] = difference(ours.resampled, theirs.resampled, point, _rng())
                if name == FLIPS:
                    entry["share"] = ratio(ours, theirs)
            table[arm][name] = entry
    return table


def ratio(ours: Score, theirs: Score) -> dict[str, float]:
    """Our mean over theirs with its 95% interval."""
    pairs = [resample_seeds(one.resampled, _rng()) for one in (ours, theirs)]
    low, high = interval_of(_known(pairs[0] / pairs[1]))
    point = (ours.draws.mean() / theirs.draws.mean()).item()
    return {"share": point, "low": low, "high": high}


def is_met(entry: dict[str, dict[str, Any]]) -> bool:
    """Whether flips are halved and light skin loses nothing, by the means."""
    return entry[FLIPS]["share"]["share"] <= HALVED and entry[LIGHT_SKIN]["gap"]["difference"] >= 0


def _rng() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def _known(values: Tensor) -> Tensor:
    """Without resamples that lack a class."""
    return values[~values.isnan()]
