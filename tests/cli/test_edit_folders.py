"""`synthderm edit` on whole folders: one bad file stops no other, masks are no photographs, and
nothing that is read is written over."""

import os

import numpy as np
import pytest
from PIL import Image

from synthderm.cli.main import main
from synthderm.imaging.io import to_pil
from tests.drawing import draw_folder, draw_skin


def write_skin(path, seed: int = 0):
    path.parent.mkdir(parents=True, exist_ok=True)
    to_pil(draw_skin(40, 50, seed=seed)).save(path)
    return path


def edit(*arguments) -> int:
    return main(["edit", *map(str, arguments)])


def written(folder) -> list[str]:
    """The pictures in a folder, without the table of edits."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    return sorted(names - {"edits.csv"})


def refused(capsys, says: str, *arguments) -> None:
    assert edit(*arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1, error


def test_one_bad_file_does_not_stop_the_others(tmp_path, capsys):
    photos, out = tmp_path / "photos", tmp_path / "out"
    for k in range(4):
        write_skin(photos / f"{k}.png", k)
    (photos / "1.png").write_bytes((photos / "1.png").read_bytes()[:300])
    (photos / "0.jpg").write_text("<html>404</html>")
    for litter in ("._0.png", ".ipynb_checkpoints/0.png", "__MACOSX/photos/._0.png", "Thumbs.db"):
        (photos / litter).parent.mkdir(parents=True, exist_ok=True)
        (photos / litter).write_bytes(b"\0\5\26\7")
    Image.new("RGB", (40, 40), "blue").save(photos / "sky.png")
    (out / "3.png").mkdir(parents=True)
    assert edit(photos, out) == 1
    assert written(out) == ["0.png", "2.png", "3.png"] and (out / "3.png").is_dir()
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert lines[0] == "synthderm: 4 of 6 files could not be edited:" and len(lines) == 5
    for name, reason in {
        "0.jpg": "not an image",
        "1.png": "damaged or cut short",
        "out/3.png": "is a folder",
        "sky.png": "shows no skin",
    }.items():
        assert any(name in line and reason in line for line in lines), name
    assert said.out.count("of the image edited") == 2


def test_a_full_disk_stops_at_once(tmp_path, monkeypatch, capsys):
    for k in range(3):
        write_skin(tmp_path / "photos" / f"{k}.png", k)

    def save(self, path, **_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    assert edit(tmp_path / "photos", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "out/0.png: No space left on device" in said and said.count("\n") == 1


def test_wrong_arguments_are_said_once_and_before_any_file(tmp_path, capsys):
    for k in range(3):
        write_skin(tmp_path / "photos" / f"{k}.png", k)
    for arguments, says in (
        (["--severity", "2"], "severity"),
        (["--coverage", "0"], "coverage"),
        (["--model", "nothing"], "unknown model"),
        (["--signs", "scale=nan"], "signs"),
        (["--seed", "99999999999999999999"], ""),
        (["--mode", "remove", "--seed", "1"], "--seed is of eczema that is added"),
        (["--mode", "remove", "--coverage", "1"], "--coverage is of eczema that is added"),
        (["--save-mask", "m.png"], "not with a folder"),
    ):
        assert edit(tmp_path / "photos", tmp_path / "out", *arguments) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_masks_of_a_rendered_folder_are_left_out(tmp_path, generator_dir, capsys):
    rendered = tmp_path / "rendered"
    assert main(["render", str(generator_dir), str(rendered), "--length", "3"]) == 0
    names = ["images/a/0000000.png", "images/a/0000002.png", "images/b/0000001.png"]
    for k, name in enumerate(names):  # what a tiny generator makes is no skin
        write_skin(rendered / name, k)
    capsys.readouterr()
    assert edit(rendered, tmp_path / "whole") == 0
    assert written(tmp_path / "whole") == names and capsys.readouterr().err == ""
    (rendered / "metadata.csv").unlink()
    assert edit(rendered, tmp_path / "without a table") == 0
    assert written(tmp_path / "without a table") == names
    (rendered / "manifest.json").rename(rendered / "unfinished.json")
    refused(capsys, "is not rendered to the end", rendered, tmp_path / "unfinished")


def test_masks_of_other_collections_are_left_out(tmp_path, capsys):
    draw_folder(tmp_path / "all" / "one", count=2)
    (tmp_path / "all/one/masks").rename(tmp_path / "all/one/outlines")
    table = tmp_path / "all/one/metadata.csv"
    table.write_text(table.read_text().replace("masks/", "outlines/"))
    write_skin(tmp_path / "all" / "other" / "masks" / "a.png")  # people with masks, say
    assert edit(tmp_path / "all", tmp_path / "out") == 0
    names = ["one/images/0.png", "one/images/1.png", "other/masks/a.png"]
    assert written(tmp_path / "out") == names
    table.write_text("file_name\n")
    refused(capsys, "not known which files", tmp_path / "all", tmp_path / "again")
    table.unlink()
    capsys.readouterr()
    assert edit(tmp_path / "all", tmp_path / "again") == 1
    assert written(tmp_path / "again") == written(tmp_path / "out")
    said = capsys.readouterr().err
    assert said.count("is black and white alone") == 2 and "outlines/0.png" in said


@pytest.fixture
def photograph(tmp_path):
    return write_skin(tmp_path / "photos" / "a.png")


def test_a_photograph_is_never_written_over(tmp_path, photograph, monkeypatch, capsys):
    before = photograph.read_bytes()
    (tmp_path / "linked").symlink_to(tmp_path / "photos")
    (tmp_path / "soft.png").symlink_to(photograph)
    os.link(photograph, tmp_path / "hard.png")
    Image.new("L", (50, 40), 255).save(tmp_path / "m.png")
    monkeypatch.chdir(tmp_path)
    for output in (
        photograph,
        "photos/a.png",
        "photos/../photos/a.png",
        "new/../photos/a.png",
        "linked/a.png",
        "linked/",
        "photos",
        "soft.png",
        "hard.png",
    ):
        refused(capsys, "would be written over", photograph, output)
    out = tmp_path / "out.png"
    refused(capsys, "m.png would be", photograph, "m.png", "--mask", "m.png")
    refused(capsys, "m.png would be", photograph, out, "--mask", "m.png", "--save-mask", "./m.png")
    refused(capsys, "a.png would be", photograph, out, "--save-mask", photograph)
    refused(capsys, "written twice", photograph, out, "--save-mask", "out.png")
    assert photograph.read_bytes() == before and not out.exists()


def test_a_folder_is_never_written_into_itself(tmp_path, photograph, monkeypatch, capsys):
    photos, before = tmp_path / "photos", photograph.read_bytes()
    (tmp_path / "linked").symlink_to(photos)
    (photos / "deep").mkdir()
    write_skin(photos / "deep" / "a.png", 1)
    monkeypatch.chdir(tmp_path)
    refused(capsys, "photos is the folder that is read", photos, photos)
    refused(capsys, "linked is the folder that is read", "photos", "linked")
    refused(capsys, "photos is the folder that is read", "linked", "photos/../photos/")
    refused(capsys, "lies in the folder that is read", photos, "photos/new")
    refused(capsys, "lies in the folder that is read", photos, "linked/new/newer")
    # photos/deep/a.png would go to photos/a.png.
    refused(capsys, "is a file", photos, photograph)
    refused(capsys, "name a folder", photos, tmp_path / "out.png")
    assert edit(photos / "deep", photos / "other") == 0  # beside what is read
    write_skin(photos / "deep" / "deep" / "a.png", 2)
    refused(capsys, "would be written over", photos / "deep", photos)
    assert photograph.read_bytes() == before


def test_where_names_are_the_same_in_either_case(tmp_path, photograph, capsys):
    if not (tmp_path / "photos" / "A.PNG").exists():
        (tmp_path / "photos" / "A.PNG").hardlink_to(photograph)  # as such a file system sees it
    refused(capsys, "would be written over", photograph, tmp_path / "photos" / "A.PNG")


def test_out_may_be_a_folder_that_is_there_or_ends_in_a_slash(tmp_path, photograph, capsys):
    (tmp_path / "there").mkdir()
    assert edit(photograph, tmp_path / "there") == 0 and (tmp_path / "there" / "a.png").is_file()
    assert edit(photograph, f"{tmp_path}/new/er/") == 0 and (tmp_path / "new/er/a.png").is_file()
    refused(capsys, "for a folder write", photograph, tmp_path / "neither")
    refused(capsys, "has no suffix of a picture", photograph, tmp_path / "x.mp4")
    refused(capsys, "there/a.png: Not a directory", photograph, tmp_path / "there/a.png/b.png")
    assert np.asarray(Image.open(tmp_path / "there" / "a.png")).shape == (40, 50, 3)


def test_other_files_of_the_folder_that_is_written_to_stay(tmp_path, capsys):
    """Of a folder within the one that is written to, and of one photograph of it."""
    write_skin(tmp_path / "s" / "a.png"), write_skin(tmp_path / "s" / "b.png")
    write_skin(tmp_path / "a.png", 1), write_skin(tmp_path / "masks" / "b.png", 2)
    (tmp_path / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    refused(capsys, "a.png is there, and", tmp_path / "s", tmp_path)
    for out in (tmp_path, f"{tmp_path}/", tmp_path / "s" / ".."):
        refused(capsys, "a.png is there already: move it away", tmp_path / "s" / "a.png", out)
    options = ["--save-masks", tmp_path / "masks"]
    refused(capsys, "b.png is there, and", tmp_path / "s", tmp_path / "out", *options)
    assert {path: path.read_bytes() for path in before} == before
    # What is named outright is replaced, as `cp` does it.
    assert edit(tmp_path / "s" / "a.png", tmp_path / "a.png") == 0
    assert (tmp_path / "a.png").read_bytes() != before[tmp_path / "a.png"]
