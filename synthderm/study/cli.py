"""The commands `synthderm study build`, `power`, `serve` and `analyse`."""

import argparse
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from synthderm.study.plan import Plan

EXTRA = 'this needs more packages than the library: pip install "synthderm[study]"'
MARGIN_HELP = "accuracy within 0.5 +- margin counts as 'can't tell'"


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each option's default, where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the four commands; `run` in the parsed arguments is the chosen one."""
    commands = parser.add_subparsers(dest="study_command", metavar="command", required=True)
    for name, text, add_options, run in (
        ("build", "prepare the images and every participant's trials", _add_build, run_build),
        ("power", "how many participants and trials are needed?", _add_power, run_power),
        ("serve", "ask the questions", _add_serve, run_serve),
        ("analyse", "write report.html and results.csv", _add_analyse, run_analyse),
    ):
        command = commands.add_parser(name, help=text, description=text, formatter_class=_Defaults)
        add_options(command)
        command.set_defaults(run=run)


def _add_build(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", required=True, help="the study's folder, new or empty")
    add("--real", help="folder of photographs")
    add(
        "--generated",
        help="folder of generated images, or a generator: bundled name (lesions, hands, ...), "
        "model folder or Hub id",
    )
    add(
        "--add",
        nargs="+",
        metavar="DIR",
        help="eczema added: a folder of photographs to edit, or two folders, before and after",
    )
    add("--remove", nargs="+", metavar="DIR", help="eczema removed: likewise")
    add("--participants", type=int, default=Plan.participants, help="places in the study")
    single_default = "(default: 20 with --real and --generated)"
    add("--yesno", type=int, help=f"trials 'real or generated?' {single_default}")
    add("--two", type=int, help=f"trials 'which one is generated?' {single_default}")
    add(
        "--edit",
        type=int,
        help="trials 'which one was edited?' (default: 20 with --add or --remove)",
    )
    add("--repeats", type=int, default=Plan.repeats, help="trials that come twice")
    add("--checks", type=int, default=Plan.checks, help="attention checks")
    add("--images", type=int, default=60, help="images on each side, for all participants")
    add("--size", type=int, help="side in pixels (default: the smallest image's, at most 512)")
    add("--quality", type=int, default=92, help="JPEG quality of each image, 1 to 95")
    add("--seconds", type=float, help="how long to show each image (default: no limit)")
    add("--margin", type=float, default=0.1, help=MARGIN_HELP)
    add(
        "--max-failed-checks",
        type=int,
        default=1,
        help="exclude participants who fail more attention checks",
    )
    add("--examples", type=int, default=1, help="labelled examples of each answer")
    add("--title", default="Real or generated?", help="shown to participants")
    add("--seed", type=int, default=0, help="of all random choices")


def run_build(chosen: argparse.Namespace) -> None:
    from synthderm.study.build import build

    settings = _call(build, chosen)
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


def _add_power(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--margin", type=float, default=0.1, help=MARGIN_HELP)
    add(
        "--trials",
        type=int,
        nargs="+",
        default=[10, 20, 40, 80],
        help="trials of one kind for each participant",
    )
    add(
        "--sd",
        type=float,
        default=0.1,
        help="standard deviation of participants' true accuracies",
    )
    add("--power", type=float, default=0.9, help="probability of a clear answer")
    add("--alpha", type=float, default=0.05, help="probability of a wrong answer")


def run_power(chosen: argparse.Namespace) -> None:
    with _explain_missing_extra():
        from synthderm.study.power import power_table
    print(_call(power_table, chosen))


def _add_serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", help="the study's folder")
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 for all addresses of this machine",
    )
    add("--port", type=int, default=8000, help="0 for a free one")
    add("--url", help="the address that participants use, if it is another (https://...)")
    add(
        "--behind-proxy",
        action="store_true",
        help="a proxy on this machine passes requests on, and names its clients",
    )


def run_serve(chosen: argparse.Namespace) -> None:
    with _explain_missing_extra():
        from synthderm.study.serve import serve
    _call(serve, chosen)


def _add_analyse(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", help="the study's folder")
    add("--out", help="folder for report.html and results.csv (default: the study's)")
    add("--margin", type=float, help="another margin than the study's; the report says so")
    add(
        "--max-failed-checks",
        type=int,
        help="another exclusion rule than the study's; the report says so",
    )


def run_analyse(chosen: argparse.Namespace) -> None:
    with _explain_missing_extra():
        from synthderm.study.report import report
    print(_call(report, chosen))


def _call(function: Callable[..., Any], chosen: argparse.Namespace) -> Any:
    """Call a function with the arguments of the same names."""
    names = inspect.signature(function).parameters
    return function(**{name: getattr(chosen, name) for name in names})


@contextmanager
def _explain_missing_extra() -> Iterator[None]:
    """Turn the import error of a missing package into one clear sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("synthderm"):
            raise
        raise ImportError(f"{error.name} is not installed; {EXTRA}") from None
