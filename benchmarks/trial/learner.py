"""A timm model, fine-tuned for a fixed number of steps; the state that is best on `val` is the one
tested."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data import resolve_model_data_config
from torch import Tensor, nn

from benchmarks.trial.data import Pictures
from benchmarks.trial.guard import hash_file
from benchmarks.trial.measures import dice

CHECKS = 3  # times that val is looked at, evenly from a third of the steps on


@dataclass(frozen=True)
class ModelSpec:
    """Which timm model. weights: a safetensors file, "hub" (timm's own) or "random". arguments:
    further ones of `timm.create_model`. mean and std: instead of those that the model's config has,
    for weights that need others."""

    name: str
    weights: str = "hub"
    arguments: tuple[tuple[str, object], ...] = ()
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def make_backbone(spec: ModelSpec, classes: int) -> nn.Module:
    """The timm model with a new head for `classes`.

    Raises:
        ValueError: no such model, or weights that do not fit it; named are the first tensors that
            differ.
    """
    if not timm.is_model(spec.name):
        near = timm.list_models(f"*{spec.name[:6]}*")[:5]
        raise ValueError(
            f"timm has no model {spec.name!r}"
            + (f"; similar names: {', '.join(near)}." if near else ".")
        )
    try:
        model = timm.create_model(
            spec.name, pretrained=spec.weights == "hub", num_classes=classes, **dict(spec.arguments)
        )
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"no weights for {spec.name!r} ({str(error).splitlines()[0]}): give a file with"
            " --weights FILE.safetensors, or random."
        ) from None
    if spec.weights in ("hub", "random"):
        return model
    try:
        stored = load_file(spec.weights)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{spec.weights} is not a readable safetensors file: {error}") from None
    heads = model.pretrained_cfg.get("classifier") or ()
    heads = tuple(f"{head}." for head in ((heads,) if isinstance(heads, str) else heads))
    body = {key: value for key, value in model.state_dict().items() if not key.startswith(heads)}
    stored = {key: value for key, value in stored.items() if not key.startswith(heads)}
    wrong = [f"{key} is missing" for key in body if key not in stored] + [
        f"{key} is not part of it" for key in stored if key not in body
    ]
    wrong += [
        f"{k} has shape {tuple(stored[k].shape)} instead of {tuple(body[k].shape)}"
        for k in body
        if k in stored and stored[k].shape != body[k].shape
    ]
    if wrong:
        raise ValueError(
            f"{spec.weights} does not fit {spec.name}: {'; '.join(wrong[:3])} ({len(wrong)} in"
            " all)."
        )
    model.load_state_dict(stored, strict=False)
    return model


class Learner(nn.Module):
    """Normalises images in [0, 1] as the model's config says and gives logits: (B, K), or (B, 1,
    size, size) where `segments`."""

    def __init__(self, spec: ModelSpec, classes: int, segments: bool, size: int):
        super().__init__()
        self.backbone, self.segments = make_backbone(spec, classes), segments
        config = resolve_model_data_config(self.backbone)
        self.register_buffer("mean", torch.tensor(spec.mean or config["mean"]).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std or config["std"]).view(-1, 1, 1))
        self.decoder = None
        if segments:
            self.backbone.eval()  # looking must not change the batch norms' statistics
            with torch.no_grad():
                self.decoder = Decoder(
                    [level.shape[1] for level in self.levels(torch.zeros(1, 3, size, size))]
                )

    def forward(self, images: Tensor) -> Tensor:
        x = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        if not self.segments:
            return self.backbone(x)
        return F.interpolate(
            self.decoder(self.levels(x)),
            size=images.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )

    def levels(self, x: Tensor) -> list[Tensor]:
        """Feature maps, the finest first."""
        return self.backbone.forward_intermediates(x, intermediates_only=True, output_fmt="NCHW")


class Decoder(nn.Module):
    """From the coarsest feature map to the finest: enlarge, add, convolve (feature pyramid, Lin et
    al., CVPR 2017)."""

    def __init__(self, channels: list[int], width: int = 32):
        super().__init__()
        self.narrow = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
            for _ in channels
        )
        self.logit = nn.Conv2d(width, 1, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        x = None
        for level, narrow, smooth in reversed(list(zip(levels, self.narrow, self.smooth))):
            own = narrow(level)
            x = smooth(
                own
                if x is None
                else own
                + F.interpolate(x, size=own.shape[-2:], mode="bilinear", align_corners=False)
            )
        return self.logit(x)


def loss_of(logits: Tensor, masks: Tensor, targets: Tensor, segments: bool) -> Tensor:
    """Cross-entropy; for segmentation that of pixels plus the soft Dice loss (Milletari et al., 3DV
    2016)."""
    if not segments:
        return F.cross_entropy(logits, targets)
    chance = logits.sigmoid()
    overlap = (2 * (chance * masks).sum((1, 2, 3)) + 1) / (
        chance.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1
    )
    return F.binary_cross_entropy_with_logits(logits, masks) + 1 - overlap.mean()


def train(
    learner: Learner, feed: Iterator, steps: int, rate: float, measure, device: str
) -> tuple[float, int]:
    """Fine-tune in place: AdamW, warm-up over a tenth of the steps, then a cosine down to 0.

    Args:
        feed: batches, see `arms.batches`.
        rate: the highest learning rate.
        measure: function of the learner, its figure on `val`, higher is better.

    Returns:
        the best figure on `val` and the step it belongs to; the learner has the weights of that
        step.
    """
    learner.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(learner.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps + 1, pct_start=0.1, cycle_momentum=False
    )
    best, state, at = -1.0, None, 0
    checks = {steps - k * steps // (CHECKS + 1) for k in range(CHECKS)}
    for step in range(1, steps + 1):
        images, masks, targets = (part.to(device) for part in next(feed))
        loss = loss_of(learner(images), masks, targets, learner.segments)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step in checks:
            figure = measure(learner)
            learner.train()
            if figure >= best:
                best, state, at = figure, copy.deepcopy(learner.state_dict()), step
    if not loss.isfinite():
        raise ValueError(
            f"the loss became {loss.item()} at the learning rate {rate}: take a lower one."
        )
    learner.load_state_dict(state)
    return best, at


@torch.no_grad()
def predict(learner: Learner, pictures: Pictures, device: str, batch: int = 64) -> Tensor:
    """Logarithms of the class probabilities (N, K), or the Dice of each predicted mask, (N,), as
    float on the CPU."""
    learner.eval()
    parts = []
    for start in range(0, len(pictures), batch):
        logits = learner(pictures.images[start : start + batch].to(device).float() / 255).cpu()
        parts.append(
            dice(logits > 0, pictures.masks[start : start + batch])
            if learner.segments
            else logits.double().log_softmax(1)
        )
    return torch.cat(parts)


def hash_weights(spec: ModelSpec) -> str:
    """What the weights are, for the record: the file's hash, or the word."""
    return (
        spec.weights
        if spec.weights in ("hub", "random")
        else f"{Path(spec.weights).name} {hash_file(spec.weights)[:16]}"
    )
