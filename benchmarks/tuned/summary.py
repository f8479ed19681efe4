"""Figures of every arm, and the planned comparisons with intervals."""

from typing import Any

import torch
from torch import Tensor

from benchmarks.common import holm
from benchmarks.heads.run import CLASSES
from benchmarks.tuned.photographs import Images, Photographs
from benchmarks.tuned.plan import TASKS, Run, Task
from synthderm.evaluation.bootstrap import difference, interval_of, resample, resample_seeds
from synthderm.evaluation.measures import balanced_accuracy

RESAMPLES = 2000
Records = dict[Run, dict[str, Any]]


def summarise(records: Records, photographs: Photographs) -> dict[str, Any]:
    """By task, amount and test: the arms and the comparisons, on the draws that all arms have."""
    tasks = {}
    for name, task in TASKS.items():
        cells = []
        for amount in task.amounts:
            draws = common_draws(records, name, amount, task)
            if draws:
                cells += [
                    {
                        "amount": amount,
                        "photographs": records[Run(name, amount, task.ours, 0)]["photographs"],
                        "test": test,
                        "test images": len(getattr(photographs, test)),
                        "draws": len(draws),
                        **measure(
                            records, (name, amount), task, test, draws, getattr(photographs, test)
                        ),
                    }
                    for test in task.tests
                ]
        if cells:
            tasks[name] = {"measure": task.measure, "cells": cells}
    hours = sum(record["core_s"] for record in records.values()) / 3600
    return {"tasks": tasks, "runs": len(records), "core hours": round(hours, 2)}


def common_draws(records: Records, name: str, amount: str, task: Task) -> list[int]:
    """The draws for which every arm was trained."""
    by_arm = [{run.draw for run in records if run[:3] == (name, amount, arm)} for arm in task.arms]
    return sorted(set.intersection(*by_arm))


def measure(
    records: Records,
    cell: tuple[str, str],
    task: Task,
    test: str,
    draws: list[int],
    images: Images,
) -> dict[str, Any]:
    """The arms' figures, and ours against the others."""
    rng = torch.Generator().manual_seed(0)
    weights = resample(torch.from_numpy(images.groups), RESAMPLES, rng)
    weights = torch.cat([torch.ones(1, len(images), dtype=torch.double), weights])
    values = {
        arm: torch.stack(
            [
                score(records[Run(*cell, arm, draw)]["predictions"][test], images, weights)
                for draw in draws
            ]
        )
        for arm in task.arms
    }
    steps = {
        arm: sum(records[Run(*cell, arm, draw)]["best_step"] for draw in draws) / len(draws)
        for arm in task.arms
    }
    compared = {arm: compare(values[task.ours], values[arm]) for arm in task.against}
    corrected = holm({arm: entry["p"] for arm, entry in compared.items()})
    return {
        "arms": {arm: {**figure(values[arm]), "best step": steps[arm]} for arm in task.arms},
        "ours": task.ours,
        "against": {arm: entry | {"p holm": corrected[arm]} for arm, entry in compared.items()},
    }


def score(predictions: list[float], images: Images, weights: Tensor) -> Tensor:
    """The figure on the test photographs and on each resample, (1 + R,)."""
    found = torch.tensor(predictions, dtype=torch.double)
    if len(found) == len(images):
        return weights @ found / weights.sum(1)
    return balanced_accuracy(found.view(-1, len(CLASSES)), images.labels, weights)


def figure(values: Tensor) -> dict[str, float]:
    """The mean over the draws, with its interval over draws and test photographs; (S, 1 + R)."""
    low, high = interval_of(resample_seeds(values[:, 1:], torch.Generator().manual_seed(1)))
    return {"mean": values[:, 0].mean().item(), "low": low, "high": high}


def compare(ours: Tensor, theirs: Tensor) -> dict[str, float]:
    gap = (ours[:, 0] - theirs[:, 0]).mean().item()
    return difference(ours[:, 1:], theirs[:, 1:], gap, torch.Generator().manual_seed(1))
