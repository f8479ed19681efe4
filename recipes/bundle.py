"""Put a trained run into the package: weights, config and card. Or into a folder, with all that its
training goes on from.

    python -m recipes.bundle runs/lesions --name lesions
    python -m recipes.bundle runs/lesions --with-discriminators runs/lesions-state

The facts (data, licences, limits, and the shares of artifacts of weights that were trained without)
come from recipes/cards/NAME.json, the training record from the run, and the figures from
benchmarks/results/. Bundle, run the model's benchmark, then bundle again: the card then quotes what
was measured. To write the card of bundled weights anew, give their own folder as the run,
synthderm/weights/NAME; their bytes stay.

`train_gan.py --init ./runs/lesions-state` goes on where the checkpoint of runs/lesions was written:
docs/how-to/train-a-generator.md.
"""

import argparse
from pathlib import Path

from recipes.card_figures import editing_metrics, fidelity_metrics
from synthderm.cli.card_pictures import card_pictures
from synthderm.cli.publish import load_run
from synthderm.hub.audit_record import read_audit
from synthderm.hub.model_card import PICTURES, without_folders
from synthderm.hub.publish import write_card
from synthderm.hub.resolve import BUNDLED, weights_hash
from synthderm.imaging.artifact_shares import check_shares
from synthderm.training.loop import exit_on_error
from synthderm.training.training_state import write_training_state

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--name", help="put it into the package; of the card, recipes/cards/*.json")
    parser.add_argument(
        "--with-discriminators",
        type=Path,
        metavar="DIR",
        help="write the last averaged weights there, with discriminators, encoder and optimizers",
    )
    args = parser.parse_args()
    if args.name is None and args.with_discriminators is None:
        parser.error("give --name, --with-discriminators, or both")
    with exit_on_error("bundle.py"):
        if args.with_discriminators is not None:
            keep_training_state(args.run, args.with_discriminators)
        if args.name is not None:
            bundle(args.run, args.name)


def keep_training_state(run: Path, folder: Path) -> None:
    """Write what a training goes on from, and print the size of each file."""
    files = write_training_state(run, folder)
    for path in files:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"Go on: python recipes/train_gan.py --init {folder.resolve()} ...")


def bundle(run: Path, name: str) -> None:
    """Write the weights, config and card of a bundled model."""
    model, records = load_run(run, ROOT / "recipes" / "cards" / f"{name}.json")
    training, command = model.card["training"], records.pop("benchmark")
    if "supervision" in training:
        records["metrics"] = editing_metrics(training["supervision"], command)
    else:
        records["metrics"] = fidelity_metrics(name, command)
    records["training"] = without_folders(training)
    if shares := records.pop("artifacts", None):  # of weights that were trained without
        model.config["artifacts"] = check_shares("artifacts", shares)
    before = records.pop("before", None)  # of weights that began with others, and did not record it
    if before and training["init"]:
        records["training"].setdefault("before", before)
    report = ROOT / "docs" / "audits" / name / "report.json"
    model_folder = run / "model" if (run / "model").is_dir() else run
    if report.is_file():
        page = f"{report.parent.relative_to(ROOT).as_posix()}/report.html"
        records["audit"] = read_audit(report, model_folder) | {"report": page}
    folder = model.save_pretrained(BUNDLED / name, card=records)
    if (pictures := card_pictures(model, name, weights_hash(folder))) is not None:
        (folder / PICTURES).write_bytes(pictures)
    write_card(folder, name, model.pipeline_tag)
    size = (folder / "model.safetensors").stat().st_size / 1e6
    print(f"{folder}: {size:.1f} MB, {len(records['metrics'])} figures")


if __name__ == "__main__":
    main()
