"""Tables as programs write them are read; what can't be read is named with file and line."""

import codecs
import json
import tracemalloc

import pytest

from synthderm.datasets.tables import read_columns, read_table

PLAIN = "name,label\n1.png,mel\n2.png,Ekz\u00e9m\n"
ROWS = [{"name": "1.png", "label": "mel"}, {"name": "2.png", "label": "Ekz\u00e9m"}]


def write(tmp_path, data, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        "sep=;\r\n" + PLAIN.replace(",", ";"),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        "\n" + PLAIN.replace("\n", "\n\n") + ",\n",
        " name , label \n 1.png ,mel \n2.png,\u00a0Ekz\u00e9m\n",
        PLAIN.replace("\u00e9", "e\u0301"),
        PLAIN.replace("\n", ",,\n"),
        '"name","label"\n"1.png","mel"\n"2.png","Ekz\u00e9m"',
    ],
)
def test_tables_as_programs_write_them(tmp_path, data):
    path = write(tmp_path, data)
    assert [dict(row) for row in read_table(path, "name", "label")] == ROWS
    assert read_columns(path) == ["name", "label"]


def test_cp1252_is_read_and_said(tmp_path):
    path = write(tmp_path, PLAIN.encode("cp1252"))
    with pytest.warns(UserWarning, match="t.csv, line 3 is not UTF-8, .* read as cp1252") as caught:
        assert read_table(path, "label")[1]["label"] == "Ekz\u00e9m"
    assert caught[0].filename == __file__


def test_json_lines(tmp_path):
    text = '{"name": " 1.png", "label": 3, "more": [1]}\n\n{"name": "2.png", "label": "a\u2028b"}\n'
    rows = read_table(write(tmp_path, text, "t.jsonl"), "name", "label", may_be_empty=["more"])
    assert [row["label"] for row in rows] == ["3", "a\u2028b"]
    assert [row.line for row in rows] == [1, 3]


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("t.csv", PLAIN + "3.png\n", "t.csv, line 4: the number of fields is 1, but .* columns 2"),
        ("t.csv", PLAIN + "3.png,a,b\n", "t.csv, line 4: the number of fields is 3"),
        ("t.csv", PLAIN + "3.png, \n", "t.csv, line 4: label is empty"),
        ("t.csv", 'name,label\n"1\n.png",mel\n2.png,\n', "t.csv, line 4: label is empty"),
        ("t.csv", "sep=;\nname;label\n1.png;\n", "t.csv, line 3: label is empty"),
        ("t.csv", PLAIN + '"3.png,a\n', "t.csv, line 4: unexpected end"),
        ("t.csv", "name,label,label\n1,2,3\n", "t.csv has two columns 'label'"),
        ("t.csv", "name,Label\n1,2\n", "t.csv has no column 'label'; it has: Label, name"),
        ("t.csv", "name,label\n", "t.csv has no rows"),
        ("t.csv", "", "t.csv has no column 'name'; it has: nothing"),
        ("t.csv", b"name,label\n1.png,\x81\n", "t.csv, line 2 is in an unknown encoding"),
        ("t.csv", PLAIN.encode("utf-16-le"), "t.csv is no text in UTF-8"),
        ("t.csv", b"PK\x03\x04\0\0", "t.csv is no text in UTF-8"),
        ("t.csv", codecs.BOM_UTF16_LE + b"a", "t.csv, line 1 is in an unknown encoding"),
        ("t.jsonl", '{"name": 1}\n{"name": "2"', "t.jsonl, line 2 is not JSON"),
        ("t.jsonl", '{"name": ' + "[" * 100_000, "t.jsonl, line 1 is not JSON: .*recursion"),
        ("t.jsonl", "{}\n" + "[" * 100_000, "t.jsonl, line 2 is not JSON: .*recursion"),
        ("t.jsonl", '{"name": 1' + "0" * 5000 + "}", "t.jsonl, line 1 is not JSON: .*4300 digits"),
        ("t.jsonl", "[1]\n", "t.jsonl, line 1 is no JSON object"),
        ("t.jsonl", '{"name": 1, "label": "a"}\n{"name": 2}\n', "t.jsonl, line 2: label is empty"),
        ("t.jsonl", '{"name": 1, "label": null}\n', "t.jsonl, line 1: label is empty"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_line(tmp_path, name, data, message):
    with pytest.raises(ValueError, match=message):
        read_table(write(tmp_path, data, name), "name", "label")


def test_numbers_have_a_point_or_a_comma(tmp_path):
    first, second = read_table(write(tmp_path, "a;b\n1,5;0.5\nx;1\n"), "a", "b")
    assert (first.number("a"), first.number("b")) == (1.5, 0.5)
    with pytest.raises(ValueError, match="t.csv, line 3: a is 'x', no number"):
        second.number("a")


def peak_of(call) -> int:
    """The most bytes that Python holds while something is done."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] + 0 * len(result)
    finally:
        tracemalloc.stop()


def test_many_rows_take_little_memory(tmp_path):
    rows = "".join(f"images/{k:06}.png,{k % 7},P{k % 50},some text\n" for k in range(20_000))
    path = write(tmp_path, "name,label,patient,more\n" + rows)
    table = read_table(path, "name", "label", optional=["patient", "absent"])
    assert table.names == ["name", "label", "patient", "more"]
    assert dict(table[-1]) == {"name": "images/019999.png", "label": "0", "patient": "P49"}
    assert [row.line for row in table[2:4]] == [4, 5] and len(list(table)) == 20_000
    # A dict for each row took 500 bytes.
    assert peak_of(lambda: read_table(path, "name", "label", optional=["patient"])) < 250 * 20_000


def test_keys_of_which_each_line_has_its_own_take_little_memory(tmp_path):
    lines = [json.dumps({"name": "a", f"key {k}": k}) for k in range(3000)]
    path = write(tmp_path, "\n".join(lines), "t.jsonl")
    assert len(read_columns(path)) == 3001
    assert peak_of(lambda: read_table(path, "name", optional=["key 7"])) < 1000 * 3000
    assert [row["key 7"] for row in read_table(path, "name", optional=["key 7"])][6:9] == [
        "",
        "7",
        "",
    ]


@pytest.mark.parametrize("cells", [499, 500, 501, 1003])
def test_lines_are_counted_across_many_rows_and_lines_within_cells(tmp_path, cells):
    text = "name,label\n\n" + "".join(f'"{k}\n",a\n' for k in range(cells)) + "x,\n"
    with pytest.raises(ValueError, match=f"t.csv, line {3 + 2 * cells}: label is empty"):
        read_table(write(tmp_path, text), "name", "label")
    table = read_table(write(tmp_path, text.replace("x,\n", "x,b\n")), "name", "label")
    assert list(table.lines) == [*range(3, 3 + 2 * cells, 2), 3 + 2 * cells]
