"""What the commands write says that it is synthetic."""

import json

import pytest
from PIL import Image

from synthderm import SkinGenerator
from synthderm.cli.card_pictures import card_pictures
from synthderm.cli.demo import _write_pictures as write_pictures
from synthderm.cli.main import main
from synthderm.imaging.io import to_pil
from tests.drawing import draw_folder, draw_skin

GENERATED, COMPOSITE = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"


def whence(path, capsys) -> dict[str, str]:
    capsys.readouterr()
    main(["whence", str(path), "--json"])
    return json.loads(capsys.readouterr().out)


def test_rendered_files_name_model_weights_seed_and_item(tmp_path, generator_dir, capsys):
    for name in ("png", "jpeg", "webp"):
        out = tmp_path / name
        arguments = ["render", str(generator_dir), str(out), "--length", "3", "--seed", "5"]
        assert main([*arguments, "--format", name]) == 0
        files = sorted(path for path in (out / "images").rglob("*.*"))
        assert len(files) == 3
        for path in files:
            found = whence(path, capsys)
            assert found["digital source type"] == "trainedAlgorithmicMedia"
            assert found["seed"] == "5" and found["item"] == str(int(path.stem))
            assert found["model"] == generator_dir.name and len(found["weights"]) == 64


def test_edited_photographs_are_composites(tmp_path, capsys):
    photograph = to_pil(draw_skin(64, 64))
    for suffix in ("png", "jpg", "webp", "tif"):
        source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
        photograph.save(source)
        assert main(["edit", str(source), str(target), "--seed", "2", "--no-exif"]) == 0
        found = whence(target, capsys)
        assert found["digital source type"] == "compositeWithTrainedAlgorithmicMedia"
        assert (found["model"], found["seed"], found["mode"]) == ("eczema", "2", "add")


def test_an_edit_of_a_generated_image_is_generated(tmp_path, capsys):
    assert main(["render", "skin", str(tmp_path / "made"), "--length", "1"]) == 0
    (made,) = (tmp_path / "made" / "images").rglob("*.png")
    assert main(["edit", str(made), str(tmp_path / "out.jpg")]) == 0
    assert whence(tmp_path / "out.jpg", capsys)["digital source type"] == "trainedAlgorithmicMedia"


def test_a_copy_that_is_not_edited_says_what_its_original_says(tmp_path, capsys):
    to_pil(draw_skin(64, 64)).save(tmp_path / "in.png")
    arguments = ["--severity", "0"]
    assert main(["edit", str(tmp_path / "in.png"), str(tmp_path / "out.png"), *arguments]) == 0
    assert whence(tmp_path / "out.png", capsys)["digital source type"] is None


def test_a_file_that_says_nothing_is_an_exit_code_and_not_an_error(tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    assert main(["whence", str(tmp_path / "x.png")]) == 1
    assert "says nothing" in capsys.readouterr().out
    (tmp_path / "y.png").write_text("no picture")
    assert main(["whence", str(tmp_path / "y.png")]) == 2


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif"])
def test_sheets_and_walks_say_it_too(tmp_path, generator_dir, capsys, suffix):
    sheet, walk = tmp_path / f"sheet.{suffix}", tmp_path / f"walk.{suffix}"
    assert main(["show", str(generator_dir), "--out", str(sheet), "-n", "2", "--seed", "4"]) == 0
    source = ["--source", str(generator_dir), "--frames", "2"]
    assert main(["walk", "latent", str(walk), *source, "--seeds", "4"]) == 0
    for path in (sheet, walk):
        found = whence(path, capsys)
        assert (found["digital source type"], found["seed"]) == (GENERATED, "4")
        assert found["model"] == generator_dir.name and len(found["weights"]) == 64
    assert main(["walk", "latent", str(walk), *source, "--seeds", "4", "5"]) == 0
    assert "seed" not in whence(walk, capsys)


@pytest.mark.parametrize("kind", ["severity", "growth"])
def test_a_walk_of_an_edit_is_what_its_picture_is(tmp_path, capsys, kind):
    photograph, out = tmp_path / "in.png", tmp_path / "walk.gif"
    to_pil(draw_skin(32, 32)).save(photograph)
    walk = ["walk", kind, str(out), "--frames", "2", "--seeds", "3"]
    assert main([*walk, "--image", str(photograph)]) == 0
    found = whence(out, capsys)
    assert found["digital source type"] == COMPOSITE
    assert (found["model"], found["seed"], found["mode"]) == ("eczema", "3", "add")
    assert main([*walk, "--source", "skin", "--size", "32"]) == 0
    assert whence(out, capsys)["digital source type"] == GENERATED
    assert main(["render", "skin", str(tmp_path / "made"), "--length=1", "--size=32"]) == 0
    (made,) = (tmp_path / "made" / "images").rglob("*.png")
    assert main([*walk, "--image", str(made)]) == 0
    assert whence(out, capsys)["digital source type"] == GENERATED


def test_a_walk_that_changes_nothing_says_what_its_picture_says(tmp_path, capsys):
    to_pil(draw_skin(32, 32)).save(tmp_path / "in.png")
    walk = ["walk", "growth", str(tmp_path / "walk.png"), "--frames", "2", "--severity", "0"]
    assert main([*walk, "--image", str(tmp_path / "in.png")]) == 0
    assert whence(tmp_path / "walk.png", capsys)["digital source type"] is None
    assert main([*walk, "--source", "skin", "--size", "32"]) == 0
    found = whence(tmp_path / "walk.png", capsys)
    assert found["model"] == "skin" and "mode" not in found


def test_a_sheet_of_a_folder_says_what_its_files_say(tmp_path, generator_dir, capsys):
    out, made = tmp_path / "sheet.jpg", tmp_path / "made"
    folder = draw_folder(tmp_path / "photographs", count=3, masks=False)

    def shown(root) -> dict[str, str]:
        assert main(["show", str(root), "-n", "3", "--out", str(out)]) == 0
        return whence(out, capsys)

    assert shown(folder)["digital source type"] is None
    assert main(["render", str(generator_dir), str(made), "--length", "3", "--seed", "8"]) == 0
    found = shown(made)
    assert found["digital source type"] == GENERATED
    assert (found["model"], found["seed"]) == (generator_dir.name, "8") and "item" not in found
    generated = next((made / "images").rglob("*.png"))
    (folder / "images" / "1.png").write_bytes(generated.read_bytes())
    assert shown(folder)["digital source type"] == COMPOSITE


def test_pictures_of_a_card_and_of_the_demo(tmp_path, generator_dir, editor, capsys):
    generator = SkinGenerator.from_pretrained(generator_dir)
    for model, mode in ((generator, None), (editor, "add")):
        (tmp_path / "card.jpg").write_bytes(card_pictures(model, "org/x", "ab"))
        found = whence(tmp_path / "card.jpg", capsys)
        assert found["digital source type"] == GENERATED
        assert (found["model"], found["weights"], found.get("mode")) == ("org/x", "ab", mode)
    write_pictures(tmp_path, None, side=1)
    for name in ("lesions", "hands", "eczema", "added", "removed"):
        assert whence(tmp_path / f"{name}.png", capsys)["digital source type"] == GENERATED
    assert whence(tmp_path / "removed.png", capsys)["mode"] == "remove"
    photographs = draw_folder(tmp_path / "photographs", count=1)
    write_pictures(tmp_path, photographs, side=1)
    assert whence(tmp_path / "added.png", capsys)["digital source type"] == COMPOSITE
