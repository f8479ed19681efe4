"""Put a trained run into the package: weights, config and card.

    python recipes/bundle.py runs/lesions --name lesions

The facts (data, licences, limits) come from recipes/cards/NAME.json, the training record from the
run, and the figures from benchmarks/results/. Bundle, run the model's benchmark, then bundle again:
the card then quotes what was measured.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from synthderm.cli.publish import load_run
from synthderm.hub.audit_record import read_audit
from synthderm.hub.model_card import without_folders
from synthderm.hub.publish import write_card
from synthderm.hub.resolve import BUNDLED

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

Metric = dict[str, Any]  # name, value, dataset and command


def fidelity_metrics(name: str, command: str) -> list[Metric]:
    """The figures of a generator's fidelity benchmark; none where it was not run yet."""
    path = RESULTS / f"fidelity-{name}.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text(encoding="utf-8"))["parts"]["kid"]
    run, floor = result["runs"][0], result["train_vs_test"]
    generated = (
        f"test split ({result['n_test']} photographs; {result['extractor']}; "
        f"N = {run['n']} generated)"
    )
    real = f"test split against {run['n']} photographs of train, the floor"
    rows = [
        ("KID x1000", round(run["kid_x1000"], 2), generated),
        ("FID-768", round(run["fid"], 3), generated),
        ("KID x1000, real train", round(floor["kid_x1000"], 2) + 0.0, real),
        ("FID-768, real train", round(floor["fid"], 3), real),
    ]
    return [
        {"name": name, "value": value, "dataset": dataset, "command": command}
        for name, value, dataset in rows
    ]


def editing_metrics(supervision: str, command: str) -> list[Metric]:
    """The figures of the editing benchmark's column of weights that were trained with this
    supervision; none where it was not run yet."""
    path = RESULTS / "editing.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text(encoding="utf-8"))
    dataset = (
        f"photographs of val and test, {len(result['seeds'])} seeds; {result['extractor']}; "
        "see docs/benchmarks.md"
    )
    cells = {row["text"]: row["columns"].get(supervision) for row in result["rows"]}
    return [
        {"name": text, "value": round(cell["mean"], 4), "dataset": dataset, "command": command}
        for text, cell in cells.items()
        if cell
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--name", required=True, help="of the card, recipes/cards/NAME.json")
    args = parser.parse_args()
    model, records = load_run(args.run, ROOT / "recipes" / "cards" / f"{args.name}.json")
    training, command = model.card["training"], records.pop("benchmark")
    if "supervision" in training:
        records["metrics"] = editing_metrics(training["supervision"], command)
    else:
        records["metrics"] = fidelity_metrics(args.name, command)
    records["training"] = without_folders(training)
    report = ROOT / "docs" / "audits" / args.name / "report.json"
    model_folder = args.run / "model" if (args.run / "model").is_dir() else args.run
    if report.is_file():
        page = f"{report.parent.relative_to(ROOT).as_posix()}/report.html"
        records["audit"] = read_audit(report, model_folder) | {"report": page}
    folder = model.save_pretrained(BUNDLED / args.name, card=records)
    write_card(folder, args.name, model.pipeline_tag)
    size = (folder / "model.safetensors").stat().st_size / 1e6
    print(f"{folder}: {size:.1f} MB, {len(records['metrics'])} figures")


if __name__ == "__main__":
    main()
