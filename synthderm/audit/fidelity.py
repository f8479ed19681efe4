"""How close generated images are to photographs, and how varied: each figure beside that of
photographs that were not trained on, and of the same images."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from synthderm import metrics
from synthderm.audit.page import paragraph, table
from synthderm.intervals import Auroc, auroc

FOLDS = 5
PAIRS = 50  # pairs of images for MS-SSIM
ROWS = {
    "fid": ("FID", "0 is the same"),
    "mifid": ("MiFID", "FID, raised for nearness to the photographs"),
    "kid_x1000": ("KID x1000", "0 is the same"),
    "kid_x1000_std": ("its standard deviation over subsets", ""),
    "precision": ("precision", "looks like a photograph"),
    "recall": ("recall", "photographs that it covers"),
    "density": ("density", "1 is the same"),
    "coverage": ("coverage", "photographs with an image near"),
    "vendi": ("Vendi score", "so many different images"),
    "ms_ssim": ("MS-SSIM of pairs", "higher is less varied"),
    "probe": ("a linear probe tells them from real, AUROC", "0.5 is not at all"),
}


class FidelityFindings(NamedTuple):
    """Figures of sets of equally many images against the real photographs.

    Args:
        tap: the features.
        n: images of each set.
        n_real: photographs that they are compared with.
        sets: figures by set: "generated", "holdout", and "real", which is part of the photographs
            that it is compared with.
    """

    tap: str
    n: int
    n_real: int
    sets: dict[str, dict[str, Any]]


def measure_fidelity(
    tap: str, features: dict[str, Tensor], images: dict[str, Tensor]
) -> FidelityFindings:
    """Compare sets with the real photographs.

    Args:
        tap: the name of the features.
        features: (N, D) of "generated", "real", and "holdout" where there is one.
        images: the same images, (N, 3, S, S) uint8.
    """
    rng = torch.Generator().manual_seed(0)
    n = min(len(rows) for rows in features.values())
    chosen = {name: torch.randperm(len(rows), generator=rng)[:n] for name, rows in features.items()}
    real = features["real"]
    sets: dict[str, dict[str, Any]] = {}
    for name in ("generated", "holdout", "real"):
        if name in features:
            rows = features[name][chosen[name]]
            others = real if name != "real" else _without(real, chosen["real"])
            sets[name] = _compare(rows, real, others)
            sets[name]["ms_ssim"] = metrics.ms_ssim_among(
                images[name][chosen[name]], torch.zeros(n), PAIRS
            )
    return FidelityFindings(tap, n, len(real), sets)


def _without(rows: Tensor, chosen: Tensor) -> Tensor:
    """What is left of rows; all where too little would be."""
    left = torch.ones(len(rows), dtype=torch.bool)
    left[chosen] = False
    return rows[left] if left.sum() >= FOLDS * 2 else rows


def _compare(rows: Tensor, real: Tensor, others: Tensor) -> dict[str, Any]:
    mean, deviation = metrics.kid(real, rows)
    return {
        "fid": metrics.fid(real, rows),
        "mifid": metrics.mifid(real, rows),
        "kid_x1000": 1000 * mean,
        "kid_x1000_std": 1000 * deviation,
        **metrics.prdc(real, rows),
        "vendi": metrics.vendi_score(rows),
        "probe": probe(rows, others)._asdict(),
    }


def probe(a: Tensor, b: Tensor) -> Auroc:
    """How well a linear probe tells two sets of features apart that it has not seen: of one
    distribution, 0.5.

    Args:
        a, b: (N, D) and (M, D), both of at least 10 rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = torch.cat([a, b]).numpy()
    labels = torch.cat([torch.ones(len(a)), torch.zeros(len(b))]).numpy()
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    scores = torch.from_numpy(
        cross_val_predict(model, rows, labels, cv=folds, method="decision_function")
    )
    # Folds have probes of their own, and so scales of their own.
    ranked = torch.zeros(len(scores), dtype=torch.float64)
    for _, part in folds.split(rows, labels):
        ranked[part] = scores[part].argsort().argsort().double() / len(part)
    return auroc(ranked[: len(a)], ranked[len(a) :])


def fidelity_section(findings: FidelityFindings) -> str:
    """The table of the report."""
    names = {
        "generated": "generated",
        "holdout": "holdout",
        "real": "real (part of the same)",
    }
    sets = {name: figures for name, figures in findings.sets.items()}
    rows = [
        (text, *(_text(figures[key]) for figures in sets.values()), note)
        for key, (text, note) in ROWS.items()
    ]
    return paragraph(
        f"{findings.n:,} images of each kind against {findings.n_real:,} real photographs, features"
        f" {findings.tap}. Such figures depend on the features and on these numbers: compare them"
        " within this table alone. A generator can be expected to come as near as the holdout, not"
        " nearer."
    ) + table(["", *(names[name] for name in sets), ""], rows)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
    return f"{value:.3f}"
