"""The page of attacks, and how tests are counted for it."""

from benchmarks.tables.reliability import reliability_page
from tests.fuzz.attacks import ATTACKS, count_tests

RESULT = {
    "rows": [
        {
            "name": "images",
            "attack": "bits",
            "kind": "fuzz",
            "cases": 12_345,
            "accepted": 5,
            "refused": 12_338,
            "failures": 2,
        },
        {
            "name": "rows",
            "attack": "many",
            "kind": "size",
            "cases": 1,
            "seconds": 9.5,
            "mb": 350,
            "failures": 0,
        },
        {"name": "headers", "attack": "long", "kind": "tests", "cases": 7, "failures": 0},
    ],
    "seconds": 60,
    "seed": 3,
    "commit": "c" * 40,
    "date": "d",
    "versions": {"torch": "t"},
    "hardware": "h",
}
REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="one"/>
<testcase classname="tests.a" name="two"><failure message="x">y</failure></testcase>
<testcase classname="tests.a" name="three"><skipped/></testcase>
<testcase classname="tests.a" name="four"><error/></testcase>
</testsuite></testsuites>"""


def test_a_row_for_each_attack():
    page = reliability_page(RESULT)
    assert "| images | bits | 12,345 | 5 | 12,338 | 2 |" in page
    assert "| rows | many | 9.5 | 350 | 0 |" in page
    assert "| headers | long | 7 | 0 |" in page
    assert "Made again" not in page
    again = RESULT | {"rows": [RESULT["rows"][0], RESULT["rows"][2] | {"commit": "d" * 40}]}
    assert "at commit `dddddddddd`: headers." in reliability_page(again)
    assert "60 s for each parser" in page and "seed 3; commit `cccccccccc`" in page


def test_tests_are_counted(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    counts = count_tests(report)
    assert (counts["cases"], counts["failures"], counts["skipped"]) == (3, 2, 1)
    assert counts["faults"] == ["tests.a::two", "tests.a::four"]


def test_the_tests_of_attacks_are_there():
    from tests.fuzz.__main__ import ROOT

    assert all((ROOT / file).is_file() for attack in ATTACKS for file in attack.files)
