"""The command line: `synthderm COMMAND ...`."""

import argparse
import os
import sys
import warnings
from importlib import import_module
from io import TextIOWrapper
from typing import TextIO

from synthderm import __version__
from synthderm.cli.messages import one_line

# The module of each command's arguments, and what it is for. It has `add_arguments(parser)`, which
# may set `check`, and imports no torch: mistakes show before that is imported, which takes seconds.
# What runs is `run` of the module that is named as the command, or what `add_arguments` sets.
COMMANDS = {
    "demo": ("synthderm.cli.arguments.demo", "make pictures and train a small classifier, offline"),
    "edit": ("synthderm.cli.arguments.edit", "add eczema to photographs, or remove it"),
    "render": (
        "synthderm.cli.arguments.render",
        "write generated images to a folder, with labels and masks",
    ),
    "show": ("synthderm.cli.arguments.show", "a picture of what a source or a folder holds"),
    "walk": (
        "synthderm.cli.arguments.walk",
        "what lies between two seeds, how severity or a lesion grows",
    ),
    "helps": (
        "synthderm.cli.arguments.helps",
        "do generated images help? on your own photographs",
    ),
    "audit": ("synthderm.cli.arguments.audit", "does a generator give its photographs back?"),
    "whence": (
        "synthderm.cli.arguments.whence",
        "what a file says of where it comes from",
    ),
    "publish": ("synthderm.cli.arguments.publish", "put a trained model on the Hugging Face Hub"),
    "study": ("synthderm.study.cli", "a perceptual study: can people tell?"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0; 1 if some of many files could not be dealt with, which are named; 2 after
        a mistake that the user can correct, which is one line on stderr and never a traceback; 130
        after Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="synthderm",
        description="Synthetic skin images and eczema edits. For research, not for diagnosis.",
    )
    parser.add_argument("--version", action="version", version=f"synthderm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name == asked:
            import_module(module).add_arguments(command)
    args = parser.parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):  # file names may hold what the terminal can't show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            if "check" in args:
                args.check(args)
            if "run" not in args:
                args.run = import_module(f"synthderm.cli.{args.command}").run
            return args.run(args) or 0
    except BrokenPipeError:  # as in `synthderm edit ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"synthderm: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:  # which may say how to go on
        print(f"synthderm: {str(stop) or 'stopped.'}", file=sys.stderr)
        return 130


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line, as errors are."""
    print(f"synthderm: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
