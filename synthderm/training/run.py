"""A run of training that may be left and taken up again: where it goes on, which of its arguments
may change then, and what it was really told.

Whatever is on the command line of a run that goes on either acts from there on, or is refused. The
model's card tells which images were shown under which arguments.
"""

import os
import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthderm.files import held
from synthderm.hub.model_card import without_folders
from synthderm.imaging.artifact_shares import DERMOSCOPY, name_shares
from synthderm.training.checkpoint import (
    CHECKPOINT,
    Part,
    as_stored,
    read_checkpoint,
    restore,
    trim_log,
    write_checkpoint,
)
from synthderm.training.devices import Devices

# How long a part lasts, where its files are, and how it was called: `RunState` tells what came of
# it, and the other arguments what was asked for.
BUDGET = ("out", "minutes", "images", "pause", "command")


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
        devices: of this process and others; this one alone on `args.device` where None.

    `facts` are what was settled beside them, by name, and where the run began; `parts` the command
    lines so far, each with the number of images after which it took over.

    Raises:
        ValueError: the checkpoint is damaged or of another recipe, a fixed argument differs, or
            another process has the folder.
    """

    def __init__(
        self,
        recipe: str,
        args: Namespace,
        fixed: Sequence[str],
        devices: Devices | None = None,
    ) -> None:
        self.recipe, self.folder = recipe, Path(args.out)
        self.devices = devices or Devices(args.device)
        self.device = self.devices.device
        self.arguments: dict[str, Any] = as_stored(vars(args))
        self.facts: dict[str, Any] = {}
        self.parts: list[dict[str, Any]] = []
        self._checkpoint = None
        if self.folder.is_dir():
            # Refused now, and not after the data were read.
            with held(self.folder) if self.devices.is_main else nullcontext():
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
            f"--{name.replace('_', '-')} was {_say(name, started[name])} and is"
            f" {_say(name, self.arguments[name])} now"
            for name in fixed
            if name in started and not same_argument(name, started[name], self.arguments[name])
        ]
        if changed:
            raise ValueError(
                f"{self.folder} can't go on like this: {'; '.join(changed)}. Give the former"
                " values, or choose another --out."
            )

    def settle(self, name: str, value: Any) -> None:
        """Keep something that the data or --init decide, and that may not change when the run goes
        on.

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

    @property
    def shown_before(self) -> int:
        """Images that earlier runs were shown, if this one goes on with their training."""
        return int(self.facts.get("shown_before", 0))

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
        if self._checkpoint is not None:
            restore(self.folder, self._checkpoint, parts, self.device)
            for name, value in self._checkpoint["state"].items():
                setattr(state, name, value)
            self._checkpoint = None  # frees the memory
        if self.devices.is_main:
            trim_log(self.folder, -1 if self.is_new else state.shown)  # of a run that is no more
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
        """What the model's card tells of the run: see `describe_run`."""
        record = {"recipe": self.recipe, "facts": self.facts, "parts": self.parts}
        return describe_run(record, asdict(state))


def describe_run(record: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """What the model's card tells of a run: "recipe", and "training" with the arguments and what
    was counted. Where arguments changed, "parts" tells from how many images on they had which
    values; where the weights came from earlier runs, "before" tells of these.

    Args:
        record: of the run, as its checkpoint has it.
        state: what the run counts.
    """
    # A part that ended before its first image has taught nothing.
    told = [part for part in record["parts"] if part["shown"] < state["shown"]]
    told = told or record["parts"][:1]
    training = {**told[-1]["arguments"], **state}
    names = {name for part in told for name in part["arguments"]} - set(BUDGET)
    changed = sorted(
        name
        for name in names
        if not all(
            same_argument(name, part["arguments"].get(name), training.get(name)) for part in told
        )
    )
    parts: list[dict[str, Any]] = []
    for part in told:
        values = {name: part["arguments"].get(name) for name in changed}
        if not parts or {**parts[-1], **values} != parts[-1]:
            parts.append({"shown": part["shown"], **values})
    if changed:
        training["parts"] = parts
    if record["facts"].get("before"):
        training["before"] = record["facts"]["before"]
    return {"recipe": record["recipe"], "training": training}


def earlier_runs(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs that trained some weights, the oldest first: for each its "command", the "images" it
    was shown, and the "seconds" that took.

    Args:
        card: what `config.json` says of the weights; [] where it tells of no training.
    """
    training = card.get("training")
    if not isinstance(training, dict):
        return []
    before = training.get("before")
    last = {
        "command": training.get("command") or card.get("command"),
        "images": training.get("shown"),
        "seconds": training.get("seconds"),
    }
    runs = [*(before if isinstance(before, list) else []), last]
    return [run for run in runs if isinstance(run, dict) and type(run.get("images")) is int]


def own_command(recipe: str) -> str:
    """The command line of this process, without the folders of this machine.

    Args:
        recipe: the file name of the recipe.
    """
    words = []
    for word in sys.argv[1:]:
        name, equals, value = word.rpartition("=")
        words.append(name + equals + re.split(r"[/\\]", value.rstrip("/\\"))[-1])
    return shlex.join(["python", f"recipes/{recipe}", *words])


def same_argument(name: str, value: Any, other: Any) -> bool:
    """Whether an argument has the same value. A network's file may have been moved, and artifacts
    were recorded as a switch before they had shares."""
    if name in ("features", "kid"):
        value, other = without_folders(value), without_folders(other)
    if name == "artifacts":
        value, other = _as_shares(value), _as_shares(other)
    return bool(value == other)


def _say(name: str, value: Any) -> Any:
    """An argument as errors name it: dicts of shares in the words of the command line."""
    return name_shares(_as_shares(value)) if name == "artifacts" else value


def _as_shares(recorded: Any) -> Any:
    if isinstance(recorded, bool):
        return DERMOSCOPY if recorded else {}
    return recorded
