"""The commands `synthderm study build`, `power`, `serve`, `analyse` and `export`."""

import argparse
import inspect
from functools import partial
from importlib import import_module
from typing import Any

from synthderm.study.plan import TRIALS, Plan

MARGIN: dict[str, Any] = {
    "type": float,
    "default": 0.1,
    "help": "accuracy within 0.5 +- margin counts as 'can't tell'",
}
FOLDER: dict[str, Any] = {"help": "the study's folder"}
BUILD: dict[str, dict[str, Any]] = {
    "--out": {"required": True, "help": "the study's folder, new or empty"},
    "--real": {"help": "folder of photographs"},
    "--generated": {
        "help": "folder of generated images, or a generator: bundled name (lesions, hands, ...), "
        "model folder or Hub id",
    },
    "--add": {
        "nargs": "+",
        "metavar": "DIR",
        "help": "eczema added: a folder of photographs to edit, or two folders, before and after",
    },
    "--remove": {"nargs": "+", "metavar": "DIR", "help": "eczema removed: likewise"},
    "--participants": {"type": int, "default": Plan.participants, "help": "places in the study"},
    "--yesno": {
        "type": int,
        "help": f"trials 'real or generated?' (default: {TRIALS} with --real and --generated)",
    },
    "--two": {
        "type": int,
        "help": f"trials 'which one is generated?' (default: {TRIALS} with --real and --generated)",
    },
    "--edit": {
        "type": int,
        "help": f"trials 'which one was edited?' (default: {TRIALS} with --add or --remove)",
    },
    "--repeats": {"type": int, "default": Plan.repeats, "help": "trials that come twice"},
    "--checks": {"type": int, "default": Plan.checks, "help": "attention checks"},
    "--images": {"type": int, "default": 60, "help": "images on each side, for all participants"},
    "--size": {
        "type": int,
        "help": "side in pixels (default: the smallest image's, at most 512)",
    },
    "--quality": {"type": int, "default": 92, "help": "JPEG quality of each image, 1 to 95"},
    "--seconds": {"type": float, "help": "how long to show each image (default: no limit)"},
    "--margin": MARGIN,
    "--max-failed-checks": {
        "type": int,
        "default": 1,
        "help": "exclude participants who fail more attention checks",
    },
    "--examples": {"type": int, "default": 1, "help": "labelled examples of each answer"},
    "--title": {"default": "Real or generated?", "help": "shown to participants"},
    "--seed": {"type": int, "default": 0, "help": "of all random choices"},
}
POWER: dict[str, dict[str, Any]] = {
    "--margin": MARGIN,
    "--trials": {
        "type": int,
        "nargs": "+",
        "default": [10, 20, 40, 80],
        "help": "trials of one kind for each participant",
    },
    "--sd": {
        "type": float,
        "default": 0.1,
        "help": "standard deviation of participants' true accuracies",
    },
    "--power": {"type": float, "default": 0.9, "help": "probability of a clear answer"},
    "--alpha": {"type": float, "default": 0.05, "help": "probability of a wrong answer"},
}
SERVE: dict[str, dict[str, Any]] = {
    "folder": FOLDER,
    "--host": {
        "default": "127.0.0.1",
        "help": "address to listen on; 0.0.0.0 for all addresses of this machine",
    },
    "--port": {"type": int, "default": 8000, "help": "0 for a free one"},
    "--url": {"help": "the address that participants use, if it is another (https://...)"},
    "--behind-proxy": {
        "action": "store_true",
        "help": "a proxy on this machine passes requests on, and names its clients",
    },
}
ANALYSE: dict[str, dict[str, Any]] = {
    "folder": FOLDER,
    "--out": {"help": "folder for report.html and results.csv (default: the study's)"},
    "--margin": {"type": float, "help": "another margin than the study's; the report says so"},
    "--max-failed-checks": {
        "type": int,
        "help": "another exclusion rule than the study's; the report says so",
    },
}
EXPORT: dict[str, dict[str, Any]] = {
    "folder": FOLDER,
    "--out": {"required": True, "help": "the dataset's folder, new or empty"},
}


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each option's default, where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the five commands; `run` in the parsed arguments is the chosen one."""
    commands = parser.add_subparsers(dest="study_command", metavar="command", required=True)
    for name, text, options, run in (
        ("build", "prepare the images and every participant's trials", BUILD, run_build),
        (
            "power",
            "how many participants and trials are needed?",
            POWER,
            partial(_run, "synthderm.study.power", "power_table"),
        ),
        ("serve", "ask the questions", SERVE, partial(_run, "synthderm.study.serve", "serve")),
        (
            "analyse",
            "write report.html and results.csv",
            ANALYSE,
            partial(_run, "synthderm.study.report", "report"),
        ),
        (
            "export",
            "write the answers as a Psych-DS dataset, with jsPsych's column names",
            EXPORT,
            partial(_run, "synthderm.study.psych_ds", "export"),
        ),
    ):
        command = commands.add_parser(name, help=text, description=text, formatter_class=_Defaults)
        command.set_defaults(run=run)
        for option, settings in options.items():
            command.add_argument(option, **settings)


def run_build(chosen: argparse.Namespace) -> None:
    """Build a study, and say what comes next."""
    settings = _call("synthderm.study.build", "build", chosen)
    plan = settings.plan
    print(
        f"{chosen.out}: {plan.length} trials for each of {plan.participants} participants,"
        f" {settings.size} px images."
    )
    if bool(chosen.add) != bool(chosen.remove):
        print(
            "Note: all edits go in one direction, so participants who notice it know every"
            " answer. Give both --add and --remove."
        )
    print(
        f"Now adapt consent.txt and texts.json in {chosen.out}, then run:"
        f" synthderm study serve {chosen.out}"
    )


def _run(module: str, function: str, chosen: argparse.Namespace) -> None:
    """Call a function, and print the text that it returns."""
    if text := _call(module, function, chosen):
        print(text)


def _call(module: str, name: str, chosen: argparse.Namespace) -> Any:
    """Import a function and call it with the arguments of the same names."""
    try:
        function = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("synthderm"):
            raise
        raise ImportError(
            f"{error.name} is not installed; this needs more packages than the library:"
            ' pip install "synthderm[study]"'
        ) from None
    names = inspect.signature(function).parameters
    return function(**{name: getattr(chosen, name) for name in names})
