"""`synthderm study export`: the answers as a Psych-DS dataset, with jsPsych's column names.

Psych-DS (https://psych-ds.github.io) is a standard for data of behavioural research: a description
that machines read, and tables below `data/`. The names and values of the columns are those of
jsPsych (https://www.jspsych.org), so its tools read them.

Left out are the file names of photographs, which may name patients, and jsPsych's `time_elapsed`:
the study measures each trial, not the time between them.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from synthderm import __version__
from synthderm.study.plan import CHOICES
from synthderm.study.results import result_rows
from synthderm.study.session import choices_shown
from synthderm.study.store import Answer, open_store
from synthderm.study.study_folder import Study, csv_text, new_folder, require_new, writing_to

# jsPsych's name of a trial with this number of pictures.
TRIAL_TYPES = {0: "html-button-response", 1: "image-button-response", 2: "html-button-response"}
# For each column its type, its unit, and what it means.
VARIABLES: dict[str, tuple[str, str, str]] = {
    "subject_id": ("numeric", "", "Number of the participant, as in the name of the file."),
    "trial_index": ("numeric", "", "Place among the participant's trials, from 0."),
    "trial_type": (
        "string",
        "",
        "Name of the jsPsych plugin that shows such a trial: image-button-response for one picture,"
        " html-button-response for two pictures or the text of an attention check.",
    ),
    "task": (
        "string",
        "",
        "The question: yesno (is it real or generated?), two (which of two pictures is generated?)"
        " or edit (which of two pictures was edited?).",
    ),
    "condition": (
        "string",
        "",
        "What was shown: yesno, two, add (eczema was added), remove (eczema was removed), or check"
        " (an attention check).",
    ),
    "stimulus": (
        "string",
        "",
        "File of the picture, below the study's folder; of two pictures a JSON list, A first; empty"
        " in attention checks.",
    ),
    "rt": (
        "numeric",
        "ms",
        "Response time: from the moment when the picture was on the screen to the answer.",
    ),
    "response": ("numeric", "", "The button that was pressed: 0 is the left one, 1 the right one."),
    "correct_response": ("numeric", "", "The right button: 0 or 1."),
    "correct": ("boolean", "", "Whether the right button was pressed: true or false."),
    "choice": ("string", "", "The button's meaning: real or generated, or the picture a or b."),
    "answer": ("string", "", "The right button's meaning."),
    "repeat_of": (
        "numeric",
        "",
        "trial_index of the first showing, if this trial is a repeat; else empty.",
    ),
}
README = """# {title}

The answers to a perceptual study: can people tell generated images of skin from photographs?
Each file in `data/` holds one participant's answers. `subject_id` and `trial_index` together
identify a row. `dataset_description.json` says what each column means.

Participants who had not finished are included. To leave them out, keep files with {length} rows.
Participants who withdrew are not included.

Before you publish the dataset, add `author`, `license`, `citation` and `funder` to
`dataset_description.json`.
"""


def export(folder: str | Path, out: str | Path) -> str:
    """Write a study's answers as a Psych-DS dataset.

    Args:
        folder: the study's folder.
        out: the dataset's folder, new or empty.

    Returns:
        A summary in one sentence.

    Raises:
        FileExistsError: `out` is not empty.
        FileNotFoundError: no study, or no answers.
        OSError: the answers can't be read, or `out` can't be written.

    Source:
        Psych-DS 1.5, https://psychds-docs.readthedocs.io; the columns of
        https://www.jspsych.org/latest/plugins/image-button-response.
    """
    study, out = Study(folder), Path(out)
    require_new(out)
    with open_store(study.database) as store:
        answers = store.answers()
    if not answers:
        raise FileNotFoundError(f"{study.folder} has no answers yet: nobody has answered a trial.")
    width = len(str(len(study.trials)))
    files = 0
    with writing_to(out), new_folder(out) as part:
        (part / "data").mkdir()
        for subject, rows in groupby(dataset_rows(study, answers), lambda row: row["subject_id"]):
            name = f"subject-{subject:0{width}}_data.csv"
            _write(part / "data" / name, csv_text(list(VARIABLES), rows))
            files += 1
        description = json.dumps(describe(study, files), indent=2, ensure_ascii=False) + "\n"
        _write(part / "dataset_description.json", description)
        title, length = study.settings.title, study.settings.plan.length
        _write(part / "README.md", README.format(title=title, length=length))
    return f"{out}: {len(answers)} answers of {files} participants, as a Psych-DS dataset."


def dataset_rows(study: Study, answers: Iterable[Answer]) -> Iterator[dict[str, str | int]]:
    """The row of each answer, with the columns `VARIABLES`."""
    for row in result_rows(study, answers):
        trial = study.trials[int(row["participant"])][int(row["position"])]
        images = [f"images/{name}" for name in (trial.a, trial.b) if name]
        buttons = choices_shown(trial)
        yield {
            "subject_id": trial.participant,
            "trial_index": trial.position,
            "trial_type": TRIAL_TYPES[len(images)],
            "task": trial.block,
            "condition": trial.kind,
            "stimulus": json.dumps(images) if len(images) > 1 else "".join(images),
            "rt": row["milliseconds"],
            "response": buttons.index(str(row["choice"])),
            "correct_response": buttons.index(trial.answer),
            "correct": "true" if row["correct"] else "false",
            "choice": row["choice"],
            "answer": trial.answer,
            "repeat_of": row["repeat_of"],
        }


def describe(study: Study, participants: int) -> dict[str, object]:
    """The dataset's description, with terms of https://schema.org."""
    plan = study.settings.plan
    tasks = ", ".join(f"{getattr(plan, block)} {block}" for block in CHOICES)
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": study.settings.title,
        "description": (
            f"Answers of {participants} participants, who were asked whether images of skin are"
            f" photographs or were generated or edited by a computer. Each participant has"
            f" {plan.length} trials ({tasks}, {plan.repeats} repeats, {plan.checks} attention"
            f" checks) with images of {study.settings.size}x{study.settings.size} pixels. Collected"
            f" with synthderm {__version__}."
        ),
        "schemaVersion": "Psych-DS 1.5.0",
        "keywords": ["perception", "dermatology", "synthetic images", "real or generated"],
        "variableMeasured": [
            {"@type": "PropertyValue", "name": name, "description": text, "value": kind}
            | ({"unitText": unit} if unit else {})
            for name, (kind, unit, text) in VARIABLES.items()
        ],
    }


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
