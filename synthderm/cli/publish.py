"""`synthderm publish`: a trained model to the Hugging Face Hub, with a card of its own records."""

import argparse
import json
from pathlib import Path
from typing import Any

from synthderm.cli.card_pictures import card_pictures
from synthderm.hub.audit_record import read_audit
from synthderm.hub.download import FILES
from synthderm.hub.pretrained import Pretrained
from synthderm.hub.resolve import weights_hash
from synthderm.models.editor import EczemaEditor
from synthderm.models.generator import SkinGenerator
from synthderm.training.checkpoint import read_log

CLASSES: dict[str, type[Pretrained]] = {
    "SkinGenerator": SkinGenerator,
    "EczemaEditor": EczemaEditor,
}


def run(args: argparse.Namespace) -> None:
    """Publish the model."""
    model, records = load_run(args.folder, args.card, args.audit)
    result = model.push_to_hub(
        args.repo,
        records,
        pictures=card_pictures(model, args.repo, weights_hash(args.folder)),
        private=args.private,
        dry_run=args.dry_run,
    )
    print(result)
    if not args.dry_run:
        print(f'Load it: {type(model).__name__}.from_pretrained("{result}")')


def load_run(
    run: Path, card: Path | None = None, audit: Path | None = None
) -> tuple[Pretrained, dict[str, Any]]:
    """The model of a training run, and its records.

    Records come from `RUN/card.json` and from `card`, which counts more; the line of
    `RUN/metrics.jsonl` that was measured on this model is the record "log".

    Args:
        run: folder of the run, with the model in `model/`; or a model folder.
        card: a JSON file with further records.
        audit: the report of the model's audit; `RUN/audit/report.json`, if there is one, where
            None.

    Raises:
        FileNotFoundError: there is no model, or no such card.
        ValueError: a file is not a JSON object, the model's class is unknown, or the audit is of
            other weights.
    """
    folder = run / "model" if (run / "model").is_dir() else run
    if not (folder / FILES[0]).is_file():
        lacks = f"it has no model/{FILES[0]}" if run.is_dir() else "there is no such folder"
        raise FileNotFoundError(f"{run} is no training run: {lacks}.")
    architecture = _read_object(folder / FILES[0]).get("architecture")
    if architecture not in CLASSES:
        raise ValueError(
            f"{folder} holds architecture {architecture!r:.60}, which is none of"
            f" {', '.join(CLASSES)}."
        )
    model = CLASSES[architecture].from_pretrained(folder)
    records: dict[str, Any] = {}
    if (run / "card.json").is_file():
        records |= _read_object(run / "card.json")
    if card is not None:
        records |= _read_object(card)
    report = audit or run / "audit" / "report.json"
    if audit is not None or report.is_file():
        records["audit"] = read_audit(report, folder)
    shown = model.card.get("training", {}).get("shown")
    for entry in read_log(run):
        if entry["shown"] == shown:
            records["log"] = entry
    return model, records


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON object: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} is not a JSON object: it holds a {type(value).__name__}.")
    return value
