"""The files of a training run: `checkpoint.pt`, which decides all that follows, and
`metrics.jsonl`, a log of what was measured.

A run that was stopped and resumed gives the weights of an unbroken one, bit for bit. For that a
checkpoint holds all networks, optimizers and running means and torch's random state, and schedules
depend on the number of images shown alone. It holds for the same arguments, versions, processor and
number of threads, and for a budget in images: one in minutes ends at another step. On a GPU,
where convolutions are chosen by timing, it is not promised.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor, nn

from synthderm.files import atomic_path, to_json, write_text
from synthderm.hub.model_folder import short

# What a checkpoint holds; a dict is of plain numbers, as running means by name.
Part = nn.Module | torch.optim.Optimizer | Tensor | dict[str, float]
CHECKPOINT, METRICS = "checkpoint.pt", "metrics.jsonl"


def write_checkpoint(
    folder: Path,
    parts: Mapping[str, Part],
    state: Mapping[str, Any],
    record: Mapping[str, Any],
    device: torch.device,
) -> None:
    """Write `checkpoint.pt` with torch's random state, whole or not at all.

    Args:
        folder: of the run.
        parts: by name what has tensors: networks, optimizers, and tensors themselves.
        state: plain numbers; `shown` must be the number of images shown.
        record: plain values that say how the run came here, see `TrainingRun`.
        device: on which the run samples random numbers.
    """
    values: dict[str, Any] = {name: to_state(part) for name, part in parts.items()}
    values |= {"state": as_stored(dict(state)), "record": as_stored(dict(record))}
    values["rng"] = torch.get_rng_state()
    values["cuda_rng"] = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    with atomic_path(folder / CHECKPOINT) as part:
        try:
            torch.save(values, part)
        except RuntimeError as error:  # as on a full disk
            raise OSError(short(str(error), 100)) from None


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """What `write_checkpoint` wrote, on the CPU; None where there is no checkpoint yet.

    Raises:
        ValueError: the file is damaged, or another program wrote it.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    way_out = "Delete it to start anew, or choose another --out."
    try:
        with ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself does not look at the check sums
        if damaged is not None:
            raise BadZipFile(f"{damaged} has another check sum")
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a reader may fail on
        raise ValueError(f"{path} is damaged ({short(str(error), 100)}). {way_out}") from None
    if not _is_whole(values):
        raise ValueError(
            f"{path} does not say how its run was started: another program, or another version of"
            f" this one, wrote it. {way_out}"
        )
    return values


def _is_whole(values: Any) -> bool:
    """Whether a checkpoint says where its run was, and how it was started."""
    if not isinstance(values, dict) or not isinstance(values.get("rng"), Tensor):
        return False
    state = values.get("state")
    has_state = isinstance(state, dict) and isinstance(state.get("shown"), int)
    return has_state and isinstance(values.get("record"), dict)


def restore(
    folder: Path, values: Mapping[str, Any], parts: Mapping[str, Part], device: torch.device
) -> None:
    """Load what `read_checkpoint` gave into `parts`, and set torch's random state as it was.

    Raises:
        ValueError: a part does not fit.
    """
    for name, part in parts.items():
        try:
            load_state(part, values[name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"{folder / CHECKPOINT} does not fit this {name} ({short(str(error), 200)}): go on"
                " with the version that wrote it, or choose another --out."
            ) from None
    torch.set_rng_state(values["rng"])
    if device.type == "cuda" and values["cuda_rng"] is not None:
        torch.cuda.set_rng_state(values["cuda_rng"], device)


def trim_log(folder: Path, shown: int) -> None:
    """Remove from the log of a run what was logged after `shown` images, as after the checkpoint of
    a run that was killed then: it will be logged again. And what is no whole line: a last one that
    was cut off, or what a machine that lost its power left."""
    if (folder / METRICS).is_file():
        kept = [entry for entry in read_log(folder) if entry["shown"] <= shown]
        write_text(folder / METRICS, "".join(to_json(entry) + "\n" for entry in kept))


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's `metrics.jsonl`; [] where there is none."""
    path, entries = folder / METRICS, []
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else []:
        try:
            entry = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(entry.get("shown"), int):
            entries.append(entry)
    return entries


def log_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Append a line to `metrics.jsonl`.

    Args:
        folder: of the run.
        metrics: "shown", the number of images shown, and what was measured then.
    """
    path = folder / METRICS
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(to_json(metrics) + "\n")
    except OSError as error:  # which on a full disk names no file
        raise OSError(error.errno, error.strerror, str(path)) from None


def as_stored(value: Any) -> Any:
    """A value as a checkpoint gives it back: plain numbers, text, lists and dicts alone."""
    return json.loads(to_json(value))


def to_state(part: Part) -> Any:
    """What a checkpoint holds of a part.

    Of a network all tensors but those of frozen backbones, which are read from their own file. Of
    Adam with beta1 = 0 all but the first moments: they are then the last gradients, which the next
    step overwrites before it reads them, and a third of the checkpoint.
    """
    if isinstance(part, Tensor):
        return part
    if isinstance(part, dict):
        return dict(part)
    state = part.state_dict()
    if isinstance(part, nn.Module):
        return {key: value for key, value in state.items() if ".backbone." not in key}
    if any(group["betas"][0] for group in state["param_groups"]):
        return state
    moments = {
        key: {name: value for name, value in parameter.items() if name != "exp_avg"}
        for key, parameter in state["state"].items()
    }
    return {**state, "state": moments}


def load_state(part: Part, state: Any) -> None:
    """The counterpart of `to_state`; strict in all that is not left out there."""
    if isinstance(part, Tensor):
        part.copy_(state)
    elif isinstance(part, dict):
        part.clear()
        part.update(state)
    elif isinstance(part, nn.Module):
        present = part.state_dict()
        part.load_state_dict({key: present[key] for key in present if ".backbone." in key} | state)
    else:
        # Moments are laid out in memory as their parameters are: fused optimizers refuse others.
        parameters = [p for group in part.param_groups for p in group["params"]]
        for number, moments in state["state"].items():
            if number >= len(parameters):
                raise ValueError(f"there is no parameter {number}")
            moments.setdefault("exp_avg", torch.zeros_like(parameters[number]))
            for name in moments.keys() - {"step"}:
                had, wanted = tuple(moments[name].shape), tuple(parameters[number].shape)
                if had != wanted:  # it could be broadcast
                    raise ValueError(
                        f"{name} of parameter {number} has another shape, {had} instead of {wanted}"
                    )
                moments[name] = torch.empty_like(parameters[number]).copy_(moments[name])
        # Learning rates and the like are those of now, not those of the checkpoint.
        pairs = zip(part.state_dict()["param_groups"], state["param_groups"], strict=True)
        groups = [{**present, "params": stored["params"]} for present, stored in pairs]
        part.load_state_dict({**state, "param_groups": groups})
