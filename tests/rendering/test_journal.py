"""A table that grows row by row and goes on where it was cut off."""

import pytest

from synthderm.rendering.journal import Journal, read_rows, write_rows

COLUMNS = ("name", "area")
ROWS = [
    {"name": 'a, "b".png', "area": "0.5"},
    {"name": "two\nlines é.png", "area": ""},
    {"name": b"\xff.png".decode("utf-8", "surrogateescape"), "area": "1"},
]


@pytest.fixture
def path(tmp_path):
    with Journal(tmp_path / "table.csv", COLUMNS) as journal:
        for row in ROWS:
            journal.append(row)
    return tmp_path / "table.csv"


def test_rows_come_back_and_go_on(path):
    assert read_rows(path, COLUMNS) == ROWS and read_rows(path / "none", COLUMNS) == []
    with Journal(path, COLUMNS) as journal:
        assert journal.rows == ROWS
        journal.append(ROWS[0])
    assert read_rows(path, COLUMNS) == [*ROWS, ROWS[0]]
    before = path.read_bytes()
    write_rows(path, COLUMNS, [*ROWS, ROWS[0]])
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 2, 5, 7])
def test_a_last_line_that_was_cut_short_is_dropped(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, COLUMNS) as journal:
        assert journal.rows == ROWS[:2]
        journal.append(ROWS[2])
    assert read_rows(path, COLUMNS) == ROWS


def test_names_that_were_cut_short(path):
    path.write_bytes(b"name,ar")
    with Journal(path, COLUMNS) as journal:
        journal.append(ROWS[0])
    assert read_rows(path, COLUMNS) == ROWS[:1]


@pytest.mark.parametrize(
    "text", ["name,size\n", "name,area\na,1\nb\n", 'name,area\n"a,1\n', "\0\n"]
)
def test_another_table_is_refused_and_left_alone(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match=r"table\.csv .*: choose a new folder"):
        Journal(path, COLUMNS)
    assert path.read_text() == text


def test_one_process_at_a_time(path):
    with Journal(path, COLUMNS), pytest.raises(ValueError, match="is being written to by another"):
        Journal(path, COLUMNS)
    Journal(path, COLUMNS).__exit__(None, None, None)
