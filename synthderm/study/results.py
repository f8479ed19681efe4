"""Answers joined with the key: one row for each answer.

Columns that need a word:

    target     the image that the question is about: of a pair the generated or edited one
    origin     the file that the target comes from
    answer     the right answer
    choice     the participant's answer
    correct    1 or 0
    repeat_of  position of the first showing, empty if this is no repeat
    swapped    1 if the buttons of yes/no trials stood in the other order, else 0
"""

from collections.abc import Iterable, Iterator

from synthderm.study.store import Answer
from synthderm.study.study_folder import Study

COLUMNS = (
    "participant",
    "position",
    "block",
    "kind",
    "a",
    "b",
    "target",
    "origin",
    "answer",
    "choice",
    "correct",
    "milliseconds",
    "repeat_of",
    "swapped",
)


def result_rows(study: Study, answers: Iterable[Answer]) -> Iterator[dict[str, str | int]]:
    """The row of each answer, with `COLUMNS`."""
    for participant, position, choice, milliseconds in answers:
        trial = study.trials[participant][position]
        target = trial.b if trial.b and trial.answer == "b" else trial.a
        yield {
            "participant": participant,
            "position": position,
            "block": trial.block,
            "kind": trial.kind,
            "a": trial.a,
            "b": trial.b,
            "target": target,
            "origin": study.origins[target]["origin"] if target else "",
            "answer": trial.answer,
            "choice": choice,
            "correct": int(choice == trial.answer),
            "milliseconds": milliseconds,
            "repeat_of": "" if trial.repeat_of is None else trial.repeat_of,
            "swapped": int(trial.swapped),
        }
