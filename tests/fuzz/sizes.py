"""Inputs that are sound or nearly so, and very large: what one of each takes.

python -m tests.fuzz.sizes NAME
"""

import json
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from synthderm.datasets.folder import SkinFolder
from synthderm.models.generator import SkinGenerator
from tests.fuzz.watch import peak_mb

ROWS = 1_000_000
IN_A_FOLDER = 1000  # files
ENTRY = '"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'


class Size(NamedTuple):
    """What is large, how it is made in a folder and used, and the most that it may take: seconds of
    processor time, and MB of memory beyond what this process had before."""

    text: str
    make: Callable[[Path], None]
    use: Callable[[Path], Any]
    seconds: float
    mb: float


def make_table(folder: Path, rows: int = ROWS, classes: int = 10) -> None:
    """A metadata.csv of many rows. Its files are those of one folder, to which the other folders
    are links, so that they are quickly made."""
    first = folder / "images" / "0"
    first.mkdir(parents=True)
    for k in range(min(rows, IN_A_FOLDER)):
        (first / f"ISIC_{k:07}.jpg").touch()
    for k in range(1, rows // IN_A_FOLDER):
        (folder / "images" / str(k)).symlink_to(first)
    with open(folder / "metadata.csv", "w", encoding="utf-8") as file:
        file.write("file_name,label,patient_id,split\n")
        for k in range(rows):
            name = f"images/{k // IN_A_FOLDER}/ISIC_{k % IN_A_FOLDER:07}.jpg"
            split = ("train", "val", "test")[k % 3]
            file.write(f"{name},class {k % classes:06},P{k // 9}{split},{split}\n")


def read_table(folder: Path, rows: int = ROWS, classes: int = 10) -> None:
    data = SkinFolder(folder)
    assert len(data) == rows and len(data.classes) == min(rows, classes)


def make_model(folder: Path, tensors: int) -> None:
    card = {"data": [{"name": "x", "licence": "y"}]}
    SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(folder, card=card)
    header = ("{" + ",".join(map(ENTRY.format, range(tensors))) + "}").encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def refuse_model(folder: Path) -> None:
    try:
        SkinGenerator.from_pretrained(folder)
    except ValueError:
        return
    raise AssertionError("it is taken")


SIZES = {
    "rows": Size(
        "a metadata.csv of 1,000,000 rows, opened by SkinFolder", make_table, read_table, 30, 500
    ),
    "classes": Size(
        "the same with 100,000 classes",
        partial(make_table, classes=100_000),
        partial(read_table, classes=100_000),
        *(30, 500),
    ),
    "tensors": Size(
        "a safetensors header of 1,000,000 tensors, refused",
        partial(make_model, tensors=1_000_000),
        *(refuse_model, 1, 100),
    ),
}


def measure(size: Size) -> dict[str, Any]:
    """What a size takes, and whether that is too much."""
    with tempfile.TemporaryDirectory() as folder:
        size.make(Path(folder))
        before, started = peak_mb(), time.process_time()
        size.use(Path(folder))
        seconds, mb = time.process_time() - started, peak_mb() - before
    is_too_much = seconds > size.seconds or mb > size.mb
    return {"cases": 1, "failures": int(is_too_much), "seconds": round(seconds, 1), "mb": round(mb)}


if __name__ == "__main__":
    print(json.dumps(measure(SIZES[sys.argv[1]])))
