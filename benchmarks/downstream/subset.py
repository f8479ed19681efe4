"""The photographs that a generator of the setting "own" may be trained on."""

import csv
from pathlib import Path

from benchmarks.downstream.data import read_rows
from benchmarks.downstream.protocol import Run
from benchmarks.downstream.settings import Settings, take_subset

LINK = "photographs"
COLUMNS = ["file_name", "mask_file_name", "label", "split"]


def write_subset(settings: Settings, amount: str, directory: Path) -> None:
    """A metadata.csv of the photographs in the subset of seed 0, as split train, beside a link to
    their folder.

    Args:
        settings: of the benchmark.
        amount: of task A, such as "10%".
        directory: is made where it is missing.
    """
    names = set(take_subset(settings, Run("A", amount, "own", "real", 0)).names)
    source = Path(settings.data).resolve()
    rows = [row for row in read_rows(source) if row["file_name"] in names]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / LINK).unlink(missing_ok=True)
    (directory / LINK).symlink_to(source, target_is_directory=True)
    with open(directory / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            mask = row.get("mask_file_name")
            writer.writerow(
                {
                    "file_name": f"{LINK}/{row['file_name']}",
                    "mask_file_name": f"{LINK}/{mask}" if mask else "",
                    "label": row["label"],
                    "split": "train",
                }
            )
    fraction = float(amount.rstrip("%")) / 100
    print(
        f"{len(rows)} photographs in {directory}/metadata.csv; train on it with "
        f"recipes/train_gan.py, then give --own {fraction:g}=RUN/model"
    )
