"""Features of several layers of a frozen timm network, whitened on real photographs.

As in Deo et al., "A calibrated memorization index" (arXiv 2602.13066): early layers know texture,
late ones objects, and whitening keeps the directions in which all photographs vary from drowning
those in which two photographs differ.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from synthderm.models.backbones import fold_norms, input_config, load_backbone

SIDE = 112  # pixels; where a network takes one size alone, that
LAYERS = 4  # the deepest of those that timm gives
GRID = 2  # each layer is averaged over a grid of so many cells a side
WIDTH = 256  # directions that are kept of each layer, at most
PER_DIRECTION = 8  # photographs for each direction, at least
BATCH = 32
PREFIX = "timm:"


class LayerFeatures(nn.Module):
    """(B, 3, H, W) uint8 images to averages of the last layers' maps, (B, C, GRID, GRID) each.

    Each channel of an image is brought to one mean and contrast first, so that a colour cast is no
    difference.

    Args:
        spec: `timm:NAME`, with weights from the Hub, or `timm:NAME=FILE.safetensors`.

    Raises:
        ValueError: not of this form, or a network without maps.
    """

    def __init__(self, spec: str) -> None:
        super().__init__()
        if not spec.startswith(PREFIX):
            raise ValueError(
                f"extractor {spec!r}: copies are looked for in the layers of a timm network, give"
                " timm:NAME or timm:NAME=FILE.safetensors."
            )
        name = spec.removeprefix(PREFIX)
        try:
            network: Any = load_backbone(name, features_only=True)
        except (RuntimeError, AttributeError) as error:
            raise ValueError(f"extractor {spec!r} can't be used: {error}") from None
        config = input_config(network, name)
        is_fixed = getattr(network, "pretrained_cfg", {}).get("fixed_input_size", False)
        self.name, self.side = spec.partition("=")[0], config.side if is_fixed else SIDE
        self.contrast = 0.25 / config.std[0]
        # Folded norms take half the time. Networks of one size have none, and refuse a probe.
        network = network.requires_grad_(False) if is_fixed else fold_norms(network)
        self.network = network.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [F.adaptive_avg_pool2d(one, GRID) for one in self.maps(images)]

    @torch.no_grad()
    def maps(self, images: Tensor) -> list[Tensor]:
        """The maps of the layers, (B, C, H, W) each, the finest first."""
        x = F.interpolate(images.float() / 255, size=self.side, mode="bilinear", antialias=True)
        mean, deviation = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
        x = self.contrast * (x - mean) / (deviation + 0.02)
        maps = self.network(x.to(memory_format=torch.channels_last))[-LAYERS:]
        return [one.float() for one in maps]


def extract(images: Tensor, network: LayerFeatures, desc: str) -> list[Tensor]:
    """The layers of many images, with a progress bar.

    Args:
        images: (N, 3, H, W) uint8.
        network: where they come from.
        desc: text of the bar.
    """
    bar = tqdm(total=len(images), desc=desc, unit="image", disable=None)
    parts = []
    with bar:
        for batch in images.split(BATCH):
            parts.append(network(batch))
            bar.update(len(batch))
    return [torch.cat(layer) for layer in zip(*parts)]


class Whitening:
    """Turns layers into rows of length 1, in which all directions of real photographs count alike.

    Args:
        layers: of real photographs, as `extract` gives them.
    """

    def __init__(self, layers: Sequence[Tensor]) -> None:
        self._parts = []
        for layer in layers:
            rows = layer.flatten(1)
            mean = rows.mean(0)
            _, scale, directions = torch.linalg.svd(rows - mean, full_matrices=False)
            # Directions that hardly vary are noise, which whitening would blow up; with as many
            # as there are photographs it would fit these, and push all others away from them.
            kept = max(1, min(WIDTH, len(rows) // PER_DIRECTION))
            floor = 0.03 * scale[0]
            self._parts.append((mean, directions[:kept].T / (scale[:kept] ** 2 + floor**2).sqrt()))

    def __call__(self, layers: Sequence[Tensor]) -> Tensor:
        """(N, D) rows of length 1; the product of two is 1 where two images look the same."""
        rows = [
            F.normalize((layer.flatten(1) - mean) @ projection, dim=1)
            for layer, (mean, projection) in zip(layers, self._parts)
        ]
        return torch.cat(rows, dim=1) / len(rows) ** 0.5
