"""What a built study looks like, and that its files do not tell which image is which."""

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import synthderm.study
from synthderm.study.build import build
from synthderm.study.plan import Plan
from synthderm.study.study_folder import Study
from tests.study.drawing import PLAN, draw_skin, redden, save

SMALL = Plan(participants=4, yesno=4, two=2, repeats=1, checks=1)
EDITS_ONLY = Plan(participants=2, yesno=0, two=0, edit=4, repeats=0, checks=0)


def test_all_files_have_the_same_form(built):
    study = Study(built)
    forms = set()
    for name, row in study.origins.items():
        with Image.open(study.image(name)) as image:
            assert not {"exif", "comment", "icc_profile"} & image.info.keys()
            tables = tuple(tuple(table) for table in image.quantization.values())
            compression = (tables, image.layer[0][1:3], image.info.get("progressive"))
            forms.add((image.format, image.mode, image.size, compression))
        assert len(name) == 36 and row["side"] not in name
    assert len(forms) == 1
    assert study.settings.size == 80, "the smallest image decides"


def test_names_order_and_time_tell_nothing(built):
    study = Study(built)
    on_disk = sorted(path.name for path in (built / "images").iterdir())
    assert on_disk == sorted(study.origins)
    paths = sorted((built / "images").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    by_time = [path.name for path in paths]
    assert by_time == sorted(by_time), "written in the order of the random names"


def describe(study):
    """(kind, origin of the first image, answer) of every trial."""
    return [
        (trial.kind, study.origins[trial.a]["origin"] if trial.a else "", trial.answer)
        for trials in study.trials.values()
        for trial in trials
    ]


def test_the_same_seed_draws_the_same_study_under_other_names(sources, tmp_path):
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    for out, seed in ((one, 5), (two, 5), (other, 6)):
        build(out, sources["real"], sources["generated"], seed=seed, images=8, **vars(SMALL))
    described = [describe(Study(out)) for out in (one, two, other)]
    assert described[0] == described[1] != described[2]
    assert not set(Study(one).origins) & set(Study(two).origins)


def test_examples_never_come_up_in_trials(built):
    study = Study(built)
    examples = {
        name for parts in study.settings.examples.values() for names, _ in parts for name in names
    }
    used = {
        name for trials in study.trials.values() for trial in trials for name in (trial.a, trial.b)
    }
    assert examples and not examples & used
    assert {name for name, row in study.origins.items() if row["use"] == "example"} == examples


def test_a_study_reads_back_as_it_was_written(built):
    study = Study(built)
    assert study.settings.plan == PLAN and len(study.trials) == PLAN.participants
    assert all(len(trials) == PLAN.length for trials in study.trials.values())
    assert json.loads((built / "study.json").read_text())["format"] == 1
    with open(built / "images.csv") as file:
        sides = {row["side"] for row in csv.DictReader(file)}
    assert sides == {"real", "generated", "before", "after"}


def test_pairs_are_cut_where_the_edit_is(tmp_path):
    rng = np.random.default_rng(0)
    before = [draw_skin(rng, (240, 80)) for _ in range(5)]
    folders = [
        save(tmp_path / "before", before, ".png"),
        save(tmp_path / "after", [redden(image) for image in before], ".png"),
    ]
    build(tmp_path / "out", add=folders, images=4, **vars(EDITS_ONLY))
    study = Study(tmp_path / "out")
    for trial in study.trials[1]:
        a, b = (
            np.asarray(Image.open(study.image(name)), dtype=float) for name in (trial.a, trial.b)
        )
        changed = np.abs(a - b).sum(2) > 25
        assert changed.mean() > 0.2, "the edit is outside the picture"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 500}, "would enlarge"),
        ({"size": 4}, "below 16 pixels"),
        ({"quality": 0}, "quality=0"),
        ({"margin": 0.7}, "margin=0.7"),
        ({"seconds": -1.0}, "seconds=-1.0"),
        ({"examples": 50}, "examples|too few|sees"),
        ({"add": ["x"]}, "go together"),
        ({"generated": "real"}, "shows the same pixels"),
        ({"real": "nowhere"}, "no folder"),
    ],
)
def test_a_study_that_cannot_be_built_says_why_and_leaves_nothing(sources, tmp_path, change, words):
    options = {"real": sources["real"], "generated": sources["generated"], "images": 8}
    options |= vars(SMALL) | change
    if change.get("generated") == "real":
        options |= {"generated": sources["real"], "images": 16}
    with pytest.raises((ValueError, OSError), match=words):
        build(tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unedited_pair_is_refused(sources, tmp_path):
    with pytest.raises(ValueError, match="nothing was edited"):
        same = [sources["before"], sources["before"]]
        build(tmp_path / "out", add=same, images=4, **vars(EDITS_ONLY))


def test_a_study_is_never_overwritten(sources, built):
    with pytest.raises(FileExistsError, match="another folder"):
        build(built, sources["real"], sources["generated"], **vars(SMALL))


def test_the_pages_ship_in_the_wheel(tmp_path):
    root = Path(synthderm.study.__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        shipped = {Path(name) for name in wheel.namelist() if "synthderm/study/pages/" in name}
    pages = {path.relative_to(root) for path in (root / "synthderm/study/pages").iterdir()}
    assert shipped == pages and len(shipped) == 8
