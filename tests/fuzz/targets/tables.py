"""Tables: the cells that were written, or a refusal with file and line."""

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from synthderm.datasets.tables import read_columns, read_table
from tests.fuzz.mutations import mutate, seeds
from tests.fuzz.outcome import attempt, require

ATTACK = "CSV and JSON lines with odd separators, quotes, line ends, encodings, numbers and nesting"
JSON = [
    *('{"a": ' + "[" * 100_000, "[" * 100_000, '{"a": 1' + "0" * 5000 + "}", '{"a": NaN}'),
    *('{"a": "\\ud800"}', "{}", "[]", "null", '{"a": 1, "a": 2}', '{"": 1}', '{"a": {"a": 1e999}}'),
]


class Case(NamedTuple):
    """A table's file, and its cells; None where it was damaged."""

    data: bytes
    suffix: str
    rows: list[dict[str, str]] | None


def tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


cell = st.one_of(
    st.sampled_from(
        ["", "1.0", "NaN", "a b", "=1+1", '"', "''", ",", ";", "\\", "é", "\x1f", "x" * 200]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=8),
)
name = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6).map(tidy)


@st.composite
def sound(draw: Any) -> Case:
    """A table as a program would write it."""
    names = draw(st.lists(name.filter(bool), min_size=2, max_size=5, unique_by=tidy))
    count = draw(st.integers(1, 5))
    rows = [{key: tidy(draw(cell)) for key in names} for _ in range(count)]
    rows = [row for row in rows if any(row.values())]
    if draw(st.booleans()):
        lines = [json.dumps(row, ensure_ascii=draw(st.booleans())) for row in rows]
        return Case("\n".join(lines).encode(), ".jsonl", rows)
    file = io.StringIO(newline="")
    separator = draw(st.sampled_from(",;\t|"))
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(file, delimiter=separator, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *([row[key] for key in names] for row in rows)])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return Case(file.getvalue().encode(encoding), ".csv", rows)


@st.composite
def damaged(draw: Any) -> Case:
    case, rng = draw(sound()), draw(seeds())
    data = mutate(rng, case.data)
    if case.suffix == ".jsonl" and draw(st.booleans()):
        data += b"\n" + draw(st.sampled_from(JSON)).encode("utf-8", "surrogatepass")
    return Case(data, case.suffix, None)


def cases() -> st.SearchStrategy[Case]:
    return st.one_of(sound(), damaged())


def prepare(folder: Path) -> None:
    """Nothing is needed."""


def check(case: Case, folder: Path) -> str:
    path = folder / f"table{case.suffix}"
    path.write_bytes(case.data)
    columns, other = attempt(lambda: read_columns(path), names=str(path))
    rows, refusal = attempt(lambda: read_table(path, optional=columns or ()), names=str(path))
    if refusal is not None:
        require(not case.rows, f"a sound table is refused: {refusal}")
        return "refused"
    require(other is None, f"columns of a table that is read: {other}")
    if case.rows is not None:
        require([dict(row) for row in rows] == case.rows, "other cells than were written")
    for row in rows:
        require(set(row) <= set(columns), "a column that is not listed")
        require(all(tidy(text) == text for text in row.values()), "a cell that is not tidy")
    return "read"
