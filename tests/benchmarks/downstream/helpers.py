"""What the tests of the downstream benchmark share."""

import csv
from pathlib import Path

TINY = "test_efficientnet=random"


def write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    """A metadata.csv."""
    with open(folder / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
