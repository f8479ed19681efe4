"""`SkinGenerator`. What judges it in training is in `judges.py`, the editor in `editor.py`.

The value range [-1, 1] exists only inside `forward`; everything public takes and gives images in [0, 1].
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


def scale_tone(tone: Tensor) -> Tensor:
    """ITA in degrees (B,) as a network's input (B, 1): intermediate skin about 0, very light +1, dark -2."""
    return (tone[:, None] - 30) / 30


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
        return F.leaky_relu(self.norm(x, style), 0.1, inplace=True)


class SkinGenerator(Pretrained):
    """Latents and a class to a skin image and its region mask (the lesion, or the hand).

    Features end at half the side. There one convolution draws image and mask of half the side, and for each pixel of the image
    what the four of the full one differ by from their bilinear enlargement (sub-pixel convolution, Shi et al., CVPR 2016;
    without the enlargement it leaves a pattern of 2x2 pixels). Feature maps of the full side would double the time. Where half
    the side is asked for, the means of the four are taken, so the network can be trained on small images first, and makes
    them for less.

    Args:
        size: side of the square image in pixels: `base * 2 ** len(channels)`.
        channels: width of each level up to half the side, from the smallest on; multiples of 8.
        classes: the names of the classes, in the order of `label`.
        latent_dim: length of the latent vector.
        style_dim: length of the vector (latents and class) that drives the norms.
        tones: skin tones it was trained on, ITA in degrees, as 11 quantiles from the lowest to the highest. Where given,
            the generator has an input for the tone of the skin.
    """

    mask_meaning = "True = inside the region: the lesion, or the hand"

    def __init__(self, size: int, channels: list[int], classes: list[str], latent_dim: int = 128, style_dim: int = 128, tones: list[float] | None = None):
        super().__init__()
        levels = len(channels)
        if any(width % 8 for width in channels):
            raise ValueError(f"channels={list(channels)} are not all multiples of 8, which processors need for quick and repeatable convolutions.")
        if levels < 2 or size % 2**levels:
            raise ValueError(f"size={size} is not a multiple of {2**levels}, which {levels} levels need.")
        self.config = dict(size=size, channels=list(channels), classes=list(classes), latent_dim=latent_dim, style_dim=style_dim)
        self.size, self.classes, self.latent_dim, self.tones = size, list(classes), latent_dim, None
        self.base = size // 2**levels
        self.embedding = nn.Embedding(len(classes), latent_dim)
        self.style = nn.Linear(latent_dim, style_dim)
        self.stem = nn.Linear(latent_dim, channels[0] * self.base**2)
        self.stem_norm = ConditionalNorm(channels[0], style_dim)
        self.blocks = nn.ModuleList(GeneratorBlock(a, b, style_dim) for a, b in zip(channels, channels[1:]))
        self.to_image = nn.Conv2d(channels[-1], 4 + 12, 3, padding=1)
        nn.init.zeros_(self.to_image.weight[4:])
        nn.init.zeros_(self.to_image.bias)
        nn.init.normal_(self.embedding.weight, std=0.5)
        if tones is not None:
            if len(tones) < 2 or any(low > high for low, high in zip(tones, tones[1:])):
                raise ValueError(f"tones={tones!r} must be 2 or more angles in degrees that do not fall.")
            self.config["tones"] = self.tones = [float(tone) for tone in tones]
            self.tone = nn.Linear(1, latent_dim)
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

    @torch.no_grad()
    def start_from(self, other: "SkinGenerator") -> None:
        """Takes over what fits of a trained generator's weights: its levels, from the smallest on, and the classes of the
        same name. What it lacks starts afresh; for another size that is the last convolution too.

        Raises:
            ValueError: the two differ in the smallest side, the latents, or the width of a level that both have.
        """
        mine, theirs = self.config, other.config
        shared = min(len(mine["channels"]), len(theirs["channels"]))
        differ = [key for key in ("latent_dim", "style_dim") if mine[key] != theirs[key]]
        differ += ["channels"] if mine["channels"][:shared] != theirs["channels"][:shared] else []
        differ += ["side of the smallest level"] if self.base != other.base else []
        if differ:
            raise ValueError(
                f"size={self.size} and channels={mine['channels']} do not fit a generator with size={other.size} and channels={theirs['channels']} "
                f"({', '.join(differ)} differ): use those, or for each doubling of the size add one number to those channels."
            )
        own, given = self.state_dict(), other.state_dict()
        for key, value in given.items():
            if key == "embedding.weight":
                for row, name in enumerate(other.classes):
                    if name in self.classes:
                        own[key][self.classes.index(name)] = value[row]
            elif key in own and own[key].shape == value.shape and (self.size == other.size or not key.startswith("to_image")):
                own[key].copy_(value)

    def forward(
        self,
        latents: Tensor,
        label: Tensor,
        condition: float | Tensor = 1.0,
        size: int | None = None,
        tone: Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """Image and mask in one tensor, (B, 4, size, size) in [-1, 1]; the mask is above 0 inside the region.

        Args:
            latents: (B, latent_dim), standard normal.
            label: (B,) int64, index into `classes`.
            condition: weight of class and tone, raised from 0 to 1 during training.
            size: half the full side, then pixels are means of the full image's before the last nonlinearity; None for the full side.
            tone: (B,) ITA in degrees, for a generator with `tones` alone.
            truncation: as in `generate`.
        """
        if tone is None and self.tones is not None:
            raise ValueError(f"this generator has an input for the skin tone: give tone, ITA from {self.tones[0]} to {self.tones[-1]} degrees.")
        if tone is not None and self.tones is None:
            raise ValueError("this generator has no input for the skin tone: leave tone out.")
        centre = condition * self.embedding(label)
        if tone is not None:
            centre = centre + condition * steady(self.tone, scale_tone(tone))
        code = latents + centre
        style = F.leaky_relu(steady(self.style, code), 0.1)
        if truncation != 1:
            style = torch.lerp(self.mean_style(centre), style, truncation)
        x = steady(self.stem, code).unflatten(1, (-1, self.base, self.base))
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.stem_norm(x, style), 0.1)
        for block in self.blocks:
            x = block(x, style)
        output, finer = steady(self.to_image, x).split((4, 12), dim=1)
        if size is None or size == self.size:
            output = F.interpolate(output, scale_factor=2.0, mode="bilinear", align_corners=False)
            output[:, :3] += F.pixel_shuffle(finer, 2)
            return output.tanh_()
        if 2 * size != self.size:
            raise ValueError(f"size={size} is neither {self.size} nor half of it.")
        # The mean of 2x2 pixels of the bilinear enlargement is a blur by (1, 6, 1) / 8.
        row = output.new_tensor([0.125, 0.75, 0.125])
        blurred = F.conv2d(F.pad(output, (1, 1, 1, 1), mode="replicate"), torch.outer(row, row).expand(4, 1, 3, 3), groups=4)
        blurred[:, :3] += finer.unflatten(1, (3, 4)).mean(2)
        return blurred.tanh_()

    def draw_tone(self, rng: torch.Generator, bounds: tuple[float, float] | None = None) -> Tensor | None:
        """A skin tone in degrees, evenly within `bounds`, or as frequent as in training; None without an input for it."""
        if self.tones is None:
            return None
        at = torch.rand((), generator=rng)
        if bounds is not None:
            return bounds[0] + (bounds[1] - bounds[0]) * at
        place = at * (len(self.tones) - 1)
        left = min(int(place), len(self.tones) - 2)
        return torch.lerp(torch.tensor(self.tones[left]), torch.tensor(self.tones[left + 1]), place - left)

    def mean_style(self, centre: Tensor) -> Tensor:
        """The style's mean over all latents around `centre` (B, latent_dim), exactly: each component is a leaky ReLU of a
        normal number, 0.1 x + 0.9 max(x, 0), and E max(x, 0) = m Phi(m / s) + s phi(m / s)."""
        mean = F.linear(centre.double(), self.style.weight.double(), self.style.bias.double())
        spread = self.style.weight.double().norm(dim=1)
        ratio = mean / spread
        positive = mean * torch.special.ndtr(ratio) + spread * torch.exp(-0.5 * ratio**2) / (2 * torch.pi) ** 0.5
        return (0.1 * mean + 0.9 * positive).to(centre.dtype)

    @torch.no_grad()
    def generate(self, latents: Tensor, label: Tensor, tone: Tensor | None = None, truncation: float = 1.0, size: int | None = None) -> tuple[Tensor, Tensor]:
        """Images and masks.

        Args:
            latents: (B, latent_dim) float, standard normal.
            label: (B,) int64 in [0, len(classes)).
            tone: (B,) ITA in degrees, for a generator with `tones` alone.
            truncation: below 1, the style is moved towards its mean for this class and tone: fewer odd images, less
                variety (psi of Karras et al., CVPR 2019). The latents themselves are not shrunk: around zero lie images
                like none in training.
            size: as in `forward`.

        Returns:
            image (B, 3, size, size) float in [0, 1] and mask (B, 1, size, size) bool.
        """
        output = self(latents, label, size=size, tone=tone, truncation=truncation).float()
        return output[:, :3].add_(1).div_(2), output[:, 3:] > 0
