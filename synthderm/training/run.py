"""A run of training that may be left and taken up again: where it goes on, which of its arguments
may change then, and what it was really told.

Whatever is on the command line of a run that goes on either acts from there on, or is refused. The
model's card tells which images were shown under which arguments.
"""

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from synthderm.files import held
from synthderm.hub.model_card import without_folders
from synthderm.training.checkpoint import (
    CHECKPOINT,
    Part,
    as_stored,
    read_checkpoint,
    restore,
    trim_log,
    write_checkpoint,
)

# How long a part lasts and where its files are: `RunState` tells what came of it.
BUDGET = ("out", "minutes", "images", "pause")


@dataclass
class RunState:
    """What a run counts. It is checkpointed, logged, and told by the model's card."""

    shown: int = 0  # images
    seconds: float = 0.0  # of training; validation is not counted
    validated: int | None = None  # images shown at the last validation


class TrainingRun:
    """The folder of a run, new or with a checkpoint from which it goes on.

    Args:
        recipe: the file name of the recipe.
        args: its command line, with `out` and `device`.
        fixed: the arguments that are settled when the run starts.

    `facts` are what was settled beside them, by name; `parts` the command lines so far, each with
    the number of images after which it took over.

    Raises:
        ValueError: the checkpoint is damaged or of another recipe, a fixed argument differs, or
            another process has the folder.
    """

    def __init__(self, recipe: str, args: Namespace, fixed: Sequence[str]) -> None:
        self.recipe, self.folder = recipe, Path(args.out)
        self.device = torch.device(args.device)
        self.arguments: dict[str, Any] = as_stored(vars(args))
        self.facts: dict[str, Any] = {}
        self.parts: list[dict[str, Any]] = []
        self._checkpoint = None
        if self.folder.is_dir():
            with held(self.folder):  # refused now, and not after the data were read
                self._checkpoint = read_checkpoint(self.folder)
        self._version = self._find_version()
        self.is_new = self._checkpoint is None
        if self._checkpoint is not None:
            record = self._checkpoint["record"]
            if record.get("recipe") != recipe:
                other = record.get("recipe", "another program")
                raise ValueError(f"{self.folder} holds a run of {other}: choose another --out.")
            self.facts, self.parts = record["facts"], record["parts"]
            self._check_arguments(fixed)

    def _check_arguments(self, fixed: Sequence[str]) -> None:
        started = self.parts[0]["arguments"]
        changed = [
            f"--{name.replace('_', '-')} was {started[name]} and is {self.arguments[name]} now"
            for name in fixed
            if name in started and not _same(name, started[name], self.arguments[name])
        ]
        if changed:
            raise ValueError(
                f"{self.folder} can't go on like this: {'; '.join(changed)}. Give the former"
                " values, or choose another --out."
            )

    def settle(self, name: str, value: Any) -> None:
        """Keep something that the data decides, and that may not change when the run goes on.

        Args:
            name: what it is, such as "classes".
            value: plain values.

        Raises:
            ValueError: it has changed.
        """
        value = as_stored(value)
        before = self.facts.setdefault(name, value)
        if before != value:
            raise ValueError(
                f"{self.folder} was started with the {name} {before}, and --data has {value} now:"
                " give the former data, or choose another --out."
            )

    def restore(self, parts: Mapping[str, Part], state: RunState) -> None:
        """Go on where the checkpoint was written; a new run stays as it is.

        Args:
            parts: what has tensors, by name; changed in place, as is torch's random state.
            state: of a new run; changed in place.

        Raises:
            ValueError: the checkpoint does not fit the parts, or is another one by now.
        """
        if self._find_version() != self._version:
            raise ValueError(
                f"{self.folder} was written to by another process meanwhile: give the command"
                " again."
            )
        if self._checkpoint is None:
            trim_log(self.folder, -1)  # of a run that is no more
        else:
            restore(self.folder, self._checkpoint, parts, self.device)
            for name, value in self._checkpoint["state"].items():
                setattr(state, name, value)
            self._checkpoint = None  # frees the memory
        if self.parts and self.parts[-1]["shown"] == state.shown:
            del self.parts[-1]  # no image was shown under it
        if not self.parts or self.parts[-1]["arguments"] != self.arguments:
            self.parts.append({"shown": state.shown, "arguments": self.arguments})

    def _find_version(self) -> tuple[int, int] | None:
        """What tells the checkpoint's file from another one that took its place."""
        try:
            status = os.stat(self.folder / CHECKPOINT)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def save(self, parts: Mapping[str, Part], state: RunState) -> None:
        """Write the checkpoint."""
        record = {"recipe": self.recipe, "facts": self.facts, "parts": self.parts}
        write_checkpoint(self.folder, parts, asdict(state), record, self.device)

    def describe(self, state: RunState) -> dict[str, Any]:
        """What the model's card tells of the run: "recipe", and "training" with the arguments, what
        `state` counts, and, where arguments changed, "parts": from how many images on they had
        which values."""
        # A part that ended before its first image has taught nothing.
        told = [part for part in self.parts if part["shown"] < state.shown] or self.parts[:1]
        training = {**told[-1]["arguments"], **asdict(state)}
        names = {name for part in told for name in part["arguments"]} - set(BUDGET)
        changed = sorted(
            name
            for name in names
            if not all(
                _same(name, part["arguments"].get(name), training.get(name)) for part in told
            )
        )
        parts: list[dict[str, Any]] = []
        for part in told:
            values = {name: part["arguments"].get(name) for name in changed}
            if not parts or {**parts[-1], **values} != parts[-1]:
                parts.append({"shown": part["shown"], **values})
        if changed:
            training["parts"] = parts
        return {"recipe": self.recipe, "training": training}


def _same(name: str, value: Any, other: Any) -> bool:
    """Whether an argument has the same value. A network's file may have been moved."""
    if name in ("features", "kid"):
        value, other = without_folders(value), without_folders(other)
    return bool(value == other)
