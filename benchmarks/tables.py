"""docs/benchmarks.md, made from benchmarks/results/*.json.

python -m benchmarks.tables
"""

import json
from pathlib import Path
from statistics import mean, stdev

from benchmarks import goals
from benchmarks.fidelity import read_result

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"


def table(head: list[str], rows: list[list]) -> list[str]:
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]] + [""]


def where(result: dict) -> str:
    versions, commit = result["versions"], result["commit"][:10]
    return (
        f"Model `{result['model']}` ({result.get('revision', 'bundled')}), extractor {result['extractor']}, commit `{commit}`, {result['date']}, "
        f"torch {versions['torch']}, {result['hardware']}."
    )


def fidelity(name: str, result: dict, dcgan: dict | None) -> list[str]:
    parts = result["parts"]
    head = [f"against real `test`, {next(iter(parts.values()))['size']} px", "generated", "real `train`, or trained on real", "N", "seeds"]
    lines = [f"## Fidelity: {name}", "", *table(head, goals.figures(parts))]
    reached = goals.goals(parts, dcgan)
    if reached:
        lines += table(["goal", "", "reached", ""], reached)
    for key, part in parts.items():
        if "skipped" not in part:
            lines.append(f"- {key}: {where({'extractor': '', **part}).replace(' extractor ,', '')}")
    return [*lines, ""]


def editing(result: dict) -> list[str]:
    parts = ("close-ups", "hands")
    rows = []
    for key in result["runs"][0]["hands"]:
        values = [[run[part][key] for run in result["runs"]] for part in parts]
        spread = [f"{mean(v):.4g} ± {stdev(v):.2g}" if len(v) > 1 and stdev(v) else f"{mean(v):.4g}" for v in values]
        rows.append([key, *spread])
    patches = [
        [
            f"{kind} patches to {result['n_inflamed']} inflamed ones",
            f"{result[f'{kind} to inflamed']['kid_x1000']:.2f}",
            f"{result[f'{kind} to inflamed']['fid']:.3f}",
        ]
        for kind in ("healthy", "added")
    ]
    head = ["mean ± standard deviation of the seeds", *parts]
    return ["## Editing", "", *table(head, rows), *table(["", "KID x1000", "FID (this tap)"], patches), where(result), ""]


def main() -> None:
    lines = [
        "# Benchmarks",
        "",
        "Made by `python -m benchmarks.tables` from `benchmarks/results/*.json`; each section's command is in its script. FID and KID here use a tap of",
        "768 features of the FID Inception network, not the usual 2048: compare them with figures of the same tap and N alone.",
        "",
    ]
    baseline = RESULTS / "fidelity-dcgan.json"
    dcgan = read_result(baseline)["parts"].get("kid") if baseline.is_file() else None
    for path in sorted(RESULTS.glob("*.json")):
        if path.stem.startswith("fidelity-"):
            lines += fidelity(path.stem.removeprefix("fidelity-"), read_result(path), None if path == baseline else dcgan)
        else:
            lines += editing(json.loads(path.read_text()))
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(PAGE)


if __name__ == "__main__":
    main()
