"""Answers joined with the key: one row for each answer."""

from collections.abc import Iterable, Iterator

from synthderm.study.files import Study

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


def result_rows(study: Study, answers: Iterable[tuple[int, int, str, int]]) -> Iterator[dict]:
    """One dict with `COLUMNS` for each (participant, position, choice, milliseconds).

    `target` is the image that the question is about (the generated or edited one of a pair) and
    `origin` its file; `correct` is 0 or 1.
    """
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
