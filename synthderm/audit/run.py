"""An audit from images to a report."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from synthderm import __version__
from synthderm.audit.calibration import calibrate
from synthderm.audit.class_judge import classes_section, judge_classes
from synthderm.audit.copies import Compared, judge_copies
from synthderm.audit.copy_index import CopyIndex
from synthderm.audit.features import LayerFeatures
from synthderm.audit.fidelity import fidelity_section, measure_fidelity
from synthderm.audit.images import AuditImages, check_apart
from synthderm.audit.leak import leak_section, measure_leaks
from synthderm.audit.membership import MembershipFindings, membership_section
from synthderm.audit.page import render_page
from synthderm.audit.sections import copies_section
from synthderm.audit.segmenter import judge_masks, masks_section
from synthderm.audit.severity import measure_severity, severity_section
from synthderm.audit.tones import measure_tones, tones_section
from synthderm.files import to_json, write_text

Sets = Mapping[str, AuditImages]  # "generated", "real", and "holdout" where there is one
Layers = Mapping[str, list[Tensor]]  # their features
Part = tuple[dict[str, Any], dict[str, str]]  # of the report, and sections by their titles

ADVISED = 740  # photographs without one named by chance, for a bound of 1%


class Audit(NamedTuple):
    """A finished audit.

    Args:
        report: what `report.json` holds.
        sections: HTML of each section, by its title.
    """

    report: dict[str, Any]
    sections: dict[str, str]

    @property
    def passed(self) -> bool:
        """The gate."""
        return bool(self.report["passed"])

    def write(self, out: Path) -> None:
        """Write `report.json` and `report.html` into a folder, which is made where missing."""
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "report.json", to_json(self.report, indent=2) + "\n")
        write_text(out / "report.html", render_page(self.report, self.sections))


def audit(
    samples: AuditImages,
    real: AuditImages,
    holdout: AuditImages | None,
    network: LayerFeatures,
    *,
    settings: Mapping[str, Any],
    pictures: bool = True,
    edits: bool = False,
    discriminators: Callable[[AuditImages], MembershipFindings] | None = None,
) -> Audit:
    """Compare generated images with photographs.

    Args:
        samples: the generated images.
        real: the photographs that the generator was trained on.
        holdout: photographs of the same kind that it has not seen.
        network: features that candidates for copies are found by.
        settings: what the report says of how it was made: extractor, seed, size.
        pictures: put the closest pairs into the report, photographs among them.
        edits: measure too what the editor does to photographs of each skin tone.
        discriminators: tells from the generated images what the discriminators of a run remember.

    Raises:
        ValueError: too few images, or a holdout that is `real`.
    """
    start = time.monotonic()
    images = {"generated": samples, "real": real}
    if holdout is not None:
        check_apart(real, holdout)
        images["holdout"] = holdout
    index = CopyIndex(real.images, network, real.groups)
    compared = _compare(index, samples, holdout)
    layers = {"generated": compared.sample_layers, "real": index.layers}
    if compared.holdout_layers is not None:
        layers["holdout"] = compared.holdout_layers
    calibration = calibrate(index, compared.holdout, settings["seed"])
    findings = judge_copies(index, calibration, compared, samples, real, holdout)
    sections = {"Copies": copies_section(findings, calibration, compared, images, pictures)}
    report: dict[str, Any] = {
        "passed": findings.passed,
        "reason": findings.reason,
        "notes": _notes(real, holdout, index),
        "synthderm": __version__,
        "settings": dict(settings),
        "samples": samples.describe(),
        "real": real.describe(),
        "holdout": None if holdout is None else holdout.describe(),
        "copies": findings.as_json() | {"calibration": calibration.as_json()},
        "membership": None,
    }
    if discriminators is not None:
        remembered = discriminators(samples)
        report["membership"] = remembered.as_json()
        sections["What the discriminators remember"] = membership_section(remembered)
    hidden = () if pictures else {pair.sample_index for pair in findings.pairs if pair.verdict}
    for figures, texts in (
        _measure_fidelity(images, layers, network),
        _measure_labels(images, layers, network),
        _measure_pixels(images, edits, hidden),
    ):
        report |= figures
        sections |= texts
    report["seconds"] = round(time.monotonic() - start, 1)
    return Audit(report, sections)


def _measure_fidelity(images: Sets, layers: Layers, network: LayerFeatures) -> Part:
    tap = f"{network.name}, mean of the last of its maps, {network.side} px"
    # The deepest layer, averaged over its grid.
    means = {name: one[-1].mean((2, 3)) for name, one in layers.items()}
    fidelity = measure_fidelity(tap, means, {name: one.images for name, one in images.items()})
    text = fidelity_section(fidelity)
    return {"fidelity": fidelity._asdict()}, {"Fidelity and variety": text}


def _measure_labels(images: Sets, layers: Layers, network: LayerFeatures) -> Part:
    """Class, mask and severity: whether images show what was asked for."""
    classes = judge_classes(images, layers)
    masks = judge_masks(images["generated"], images["real"], images.get("holdout"), network)
    severity = measure_severity(images["generated"])
    found: dict[str, Any] = {"classes": classes, "masks": masks, "severity": severity}
    text = classes_section(classes) + masks_section(masks) + severity_section(severity)
    return {"labels": {name: one.as_json() for name, one in found.items()}}, {"Labels": text}


def _measure_pixels(images: Sets, edits: bool, hidden: Collection[int]) -> Part:
    """Skin tones and marks."""
    sets = {name: one.images for name, one in images.items()}
    tones, leaks = measure_tones(sets, edits), measure_leaks(sets)
    marks = leak_section(leaks, sets["generated"], hidden)
    return (
        {"tones": tones.as_json(), "marks": leaks.as_json()},
        {"Skin tone": tones_section(tones), "Marks of the training": marks},
    )


def _compare(index: CopyIndex, samples: AuditImages, holdout: AuditImages | None) -> Compared:
    layers = index.describe(samples.judged, "features of generated images")
    matches = index.match(samples.judged, layers, desc="compare generated images")
    if samples.clean is not None:
        layers = index.describe(samples.images, "features with artifacts")
    if holdout is None:
        return Compared(matches, None, layers.upright, None)
    other = index.describe(holdout.images, "features of the holdout")
    known = index.match(holdout.images, other, groups=holdout.groups, desc="compare the holdout")
    return Compared(matches, known, layers.upright, other.upright)


def _notes(real: AuditImages, holdout: AuditImages | None, index: CopyIndex) -> list[str]:
    """What a reader should know before the figures."""
    notes = []
    if holdout is None:
        notes.append(
            "There was no holdout: whether images are nearer to the training photographs than"
            " others are was not measured."
        )
    count = min(1000, len(index)) + (0 if holdout is None else len(holdout))
    if count < ADVISED:
        notes.append(
            f"{count:,} photographs were there to measure chance; a bound of 1% takes about"
            f" {ADVISED}."
        )
    for one in (real, *([] if holdout is None else [holdout])):
        if len(one.sizes) > 1:
            notes.append(
                f"{one.place} has photographs of {len(one.sizes):,} sizes: all were squeezed to"
                " squares, as in training."
            )
    return notes
