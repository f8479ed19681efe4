"""The command line of train_gan.py: what it has beside the arguments that the recipes share."""

import argparse
from collections.abc import Callable

from synthderm.imaging.artifact_shares import KINDS, NONE

Add = Callable[..., object]  # `add_argument` of a group
SWITCH = argparse.BooleanOptionalAction  # --no-NAME switches off what a preset has switched on


def add_gan_data(add: Add) -> None:
    """The photographs, and what is shown of them."""
    add("--data", required=True, help="photographs, as SkinFolder reads them")
    add(
        "--region",
        choices=["given", "skin", "close-up"],
        default="given",
        help="the masks: the data set's own; where skin is found by its colour; or close-ups of "
        "skin are cut from beside the lesions, which are all region",
    )
    add(
        "--flips",
        choices=["none", "horizontal", "all"],
        default="all",
        help="orientations that mean the same; all = 8",
    )
    add(
        "--artifacts",
        nargs="*",
        default=[NONE],
        metavar="KIND=SHARE",
        help="draw hair, rulers and other artifacts of dermoscopy on what is generated, so that the"
        " generator need not learn them (AmbientGAN): the share of images that have each"
        f" ({', '.join(KINDS)}), or {NONE}; alone, as frequent as in dermoscopy",
    )
    add("--balance", action=SWITCH, default=False, help="show every class equally often")
    add("--half-res-images", type=int, default=80_000, help="images shown at half the size first")
    add(
        "--condition-images",
        type=int,
        nargs=2,
        default=[40_000, 80_000],
        metavar=("FROM", "TO"),
        help="images over which classes and skin tones come in",
    )
    add("--augment", default="0.7", help="probability of each augmentation, or adaptive")
    add(
        "--augment-color",
        type=float,
        default=1.0,
        help="weight of the augmentations of colour; 0 = shift and cut-out alone",
    )
    add(
        "--kid",
        help="extractor for KID: timm:NAME, timm:NAME=FILE, FILE.safetensors, or none; the network "
        "of --features where left out",
    )
    add("--kid-images", type=int, default=512, help="images generated for each KID")


def add_gan_networks(add: Add) -> None:
    """The networks that are trained."""
    add(
        "--channels",
        type=int,
        nargs="+",
        default=[192, 160, 96, 48, 32],
        help="generator width per level up to half the size, smallest first",
    )
    add(
        "--disc-channels",
        type=int,
        nargs="+",
        default=[192, 160, 96, 48, 24, 12],
        help="discriminator width per level",
    )
    add(
        "--noise",
        action=SWITCH,
        default=False,
        help="give the generator a square of noise beside its code, for random detail of textures",
    )
    add(
        "--smooth",
        action=SWITCH,
        default=False,
        help="enlarge levels bilinearly and take out the pattern of 2x2 pixels: no ruled strokes, a"
        " CPU takes 1.6 times as long for an image",
    )
    add(
        "--skin-tone",
        action=SWITCH,
        default=False,
        help="give the generator an input for the skin tone",
    )
    add(
        "--compile",
        action=SWITCH,
        default=False,
        help="torch.compile the networks: minutes to start, then faster on a GPU",
    )


def add_gan_losses(add: Add) -> None:
    """What the networks are trained with."""
    add(
        "--lr",
        type=float,
        nargs=2,
        default=[2e-4, 2e-4],
        metavar=("G", "D"),
        help="Adam's learning rates",
    )
    add("--loss", choices=["hinge", "relativistic"], default="hinge")
    add("--r1", type=float, default=0.0, help="gamma of the gradient penalty on real images")
    add("--r2", type=float, default=0.0, help="gamma of the gradient penalty on generated images")
    add("--penalty-interval", type=int, default=16, help="steps between gradient penalties")
    add(
        "--classify-weight",
        type=float,
        default=0.0,
        help="weight of the auxiliary classifier of the regions; 0 = none",
    )
    add(
        "--recon-weight",
        type=float,
        default=0.0,
        help="weight of the reconstruction of encoded photographs; 0 = no encoder",
    )
