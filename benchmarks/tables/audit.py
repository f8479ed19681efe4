"""The section of docs/benchmarks.md on the gate of the audit."""

from typing import Any

from benchmarks.tables.markdown import describe_run, paragraph, table, verdict

WANTED = 19  # of 20 planted copies


def audit_section(name: str, result: dict[str, Any]) -> list[str]:
    """The lines of the section.

    Args:
        name: of the result, audit-NAME.json.
        result: its content.
    """
    rows = [
        (
            f"20 planted copies among {result['n']:,}, seed {run['seed']}",
            f"{run['planted_named']} of {run['planted']}",
            run["others_named"],
            f"{run['highest']:.2f}",
            _gate(run),
            verdict(run["planted_named"] >= WANTED and not run["passed"]),
        )
        for run in result["planted"]
    ]
    rows += [
        (
            f"{name} alone, seed {run['seed']}",
            "",
            run["named"]["found"],
            f"{run['highest']:.2f}",
            _gate(run),
            verdict(run["passed"]),
        )
        for run in result["clean"]
    ]
    learnt = result["over_trained"]
    rows.append(
        (
            f"over-trained on {learnt['photographs']} photographs, {learnt['steps']} steps",
            "",
            learnt["named"]["found"],
            f"{learnt['highest']:.2f}",
            _gate(learnt),
            verdict(not learnt["passed"]),
        )
    )
    head = ["images", "planted named", "others named", "highest score", "gate", "goal"]
    return [
        f"## Audit: {name}",
        "",
        *table(head, rows),
        *_calibration(result),
        *_patients(result),
        "",
    ]


def _patients(result: dict[str, Any]) -> list[str]:
    """Whether chance, as it is measured, holds between patients."""
    if "patients" not in result:
        return []
    known = result["patients"]
    reached = known["reached"]
    return paragraph(
        f"- {known['photographs']} photographs of {known['patients']} patients (PAD-UFES-20), each"
        f" against those of other patients: {reached['found']} reach the threshold of these"
        f" photographs ({known['threshold']:.3f}; {reached['share']:.2%}, exact 95% interval"
        f" {reached['low']:.2%} to {reached['high']:.2%}), highest score {known['highest']:.2f};"
        f" {known['planted']['found']} of {known['planted']['total']} planted copies are named."
        f" {describe_run(known)}"
    )


def _gate(run: dict[str, Any]) -> str:
    return "passed" if run["passed"] else "failed"


def _calibration(result: dict[str, Any]) -> list[str]:
    known = result["calibration"]
    false, planted = known["false_positives"], known["planted"]
    kinds = ", ".join(
        f"{kind} {share['found']} of {share['total']}"
        for kind, share in known["planted_by_kind"].items()
    )
    return [
        *paragraph(
            f"- threshold {known['threshold']:.3f}, between chance ({known['chance']:.3f}) and"
            f" planted copies ({known['certain']:.3f}); {false['found']} of {false['total']:,}"
            " photographs reach it with mirror images of others, so chance names at most"
            f" {known['false_positive_bound']:.2%} (exact 95% interval, doubled for the eight"
            " orientations)."
        ),
        *paragraph(
            f"- of copies planted to calibrate, {planted['found']} of {planted['total']} are named:"
            f" {kinds}."
        ),
        *paragraph(
            f"- {result['n_real']:,} photographs of `train`, {result['n_holdout']:,} of `test`,"
            f" {result['size']} px, extractor {result['extractor']}, weights"
            f" `{result['weights']}`, {describe_run(result)}"
        ),
    ]
