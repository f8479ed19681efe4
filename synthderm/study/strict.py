"""Files of a study, read strictly: people adapt them by hand, and what doesn't fit is named."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
KINDS = {str: "a text", int: "a whole number", float: "a number", dict: "an object", list: "a list"}


def read_text(path: Path) -> str:
    """A text file in UTF-8.

    Raises:
        ValueError: another encoding.
        OSError: it is not there, or can't be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8: save it in that encoding.") from None


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file with one object.

    Raises:
        ValueError: anything else.
    """
    text = read_text(path)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno} is not JSON: {error.msg}.") from None
    except (ValueError, RecursionError):  # a number, or a nest, beyond what Python reads
        raise ValueError(f"{path} is not JSON of a study.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds {_short(value)}; it should be an object {{...}}.")
    return value


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV file with these columns, each with the place that errors name.

    Raises:
        ValueError: other columns, or a row with too few or too many fields.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        names = next(reader, [])
        if names != list(columns):
            raise ValueError(
                f"{path} has the columns {_short(names)}; they should be {', '.join(columns)}."
            )
        for cells in reader:
            place = f"{path}, line {reader.line_num}"
            if cells and len(cells) != len(columns):
                raise ValueError(f"{place} has {len(cells)} fields; it should have {len(columns)}.")
            if cells:
                yield place, dict(zip(columns, cells))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}.") from None


def make(kind: type[T], values: Any, place: str) -> T:
    """A dataclass from the entries of a JSON object.

    Args:
        kind: the dataclass.
        values: the object.
        place: what errors name.

    Raises:
        ValueError: an entry is missing, unknown, of another type, or out of range.
    """
    hints = get_type_hints(kind)
    if not isinstance(values, dict):
        raise ValueError(f"{place} is {_short(values)}; it should be an object {{...}}.")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    check_names(values, names, place)
    for name in names:
        is_made = is_dataclass(hints[name]) and isinstance(values[name], hints[name])
        if not is_made and not _fits(values[name], hints[name]):
            raise ValueError(
                f"{place}: {name} is {_short(values[name])}, which is of a wrong type."
            )
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def check_names(values: dict[str, Any], names: Sequence[str], place: str) -> None:
    """Refuse an object that lacks one of these entries, or has others."""
    missing = [name for name in names if name not in values]
    unknown = [name for name in values if name not in names]
    if missing or unknown:
        what = f"lacks {missing[0]!r}" if missing else f"has {_short(unknown[0])}, which is unknown"
        raise ValueError(f"{place} {what}; its entries are {', '.join(names)}.")


def check_like(value: Any, pattern: Any, place: str) -> None:
    """Refuse texts that lack one of those of a pattern, or have something else in its place.

    Args:
        value: objects in objects, and texts.
        pattern: the same, complete.
        place: what errors name.

    Raises:
        ValueError: names the entry.
    """
    if not isinstance(value, type(pattern)):
        raise ValueError(f"{place} is {_short(value)}; it should be {KINDS[type(pattern)]}.")
    if isinstance(pattern, dict):
        for name, part in pattern.items():
            if name not in value:
                raise ValueError(f"{place} lacks {name!r}.")
            check_like(value[name], part, f"{place}: {name}")


def whole_number(text: str, column: str, place: str) -> int:
    """A number from 0 on in a table.

    Raises:
        ValueError: none, or one of more than nine digits.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(f"{place}: {column} is {_short(text)}; it should be a whole number.")
    return int(text)


def one_of(text: str, choices: Sequence[str], column: str, place: str) -> str:
    """One of a few words in a table.

    Raises:
        ValueError: another.
    """
    if text not in choices:
        raise ValueError(
            f"{place}: {column} is {_short(text)}; it should be one of {', '.join(choices)}."
        )
    return text


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value from JSON is of a type, where lists stand for tuples."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_fits(value, each) for each in arguments)
    if origin is dict:
        names, values = arguments
        return isinstance(value, dict) and all(
            _fits(name, names) and _fits(each, values) for name, each in value.items()
        )
    if origin is list:
        return isinstance(value, list) and all(_fits(each, arguments[0]) for each in value)
    if origin is tuple:
        is_one = isinstance(value, list) and len(value) == len(arguments)
        return is_one and all(map(_fits, value, arguments))
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is (NoneType if kind is None else kind)


def _short(value: Any) -> str:
    return f"{value!r:.60}"
