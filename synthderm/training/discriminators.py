"""Discriminators: what judges a `SkinGenerator` in training."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrizations import spectral_norm

from synthderm.models.layers import scale_tone


class DiscriminatorBlock(nn.Module):
    """Halves the side."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.conv = spectral_norm(nn.Conv2d(width_in, width_out, 4, stride=2, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x), 0.2)


class Projection(nn.Module):
    """What a discriminator looks for in its features, (B, width), where it is told class and skin
    tone: the logit gains their product (Miyato and Koyama, ICLR 2018; for a continuous condition
    Ding et al., ICLR 2021)."""

    def __init__(self, classes: int, width: int, tones: bool):
        super().__init__()
        self.embedding = nn.Embedding(classes, width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.tone = nn.Linear(1, width) if tones else None

    def forward(self, label: Tensor, tone: Tensor | None) -> Tensor:
        return (
            self.embedding(label)
            if self.tone is None
            else self.embedding(label) + self.tone(scale_tone(tone))
        )


class Discriminator(nn.Module):
    """Judges image and mask together: (B, 4, S, S) in [-1, 1] to logits (B, 1).

    The mirror of the generator: every level also looks at the image shrunk to its own size, so that
    it can grow with the generator. Spectral norm (Miyato et al., ICLR 2018); class and tone by
    projection; the spread within the batch is shown to the last layer against mode collapse (Karras
    et al., ICLR 2018).

    Args:
        size: the largest side in pixels.
        channels: width of each level, from the smallest on, as in the generator.
        classes: number of classes.
        tones: it is told the skin tone too.
    """

    def __init__(self, size: int, channels: list[int], classes: int, tones: bool = False):
        super().__init__()
        widths = channels[::-1]
        self.size = size
        self.from_image = nn.ModuleList(nn.Conv2d(4, a, 1) for a in widths[:-1])
        self.blocks = nn.ModuleList(DiscriminatorBlock(a, b) for a, b in zip(widths, widths[1:]))
        self.last = spectral_norm(nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1))
        self.logit = nn.Linear(widths[-1], 1)
        self.projection = Projection(classes, widths[-1], tones)
        self.name = nn.Linear(widths[-1], classes)

    def forward(
        self,
        x: Tensor,
        label: Tensor,
        condition: float | Tensor = 1.0,
        tone: Tensor | None = None,
        named: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """named: also give (B, classes) logits of the class that is seen, whatever `label` says
        (auxiliary classifier, Odena et al., ICML 2017)."""
        hidden, side = None, self.size
        for from_image, block in zip(self.from_image, self.blocks):
            if side <= x.shape[-1]:
                x = x if side == x.shape[-1] else F.avg_pool2d(x, 2)
                seen = from_image(x)
                hidden = block(seen if hidden is None else hidden + seen)
            side //= 2
        spread = hidden.std(dim=0, unbiased=False).mean().expand(len(hidden), 1, *hidden.shape[-2:])
        hidden = F.leaky_relu(self.last(torch.cat([hidden, spread], dim=1)), 0.2).mean((2, 3))
        judged = self.logit(hidden) + condition * (hidden * self.projection(label, tone)).sum(
            1, keepdim=True
        )
        return (judged, self.name(hidden)) if named else judged


def look(backbone: nn.Module, images: Tensor) -> list[Tensor]:
    """A frozen backbone's feature maps. On a CPU gradients of its depthwise convolutions take
    longer in bf16 than in float32."""
    if images.device.type != "cpu" or not images.requires_grad:
        return backbone(images)
    with torch.autocast("cpu", enabled=False):
        return backbone(images.float())


class FeatureDiscriminator(nn.Module):
    """Judges images by the features of a frozen, pretrained backbone (Projected GAN, Sauer et al.,
    NeurIPS 2021).

    Each feature map is mixed by a fixed random 1x1 convolution and judged by a small head of its
    own. With a few thousand photographs this learns several times faster than a network that has to
    find its features first.

    Args:
        backbone: a module that maps (B, 3, S, S) images in [-1, 1] to a list of feature maps, as
            timm's `features_only=True` does for a model with mean = std = 0.5. It is frozen here.
        classes: number of classes.
        width: channels of the heads.
        tones: it is told the skin tone too.
    """

    def __init__(self, backbone: nn.Module, classes: int, width: int = 64, tones: bool = False):
        super().__init__()
        self.backbone = backbone.eval().requires_grad_(False)
        with torch.no_grad():
            maps = backbone(torch.zeros(1, 3, 128, 128))
        self.mix = nn.ModuleList(
            nn.Conv2d(m.shape[1], width, 1, bias=False).requires_grad_(False) for m in maps
        )
        self.heads = nn.ModuleList()
        for m in maps:
            nn.init.kaiming_normal_(self.mix[len(self.heads)].weight, nonlinearity="linear")
            halvings = max(0, (m.shape[-1] // 4).bit_length() - 1)
            layers = []
            for _ in range(halvings):
                layers += [
                    spectral_norm(nn.Conv2d(width, width, 4, stride=2, padding=1)),
                    nn.LeakyReLU(0.2),
                ]
            self.heads.append(
                nn.Sequential(
                    *layers, spectral_norm(nn.Conv2d(width, width, 3, padding=1)), nn.LeakyReLU(0.2)
                )
            )
        self.logits = nn.ModuleList(spectral_norm(nn.Conv2d(width, 1, 1)) for _ in maps)
        self.projections = nn.ModuleList(Projection(classes, width, tones) for _ in maps)
        self.name = nn.Linear(len(maps) * width, classes)

    def train(self, mode: bool = True):
        super().train(mode)
        self.backbone.eval()  # its batch norm statistics are part of the fixed features
        return self

    def forward(
        self,
        x: Tensor,
        label: Tensor,
        condition: float | Tensor = 1.0,
        tone: Tensor | None = None,
        named: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """(B, 4 or 3, S, S) in [-1, 1] to (B, K) logits, and names as `Discriminator`, to which the
        mask is left."""
        logits, seen = [], []
        for features, mix, head, logit, projection in zip(
            look(self.backbone, x[:, :3]), self.mix, self.heads, self.logits, self.projections
        ):
            hidden = head(mix(features))
            judged = logit(hidden) + condition * (
                hidden * projection(label, tone)[:, :, None, None]
            ).sum(1, keepdim=True)
            logits.append(judged.flatten(1))
            seen.append(hidden.mean((2, 3)))
        judged = torch.cat(logits, dim=1)
        return (judged, self.name(torch.cat(seen, dim=1))) if named else judged


def load_backbone(spec: str) -> nn.Module:
    """A frozen network's feature maps for `FeatureDiscriminator`: a timm name, with weights from
    the Hub, or name=FILE.safetensors."""
    import timm
    from safetensors.torch import load_file

    name, _, weights = spec.partition("=")
    if not weights:
        return fold_norms(
            timm.create_model(name, pretrained=True, features_only=True, out_indices=(1, 2, 3, 4))
        )
    model = timm.create_model(name, pad_type="same", features_only=True, out_indices=(1, 2, 3, 4))
    wanted = model.state_dict()
    model.load_state_dict(
        {key: value for key, value in load_file(weights).items() if key in wanted}
    )
    return fold_norms(model)


def fold_norms(model: nn.Module) -> nn.Module:
    """The same function in eval mode with each batch norm folded into the convolution before it: a
    quarter less time.

    Pairs are found by their order in a module, as timm's networks have them; what this does to the
    function is checked, and where it changes it the model stays as it was.
    """
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for module in list(folded.modules()):
        before = None
        for name, child in list(module.named_children()):
            if (
                isinstance(child, nn.BatchNorm2d)
                and before is not None
                and before[1].out_channels == child.num_features
            ):
                setattr(module, before[0], fuse_conv_bn_eval(before[1], child))
                setattr(module, name, getattr(child, "act", None) or nn.Identity())
            before = (
                (name, child)
                if isinstance(child, nn.Conv2d)
                else before
                if isinstance(child, nn.Identity)
                else None
            )
    probe = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    model.eval().requires_grad_(False)
    with torch.no_grad():
        same = all(
            torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(b.abs().max()))
            for a, b in zip(folded(probe), model(probe))
        )
    return folded if same else model
