"""The section of docs/benchmarks.md on task T: decisions on photographs rendered in six tones."""

from typing import Any

from benchmarks.heads.tone_measures import FLIPS, HALVED, LIGHT_SKIN, MEASURES
from benchmarks.tables.heads import points
from benchmarks.tables.markdown import describe_run, paragraph, table, verdict

TITLES = {
    "inflamed": "inflamed or healthy skin",
    "diagnoses": "nevus, melanoma or seborrheic keratosis",
}


def tones_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section, from the content of tones.json."""
    levels = ", ".join(f"{name} ({value:g})" for name, value in result["levels"].items())
    text = (
        f"Heads on {result['classifier']} at {result['side']} px. Each test image is rendered in"
        f" six tones, ITA in degrees: {levels}. *Flip rate*: images whose decision is not the same"
        " in all six. *Worst-group recall*: the least of any class in any tone. *Light skin*: mean"
        " recall of the classes in the two light tones. Means over"
        f" {result['draws']} draws of the training photographs; in brackets what changes against"
        f" the plain head, with 95% intervals over draws and patients or photographs. Copies:"
        f" {result['copies']} of each photograph. The goal: at most {HALVED:g} of the plain head's"
        " flips, and a mean on light skin that is no lower."
    )
    lines = ["## T: do decisions depend on skin tone?", "", *paragraph(text), ""]
    for task, entry in result["tasks"].items():
        for name, test in entry["tests"].items():
            lines += [f"### T, {TITLES[task]}: {name}", "", *paragraph(counts_text(entry, test))]
            lines += ["", *arm_table(test["arms"])]
    return [*lines, *paragraph(sentence(describe_run(result))), ""]


def counts_text(entry: dict[str, Any], test: dict[str, Any]) -> str:
    reached = ", ".join(f"{name} {100 * share:.0f}%" for name, share in test["reached"].items())
    return (
        f"{test['images']} test images of {test['groups']} patients or photographs; a draw trains"
        f" on {100 * entry['share']:g}% of {entry['photographs']:,} images. The tone was reached by"
        f" (within 3 degrees): {reached}."
    )


def arm_table(arms: dict[str, Any]) -> list[str]:
    """A row for each arm."""
    rows = [
        [arm, flips_cell(entry), *(cell(entry[name]) for name in MEASURES if name != FLIPS)]
        + ["" if "met" not in entry else verdict(entry["met"])]
        for arm, entry in arms.items()
    ]
    head = ["arm", "flip rate (share of plain)", *(name for name in MEASURES if name != FLIPS)]
    return table([*head, f"flips halved, {LIGHT_SKIN} kept"], rows)


def flips_cell(entry: dict[str, Any]) -> str:
    flips = entry[FLIPS]
    text = f"{100 * flips['mean']:.1f}"
    if "share" not in flips:
        return text
    share = flips["share"]
    return f"{text} ({share['share']:.2f} [{share['low']:.2f}, {share['high']:.2f}])"


def cell(figure: dict[str, Any]) -> str:
    text = f"{100 * figure['mean']:.1f}"
    return f"{text} ({points(figure['gap'])})" if "gap" in figure else text


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
