"""What a built study looks like, and that its files do not betray which image is which."""

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import synthderm.study
from synthderm.study.__main__ import main
from synthderm.study.build import build
from synthderm.study.files import Study
from synthderm.study.schedule import Plan
from synthderm.study.sources import from_generator, from_pairs
from synthderm.transforms.functional import Edit
from tests.study.pictures import PLAN, draw_skin, redden, save

SMALL = Plan(participants=4, yesno=4, two=2, repeats=1, checks=1)


def test_all_files_have_the_same_form(built):
    study = Study(built)
    forms = set()
    for name, row in study.origins.items():
        with Image.open(study.image(name)) as image:
            assert (
                "exif" not in image.info
                and "comment" not in image.info
                and "icc_profile" not in image.info
            )
            tables = tuple(tuple(table) for table in image.quantization.values())
            forms.add(
                (
                    image.format,
                    image.mode,
                    image.size,
                    tables,
                    image.layer[0][1:3],
                    image.info.get("progressive"),
                )
            )
        assert len(name) == 36 and row["side"] not in name
    assert len(forms) == 1
    assert study.settings.size == 80, "the smallest image decides"


def test_names_order_and_time_tell_nothing(built):
    study = Study(built)
    on_disk = sorted(path.name for path in (built / "images").iterdir())
    assert on_disk == sorted(study.origins)
    by_time = [
        path.name
        for path in sorted((built / "images").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    ]
    assert by_time == sorted(by_time), "written in the order of the random names"


def test_the_same_seed_draws_the_same_study_under_other_names(sources, tmp_path):
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    for out, seed in ((one, 5), (two, 5), (other, 6)):
        build(out, sources["real"], sources["generated"], plan=SMALL, seed=seed, images=8)
    described = [
        [
            (t.kind, Study(out).origins[t.a]["origin"] if t.a else "", t.answer)
            for ts in Study(out).trials.values()
            for t in ts
        ]
        for out in (one, two, other)
    ]
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
        assert {row["side"] for row in csv.DictReader(file)} == {
            "real",
            "generated",
            "before",
            "after",
        }


def test_pairs_are_cut_where_the_edit_is(tmp_path):
    rng = np.random.default_rng(0)
    before = [draw_skin(rng, (240, 80)) for _ in range(5)]
    folders = [
        save(tmp_path / "before", before, ".png"),
        save(tmp_path / "after", [redden(image) for image in before], ".png"),
    ]
    build(tmp_path / "out", None, None, plan=Plan(2, 0, 0, 4, 0, 0), add=folders, images=4)
    study = Study(tmp_path / "out")
    for trial in study.trials[1]:
        a, b = (
            np.asarray(Image.open(study.image(name)), dtype=float) for name in (trial.a, trial.b)
        )
        changed = np.abs(a - b).sum(2) > 25
        assert changed.mean() > 0.2, "the edit is outside the picture"


def test_pairs_from_two_folders_match_by_name_whatever_the_suffix(tmp_path):
    rng = np.random.default_rng(1)
    image = draw_skin(rng)
    before, after = (
        save(tmp_path / "before", [image, image], ".jpg"),
        save(tmp_path / "after", [redden(image)], ".png"),
    )
    assert [pair.before.origin for pair in from_pairs([before, after], "add", 9, rng, 0)] == ["000"]


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
    options = {
        "real": sources["real"],
        "generated": sources["generated"],
        "plan": SMALL,
        "images": 8,
    } | change
    if change.get("generated") == "real":
        options |= {"generated": sources["real"], "images": 16}
    with pytest.raises((ValueError, OSError), match=words):
        build(tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unedited_pair_is_refused(sources, tmp_path):
    with pytest.raises(ValueError, match="nothing was edited"):
        build(
            tmp_path / "out",
            None,
            None,
            plan=Plan(2, 0, 0, 4, 0, 0),
            add=[sources["before"], sources["before"]],
            images=4,
        )


def test_a_study_is_never_overwritten(sources, built):
    with pytest.raises(FileExistsError, match="another folder"):
        build(built, sources["real"], sources["generated"], plan=SMALL)


def test_the_command_line(sources, tmp_path, capsys):
    out = tmp_path / "study"
    main(["build", "--real", sources["real"], "--generated", sources["generated"], "--out", str(out), "--participants", "6", "--yesno", "4", "--two", "2",
          "--repeats", "1", "--checks", "2", "--images", "8", "--seconds", "3"])  # fmt: skip
    assert "9 trials for each of 6 participants, 80 px images" in capsys.readouterr().out
    assert Study(out).settings.seconds == 3
    with pytest.raises(SystemExit, match="go together"):
        main(["build", "--real", sources["real"], "--out", str(tmp_path / "other")])
    with pytest.raises(SystemExit, match="is not a study"):
        main(["analyse", str(tmp_path)])
    with pytest.raises(SystemExit, match="no answers yet"):
        main(["analyse", str(out)])


def test_photographs_are_edited_by_the_package(sources, monkeypatch):
    """A single folder is edited by `synthderm.transforms.functional`; what comes back is the pair
    of the photograph and its edit."""
    calls = []

    def edit(images, **options):
        calls.append((images.dtype, images.shape, options))
        return Edit(255 - images, None, None)

    monkeypatch.setattr("synthderm.transforms.functional.add_eczema", edit)
    monkeypatch.setattr("synthderm.transforms.functional.remove_eczema", edit)
    for kind in ("add", "remove"):
        pairs = from_pairs([sources["before"]], kind, 3, np.random.default_rng(0), seed=5)
        for before, after in pairs:
            assert (
                np.array_equal(np.asarray(after.image), 255 - np.asarray(before.image))
                and before.origin in after.origin
            )
    assert len(calls) == 6, "no more are edited than needed"
    assert all(call[:2] == (torch.uint8, (1, 3, 96, 120)) for call in calls)
    assert [call[2].get("seed") for call in calls] == [5, 6, 7, None, None, None]
    monkeypatch.setattr(
        "synthderm.transforms.functional.remove_eczema",
        lambda images: Edit(images.clone(), None, None),
    )
    with pytest.raises(ValueError, match="changed none"):
        from_pairs([sources["before"]], "remove", 3, np.random.default_rng(0), seed=5)


def test_images_can_come_from_a_generator(monkeypatch):
    class Generator:
        """Stands for `synthderm.SyntheticSkinDataset`: items (PIL image, label), fixed by seed and
        index."""

        def __init__(self, name, *, length, seed):
            assert name == "lesions"
            self.length, self.seed = length, seed

        def __getitem__(self, index):
            return draw_skin(np.random.default_rng([self.seed, index])), 0

    monkeypatch.setattr("synthderm.SyntheticSkinDataset", Generator, raising=False)
    found = from_generator("lesions", 4, np.random.default_rng(0), seed=2)
    assert [picture.origin for picture in found] == [f"lesions#{index}" for index in range(4)]


def test_the_pages_ship_in_the_wheel(tmp_path):
    root = Path(synthderm.study.__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        shipped = {name for name in wheel.namelist() if name.startswith("synthderm/study/pages/")}
    assert (
        shipped
        == {
            f"synthderm/study/pages/{path.name}"
            for path in (root / "synthderm/study/pages").iterdir()
        }
        and len(shipped) == 6
    )
