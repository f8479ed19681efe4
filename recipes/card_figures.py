"""The figures of a model's card, read from benchmarks/results/, each beside its floor."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
TRANSFER = (
    "python -m benchmarks.editing.transfer --padufes DIR --hands DIR --isic DIR --inflamed DIR"
    " --classifier mobilenetv2_100=FILE"
)

Metric = dict[str, Any]  # name, type, value, floor, dataset and command

# Part of the benchmark, key, name, the Hub's name; then the key of the floor, and what it is.
TRAIN = "photographs of train"
FIGURES = [
    ("kid", "kid_x1000", "KID x1000", "kid", "train_vs_test", TRAIN),
    ("kid", "fid", "FID on the network named", "fid", "train_vs_test", TRAIN),
    ("prdc", "precision", "precision", "precision", "train_vs_test", TRAIN),
    ("prdc", "recall", "recall", "recall", "train_vs_test", TRAIN),
    ("prdc", "coverage", "coverage", "coverage", "train_vs_test", TRAIN),
    (
        "class",
        "balanced_accuracy",
        "class asked for, found by a classifier: balanced accuracy",
        "balanced_accuracy",
        "real_test",
        "photographs of test",
    ),
    (
        "pose",
        "accuracy",
        "classifier trained on these alone, tested on photographs: accuracy",
        "accuracy",
        "real_train",
        "trained on photographs",
    ),
    (
        "dice",
        "dice",
        "U-Net trained on these alone, tested on photographs: Dice",
        "dice",
        "real_train",
        "trained on photographs",
    ),
    (
        "tone",
        "median_error",
        "skin tone asked for and measured: median error, degrees",
        "mae",
        "",
        "",
    ),
    (
        "fingers",
        "whole",
        "open hands with five fingers, by the mask: share",
        "share",
        "real_train",
        "photographs",
    ),
]
# Rows of the editing benchmark whose text needs the row above, or is long.
SHORT_NAMES = {
    "monotonic light": "colour change rises with severity (Spearman of 0.98 or more): share",
    "monotonic tan": "colour change rises with severity (Spearman of 0.98 or more): share",
    "monotonic dark": "colour change rises with severity (Spearman of 0.98 or more): share",
    "probe": "linear probe trained on healthy and edited, tested on healthy and real: AUROC",
}
# Rows that say nearly the same as others: docs/benchmarks.md has them.
LEFT_OUT = ("iou close-ups", "iou hands")
# The Hub's name of what a row of the editing benchmark measures, by how its key begins.
KINDS = {
    "monotonic": "spearmanr",
    "psnr": "psnr",
    "changed": "iou",
    "iou": "iou",
    "kid": "kid",
    "unchanged": "share",
    "": "auroc",
}


def fidelity_metrics(name: str, command: str) -> list[Metric]:
    """The figures of a generator's fidelity benchmark; none where it was not run yet. The floor is
    what photographs of `train` give in the place of generated images."""
    path = RESULTS / f"fidelity-{name}.json"
    if not path.is_file():
        return []
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    found = []
    for part, key, text, kind, floor, of in FIGURES:
        if part not in parts:
            continue
        result = parts[part]
        metric = {"name": text, "type": kind, "value": _mean(result["runs"], key)}
        if floor in result:
            given = result[floor]
            value = given[key] if isinstance(given, dict) else given
            metric["floor"] = {"value": round(value, 3) + 0.0, "of": of}
        found.append(metric | {"dataset": _tested_on(result, parts["kid"]), "command": command})
    return found


def _mean(runs: list[dict[str, Any]], key: str) -> float:
    return round(mean(run[key] for run in runs), 3)


def _tested_on(result: dict[str, Any], kid: dict[str, Any]) -> str:
    """What a figure was measured on: the photographs, the network, and the images generated."""
    run, network = result["runs"][0], result.get("extractor") or result.get("classifier")
    made = f"{run['n']:,} generated" if "n" in run else ""
    seeds = f"{len(result['runs'])} seeds" if len(result["runs"]) > 1 else ""
    photographs = f"{kid['n_test']} photographs of test"
    return "; ".join(filter(None, [photographs, network, made, seeds]))


def editing_metrics(supervision: str, command: str) -> list[Metric]:
    """The figures of the editing benchmark's column of weights that were trained with this
    supervision; none where it was not run yet. The floor is a red tint under the same masks."""
    path = RESULTS / "editing.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text(encoding="utf-8"))
    dataset = f"photographs of val and test, {len(result['seeds'])} seeds"
    found = []
    for row in result["rows"]:
        cells, short = row["columns"], SHORT_NAMES.get(row["key"])
        if not cells.get(supervision) or row["key"] in LEFT_OUT:
            continue
        value = round(cells[supervision]["mean"], 3)
        kind = next(one for start, one in KINDS.items() if row["key"].startswith(start))
        metric: Metric = {"name": short or row["text"], "type": kind, "value": value}
        if row["key"].startswith("monotonic "):
            metric["tone"] = row["key"].split()[1]
        if cells.get("tint"):
            metric["floor"] = {"value": round(cells["tint"]["mean"], 3), "of": "a red tint"}
        found.append(metric | {"dataset": dataset, "command": command})
    return found + transfer_metrics(supervision)


def transfer_metrics(supervision: str) -> list[Metric]:
    """What a network that is fine-tuned on edits tells of real inflamed skin, light and darkened;
    nothing where the benchmark was not run yet."""
    path = RESULTS / "transfer.json"
    if not path.is_file():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]["fine-tuned"]
    found = []
    for test, tone in (("boxes", "as photographed"), ("boxes, darkened", "made dark by melanin")):
        figure, tint = rows[supervision][test], rows["tint"][test]
        found.append(
            {
                "name": "network fine-tuned on edits, tested on real inflamed skin: AUROC",
                "type": "auroc",
                "tone": tone,
                "value": round(figure["auroc"], 2),
                "floor": {"value": round(tint["auroc"], 2), "of": "a red tint"},
                "dataset": "boxes of inflamed and calm skin in 19 photographs",
                "command": TRANSFER,
            }
        )
    return found
