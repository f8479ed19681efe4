"""Put a trained run into the package: weights, config and card.

    python recipes/bundle.py runs/lesions --name lesions

The facts (data, licences, limits) come from recipes/cards/NAME.json, the training record from the run, and the figures
from benchmarks/results/. Bundle, run the model's benchmark, then bundle again: the card then quotes what was measured.
"""

import argparse
import json
from pathlib import Path
from statistics import mean

from synthderm.hub import BUNDLED
from synthderm.publish import load_run, make_card, without_folders

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def fidelity(name: str, command: str) -> list[dict]:
    path = RESULTS / f"fidelity-{name}.json"
    if not path.is_file():
        return []
    result = json.loads(path.read_text())["parts"]["kid"]
    run, floor = result["runs"][0], result["train_vs_test"]
    where = f"test split ({result['n_test']} photographs; {result['extractor']}; N = {run['n']} generated)"
    real = f"test split against {run['n']} photographs of train, the floor"
    return [
        {"name": "KID x1000", "value": round(run["kid_x1000"], 2), "dataset": where, "command": command},
        {"name": "FID-768", "value": round(run["fid"], 3), "dataset": where, "command": command},
        {"name": "KID x1000, real train", "value": round(floor["kid_x1000"], 2) + 0.0, "dataset": real, "command": command},
        {"name": "FID-768, real train", "value": round(floor["fid"], 3), "dataset": real, "command": command},
    ]


def editing(command: str) -> list[dict]:
    path = RESULTS / "editing.json"
    if not path.is_file():
        return []
    result, rows = json.loads(path.read_text()), []
    for part, where in (("close-ups", "PAD-UFES-20 val and test, healthy patches"), ("hands", "hands test")):
        for key in result["runs"][0][part]:
            if key != "images":
                value = mean(run[part][key] for run in result["runs"])
                rows.append({"name": key, "value": round(value, 4), "dataset": f"{where}, mean of {len(result['runs'])} seeds", "command": command})
    for kind in ("healthy", "added"):
        for key, label in (("kid_x1000", "KID x1000"), ("fid", "FID-768")):
            where = f"PAD-UFES-20 val and test, {result['n_inflamed']} inflamed patches; {result['extractor']}"
            rows.append(
                {"name": f"{label}, {kind} patches to inflamed", "value": round(result[f"{kind} to inflamed"][key], 3), "dataset": where, "command": command}
            )
    return rows


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("run", type=Path, help="folder of the run")
    p.add_argument("--name", required=True, help="lesions, hands or eczema")
    args = p.parse_args()
    model, records = load_run(args.run, ROOT / "recipes" / "cards" / f"{args.name}.json")
    command = records.pop("benchmark")
    records["metrics"] = editing(command) if args.name == "eczema" else fidelity(args.name, command)
    records["training"] = without_folders(model.card["training"])
    folder = model.save_pretrained(BUNDLED / args.name, card=records)
    (folder / "README.md").write_text(make_card(model, {**model.card, **records}, args.name), encoding="utf-8")
    print(f"{folder}: {(folder / 'model.safetensors').stat().st_size / 1e6:.1f} MB, {len(records['metrics'])} figures")


if __name__ == "__main__":
    main()
