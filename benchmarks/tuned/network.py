"""The timm network that is fine-tuned: its weights, its input, and a decoder for segmentation."""

from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from synthderm.files import sha256
from synthderm.models.backbones import input_config, load_backbone

RANDOM = "random"  # the word for weights that are not pretrained


class NetworkSpec(NamedTuple):
    """NAME, with timm's own weights; NAME=FILE.safetensors; or NAME=random.

    name: of the timm network.
    weights: path of the file, "hub" or "random".
    """

    name: str
    weights: str

    @property
    def file(self) -> Path | None:
        return None if self.weights in ("hub", RANDOM) else Path(self.weights)


def parse_spec(text: str) -> NetworkSpec:
    name, _, weights = text.partition("=")
    return NetworkSpec(name, weights or "hub")


def describe_network(text: str) -> dict[str, Any]:
    """Network and weights, as a record holds them. Weights from a file have TensorFlow's padding
    and a mean and deviation of 0.5, see `load_backbone`."""
    spec = parse_spec(text)
    if spec.file is None:
        return {
            "model": spec.name,
            "weights": spec.weights,
            "arguments": {},
            "mean": None,
            "std": None,
        }
    config = input_config(nn.Identity(), text)
    return {
        "model": spec.name,
        "weights": f"{spec.file.name} {sha256(spec.file)[:16]}",
        "arguments": {"pad_type": "same"},
        "mean": list(config.mean),
        "std": list(config.std),
    }


def make_backbone(text: str, classes: int) -> nn.Module:
    """The timm network with a new head of zeros: random ones would be large beside the features of
    some networks, and very sure of what they know nothing of.

    Args:
        text: see `NetworkSpec`.
        classes: of the head.

    Raises:
        ValueError: no such network, no weights, or weights that do not fit.
    """
    spec = parse_spec(text)
    if not timm.is_model(spec.name):
        near = ", ".join(timm.list_models(f"*{spec.name[:6]}*")[:5])
        hint = f"; similar names: {near}." if near else "."
        raise ValueError(f"timm has no model {spec.name!r}{hint}")
    options: dict[str, Any] = {"pad_type": "same"} if spec.file else {}
    # timm does not type the methods of its networks that are used here.
    network: Any = timm.create_model(spec.name, num_classes=classes, **options)
    for parameter in network.get_classifier().parameters():
        nn.init.zeros_(parameter)
    if spec.weights == RANDOM:
        return network
    with torch.random.fork_rng(devices=[]):
        body = _load_body(text)
    network.load_state_dict(body.state_dict(), strict=False)  # all but the head
    return network


def _load_body(text: str) -> nn.Module:
    spec = parse_spec(text)
    try:
        return load_backbone(text, num_classes=0)
    except SafetensorError as error:
        raise ValueError(f"{spec.file} is not a readable safetensors file: {error}") from None
    except (OSError, RuntimeError) as error:
        lines = [line.strip() for line in str(error).splitlines()]
        if spec.file is not None and spec.file.is_file():
            raise ValueError(f"{spec.file} does not fit {spec.name}: {lines[-1]}") from None
        raise ValueError(
            f"no weights for {text!r} ({lines[0]}): give {spec.name}=FILE.safetensors, or "
            f"{spec.name}={RANDOM}."
        ) from None


class TaskNetwork(nn.Module):
    """Images (B, 3, S, S) in [0, 1] to logits: (B, K), or (B, 1, S, S) for segmentation.

    Args:
        text: see `NetworkSpec`.
        classes: K.
        segments: whether it segments.
        size: S, side of the images in pixels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, text: str, classes: int, segments: bool, size: int) -> None:
        super().__init__()
        self.backbone: Any = make_backbone(text, classes)
        self.segments = segments
        spec = parse_spec(text)
        config = input_config(self.backbone, spec.name if spec.file is None else text)
        self.register_buffer("mean", torch.tensor(config.mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(config.std).view(-1, 1, 1))
        self.decoder: Decoder | None = None
        if segments:
            self.backbone.eval()  # this forward pass must not change the batch norms' statistics
            with torch.no_grad():
                levels = self.levels(torch.zeros(1, 3, size, size))
            self.decoder = Decoder([level.shape[1] for level in levels])

    def forward(self, images: Tensor) -> Tensor:
        x = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        if self.decoder is None:
            return self.backbone(x)
        logits = self.decoder(self.levels(x))
        size = images.shape[-2:]
        return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)

    def levels(self, x: Tensor) -> list[Tensor]:
        """Feature maps, the finest first."""
        return self.backbone.forward_intermediates(x, intermediates_only=True, output_fmt="NCHW")


class Decoder(nn.Module):
    """From the coarsest feature map to the finest: enlarge, add, convolve (feature pyramid, Lin et
    al., CVPR 2017).

    Args:
        channels: of each feature map, the finest first.
        width: channels of the pyramid.
    """

    def __init__(self, channels: list[int], width: int = 32) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
            for _ in channels
        )
        self.logit = nn.Conv2d(width, 1, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        x: Tensor | None = None
        for level, narrow, smooth in reversed(list(zip(levels, self.narrow, self.smooth))):
            lateral = narrow(level)
            if x is not None:
                size = lateral.shape[-2:]
                lateral = lateral + F.interpolate(
                    x, size=size, mode="bilinear", align_corners=False
                )
            x = smooth(lateral)
        return self.logit(x)
