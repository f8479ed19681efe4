"""The model card: what it must say, and the README that is written from it.

A card says whose photographs a model learned from, under which licence, and how good it was
measured to be, with the command that measures it again. `docs/publish.md` has the format.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from synthderm.hub.audit_record import audit_lines
from synthderm.hub.card_sections import (
    contract_lines,
    data_lines,
    figure_lines,
    tone_lines,
    training_lines,
)

CARD, PICTURES = "README.md", "pictures.jpg"
# Where the library and its documentation are found, unless the records say otherwise.
HOME = "https://pypi.org/project/synthderm/"
USE = "More images for training a classifier or a segmentation network of skin images."
PICTURES_TEXT = (
    "The first images of a seed, not chosen; in the second row the masks are outlined. All are"
    " generated: none shows a real person."
)
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

    Names of files and data sets stay; so do commands, which a run records without folders.

    Args:
        value: what JSON can hold; lists and dicts are copied.
    """
    if isinstance(value, dict):
        return {
            key: entry if key == "command" else without_folders(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [without_folders(entry) for entry in value]
    return re.sub(r"[^\s=]*[/\\]", "", value) if isinstance(value, str) else value


def make_card(
    config: Mapping[str, Any], repository: str, pipeline_tag: str, has_pictures: bool = False
) -> str:
    """The text of the model card: front matter for the Hub, then what a user has to know.

    Args:
        config: the model folder's `config.json`, with the records in it (see `check_records`).
        repository: "org/name", or a bundled name.
        pipeline_tag: the Hub's name for what the model does.
        has_pictures: whether `PICTURES` is in the folder, for the card to show.
    """
    name = repository.rpartition("/")[2]
    architecture = config["architecture"]
    summary = config.get("summary") or (
        f"A `{architecture}` of [synthderm]({HOME}), for training skin-image classifiers."
    )
    repo, docs = config.get("repo_url") or HOME, config.get("docs_url") or HOME
    sections = [
        f"---\n{_front_matter(config, name, pipeline_tag)}\n---",
        f"# {name}",
        str(summary),
        *_pictures(config, has_pictures),
        "## What it is for",
        _bullets(config.get("uses") or [USE]),
        "For research and augmentation only; not a medical device and not for diagnosis.",
        "## How to load it",
        f"With [synthderm]({repo}) ([documentation]({docs})):",
        f"```python\nfrom synthderm import {architecture}\n\n"
        f'model = {architecture}.from_pretrained("{repository}")\n```',
        *contract_lines(config),
        *data_lines(config),
        *figure_lines(config["metrics"]),
        *tone_lines(config),
        *audit_lines(config.get("audit")),
    ]
    if config.get("limits"):
        sections += ["## Limits", _bullets(config["limits"])]
    return "\n\n".join([*sections, *training_lines(config)]) + "\n"


def _pictures(config: Mapping[str, Any], has_pictures: bool) -> list[str]:
    """The card's pictures, where the folder has them."""
    if not has_pictures:
        return []
    text = config.get("pictures") or PICTURES_TEXT
    return [f"![Made by this model]({PICTURES})", f"*{text}*"]


def _bullets(sentences: Sequence[object]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _front_matter(config: Mapping[str, Any], name: str, pipeline_tag: str) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    licence = config["licence"].strip().lower()
    is_listed = re.fullmatch(r"[a-z0-9.-]+", licence) is not None
    results = [
        EvalResult(
            task_type=pipeline_tag,
            dataset_type=_slug(metric["dataset"]),
            dataset_name=metric["dataset"],
            metric_type=_metric_type(metric),
            metric_name=metric["name"],
            metric_value=metric["value"],
        )
        for metric in config["metrics"]
    ]
    tags = ["dermatology", "synthetic-data", "data-augmentation", "skin", *config.get("tags", [])]
    return ModelCardData(
        library_name="synthderm",
        pipeline_tag=pipeline_tag,
        license=licence if is_listed else "other",
        license_name=None if is_listed else _slug(licence),
        tags=list(dict.fromkeys(tags)),
        datasets=[entry.get("hub") or _slug(entry["name"]) for entry in config["data"]],
        metrics=sorted({_metric_type(metric) for metric in config["metrics"]}),
        model_name=name,
        eval_results=results,
    ).to_yaml()


def _metric_type(metric: Mapping[str, Any]) -> str:
    """The Hub's name of what is measured, as "fid" or "auroc"."""
    return _slug(str(metric.get("type") or metric["name"]))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "data"
