"""Simulated participants whose true accuracy is known, to test the analysis."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from synthderm.study.plan import CHOICES
from synthderm.study.schedule import OTHER_SIDE, Trial
from synthderm.study.store import Answer
from synthderm.study.study_folder import Study


@dataclass(frozen=True)
class Person:
    """A simulated participant, who answers by signal detection theory.

    Args:
        dprime: sensitivity; 0 guesses.
        bias: criterion c of yes/no trials; above 0 says "real" more readily.
        care: probability of reading a trial. Unread trials get a random answer, attention checks
            too.
        pace: median milliseconds of an answer.
    """

    dprime: float = 0.0
    bias: float = 0.0
    care: float = 1.0
    pace: float = 2500.0

    def accuracy(self, block: str) -> float:
        """Expected share of correct answers in a balanced block."""
        if block == "yesno":
            half = self.dprime / 2
            read = (norm.cdf(half - self.bias) + norm.cdf(half + self.bias)) / 2
        else:
            read = norm.cdf(self.dprime / math.sqrt(2))
        return float(self.care * read + (1 - self.care) / 2)

    def answer(self, trial: Trial, rng: np.random.Generator) -> str:
        """This person's choice. The evidence is normal with unit variance."""
        if rng.random() >= self.care:
            return CHOICES[trial.block][rng.integers(2)]
        if trial.kind == "check":
            return trial.answer
        if trial.kind == "yesno":
            half = self.dprime / 2
            evidence = rng.normal(half if trial.answer == "generated" else -half)
            return "generated" if evidence > self.bias else "real"
        difference = rng.normal(self.dprime, math.sqrt(2))
        return trial.answer if difference > 0 else OTHER_SIDE[trial.answer]


GUESSER = Person()
EXPERT = Person(dprime=2.0)
CARELESS = Person(care=0.0, pace=200.0)


def simulate(study: Study, people: list[Person], seed: int = 0) -> list[Answer]:
    """The answers of these people, who are the study's participants from number 1 on."""
    rng = np.random.default_rng(seed)
    answers = []
    for number, person in enumerate(people, 1):
        for trial in study.trials[number]:
            choice = person.answer(trial, rng)
            milliseconds = round(person.pace * math.exp(rng.normal(0, 0.4)))
            answers.append(Answer(number, trial.position, choice, milliseconds))
    return answers
