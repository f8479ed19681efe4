"""Do two arms differ? Paired bootstrap over test photographs and seeds, Holm's correction over
arms."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Tensor

from benchmarks.trial.arms import ARMS
from benchmarks.trial.measures import SCORES, TONES, readable
from benchmarks.trial.plan import AMOUNTS, MEASURES, read_record

RESAMPLES = 4000


def resample(groups: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """How often each of `count` resamples holds each photograph, (count, N): photographs of a group
    (a patient) come and go together.

    Args:
        groups: (N,) int64 in [0, G).
    """
    size = int(groups.max()) + 1
    drawn = torch.randint(size, (count, size), generator=rng)
    times = torch.zeros(count, size, dtype=torch.double).scatter_add_(
        1, drawn, torch.ones(count, size, dtype=torch.double)
    )
    return times[:, groups]


def difference(ours: Tensor, theirs: Tensor, point: float, rng: torch.Generator) -> dict:
    """Mean difference of two arms with a 95% percentile interval and a two-sided p value.

    The photographs are drawn outside; here the seeds are drawn too, in pairs, so that the interval
    covers both sources of chance.

    Args:
        ours, theirs: (S, R), the figure of each seed in each resample of the photographs.
        point: the difference without resampling.
    """
    gap = ours - theirs
    gap = gap[:, ~gap.isnan().any(0)]
    seeds = torch.randint(len(gap), gap.shape, generator=rng)
    drawn = gap.gather(0, seeds).mean(0)
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype)).tolist()
    count = len(drawn)
    tail = min((drawn <= 0).sum().item(), (drawn >= 0).sum().item())
    return {
        "difference": point,
        "low": low,
        "high": high,
        "p": min(1.0, 2 * (tail + 1) / (count + 1)),
    }


def holm(values: dict[str, float]) -> dict[str, float]:
    """p values corrected for their number (Holm, Scand. J. Stat. 6, 1979)."""
    corrected, highest = {}, 0.0
    for k, (name, value) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(values) - k) * value))
        corrected[name] = highest
    return corrected


def spread(values: list[float]) -> dict:
    return {"mean": mean(values), "sd": stdev(values) if len(values) > 1 else None}


def compare_arms(task: str, records: dict[str, dict[int, dict]], test: dict) -> dict:
    """One task, amount and setting: every arm's figures, and its difference from `real` and from
    the best classical arm.

    The best classical arm, and the best of ours, have the highest mean on val, over the seeds that
    all such arms here have.

    Args:
        records: by arm and seed.
        test: the test photographs, as `runs.describe_test` gives them.
    """
    rng = torch.Generator().manual_seed(0)
    labels, groups = torch.tensor(test["labels"]), torch.tensor(test["groups"])
    weights = resample(groups, RESAMPLES, rng)
    once = torch.ones(1, len(labels), dtype=torch.double)
    resampled = {}
    for arm, by_seed in records.items():
        resampled[arm] = {}
        for seed, record in by_seed.items():
            predicted = readable(task, torch.tensor(record["predictions"], dtype=torch.double))
            resampled[arm][seed] = (
                SCORES[task](predicted, labels, weights),
                SCORES[task](predicted, labels, once).item(),
            )

    best = best_on_val([arm.name for arm in ARMS[task] if not arm.ours], records)
    result = {
        "best classical on val": best,
        "best of ours on val": best_on_val([arm.name for arm in ARMS[task] if arm.ours], records),
        "arms": {},
    }
    for arm in (a.name for a in ARMS[task] if a.name in records):
        by_seed = records[arm]
        seeds = sorted(by_seed)
        entry = {
            "seeds": seeds,
            "per seed": [resampled[arm][seed][1] for seed in seeds],
            "val": spread([by_seed[s]["val"] for s in seeds]),
        }
        values = torch.stack([resampled[arm][seed][0] for seed in seeds])
        drawn = values.gather(0, torch.randint(len(seeds), values.shape, generator=rng)).mean(0)
        entry |= spread(entry["per seed"]) | {
            "interval": (
                drawn[~drawn.isnan()]
                .quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype))
                .tolist()
            )
        }
        entry["rate"], entry["trained on"] = (
            by_seed[seeds[0]]["rate"],
            by_seed[seeds[0]]["trained on"],
        )
        entry["others"] = other_figures([by_seed[seed]["test"] for seed in seeds], MEASURES[task])
        if "label fidelity" in by_seed[seeds[0]]:
            entry["label fidelity"] = [
                mean(column) for column in zip(*(by_seed[seed]["label fidelity"] for seed in seeds))
            ]
        for title, other in (("vs real", "real"), ("vs best classical", best)):
            pairs = sorted(set(seeds) & set(records.get(other, ())))
            if pairs and other != arm:
                ours, theirs = (
                    torch.stack([resampled[a][seed][0] for seed in pairs]) for a in (arm, other)
                )
                point = mean(resampled[arm][seed][1] - resampled[other][seed][1] for seed in pairs)
                entry[title] = difference(ours, theirs, point, rng) | {"pairs": len(pairs)}
        result["arms"][arm] = entry
    for title in ("vs real", "vs best classical"):
        for arm, value in holm(
            {arm: entry[title]["p"] for arm, entry in result["arms"].items() if title in entry}
        ).items():
            result["arms"][arm][title]["p holm"] = value
    return result


def best_on_val(arms: list[str], records: dict[str, dict[int, dict]]) -> str | None:
    """The arm with the highest mean on val over the seeds that all of these arms have; None where
    there is no such seed."""
    there = [arm for arm in arms if arm in records]
    common = set.intersection(*(set(records[arm]) for arm in there)) if there else ()
    return (
        max(there, key=lambda arm: mean(records[arm][seed]["val"] for seed in common))
        if common
        else None
    )


def other_figures(tests: list[dict], main: str) -> dict:
    """Mean over the seeds of every other figure: AUROC, calibration, recall of each class, each
    tone group and the worst of them."""
    figures = {
        key: mean(test[key] for test in tests)
        for key, value in tests[0].items()
        if isinstance(value, float) and key != main
    }
    if "recall" in tests[0]:
        figures["recall"] = {
            name: mean(test["recall"][name] for test in tests) for name in tests[0]["recall"]
        }
    tone = {}
    for name in TONES:
        values = [test["tone"][name]["value"] for test in tests]
        tone[name] = {
            "n": tests[0]["tone"][name]["n"],
            "value": None if None in values else mean(values),
        }
    known = {name: entry["value"] for name, entry in tone.items() if entry["value"] is not None}
    worst = min(known, key=known.get) if known else None
    return figures | {
        "tone": tone,
        "worst tone": None if worst is None else {"group": worst, "value": known[worst]},
    }


def summarise(folder: Path) -> dict:
    """All records of a folder, compared: the content of its summary.json.

    Raises:
        ValueError: a record of another protocol version, or records of different conditions side by
            side.
    """
    found: dict = defaultdict(lambda: defaultdict(dict))
    result: dict = {"tasks": {}}
    commits, hardware, seconds, setting = set(), set(), 0.0, None
    for path in sorted(folder.glob("[ABC]/*.json")):
        record = read_record(path)
        run, conditions = (
            record["run"],
            {key: value for key, value in record["protocol"].items() if key != "steps"},
        )
        if setting not in (None, conditions):
            different = next(key for key in conditions if conditions[key] != setting.get(key))
            raise ValueError(
                f"{path} was made with {different} {conditions[different]}, others with"
                f" {setting.get(different)}: they can't be compared. Part them."
            )
        setting = conditions
        found[run["task"], run["amount"], run["setting"]][run["arm"]][run["seed"]] = record
        commits.add(record["commit"][:10])
        hardware.add(record["hardware"])
        seconds += record["cpu_seconds"]
        result |= {
            "versions": record["versions"],
            "date": max(record["date"], result.get("date", "")),
        }
    if setting is None:
        raise ValueError(f"{folder} holds no records: run the benchmark first.")
    for task in AMOUNTS:
        for amount in AMOUNTS[task]:
            for kind in ("pretrained", "own"):
                if (task, amount, kind) in found:
                    test = json.loads((folder / f"test-{task}.json").read_text(encoding="utf-8"))
                    entry = result["tasks"].setdefault(
                        task,
                        {"test": len(test["names"]), "classes": test["classes"], "amounts": {}},
                    )
                    entry["amounts"][f"{amount} {kind}"] = compare_arms(
                        task, found[task, amount, kind], test
                    )
    runs = sum(len(seeds) for arms in found.values() for seeds in arms.values())
    return result | {
        "protocol": setting,
        "commits": sorted(commits),
        "hardware": sorted(hardware),
        "runs": runs,
        "core hours": round(seconds / 3600, 2),
    }
