"""The rules of Psych-DS 1.5 whose breach is an error (psychds-docs.readthedocs.io)."""

import csv
import json
import re
from pathlib import Path

FILE_NAME = re.compile(r"([a-z]+-[a-zA-Z0-9]+)(_[a-z]+-[a-zA-Z0-9]+)*_data\.csv")
NAMESPACE = re.compile(r"https?://schema\.org/?")
KEYWORDS = {"study", "site", "subject", "session", "task", "condition", "trial", "stimulus"}
REQUIRED = ("name", "description", "variableMeasured")


def breaches(folder: Path) -> list[str]:
    """The codes of all errors, and of warnings about file names and types, in a dataset."""
    path = folder / "dataset_description.json"
    if not path.is_file():
        return ["MISSING_DATASET_DESCRIPTION"]
    try:
        description = json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        return ["JSON_ENCODING_ERROR"]
    except json.JSONDecodeError:
        return ["INVALID_JSON_FORMATTING"]
    found = _of_description(description)
    if not (folder / "data").is_dir():
        return [*found, "MISSING_DATA_DIRECTORY"]
    tables = sorted((folder / "data").rglob("*.csv"))
    if not any(FILE_NAME.fullmatch(table.name) for table in tables):
        found.append("MISSING_DATAFILE")
    columns: set[str] = set()
    for table in tables:
        of_table, header = _of_table(table)
        found += of_table
        columns |= set(header)
    measured = {
        variable if isinstance(variable, str) else variable.get("name")
        for variable in description.get("variableMeasured", [])
    }
    if columns - measured:
        found.append("CSV_COLUMN_MISSING_FROM_METADATA")
    if measured - columns:
        found.append("VARIABLE_MISSING_FROM_CSV_COLUMNS")
    return found


def _of_description(description: dict) -> list[str]:
    found = []
    if "@type" not in description:
        found.append("MISSING_DATASET_TYPE")
    elif not re.fullmatch(r"(https?://schema\.org/)?Dataset", description["@type"]):
        found.append("INCORRECT_DATASET_TYPE")
    if not NAMESPACE.fullmatch(description.get("@context", "")):
        found.append("UNKNOWN_NAMESPACE")
    found += ["JSON_KEY_REQUIRED" for name in REQUIRED if not description.get(name)]
    if any(
        isinstance(value, dict) and "@type" not in value
        for value in description.get("variableMeasured", [])
    ):
        found.append("OBJECT_TYPE_MISSING")
    return found


def _of_table(path: Path) -> tuple[list[str], list[str]]:
    """The breaches of a file of data, and its columns."""
    found = []
    if not FILE_NAME.fullmatch(path.name):
        found.append("FILENAME_KEYWORD_FORMATTING_ERROR")
    elif {part.partition("-")[0] for part in path.name.split("_")[:-1]} - KEYWORDS:
        found.append("FILENAME_UNOFFICIAL_KEYWORD_WARNING")
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, strict=True))
    if not rows or not all(rows[0]):
        return [*found, "CSV_HEADER_MISSING"], []
    header, *rows = rows
    if len(set(header)) < len(header):
        found.append("CSV_HEADER_REPEATED")
    if any(len(row) != len(header) for row in rows):
        found.append("CSV_HEADER_LENGTH_MISMATCH")
    if "row_id" in header:
        ids = [row[header.index("row_id")] for row in rows]
        if len(set(ids)) < len(ids):
            found.append("ROWID_VALUES_NOT_UNIQUE")
    return found, header
