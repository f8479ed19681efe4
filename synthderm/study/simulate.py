"""Participants with a known truth, to check the analysis, or to try it before the first real one
comes."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from synthderm.study.files import Study
from synthderm.study.schedule import CHOICES, Trial


@dataclass(frozen=True)
class Person:
    """A simulated participant.

    Args:
        dprime: sensitivity; 0 guesses.
        bias: criterion c of yes/no trials; above 0 says "real" more readily.
        care: probability of reading a trial at all; otherwise presses any button, in a check too.
        pace: median milliseconds of an answer.
    """

    dprime: float = 0.0
    bias: float = 0.0
    care: float = 1.0
    pace: float = 2500.0

    def accuracy(self, block: str) -> float:
        """Expected share of correct answers in a balanced block."""
        if block == "yesno":
            seen = (
                norm.cdf(self.dprime / 2 - self.bias) + norm.cdf(self.dprime / 2 + self.bias)
            ) / 2
        else:
            seen = norm.cdf(self.dprime / math.sqrt(2))
        return float(self.care * seen + (1 - self.care) / 2)

    def answer(self, trial: Trial, rng: np.random.Generator) -> str:
        """This person's choice, by signal detection theory: the evidence is normal with unit
        variance."""
        if rng.random() >= self.care:
            return CHOICES[trial.block][rng.integers(2)]
        if trial.kind == "check":
            return trial.answer
        if trial.kind == "yesno":
            evidence = rng.normal(
                self.dprime / 2 if trial.answer == "generated" else -self.dprime / 2
            )
            return "generated" if evidence > self.bias else "real"
        difference = rng.normal(self.dprime, math.sqrt(2))
        return trial.answer if difference > 0 else {"a": "b", "b": "a"}[trial.answer]


GUESSER = Person()
EXPERT = Person(dprime=2.0)
CARELESS = Person(care=0.0, pace=200.0)


def simulate(study: Study, people: list[Person], seed: int = 0) -> list[tuple[int, int, str, int]]:
    """The answers of these people, who take part from number 1 on: (participant, position, choice,
    milliseconds)."""
    rng = np.random.default_rng(seed)
    return [
        (
            number,
            trial.position,
            person.answer(trial, rng),
            round(person.pace * math.exp(rng.normal(0, 0.4))),
        )
        for number, person in enumerate(people, 1)
        for trial in study.trials[number]
    ]
