"""`synthderm publish`: a trained model to the Hugging Face Hub, with a model card made from its own
records.

A card must say whose photographs the model learned from, under which licence, and how good it was
measured to be, with
the command that measures it again: without these nothing is published. `docs/publish.md` has the
format.
"""

import argparse
import json
import math
import re
import tempfile
from pathlib import Path

from synthderm.hub.resolve import FILES, HUB_ID, explain

CARD = "README.md"
NEEDED = {
    "data": ("name", "licence", "attribution"),
    "metrics": ("name", "value", "dataset", "command"),
}
NO_LICENCE = ("", "unknown", "none", "tbd", "todo", "?", "n/a")


def add_parser(commands) -> None:
    """Add `publish` to the subparsers of the command line."""
    parser = commands.add_parser(
        "publish", help="put a trained model on the Hugging Face Hub, with its card"
    )
    parser.add_argument(
        "folder",
        type=Path,
        metavar="RUN",
        help="folder of a training run (with model/ in it), or of a model",
    )
    parser.add_argument(
        "--repo",
        required=True,
        metavar="org/name",
        help="repository on the Hub; it is created where it does not exist",
    )
    parser.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="JSON with licence, data and metrics; default RUN/card.json where there is one",
    )
    parser.add_argument("--private", action="store_true", help="keep the repository private")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything and print the card, without network",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    model, records = load_run(args.folder, args.card)
    said = publish(model, args.repo, records, private=args.private, dry_run=args.dry_run)
    print(
        said
        if args.dry_run
        else f'{said}\nLoad it: {type(model).__name__}.from_pretrained("{said}")'
    )


def load_run(run: Path, card: Path | None = None) -> tuple:
    """A run's model and its records: what config.json says, then RUN/card.json, then `card`; the
    later one counts."""
    import synthderm

    folder = run / "model" if (run / "model").is_dir() else run
    if not (folder / FILES[0]).is_file():
        raise FileNotFoundError(f"{run} is no training run: it has no model/{FILES[0]}.")
    architecture = _read_object(folder / FILES[0]).get("architecture")
    known = [
        name for name in synthderm.__all__ if hasattr(getattr(synthderm, name), "from_pretrained")
    ]
    if architecture not in known:
        raise ValueError(
            f"{folder} holds architecture {architecture!r:.60}, which is none of"
            f" {', '.join(known)}."
        )
    model = getattr(synthderm, architecture).from_pretrained(folder)
    own = run / "card.json"
    records = {
        **(_read_object(own) if own.is_file() else {}),
        **(_read_object(card) if card else {}),
    }
    log = run / "metrics.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    if lines:
        records["log"] = json.loads(lines[-1])
    return model, records


def _read_object(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON object: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} is not a JSON object: it holds a {type(value).__name__}.")
    return value


def publish(
    model,
    repository: str,
    records: dict | None = None,
    *,
    private: bool = False,
    token: str | bool | None = None,
    dry_run: bool = False,
) -> str:
    """Export a model with its card, check that it loads back bit-equal, and upload it as one
    commit.

    Args:
        model: a `SkinGenerator` or `EczemaEditor`.
        repository: "org/name".
        records: `licence` of the weights; `data`, a list of {name, licence, attribution};
            `metrics`, a list of {name, value, dataset, command}; optional `summary`, `command`
            (that trained it) and `limits` (sentences). What is not given is taken from
            `model.card`.
        private, token: as in huggingface_hub.
        dry_run: do everything but the upload; no network.

    Returns:
        "org/name@commit"; in a dry run the card's text.

    Raises:
        ValueError: a record is missing, or the exported files do not give the same model.
        PermissionError: the token may not write there, or the repository is public and `private`
            was asked for.
        ConnectionError: the Hub can't be reached.
    """
    if not HUB_ID.fullmatch(repository):
        raise ValueError(f'repository {repository!r} is no Hub id: it looks like "org/name".')
    records = {**model.card, **(records or {})}
    check_records(records)
    records["training"] = without_folders(records.get("training", {}))
    with tempfile.TemporaryDirectory() as temporary:
        folder = model.save_pretrained(Path(temporary) / "model", card=records)
        text = make_card(model, records, repository)
        (folder / CARD).write_text(text, encoding="utf-8")
        _check_copy(model, folder)
        return text if dry_run else f"{repository}@{_upload(folder, repository, private, token)}"


def check_records(records: dict) -> None:
    """Refuse records without licence, data or figures, naming everything that is missing."""
    missing = [] if _is_licence(records.get("licence")) else ["licence (of the weights)"]
    for key, fields in NEEDED.items():
        entries = records.get(key)
        if (
            not isinstance(entries, list)
            or not entries
            or not all(isinstance(entry, dict) for entry in entries)
        ):
            missing.append(f"{key} (a list of {{{', '.join(fields)}}})")
            continue
        for number, entry in enumerate(entries):
            for field in fields:
                value = entry.get(field)
                if field == "licence":
                    good = _is_licence(value)
                elif field == "value":
                    good = type(value) in (int, float) and math.isfinite(value)
                else:
                    good = isinstance(value, str) and bool(value.strip())
                if not good:
                    missing.append(
                        f"{key}[{number}].{field}"
                        + ("" if value is None else f" (not {value!r:.40})")
                    )
    if missing:
        raise ValueError(
            f"the card has no {', '.join(missing)}: add them to config.json, to RUN/card.json, or"
            " with --card FILE (see docs/publish.md)."
        )


def _is_licence(value) -> bool:
    return isinstance(value, str) and value.strip().lower() not in NO_LICENCE


def without_folders(value):
    """The records of a run without the folders of the machine it ran on: names of files and data
    sets alone."""
    if isinstance(value, dict):
        return {key: without_folders(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_folders(entry) for entry in value]
    return re.sub(r"[^\s=]*[/\\]", "", value) if isinstance(value, str) else value


def make_card(model, records: dict, repository: str) -> str:
    """The model card: front matter as huggingface_hub writes it, then what a user has to know, as
    text."""
    from huggingface_hub import EvalResult, ModelCardData

    name, kind = repository.rpartition("/")[2], type(model).__name__
    licence = records["licence"].strip().lower()
    listed = re.fullmatch(r"[a-z0-9.-]+", licence) is not None
    results = [
        EvalResult(
            task_type=model.pipeline_tag, dataset_type=_slug(m["dataset"]), dataset_name=m["dataset"],
            metric_type=_slug(m["name"]), metric_name=m["name"], metric_value=m["value"],
        )
        for m in records["metrics"]
    ]  # fmt: skip
    front = ModelCardData(
        library_name="synthderm", pipeline_tag=model.pipeline_tag, license=licence if listed else "other",
        license_name=None if listed else _slug(licence), tags=["dermatology", "synthetic-data", "data-augmentation"],
        datasets=[d.get("hub") or _slug(d["name"]) for d in records["data"]],
        metrics=sorted({_slug(m["name"]) for m in records["metrics"]}), model_name=name, eval_results=results,
    )  # fmt: skip
    config = model.config
    training = {
        **records.get("training", {}),
        **{f"log: {key}": value for key, value in records.get("log", {}).items()},
    }
    sections = [
        f"---\n{front.to_yaml()}\n---\n\n# {name}",
        str(
            records.get("summary")
            or f"A `{kind}` of [synthderm](https://pypi.org/project/synthderm/), for training skin-image classifiers."
        ),
        "For research and augmentation only; not a medical device and not for diagnosis.",
        (
            f"```python\nfrom synthderm import {kind}\n\nmodel ="
            f' {kind}.from_pretrained("{repository}")\n```'
        ),
        "## What goes in and comes out\n\n"
        + _table(
            ["", ""],
            [[key, config[key]] for key in config]
            + [["value range", list(model.value_range)], ["mask", model.mask_meaning]],
        ),
        "## Training data\n\n"
        + _table(
            ["data", "licence", "attribution"],
            [[d["name"], d["licence"], d["attribution"]] for d in records["data"]],
        ),
        "## Measured\n\n"
        + _table(
            ["metric", "value", "on", "command"],
            [
                [m["name"], m["value"], m["dataset"], f"`{m['command']}`"]
                for m in records["metrics"]
            ],
        ),
    ]
    if training:
        command = f"    {records['command']}\n\n" if records.get("command") else ""
        sections.append(
            "## Training\n\n"
            + command
            + _table(["setting", "value"], [[key, value] for key, value in training.items()])
        )
    if records.get("limits"):
        sections.append("## Limits\n\n" + "\n".join(f"- {limit}" for limit in records["limits"]))
    return "\n\n".join(sections) + "\n"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "data"


def _table(head: list, rows: list[list]) -> str:
    cells = [
        [" ".join(str(cell).split()).replace("|", "\\|") for cell in row]
        for row in [head, ["---"] * len(head), *rows]
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _check_copy(model, folder: Path) -> None:
    before, after = model.plain_state(), type(model).from_pretrained(folder).state_dict()
    different = [
        key for key in before if before[key].numpy().tobytes() != after[key].numpy().tobytes()
    ]
    if different:
        raise ValueError(
            f"the exported model does not load back bit-equal: {', '.join(different[:3])} differ;"
            " save float32 weights and publish those."
        )


def _upload(folder: Path, repository: str, private: bool, token: str | bool | None) -> str:
    from huggingface_hub import HfApi

    api = HfApi(token=token, library_name="synthderm")
    try:
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and not api.model_info(repository).private:
            raise PermissionError(
                f"{repository} exists and is public: make it private on its settings page, or leave"
                " --private out."
            )
        done = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=[*FILES, CARD],
            commit_message="Publish with synthderm",
        )
    except PermissionError:
        raise
    except Exception as error:
        raise explain(error, repository, "main") from error
    return done.oid
