"""The section of docs/benchmarks.md on a generator: every figure of its fidelity-*.json, and which
goals were met."""

from statistics import mean
from typing import Any, NamedTuple

from benchmarks.tables.markdown import describe_run, mean_text, paragraph, table, verdict

REFERENCE = "dcgan"  # what generators are compared with; it has no goals itself


class Goal(NamedTuple):
    """What generated images should reach, mostly relative to real ones."""

    text: str
    kind: str  # "at least" or "at most"
    bound: float


GOALS = {
    "kid": Goal(
        "KID to `test` / KID of a DCGAN of equal parameters, same minutes", "at most", 0.35
    ),
    "prdc": Goal("recall / recall of real `train`", "at least", 0.6),
    "class": Goal(
        "asked class found by a classifier / its accuracy on real `test`", "at least", 0.9
    ),
    "dice": Goal("Dice after training on generated pairs / on real `train`", "at least", 0.9),
    "pose": Goal("accuracy after training on generated images / on real `train`", "at least", 0.8),
    "tone": Goal("skin tone asked for and measured, median error in degrees", "at most", 8.0),
    "fingers": Goal("share of open hands with five fingers", "at least", 0.9),
}

# Parts with accuracies: name of the part, text, and the key of the accuracy of real images.
ACCURACIES = [
    ("class", "class asked for, found by a classifier", "real_test"),
    ("pose", "classifier trained on these, tested on real `test`", "real_train"),
]


def fidelity_section(name: str, result: dict[str, Any], dcgan: dict[str, Any] | None) -> list[str]:
    """The lines of the section on one generator.

    Args:
        name: of the result, fidelity-NAME.json.
        result: its content.
        dcgan: the part "kid" of the DCGAN's result.
    """
    parts = result["parts"]
    size = next(iter(parts.values()))["size"]
    head = [
        f"against real `test`, {size} px",
        "generated",
        "real `train`, or trained on real",
        "N",
        "seeds",
    ]
    lines = [f"## Fidelity: {name}", "", *table(head, figure_rows(parts))]
    reached = goal_rows(parts, dcgan)
    if reached and name != REFERENCE:
        lines += table(["goal", "", "reached", ""], reached)
    for key, part in parts.items():
        if "skipped" not in part:
            extractor = f"extractor {part['extractor']}, " if "extractor" in part else ""
            model = f"Model `{part['model']}` ({part['revision']}), "
            lines += paragraph(f"- {key}: {model}{extractor}{describe_run(part)}")
    return [*lines, ""]


def row(
    text: str, part: dict[str, Any], key: str, real: float | None, digits: int = 3
) -> list[str]:
    """One row of figures: text, generated, real, N, seeds."""
    runs = part["runs"]
    return [
        text,
        mean_text([run[key] for run in runs], digits),
        "" if real is None else f"{real:.{digits}f}",
        str(runs[0].get("n", "")),
        str(len(runs)),
    ]


def figure_rows(parts: dict[str, Any]) -> list[list[str]]:
    """One row for each figure: text, generated, real, N, seeds."""
    rows = []
    if "kid" in parts:
        part, real = parts["kid"], parts["kid"]["train_vs_test"]
        rows.append(row("KID x1000", part, "kid_x1000", real["kid_x1000"]))
        rows.append(row("FID (this tap)", part, "fid", real["fid"]))
    if "prdc" in parts:
        part, real = parts["prdc"], parts["prdc"]["train_vs_test"]
        keys = ("precision", "recall", "density", "coverage")
        rows += [row(key, part, key, real[key]) for key in keys]
    if "runs" in parts.get("is", {}):
        part = parts["is"]
        text = f"Inception Score, classes of {part['extractor']}"
        rows.append(row(text, part, "score", part["real_train"], 2))
    if "msssim" in parts:
        part = parts["msssim"]
        rows.append(row("MS-SSIM of pairs of one class", part, "ms_ssim", part["real_train"]))
    for name, text, real_key in ACCURACIES:
        if name in parts:
            part, real = parts[name], parts[name][real_key]
            rows.append(row(f"{text}: accuracy", part, "accuracy", real["accuracy"]))
            key = "balanced_accuracy"
            rows.append(row(f"{text}: mean over classes", part, key, real[key]))
    if "dice" in parts:
        part = parts["dice"]
        text = "U-Net trained on these pairs, Dice on real `test`"
        rows.append(row(text, part, "dice", part["real_train"]))
    if "runs" in parts.get("tone", {}):
        text = "skin tone asked for and measured, median error (degrees)"
        rows.append(row(text, parts["tone"], "median_error", None, 1))
    if "runs" in parts.get("fingers", {}):
        part = parts["fingers"]
        text = "open hands with five fingers, by the mask"
        rows.append(row(text, part, "whole", part["real_train"]))
    return rows


def goal_values(name: str, part: dict[str, Any], dcgan: dict[str, Any] | None) -> list[float]:
    """The value that a part's goal is about, for each seed; empty where there is nothing to compare
    with."""
    runs, key, real = part.get("runs", []), "accuracy", 0.0
    alone = {"tone": "median_error", "fingers": "whole"}  # not relative to photographs
    if name in alone:
        return [run[alone[name]] for run in runs]
    if name == "kid":
        key = "kid_x1000"
        if dcgan is not None and is_comparable(part, dcgan):
            real = mean(run[key] for run in dcgan["runs"])
    elif name == "prdc":
        key, real = "recall", part["train_vs_test"]["recall"]
    elif name == "dice":
        key, real = "dice", part["real_train"]
    else:
        real = part["real_test" if name == "class" else "real_train"]["accuracy"]
    return [run[key] / real for run in runs] if real > 0 else []


def is_comparable(kid: dict[str, Any], dcgan: dict[str, Any]) -> bool:
    """Whether two KID are of the same extractor, size and numbers of images."""
    same = all(kid[key] == dcgan[key] for key in ("extractor", "size", "n_test"))
    return same and kid["runs"][0]["n"] == dcgan["runs"][0]["n"]


def goal_rows(parts: dict[str, Any], dcgan: dict[str, Any] | None) -> list[list[str]]:
    """One row for each goal that was measured: text, goal, reached, met or missed."""
    rows = []
    for name, goal in GOALS.items():
        values = goal_values(name, parts[name], dcgan) if name in parts else []
        if values:
            reached = mean(values)
            met = reached >= goal.bound if goal.kind == "at least" else reached <= goal.bound
            rows.append(
                [goal.text, f"{goal.kind} {goal.bound:g}", mean_text(values, 2), verdict(met)]
            )
    return rows
