"""Ways to add eczema that are compared: editors, the renderer of their training images, and a
red tint."""

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.common import BATCH
from synthderm.hub.resolve import weights_hash
from synthderm.imaging.compositing import THUMBNAIL
from synthderm.imaging.eczema_renderer import draw_eczema
from synthderm.imaging.lesions import sample_latents
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.models.editor import EczemaEditor
from synthderm.transforms.functional import add_eczema

WAYS = ("paired", "masked", "unpaired")  # of training an editor
RED = (204.0, 38.0, 38.0)


class Method(NamedTuple):
    """A way to add eczema.

    add: from images (B, 3, H, W) uint8, masks (B, 1, H, W) bool, severity (B,) and a seed to
        edited images.
    editor: which also removes and finds eczema, or None.
    """

    add: Callable[[Tensor, Tensor, Tensor, int], Tensor]
    editor: EczemaEditor | None = None

    def add_to_all(self, images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
        """`add` in batches, each with a seed of its own."""
        batches = zip(images.split(BATCH), masks.split(BATCH), severity.split(BATCH))
        edits = [self.add(*batch, 1000 * seed + number) for number, batch in enumerate(batches)]
        return torch.cat(edits)


def parse_models(models: list[str]) -> dict[str, str]:
    """Editors by the way they were trained, from arguments WAY=MODEL.

    Raises:
        ValueError: there is no such way, or one is named twice.
    """
    result: dict[str, str] = {}
    for text in models:
        way, _, model = text.partition("=")
        if way not in WAYS or not model:
            raise ValueError(
                f"--model {text!r}: write WAY=MODEL, where WAY is one of {', '.join(WAYS)}."
            )
        if way in result:
            raise ValueError(f"--model names a {way} editor twice: give one.")
        result[way] = model
    return result


class _ByWay(argparse.Action):
    """Stores WAY=MODEL arguments as a dict."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> None:
        try:
            setattr(namespace, self.dest, parse_models(values))
        except ValueError as error:
            parser.error(str(error))


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add --model, of editors by the way they were trained."""
    parser.add_argument(
        "--model",
        nargs="+",
        action=_ByWay,
        default={"paired": "eczema"},
        metavar="WAY=MODEL",
        help=f"editors, by how they were trained ({', '.join(WAYS)}): bundled name, folder (./x)"
        " or Hub id; paired=eczema by default",
    )


def describe_editors(models: dict[str, str], editors: dict[str, EczemaEditor]) -> dict[str, Any]:
    """Which weights a figure is of."""
    return {
        way: {
            "model": Path(model).name if Path(model).is_dir() else model,
            "revision": editors[way].revision,
            "weights": weights_hash(model)[:12],
        }
        for way, model in models.items()
    }


def editor_method(editor: EczemaEditor) -> Method:
    """An editor as a method."""

    def add(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
        return add_eczema(images, masks, severity, seed=seed, model=editor).images

    return Method(add, editor)


def render(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
    """Eczema of the rule-based renderer."""
    latents = sample_latents(len(images), torch.Generator().manual_seed(seed))
    drawn = draw_eczema(images.float() / 255, masks, severity, latents)
    return (drawn * 255).round().to(torch.uint8)


def tint(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
    """A red tint in the mask."""
    red = torch.tensor(RED).view(1, 3, 1, 1)
    tinted = torch.lerp(images.float(), red, 0.4 * severity.view(-1, 1, 1, 1))
    return torch.where(masks, tinted.round().to(torch.uint8), images)


def load_drawing(file: Path) -> Method:
    """The function `draw(images, seed)` of a Python file as a method; masks and severities are its
    own. Only for files that you trust: they are run."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ValueError(f"--drawing {file}: there is no such Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def add(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
        drawn = module.draw(images.float() / 255, seed)
        return (drawn * 255).round().clamp(0, 255).to(torch.uint8)

    return Method(add)


def random_masks(
    images: Tensor, rng: torch.Generator, coverage: tuple[float, float] = (0.15, 0.5)
) -> Tensor:
    """Random masks on the skin.

    Args:
        images: (B, 3, H, W) uint8.
        rng: random state.
        coverage: range of the share of the skin that a mask covers.

    Returns:
        (B, 1, H, W) bool.
    """
    small = torch.nn.functional.interpolate(images.float() / 255, size=THUMBNAIL, mode="area")
    shares = torch.empty(len(images)).uniform_(*coverage, generator=rng)
    height, width = images.shape[-2:]
    return sample_masks((height, width), shares, skin_region(small), rng)
