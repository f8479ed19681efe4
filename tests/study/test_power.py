"""The power calculation against simulated studies."""

import numpy as np
import pytest
from scipy import stats

from synthderm.study import power


@pytest.mark.parametrize(("people", "accuracy"), [(12, 0.5), (30, 0.5), (30, 0.55)])
def test_power_is_what_simulated_studies_find(people, accuracy):
    rng, trials, sd, margin = np.random.default_rng(3), 20, 0.1, 0.1
    skills = np.clip(rng.normal(accuracy, sd, (2000, people)), 0, 1)
    shares = rng.binomial(trials, skills) / trials
    low = stats.ttest_1samp(shares, 0.5 - margin, axis=1, alternative="greater").pvalue
    high = stats.ttest_1samp(shares, 0.5 + margin, axis=1, alternative="less").pvalue
    found = np.mean(np.maximum(low, high) < 0.05)
    expected = power.equivalence_power(people, trials, margin, sd, accuracy=accuracy)
    assert expected == pytest.approx(found, abs=0.04)


def test_participants_needed_are_the_fewest_that_suffice():
    equivalence, detection = power.participants_needed(20, 0.1, 0.1, power=0.9)
    for power_of, needed in (
        (power.equivalence_power, equivalence),
        (power.detection_power, detection),
    ):
        assert power_of(needed, 20, 0.1, 0.1) >= 0.9 > power_of(needed - 1, 20, 0.1, 0.1)
    assert power.participants_needed(20, 0.05, 0.1)[0] > equivalence, "a narrower margin needs more"
    for wrong in ({"margin": 0}, {"sd": 0.6}, {"power": 1}, {"trials": 0}, {"margin": 0.0001}):
        with pytest.raises(ValueError):
            power.participants_needed(**({"trials": 20, "margin": 0.1, "sd": 0.1} | wrong))
