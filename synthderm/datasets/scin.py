"""SCIN: cases with up to three photographs and weighted conditions, one class a photograph.

Files: `dataset/scin_cases.csv` (case_id, image_1_path to image_3_path),
`dataset/scin_labels.csv` (case_id, weighted_skin_condition_label, skin types), and the
photographs in `dataset/images`. `root` is the folder around `dataset`, or `dataset` itself.

Classes: a case has up to three photographs and, from up to three dermatologists, conditions
with weights that sum to 1. Its class is the condition of the highest weight, such as Eczema. A
case is left out if two conditions share the highest weight, if that weight is below
`min_weight`, or if no dermatologist could tell; where `min_weight` is not given, with a warning.
At the default 0.5, 1,931 of the 5,033 cases are left, 324 of them Eczema; at 0, 2,136 and 368.

Splits: by case. Cases that share a photograph are one group, and such a photograph is left out,
since it has several labels. One person may have sent several cases; the tables do not tell.

The whole is large, and the tables show which photographs one needs. So those that were not
fetched are left out, with a warning; the classes are those of the tables.

Tone: "fitzpatrick" is the (lower) median of the dermatologists' estimates, "monk" the mean of
the graders in the US and India.

Source: Ward et al., JAMA Netw Open 2024;7(11):e2446615,
github.com/google-research-datasets/scin (dataset_schema.md). The photographs are under the SCIN
Data Use License: whoever shares them, changed or not, names the creators, keeps the copyright
notice, refers to the licence and its disclaimer of warranties, and says what was changed;
nobody may try to re-identify the people.
"""

import ast
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, median_low

from synthderm.callers import warn_caller
from synthderm.datasets.records import PhotoRecord, Tone, hash_split, parse_fitzpatrick
from synthderm.datasets.rows import Row
from synthderm.datasets.tables import read_table

CONDITIONS = "weighted_skin_condition_label"
PATHS = ("image_1_path", "image_2_path", "image_3_path")
FITZPATRICK = [f"dermatologist_fitzpatrick_skin_type_label_{number}" for number in (1, 2, 3)]
MONK = ["monk_skin_tone_label_us", "monk_skin_tone_label_india"]
TONES = [*FITZPATRICK, *MONK]
USUAL_WEIGHT = 0.5


def scin(root: Path, min_weight: float | None = None) -> list[PhotoRecord]:
    """The photographs of the cases with a clear label, whether they were fetched or not; see the
    head of this module.

    Args:
        root: the folder.
        min_weight: the least weight of a case's leading condition, in [0, 1]; 0.5 where None, with
            a warning where that leaves photographs out.

    Raises:
        FileNotFoundError: a table is missing.
        ValueError: a column is missing, a label can't be read, or `min_weight` is outside [0, 1].
    """
    least = USUAL_WEIGHT if min_weight is None else min_weight
    if not 0 <= least <= 1:
        raise ValueError(f"min_weight={min_weight!r}: weights are in [0, 1].")
    table_of_cases = scin_table(root)
    folder = table_of_cases.parent
    cases = {
        row["case_id"]: [row[column] for column in PATHS if row[column]]
        for row in read_table(table_of_cases, "case_id", may_be_empty=PATHS)
    }
    labels_file = folder / "scin_labels.csv"
    table = read_table(labels_file, "case_id", may_be_empty=[CONDITIONS], optional=TONES)
    labels = {row["case_id"]: row for row in table}
    owners: dict[str, list[str]] = {}
    for case, names in cases.items():
        for name in names:
            owners.setdefault(name, []).append(case)
    groups = _group_cases(owners.values())
    photographs = []
    for case, names in cases.items():
        label = labels.get(case)
        condition = None if label is None else _leading_condition(label, least)
        if label is None or condition is None:
            continue
        group, tone = groups.get(case, case), _tone(label)
        photographs += [
            PhotoRecord(
                str(folder / name.removeprefix("dataset/")),
                condition,
                split=hash_split(group),
                group=group,
                tone=tone,
                table=label.path,
                line=label.line,
            )
            for name in names
            if len(owners[name]) == 1
        ]
    if min_weight is None and len(photographs) < len(owners):
        warn_caller(
            f"{len(owners) - len(photographs):,} of {len(owners):,} SCIN photographs are left out:"
            f" they have no condition, one of a weight below min_weight={least}, or several; choose"
            " min_weight= yourself, from 0 to 1."
        )
    return photographs


def scin_table(root: Path) -> Path:
    """SCIN's table of cases: in the folder `dataset`, or in `root` itself."""
    return (root / "dataset" if (root / "dataset").is_dir() else root) / "scin_cases.csv"


def keep_fetched(photographs: list[PhotoRecord], root: Path) -> list[PhotoRecord]:
    """Those whose files are there; the others are left out with a warning.

    Raises:
        ValueError: none is there.
    """
    folder = scin_table(root).parent
    fetched = set(map(str, (folder / "images").glob("*")))
    kept = [photograph for photograph in photographs if photograph.image in fetched]
    if not kept:
        raise ValueError(
            f"{folder / 'images'} holds none of the {len(photographs)} photographs that"
            f" {folder / 'scin_cases.csv'} names with a clear label."
        )
    if len(kept) < len(photographs):
        warn_caller(
            f"{len(photographs) - len(kept)} of {len(photographs)} SCIN photographs are not in"
            f" {folder / 'images'} and left out."
        )
    return kept


def _leading_condition(row: Row, min_weight: float) -> str | None:
    """The condition of the highest weight in "{'Eczema': 0.69, ...}".

    None if two share that weight, or if it is below `min_weight`.
    """
    try:
        weights: dict[str, float] = ast.literal_eval(row[CONDITIONS] or "{}")
        highest = max(weights.values(), default=0.0)
        leaders = [condition for condition, weight in weights.items() if weight == highest]
    except (ValueError, SyntaxError, AttributeError, TypeError):
        raise ValueError(
            f"{row.place}: case {row['case_id']} has {CONDITIONS} {row[CONDITIONS]!r}, which is no"
            " list of conditions and weights."
        ) from None
    return leaders[0] if len(leaders) == 1 and highest >= min_weight else None


def _tone(label: Row) -> Tone:
    estimates = [parse_fitzpatrick(label.get(column)) for column in FITZPATRICK]
    types = [int(estimate["fitzpatrick"]) for estimate in estimates if estimate]
    monk = [label.number(column) for column in MONK if label.get(column)]
    tone: Tone = {"fitzpatrick": median_low(types)} if types else {}
    return tone | ({"monk": mean(monk)} if monk else {})


def _group_cases(sets: Iterable[list[str]]) -> dict[str, str]:
    """The group of each case that shares a photograph: the smallest case id of all that hang
    together.

    Args:
        sets: for each photograph, the cases that have it.
    """
    groups: dict[str, set[str]] = {}
    for cases in sets:
        if len(cases) > 1:
            union = set(cases).union(*(groups[case] for case in cases if case in groups))
            groups.update(dict.fromkeys(union, union))
    return {case: min(group) for case, group in groups.items()}
