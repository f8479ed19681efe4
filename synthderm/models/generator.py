"""`SkinGenerator`: from latents and a class to an image of skin and its mask.

The value range [-1, 1] exists only inside `forward`; everything public takes and gives images in
[0, 1]. The layers are in `synthderm.models.layers`, the discriminators that train it in
`synthderm.training.discriminators`.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.hub.pretrained import Pretrained
from synthderm.imaging.artifact_shares import check_shares
from synthderm.imaging.contact_sheet import contact_sheet, to_png
from synthderm.imaging.io import to_pil
from synthderm.models.layers import (
    ConditionalNorm,
    GeneratorBlock,
    has_bf16,
    remove_checkerboard,
    scale_tone,
    shuffle_pixels,
    steady,
)

# Side in pixels of the smallest level that gets noise; what is coarser is decided by the code.
SMALLEST_NOISY = 16


class SkinGenerator(Pretrained):
    """Latents and a class to a skin image and its region mask (the lesion, or the hand).

    Features end at half the side, since feature maps of the full side would double the time. There
    one convolution draws image and mask of half the side, and for each pixel the four of the full
    image, as differences from their bilinear enlargement (sub-pixel convolution, Shi et al., CVPR
    2016; without the enlargement it leaves a pattern of 2x2 pixels). Where half the side is asked
    for, the means of the four are taken: the network can be trained on small images first.

    Args:
        size: side of the square image in pixels: `base * 2 ** len(channels)`.
        channels: width of each level up to half the side, from the smallest on; multiples of 8.
        classes: the names of the classes, in the order of their labels.
        latent_dim: length of the latent vector: the code, and after it the noise.
        style_dim: length of the vector (code and class) that drives the norms.
        tones: skin tones it was trained on, ITA in degrees, as quantiles from the lowest to the
            highest. Where given, the generator has an input for the skin tone.
        noise: side of the square of noise that the last noise**2 latents are; half the size, or 0
            for none. Class, shape and colour depend on the code alone, random detail of the
            texture on the noise.
        smooth: levels are enlarged bilinearly instead of to the nearest, and the pattern of 2x2
            pixels is taken out: no ruled strokes at fixed places. On a CPU an image takes 1.6 times
            as long.
        artifacts: the share of images on which data sets draw each kind, as the photographs that
            it was trained on have them; see `synthderm.imaging.artifacts`. `generate` draws none.

    Example:
        >>> from synthderm import SkinGenerator
        >>> generator = SkinGenerator(size=32, channels=[16, 8], classes=["nevus", "melanoma"])
        >>> generator.latent_dim, generator.training  # random weights, to be trained
        (128, True)
    """

    mask_meaning = (
        "True = inside the region: the lesion, the hand, or in a close-up without either the whole"
        " image"
    )

    def __init__(
        self,
        size: int,
        channels: Sequence[int],
        classes: Sequence[str],
        latent_dim: int = 128,
        style_dim: int = 128,
        tones: Sequence[float] | None = None,
        noise: int = 0,
        smooth: bool = False,
        artifacts: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        levels = len(channels)
        if any(width % 8 for width in channels):
            raise ValueError(
                f"channels={list(channels)} are not all multiples of 8, which processors need for"
                " quick and repeatable convolutions."
            )
        if levels < 2 or size % 2**levels:
            raise ValueError(
                f"size={size} is not a multiple of {2**levels}, which {levels} levels need."
            )
        if noise not in (0, size // 2) or latent_dim <= noise**2:
            raise ValueError(
                f"noise={noise} must be 0 or size // 2 = {size // 2}, and latent_dim={latent_dim}"
                " larger than its square."
            )
        self.config = dict(
            size=size,
            channels=list(channels),
            classes=list(classes),
            latent_dim=latent_dim,
            style_dim=style_dim,
        )
        if noise:
            self.config["noise"] = noise
        if smooth:
            self.config["smooth"] = smooth
        if artifacts is not None:
            self.config["artifacts"] = check_shares("artifacts", artifacts)
        self.size, self.classes = size, list(classes)
        self.latent_dim, self.noise, self.smooth = latent_dim, noise, smooth
        self.tones: list[float] | None = None
        self.frozen = False
        self.code_dim = latent_dim - noise**2
        self.base = size // 2**levels
        self.embedding = nn.Embedding(len(classes), self.code_dim)
        self.style = nn.Linear(self.code_dim, style_dim)
        self.stem = nn.Linear(self.code_dim, channels[0] * self.base**2)
        self.stem_norm = ConditionalNorm(channels[0], style_dim)
        sides = [self.base * 2 ** (level + 1) for level in range(levels)]
        self.blocks = nn.ModuleList(
            GeneratorBlock(a, b, style_dim, noise >= side >= SMALLEST_NOISY, smooth)
            for a, b, side in zip(channels, channels[1:], sides)
        )
        self.to_image = nn.Conv2d(channels[-1], 4 + 12, 3, padding=1)
        nn.init.zeros_(self.to_image.weight[4:])
        self.to_image.bias = nn.Parameter(torch.zeros(4 + 12))
        nn.init.normal_(self.embedding.weight, std=0.5)
        if tones is not None:
            if len(tones) < 2 or any(low > high for low, high in zip(tones, tones[1:])):
                raise ValueError(
                    f"tones={tones!r} must be 2 or more angles in degrees that do not fall."
                )
            self.config["tones"] = self.tones = [float(tone) for tone in tones]
            self.tone = nn.Linear(1, self.code_dim)

    @property
    def artifacts(self) -> dict[str, float] | None:
        """The share of images on which data sets draw each kind; None where nothing was said."""
        return self.config.get("artifacts")

    @torch.no_grad()
    def freeze(self) -> "SkinGenerator":
        """Eval mode for good. What depends on the weights alone is worked out once, which makes
        single images a few times faster; where bf16 pays (`has_bf16`) the convolutions run in it,
        which moves a pixel by a few grey levels. The weights must not change afterwards.

        Example:
            >>> from synthderm import SkinGenerator
            >>> generator = SkinGenerator.from_pretrained("lesions").freeze()
            >>> any(weight.requires_grad for weight in generator.parameters())
            False
        """
        self.eval().requires_grad_(False)
        self.frozen = True
        for layer in self.modules():
            if isinstance(layer, GeneratorBlock):
                layer.kernel = layer.spread_kernel().contiguous()
            elif isinstance(layer, (nn.Linear, nn.Conv2d)):
                layer.register_buffer("exact", layer.weight.double(), persistent=False)
        return self

    def forward(
        self,
        latents: Tensor,
        labels: Tensor,
        *,
        skin_tone: Tensor | None = None,
        size: int | None = None,
        truncation: float = 1.0,
        condition: float | Tensor = 1.0,
    ) -> Tensor:
        """Image and mask in one tensor, (B, 4, size, size) in [-1, 1]; the mask is above 0 inside
        the region.

        Args:
            latents, labels, skin_tone, size, truncation: as in `generate`.
            condition: weight of class and skin tone, raised from 0 to 1 during training.
        """
        centre = condition * self.embed(labels, skin_tone)
        return self._synthesize(latents, centre, size, truncation).tanh_()

    def from_codes(self, latents: Tensor) -> Tensor:
        """As `forward`, for latents (B, latent_dim) to whose code `embed` has been added already,
        as between two classes."""
        return self._synthesize(latents, latents.new_zeros(()), None, 1.0).tanh_()

    @torch.no_grad()
    def generate(
        self,
        latents: Tensor,
        labels: Tensor,
        *,
        skin_tone: Tensor | None = None,
        size: int | None = None,
        truncation: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Images and masks.

        Args:
            latents: (B, latent_dim) float, standard normal.
            labels: (B,) int64, indices into `classes`.
            skin_tone: (B,) ITA in degrees, for a generator with `tones` alone.
            size: the full side, or half of it; then pixels are means of the full image's. The full
                side where None.
            truncation: below 1, the style is moved towards its mean for this class and tone: fewer
                odd images, less variety (psi of Karras et al., CVPR 2019). The latents themselves
                are not shrunk: around zero lie images like none in training.

        Returns:
            images (B, 3, size, size) float in [0, 1] and masks (B, 1, size, size) bool.

        Example:
            >>> import torch
            >>> from synthderm import SkinGenerator
            >>> hands = SkinGenerator.from_pretrained("hands")
            >>> latents = torch.randn(1, hands.latent_dim).repeat(2, 1)
            >>> tones = torch.tensor([25.0, -20.0])  # one hand, on tan and on brown skin
            >>> images, masks = hands.generate(latents, torch.tensor([5, 5]), skin_tone=tones)
            >>> images.shape, masks.shape
            (torch.Size([2, 3, 128, 128]), torch.Size([2, 1, 128, 128]))
        """
        centre = self.embed(labels, skin_tone)
        output = self._synthesize(latents, centre, size, truncation).float()
        # (tanh(x) + 1) / 2 = sigmoid(2 x), in a tenth of its time.
        return (2 * output[:, :3]).sigmoid_(), output[:, 3:] > 0

    def embed(self, labels: Tensor, skin_tone: Tensor | None = None) -> Tensor:
        """What class and skin tone add to the code of the latents, (B, code_dim).

        Raises:
            ValueError: a skin tone is missing, or is given to a generator that has no input for it.
        """
        if skin_tone is None and self.tones is not None:
            raise ValueError(
                "this generator has an input for the skin tone: give skin_tone, ITA from"
                f" {self.tones[0]} to {self.tones[-1]} degrees."
            )
        if skin_tone is not None and self.tones is None:
            raise ValueError("this generator has no input for the skin tone: leave skin_tone out.")
        embedding = self.embedding(labels)
        if skin_tone is None:
            return embedding
        return embedding + steady(self.tone, scale_tone(skin_tone))

    def _synthesize(
        self, latents: Tensor, centre: Tensor, size: int | None, truncation: float
    ) -> Tensor:
        """As `forward`, before the tanh.

        Args:
            centre: (B, code_dim), what class and skin tone add to the code.
        """
        code = latents[:, : self.code_dim] + centre
        noise = None
        if self.noise:
            noise = latents[:, self.code_dim :].unflatten(1, (1, self.noise, self.noise))
        style = F.leaky_relu(steady(self.style, code), 0.1)
        if truncation != 1:
            style = torch.lerp(self.mean_style(centre), style, truncation)
        x = steady(self.stem, code).unflatten(1, (-1, self.base, self.base))
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.stem_norm(x, style), 0.1)
        in_bf16 = self.frozen and has_bf16(x.device)
        with torch.autocast(x.device.type, torch.bfloat16) if in_bf16 else nullcontext():
            for block in self.blocks:
                x = block(x, style, noise)
            x = steady(self.to_image, x)
        if self.frozen:
            # The rest is quicker in the usual memory format, and would round visibly in bf16.
            x = x.contiguous().float()
        half, differences = x.split((4, 12), dim=1)
        if self.smooth:
            differences = remove_checkerboard(differences)
        return self._to_side(half, differences, size)

    def _to_side(self, half: Tensor, differences: Tensor, size: int | None) -> Tensor:
        """Image and mask of the side asked for.

        Args:
            half: (B, 4, S/2, S/2), image and mask at half the side.
            differences: (B, 12, S/2, S/2), of the image's pixels from their bilinear enlargement.
            size: S or S/2; S where None.
        """
        if size is None or size == self.size:
            full = F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)
            full[:, :3] += shuffle_pixels(differences)
            return full
        if 2 * size != self.size:
            raise ValueError(f"size={size} is neither {self.size} nor half of it.")
        # The mean of 2x2 pixels of the bilinear enlargement is a blur by (1, 6, 1) / 8 down and
        # across; a convolution takes 20 times as long.
        # Edges are repeated by hand: torch.compile fails on the gradient of `F.pad` (2.14).
        x = torch.cat([half[..., :1, :], half, half[..., -1:, :]], dim=-2)
        x = torch.cat([x[..., :1], x, x[..., -1:]], dim=-1)
        x = (x[..., :-2, :] + x[..., 2:, :]).mul_(0.125).add_(0.75 * x[..., 1:-1, :])
        blurred = (x[..., :-2] + x[..., 2:]).mul_(0.125).add_(0.75 * x[..., 1:-1])
        blurred[:, :3] += differences.unflatten(1, (3, 4)).mean(2)
        return blurred

    def sample_skin_tone(
        self, rng: torch.Generator, bounds: tuple[float, float] | None = None
    ) -> Tensor:
        """A skin tone in degrees, evenly within `bounds`, or as frequent as in training. For a
        generator with `tones` alone."""
        if self.tones is None:
            raise ValueError("this generator has no input for the skin tone.")
        share = torch.rand((), generator=rng, dtype=torch.float32)
        if bounds is not None:
            return bounds[0] + (bounds[1] - bounds[0]) * share
        place = share * (len(self.tones) - 1)
        left = min(int(place), len(self.tones) - 2)
        ends = torch.tensor(self.tones[left : left + 2], dtype=torch.float32)
        return torch.lerp(ends[0], ends[1], place - left)

    def mean_style(self, centre: Tensor) -> Tensor:
        """The style's mean over all latents around `centre` (B, code_dim), exactly: each component
        is a leaky ReLU of a normal number, 0.1 x + 0.9 max(x, 0), and
        E max(x, 0) = m Phi(m / s) + s phi(m / s)."""
        mean = F.linear(centre.double(), self.style.weight.double(), self.style.bias.double())
        spread = self.style.weight.double().norm(dim=1)
        ratio = mean / spread
        density = torch.exp(-0.5 * ratio**2) / (2 * torch.pi) ** 0.5
        positive = mean * torch.special.ndtr(ratio) + spread * density
        return (0.1 * mean + 0.9 * positive).to(centre.dtype)

    def _repr_png_(self) -> bytes | None:
        """In a notebook: eight samples, the classes in turn; none of one that is in training."""
        if self.training:
            return None
        rng, device = torch.Generator().manual_seed(0), self.embedding.weight.device
        labels = torch.arange(8) % len(self.classes)
        latents = torch.randn(8, self.latent_dim, generator=rng).to(device)
        skin_tone = None
        if self.tones is not None:
            tones = [self.sample_skin_tone(rng, None) for _ in labels]
            skin_tone = torch.stack(tones).to(device)
        images, masks = self.generate(latents, labels.to(device), skin_tone=skin_tone)
        captions = [self.classes[label] for label in labels.tolist()]
        pictures = [to_pil(image) for image in images.cpu()]
        return to_png(contact_sheet(pictures, list(masks.cpu()), captions, columns=4))
