"""The analysis of simulated participants whose truth is known."""

import math

import pytest
from scipy import stats

from synthderm.study.analyse import analyse
from tests.study.simulate import CARELESS, EXPERT, GUESSER, Person, simulate


def test_guessers_can_not_tell(large):
    found = analyse(large, simulate(large, [GUESSER] * 60, seed=1))
    assert [finding.kind for finding in found.kinds] == ["yesno", "two", "add", "remove"]
    assert found.kinds[0].conclusion == "can't tell" and found.kinds[1].conclusion == "can't tell"
    for finding in found.kinds:
        assert finding.people.low <= 0.5 <= finding.people.high
        assert finding.dprime.low <= 0 <= finding.dprime.high
        assert finding.consistency.low <= 0.5 <= finding.consistency.high
        assert abs(finding.agreement.kappa) < 0.1


def test_experts_can_tell_and_their_dprime_is_recovered(large):
    found = analyse(large, simulate(large, [EXPERT] * 60, seed=2))
    for finding in found.kinds:
        assert finding.conclusion == "can tell"
        assert finding.dprime.low <= EXPERT.dprime <= finding.dprime.high
        assert finding.exact.low <= EXPERT.accuracy(finding.kind) <= finding.exact.high
        assert finding.chance_holm >= finding.people_tests.chance
        assert finding.agreement.kappa > 0.3 if finding.kind == "yesno" else True


def test_bias_is_recovered_apart_from_sensitivity(large):
    yesno = analyse(large, simulate(large, [Person(dprime=1, bias=0.5)] * 60, seed=3)).kinds[0]
    assert yesno.bias.low <= 0.5 <= yesno.bias.high and yesno.dprime.low <= 1 <= yesno.dprime.high


def test_people_who_are_fooled_are_told_from_people_who_cannot_tell(large):
    fooled = analyse(large, simulate(large, [Person(dprime=-2)] * 40, seed=4))
    few = analyse(large, simulate(large, [GUESSER] * 3, seed=4))
    assert fooled.kinds[0].conclusion == "fooled"
    assert few.kinds[1].conclusion == "undecided"


def test_the_careless_are_excluded_and_the_sensitivity_analysis_shows_what_that_changes(large):
    people = [EXPERT] * 30 + [CARELESS] * 30
    found = analyse(large, simulate(large, people, seed=5))
    counted = set(found.people.index[found.people.counted])
    experts = set(range(1, 31))
    assert experts <= counted
    assert len(counted - experts) <= 8, "11 % of the careless pass the attention checks by luck"
    rows = found.sensitivity_analysis
    rows = rows[rows.kind == "yesno"].set_index("rule")
    primary = rows.index[0]
    assert rows.accuracy[primary] == found.kinds[0].exact.estimate
    assert rows.accuracy[primary] > rows.accuracy["everyone who finished"] + 0.08
    assert rows.participants["everyone who finished"] == 60
    assert rows.accuracy.filter(like="hasty").iloc[0] >= rows.accuracy[primary]
    assert analyse(large, simulate(large, people, seed=5), max_failed_checks=6).people.counted.all()


def test_the_unfinished_wait_in_the_sensitivity_analysis(large):
    answers = [row for row in simulate(large, [GUESSER] * 5, seed=6) if row[0] != 5 or row[1] < 20]
    found = analyse(large, answers)
    assert found.people.counted.sum() == 4 and len(found.people) == 5
    rows = found.sensitivity_analysis.set_index("rule")
    assert rows.participants["everyone, unfinished too"].max() == 5
    words = "none of the 1 participants who answered has finished all 42 trials"
    with pytest.raises(ValueError, match=words):
        analyse(large, [row for row in answers if row[0] == 5])


def test_consistency_is_about_the_image_not_the_button(large):
    """The same button each time is consistent in yes/no trials, never in (exchanged) pairs."""
    same_button = {"yesno": "real", "two": "a", "edit": "a"}
    answers = []
    for trial in large.trials[1]:
        choice = trial.answer if trial.kind == "check" else same_button[trial.block]
        answers.append((1, trial.position, choice, 900))
    for finding in analyse(large, answers).kinds:
        expected = 1 if finding.kind == "yesno" else 0
        assert finding.repeats == 0 or finding.consistency.estimate == expected
    right = [(1, trial.position, trial.answer, 900) for trial in large.trials[1]]
    repeated = [finding for finding in analyse(large, right).kinds if finding.repeats]
    assert all(finding.consistency.estimate == 1 for finding in repeated)


def test_repeats_and_checks_do_not_count_for_accuracy(large):
    trials = large.trials[1]
    plain = [trial for trial in trials if trial.kind != "check" and trial.repeat_of is None]
    answers = [(1, trial.position, trial.answer, 900) for trial in trials]
    found = analyse(large, answers)
    assert sum(finding.trials for finding in found.kinds) == len(plain) == 30
    assert all(finding.exact.estimate == 1 for finding in found.kinds)
    for finding in found.kinds:
        assert math.isnan(finding.people.low), "one participant shows nothing"
        assert finding.conclusion == "undecided"


def test_image_difficulty_and_times_by_hand(large):
    answers = [
        (number, trial.position, trial.answer, 1000 * number)
        for number in (1, 2, 3)
        for trial in large.trials[number]
    ]
    found = analyse(large, answers)
    table = found.table[(found.table.kind == "yesno") & (found.table.repeat_of == "")]
    for row in found.images[found.images.kind == "yesno"].itertuples():
        mine = table[table.target == row.target]
        expected = (len(mine), mine.correct.sum(), mine.milliseconds.median())
        assert (row.answers, row.correct, row.median_ms) == expected
        interval = stats.binomtest(int(row.correct), int(row.answers)).proportion_ci(method="exact")
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert all(finding.milliseconds[1] == 2000 for finding in found.kinds)
    assert all(math.isnan(finding.milliseconds_wrong) for finding in found.kinds), (
        "nobody was wrong"
    )
