"""Fidelity and variety, beside photographs that were not trained on and the same images."""

import pytest
import torch

from synthderm import metrics
from synthderm.audit.fidelity import measure_fidelity, probe
from tests.audit.photographs import draw


def draw_rows(count, seed, shift=0.0):
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.fixture(scope="module")
def findings():
    features = {
        "generated": draw_rows(60, 1, shift=1.0),
        "real": draw_rows(80, 2),
        "holdout": draw_rows(50, 3),
    }
    images = {name: draw(len(rows), seed=k) for k, (name, rows) in enumerate(features.items())}
    return measure_fidelity("test", features, images)


def test_shifted_images_are_farther_than_the_holdout(findings):
    assert findings.n == 50 and findings.n_real == 80
    generated, holdout, real = (findings.sets[name] for name in ("generated", "holdout", "real"))
    assert generated["fid"] > 3 * holdout["fid"] > 3 * real["fid"] - 1e-6
    assert generated["kid_x1000"] > holdout["kid_x1000"]
    assert generated["precision"] < holdout["precision"] <= real["precision"] == 1
    assert generated["probe"]["low"] > 0.8
    assert holdout["probe"]["low"] < 0.5 < holdout["probe"]["high"]


def test_memorised_rows_raise_mifid():
    real, fresh = draw_rows(80, 2), draw_rows(80, 3)
    assert metrics.mifid(real, fresh) >= metrics.fid(real, fresh) - 1e-6
    copied = real + 0.01 * fresh
    ratio = metrics.mifid(real, copied) / metrics.fid(real, copied)
    assert ratio > 5


def test_vendi_counts_different_images():
    one = torch.ones(10, 4)
    assert metrics.vendi_score(one) == pytest.approx(1)
    assert metrics.vendi_score(torch.eye(4).repeat(3, 1)) == pytest.approx(4)


def test_a_probe_finds_nothing_where_there_is_nothing():
    interval = probe(draw_rows(100, 4), draw_rows(100, 5))
    assert interval.low < 0.5 < interval.high
