"""Folders of photographs: names in tables, records of `render`, and folders that are odd."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from PIL import Image

from synthderm.datasets.folder import SkinFolder
from tests.fuzz.mutations import mutate, seeds
from tests.fuzz.outcome import attempt, require

ATTACK = "folders whose metadata.csv and manifest.json name odd files, classes, splits and values"
NAMES = [
    *("a.png", "b.png", "A.PNG", "sub/c.png", "sub\\c.png", "./a.png", "sub/../a.png", "sub", ""),
    *(
        "..",
        ".",
        "/",
        "\\",
        "C:\\a.png",
        "a.png\t",
        "a" * 300,
        "a" * 5000 + "/b",
        "é.png",
        "?*[",
        "~",
    ),
    *("http://x/a.png", "\u202ea.png", "-a.png", "loop/a.png", "a.png/a.png"),
]
VALUES = [
    "",
    "a",
    "b",
    "nan",
    "NaN",
    "1",
    "1.0",
    "-1",
    "True",
    "x" * 400,
    "é",
    "\u0000x",
    "a,b",
    "#",
]
COLUMNS = ["mask_file_name", "split", "patient_id", "fitzpatrick", "set", "x"]
ODD = [None, True, 0, -1, 1e300, "", "x", [], {}, [[]], ["a"], ["a", "b"], [1, 2], [None], {"a": 1}]


class Case(NamedTuple):
    """Rows of a metadata.csv, the text of a manifest.json, and arguments of `SkinFolder`."""

    table: bytes
    manifest: bytes | None
    options: dict[str, Any]


good_row = st.sampled_from([("a.png", "a"), ("b.png", "b"), ("sub/c.png", "b")])


@st.composite
def cases(draw: Any) -> Case:
    others = draw(st.lists(st.sampled_from(COLUMNS), max_size=2, unique=True))
    columns = ["file_name", "label", *others]
    # Few odd cells in a table, or one that is wrong would hide the rest.
    rows = [[*draw(good_row), *[""] * len(others)] for _ in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(0, 2))):
        row, column = draw(st.sampled_from(rows)), draw(st.integers(0, len(columns) - 1))
        row[column] = draw(st.sampled_from(NAMES if "file" in columns[column] else VALUES))
    rows.insert(0, columns)
    text = "\n".join(",".join(row) for row in rows).encode()
    record = {"synthderm": "0", "classes": draw(st.sampled_from(ODD)), "length": 1}
    record |= draw(st.dictionaries(st.sampled_from(["length", "synthderm"]), st.sampled_from(ODD)))
    if draw(st.booleans()):
        record["classes"] = ["b", "a"]
    manifest = draw(st.sampled_from([None, *[json.dumps(record).encode()] * 3, b"[" * 100_000]))
    if draw(st.integers(0, 3)) == 0:
        rng = draw(seeds())
        text, manifest = mutate(rng, text, 2), manifest and mutate(rng, manifest, 2)
    options = {"split": st.sampled_from([None, None, "train", 0]), "return_mask": st.booleans()}
    options["classes"] = st.sampled_from(
        [None, None, "a", ["b", "a"], ["b", "a"], [], [1], ["a", "a"]]
    )
    return Case(text, manifest, draw(st.fixed_dictionaries({}, optional=options)))


def prepare(folder: Path) -> None:
    root = folder / "photographs"
    (root / "sub").mkdir(parents=True)
    (root / "loop").symlink_to(root)
    for name in ("a.png", "b.png", "sub/c.png", "é.png"):
        Image.new("RGB", (4, 4)).save(root / name)


def check(case: Case, folder: Path) -> str:
    root = folder / "photographs"
    (root / "metadata.csv").write_bytes(case.table)
    (root / "manifest.json").unlink(missing_ok=True)
    if case.manifest is not None:
        (root / "manifest.json").write_bytes(case.manifest)
    data, refusal = attempt(lambda: SkinFolder(root, **case.options))
    if refusal is not None:
        return "refused"
    require(len(data) == len(data.targets) == len(data.groups) > 0, "columns of other lengths")
    require(all(0 <= label < len(data.classes) for label in data.targets), "a label of no class")
    inside = [Path(path).resolve().is_relative_to(root) for path, _ in data.samples]
    require(all(inside), "a photograph outside the folder")
    attempt(lambda: data[0])
    return "read"
