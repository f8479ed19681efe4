"""Put a trained run into the package: weights, config and card.

    python recipes/bundle.py runs/lesions --name lesions

The facts (data, licences, limits) come from recipes/cards/NAME.json, the training record from the
run, and the figures from benchmarks/results/. Bundle, run the model's benchmark, then bundle again:
the card then quotes what was measured.
"""

import argparse
import json
from pathlib import Path

from synthderm.cli.publish import load_run
from synthderm.hub.model_card import without_folders
from synthderm.hub.publish import write_card
from synthderm.hub.resolve import BUNDLED

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def fidelity(name: str, command: str) -> list[dict]:
    path = RESULTS / f"fidelity-{name}.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text())["parts"]["kid"]
    run, floor = result["runs"][0], result["train_vs_test"]
    where = (
        f"test split ({result['n_test']} photographs; {result['extractor']}; N = {run['n']}"
        " generated)"
    )
    real = f"test split against {run['n']} photographs of train, the floor"
    return [
        {
            "name": "KID x1000",
            "value": round(run["kid_x1000"], 2),
            "dataset": where,
            "command": command,
        },
        {"name": "FID-768", "value": round(run["fid"], 3), "dataset": where, "command": command},
        {
            "name": "KID x1000, real train",
            "value": round(floor["kid_x1000"], 2) + 0.0,
            "dataset": real,
            "command": command,
        },
        {
            "name": "FID-768, real train",
            "value": round(floor["fid"], 3),
            "dataset": real,
            "command": command,
        },
    ]


def editing(way: str, command: str) -> list[dict]:
    """The figures of one column of the editing benchmark: those of weights trained this way."""
    path = RESULTS / "editing.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text())
    where = (
        f"photographs of val and test, {len(result['seeds'])} seeds; {result['extractor']}; see"
        " docs/benchmarks.md"
    )
    cells = {row["text"]: row["columns"].get(way) for row in result["rows"]}
    return [
        {"name": text, "value": round(cell["mean"], 4), "dataset": where, "command": command}
        for text, cell in cells.items()
        if cell
    ]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("run", type=Path, help="folder of the run")
    p.add_argument("--name", required=True, help="lesions, hands or eczema")
    p.add_argument(
        "--way",
        default="paired",
        help="eczema: the column of the editing benchmark that measured these weights",
    )
    args = p.parse_args()
    model, records = load_run(args.run, ROOT / "recipes" / "cards" / f"{args.name}.json")
    command = records.pop("benchmark")
    records["metrics"] = (
        editing(args.way, command) if args.name == "eczema" else fidelity(args.name, command)
    )
    records["training"] = without_folders(model.card["training"])
    folder = model.save_pretrained(BUNDLED / args.name, card=records)
    write_card(folder, args.name, model.pipeline_tag)
    print(
        f"{folder}: {(folder / 'model.safetensors').stat().st_size / 1e6:.1f} MB,"
        f" {len(records['metrics'])} figures"
    )


if __name__ == "__main__":
    main()
