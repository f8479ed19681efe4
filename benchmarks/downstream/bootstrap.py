"""Do two arms differ? Paired bootstrap over test photographs and seeds, p values corrected for the
number of arms."""

from statistics import mean
from typing import Any

import torch
from statsmodels.stats.multitest import multipletests
from torch import Tensor

from benchmarks.common import mean_sd
from benchmarks.downstream.arms import ARMS, TASK_ARMS
from benchmarks.downstream.measures import SCORES, TONES, score_input
from benchmarks.downstream.protocol import MEASURES
from synthderm.evaluation.bootstrap import difference, interval_of, resample, resample_seeds

RESAMPLES = 4000

BySeed = dict[int, dict[str, Any]]  # records by seed


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """p values corrected for their number (Holm, Scand. J. Stat. 6, 1979)."""
    if not p_values:
        return {}
    corrected = multipletests(list(p_values.values()), method="holm")[1]
    return dict(zip(p_values, corrected.tolist()))


class Scores:
    """The main figure of every run of one task, amount and setting: on the test photographs, and on
    every resample of them.

    Args:
        task: "A", "B" or "C".
        records: by arm and seed.
        test: the test photographs, as `run.describe_test` gives them.
        rng: random state.
    """

    def __init__(
        self, task: str, records: dict[str, BySeed], test: dict[str, Any], rng: torch.Generator
    ) -> None:
        labels, groups = torch.tensor(test["labels"]), torch.tensor(test["groups"])
        weights = resample(groups, RESAMPLES, rng)
        once = torch.ones(1, len(labels), dtype=torch.double)
        self.point: dict[tuple[str, int], float] = {}
        self.resampled: dict[tuple[str, int], Tensor] = {}
        for arm, by_seed in records.items():
            for seed, record in by_seed.items():
                predictions = torch.tensor(record["predictions"], dtype=torch.double)
                values = score_input(task, predictions)
                self.point[arm, seed] = SCORES[task](values, labels, once).item()
                self.resampled[arm, seed] = SCORES[task](values, labels, weights)

    def of(self, arm: str, seeds: list[int]) -> Tensor:
        """(S, R): each seed in each resample."""
        return torch.stack([self.resampled[arm, seed] for seed in seeds])


def compare_arms(task: str, records: dict[str, BySeed], test: dict[str, Any]) -> dict[str, Any]:
    """One task, amount and setting: every arm's figures, and its difference from `real` and from
    the best classical arm.

    The best classical arm, and our best one, have the highest mean on val, over the seeds that all
    such arms here have.

    Args:
        task: "A", "B" or "C".
        records: by arm and seed.
        test: the test photographs, as `run.describe_test` gives them.
    """
    rng = torch.Generator().manual_seed(0)
    scores = Scores(task, records, test, rng)
    ours = [arm for arm in TASK_ARMS[task] if ARMS[arm].ours]
    best = best_on_val([arm for arm in TASK_ARMS[task] if arm not in ours], records)
    references = {"vs real": "real"}
    if best is not None:
        references["vs best classical"] = best
    entries: dict[str, dict[str, Any]] = {}
    for arm in (arm for arm in TASK_ARMS[task] if arm in records):
        entry = figures_of_arm(task, arm, records[arm], scores, rng)
        for title, other in references.items():
            pairs = sorted(set(records[arm]) & set(records.get(other, ())))
            if pairs and other != arm:
                gaps = [scores.point[arm, seed] - scores.point[other, seed] for seed in pairs]
                compared = difference(
                    scores.of(arm, pairs), scores.of(other, pairs), mean(gaps), rng
                )
                entry[title] = compared | {"pairs": len(pairs)}
        entries[arm] = entry
    for title in references:
        p_values = {arm: entry[title]["p"] for arm, entry in entries.items() if title in entry}
        for arm, value in holm(p_values).items():
            entries[arm][title]["p holm"] = value
    return {
        "best classical on val": best,
        "best of ours on val": best_on_val(ours, records),
        "arms": entries,
    }


def figures_of_arm(
    task: str, arm: str, by_seed: BySeed, scores: Scores, rng: torch.Generator
) -> dict[str, Any]:
    """All figures of an arm, without comparisons."""
    seeds = sorted(by_seed)
    first = by_seed[seeds[0]]
    per_seed = [scores.point[arm, seed] for seed in seeds]
    resampled = resample_seeds(scores.of(arm, seeds), rng)
    entry = {
        "seeds": seeds,
        "per seed": per_seed,
        "val": mean_sd([by_seed[seed]["val"] for seed in seeds]),
        **mean_sd(per_seed),
        "interval": interval_of(resampled[~resampled.isnan()]),
        "rate": first["rate"],
        "trained on": first["trained on"],
        "others": other_figures([by_seed[seed]["test"] for seed in seeds], MEASURES[task]),
    }
    if "label fidelity" in first:
        columns = zip(*(by_seed[seed]["label fidelity"] for seed in seeds))
        entry["label fidelity"] = [mean(column) for column in columns]
    return entry


def best_on_val(arms: list[str], records: dict[str, BySeed]) -> str | None:
    """The arm with the highest mean on val over the seeds that all of these arms have; None where
    there is no such seed."""
    there = [arm for arm in arms if arm in records]
    common = set.intersection(*(set(records[arm]) for arm in there)) if there else set()
    if not common:
        return None
    return max(there, key=lambda arm: mean(records[arm][seed]["val"] for seed in common))


def other_figures(tests: list[dict[str, Any]], main: str) -> dict[str, Any]:
    """Mean over the seeds of every figure but the main one: AUROC, calibration, recall of each
    class, each group of skin tones and the worst of them."""
    figures: dict[str, Any] = {
        key: mean(test[key] for test in tests)
        for key, value in tests[0].items()
        if isinstance(value, float) and key != main
    }
    if "recall" in tests[0]:
        names = tests[0]["recall"]
        figures["recall"] = {name: mean(test["recall"][name] for test in tests) for name in names}
    tone = {}
    for name in TONES:
        values = [test["tone"][name]["value"] for test in tests]
        value = None if None in values else mean(values)
        tone[name] = {"n": tests[0]["tone"][name]["n"], "value": value}
    known = {name: entry["value"] for name, entry in tone.items() if entry["value"] is not None}
    worst = min(known, key=lambda name: known[name]) if known else None
    figures["tone"] = tone
    figures["worst tone"] = None if worst is None else {"group": worst, "value": known[worst]}
    return figures
