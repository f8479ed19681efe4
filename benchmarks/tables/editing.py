"""The sections of docs/benchmarks.md on editing, from editing.json, transfer.json and
appearance.json."""

from typing import Any

from benchmarks.tables.markdown import describe_run, paragraph, table, verdict

TONES = ("light", "tan", "dark")
COLUMNS = {
    "identity": "no edit",
    "renderer": "renderer alone",
    "tint": "red tint in the mask",
    "real": "trained on real lesions",
}


def editing_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section."""
    columns = [*result["columns"], "real"]
    rows = []
    for row in result["rows"]:
        cells = {**row["columns"], "real": row["trained on real"]}
        rows.append(
            [row["text"], goal_text(row), *(cell_text(cells.get(name)) for name in columns)]
        )
    head = ["", "goal", *(COLUMNS.get(name, name) for name in columns)]
    return [
        "## Editing",
        "",
        *explanation(result),
        "",
        *table(head, rows),
        *paragraph(
            f"Editors: {editors_text(result)}; {result['cpu_s']} s of CPU time; "
            f"{describe_run(result)}"
        ),
        "",
    ]


def transfer_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section on transfer.json."""
    text = (
        f"A learner on {result['classifier']} learns to tell {sum(result['calm'].values())} calm "
        "crops from the same crops with added eczema. Then it has to tell real inflamed from "
        f"calm skin. Mean AUROC of {len(result['seeds'])} seeds with its 95% interval by "
        "resampling patients (`boxes`: photographs), of whom none was learnt from. 0.5 is chance."
    )
    items = [
        f"- `{name}`: {test['meaning']}; {test['inflamed']} and {test['calm']} crops of "
        f"{test['groups']} {'photographs' if name.startswith('boxes') else 'patients'}."
        for name, test in result["tests"].items()
    ]
    return [
        "## Transfer to real inflamed skin",
        "",
        *paragraph(text),
        "",
        *(line for item in items for line in paragraph(item)),
        "",
        *(
            line
            for learner, methods in result["rows"].items()
            for line in transfer_table(result, learner, methods)
        ),
        *paragraph(f"Editors: {editors_text(result)}; {describe_run(result)}"),
        "",
    ]


def transfer_table(result: dict[str, Any], learner: str, methods: dict[str, Any]) -> list[str]:
    """What one learner learnt, a row each method."""
    rows = [
        [COLUMNS.get(name, name), *(interval_text(row[test]) for test in result["tests"])]
        for name, row in methods.items()
    ]
    title = f"The learner is {result['learners'][learner]}:"
    return [*paragraph(title), "", *table(["", *result["tests"]], rows)]


def appearance_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section on appearance.json."""
    lines = ["## Crispness, hue and extremes of added eczema", ""]
    lines += paragraph(
        "Real inflamed skin against calm skin of the same photograph, and that calm skin edited "
        "all over at severities of 0.3 to 1 against itself. Rows of waves: the power that the "
        "skin's texture gains, in dB, at a scale given in waves a crop of 224 px. Rows of colours: "
        "the optical density that is added, by skin tone. Then the shares of pixels that are "
        "saturated (a channel of 250 or more) or nearly black (all of 25 or less), in %. Means "
        "over photographs with 95% intervals (Student's t)."
    )
    for source, methods in result["rows"].items():
        head = [f"{source}, {result['photographs'][source]} photographs", *methods]
        rows = [
            [key, *(cell_text(row.get(key)) for row in methods.values())] for key in methods["real"]
        ]
        head = [COLUMNS.get(name, name) if name != "real" else "real" for name in head]
        lines += ["", *table(head, rows)[:-1]]
    return [
        *lines,
        "",
        *paragraph(f"Editors: {editors_text(result)}; {describe_run(result)}"),
        "",
    ]


def editors_text(result: dict[str, Any]) -> str:
    """Which weights the columns or rows of editors are of."""
    return ", ".join(
        f"{way} `{editor['model']}` (weights {editor['weights']})"
        for way, editor in result["editors"].items()
    )


def interval_text(cell: dict[str, Any]) -> str:
    low, high = cell["interval"]
    return f"{cell['auroc']:.2f} [{low:.2f}, {high:.2f}]"


def explanation(result: dict[str, Any]) -> list[str]:
    """What was measured, on how many images."""
    counts = next(iter(result["counts"].values()))
    tones = ", ".join(f"{tone} {counts[tone]}" for tone in TONES)
    measured = (
        f"Mean of {len(result['seeds'])} seeds with its 95% interval (Student's t). A seed decides "
        "the windows, masks, lesions and the order of training. Goals are for editors; one is met "
        "where the mean meets it. The goal for the IoU of `find_eczema` is 0.7 for editors trained "
        "on pairs or under masks, and 0.5 for editors trained without masks. All patches are 112 "
        "px wide."
    )
    images = (
        f"The rows down to IoU: {counts['close-ups']} close-ups and {counts['hands']} hands of "
        f"`test`; skin tones by shifted melanin ({tones}). The rows from KID on: "
        f"{counts['inflamed']} inflamed lesions and as many healthy windows of `val` and `test`, "
        "edited under the masks of other patients' lesions. KID is on "
        f"{result['extractor']}, of one subset that holds all images. Classifiers "
        f"({result['classifier']}, {result['steps']} steps of 12 images) learn from "
        f"{counts['inflamed train']} images of each kind, of `train`."
    )
    return [*paragraph(measured), "", *paragraph(images)]


def goal_text(row: dict[str, Any]) -> str:
    if row["kind"] is None:
        return ""
    bound = row["bound"]
    if isinstance(bound, dict):
        bound = " / ".join(dict.fromkeys(map(str, bound.values())))
    text = f"{'≥' if row['kind'] == 'at least' else '≤'} {bound}"
    return f"{text}, better than renderer and tint" if row["beats_references"] else text


def cell_text(cell: dict[str, Any] | None) -> str:
    """The mean and its interval, and whether the goal was met."""
    if cell is None:
        return "–"
    text = f"{cell['mean']:.4g}"
    if cell["half_width"] is not None:
        text += f" ± {cell['half_width']:.2g}"
    return text if cell.get("met") is None else f"{text}, {verdict(cell['met'])}"
