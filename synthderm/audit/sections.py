"""The sections of a report on copies: words, tables and pictures."""

import html
from collections.abc import Mapping
from typing import Any

from synthderm.audit.calibration import Calibration
from synthderm.audit.copies import CLOSEST, Compared, CopyFindings, Pair
from synthderm.audit.images import AuditImages
from synthderm.audit.page import paragraph, share_text, table
from synthderm.audit.pictures import histogram, pair_figures


def copies_section(
    findings: CopyFindings,
    calibration: Calibration,
    compared: Compared,
    images: Mapping[str, AuditImages],
    pictures: bool,
) -> str:
    """Whether photographs are given back.

    Args:
        findings: of the gate.
        calibration: its threshold.
        compared: the matches.
        images: "generated" and "real".
        pictures: show the closest pairs, which are photographs.
    """
    plain: dict[str, Any] = findings.as_json()
    known: dict[str, Any] = calibration.as_json()
    rows = [
        ("images named as copies", share_text(plain["named"], 2)),
        ("of these, beyond chance", f"{findings.certain:,}"),
        ("threshold; score beyond chance", f"{calibration.threshold:.3f}; {_certain(known)}"),
        ("named by chance, at most", f"{calibration.false_positive_bound:.2%}"),
        ("copies that we planted, named", share_text(known["planted"])),
        ("real photographs that repeat another", share_text(known["repeats"])),
        ("authentic", share_text(plain["authentic"])),
    ]
    if findings.named_holdout is not None:
        rows.insert(6, ("photographs of the holdout named", share_text(plain["named_holdout"])))
    if findings.closer_to_real is not None and findings.nearer is not None:
        rows.append(("nearer to real than to holdout", share_text(plain["closer_to_real"])))
        near = findings.nearer
        text = f"{near.value:.3f} ({near.low:.3f} to {near.high:.3f})"
        rows.append(("AUROC of nearness to real, against holdout", text))
    groups = {"generated": compared.samples.scores}
    if compared.holdout is not None:
        groups["holdout"] = compared.holdout.scores
    groups["chance (mirror images)"] = compared.samples.mirrored
    return "".join(
        [
            paragraph(EXPLAINED),
            table(["", ""], rows),
            histogram(
                groups,
                "score",
                "Scores: 1 is a copy. The line is the threshold.",
                {"threshold": calibration.threshold},
            ),
            _planted(known),
            _pairs(findings.pairs[: max(CLOSEST, findings.named.found)]),
            _pictures(findings.pairs[:CLOSEST], images) if pictures else "",
            _repeats(findings.repeats),
        ]
    )


EXPLAINED = (
    "Each image was laid over the photographs that it resembles most, in eight orientations, at"
    " several scales and shifts; the score says how much fine structure the two share. The"
    " threshold lies halfway between what photographs score with mirror images of other photographs"
    " (chance: no two photographs of a lesion are mirror images) and what planted copies score:"
    " flipped, cropped, shifted, recoloured, compressed, and blended photographs. 'Authentic' and"
    " 'nearer' are of the whole set: about half of the images are nearer to real than to the"
    " holdout where the training photographs have left no trace."
)


def _certain(known: Mapping[str, Any]) -> str:
    return "none, chance reaches all" if known["certain"] is None else f"{known['certain']:.3f}"


def _planted(known: Mapping[str, Any]) -> str:
    rows = [(kind, share_text(share)) for kind, share in known["planted_by_kind"].items()]
    return "<h3>Planted copies</h3>" + table(["copy", "named"], rows)


def _pairs(pairs: list[Pair]) -> str:
    rows = [
        (
            pair.sample,
            pair.photograph,
            f"{pair.score:.3f}",
            "yes" if pair.mutual else "",
            pair.verdict,
        )
        for pair in pairs
    ]
    head = ["image", "photograph", "score", "mutual nearest", ""]
    return "<h3>The closest pairs</h3>" + table(head, rows)


def _pictures(pairs: list[Pair], images: Mapping[str, AuditImages]) -> str:
    left = images["generated"].judged[[pair.sample_index for pair in pairs]]
    right = images["real"].images[[pair.photograph_index for pair in pairs]]
    captions = [
        f"{pair.sample}, {pair.photograph}: {pair.score:.3f} {pair.verdict}".strip()
        for pair in pairs
    ]
    return pair_figures(left, right, captions)


def _repeats(pairs: list[Pair]) -> str:
    if not pairs:
        return ""
    rows = [(pair.sample, pair.photograph, f"{pair.score:.3f}") for pair in pairs]
    text = html.escape(
        "Photographs of the holdout that show what one of the training set shows, such as the same"
        " lesion twice. They belong on one side."
    )
    head = ["holdout", "real", "score"]
    return f"<h3>Repeated photographs</h3><p>{text}</p>" + table(head, rows)
