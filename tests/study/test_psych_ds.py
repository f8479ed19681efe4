"""The Psych-DS dataset: valid by the rules of the standard, and it says what results.csv says."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from synthderm.study.__main__ import main
from synthderm.study.plan import CHOICES
from synthderm.study.psych_ds import VARIABLES, export
from synthderm.study.results import result_rows
from synthderm.study.session import choices_shown
from synthderm.study.store import Store
from synthderm.study.study_folder import Study
from tests.study.psych_ds_rules import breaches
from tests.study.simulate import EXPERT, GUESSER, simulate

JSPSYCH = {"trial_type", "trial_index", "rt", "stimulus", "response"}


@pytest.fixture(scope="module")
def answered(built, tmp_path_factory):
    """A study with answers: 21 people who finished, one who began, one who withdrew."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("answered") / "study"))
    study = Study(folder)
    store = Store(folder / "answers.sqlite")
    for row in simulate(study, [GUESSER, EXPERT, GUESSER] * 7, seed=3):
        while row.participant > len(store.participants()):
            store.join(60)
        store.save(*row)
    began, left = (store.participant(store.join(60)) for _ in range(2))
    for one in (began, left):
        store.save(one, 0, CHOICES[study.trials[one][0].block][0], 700)
    store.withdraw(left)
    store.close()
    return study


@pytest.fixture(scope="module")
def dataset(answered, tmp_path_factory):
    """Its dataset. Tests read it, and never write to it."""
    out = tmp_path_factory.mktemp("exported") / "dataset"
    export(answered.folder, out)
    return out


def read(dataset):
    files = sorted((dataset / "data").iterdir())
    return pd.concat([pd.read_csv(file, keep_default_na=False) for file in files])


def test_the_dataset_is_valid(dataset):
    assert breaches(dataset) == []
    names = [path.name for path in sorted((dataset / "data").iterdir())]
    assert names[0] == "subject-01_data.csv" and names[-1] == "subject-22_data.csv"
    assert len(names) == 22, "whoever withdrew is not in it"
    description = json.loads((dataset / "dataset_description.json").read_text())
    assert {variable["name"] for variable in description["variableMeasured"]} >= JSPSYCH
    assert all(len(variable["description"]) > 15 for variable in description["variableMeasured"])
    assert (dataset / "README.md").read_text().startswith(f"# {description['name']}\n")


def break_it(dataset, how):
    """Do one thing that the standard forbids."""
    path, table = dataset / "dataset_description.json", dataset / "data" / "subject-01_data.csv"
    description = json.loads(path.read_text())
    if how == "name":
        table.rename(table.with_name("subject_1-data.csv"))
    elif how == "column":
        table.write_text(table.read_text().replace("subject_id", "who", 1))
    elif how == "row":
        table.write_text(table.read_text() + "1,2\r\n")
    elif how == "json":
        path.write_text("{")
    else:
        key, value = how
        path.write_text(json.dumps(description | {key: value}))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("name", "FILENAME_KEYWORD_FORMATTING_ERROR"),
        ("column", "CSV_COLUMN_MISSING_FROM_METADATA"),
        ("row", "CSV_HEADER_LENGTH_MISMATCH"),
        ("json", "INVALID_JSON_FORMATTING"),
        (("name", ""), "JSON_KEY_REQUIRED"),
        (("@type", "Thing"), "INCORRECT_DATASET_TYPE"),
        (("@context", "https://example.org"), "UNKNOWN_NAMESPACE"),
        (("variableMeasured", [*VARIABLES, "age"]), "VARIABLE_MISSING_FROM_CSV_COLUMNS"),
    ],
)
def test_the_rules_find_what_is_wrong(dataset, tmp_path, how, code):
    broken = Path(shutil.copytree(dataset, tmp_path / "broken"))
    break_it(broken, how)
    assert code in breaches(broken)


def test_the_dataset_says_what_the_results_say(answered, dataset):
    table = read(dataset)
    store = Store(answered.database)
    results = pd.DataFrame(result_rows(answered, store.answers()))
    store.close()
    assert list(table.columns) == list(VARIABLES)
    assert (table.subject_id.to_numpy() == results.participant.to_numpy()).all()
    for ours, theirs in (
        ("trial_index", "position"),
        ("task", "block"),
        ("condition", "kind"),
        ("rt", "milliseconds"),
        ("choice", "choice"),
        ("answer", "answer"),
        ("repeat_of", "repeat_of"),
    ):
        assert (table[ours].astype(str).to_numpy() == results[theirs].astype(str)).all(), ours
    is_correct = table.correct.astype(str).str.lower() == "true"
    assert (is_correct.to_numpy() == (results.correct == 1)).all() and is_correct.sum() > 0
    assert (is_correct == (table.response == table.correct_response)).all()
    assert not table.duplicated(["subject_id", "trial_index"]).any()


def test_buttons_count_from_the_left_also_where_they_stand_in_the_other_order(answered, dataset):
    table = read(dataset)
    seen = set()
    for row in table.itertuples():
        trial = answered.trials[row.subject_id][row.trial_index]
        assert choices_shown(trial)[row.response] == row.choice
        seen.add((trial.block, trial.swapped, row.response, row.choice))
    assert {("yesno", False, 0, "real"), ("yesno", True, 1, "real")} <= seen, "both orders occur"


def test_pictures_are_named_as_they_were_shown(answered, dataset):
    kinds = {0: "html-button-response", 1: "image-button-response", 2: "html-button-response"}
    for row in read(dataset).itertuples():
        trial = answered.trials[row.subject_id][row.trial_index]
        images = [f"images/{name}" for name in (trial.a, trial.b) if name]
        shown = json.loads(row.stimulus) if row.stimulus.startswith("[") else [row.stimulus]
        assert shown == (images or [""]) and row.trial_type == kinds[len(images)]
        assert all((answered.folder / image).is_file() for image in images)


def test_names_of_photographs_which_may_name_patients_are_left_out(answered, tmp_path):
    study = Path(shutil.copytree(answered.folder, tmp_path / "study"))
    rows = (study / "images.csv").read_text().splitlines()
    names = (row.split(",") for row in rows[1:])
    renamed = [",".join((name, side, "jane-miller.jpg", use)) for name, side, _, use in names]
    (study / "images.csv").write_text("\n".join([rows[0], *renamed]))
    export(study, tmp_path / "dataset")
    files = [path for path in (tmp_path / "dataset").rglob("*") if path.is_file()]
    assert len(files) == 24 and not any("jane" in path.read_text() for path in files)


def test_the_command(answered, tmp_path, capsys):
    out = tmp_path / "new" / "dataset"
    main(["export", str(answered.folder), "--out", str(out)])
    assert "answers of 22 participants" in capsys.readouterr().out and breaches(out) == []
    assert [path.name for path in out.parent.iterdir()] == ["dataset"]
    with pytest.raises(SystemExit, match="nothing is overwritten: give --out"):
        main(["export", str(answered.folder), "--out", str(out)])


def test_a_study_without_answers_has_nothing_to_export(folder, tmp_path):
    out = tmp_path / "dataset"
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match="no answers yet"):
            export(folder, out)
        Store(folder / "answers.sqlite").close()
    assert not out.exists()


def test_titles_of_any_language_and_with_any_sign_are_kept(answered, tmp_path):
    study = Path(shutil.copytree(answered.folder, tmp_path / "study"))
    path = study / "study.json"
    title = 'Écht, "oder" {generiert}? 皮膚'
    path.write_text(json.dumps(json.loads(path.read_text()) | {"title": title}))
    export(study, tmp_path / "dataset")
    text = (tmp_path / "dataset" / "dataset_description.json").read_text(encoding="utf-8")
    assert json.loads(text)["name"] == title and breaches(tmp_path / "dataset") == []
