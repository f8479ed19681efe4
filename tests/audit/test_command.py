"""`synthderm audit`: what it writes, its exit code, and what it refuses."""

import json
import shutil

import pytest

from synthderm.cli.main import main
from tests.audit.photographs import draw_folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    for k, name in enumerate(("real", "holdout", "clean")):
        draw_folder(root / name, 40, seed=10 + k)
    return root


def run(folders, spec, source, out, *options, holdout="holdout"):
    arguments = ["audit", source, "--real", str(folders / "real"), "--out", str(out)]
    if holdout:
        arguments += ["--holdout", str(folders / holdout)]
    return main([*arguments, "--extractor", spec, "--size", "64", *options])


def test_a_clean_folder_passes_and_is_reported(folders, spec, tmp_path, capsys):
    assert run(folders, spec, str(folders / "clean"), tmp_path / "out") == 0
    assert "passed: None of 40 images is named" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["passed"] and report["copies"]["named"]["found"] == 0
    assert report["holdout"]["images"] == 40
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Passed." in page and page.count('<figure><img alt="0') >= 10
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl", "").replace(
        "http://creativecommons", ""
    ).replace("https://matplotlib.org", "")


def test_copies_fail_with_exit_code_1(folders, spec, tmp_path, capsys):
    shutil.copytree(folders / "clean", tmp_path / "mixed")
    for path in sorted((folders / "real").glob("*.png"))[:4]:
        shutil.copy(path, tmp_path / "mixed" / f"copy-{path.name}")
    source = str(tmp_path / "mixed")
    assert run(folders, spec, source, tmp_path / "out", "--no-pictures") == 1
    assert "FAILED: 4 of 44 images show a photograph" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    named = [pair for pair in report["copies"]["pairs"] if pair["verdict"]]
    assert {(pair["sample"], pair["photograph"]) for pair in named} == {
        (f"copy-{k:03d}.png", f"{k:03d}.png") for k in range(4)
    }
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'alt="copy-000.png' not in page and "copy-000.png" in page


def test_a_generator_is_audited_without_a_holdout(folders, spec, generator_dir, tmp_path):
    options = ("--length", "25", "--no-pictures", "--artifacts", "hair=1", "ink=0.5")
    code = run(folders, spec, str(generator_dir), tmp_path / "out", *options, holdout=None)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert code == 0 and report["holdout"] is None
    assert report["samples"]["images"] == 25 and len(report["samples"]["weights"]) == 64
    assert report["samples"]["artifacts"] == {"ink": 0.5, "hair": 1.0}
    assert any("no holdout" in note for note in report["notes"])


def refused(folders, spec, capsys, *arguments, **options) -> str:
    assert run(folders, spec, *arguments, **options) == 2
    return capsys.readouterr().err


def test_bad_input_is_one_sentence(folders, spec, tmp_path, capsys):
    source, out = str(folders / "clean"), tmp_path / "out"
    few = draw_folder(tmp_path / "few", 19, seed=1)
    assert "few: 19 images, and the audit needs at least 20" in refused(
        folders, spec, capsys, str(few), out
    )
    (tmp_path / "empty").mkdir()
    text = refused(folders, spec, capsys, source, out, holdout=tmp_path / "empty")
    assert "empty" in text
    assert "--real over again" in refused(folders, spec, capsys, source, out, holdout="real")
    assert "copy of itself" in refused(folders, spec, capsys, str(folders / "real"), out)
    shutil.copytree(folders / "real", tmp_path / "again")
    text = refused(folders, spec, capsys, source, out, holdout=tmp_path / "again")
    assert "40 of 40 photographs of the holdout" in text
    assert "layers of a timm network" in refused(folders, "inception", capsys, source, out)
    for option, value in (("--truncation", "0.5"), ("--artifacts", "none")):
        text = refused(folders, spec, capsys, source, out, option, value)
        assert f"{option} is for generated images" in text
    text = refused(folders, spec, capsys, "eczema", out, "--artifacts", "hair=1")
    assert "'eczema' is none: leave them out" in text
    assert not out.exists()


def test_files_that_cannot_be_read_are_listed_below_one_per_cent(folders, spec, tmp_path, capsys):
    shutil.copytree(folders / "clean", tmp_path / "some")
    (tmp_path / "some" / "bad.png").write_bytes(b"no picture")
    text = refused(folders, spec, capsys, str(tmp_path / "some"), tmp_path / "out")
    assert "1 of 41 files can't be read" in text and "bad.png" in text
    many = draw_folder(tmp_path / "many", 120, seed=9)
    (many / "bad.png").write_bytes(b"no picture")
    assert run(folders, spec, str(many), tmp_path / "out", "--no-pictures") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["samples"]["images"] == 120
    assert "bad.png" in report["samples"]["unreadable"][0]


def test_eczema_is_audited_against_several_folders(folders, spec, tmp_path, capsys):
    real = ["--real", str(folders / "clean"), "--length", "40", "--no-pictures"]
    assert run(folders, spec, "eczema", tmp_path / "out", *real, holdout=None) in (0, 1)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["real"]["images"] == 80
    labels = report["labels"]
    assert labels["severity"]["skipped"] is None and labels["severity"]["images"] >= 20
    assert labels["severity"]["correlation"]["low"] > 0
    assert report["tones"]["edits"] and report["samples"]["weights"].count("+") == 2
    text = refused(folders, spec, capsys, "eczema", tmp_path / "out", *real)
    assert "--real is given 2 times and --holdout 1 times" in text
    text = refused(folders, spec, capsys, "eczema", tmp_path, "--real", str(folders / "real"))
    assert "twice" in text
