"""Files of a study that were changed by hand: what doesn't fit is named with its file."""

import json

import pytest

from synthderm.study.app import render_page
from synthderm.study.study_folder import Study

LEFT_OUT = object()


def edit(path, **changes):
    """Other values in a JSON file, or entries left out."""
    values = json.loads(path.read_text()) | changes
    left = {key: value for key, value in values.items() if value is not LEFT_OUT}
    path.write_text(json.dumps(left))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"title": 3}, "study.json: title is 3, which is of a wrong type"),
        ({"size": "64"}, "study.json: size is '64'"),
        ({"size": True}, "size is True"),
        ({"margin": float("nan")}, "margin is nan"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"seconds": -1}, "study.json: seconds=-1: a time limit must be above 0"),
        ({"examples": {"yesno": [["a.jpg"]]}}, "examples is"),
        ({"seed": LEFT_OUT}, "study.json lacks 'seed'; its entries are title, seed"),
        ({"sead": 3}, "study.json has 'sead', which is unknown"),
        ({"plan": None}, "study.json: plan is None"),
        ({"plan": {"participants": 3}}, "study.json: plan lacks 'yesno'"),
        ({"format": [1]}, r"format \[1\], but this version reads format 1"),
    ],
)
def test_settings(folder, changes, says):
    edit(folder / "study.json", **changes)
    with pytest.raises(ValueError, match=says):
        Study(folder)


@pytest.mark.parametrize("name", ["study.json", "texts.json"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1 is not JSON"),
        (b'{"a": 1,\n"b" 2}', "line 2 is not JSON: Expecting ':'"),
        (b"[1]", r"holds \[1\]; it should be an object"),
        (b"[" * 100_000, "is not JSON of a study"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "is not JSON of a study"),
        (b"\xff\xfe{", "is not in UTF-8"),
    ],
)
def test_json(folder, name, content, says):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*{says}"):
        render_page(Study(folder))


def test_a_byte_order_mark_is_no_mistake(folder):
    for name in ("study.json", "texts.json", "consent.txt", "trials.csv", "images.csv"):
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    study = Study(folder)
    assert study.trials and study.origins and not study.consent[0].startswith("\ufeff")
    render_page(study)


def test_texts_that_are_missing_are_named(folder):
    path = folder / "texts.json"
    texts = json.loads(path.read_text())
    edit(path, more="x")
    assert Study(folder).texts["more"] == "x"
    for changes, says in (
        ({"go": LEFT_OUT}, "texts.json lacks 'go'"),
        ({"go": 3}, "texts.json: go is 3; it should be a text"),
        ({"blocks": texts["blocks"] | {"two": "x"}}, "texts.json: blocks: two is 'x'"),
        ({"blocks": {"yesno": texts["blocks"]["yesno"]}}, "texts.json: blocks lacks 'two'"),
    ):
        path.write_text(json.dumps(texts))
        edit(path, **changes)
        with pytest.raises(ValueError, match=says):
            render_page(Study(folder))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("participant,position", "participant,place", "trials.csv has the columns"),
        ("\n1,0,", "\n1,0,0,", "trials.csv, line 2 has 10 fields"),
        ("\n1,0,", "\none,0,", "line 2: participant is 'one'; it should be a whole number"),
        ("\n1,0,", "\n-1,0,", "participant is '-1'"),
        ("\n1,0,", "\n1,7,", "participant 1, position 7 is out of order"),
        ("\n2,0,", "\n3,0,", "participant 3, position 0 is out of order"),
        ("yesno", "yes", "block is 'yes.*'; it should be one of yesno, two, edit"),
        (".jpg", ".png", "png' is no image in images.csv"),
        ("\n", "\r\n\r\n", None),
    ],
)
def test_trials(folder, old, new, says):
    path = folder / "trials.csv"
    expected = Study(folder).trials
    text = path.read_text()
    path.write_text(text.replace(old, new), newline="")
    if says is None:
        assert Study(folder).trials == expected
    else:
        with pytest.raises(ValueError, match=says):
            Study(folder).trials  # noqa: B018


@pytest.mark.parametrize("name", ["../answers.sqlite", "", "a\nb.jpg", "/etc/passwd"])
def test_images_have_names_of_files(folder, name):
    path = folder / "images.csv"
    head, first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, f'"{name}",real,x,trial', first, *rest]))
    with pytest.raises(ValueError, match="is there twice, or is no name of a file"):
        Study(folder).origins  # noqa: B018
    path.write_text("\n".join([head, first, first]))
    with pytest.raises(ValueError, match="images.csv, line 3: .* is there twice"):
        Study(folder).origins  # noqa: B018
