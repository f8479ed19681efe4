"""Numbers on the recipes' command lines: those that would train nothing are refused by name."""

import sys

import pytest

from synthderm.training.arguments import parse_edit_args, parse_gan_args

WRONG = [
    "--minutes 0",
    "--minutes -5",
    "--minutes nan",
    "--minutes inf",
    "--images 0",
    "--pause 0",
    "--val-interval 0",
    "--batch 0",
    "--batch -16",
    "--size 0",
    "--size -128",
    "--ema-images 0",
    "--ema-images nan",
    "--threads 0",
    "--seed 99999999999999999999",
    "--device gpu",
]
GAN = [
    "--lr 0 0",
    "--lr -1 2e-4",
    "--lr 2e-4 0",
    "--lr nan 2e-4",
    "--kid-images 0",
    "--channels 16 0",
    "--disc-channels -8 8",
    "--penalty-interval 0",
    "--half-res-images -1",
    "--condition-images -1 5",
    "--condition-images 8 5",
    "--augment-color -1",
    "--augment nan",
    "--augment -0.1",
    "--r1 -1",
    "--r2 nan",
    "--classify-weight -1",
    "--recon-weight inf",
]
EDIT = ["--lr 0", "--lr -1", "--lr nan", "--lr-half-life 0", "--paired-weight -1"]
RIGHT = ["--minutes 0.5", "--lr 1e-9 1", "--half-res-images 0", "--condition-images 0 0"]


def parse(monkeypatch, recipe: str, options: str) -> object:
    monkeypatch.setattr(sys, "argv", [recipe, "--data", "x", "--out", "y", *options.split()])
    return (parse_gan_args if recipe == "train_gan.py" else parse_edit_args)("A recipe.")


@pytest.mark.parametrize(
    ("recipe", "options"),
    [("train_gan.py", options) for options in WRONG + GAN]
    + [("train_edit.py", options) for options in WRONG + EDIT],
)
def test_numbers_that_train_nothing_are_refused(monkeypatch, recipe, options):
    with pytest.raises(SystemExit) as refused:
        parse(monkeypatch, recipe, options)
    text = str(refused.value)
    assert text.startswith(f"{recipe}: {options.split()[0]} ") and text.count("\n") == 0


@pytest.mark.parametrize("options", RIGHT)
def test_numbers_that_train_are_taken(monkeypatch, options):
    assert parse(monkeypatch, "train_gan.py", options)
