"""Runs recipes one after the other, in one process or in several that a launcher started, and keeps
the losses of every step of each.

    torchrun --nproc-per-node 2 tests/recipes/several.py RUNS.json

RUNS.json is a list of [recipe, file of losses, options].
"""

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from synthderm.training import loop
from synthderm.training.devices import Devices

RECIPES = Path(__file__).parents[2] / "recipes"
Run = tuple[str, str, list[str]]


def run_all(runs: list[Run]) -> None:
    """Networks compute in float32 on every processor: in bf16 a rounding is a hundredth."""
    backward = Devices.backward
    for recipe, log, options in runs:
        losses: list[list[float]] = []

        def keep(devices: Devices, *given: Any, losses: list[list[float]] = losses) -> Any:
            means = backward(devices, *given)
            losses.append(means.tolist())
            return means

        with (
            mock.patch.object(loop, "has_bf16", lambda device: False),
            mock.patch.object(Devices, "backward", keep),
            mock.patch.object(Devices, "close", lambda devices: devices.agree(0)),
            mock.patch.object(sys, "argv", [recipe, *options]),
        ):
            runpy.run_path(str(RECIPES / recipe), run_name="__main__")
        if os.environ.get("RANK", "0") == "0":
            Path(log).write_text(json.dumps(losses))


if __name__ == "__main__":
    run_all(json.loads(Path(sys.argv[1]).read_text()))
