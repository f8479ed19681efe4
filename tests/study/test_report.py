"""The report and the CSV, from answers whose truth is known."""

import csv
import re
import shutil

import pandas as pd

from synthderm.study.__main__ import main
from synthderm.study.results import COLUMNS
from synthderm.study.store import Store
from tests.study.simulate import EXPERT, GUESSER, simulate


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
