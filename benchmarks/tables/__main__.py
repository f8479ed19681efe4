"""Makes docs/benchmarks.md and docs/reliability.md from the results in benchmarks/results/.

python -m benchmarks.tables
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS
from benchmarks.tables.audit import audit_section
from benchmarks.tables.editing import appearance_section, editing_section, transfer_section
from benchmarks.tables.edits import edits_section
from benchmarks.tables.fidelity import REFERENCE, fidelity_section
from benchmarks.tables.heads import heads_section
from benchmarks.tables.markdown import paragraph
from benchmarks.tables.reliability import reliability_page
from benchmarks.tables.speed import cuda_section, speed_section
from benchmarks.tables.systems import read_lines, systems_section
from benchmarks.tables.tones import tones_section
from benchmarks.tables.tuned import tuned_section
from synthderm.files import write_text

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
RELIABILITY = PAGE.with_name("reliability.md")
HEADER = (
    "Made by `python -m benchmarks.tables` from `benchmarks/results/`. Each section's command "
    "stands in the docstring of its benchmark: `python -m benchmarks.fidelity`, `.audit`, "
    "`.editing`, `.speed`, `.references.run`, `.heads`, `.tuned`. FID and KID are of the "
    "extractor and tap named beside them, not of the usual 2048 Inception features: compare them "
    "only with figures of the same tap and N."
)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def make_page(results: Path) -> str:
    """The page of all results in a folder."""
    lines = ["# Benchmarks", "", *paragraph(HEADER), ""]
    if (results / "editing.json").is_file():
        lines += editing_section(read(results / "editing.json"))
    if (results / "transfer.json").is_file():
        lines += transfer_section(read(results / "transfer.json"))
    if (results / "appearance.json").is_file():
        lines += appearance_section(read(results / "appearance.json"))
    reference = results / f"fidelity-{REFERENCE}.json"
    dcgan = read(reference)["parts"].get("kid") if reference.is_file() else None
    for path in sorted(results.glob("fidelity-*.json")):
        lines += fidelity_section(path.stem.removeprefix("fidelity-"), read(path), dcgan)
    for path in sorted(results.glob("audit-*.json")):
        lines += audit_section(path.stem.removeprefix("audit-"), read(path))
    if (results / "speed.json").is_file():
        lines += speed_section(read(results / "speed.json"))
    if (results / "speed-cuda.json").is_file():
        lines += cuda_section(read(results / "speed-cuda.json"))
    systems = results / "references" / "systems.jsonl"
    if systems.is_file():
        lines += systems_section(read_lines(systems.read_text(encoding="utf-8")), PAGE.parent)
    if (results / "heads" / "summary.json").is_file():
        lines += heads_section(read(results / "heads" / "summary.json"))
    if (results / "heads" / "tones.json").is_file():
        lines += tones_section(read(results / "heads" / "tones.json"))
    if (results / "heads" / "edits.json").is_file():
        lines += edits_section(read(results / "heads" / "edits.json"))
    if (results / "tuned" / "summary.json").is_file():
        lines += tuned_section(read(results / "tuned" / "summary.json"))
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    write_text(PAGE, make_page(RESULTS))
    print(PAGE)
    if (RESULTS / "reliability.json").is_file():
        write_text(RELIABILITY, reliability_page(read(RESULTS / "reliability.json")))
        print(RELIABILITY)


if __name__ == "__main__":
    main()
