"""Drawn pictures, and the plan of the study that the tests make of them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from synthderm.study.schedule import Plan

PLAN = Plan(participants=60, yesno=6, two=4, edit=4, repeats=3, checks=3)


def draw_skin(rng: np.random.Generator, size: tuple[int, int] = (120, 96)) -> Image.Image:
    """A blotch of skin colour with a darker spot, (width, height) pixels."""
    width, height = size
    tone = rng.uniform(0.35, 1.0) * np.array([235, 190, 165])
    y, x = np.mgrid[:height, :width] / min(size)
    spot = np.exp(-((x - rng.uniform(0.3, 0.9)) ** 2 + (y - rng.uniform(0.3, 0.7)) ** 2) / 0.02)
    pixels = tone * (1 - 0.5 * spot[..., None]) + rng.normal(0, 6, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))


def redden(image: Image.Image) -> Image.Image:
    """A copy with a red patch on the right, as an edit."""
    pixels = np.asarray(image).astype(float)
    pixels[20:60, -50:-10] *= (1.0, 0.7, 0.7)
    return Image.fromarray(pixels.astype(np.uint8))


def both_edits(sources: dict[str, str]) -> dict[str, list[str]]:
    """The arguments of `build` for eczema added and removed."""
    before, after = sources["before"], sources["after"]
    return {"add": [before, after], "remove": [after, before]}


def save(folder: Path, images: list[Image.Image], suffix: str) -> str:
    """Write images into a folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        image.save(folder / f"{index:03}{suffix}")
    return str(folder)
