"""`synthderm edit` on a folder: a lesion for each photograph, a table of what was done, and a run
that was stopped goes on."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

import synthderm.cli.edit_folder
from synthderm import SkinFolder
from synthderm.cli.edit_folder import file_seed, mask_names
from synthderm.cli.main import main
from synthderm.files import sha256
from synthderm.hub.resolve import weights_hash
from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin

NAMES = ["arm/a.png", "arm/b.png", "leg/a.png"]


def edit(*arguments) -> int:
    return main(["edit", *map(str, arguments)])


@pytest.fixture
def photos(tmp_path):
    """Three files of one picture."""
    for name in NAMES:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        to_pil(draw_skin(40, 50)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def rows_of(out) -> dict[str, dict[str, str]]:
    with open(out / "edits.csv", newline="") as file:
        return {row["file_name"]: row for row in csv.DictReader(file)}


def files(out) -> dict[str, bytes]:
    paths = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def test_each_photograph_has_a_lesion_of_its_own_the_same_each_time(tmp_path, photos):
    for out in ("one", "two"):
        assert edit(photos, tmp_path / out, "--seed", 3, "--save-masks", tmp_path / f"{out}-m") == 0
    assert files(tmp_path / "one-m") == files(tmp_path / "two-m")
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert [name for name in one if one[name] != two[name]] == ["edits.csv"]  # names of masks
    masks = files(tmp_path / "one-m")
    assert sorted(masks) == NAMES and len(set(masks.values())) == 3
    (photos / "arm/a.png").unlink()  # a lesion does not depend on the other files
    assert edit(photos, tmp_path / "three", "--seed", 3) == edit(photos, tmp_path / "four") == 0
    assert files(tmp_path / "three")["leg/a.png"] == one["leg/a.png"]
    assert files(tmp_path / "four")["leg/a.png"] != one["leg/a.png"]
    before = np.asarray(Image.open(photos / "leg/a.png"))
    changed = (np.asarray(Image.open(tmp_path / "one/leg/a.png")) != before).any(2)
    mask = np.asarray(Image.open(tmp_path / "one-m/leg/a.png")) > 0
    assert changed.any() and not changed[~mask].any()


def test_the_table_says_what_was_done(tmp_path, photos):
    out, masks = tmp_path / "out", tmp_path / "out" / "masks"
    options = ["--severity", 0.7, "--coverage", 0.4, "--signs", "scale=1", "--save-masks", masks]
    assert edit(photos, out, *options) == 0
    rows = rows_of(out)
    assert list(rows) == NAMES
    for name, row in rows.items():
        share = (np.asarray(Image.open(out / row["mask_file_name"])) > 0).mean()
        assert abs(float(row["area"]) - share) < 1e-5
        assert row["mask_file_name"] == f"masks/{name}"
        assert (row["mode"], row["severity"], row["coverage"]) == ("add", "0.7", "0.4")
        assert (row["signs"], row["model"]) == ("scale=1", "eczema")
        assert row["weights_hash"] == weights_hash("eczema")
        assert row["source_hash"] == sha256(photos / name)
    # One photograph, with the seed that the table names, is the same edit.
    seed = rows["arm/b.png"]["seed"]
    assert seed == str(file_seed(0, "arm/b.png"))
    alone = [photos / "arm/b.png", tmp_path / "b.png", "--seed", seed, *options[:-2]]
    assert edit(*alone) == 0
    assert (tmp_path / "b.png").read_bytes() == (out / "arm/b.png").read_bytes()
    assert edit(photos, tmp_path / "removed", "--mode", "remove") == 0
    row = rows_of(tmp_path / "removed")["arm/a.png"]
    assert row["seed"] == row["coverage"] == "" and (row["mode"], row["severity"]) == (
        "remove",
        "1",
    )
    # The table is none that hides classes.
    assert SkinFolder(tmp_path / "removed").classes == ["arm", "leg"]


def test_a_run_that_was_stopped_goes_on(tmp_path, photos, monkeypatch, capsys):
    edited = []

    def stop(original, *rest):
        if len(edited) == 2:
            raise KeyboardInterrupt
        edited.append(original)
        return edit_photograph(original, *rest)

    edit_photograph = synthderm.cli.edit_folder.edit_photograph
    monkeypatch.setattr(synthderm.cli.edit_folder, "edit_photograph", stop)
    out = tmp_path / "out"
    assert edit(photos, out) == 130
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "out has 2 of 3 photographs, and the same command" in error
    (out / "arm/b.png").unlink()  # as if it was stopped between the row and the file
    with (out / "edits.csv").open("a") as file:
        file.write("leg/a.p")
    kept = (out / "arm/a.png").stat().st_mtime_ns
    monkeypatch.undo()
    assert edit(photos, out) == 0 and edit(photos, tmp_path / "whole") == 0
    assert "1 of 3 photographs are there and are kept" in capsys.readouterr().out
    assert (out / "arm/a.png").stat().st_mtime_ns == kept
    assert files(out) == files(tmp_path / "whole")


def test_only_what_is_new_is_edited_again(tmp_path, photos, capsys):
    out, masks = tmp_path / "out", tmp_path / "masks"
    assert edit(photos, out) == 0
    times = {name: (out / name).stat().st_mtime_ns for name in NAMES}
    to_pil(draw_skin(40, 50, seed=1)).save(photos / "arm/b.png")
    to_pil(draw_skin(40, 50)).save(photos / "arm/c.png")
    assert edit(photos, out) == 0
    assert "2 of 4 photographs are there and are kept" in capsys.readouterr().out
    assert [n for n in NAMES if (out / n).stat().st_mtime_ns != times[n]] == ["arm/b.png"]
    assert rows_of(out)["arm/b.png"]["source_hash"] == sha256(photos / "arm/b.png")
    assert len(rows_of(out)) == 4
    before = files(out)
    assert edit(photos, out, "--save-masks", masks) == 0  # which were not asked for before
    after = files(out)
    assert len(files(masks)) == 4 and all(after[name] == before[name] for name in NAMES)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--severity", "0.8"], "another severity (0.5, now 0.8)"),
        (["--seed", "1"], "another seed"),
        (["--coverage", "0.5"], "another coverage (0.3, now 0.5)"),
        (["--signs", "scale=1"], "another signs (none, now scale=1)"),
        (["--mode", "remove"], "another mode (add, now remove)"),
    ],
)
def test_a_folder_never_mixes_edits_of_two_settings(tmp_path, photos, capsys, options, says):
    out = tmp_path / "out"
    assert edit(photos, out) == 0
    before = files(out)
    assert edit(photos, out, *options) == 2
    error = capsys.readouterr().err
    assert says in error and "choose a new folder" in error and error.count("\n") == 1
    assert files(out) == before


def test_files_that_it_did_not_write_are_left_alone(tmp_path, photos, capsys):
    shutil.copytree(photos, tmp_path / "out")
    before = files(tmp_path / "out")
    assert edit(photos, tmp_path / "out") == 2
    assert "arm/a.png is there, and" in capsys.readouterr().err
    assert files(tmp_path / "out") == before
    assert edit(photos, tmp_path / "new", "--save-masks", tmp_path / "out") == 2
    assert "out/arm/a.png is there, and" in capsys.readouterr().err
    for masks in (photos, photos / "masks"):
        assert edit(photos, tmp_path / "new", "--save-masks", masks) == 2
        assert "the folder that is read" in capsys.readouterr().err
    assert edit(photos, tmp_path / "new", "--save-masks", tmp_path / "new") == 2
    assert "written twice" in capsys.readouterr().err
    assert edit(photos / "arm/a.png", tmp_path / "a.png", "--save-masks", tmp_path / "m") == 2
    assert "--save-masks is for a folder" in capsys.readouterr().err
    assert not (tmp_path / "new").exists() and len(files(photos)) == 3


def test_masks_are_named_after_their_photographs():
    assert mask_names(["a/1.jpg", "a/1.PNG", "b/1.jpg", "c.d/2.jpg", "A/1.tif"]) == [
        "a/1.jpg.png",
        "a/1.PNG.png",
        "b/1.png",
        "c.d/2.png",
        "A/1.tif.png",
    ]
    # In either Unicode form of an accent it is the same lesion.
    assert file_seed(0, "grün.jpg") == file_seed(0, "gru\u0308n.jpg") != file_seed(1, "grün.jpg")
