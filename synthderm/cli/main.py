"""The command line: `synthderm demo`, `edit`, `render`, `walk`, `publish`, `study`."""

import argparse
import sys
from pathlib import Path

from synthderm import __version__
from synthderm.hub.publish import add_parser as add_publish


def main(arguments: list[str] | None = None) -> int:
    """Run a command; what the user can mend is one line on stderr and exit code 2, never a
    traceback."""
    from synthderm.study.cli import add_parser as add_study

    parser = argparse.ArgumentParser(
        prog="synthderm",
        description="Synthetic skin images and eczema edits. For research, not for diagnosis.",
    )
    parser.add_argument("--version", action="version", version=f"synthderm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser(
        "demo", help="make pictures and train a small classifier, in a few minutes, offline"
    )
    demo.add_argument(
        "--out", type=Path, default=Path("demo"), help="folder for index.html and its pictures"
    )
    demo.add_argument(
        "--data", type=Path, help="a folder of your own skin photographs to edit and to train on"
    )
    demo.add_argument("--seconds", type=float, default=60, help="how long to train the classifier")
    demo.add_argument(
        "--smoke",
        action="store_true",
        help="a few images and training steps, to see that everything runs",
    )
    demo.set_defaults(run=_demo)

    edit = commands.add_parser("edit", help="add eczema to photographs, or remove it")
    edit.add_argument("input", type=Path, metavar="IN", help="a photograph, or a folder of them")
    edit.add_argument("output", type=Path, metavar="OUT", help="the file to write, or a folder")
    edit.add_argument("--mode", choices=["add", "remove"], default="add")
    edit.add_argument(
        "--severity",
        type=float,
        help="how severe, or how much to remove, in [0, 1]; default 0.5 to add, 1 to remove",
    )
    edit.add_argument(
        "--coverage", type=float, default=0.3, help="share of the skin under a drawn mask"
    )
    edit.add_argument("--seed", type=int, default=0, help="which lesion")
    edit.add_argument(
        "--mask",
        type=Path,
        help=(
            "where to edit: a picture of the same size, white inside; else drawn (add) or found"
            " (remove)"
        ),
    )
    edit.add_argument("--save-mask", type=Path, help="write the mask that was used to this PNG")
    edit.add_argument("--model", default="eczema", help="bundled name, directory or Hub id")
    edit.set_defaults(run=_edit)

    render = commands.add_parser(
        "render", help="write generated images to a folder, with labels, masks and a manifest"
    )
    render.add_argument("source", help="lesions, hands, eczema, a directory (./x) or a Hub id")
    render.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="folder to write; what is there already is kept, so a broken run goes on",
    )
    render.add_argument("--length", type=int, required=True, help="number of images")
    render.add_argument("--labels", nargs="+", help="classes, in turn; all of them by default")
    render.add_argument("--size", type=int, help="side in pixels; the generator's own by default")
    render.add_argument("--seed", type=int, default=0)
    render.set_defaults(run=_render)

    walk = commands.add_parser(
        "walk",
        help=(
            "what lies between two seeds, how severity grows, how a lesion spreads: a strip, or"
            " a GIF"
        ),
    )
    walk.add_argument("kind", choices=["latent", "severity", "growth"])
    walk.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="the file to write: a strip (.png, .jpg), or an animation (.gif)",
    )
    walk.add_argument("--frames", type=int, default=9, help="number of pictures")
    walk.add_argument(
        "--size", type=int, help="side of generated images in pixels; their own by default"
    )
    walk.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        help="time from the first to the last picture of a GIF",
    )
    walk.add_argument(
        "--source", help="the generator; by default lesions, and hands for what is edited"
    )
    walk.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[1, 2],
        help="latent: the images to go through; else the first: image and eczema",
    )
    walk.add_argument(
        "--labels",
        nargs="+",
        help=(
            "latent: one class, or one for each seed; else the image's; the generator's first by"
            " default"
        ),
    )
    walk.add_argument("--outline", action="store_true", help="draw the border of the mask")
    walk.add_argument(
        "--image",
        type=Path,
        help="severity, growth: a photograph to edit, instead of a generated image",
    )
    walk.add_argument("--mask", type=Path, help="severity, growth: where to edit; drawn by default")
    walk.add_argument(
        "--coverage",
        type=float,
        default=0.4,
        help="severity, growth: share of the skin under a drawn mask",
    )
    walk.add_argument(
        "--severity", type=float, default=0.8, help="growth: of every picture, in [0, 1]"
    )
    walk.set_defaults(run=_walk)

    add_publish(commands)
    add_study(commands)

    args = parser.parse_args(arguments)
    try:
        return args.run(args) or 0
    except (ValueError, TypeError, OSError) as error:
        print(f"synthderm: {error}", file=sys.stderr)
        return 2


def _demo(args: argparse.Namespace) -> None:
    from synthderm.cli.demo import run_demo

    run_demo(args.out, data=args.data, seconds=4 if args.smoke else args.seconds, smoke=args.smoke)


def _edit(args: argparse.Namespace) -> None:
    from synthderm.imaging.io import list_images

    if not args.input.is_dir():
        _edit_file(args, args.input, args.output)
        return
    if args.mask or args.save_mask:
        raise ValueError("--mask and --save-mask go with one photograph, not with a folder.")
    for path in list_images(args.input):
        _edit_file(args, path, args.output / path.relative_to(args.input))


def _render(args: argparse.Namespace) -> None:
    from synthderm.cli.render import render
    from synthderm.datasets.synthetic import SyntheticSkinDataset

    dataset = SyntheticSkinDataset(
        args.source, length=args.length, labels=args.labels, size=args.size, seed=args.seed
    )
    print(f"{render(dataset, args.out)}: {len(dataset)} images")


def _walk(args: argparse.Namespace) -> None:
    from synthderm.cli.walk import write_walk
    from synthderm.imaging.io import outline

    images, masks = _latent_walk(args) if args.kind == "latent" else _edit_walk(args)
    write_walk(outline(images, masks) if args.outline else images, args.out, args.seconds)
    print(f"{args.out}: {args.kind}, {len(images)} pictures")


def _latent_walk(args: argparse.Namespace):
    from synthderm.cli.walk import latent_walk
    from synthderm.datasets.sources import load_generator
    from synthderm.datasets.synthetic import SyntheticSkinDataset

    source = args.source or "lesions"
    if args.image or args.mask or source == "eczema":
        raise ValueError(
            "a latent walk shows a generator's own images: --image, --mask and --source eczema go"
            " with severity and growth."
        )
    labels = SyntheticSkinDataset(source, length=len(args.seeds), labels=args.labels or [0]).targets
    return latent_walk(
        load_generator(source, None, "cpu"), args.seeds, labels, args.frames, size=args.size
    )


def _edit_walk(args: argparse.Namespace):
    from synthderm.cli.walk import growth_walk, severity_walk
    from synthderm.datasets.synthetic import SyntheticSkinDataset
    from synthderm.imaging.io import read_image, read_mask, to_tensor
    from synthderm.transforms.functional import add_eczema

    seed, mask = args.seeds[0], None
    if args.image:
        photograph = read_image(args.image)
        image = to_tensor(photograph)
        mask = to_tensor(read_mask(args.mask, photograph.size)) > 0 if args.mask else None
    elif args.mask:
        raise ValueError("--mask goes with --image: a generated image has its mask drawn.")
    else:
        data = SyntheticSkinDataset(
            args.source or "hands",
            length=1,
            labels=(args.labels or [0])[:1],
            seed=seed,
            size=args.size,
        )
        image = data.generate([0])[0][0]
    if mask is None:
        mask = add_eczema(image, severity=0.0, coverage=args.coverage, seed=seed).masks
    if args.kind == "severity":
        walk = severity_walk(image, mask, args.frames, seed=seed)
    else:
        walk = growth_walk(image, mask, args.frames, args.severity, seed=seed)
    return walk.images.float() / 255, walk.masks


def _edit_file(args: argparse.Namespace, source: Path, target: Path) -> None:
    from synthderm.imaging.io import read_image, read_mask, to_pil, to_tensor, write_image
    from synthderm.transforms.functional import add_eczema, remove_eczema

    photograph = read_image(source)
    image = to_tensor(photograph)
    mask = None if args.mask is None else to_tensor(read_mask(args.mask, photograph.size)) > 0
    if args.mode == "add":
        severity = 0.5 if args.severity is None else args.severity
        edit = add_eczema(
            image, mask, severity, coverage=args.coverage, seed=args.seed, model=args.model
        )
    else:
        edit = remove_eczema(
            image, mask, 1.0 if args.severity is None else args.severity, model=args.model
        )
    write_image(to_pil(edit.images), target)
    if args.save_mask:
        write_image(to_pil(edit.masks), args.save_mask)
    print(
        f"{target}: {args.mode}, severity {float(edit.severity):.2f},"
        f" {edit.masks.float().mean():.1%} of the image edited"
    )


if __name__ == "__main__":
    sys.exit(main())
