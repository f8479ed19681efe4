"""docs/benchmarks.md, made from benchmarks/results/*.json.

python -m benchmarks.tables
"""

import json
from pathlib import Path

from benchmarks import goals
from benchmarks.fidelity import read_result
from benchmarks.trial.plan import MEASURES, TITLES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TONES = ("light", "tan", "dark")
BASELINE = "dcgan"  # what generators are compared with
PAGE = ROOT / "docs" / "benchmarks.md"


def table(head: list[str], rows: list[list]) -> list[str]:
    return [
        "| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]
    ] + [""]


def provenance(result: dict) -> str:
    return (
        f"commit `{result['commit'][:10]}`, {result['date']}, torch {result['versions']['torch']},"
        f" {result['hardware']}."
    )


def where(result: dict) -> str:
    return (
        f"Model `{result['model']}` ({result.get('revision', 'bundled')}), extractor"
        f" {result['extractor']}, {provenance(result)}"
    )


def fidelity(name: str, result: dict, dcgan: dict | None) -> list[str]:
    parts = result["parts"]
    head = [
        f"against real `test`, {next(iter(parts.values()))['size']} px",
        "generated",
        "real `train`, or trained on real",
        "N",
        "seeds",
    ]
    lines = [f"## Fidelity: {name}", "", *table(head, goals.figures(parts))]
    reached = goals.goals(parts, dcgan)
    if reached and name != BASELINE:  # which has no goals of its own
        lines += table(["goal", "", "reached", ""], reached)
    for key, part in parts.items():
        if "skipped" not in part:
            lines.append(f"- {key}: {where({'extractor': '', **part}).replace(' extractor ,', '')}")
    return [*lines, ""]


def editing(result: dict) -> list[str]:
    names = {
        "renderer": "renderer alone",
        "tint": "red tint in the mask",
        "real": "trained on real lesions",
    }
    columns = [*result["columns"], "real"]
    rows = []
    for row in result["rows"]:
        cells = {**row["columns"], "real": row["trained on real"]}
        bound = (
            " / ".join(dict.fromkeys(map(str, row["bound"].values())))
            if isinstance(row["bound"], dict)
            else row["bound"]
        )
        goal = (
            ""
            if row["kind"] is None
            else (
                f"{'≥' if row['kind'] == 'least' else '≤'}"
                f" {bound}{', beats renderer and tint' if row['beats_baselines'] else ''}"
            )
        )
        rows.append([row["text"], goal, *(_cell(cells.get(name)) for name in columns)])
    seeds, counts = result["seeds"], next(iter(result["counts"].values()))
    tones = ", ".join(f"{tone} {counts[tone]}" for tone in TONES)
    editors = ", ".join(
        f"{way} `{editor['model']}` (weights {editor['weights']})"
        for way, editor in result["editors"].items()
    )
    text = [
        (
            f"Mean of {len(seeds)} seeds and 95% interval (Student's t). A seed draws windows,"
            " masks, lesions and the order of training. A goal is"
        ),
        (
            "the editor's, and met where the mean meets it; IoU of 0.7 is asked of paired and"
            " masked weights, 0.5 of unpaired. Patches are 112 px."
        ),
        (
            f"Promises, dial, removing and finding: {counts['close-ups']} close-ups and"
            f" {counts['hands']} hands of `test`; tone by shifted melanin ({tones})."
        ),
        (
            f"Likeness: {counts['inflamed']} inflamed lesions and as many healthy windows of `val`"
            " and `test`, with other patients' lesion masks; KID on"
        ),
        (
            f"{result['extractor']}, one subset of all. Classifiers ({result['classifier']},"
            f" {result['steps']} steps of 12) learn from"
        ),
        f"{counts['inflamed train']} of each, of `train`.",
    ]
    head = ["", "goal", *(names.get(name, name) for name in columns)]
    return [
        "## Editing",
        "",
        *text,
        "",
        *table(head, rows),
        f"Editors: {editors}; {result['cpu_s']} s of CPU time; {provenance(result)}",
        "",
    ]


def _cell(cell: dict | None) -> str:
    if cell is None:
        return "–"
    half = "" if cell["half_width"] is None else f" ± {cell['half_width']:.2g}"
    return (
        f"{cell['mean']:.4g}{half}"
        + {True: ", met", False: ", **missed**", None: ""}[cell.get("met")]
    )


def throughput(result: dict) -> list[str]:
    times = result["cpu_ms_per_image"]
    rows = []
    for row in result["rows"]:
        (low, high), ratio, goal = row["ratio"]["quartiles"], row["ratio"]["median"], row["goal"]
        verdict = (
            ["", ""] if goal is None else [f"{goal:.3g}", "met" if ratio <= goal else "**missed**"]
        )
        named = [f"{row[key]}, {times[row[key]]['median']:.3g} ms" for key in ("case", "against")]
        rows.append([*named, f"{ratio:.3g}", f"{low:.3g} to {high:.3g}", *verdict])
    head = ["CPU time per image of", "beside that of", "ratio, median", "quartiles", "at most", ""]
    return [
        "## Speed",
        "",
        *SPEED,
        "",
        *table(head, rows),
        f"{result['rounds']} rounds; {provenance(result)}",
        "",
    ]


def cuda(result: dict) -> list[str]:
    rate, share = result["images_per_s"], result["share_of_copy_bandwidth"]
    text = (
        f"{rate['median']:,.0f} images/s ({rate['quartiles'][0]:,.0f} to"
        f" {rate['quartiles'][1]:,.0f})"
    )
    text = (
        f"`EczemaEdit.batch`, {result['batch']} images of {result['side']} px: {text}, {share:.2%}"
        " of the rate at which the device copies them."
    )
    return ["## Speed on CUDA", "", text, "", f"{result['device']}, {provenance(result)}", ""]


SPEED = [
    (
        "One thread, every case in turn in each round, CPU time; uint8 tensors unless said; `p=1`,"
        " random mask and severity, unless said. RandAugment"
    ),
    (
        "and ColorJitter are torchvision's v2. On PIL images RandAugment is much cheaper than an"
        " edit, since Pillow's point operations are."
    ),
]


def downstream(summary: dict, folder: Path) -> list[str]:
    """The classifiers: one table for each task, amount and setting, and the two figures beside the
    records."""
    protocol = summary["protocol"]
    setup = (
        f"`{protocol['model']}` at {protocol['size']} px, {summary['runs']} runs,"
        f" {summary['core hours']:.1f} core-hours"
    )
    lines = [f"## Classifiers: {setup}", ""]
    lines += [
        "What is compared and why it is fair: [downstream.md](downstream.md). In percent;"
        " differences in points with 95% intervals over test photographs and"
    ]
    lines += [
        (
            "seeds, p corrected by Holm over the arms. *pretrained*: the generator saw all of"
            " `train`; *own*: the classifier's training photographs alone."
        ),
        "",
    ]
    lines += downstream_goals(summary["tasks"])
    for figure in ("dose", "curves"):
        if (folder / f"{figure}.png").is_file():
            lines += [
                f"![{figure}](../benchmarks/results/downstream/{folder.name}/{figure}.png)",
                "",
            ]
    for task, content in summary["tasks"].items():
        for amount, entry in content["amounts"].items():
            best = entry["best classical on val"]
            lines += [
                f"### {task}: {TITLES[task]}, {amount}",
                "",
                f"{content['test']} test pictures; best classical arm on `val`: {best}.",
                "",
            ]
            head = [
                "arm",
                "seeds",
                MEASURES[task],
                "against real",
                "against best classical",
                "p",
                *OTHERS[task],
                "worst tone group",
            ]
            lines += table(head, [arm_row(task, name, arm) for name, arm in entry["arms"].items()])
            fidelity = entry["arms"].get("real", {}).get("label fidelity")
            if fidelity:
                shares = ", ".join(
                    f"{name} {100 * share:.0f}%"
                    for name, share in zip(content["classes"], fidelity)
                )
                lines += [
                    (
                        "Generated images that the classifier of arm `real` takes for their class:"
                        f" {shares}."
                    ),
                    "",
                ]
    versions = summary["versions"]
    return [
        *lines,
        (
            f"Commits {', '.join(f'`{c}`' for c in summary['commits'])}, {summary['date']}, torch"
            f" {versions['torch']}, {'; '.join(summary['hardware'])}."
        ),
        "",
    ]


# What our best arm on val should gain over the best classical one, in points, and whether its
# interval has to lie above 0.
GAINS = {
    ("A", "10%"): (3.0, True),
    ("A", "100%"): (-0.5, False),
    ("B", "5"): (5.0, False),
    ("C", "10%"): (2.0, False),
}


def downstream_goals(tasks: dict) -> list[str]:
    """Both arms are chosen by val, so that a lucky arm on test does not speak for all of ours."""
    rows = []
    for (task, amount), (least, above) in GAINS.items():
        entry = tasks.get(task, {"amounts": {}})["amounts"].get(f"{amount} pretrained")
        ours = entry and entry["best of ours on val"]
        found = ours and entry["arms"][ours].get("vs best classical")
        if found:
            met = 100 * found["difference"] >= least and (found["low"] > 0 or not above)
            goal = f"≥ {least:+g}{', interval above 0' if above else ''}"
            rows.append(
                [
                    f"{task}, {amount}",
                    MEASURES[task],
                    ours,
                    entry["best classical on val"],
                    goal,
                    gap(found),
                    "met" if met else "**missed**",
                ]
            )
    return (
        table(
            [
                "",
                "measure",
                "best of ours on `val`",
                "best classical on `val`",
                "goal",
                "difference on `test`",
                "",
            ],
            rows,
        )
        if rows
        else []
    )


# Figures beside the main one, by task.
OTHERS = {"A": ("AUROC", "ECE", "recall"), "B": ("balanced accuracy", "ECE"), "C": ()}


def arm_row(task: str, name: str, arm: dict) -> list[str]:
    spread = "" if arm["sd"] is None else f" ± {100 * arm['sd']:.1f}"
    row = [
        name,
        len(arm["seeds"]),
        f"{100 * arm['mean']:.1f}{spread}",
        gap(arm.get("vs real")),
        gap(arm.get("vs best classical")),
    ]
    row.append(f"{arm['vs best classical']['p holm']:.3f}" if "vs best classical" in arm else "")
    for key in OTHERS[task]:
        value = arm["others"][key]
        row.append(
            " / ".join(f"{100 * part:.0f}" for part in value.values())
            if isinstance(value, dict)
            else f"{100 * value:.1f}"
        )
    worst = arm["others"]["worst tone"]
    return [
        *row,
        "" if worst is None else f"{100 * worst['value']:.1f}, {worst['group'].partition(' (')[0]}",
    ]


def gap(found: dict | None) -> str:
    return (
        ""
        if found is None
        else (
            f"{100 * found['difference']:+.1f} [{100 * found['low']:+.1f},"
            f" {100 * found['high']:+.1f}]"
        )
    )


def main() -> None:
    lines = [
        "# Benchmarks",
        "",
        (
            "Made by `python -m benchmarks.tables` from `benchmarks/results/*.json`; each section's"
            " command is in its script. FID and KID are of the"
        ),
        (
            "extractor and tap named beside them, not the usual 2048 Inception features: compare"
            " them with figures of the same tap and N alone."
        ),
        "",
    ]
    baseline = RESULTS / f"fidelity-{BASELINE}.json"
    dcgan = read_result(baseline)["parts"].get("kid") if baseline.is_file() else None
    makers = {"editing": editing, "throughput": throughput, "throughput-cuda": cuda}
    for path in sorted(RESULTS.glob("*.json")):
        if path.stem in makers:
            lines += makers[path.stem](json.loads(path.read_text()))
        else:
            lines += fidelity(path.stem.removeprefix("fidelity-"), read_result(path), dcgan)
    for path in sorted(RESULTS.glob("downstream/*/summary.json")):
        if path.parent.name != "quick":
            lines += downstream(json.loads(path.read_text()), path.parent)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(PAGE)


if __name__ == "__main__":
    main()
