"""A card says what the audit found, or that there was none; a failed one is not published."""

import json

import pytest

from synthderm.cli.main import main
from synthderm.cli.publish import load_run
from synthderm.files import sha256
from tests.hub.folders import save_run


@pytest.fixture
def run(tmp_path):
    return save_run(tmp_path / "run")


def write_report(run, path, *, passed=True, weights=None):
    share = {"found": 140, "total": 140, "share": 1.0, "low": 0.97, "high": 1.0}
    report = {
        "passed": passed,
        "reason": "None of 500 images is named as a copy." if passed else "3 images are copies.",
        "samples": {
            "images": 500,
            "weights": weights or sha256(run / "model" / "model.safetensors"),
        },
        "real": {"images": 1595},
        "holdout": {"images": 398},
        "settings": {"extractor": "timm:x"},
        "copies": {"calibration": {"false_positive_bound": 0.005, "planted": share}},
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report))


def card(run, audit=None) -> str:
    model, records = load_run(run, audit=audit)
    return model.push_to_hub("org/name", records, dry_run=True)


def test_without_an_audit_the_card_says_so(run):
    assert "## Audit" in card(run) and "was not audited" in card(run)


def test_the_audit_of_the_run_is_found_and_told(run):
    write_report(run, run / "audit" / "report.json")
    text = card(run)
    assert "Passed: None of 500 images" in text and "1,595 photographs" in text
    assert "0.50%" in text and "was not audited" not in text


def test_a_failed_audit_is_not_published(run, capsys):
    write_report(run, run / "audit" / "report.json", passed=False)
    assert main(["publish", str(run), "--repo", "org/name", "--dry-run"]) == 2
    assert "did not pass its audit" in capsys.readouterr().err


def test_an_audit_of_other_weights_is_refused(run, tmp_path):
    write_report(run, tmp_path / "other" / "report.json", weights="0" * 64)
    with pytest.raises(ValueError, match="other weights"):
        card(run, tmp_path / "other" / "report.json")


def test_an_editor_is_audited_on_generated_skin(run, tmp_path):
    """The report names the weights of the canvases too, the editor's last."""
    own, canvas = sha256(run / "model" / "model.safetensors"), "1" * 64
    write_report(run, run / "audit" / "report.json", weights=f"{canvas}+{own}")
    assert load_run(run)[1]["audit"]["weights"] == own
    write_report(run, run / "audit" / "report.json", weights=f"{own}+{canvas}")
    with pytest.raises(ValueError, match="other weights"):
        load_run(run)


def test_an_audit_does_not_pass_on_to_other_weights(run):
    write_report(run, run / "audit" / "report.json")
    model, records = load_run(run)
    next(model.parameters()).data.add_(1)
    assert "was not audited" in model.push_to_hub("org/name", records, dry_run=True)


def test_a_file_that_is_no_report_is_named(run, tmp_path):
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ValueError, match="x.json is no report"):
        card(run, tmp_path / "x.json")
