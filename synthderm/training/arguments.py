"""The command lines of the training recipes."""

import argparse
import math
import sys
from collections.abc import Sequence

import torch

from synthderm.imaging.artifact_shares import parse_shares
from synthderm.training.gan_arguments import add_gan_data, add_gan_losses, add_gan_networks
from synthderm.training.loop import exit_on_error
from synthderm.training.presets import add_presets, parse_with_preset
from synthderm.training.run import own_command

# What is settled when a run starts: a run that goes on refuses another value. All other flags act
# from there on.
GAN_FIXED = (
    "init",
    "seed",
    "size",
    "region",
    "artifacts",
    "channels",
    "disc_channels",
    "noise",
    "smooth",
    "skin_tone",
    "features",
    "recon_weight",
    "kid",
    "kid_images",
)
EDIT_FIXED = ("supervision", "init", "seed", "size", "features")
# Numbers that have to be above 0, and those that may be 0, which switches something off.
ABOVE_0 = (
    "minutes",
    "images",
    "pause",
    "val_interval",
    "size",
    "batch",
    "accumulate",
    "ema_images",
    "threads",
    "kid_images",
    "channels",
    "disc_channels",
    "lr",
    "lr_half_life",
    "penalty_interval",
)
FROM_0 = (
    "half_res_images",
    "condition_images",
    "augment_color",
    "r1",
    "r2",
    "classify_weight",
    "recon_weight",
    "paired_weight",
)


def parse_gan_args(description: str) -> argparse.Namespace:
    """The command line of train_gan.py."""
    parser = _make_parser(description, GAN_FIXED, size=128, minutes=60, val_interval=8000)
    add_gan_data(parser.add_argument_group("data").add_argument)
    add_gan_networks(parser.add_argument_group("networks").add_argument)
    add_gan_losses(parser.add_argument_group("losses").add_argument)
    add_presets(parser)
    with exit_on_error("train_gan.py"):
        args = parse_with_preset(parser, sys.argv[1:])
        args.artifacts = parse_shares(args.artifacts)
        _check_numbers(args)
        if args.augment != "adaptive" and not _is_probability(args.augment):
            raise ValueError(f"--augment {args.augment} is neither a probability nor adaptive.")
        if args.recon_weight and not args.features:
            raise ValueError(
                "--recon-weight compares feature maps: name a network with --features."
            )
    if args.kid is None and args.features:
        args.kid = f"timm:{args.features}"
    args.kid = None if args.kid == "none" else args.kid
    args.command = own_command("train_gan.py")
    return args


def parse_edit_args(description: str) -> argparse.Namespace:
    """The command line of train_edit.py."""
    parser = _make_parser(description, EDIT_FIXED, size=192, minutes=40, val_interval=4000)
    add = parser.add_argument_group("data and method").add_argument
    add("--supervision", choices=["paired", "masked", "unpaired"], default="paired")
    add("--data", required=True, nargs="+", help="folders of photographs with healthy skin")
    add("--lr", type=float, default=1e-3, help="the editor's learning rate")
    add("--lr-half-life", type=int, default=12_000, help="images in which --lr is halved")
    add("--lesional", help="masked, unpaired: folder of inflamed skin, for masked with masks")
    add("--lesional-labels", nargs="+", help="its classes that are inflamed; all by default")
    add(
        "--paired-weight",
        type=float,
        help="masked, unpaired: weight of the paired losses beside the others; 0 for none, 0.5 "
        "where left out",
    )
    args = parser.parse_args()
    with exit_on_error("train_edit.py"):
        _check_numbers(args)
        if args.supervision == "paired":
            _refuse_adversarial(args)
        elif not args.lesional:
            raise ValueError(
                f"--supervision {args.supervision} needs --lesional, a folder of inflamed skin."
            )
        elif args.paired_weight is None:
            args.paired_weight = 0.5
    args.command = own_command("train_edit.py")
    return args


def _check_numbers(args: argparse.Namespace) -> None:
    """Refuse numbers under which nothing would be trained, or that are none."""
    for names, is_right, says in (
        (ABOVE_0, lambda number: number > 0, "above 0"),
        (FROM_0, lambda number: number >= 0, "0 or more"),
    ):
        for name in names:
            value = getattr(args, name, None)
            numbers = value if isinstance(value, list) else [] if value is None else [value]
            if not all(is_right(number) and math.isfinite(number) for number in numbers):
                shown = " ".join(str(number) for number in numbers)
                many = "numbers" if len(numbers) > 1 else "a number"
                raise ValueError(f"--{name.replace('_', '-')} {shown}: give {many} {says}.")
    start, end = getattr(args, "condition_images", (0, 0))
    if start > end:
        raise ValueError(f"--condition-images {start} {end}: the lower number comes first.")
    if not -(2**63) <= args.seed < 2**64:
        raise ValueError(f"--seed {args.seed}: torch takes seeds from -2**63 to 2**64 - 1.")
    try:
        torch.empty(0, device=args.device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"--device {args.device} can't be used: {reason:.200}") from None


def _refuse_adversarial(args: argparse.Namespace) -> None:
    """Paired supervision would pass over what is for the others."""
    for name in ("lesional", "lesional_labels", "paired_weight", "features"):
        if getattr(args, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} has no effect with --supervision paired: leave it"
                " out, or choose masked or unpaired."
            )


def _is_probability(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _make_parser(
    description: str, fixed: Sequence[str], *, size: int, minutes: float, val_interval: int
) -> argparse.ArgumentParser:
    """A parser of the arguments that the recipes share, with these defaults."""
    settled = ", ".join(f"--{name.replace('_', '-')}" for name in fixed)
    parser = argparse.ArgumentParser(
        description=description.split("\n\n")[0],
        epilog=f"Settled when a run starts: {settled}. All else acts on a run that goes on.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument_group("run").add_argument
    add("--out", required=True, help="folder of the run; an unfinished one resumes")
    add("--init", help="weights to start a new run from: bundled name, ./folder or Hub id")
    add(
        "--minutes",
        type=float,
        default=minutes,
        help="stop after this much training, all resumed parts together, validation not counted",
    )
    add("--images", type=int, default=10**9, help="stop after this many images")
    add(
        "--pause",
        type=float,
        help="leave after this many minutes of the clock, reading and validation included, "
        "to be resumed",
    )
    add(
        "--val-interval",
        type=int,
        default=val_interval,
        help="images between validations; each writes samples, metrics, models and a checkpoint",
    )
    add("--size", type=int, default=size, help="side of the images that are trained on, in pixels")
    add("--batch", type=int, default=16, help="images in a step, of all processes together")
    add(
        "--accumulate",
        type=int,
        default=1,
        help="slices in which each process computes its images of a step, to save memory",
    )
    add("--ema-images", type=float, default=4000, help="half-life of the average of weights")
    add(
        "--features",
        help="frozen network of a second discriminator, where one is trained: a timm NAME, or "
        "NAME=FILE.safetensors",
    )
    add("--seed", type=int, default=0, help="of the weights and of all sampling")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    return parser
