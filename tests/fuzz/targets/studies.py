"""The files of a study, which researchers adapt by hand: settings, texts, trials."""

import json
import random
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from synthderm.study.app import render_page
from synthderm.study.study_folder import Study
from tests.fuzz.mutations import mutate
from tests.fuzz.outcome import attempt, require
from tests.fuzz.targets.requests import serve

ATTACK = "files of a study with lines, fields and values changed, left out, or of another type"
FILES = ["study.json", "texts.json", "consent.txt", "trials.csv", "images.csv"]
ODD = [
    None,
    True,
    -1,
    0,
    0.2,
    10**30,
    1e400,
    "",
    "x",
    "x" * 3000,
    [],
    {},
    ["a"],
    {"a": 1},
    "</script>",
]
BROKEN = [b"", b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b"{}", b"\0", b'{"a": 1' + b"0" * 5000]


class Case(NamedTuple):
    """What is done to a file: a value at a random place, random damage, or other content."""

    name: str
    seed: int
    value: Any
    content: bytes | None


@st.composite
def cases(draw: Any) -> Case:
    content = draw(st.sampled_from([None] * 12 + BROKEN))
    return Case(
        draw(st.sampled_from(FILES)),
        draw(st.integers(0, 2**32)),
        draw(st.one_of(st.none(), st.sampled_from(ODD).map(lambda value: [value]))),
        content,
    )


def prepare(folder: Path) -> None:
    shutil.copytree(serve(folder).study.folder, folder / "hand")


def replace(value: Any, new: Any, rng: random.Random) -> Any:
    """Another value at one random place of a JSON value, or an entry left out."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.1:
        return new
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, copy = rng.choice(keys), value.copy()
    if rng.random() < 0.2:
        del copy[key]
    else:
        copy[key] = replace(value[key], new, rng)
    return copy


def change(case: Case, body: bytes) -> bytes:
    rng = random.Random(case.seed)
    if case.content is not None:
        return case.content
    if case.value is None:
        return mutate(rng, body, 3)
    if case.name.endswith(".json"):
        return json.dumps(replace(json.loads(body), case.value[0], rng)).encode()
    lines = [line.split(",") for line in body.decode().splitlines()]
    cells = lines[rng.randrange(len(lines))]
    cells[rng.randrange(len(cells))] = str(case.value[0])
    return "\n".join(map(",".join, lines)).encode()


def read(root: Path) -> Study:
    study = Study(root)
    require(study.trials and study.origins, "a study without trials")
    render_page(study)
    return study


def check(case: Case, folder: Path) -> str:
    root = folder / "hand"
    path = root / case.name
    body = path.read_bytes()
    try:
        path.write_bytes(change(case, body))
        study, refusal = attempt(lambda: read(root), names=str(root))
    finally:
        path.write_bytes(body)
    if refusal is not None:
        return "refused"
    known = set(study.origins)
    shown = {name for trials in study.trials.values() for one in trials for name in (one.a, one.b)}
    require(shown - {""} <= known, "a trial shows an image that is not listed")
    return "read"
