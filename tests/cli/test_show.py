"""`synthderm show`: one picture of a source, or of a folder."""

from pathlib import Path

import pytest
from PIL import Image

from synthderm import SkinGenerator, SyntheticSkinDataset
from synthderm.cli.main import main
from tests.drawing import draw_folder, liven


def show(*arguments: object) -> int:
    return main(["show", *map(str, arguments)])


def test_a_source_is_shown(tmp_path, capsys):
    out = tmp_path / "new" / "sheet.png"
    options = ["-n", 5, "--columns", 5, "--seed", 2, "--size", 64]
    assert show("lesions", "--out", out, *options) == 0
    assert "5 images of lesions" in capsys.readouterr().out
    data = SyntheticSkinDataset("lesions", length=5, seed=2, size=64)
    with Image.open(out) as sheet:
        assert sheet.tobytes() == data.show(5, columns=5).tobytes()


def test_artifacts_are_drawn_as_asked(tmp_path):
    options = ["-n", 2, "--size", 32, "--no-masks"]
    for words, shares in ((["none"], {}), (["hair=1", "ruler=0.5"], {"hair": 1, "ruler": 0.5})):
        out = tmp_path / f"{words[0]}.png"
        assert show("lesions", "--out", out, *options, "--artifacts", *words) == 0
        data = SyntheticSkinDataset("lesions", length=2, size=32, artifacts=shares)
        with Image.open(out) as sheet:
            assert sheet.tobytes() == data.show(2, masks=False).tobytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["hair"], "write KIND=SHARE"),
        (["hair=much"], "write KIND=SHARE"),
        (["none", "hair=1"], "write KIND=SHARE"),
        (["hair=0.1", "hair=0.9"], "give each kind once"),
        (["hairs=1"], "no 'hairs'"),
        (["hair=2"], "must be a share"),
    ],
)
def test_words_that_are_no_artifacts_are_refused(tmp_path, capsys, words, says):
    with pytest.raises(SystemExit):
        show("lesions", "--out", tmp_path / "sheet.png", "--artifacts", *words)
    assert says in capsys.readouterr().err


def test_labels_are_named_as_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["-n", 2, "--size", 32, "--out"]
    for name in ("MEL", "Melanoma"):
        assert show("lesions", "--labels", name, *options, f"{name}.png") == 0
        assert main(["walk", "latent", f"walk-{name}.png", "--frames=2", "--labels", name]) == 0
        render = ["render", "lesions", name, "--length=2", "--size=32", "--labels", name]
        assert main(render) == 0
        assert len(list(Path(name, "images", "melanoma").iterdir())) == 2
    for kind in ("", "walk-"):
        with Image.open(f"{kind}MEL.png") as one, Image.open(f"{kind}Melanoma.png") as other:
            assert one.tobytes() == other.tobytes()


def test_photographs_and_models_in_folders_are_shown(tmp_path, monkeypatch):
    draw_folder(tmp_path / "photographs")
    model = liven(SkinGenerator(16, (8, 8, 8), ["a", "b"], 8))
    model.save_pretrained(tmp_path / "run" / "model")
    monkeypatch.chdir(tmp_path)
    for source in ("./photographs", "./run", "./run/model"):
        assert show(source, "-n", 3, "--no-masks", "--out", "x.webp") == 0
        with Image.open("x.webp") as sheet:
            assert sheet.format == "WEBP"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lesions", "--out", "sheet"], "sheet has no suffix of a picture"),
        (["lesions", "-n", 0], "-n 0: show at least 1 image"),
        (["lesions", "--columns", 0], "columns=0 must be at least 1"),
        (["naevi"], "unknown source 'naevi'"),
        (["lesions", "--severity", 0.5], "is for the source 'eczema' alone"),
        (["./photographs", "--severity", 0.5], "--severity is for generated images"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, says):
    draw_folder(tmp_path / "photographs")
    monkeypatch.chdir(tmp_path)
    assert show(*arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("command", ["show", "render"])
@pytest.mark.parametrize("option", ["--severity", "--skin-tone"])
def test_ranges_are_a_number_or_two(capsys, command, option):
    needed = ["out", "--length=1"] if command == "render" else []
    with pytest.raises(SystemExit):
        main([command, "eczema", *needed, option, "0.1", "0.2", "0.3"])
    assert f"argument {option}: 3 numbers: give one, or LOW HIGH" in capsys.readouterr().err
