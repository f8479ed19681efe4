"""docs/reliability.md, from reliability.json, which `make fuzz` writes."""

from typing import Any

from benchmarks.tables.markdown import describe_run, paragraph, table

INTRODUCTION = (
    "What happens when files, arguments and requests come from a stranger. A failure is anything "
    "but a result that is right or one clear sentence: a crash, another exception, a warning that "
    "is not meant for users, more than 10 s of processor time, 3 GB of memory, a file written or a "
    "connection opened elsewhere, a pixel or a cell that is not what was stored, an answer that is "
    "lost or told. What is promised, and how to report what does not hold, is in SECURITY.md."
)
FUZZED = (
    "Random inputs, {seconds:g} s for each parser, each in a process of its own (`tests/fuzz`; "
    "weights: `tests/hub/fuzz.py`). The test suite tries a few of them each time."
)
TESTED = (
    "Attacks on processes, connections and disks, which tests make one by one. A case is a test, "
    "many of which try several things."
)
SIZED = (
    "Large inputs, each in a process of its own: seconds of processor time, and MB of memory "
    "beyond what importing takes, of which torch takes most. The data set of a million "
    "photographs keeps some 200 MB. The million files are a thousand, to whose folder 999 links "
    "lead."
)


def reliability_page(result: dict[str, Any]) -> str:
    """The page."""
    fuzzed = [row for row in result["rows"] if row["kind"] == "fuzz"]
    sized = [row for row in result["rows"] if row["kind"] == "size"]
    tested = [row for row in result["rows"] if row["kind"] == "tests"]
    lines = ["# Reliability", "", *paragraph(INTRODUCTION), ""]
    if fuzzed:
        lines += ["## Fuzzing", "", *paragraph(FUZZED.format(**result)), ""]
        lines += table(
            ["parser", "attack", "cases", "accepted", "refused", "failures"],
            [
                [row["name"], row["attack"], *(_number(row, key) for key in COUNTS)]
                for row in fuzzed
            ],
        )
    if sized:
        lines += ["## Sizes", "", *paragraph(SIZED), ""]
        lines += table(
            ["of", "attack", "seconds", "MB", "failures"],
            [[row["name"], row["attack"], *(row.get(key, "") for key in SIZE)] for row in sized],
        )
    if tested:
        lines += ["## Tests", "", *paragraph(TESTED), ""]
        lines += table(
            ["of", "attack", "cases", "failures"],
            [[row["name"], row["attack"], row["cases"], row["failures"]] for row in tested],
        )
    lines += paragraph(f"Made by `make fuzz`, seed {result['seed']}; {describe_run(result)}")
    later: dict[str, list[str]] = {}
    for row in result["rows"]:
        if row.get("commit", result["commit"]) != result["commit"]:
            later.setdefault(row["commit"], []).append(row["name"])
    for commit, names in later.items():
        lines += [
            "",
            *paragraph(f"Made again since, at commit `{commit[:10]}`: {', '.join(names)}."),
        ]
    return "\n".join(lines) + "\n"


COUNTS = ("cases", "accepted", "refused", "failures")
SIZE = ("seconds", "mb", "failures")


def _number(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:,}" if key in row else ""
