"""The commands `synthderm study build | power | serve | analyse`."""

import argparse
import sys

from synthderm.study.schedule import Plan

EXTRA = 'this needs more packages than the library: pip install "synthderm[study]"'


def add_parser(subparsers) -> argparse.ArgumentParser:
    """Add `study` to the subparsers of a command line; the chosen command is the namespace's
    `run`."""
    return add_commands(
        subparsers.add_parser(
            "study", help="a perceptual study: can people tell?", description=__doc__
        )
    )


def add_commands(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the four commands to a parser."""
    commands = parser.add_subparsers(dest="study_command", metavar="command", required=True)
    _add_build(
        commands.add_parser(
            "build",
            help="draw the images and every participant's trials",
            formatter_class=_Defaults,
        )
    )
    _add_power(
        commands.add_parser(
            "power", help="how many participants and trials?", formatter_class=_Defaults
        )
    )
    _add_serve(commands.add_parser("serve", help="ask the questions", formatter_class=_Defaults))
    _add_analyse(
        commands.add_parser(
            "analyse",
            help="answer the question: report.html and results.csv",
            formatter_class=_Defaults,
        )
    )
    return parser


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each option's default, where there is one."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def _add_build(parser: argparse.ArgumentParser) -> None:
    plan = Plan()
    parser.add_argument("--real", help="folder of photographs")
    parser.add_argument(
        "--generated",
        help="folder of generated images, or the name of a generator (lesions, hands, ...)",
    )
    parser.add_argument("--out", required=True, help="the study's folder, new")
    parser.add_argument(
        "--add",
        nargs="+",
        metavar="DIR",
        help=(
            "edit block, eczema added: folder of photographs to edit, or two folders, before and"
            " after"
        ),
    )
    parser.add_argument(
        "--remove", nargs="+", metavar="DIR", help="edit block, eczema removed: likewise"
    )
    parser.add_argument(
        "--participants",
        type=int,
        default=plan.participants,
        help="places, each with its own trials",
    )
    parser.add_argument(
        "--yesno",
        type=int,
        help=(
            "trials 'real or generated?' of each participant (default: 20 with --real and"
            " --generated)"
        ),
    )
    parser.add_argument(
        "--two",
        type=int,
        help="trials 'which one is generated?' (default: 20 with --real and --generated)",
    )
    parser.add_argument(
        "--edit",
        type=int,
        help="trials 'which one was edited?' (default: 20 with --add or --remove)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=plan.repeats,
        help="trials that come twice, for self-consistency",
    )
    parser.add_argument("--checks", type=int, default=plan.checks, help="attention checks")
    parser.add_argument(
        "--images", type=int, default=60, help="images on each side, shared by all participants"
    )
    parser.add_argument(
        "--size", type=int, help="pixels of each image (default: the smallest image's, at most 512)"
    )
    parser.add_argument("--quality", type=int, default=92, help="JPEG quality of each image")
    parser.add_argument("--seconds", type=float, help="show each image for so long only")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.1,
        help="accuracy within 0.5 +- margin counts as 'can't tell'",
    )
    parser.add_argument(
        "--max-failed-checks", type=int, default=1, help="exclude participants who fail more"
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=1,
        help="labelled examples of each answer in the instructions",
    )
    parser.add_argument("--title", default="Real or generated?", help="shown to participants")
    parser.add_argument("--seed", type=int, default=0, help="of every draw")
    parser.set_defaults(run=run_build)


def run_build(chosen: argparse.Namespace) -> None:
    from synthderm.study.build import build

    single = bool(chosen.real or chosen.generated)
    if single and not (chosen.real and chosen.generated):
        raise ValueError("--real and --generated go together: a study compares the two.")
    asked = [(20 if present else 0) if given is None else given
             for given, present in ((chosen.yesno, single), (chosen.two, single), (chosen.edit, chosen.add or chosen.remove))]  # fmt: skip
    plan = Plan(chosen.participants, *asked, chosen.repeats, chosen.checks)
    if plan.images_needed and not single:
        raise ValueError(
            f"yesno={plan.yesno} and two={plan.two} trials need --real and --generated."
        )
    names = (
        "add",
        "remove",
        "seed",
        "images",
        "size",
        "quality",
        "seconds",
        "margin",
        "max_failed_checks",
        "examples",
        "title",
    )
    settings = build(
        chosen.out,
        chosen.real,
        chosen.generated,
        plan=plan,
        **{name: getattr(chosen, name) for name in names},
    )
    print(
        f"{chosen.out}: {plan.length} trials for each of {plan.participants} participants,"
        f" {settings.size} px images."
    )
    if bool(chosen.add) != bool(chosen.remove):
        print(
            "Note: with edits in one direction only, who notices the direction knows the answer;"
            " give both --add and --remove."
        )
    print(
        f"Now adapt {chosen.out}/consent.txt (and texts.json), then: synthderm study serve"
        f" {chosen.out}"
    )


def _add_power(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--margin",
        type=float,
        default=0.1,
        help="accuracy within 0.5 +- margin counts as 'can't tell'",
    )
    parser.add_argument(
        "--trials",
        type=int,
        nargs="+",
        default=[10, 20, 40, 80],
        help="trials of one kind for each participant",
    )
    parser.add_argument(
        "--sd", type=float, default=0.1, help="standard deviation of people's true accuracies"
    )
    parser.add_argument("--power", type=float, default=0.9, help="probability of a clear answer")
    parser.add_argument("--alpha", type=float, default=0.05, help="probability of a wrong one")
    parser.set_defaults(run=run_power)


def run_power(chosen: argparse.Namespace) -> None:
    with _Extra():
        from synthderm.study.power import table
    print(table(chosen.margin, chosen.sd, chosen.power, chosen.alpha, chosen.trials))


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", help="the study's folder")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 for all of this machine's",
    )
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument(
        "--url", help="the address that participants use, where it is another (https://...)"
    )
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        help="a proxy on this machine passes the requests on and names its clients",
    )
    parser.set_defaults(run=run_serve)


def run_serve(chosen: argparse.Namespace) -> None:
    with _Extra():
        from synthderm.study.serve import serve
    serve(chosen.study, chosen.host, chosen.port, chosen.url, chosen.behind_proxy)


def _add_analyse(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", help="the study's folder")
    parser.add_argument(
        "--out", help="folder for report.html and results.csv (default: the study's)"
    )
    parser.add_argument(
        "--margin", type=float, help="another margin than the study's (the report says so)"
    )
    parser.add_argument(
        "--max-failed-checks",
        type=int,
        help="another exclusion rule than the study's (the report says so)",
    )
    parser.set_defaults(run=run_analyse)


def run_analyse(chosen: argparse.Namespace) -> None:
    with _Extra():
        from synthderm.study.report import report
    print(report(chosen.study, chosen.out, chosen.margin, chosen.max_failed_checks))


class _Extra:
    """Turns the import error of a missing extra into one clear sentence."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith(
            "synthderm"
        ):
            sys.exit(f"error: {error.name} is not installed; {EXTRA}")
