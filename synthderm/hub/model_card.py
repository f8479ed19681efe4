"""The model card: what it must say, and the README that is written from it.

A card says whose photographs a model learned from, under which licence, and how good it was
measured to be, with the command that measures it again. `docs/publish.md` has the format.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from synthderm.hub.audit_record import audit_lines

CARD = "README.md"
NEEDED = {
    "data": ("name", "licence", "attribution"),
    "metrics": ("name", "value", "dataset", "command"),
}
NO_LICENCE = ("", "unknown", "none", "tbd", "todo", "?", "n/a")


def check_records(records: Mapping[str, Any]) -> None:
    """Refuse records without licence, data or figures, naming everything that is missing.

    Raises:
        ValueError: an entry is missing, or is no licence, figure or text.
    """
    missing = [] if _is_licence(records.get("licence")) else ["licence (of the weights)"]
    for key, fields in NEEDED.items():
        entries = records.get(key)
        is_list = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
        if not entries or not is_list:
            missing.append(f"{key} (a list of {{{', '.join(fields)}}})")
            continue
        for number, entry in enumerate(entries):
            for field in fields:
                value = entry.get(field)
                if not _is_filled(field, value):
                    given = "" if value is None else f" (not {value!r:.40})"
                    missing.append(f"{key}[{number}].{field}{given}")
    if missing:
        raise ValueError(
            f"the card has no {', '.join(missing)}: add them to config.json, to RUN/card.json, or"
            " with --card FILE (see docs/publish.md)."
        )


def _is_filled(field: str, value: Any) -> bool:
    if field == "licence":
        return _is_licence(value)
    if field == "value":
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(value, str) and bool(value.strip())


def _is_licence(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() not in NO_LICENCE


def without_folders(value: Any) -> Any:
    """The records of a run without the folders of the machine it ran on.

    Names of files and data sets stay.

    Args:
        value: what JSON can hold; lists and dicts are copied.
    """
    if isinstance(value, dict):
        return {key: without_folders(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_folders(entry) for entry in value]
    return re.sub(r"[^\s=]*[/\\]", "", value) if isinstance(value, str) else value


def make_card(config: Mapping[str, Any], repository: str, pipeline_tag: str) -> str:
    """The text of the model card: front matter for the Hub, then what a user has to know.

    Args:
        config: the model folder's `config.json`, with the records in it (see `check_records`).
        repository: "org/name", or a bundled name.
        pipeline_tag: the Hub's name for what the model does.
    """
    name = repository.rpartition("/")[2]
    architecture = config["architecture"]
    summary = config.get("summary") or (
        f"A `{architecture}` of [synthderm](https://pypi.org/project/synthderm/), for training"
        " skin-image classifiers."
    )
    contract = [
        *config["arguments"].items(),
        ("value range", config["value_range"]),
        ("mask", config["mask"]),
    ]
    data = [[entry[field] for field in NEEDED["data"]] for entry in config["data"]]
    metrics = [
        [entry["name"], entry["value"], entry["dataset"], f"`{entry['command']}`"]
        for entry in config["metrics"]
    ]
    sections = [
        f"---\n{_front_matter(config, name, pipeline_tag)}\n---",
        f"# {name}",
        str(summary),
        "For research and augmentation only; not a medical device and not for diagnosis.",
        f"```python\nfrom synthderm import {architecture}\n\n"
        f'model = {architecture}.from_pretrained("{repository}")\n```',
        "## What goes in and comes out",
        _table(["", ""], contract),
        "## Training data",
        _table(["data", "licence", "attribution"], data),
        "## Measured",
        _table(["metric", "value", "on", "command"], metrics),
        *audit_lines(config.get("audit")),
        *_training(config),
    ]
    if config.get("limits"):
        sections += ["## Limits", "\n".join(f"- {limit}" for limit in config["limits"])]
    return "\n\n".join(sections) + "\n"


def _front_matter(config: Mapping[str, Any], name: str, pipeline_tag: str) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    licence = config["licence"].strip().lower()
    is_listed = re.fullmatch(r"[a-z0-9.-]+", licence) is not None
    results = [
        EvalResult(
            task_type=pipeline_tag,
            dataset_type=_slug(metric["dataset"]),
            dataset_name=metric["dataset"],
            metric_type=_slug(metric["name"]),
            metric_name=metric["name"],
            metric_value=metric["value"],
        )
        for metric in config["metrics"]
    ]
    return ModelCardData(
        library_name="synthderm",
        pipeline_tag=pipeline_tag,
        license=licence if is_listed else "other",
        license_name=None if is_listed else _slug(licence),
        tags=["dermatology", "synthetic-data", "data-augmentation"],
        datasets=[entry.get("hub") or _slug(entry["name"]) for entry in config["data"]],
        metrics=sorted({_slug(metric["name"]) for metric in config["metrics"]}),
        model_name=name,
        eval_results=results,
    ).to_yaml()


def _training(config: Mapping[str, Any]) -> list[str]:
    """The section about the training run; empty where nothing is recorded of it."""
    training = dict(config.get("training", {}))
    parts = training.pop("parts", [])
    settings = [(name, _over_time(name, value, parts)) for name, value in training.items()]
    settings += [(f"log: {key}", value) for key, value in config.get("log", {}).items()]
    if not settings:
        return []
    command = [f"    {config['command']}"] if config.get("command") else []
    return ["## Training", *command, _table(["setting", "value"], settings)]


def _over_time(name: str, value: object, parts: Sequence[Mapping[str, Any]]) -> object:
    """A setting of a run; where it was changed, all its values, and from how many images on."""
    values: list[tuple[object, int]] = []
    for part in parts:
        if name in part and name != "shown" and (not values or values[-1][0] != part[name]):
            values.append((part[name], part["shown"]))
    if len(values) < 2:
        return value
    return "; ".join(f"{former} from image {shown:,} on" for former, shown in values)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "data"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [
        [" ".join(str(cell).split()).replace("|", "\\|") for cell in row]
        for row in [head, ["---"] * len(head), *rows]
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
