"""The networks: `SkinGenerator` and what judges it. The editor lives in `editor.py`.

The value range [-1, 1] exists only inside `forward`; everything public takes and gives images in [0, 1].
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from synthderm.pretrained import Pretrained


def steady(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """A linear layer or convolution whose float32 result does not depend on the batch around a row.

    Matrix products are added up in another order for another batch size, and torch takes another convolution for a
    single small input (below 20,480 numbers) than for two; either can flip a grey level. Double precision, rounded at
    the end, hides it. Larger convolutions have a fixed order on one thread, and training needs none.
    """
    if layer.training or (isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1) and x[0].numel() > 20480):
        return layer(x)
    product, options = (F.linear, {}) if isinstance(layer, nn.Linear) else (F.conv2d, {"padding": layer.padding})
    exact = getattr(layer, "exact", None)
    with torch.autocast(x.device.type, enabled=False):
        return product(x.double(), layer.weight.double() if exact is None else exact, layer.bias.double(), **options).to(x.dtype)


class ConditionalNorm(nn.Module):
    """Batch norm whose gain and bias are linear in a style vector (de Vries et al., NeurIPS 2017), so that latents
    and class act at every scale and can't be ignored after the first layer."""

    def __init__(self, channels: int, style: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.affine = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.affine.weight, std=0.02)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gain, bias = steady(self.affine, style)[:, :, None, None].chunk(2, dim=1)
        if self.training:
            return torch.addcmul(bias, self.norm(x), 1 + gain)
        # Both scalings in one pass over the pixels.
        factor = (1 + gain) * (self.norm.running_var + self.norm.eps).rsqrt()[:, None, None]
        return torch.addcmul(bias - factor * self.norm.running_mean[:, None, None], x, factor)


class GeneratorBlock(nn.Module):
    """Doubles the side: nearest enlargement and a 3x3 convolution, which unlike a strided one leaves no checkerboard
    (Odena et al., Distill 2016).

    The two are computed as one transposed convolution whose 4x4 kernel is the 3x3 one spread over a 2x2 box: the same
    result with 4/9 of the multiplications and no enlarged copy, 2 to 3 times faster on a CPU.
    """

    def __init__(self, width_in: int, width_out: int, style: int):
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1, bias=False)
        self.norm = ConditionalNorm(width_out, style)
        self.register_buffer("kernel", None, persistent=False)

    def spread(self) -> Tensor:
        """The 3x3 kernel over a 2x2 box, as `conv_transpose2d` wants it."""
        kernel = self.conv.weight.transpose(0, 1)
        return sum(F.pad(kernel, (left, 1 - left, top, 1 - top)) for left in (0, 1) for top in (0, 1)).flip(2, 3)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = F.conv_transpose2d(x, self.spread() if self.kernel is None else self.kernel, stride=2, padding=1)
        return F.leaky_relu(self.norm(x, style), 0.1)


class SkinGenerator(Pretrained):
    """Latents and a class to a skin image and its region mask (the lesion, or the hand).

    Each level adds its own image to the enlarged one of the level below (output skips, Karras et al., CVPR 2020), so
    the network can be trained on small images first and grow: a new level starts at zero and changes nothing.

    Args:
        size: side of the square image in pixels: `base * 2 ** (len(channels) - 1)`.
        channels: width of each level, from the smallest on; multiples of 8.
        classes: the names of the classes, in the order of `label`.
        latent_dim: length of the latent vector.
        style_dim: length of the vector (latents and class) that drives the norms.
    """

    mask_meaning = "True = inside the region: the lesion, or the hand"

    def __init__(self, size: int, channels: list[int], classes: list[str], latent_dim: int = 128, style_dim: int = 128):
        super().__init__()
        levels = len(channels)
        if any(width % 8 for width in channels):
            raise ValueError(f"channels={list(channels)} are not all multiples of 8, which processors need for quick and repeatable convolutions.")
        if levels < 2 or size % 2 ** (levels - 1):
            raise ValueError(f"size={size} is not a multiple of {2 ** (levels - 1)}, which {levels} levels need.")
        self.config = dict(size=size, channels=list(channels), classes=list(classes), latent_dim=latent_dim, style_dim=style_dim)
        self.size, self.classes, self.latent_dim = size, list(classes), latent_dim
        self.base = size // 2 ** (levels - 1)
        self.embedding = nn.Embedding(len(classes), latent_dim)
        self.style = nn.Linear(latent_dim, style_dim)
        self.stem = nn.Linear(latent_dim, channels[0] * self.base**2)
        self.stem_norm = ConditionalNorm(channels[0], style_dim)
        self.blocks = nn.ModuleList(GeneratorBlock(a, b, style_dim) for a, b in zip(channels, channels[1:]))
        self.to_image = nn.ModuleList(nn.Conv2d(c, 4, 3 if k == levels - 2 else 1, padding=int(k == levels - 2)) for k, c in enumerate(channels[1:]))
        for head in self.to_image:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.to_image[0].weight, std=0.1)
        for layer in self.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                layer.register_buffer("exact", None, persistent=False)

    @torch.no_grad()
    def freeze(self) -> "SkinGenerator":
        """Eval mode for good: what derives from the weights alone is worked out once, a few times faster for single
        images. The weights must not change afterwards."""
        self.eval().requires_grad_(False)
        for layer in self.modules():
            if isinstance(layer, GeneratorBlock):
                layer.kernel = layer.spread().contiguous()
            elif hasattr(layer, "exact"):
                layer.exact = layer.weight.double()
        return self

    def forward(self, latents: Tensor, label: Tensor, condition: float = 1.0, size: int | None = None) -> Tensor:
        """Image and mask in one tensor, (B, 4, size, size) in [-1, 1]; the mask is above 0 inside the region.

        Args:
            latents: (B, latent_dim), standard normal.
            label: (B,) int64, index into `classes`.
            condition: weight of the class, raised from 0 to 1 during training.
            size: stop at this side, one of the levels'; the full size where None.
        """
        code = latents + condition * self.embedding(label)
        style = F.leaky_relu(steady(self.style, code), 0.1)
        x = steady(self.stem, code).unflatten(1, (-1, self.base, self.base))
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.stem_norm(x, style), 0.1)
        output = None
        for block, head in zip(self.blocks, self.to_image):
            x = block(x, style)
            if output is not None:
                output = F.interpolate(output, scale_factor=2.0, mode="bilinear", align_corners=False)
            own = steady(head, x)
            output = own if output is None else output + own
            if x.shape[-1] == (size or self.size):
                break
        return output.tanh()

    @torch.no_grad()
    def generate(self, latents: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Images and masks.

        Args:
            latents: (B, latent_dim) float, standard normal.
            label: (B,) int64 in [0, len(classes)).

        Returns:
            image (B, 3, size, size) float in [0, 1] and mask (B, 1, size, size) bool.
        """
        output = self(latents, label).float()
        return (output[:, :3] + 1) / 2, output[:, 3:] > 0


class DiscriminatorBlock(nn.Module):
    """Halves the side."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.conv = spectral_norm(nn.Conv2d(width_in, width_out, 4, stride=2, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x), 0.2)


class Discriminator(nn.Module):
    """Judges image and mask together: (B, 4, S, S) in [-1, 1] to logits (B, 1).

    The mirror of the generator: every level also looks at the image shrunk to its own size, so that it can grow with
    the generator. Spectral norm (Miyato et al., ICLR 2018); class by projection (Miyato and Koyama, ICLR 2018); the
    spread within the batch is shown to the last layer against mode collapse (Karras et al., ICLR 2018).

    Args:
        size: the largest side in pixels.
        channels: width of each level, from the smallest on, as in the generator.
        classes: number of classes.
    """

    def __init__(self, size: int, channels: list[int], classes: int):
        super().__init__()
        widths = channels[::-1]
        self.size = size
        self.from_image = nn.ModuleList(nn.Conv2d(4, a, 1) for a in widths[:-1])
        self.blocks = nn.ModuleList(DiscriminatorBlock(a, b) for a, b in zip(widths, widths[1:]))
        self.last = spectral_norm(nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1))
        self.logit = nn.Linear(widths[-1], 1)
        self.embedding = nn.Embedding(classes, widths[-1])
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, x: Tensor, label: Tensor, condition: float = 1.0) -> Tensor:
        hidden, side = None, self.size
        for from_image, block in zip(self.from_image, self.blocks):
            if side <= x.shape[-1]:
                seen = from_image(x if side == x.shape[-1] else F.interpolate(x, size=side, mode="area"))
                hidden = block(seen if hidden is None else hidden + seen)
            side //= 2
        spread = hidden.std(dim=0, unbiased=False).mean().expand(len(hidden), 1, *hidden.shape[-2:])
        hidden = F.leaky_relu(self.last(torch.cat([hidden, spread], dim=1)), 0.2).mean((2, 3))
        return self.logit(hidden) + condition * (hidden * self.embedding(label)).sum(1, keepdim=True)


class FeatureDiscriminator(nn.Module):
    """Judges images by the features of a frozen, pretrained backbone (Projected GAN, Sauer et al., NeurIPS 2021).

    Each feature map is mixed by a fixed random 1x1 convolution and judged by a small head of its own. With a few
    thousand photographs this learns several times faster than a network that has to find its features first.

    Args:
        backbone: a module that maps (B, 3, S, S) images in [-1, 1] to a list of feature maps, as timm's
            `features_only=True` does for a model with mean = std = 0.5. It is frozen here.
        classes: number of classes.
        width: channels of the heads.
    """

    def __init__(self, backbone: nn.Module, classes: int, width: int = 64):
        super().__init__()
        self.backbone = backbone.eval().requires_grad_(False)
        with torch.no_grad():
            maps = backbone(torch.zeros(1, 3, 128, 128))
        self.mix = nn.ModuleList(nn.Conv2d(m.shape[1], width, 1, bias=False).requires_grad_(False) for m in maps)
        self.heads = nn.ModuleList()
        for m in maps:
            nn.init.kaiming_normal_(self.mix[len(self.heads)].weight, nonlinearity="linear")
            halvings = max(0, (m.shape[-1] // 4).bit_length() - 1)
            layers = []
            for _ in range(halvings):
                layers += [spectral_norm(nn.Conv2d(width, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
            self.heads.append(nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, width, 3, padding=1)), nn.LeakyReLU(0.2)))
        self.logits = nn.ModuleList(spectral_norm(nn.Conv2d(width, 1, 1)) for _ in maps)
        self.embeddings = nn.ModuleList(nn.Embedding(classes, width) for _ in maps)
        for embedding in self.embeddings:
            nn.init.normal_(embedding.weight, std=0.1)

    def train(self, mode: bool = True):
        super().train(mode)
        self.backbone.eval()  # its batch norm statistics are part of the fixed features
        return self

    def forward(self, x: Tensor, label: Tensor, condition: float = 1.0) -> Tensor:
        """(B, 4 or 3, S, S) in [-1, 1] to (B, K) logits: the mask is left to `Discriminator`."""
        logits = []
        for features, mix, head, logit, embedding in zip(self.backbone(x[:, :3]), self.mix, self.heads, self.logits, self.embeddings):
            hidden = head(mix(features))
            judged = logit(hidden) + condition * (hidden * embedding(label)[:, :, None, None]).sum(1, keepdim=True)
            logits.append(judged.flatten(1))
        return torch.cat(logits, dim=1)
