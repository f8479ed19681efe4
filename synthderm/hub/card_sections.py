"""The sections of a model card that come from its records: data, figures, skin tones, training."""

from collections.abc import Mapping, Sequence
from typing import Any


def contract_lines(config: Mapping[str, Any]) -> list[str]:
    """What goes in and comes out."""
    rows = [
        *config["arguments"].items(),
        ("value range", config["value_range"]),
        ("mask", config["mask"]),
    ]
    return ["## What goes in and comes out", table(["", ""], rows)]


def data_lines(config: Mapping[str, Any]) -> list[str]:
    """Whose photographs it learned from, and under which licence."""
    fields = ("name", "licence", "attribution")
    rows = [[entry[field] for field in fields] for entry in config["data"]]
    return [
        "## Training data",
        f"The weights: {config['licence']}. The photographs keep their own terms:",
        table(["data", "licence", "attribution"], rows),
    ]


def figure_lines(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures, each beside its floor where there is one, and the commands that measure them.

    A floor is what the same measure gives without the model: for photographs in the place of
    generated images, say.
    """
    rows = [
        [entry["name"], entry["value"], _floor(entry.get("floor")), entry["dataset"]]
        for entry in metrics
        if not entry.get("tone")
    ]
    head = ["metric", "value", "floor", "on"]
    if not any(row[2] for row in rows):
        rows, head = [[*row[:2], row[3]] for row in rows], ["metric", "value", "on"]
    commands = dict.fromkeys(f"    {entry['command']}" for entry in metrics)
    return ["## Measured", table(head, rows), "The commands:", "\n".join(commands)]


def _floor(floor: Any) -> str:
    return f"{floor['value']} ({floor['of']})" if isinstance(floor, Mapping) else ""


def tone_lines(config: Mapping[str, Any]) -> list[str]:
    """How skin tones are spread among the model's images and its photographs, and the figures that
    were measured for one tone each; none of it where it was not measured."""
    lines: list[str] = []
    audit = config.get("audit")
    shares = audit.get("tones") if isinstance(audit, Mapping) else None
    if shares:
        rows = [
            [tone, f"{share:.0%}", f"{shares['real'][tone]:.0%}"]
            for tone, share in shares["generated"].items()
        ]
        lines += [
            "The skin tone that a picture shows, which depends on the light too (ITA, in degrees:"
            " very light above 55, light above 41, intermediate above 28, tan above 10, brown above"
            " -30), of the images in which it could be measured:",
            table(["skin tone", "generated images", "photographs it learned from"], rows),
        ]
    figures = [entry for entry in config["metrics"] if entry.get("tone")]
    if figures:
        rows = [[x["tone"], x["name"], x["value"], _floor(x.get("floor"))] for x in figures]
        lines.append(table(["skin tone", "metric", "value", "floor"], rows))
    return ["## Skin tone", *lines] if lines else []


def training_lines(config: Mapping[str, Any]) -> list[str]:
    """The section about the training run; empty where nothing is recorded of it."""
    training = dict(config.get("training", {}))
    parts, before = training.pop("parts", []), training.pop("before", [])
    recorded = training.pop("command", None)
    settings = [(name, _over_time(name, value, parts)) for name, value in training.items()]
    settings += [(f"log: {key}", value) for key, value in config.get("log", {}).items()]
    if not settings:
        return []
    command = config.get("command") or recorded
    shown = [f"    {command}"] if command else []
    rows = table(["setting", "value"], settings)
    folded = f"<details>\n<summary>Settings, and the last line of the log</summary>\n\n{rows}"
    return ["## Training", *shown, *_before_lines(before, training), folded, "</details>"]


def _before_lines(before: Sequence[Mapping[str, Any]], last: Mapping[str, Any]) -> list[str]:
    """The earlier runs that the weights came through, and how much all of them were shown."""
    if not before:
        return []
    runs = [*before, {"images": last["shown"], "seconds": last["seconds"], "command": "as above"}]
    rows = [
        [f"{run['images']:,}", _minutes(run.get("seconds")), f"`{run.get('command') or 'unknown'}`"]
        for run in runs
    ]
    images = sum(run["images"] for run in runs)
    said = (
        f"Trained in {len(runs)} runs, each from the weights of the one before: {images:,} images."
    )
    return [said, table(["images", "minutes", "command"], rows)]


def _minutes(seconds: object) -> str:
    return f"{seconds / 60:.0f}" if isinstance(seconds, (int, float)) else ""


def _over_time(name: str, value: object, parts: Sequence[Mapping[str, Any]]) -> object:
    """A setting of a run; where it was changed, all its values, and from how many images on."""
    values: list[tuple[object, int]] = []
    for part in parts:
        if name in part and name != "shown" and (not values or values[-1][0] != part[name]):
            values.append((part[name], part["shown"]))
    if len(values) < 2:
        return value
    return "; ".join(f"{former} from image {shown:,} on" for former, shown in values)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    cells = [
        [" ".join(str(cell).split()).replace("|", "\\|") for cell in row]
        for row in [head, ["---"] * len(head), *rows]
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
