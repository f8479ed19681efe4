"""The files of a training run: a checkpoint that decides all that follows, and a log of what was
measured."""

import json
import os
from pathlib import Path

import torch
from torch import nn


def write_checkpoint(folder: Path, parts: dict, device: torch.device) -> int:
    """Write `checkpoint.pt` with `parts` and torch's random state, beside its place and then
    renamed. Returns its bytes."""
    rng = {
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state() if device.type == "cuda" else None,
    }
    torch.save(parts | rng, folder / "checkpoint.part")
    os.replace(folder / "checkpoint.part", folder / "checkpoint.pt")
    return (folder / "checkpoint.pt").stat().st_size


def read_checkpoint(folder: Path, device: torch.device) -> dict | None:
    """The parts of `checkpoint.pt`, or None where there is none yet. Sets torch's random state, and
    takes lines out of `metrics.jsonl` that were logged after the checkpoint, before the kill: they
    will be logged again."""
    if not (folder / "checkpoint.pt").is_file():
        return None
    loaded = torch.load(folder / "checkpoint.pt", map_location=device, weights_only=True)
    torch.set_rng_state(loaded.pop("rng").cpu())
    cuda_rng = loaded.pop("cuda_rng")
    if device.type == "cuda" and cuda_rng is not None:
        torch.cuda.set_rng_state(cuda_rng.cpu())
    if (folder / "metrics.jsonl").is_file():
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        kept = "".join(
            line for line in lines if json.loads(line)["shown"] <= loaded["state"]["shown"]
        )
        (folder / "metrics.part").write_text(kept, encoding="utf-8")
        os.replace(folder / "metrics.part", folder / "metrics.jsonl")
    return loaded


@torch.no_grad()
def blend(average: nn.Module, model: nn.Module, keep: float) -> None:
    """A step of an exponential moving average of all floating point tensors, buffers too; `keep` is
    the share of the old ones."""
    for mine, theirs in zip(average.state_dict().values(), model.state_dict().values()):
        if mine.is_floating_point():
            mine.lerp_(theirs, 1 - keep)
        else:
            mine.copy_(theirs)


def log(folder: Path, figures: dict) -> None:
    with open(folder / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")


def trained_state(model: nn.Module) -> dict:
    """A model's tensors without those of frozen backbones, which are read anew from their own
    file."""
    return {key: value for key, value in model.state_dict().items() if ".backbone." not in key}


def load_trained(model: nn.Module, state: dict) -> None:
    """The counterpart of `trained_state`; strict in all the rest."""
    model.load_state_dict(
        {key: value for key, value in model.state_dict().items() if ".backbone." in key} | state
    )


def adam_state(optimizer: torch.optim.Adam) -> dict:
    """Adam's state without the first moments where beta1 is 0: they are then the last gradients and
    are overwritten before they are read, and a third of the checkpoint."""
    state = optimizer.state_dict()
    if any(group["betas"][0] for group in state["param_groups"]):
        return state
    return {
        **state,
        "state": {
            key: {name: value for name, value in moments.items() if name != "exp_avg"}
            for key, moments in state["state"].items()
        },
    }


def load_adam(optimizer: torch.optim.Adam, state: dict) -> None:
    for moments in state["state"].values():
        moments.setdefault("exp_avg", torch.zeros_like(moments["exp_avg_sq"]))
    optimizer.load_state_dict(state)
