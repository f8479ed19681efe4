"""What a model card says of the model's audit (`synthderm audit`)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthderm.files import sha256
from synthderm.hub.download import FILES

NONE = (
    "This model was not audited: nobody has measured whether it gives photographs of its training"
    " set back. `synthderm audit` does."
)


def read_audit(path: Path, folder: Path) -> dict[str, Any]:
    """The record of an audit for a card.

    Args:
        path: the `report.json` that `synthderm audit` wrote.
        folder: the model that it should be of.

    Raises:
        OSError: there is no such file, or it can't be read.
        ValueError: not such a report, or one of other weights.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        samples, copies = report["samples"], report["copies"]
        record = {
            "passed": bool(report["passed"]),
            "reason": str(report["reason"]),
            # Eczema is generated skin, edited: the weights of the canvases, and last the editor's.
            "weights": str(samples.get("weights")).split("+")[-1],
            "samples": int(samples["images"]),
            "real": int(report["real"]["images"]),
            "holdout": 0 if report["holdout"] is None else int(report["holdout"]["images"]),
            "by_chance": float(copies["calibration"]["false_positive_bound"]),
            "planted": float(copies["calibration"]["planted"]["share"]),
            "extractor": str(report["settings"]["extractor"]),
            **_tones(report),
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no report of `synthderm audit` ({error}).") from None
    if record["weights"] != sha256(folder / FILES[1]):
        raise ValueError(
            f"{path} is of other weights than {folder / FILES[1]}: audit this model, and name its"
            " report."
        )
    return record


def _tones(report: Mapping[str, Any]) -> dict[str, Any]:
    """The shares of skin tones among generated images and photographs, where they were measured."""
    if not report.get("tones"):
        return {}
    shares = report["tones"]["shares"]
    return {
        "tones": {
            side: {tone: round(float(one["share"]), 3) for tone, one in shares[side].items()}
            for side in ("generated", "real")
        }
    }


def check_audit(records: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The records with the audit that is of this model alone.

    Raises:
        ValueError: the audit failed.
    """
    audit = records.get("audit")
    if not isinstance(audit, dict) or audit.get("weights") != sha256(folder / FILES[1]):
        return {key: value for key, value in records.items() if key != "audit"}
    if not audit.get("passed"):
        raise ValueError(
            f"the model did not pass its audit, so it is not published: {audit.get('reason')}"
        )
    return dict(records)


def audit_lines(audit: Any) -> list[str]:
    """The card's section on the audit."""
    if not isinstance(audit, dict):
        return ["## Audit", NONE]
    verdict = "Passed" if audit["passed"] else "**Failed**"
    against = f"{audit['real']:,} photographs of its training set"
    if audit["holdout"]:
        against += f" and {audit['holdout']:,} that it has not seen"
    lines = [
        "## Audit",
        f"{verdict}: {audit['reason']}",
        f"`synthderm audit` compared {audit['samples']:,} images with {against} (features of"
        f" `{audit['extractor']}`); it named {audit['planted']:.0%} of planted copies, and names at"
        f" most {audit['by_chance']:.2%} of images by chance.",
    ]
    if audit.get("report"):
        lines[-1] += f" The report: `{audit['report']}`."
    return lines
