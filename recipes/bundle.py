"""Put a trained run into the package: weights, config and card.

    python -m recipes.bundle runs/lesions --name lesions

The facts (data, licences, limits) come from recipes/cards/NAME.json, the training record from the
run, and the figures from benchmarks/results/. Bundle, run the model's benchmark, then bundle again:
the card then quotes what was measured. To write the card of bundled weights anew, give their own
folder as the run, synthderm/weights/NAME; their bytes stay.
"""

import argparse
from pathlib import Path

from recipes.card_figures import editing_metrics, fidelity_metrics
from synthderm.cli.card_pictures import card_pictures
from synthderm.cli.publish import load_run
from synthderm.hub.audit_record import read_audit
from synthderm.hub.model_card import PICTURES, without_folders
from synthderm.hub.publish import write_card
from synthderm.hub.resolve import BUNDLED

ROOT = Path(__file__).parents[1]


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
    if (pictures := card_pictures(model)) is not None:
        (folder / PICTURES).write_bytes(pictures)
    write_card(folder, args.name, model.pipeline_tag)
    size = (folder / "model.safetensors").stat().st_size / 1e6
    print(f"{folder}: {size:.1f} MB, {len(records['metrics'])} figures")


if __name__ == "__main__":
    main()
