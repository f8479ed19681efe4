"""A module for each parser. It has `ATTACK` (in words), `cases()` (hostile inputs),
`prepare(folder)` (what is there beforehand) and `check(case, folder)`, which hands a case to the
parser, says what came of it ("read", "refused"), and raises `Fault` where the parser did what it
must not do.
"""

from types import ModuleType

from tests.fuzz.targets import (
    arguments,
    folders,
    images,
    jpegs,
    masks,
    requests,
    studies,
    tables,
)

TARGETS: dict[str, ModuleType] = {
    "images": images,
    "jpegs": jpegs,
    "masks": masks,
    "tables": tables,
    "folders": folders,
    "arguments": arguments,
    "requests": requests,
    "studies": studies,
}
