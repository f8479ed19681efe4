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

import torch
from torch import Tensor, nn

from synthderm.files import atomic_path, write_text

# What a checkpoint holds.
Part = nn.Module | torch.optim.Optimizer | Tensor
CHECKPOINT, METRICS = "checkpoint.pt", "metrics.jsonl"


def write_checkpoint(
    folder: Path, parts: Mapping[str, Part], state: dict[str, Any], device: torch.device
) -> None:
    """Write `checkpoint.pt` with torch's random state, whole or not at all.

    Args:
        folder: of the run.
        parts: by name what has tensors: networks, optimizers, and tensors themselves.
        state: plain numbers; `shown` must be the number of images shown.
        device: on which the run samples random numbers.
    """
    values: dict[str, Any] = {name: to_state(part) for name, part in parts.items()}
    values["state"] = state
    values["rng"] = torch.get_rng_state()
    values["cuda_rng"] = torch.cuda.get_rng_state() if device.type == "cuda" else None
    with atomic_path(folder / CHECKPOINT) as part:
        torch.save(values, part)


def read_checkpoint(
    folder: Path, parts: Mapping[str, Part], device: torch.device
) -> dict[str, Any] | None:
    """Load `checkpoint.pt` into `parts`, and set torch's random state as it was.

    Lines of `metrics.jsonl` that were logged after the checkpoint, before the run was killed, are
    removed: they will be logged again.

    Returns:
        the state that was written; None, and nothing is changed, where there is no checkpoint yet.
    """
    if not (folder / CHECKPOINT).is_file():
        return None
    values = torch.load(folder / CHECKPOINT, map_location=device, weights_only=True)
    for name, part in parts.items():
        load_state(part, values[name])
    torch.set_rng_state(values["rng"].cpu())
    if device.type == "cuda" and values["cuda_rng"] is not None:
        torch.cuda.set_rng_state(values["cuda_rng"].cpu())
    state: dict[str, Any] = values["state"]
    if (folder / METRICS).is_file():
        lines = (folder / METRICS).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if json.loads(line)["shown"] <= state["shown"]]
        write_text(folder / METRICS, "".join(kept))
    return state


def log_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Append a line to `metrics.jsonl`.

    Args:
        folder: of the run.
        metrics: "shown", the number of images shown, and what was measured then.
    """
    with open(folder / METRICS, "a", encoding="utf-8") as file:
        file.write(json.dumps(metrics) + "\n")


def to_state(part: Part) -> Any:
    """What a checkpoint holds of a part.

    Of a network all tensors but those of frozen backbones, which are read from their own file. Of
    Adam with beta1 = 0 all but the first moments: they are then the last gradients, which the next
    step overwrites before it reads them, and a third of the checkpoint.
    """
    if isinstance(part, Tensor):
        return part
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
    elif isinstance(part, nn.Module):
        present = part.state_dict()
        part.load_state_dict({key: present[key] for key in present if ".backbone." in key} | state)
    else:
        for moments in state["state"].values():
            moments.setdefault("exp_avg", torch.zeros_like(moments["exp_avg_sq"]))
        part.load_state_dict(state)
