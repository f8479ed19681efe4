"""The sections of docs/benchmarks.md on the systems of the paper and of today, from
references/systems.jsonl."""

import json
from pathlib import Path
from typing import Any

from benchmarks.references.systems import GROUPS
from benchmarks.tables.markdown import describe_run, paragraph, table

Line = dict[str, Any]

# Titles of the columns and where their figures stand; format of each.
COSTS = [
    ("parameters, M", "parameters", "{:.2f}", 1e-6),
    ("MACs, M", "macs", "{:.3g}", 1e-6),
    ("ms per image", "ms_per_image", "{:.3g}", 1.0),
]
GENERATED = [
    ("KID x1000", "kid_x1000", "{:.2f}", 1.0),
    ("precision", "precision", "{:.3f}", 1.0),
    ("recall", "recall", "{:.3f}", 1.0),
    ("coverage", "coverage", "{:.3f}", 1.0),
    ("Dice of the mask", "dice", "{:.3f}", 1.0),
]
EDITED = [
    ("KID x1000", "kid_x1000", "{:.2f}", 1.0),
    ("removal, PSNR in dB", "removal_psnr", "{:.1f}", 1.0),
    ("pixels changed outside", "changed_outside", "{:.1%}", 1.0),
    ("Dice of what is found", "dice", "{:.3f}", 1.0),
]
TITLES = {
    "noise": "Systems: images from noise",
    "mask": "Systems: images with masks",
    "edit": "Systems: edits of healthy skin",
}
EXPLANATIONS = {
    "noise": (
        "KID, precision, recall (k = 5) and coverage of generated images against photographs of "
        "`test`. Dice is the agreement of a mask, where one is made, with that of a U-Net trained "
        "on photographs."
    ),
    "mask": "The same measures. `mask-to-lesion` starts from the masks of photographs.",
    "edit": (
        "Eczema drawn by the renderer on healthy patches of close-ups. KID of patches with added "
        "eczema is to other patches on which the renderer drew: it is small for those who change "
        "little, and is to be read beside that of patches that nobody edited. PSNR is inside the "
        "mask, of the removal of drawn eczema, the median, to be read beside that of eczema that "
        "is left where it is. Pixels outside the mask should not change. Dice is of the eczema "
        "that is found by those who are not told where it is. MACs are those of networks, without "
        "what is drawn from their maps. The sheet shows generated skin, the renderer's eczema on "
        "it, the system's, and the renderer's removed again."
    ),
}
COMMON = (
    "All systems of a group are trained on the same photographs for the same minutes of CPU time "
    "on one thread, by one loop (`benchmarks/references/`), with the same augmentation, at widths "
    "that are reduced from their papers; each file says what differs. One seed each. Milliseconds "
    "are of one image on one core."
)


def read_lines(text: str) -> dict[str, Line]:
    """The lines of a systems.jsonl by system."""
    lines = [json.loads(line) for line in text.splitlines()]
    return {line["system"]: line for line in lines}


def systems_section(lines: dict[str, Line], docs: Path) -> list[str]:
    """The lines of the sections on all groups that have been run.

    Args:
        lines: of systems.jsonl, by system.
        docs: folder of the page, in which contact sheets may be.
    """
    page: list[str] = []
    for group, systems in GROUPS.items():
        chosen = {name: lines[name] for name in systems if name in lines}
        if chosen:
            page += group_section(group, chosen, lines, docs)
    return page


def group_section(
    group: str, chosen: dict[str, Line], lines: dict[str, Line], docs: Path
) -> list[str]:
    """The section of one group."""
    figures = EDITED if group == "edit" else GENERATED
    titles = [title for title, *_ in [*figures, *COSTS]]
    rows = reference_rows(group, lines, figures)
    for name, line in chosen.items():
        values = [cell(line["figures"], *column[1:]) for column in [*figures, *COSTS]]
        rows.append([f"`{name}`", *values, f"{line['images_per_minute']:,.0f}"])
    first = next(iter(chosen.values()))
    settings = first["settings"]
    closing = (
        f"Trained for {settings['minutes']:g} min each, {settings['size']} px, batches of "
        f"{settings['batch']}, {settings['images']} images measured, extractor "
        f"{settings['extractor']}, {describe_run(first)}"
    )
    page = [f"## {TITLES[group]}", "", *paragraph(COMMON), "", *paragraph(EXPLANATIONS[group]), ""]
    head = ["system", *titles, "images a minute, trained"]
    page += [*table(head, rows), *paragraph(closing), ""]
    if (docs / f"systems-{group}.jpg").is_file():
        page += [f"![{TITLES[group]}, a contact sheet of each](systems-{group}.jpg)", ""]
    return page


def reference_rows(
    group: str, lines: dict[str, Line], figures: list[tuple[Any, ...]]
) -> list[list[str]]:
    """What photographs reach; or the renderer itself, and who does nothing."""
    rest = [""] * (len(COSTS) + 1)
    if group != "edit":
        found = lines["photographs"]["figures"] if "photographs" in lines else {}
        return [["*photographs of `train`*", *(cell(found, *c[1:]) for c in figures), *rest]]
    found = lines["photographs-edit"]["figures"] if "photographs-edit" in lines else {}
    drawn = {"kid_x1000": found.get("kid_x1000")}
    nothing = {
        "kid_x1000": found.get("kid_x1000_unedited"),
        "removal_psnr": found.get("removal_psnr"),
        "changed_outside": 0.0,
    }
    return [
        [title, *(cell(values, *column[1:]) for column in figures), *rest]
        for title, values in (("*the renderer*", drawn), ("*nothing is edited*", nothing))
    ]


def cell(figures: dict[str, Any], key: str, form: str, unit: float) -> str:
    value = figures.get(key)
    return "" if value is None else form.format(unit * value)
