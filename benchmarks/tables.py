"""docs/benchmarks.md, made from benchmarks/results/*.json.

python -m benchmarks.tables
"""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TONES = ("light", "tan", "dark")
PAGE = ROOT / "docs" / "benchmarks.md"


def table(head: list[str], rows: list[list]) -> list[str]:
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]] + [""]


def provenance(result: dict) -> str:
    return f"commit `{result['commit'][:10]}`, {result['date']}, torch {result['versions']['torch']}, {result['hardware']}."


def where(result: dict) -> str:
    return f"Model `{result['model']}` ({result.get('revision', 'bundled')}), extractor {result['extractor']}, {provenance(result)}"


def fidelity(result: dict) -> list[str]:
    floor = result["train_vs_test"]
    rows = [[f"generated, seed {run['seed']}", run["n"], f"{run['kid_x1000']:.2f}", f"{run['fid']:.3f}"] for run in result["runs"]]
    rows.append(["real `train`, the floor", min(result["n_train"], result["runs"][0]["n"]), f"{floor['kid_x1000']:.2f}", f"{floor['fid']:.3f}"])
    head = [f"against {result['n_test']} photographs of `test`, {result['size']} px", "N", "KID x1000", "FID (this tap)"]
    return [f"## Fidelity: {result['model']}", "", *table(head, rows), where(result), ""]


def editing(result: dict) -> list[str]:
    names = {"renderer": "renderer alone", "tint": "red tint in the mask", "real": "trained on real lesions"}
    columns = [*result["columns"], "real"]
    rows = []
    for row in result["rows"]:
        cells = {**row["columns"], "real": row["trained on real"]}
        bound = " / ".join(dict.fromkeys(map(str, row["bound"].values()))) if isinstance(row["bound"], dict) else row["bound"]
        goal = "" if row["kind"] is None else f"{'≥' if row['kind'] == 'least' else '≤'} {bound}{', beats renderer and tint' if row['beats_baselines'] else ''}"
        rows.append([row["text"], goal, *(_cell(cells.get(name)) for name in columns)])
    seeds, counts = result["seeds"], next(iter(result["counts"].values()))
    tones = ", ".join(f"{tone} {counts[tone]}" for tone in TONES)
    editors = ", ".join(f"{way} `{editor['model']}` (weights {editor['weights']})" for way, editor in result["editors"].items())
    text = [
        f"Mean of {len(seeds)} seeds and 95% interval (Student's t). A seed draws windows, masks, lesions and the order of training. A goal is",
        "the editor's, and met where the mean meets it; IoU of 0.7 is asked of paired and masked weights, 0.5 of unpaired. Patches are 112 px.",
        f"Promises, dial, removing and finding: {counts['close-ups']} close-ups and {counts['hands']} hands of `test`; tone by shifted melanin ({tones}).",
        f"Likeness: {counts['inflamed']} inflamed lesions and as many healthy windows of `val` and `test`, with other patients' lesion masks; KID on",
        f"{result['extractor']}, one subset of all. Classifiers ({result['classifier']}, {result['steps']} steps of 12) learn from",
        f"{counts['inflamed train']} of each, of `train`.",
    ]
    head = ["", "goal", *(names.get(name, name) for name in columns)]
    return ["## Editing", "", *text, "", *table(head, rows), f"Editors: {editors}; {result['cpu_s']} s of CPU time; {provenance(result)}", ""]


def _cell(cell: dict | None) -> str:
    if cell is None:
        return "–"
    half = "" if cell["half_width"] is None else f" ± {cell['half_width']:.2g}"
    return f"{cell['mean']:.4g}{half}" + {True: ", met", False: ", **missed**", None: ""}[cell.get("met")]


def throughput(result: dict) -> list[str]:
    times = result["cpu_ms_per_image"]
    rows = []
    for row in result["rows"]:
        (low, high), ratio, goal = row["ratio"]["quartiles"], row["ratio"]["median"], row["goal"]
        verdict = ["", ""] if goal is None else [f"{goal:.3g}", "met" if ratio <= goal else "**missed**"]
        named = [f"{row[key]}, {times[row[key]]['median']:.3g} ms" for key in ("case", "against")]
        rows.append([*named, f"{ratio:.3g}", f"{low:.3g} to {high:.3g}", *verdict])
    head = ["CPU time per image of", "beside that of", "ratio, median", "quartiles", "at most", ""]
    return ["## Speed", "", *SPEED, "", *table(head, rows), f"{result['rounds']} rounds; {provenance(result)}", ""]


def cuda(result: dict) -> list[str]:
    rate, share = result["images_per_s"], result["share_of_copy_bandwidth"]
    text = f"{rate['median']:,.0f} images/s ({rate['quartiles'][0]:,.0f} to {rate['quartiles'][1]:,.0f})"
    text = f"`EczemaEdit.batch`, {result['batch']} images of {result['side']} px: {text}, {share:.2%} of the rate at which the device copies them."
    return ["## Speed on CUDA", "", text, "", f"{result['device']}, {provenance(result)}", ""]


SPEED = [
    "One thread, every case in turn in each round, CPU time; uint8 tensors unless said; `p=1`, random mask and severity, unless said. RandAugment",
    "and ColorJitter are torchvision's v2. On PIL images RandAugment is much cheaper than an edit, since Pillow's point operations are.",
]


def main() -> None:
    lines = [
        "# Benchmarks",
        "",
        "Made by `python -m benchmarks.tables` from `benchmarks/results/*.json`; each section's command is in its script. FID and KID are of the",
        "extractor and tap named beside them, not the usual 2048 Inception features: compare them with figures of the same tap and N alone.",
        "",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        lines += {"editing": editing, "throughput": throughput, "throughput-cuda": cuda}.get(path.stem, fidelity)(result)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(PAGE)


if __name__ == "__main__":
    main()
