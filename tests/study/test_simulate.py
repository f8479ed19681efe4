"""Simulated participants answer as they should."""

import math

import numpy as np
import pytest

from synthderm.study.study_folder import Study
from tests.study.simulate import Person


@pytest.mark.parametrize(
    "person", [Person(), Person(dprime=1.5, bias=0.4), Person(dprime=1, care=0.6)]
)
def test_simulated_people_answer_as_they_say(person, built):
    rng = np.random.default_rng(0)
    trials = [trial for trials in Study(built).trials.values() for trial in trials]
    for kind in ("yesno", "two"):
        asked = [trial for trial in trials if trial.kind == kind] * 40
        right = [person.answer(trial, rng) == trial.answer for trial in asked]
        tolerance = 4 * math.sqrt(0.25 / len(right))
        assert np.mean(right) == pytest.approx(person.accuracy(kind), abs=tolerance)
