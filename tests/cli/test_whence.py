"""What `render` and `edit` write says that it is synthetic."""

import json

from PIL import Image

from synthderm.cli.main import main
from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin


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
