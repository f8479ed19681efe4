"""The arguments of `synthderm walk`."""

import argparse
from pathlib import Path

from synthderm.cli.arguments.artifacts import add_artifacts
from synthderm.cli.arguments.ranges import check_from_1, check_share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("kind", choices=["latent", "severity", "growth"])
    add("out", type=Path, metavar="OUT", help="a strip (.png, .jpg), or an animation (.gif)")
    add("--frames", type=int, default=9, help="number of pictures")
    add("--size", type=int, help="side of generated images in pixels; their own by default")
    add("--seconds", type=float, help="GIF: time from the first to the last picture; 3 by default")
    add("--source", help="the generator; by default lesions, and hands for what is edited")
    add(
        "--seeds",
        type=int,
        nargs="+",
        help="latent: the images to go through, 1 and 2 by default; else one: image and eczema",
    )
    add(
        "--labels",
        nargs="+",
        help="latent: one class, or one for each seed; else the image's; the first by default",
    )
    add(
        "--skin-tone",
        type=float,
        help="latent: ITA in degrees of all images; by default each seed has its own",
    )
    add_artifacts(parser)
    add("--outline", action="store_true", help="draw the border of the mask")
    add("--image", type=Path, help="severity, growth: a photograph, not a generated image")
    add("--mask", type=Path, help="severity, growth: where to edit; random by default")
    add("--coverage", type=float, help="share of the skin under a random mask; 0.4 by default")
    add("--severity", type=float, help="growth: of every picture, in [0, 1]; 0.8 by default")
    add("--model", help="severity, growth: the editor; eczema by default")
    parser.set_defaults(check=check)


def check(args: argparse.Namespace) -> None:
    """Refuse options without effect on what is asked for, and numbers out of range."""
    if args.kind == "latent":
        if args.image or args.mask or args.source == "eczema":
            raise ValueError(
                "a latent walk shows a generator's own images: --image, --mask and --source eczema"
                " go with severity and growth."
            )
        unused = ["coverage", "severity", "model", "artifacts"]
    elif args.mask and not args.image:
        raise ValueError("--mask goes with --image: a generated image has its mask drawn.")
    else:
        unused = ["skin_tone", *(["severity"] if args.kind == "severity" else [])]
        unused += ["source", "labels", "size", "artifacts"] if args.image else []
        unused += ["coverage"] if args.mask else []
        for name in ("seeds", "labels"):
            if len(getattr(args, name) or []) > 1:
                raise ValueError(f"--{name} takes one for {args.kind}: it is a walk on one image.")
    unused += [] if args.out.suffix.lower() == ".gif" else ["seconds"]
    for name in unused:
        if getattr(args, name) is not None:
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} has no effect on this walk ({args.kind}): leave it out.")
    check_from_1("size", args.size)
    check_share("severity", args.severity)
    check_share("coverage", args.coverage, open_low=True)
