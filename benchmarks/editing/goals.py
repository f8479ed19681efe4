"""The rows of the editing benchmark, and the goals of an editor."""

from typing import Any, Literal, NamedTuple

from benchmarks.common import mean_interval
from benchmarks.editing.methods import WAYS
from benchmarks.editing.windows import TONES

KINDS = ("close-ups", "hands")
IOU = {"paired": 0.7, "masked": 0.7, "unpaired": 0.5}
REFERENCES = ("renderer", "tint")


class Row(NamedTuple):
    """One figure and its goal.

    key: by which the figure is known in results.
    text: what it is, for the table.
    kind: of the goal; None where there is none.
    bound: of the goal, for each way of training where they differ.
    beats_references: whether an editor must also be better than the renderer and the tint.
    """

    key: str
    text: str
    kind: Literal["at least", "at most"] | None = None
    bound: float | dict[str, float] | None = None
    beats_references: bool = False


MONOTONIC = "severity and colour change (CIEDE2000): share of images with Spearman of 0.98 or more"
# Likeness to keratoses and carcinomas is no goal: eczema looks otherwise.
ADDED_KID = "KID to keratoses and carcinomas: of edited patches / of healthy ones before the edit"
CLASSIFIER = "classifier trained on healthy against edited, tested on healthy against real: AUROC"
ROWS = [
    Row("unchanged outside", "unchanged pixels outside the mask, share", "at least", 1.0),
    *(Row(f"monotonic {tone}", f"{MONOTONIC}, {tone} skin", "at least", 0.95) for tone in TONES),
    *(
        Row(
            f"psnr {kind}",
            f"added, then removed: PSNR inside the mask, median, dB, {kind}",
            "at least",
            30.0,
        )
        for kind in KINDS
    ),
    *(
        Row(
            f"psnr gain {kind}",
            f"PSNR that removing gains over leaving the eczema, median, dB, {kind}",
            "at least",
            6.0,
        )
        for kind in KINDS
    ),
    *(
        Row(
            f"changed {kind}",
            f"pixels that changed: mean IoU with the mask, {kind}",
            "at least",
            0.9,
        )
        for kind in KINDS
    ),
    *(
        Row(
            f"iou clear {kind}",
            "`find_eczema` in edited images, severity of 0.5 or more: mean IoU with the mask, "
            f"{kind}",
            "at least",
            IOU,
        )
        for kind in KINDS
    ),
    *(Row(f"iou {kind}", f"the same at severities of 0.3 to 1, {kind}") for kind in KINDS),
    Row("kid added", ADDED_KID),
    Row(
        "kid removed",
        "KID to healthy patches: of real lesions after removal / before",
        "at most",
        0.4,
    ),
    Row(
        "real or edited",
        "linear probe that has to tell real inflamed from edited patches: AUROC",
        "at most",
        0.85,
    ),
    Row("classifier", CLASSIFIER, "at least", 0.85, True),
    Row("probe", "linear probe, trained and tested in the same way: AUROC"),
]


def is_met(row: Row, name: str, means: dict[str, float]) -> bool | None:
    """Whether an editor's mean meets its goal; None where it has none.

    Args:
        row: with the goal.
        name: of the method.
        means: of all methods, by name.
    """
    if row.kind is None or row.bound is None or name not in WAYS:
        return None
    bound = row.bound[name] if isinstance(row.bound, dict) else row.bound
    sign = 1 if row.kind == "at least" else -1
    if sign * means[name] < sign * bound:
        return False
    others = (
        [means[other] for other in REFERENCES if other in means] if row.beats_references else []
    )
    return all(sign * means[name] > sign * other for other in others)


def make_rows(
    measured: dict[str, dict[str, list[float]]], reference: dict[str, list[float]]
) -> list[dict[str, Any]]:
    """The rows of editing.json.

    Args:
        measured: by key and method, a value for each seed.
        reference: by key, of classifiers trained on real lesions.
    """
    rows = []
    for row in ROWS:
        cells = {name: mean_interval(values) for name, values in measured.get(row.key, {}).items()}
        means = {name: cell["mean"] for name, cell in cells.items()}
        for name, cell in cells.items():
            cell["met"] = is_met(row, name, means)
        real = mean_interval(reference[row.key]) if row.key in reference else None
        rows.append({**row._asdict(), "columns": cells, "trained on real": real})
    return rows
