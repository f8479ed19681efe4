"""Presets of train_gan.py: settings for generators such as the bundled ones, under their names. The
cards of the bundled ones name the commands that trained them, part by part.

A preset is the flags that it stands for. What is given beside `--preset` on the command line counts
more. Networks are the same on every device, so that a run, or its training state, may go on on
another one.
"""

import argparse
from collections.abc import Sequence

# What all have in common: a second discriminator on frozen features, reconstruction, skin that
# differs in tone and light as in photographs, and no ruled strokes.
COMMON = "--features mobilenetv2_100 --recon-weight 4 --augment-color 0 --smooth"
PRESETS = {
    "lesions": "--noise --artifacts --classify-weight 1 --half-res-images 36000 "
    "--condition-images 6000 14000 --ema-images 6000 --val-interval 6000 --kid-images 256 "
    "--minutes 65",
    "lesions-256": "--init lesions --size 256 --channels 192 160 96 48 32 16 "
    "--disc-channels 192 160 96 48 32 24 16 --noise --artifacts --classify-weight 0.1 "
    "--half-res-images 60000 --condition-images 0 0",
    "hands": "--region skin --skin-tone --flips horizontal --noise --classify-weight 1 "
    "--half-res-images 22000 --condition-images 3000 8000 --val-interval 4000 --kid-images 256 "
    "--minutes 54",
    "skin": "--region close-up --skin-tone --noise --half-res-images 10000 "
    "--condition-images 500 1500 --val-interval 4000 --kid-images 128 --minutes 18",
    "clinical": "--init skin --noise --skin-tone --classify-weight 0.2 --half-res-images 8000 "
    "--condition-images 1000 4000 --val-interval 6000 --kid-images 256 --minutes 130",
}
# Flags on a CUDA device, after the preset's own: there a step of 64 images takes as long as one of
# 32, and a longer average of weights goes with it. None of them settles a run.
ON_CUDA = "--batch 64 --ema-images 20000 --val-interval 30000"


def preset_words(name: str, device: str) -> list[str]:
    """The flags and values that a preset stands for.

    Args:
        name: of the preset.
        device: on which is trained, as torch names it.

    Raises:
        ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"--preset {name}: there is no such preset, only {', '.join(PRESETS)}.")
    on_device = ON_CUDA.split() if device.startswith("cuda") else []
    return [*COMMON.split(), *PRESETS[name].split(), *on_device]


def add_presets(parser: argparse.ArgumentParser) -> None:
    """Add `--preset` and, to the help, what each preset stands for."""
    add = parser.add_argument_group("presets").add_argument
    add(
        "--preset",
        metavar="NAME",
        help="settings of a bundled generator, listed below; what is given beside it counts more",
    )
    for name, words in PRESETS.items():
        parser.add_argument_group(f"--preset {name}", words)
    parser.add_argument_group("every --preset", f"{COMMON}; on a CUDA device also {ON_CUDA}")


def parse_with_preset(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; where it names a preset, the preset's flags come before it. The
    preset's name is left out of what was parsed, which has all its values."""
    args = parser.parse_args(words)
    if args.preset is not None:
        args = parser.parse_args([*preset_words(args.preset, args.device), *words])
    del args.preset
    return args
