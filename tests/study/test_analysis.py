"""The whole way from answers to the report, on participants whose truth is known."""

import csv
import math
import re
import shutil

import pandas as pd
import pytest
from scipy import stats

from synthderm.study.__main__ import main
from synthderm.study.analyse import analyse
from synthderm.study.build import build
from synthderm.study.files import Study
from synthderm.study.results import COLUMNS
from synthderm.study.schedule import Plan
from synthderm.study.simulate import CARELESS, EXPERT, GUESSER, Person, simulate
from synthderm.study.store import Store


@pytest.fixture(scope="module")
def large(sources, tmp_path_factory):
    """A study with enough trials to tell people apart."""
    out = tmp_path_factory.mktemp("large") / "study"
    pairs = {
        "add": [sources["before"], sources["after"]],
        "remove": [sources["after"], sources["before"]],
    }
    build(
        out,
        sources["real"],
        sources["generated"],
        plan=Plan(60, 10, 8, 12, 6, 6),
        seed=1,
        images=14,
        **pairs,
    )
    return Study(out)


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
    assert (
        analyse(large, simulate(large, [Person(dprime=-2)] * 40, seed=4)).kinds[0].conclusion
        == "fooled"
    )
    assert analyse(large, simulate(large, [GUESSER] * 3, seed=4)).kinds[1].conclusion == "undecided"


def test_the_careless_are_excluded_and_the_sensitivity_analysis_shows_what_that_changes(large):
    people = [EXPERT] * 30 + [CARELESS] * 30
    found = analyse(large, simulate(large, people, seed=5))
    counted = set(found.people.index[found.people.counted])
    assert set(range(1, 31)) <= counted and len(counted - set(range(1, 31))) <= 8, (
        "luck lets 11 % of the careless pass"
    )
    rows = found.sensitivity[found.sensitivity.kind == "yesno"].set_index("rule")
    primary = rows.index[0]
    assert (
        rows.accuracy[primary]
        == found.kinds[0].exact.estimate
        > rows.accuracy["everyone who finished"] + 0.08
    )
    assert rows.participants["everyone who finished"] == 60
    assert rows.accuracy.filter(like="hasty").iloc[0] >= rows.accuracy[primary]
    assert analyse(large, simulate(large, people, seed=5), max_failed_checks=6).people.counted.all()


def test_the_unfinished_wait_in_the_sensitivity_analysis(large):
    answers = [row for row in simulate(large, [GUESSER] * 5, seed=6) if row[0] != 5 or row[1] < 20]
    found = analyse(large, answers)
    assert found.people.counted.sum() == 4 and len(found.people) == 5
    assert (
        found.sensitivity.set_index(["rule", "kind"]).participants["everyone, unfinished too"].max()
        == 5
    )
    with pytest.raises(
        ValueError, match="none of the 1 participants who answered has finished all 42 trials"
    ):
        analyse(large, [row for row in answers if row[0] == 5])


def test_consistency_is_about_the_image_not_the_button(large):
    """Whoever always presses the same button is consistent in yes/no trials, and never in pairs,
    whose sides are exchanged."""
    answers = [
        (
            1,
            trial.position,
            trial.answer if trial.kind == "check" else "real" if trial.block == "yesno" else "a",
            900,
        )
        for trial in large.trials[1]
    ]
    for finding in analyse(large, answers).kinds:
        expected = 1 if finding.kind == "yesno" else 0
        assert finding.repeats == 0 or finding.consistency.estimate == expected
    right = [(1, trial.position, trial.answer, 900) for trial in large.trials[1]]
    assert all(
        finding.consistency.estimate == 1
        for finding in analyse(large, right).kinds
        if finding.repeats
    )


def test_repeats_and_checks_do_not_count_for_accuracy(large):
    trials = large.trials[1]
    plain = [trial for trial in trials if trial.kind != "check" and trial.repeat_of is None]
    answers = [(1, trial.position, trial.answer, 900) for trial in trials]
    found = analyse(large, answers)
    assert sum(finding.trials for finding in found.kinds) == len(plain) == 30
    assert all(finding.exact.estimate == 1 for finding in found.kinds)
    assert all(
        math.isnan(finding.people.low) and finding.conclusion == "undecided"
        for finding in found.kinds
    ), "one participant shows nothing"


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
        assert (row.answers, row.correct, row.median_ms) == (
            len(mine),
            mine.correct.sum(),
            mine.milliseconds.median(),
        )
        interval = stats.binomtest(int(row.correct), int(row.answers)).proportion_ci(method="exact")
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert all(finding.milliseconds[1] == 2000 for finding in found.kinds)
    assert all(math.isnan(finding.milliseconds_wrong) for finding in found.kinds), (
        "nobody was wrong"
    )


def test_the_report_and_the_csv_say_the_same(large, tmp_path, capsys):
    folder = shutil.copytree(large.folder, tmp_path / "study")
    store = Store(folder / "answers.sqlite")
    people = [GUESSER] * 6 + [EXPERT] * 6
    for _ in people:
        store.join(60)
    for row in simulate(large, people, seed=8):
        store.save(*row)
    gone = store.join(60)
    store.withdraw(store.participant(gone))
    store.close()
    main(["analyse", str(folder)])
    printed = capsys.readouterr().out
    page = (folder / "report.html").read_text()
    with open(folder / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*COLUMNS, "counted"] and len(rows) == 12 * large.settings.plan.length
    table = pd.read_csv(folder / "results.csv")
    first = table[(table.kind == "two") & table.repeat_of.isna() & (table.counted == 1)]
    share = f"{100 * first.correct.mean():.1f} %"
    assert share in page and share in printed
    assert f"{first.correct.sum()} of {len(first)}" in page
    assert "withdrew (answers deleted)</td><td>1<" in page
    assert page.count("<img ") == 4 and len(re.findall(r'alt="[^"]{20,}"', page)) == 4
    assert "nan" not in re.sub(r'src="data:[^"]*"', "", page)
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "the report needs nothing else"
    assert "Changed after" not in page
    main(["analyse", str(folder), "--margin", "0.2", "--out", str(tmp_path / "other")])
    assert "margin 0.2 instead of 0.1" in (tmp_path / "other" / "report.html").read_text()


def test_the_power_command(capsys):
    main(["power", "--margin", "0.1", "--trials", "20", "--sd", "0.1"])
    assert re.search(r"^\s+20\s+26\s+25$", capsys.readouterr().out, re.MULTILINE)
