"""The section of docs/benchmarks.md on heads: goals, planned comparisons, all arms, the exchange
rate and the null simulations."""

from typing import Any, NamedTuple

from benchmarks.heads.plan import (
    A_OOD,
    A_OOD_REVERSE,
    A_REVERSE,
    ARMS,
    BEST_CLASSICAL,
    CURVE,
    DRAWS_OF_ALL,
    FOLDS,
    ISIC,
    PADUFES,
    A,
)
from benchmarks.tables.markdown import describe_run, paragraph, table, verdict

MAIN = "balanced accuracy"
AGAINST = "against oversampling"


class Goal(NamedTuple):
    """What the headline arm should gain, in points, with an interval above 0."""

    test: str
    amount: str
    gain: float
    against: tuple[str, ...]


CONTROLS = ("shuffled labels x5", "noise x5", "blurred and jittered x5")
GOALS = (
    Goal(A, "10", 5.0, (BEST_CLASSICAL, "retrieval x5")),
    Goal(A_OOD, "10", 5.0, (BEST_CLASSICAL,)),
    Goal(A_OOD, "10%", 5.0, (BEST_CLASSICAL,)),
    Goal(A_OOD, "10", 0.0, CONTROLS),
    Goal(A_OOD, "10%", 0.0, CONTROLS),
)
FALSE_GAINS = 0.05


def heads_section(summary: dict[str, Any]) -> list[str]:
    """The lines of the section, from the content of summary.json."""
    lines = introduction(summary)
    for source in summary["sources"]:
        lines += [f"### Goals, `{source}`", "", *goal_table(summary, source)]
        lines += planned_section(summary, source)
    for source in summary["sources"]:
        for test, amounts in summary["tables"][source].items():
            for measure in (MAIN, "AUROC"):
                lines += [f"### {test}, `{source}`: {measure}", "", *arm_table(amounts, measure)]
    lines += rate_section(summary) + null_section(summary["null"])
    return [*lines, *paragraph(describe_run(summary)[:1].upper() + describe_run(summary)[1:]), ""]


def introduction(summary: dict[str, Any]) -> list[str]:
    tests, photographs = summary["test images"], summary["photographs"]
    melanomas, nevi, keratoses = photographs[PADUFES]
    text = (
        f"Heads (logistic regression, trained to convergence) on frozen features, on"
        f" {summary['draws']} draws of {sum(photographs[ISIC]):,} photographs of {ISIC} `train`"
        f" ({DRAWS_OF_ALL} draws of all of them). A: {tests[A]} photographs of `val` and `test`."
        f" A-OOD: {tests[A_OOD]} nevi, melanomas and seborrheic keratoses of {PADUFES},"
        " photographed by phone. 5, 10, 20: photographs of each class. 95% intervals over draws and"
        " test images (patients) together. The planned arm is"
        f" *{summary['headline']}*: five generated images for each photograph, of"
        f" {summary['generated images']:,} in all. How and why:"
        " [downstream.md](downstream.md#heads)."
    )
    reverse = (
        f"The reverse: heads are trained on {PADUFES} ({melanomas} melanomas, {nevi} nevi,"
        f" {keratoses} seborrheic keratoses), of which each draw leaves one of {FOLDS} folds of"
        f" patients out. {A_REVERSE}: tested on the fold left out. {A_OOD_REVERSE}: tested on the"
        f" {tests[A_OOD_REVERSE]} photographs of A; the generators learned from the same"
        f" collection, so here they know what the tests look like. *100%* is all but one fold,"
        f" {FOLDS} draws."
    )
    head = f"## Does it help? Heads on `{summary['classifier']}` at {summary['side']} px"
    return [head, "", *paragraph(text), "", *paragraph(reverse), ""]


def find(summary: dict[str, Any], source: str, goal: Goal, against: str) -> dict[str, Any] | None:
    """A planned comparison; None where it was not made."""
    wanted = (summary["headline"], goal.test, goal.amount, against)
    for entry in summary["planned"][source]:
        if (entry["ours"], entry["test"], entry["amount"], entry["against"]) == wanted:
            return entry
    return None


def goal_table(summary: dict[str, Any], source: str) -> list[str]:
    rows = []
    for goal in GOALS:
        for against in goal.against:
            entry = find(summary, source, goal, against)
            if entry is not None:
                gap = entry[MAIN]
                is_met = 100 * gap["difference"] >= goal.gain and gap["low"] > 0
                wanted = f"{goal.gain:+g}, interval above 0" if goal.gain else "interval above 0"
                rows.append([goal.test, goal.amount, against, wanted, points(gap), verdict(is_met)])
    return table(["test", "photographs", "against", "goal", "balanced accuracy", ""], rows)


def planned_section(summary: dict[str, Any], source: str) -> list[str]:
    """A table for each family of comparisons, whose p values were corrected together."""
    entries = summary["planned"][source]
    lines = []
    for family in dict.fromkeys(entry["family"] for entry in entries):
        chosen = [entry for entry in entries if entry["family"] == family]
        text = f"*{chosen[0]['ours']}* against what was planned, {len(chosen)} comparisons:"
        lines += [f"### Planned comparisons, {family}, `{source}`", "", *paragraph(text), ""]
        lines += planned_table(chosen)
    return lines


def planned_table(entries: list[dict[str, Any]]) -> list[str]:
    head = ["test", "photographs", "against", MAIN, "p (Holm)", "AUROC"]
    rows = [
        [
            entry["test"],
            entry["amount"],
            entry["against"] + (f" ({entry['arm']})" if entry["arm"] != entry["against"] else ""),
            points(entry[MAIN]),
            f"{entry['p holm']:.3f}",
            points(entry["AUROC"]),
        ]
        for entry in entries
    ]
    return table(head, rows)


def arm_table(amounts: dict[str, Any], measure: str) -> list[str]:
    """A row for each arm, a column for each amount: the figure, and the difference from
    oversampling."""
    rows = []
    for arm in ARMS:
        cells = [amount_cell(entries.get(arm), measure) for entries in amounts.values()]
        if any(cells):
            rows.append([arm, *cells])
    return table(["arm", *amounts], rows)


def amount_cell(entry: dict[str, Any] | None, measure: str) -> str:
    if entry is None:
        return ""
    figure = f"{100 * entry[measure]['mean']:.1f}"
    gap = entry.get(f"{measure}, {AGAINST}")
    return figure if gap is None else f"{figure} ({points(gap)})"


def rate_section(summary: dict[str, Any]) -> list[str]:
    text = (
        "How many generated images stand for one photograph: those added, over the photographs"
        f" that would have to be added to reach the same figure, on a curve up to {CURVE[-1]} of"
        " each class. *None* is no gain to exchange. Where the curve ends first, the rate is an"
        " upper bound; the last column says in which share of the resamples."
    )
    rows = [
        [source, test, one["amount"], rate(one["rate"]), rate(one["low"]), rate(one["high"])]
        + [f"{100 * one['beyond']:.0f}%"]
        for source, tests in summary["exchange rates"].items()
        for test, rates in tests.items()
        for one in rates
    ]
    head = ["source", "test", "photographs of each class", "rate", "low", "high", "beyond"]
    return ["### Exchange rate", "", *paragraph(text), "", *table(head, rows)] if rows else []


def rate(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"


def null_section(null: dict[str, Any]) -> list[str]:
    text = (
        f"Of {null['studies']:,} simulated studies of {null['draws']} draws with"
        f" {null['amount']} photographs of each class, on as many test images: the share whose"
        " interval lies above 0, where there is nothing to find."
    )
    rows = [
        [name, f"{100 * share:.1f}%", f"≤ {100 * FALSE_GAINS:g}%", verdict(share <= FALSE_GAINS)]
        for name, share in null["false gains"].items()
    ]
    head = ["null", "false gains", "goal", ""]
    return ["### Null simulations", "", *paragraph(text), "", *table(head, rows)]


def points(gap: dict[str, Any]) -> str:
    low, high = 100 * gap["low"], 100 * gap["high"]
    return f"{100 * gap['difference']:+.1f} [{low:+.1f}, {high:+.1f}]"
