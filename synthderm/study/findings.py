"""What an analysis finds, as plain values."""

from dataclasses import dataclass

import pandas as pd

from synthderm.study.measures import Agreement, Interval, Tests
from synthderm.study.study_folder import Settings, Study

ALPHA = 0.05


@dataclass(frozen=True)
class Finding:
    """What the answers to one kind of question say.

    Args:
        kind: one of `plan.KINDS`.
        participants: number of participants counted.
        correct, trials: correct answers and answers.
        exact: accuracy, if all answers are independent.
        people: accuracy, for other participants.
        people_and_images: accuracy, for other participants and other images.
        answers_tests: tests that take all answers as independent.
        people_tests: tests of participants' accuracies.
        chance_holm: `people_tests.chance`, corrected for the number of kinds (Holm).
        dprime: sensitivity d'.
        bias: criterion c in yes/no trials, else the share of answers "a".
        bias_name: which of the two.
        consistency: share of repeats with the same answer.
        repeats: number of repeats.
        agreement: between participants.
        milliseconds: quartiles of the reaction time.
        milliseconds_right, milliseconds_wrong: median of right and of wrong answers.
    """

    kind: str
    participants: int
    correct: int
    trials: int
    exact: Interval
    people: Interval
    people_and_images: Interval
    answers_tests: Tests
    people_tests: Tests
    chance_holm: float
    dprime: Interval
    bias: Interval
    bias_name: str
    consistency: Interval
    repeats: int
    agreement: Agreement
    milliseconds: tuple[float, float, float]
    milliseconds_right: float
    milliseconds_wrong: float

    @property
    def conclusion(self) -> str:
        """One of five conclusions from the tests of people.

        "can't tell" (equivalent to chance), "can tell" (above chance), "fooled" (below chance),
        "small difference" (equivalent and different), or "undecided" (neither).
        """
        is_different = self.people_tests.chance < ALPHA
        if self.people_tests.equivalence < ALPHA:
            return "small difference" if is_different else "can't tell"
        if is_different:
            return "can tell" if self.exact.estimate > 0.5 else "fooled"
        return "undecided"


@dataclass(frozen=True)
class Findings:
    """The whole analysis.

    Args:
        study: what was asked.
        rules: the study's settings, with the margin and the exclusion rule that were used.
        table: every answer, with `results.COLUMNS`.
        people: one row for each participant: answers, finished, failed_checks, median_ms, counted.
        answers: those of the table that count: first showings to counted participants.
        kinds: one finding for each kind of question.
        images: one row for each kind and target image, hardest first.
        sensitivity_analysis: accuracy and tests of each kind under other exclusion rules.
    """

    study: Study
    rules: Settings
    table: pd.DataFrame
    people: pd.DataFrame
    answers: pd.DataFrame
    kinds: list[Finding]
    images: pd.DataFrame
    sensitivity_analysis: pd.DataFrame
