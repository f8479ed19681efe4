"""The parts of a `SkinGenerator`: layers whose result does not depend on the batch, and the block
that doubles the side."""

import platform

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Up to this many numbers, torch takes another convolution for a batch of one.
SMALL_INPUT = 20_480
# What enlargement by two spreads a pixel over, in each direction.
NEAREST, BILINEAR = (1.0, 1.0), (0.25, 0.75, 0.75, 0.25)


def has_bf16(device: torch.device) -> bool:
    """Whether plain convolutions in bf16 pay. oneDNN takes bf16 on every AVX-512 processor, but
    where the processor does not multiply bf16 itself it converts back and forth, which takes 1.7
    times as long as float32."""
    if device.type != "cpu":
        return device.type == "cuda"
    if platform.machine().lower() in ("x86_64", "amd64"):
        return getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def steady(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """A linear layer or convolution whose float32 result does not depend on the batch around a row.

    Matrix products are added up in another order for another batch size, and torch takes another
    convolution for a single small input (`SMALL_INPUT`) than for two; either can flip a grey
    level. Double precision, rounded at the end, hides it. Larger convolutions have a fixed order on
    one thread, and training needs none.
    """
    is_large = False
    if isinstance(layer, nn.Conv2d):
        is_large = layer.kernel_size != (1, 1) and x[0].numel() > SMALL_INPUT
    if layer.training or is_large:
        return layer(x)
    exact = getattr(layer, "exact", None)  # a frozen generator has worked it out
    weight = layer.weight.double() if exact is None else exact
    bias = None if layer.bias is None else layer.bias.double()
    with torch.autocast(x.device.type, enabled=False):
        if isinstance(layer, nn.Conv2d):
            return F.conv2d(x.double(), weight, bias, padding=layer.padding).to(x.dtype)
        return F.linear(x.double(), weight, bias).to(x.dtype)


def add_noise(x: Tensor, noise: Tensor, amount: Tensor) -> Tensor:
    """Noise added to each channel in its amount. May write to `x`.

    Args:
        x: (B, C, H, W).
        noise: (B, 1, H, W), of the same dtype.
        amount: (B, C), of the same dtype.
    """
    if x.device.type != "cpu" or x.dtype != torch.bfloat16:
        return torch.addcmul(x, noise, amount[:, :, None, None])
    # With few channels addcmul goes through bf16 number by number. As matrix products, of one
    # column and one row each, it rounds the same and takes a fifth to a half of the time.
    pixels = x.view(*x.shape[:2], -1).mT
    pixels.baddbmm_(noise.flatten(1)[:, :, None], amount[:, None])
    return x


def shuffle_pixels(x: Tensor) -> Tensor:
    """(B, 4 C, H, W) to (B, C, 2 H, 2 W), as `F.pixel_shuffle` by 2, in a third to a sixth of its
    time on a CPU."""
    parts = x.unflatten(1, (-1, 2, 2))
    wide = torch.stack(parts.unbind(3), -1).flatten(-2)
    return torch.stack(wide.unbind(2), 3).flatten(2, 3)


def remove_checkerboard(x: Tensor) -> Tensor:
    """(B, 4 C, H, W), of which `shuffle_pixels` makes an image, without the pattern of 2x2 pixels
    that sub-pixel convolutions leave: what the same one of four pixels has more than the others
    throughout a cell of 8x8. Their mean, which a smaller image is made of, stays as it is."""
    cells = F.avg_pool2d(x, 8, ceil_mode=True).unflatten(1, (-1, 4))
    pattern = (cells - cells.mean(2, keepdim=True)).flatten(1, 2)
    return x - F.interpolate(pattern, size=x.shape[-2:], mode="bilinear", align_corners=False)


def scale_tone(skin_tone: Tensor) -> Tensor:
    """ITA in degrees (B,) as a network's input (B, 1): intermediate skin about 0, very light +1,
    dark -2."""
    return (skin_tone[:, None] - 30) / 30


class ConditionalNorm(nn.Module):
    """Batch norm whose gain and bias are linear in a style vector (de Vries et al., NeurIPS 2017),
    so that latents and class act at every scale and can't be ignored after the first layer."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.affine = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.affine.weight, std=0.02)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gain, bias = steady(self.affine, style)[:, :, None, None].chunk(2, dim=1)
        if self.training:
            return torch.addcmul(bias, self.norm(x), 1 + gain)
        # Both scalings in one pass over the pixels, in their own precision: mixed ones are several
        # times slower.
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None and variance is not None  # norms keep their statistics
        factor = (1 + gain) * (variance + self.norm.eps).rsqrt()[:, None, None]
        bias = bias - factor * mean[:, None, None]
        # In place where nothing is learnt: new memory would have to be fetched.
        out = None if torch.is_grad_enabled() else x
        return torch.addcmul(bias.to(x.dtype), x, factor.to(x.dtype), out=out)


class GeneratorBlock(nn.Module):
    """Doubles the side: an enlargement and a 3x3 convolution, which unlike a strided one leaves no
    checkerboard (Odena et al., Distill 2016).

    The two are computed as one transposed convolution, whose kernel is the 3x3 one spread over the
    enlargement's: the same result without an enlarged copy, 2 to 3 times faster on a CPU. Nearest
    enlargement (4x4 in all) takes 0.6 of an image's time; its edges lie at fixed places, and
    networks learn to draw ruled strokes with them. Bilinear enlargement (6x6) has no edges.

    Noise, where there is any, is added to each channel in an amount that is linear in the style:
    random detail of a texture need not be made from the code (Karras et al., CVPR 2019).

    Args:
        width_in, width_out: channels.
        style: length of the style vector.
        has_noise: whether noise is added.
        smooth: bilinear enlargement instead of nearest.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        style: int,
        has_noise: bool = False,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1, bias=False)
        self.norm = ConditionalNorm(width_out, style)
        self.amount = nn.Linear(style, width_out) if has_noise else None
        if self.amount is not None:
            nn.init.normal_(self.amount.weight, std=0.02)
            nn.init.zeros_(self.amount.bias)
        self.kernel: Tensor | None
        self.register_buffer("kernel", None, persistent=False)

    def spread_kernel(self) -> Tensor:
        """The 3x3 kernel spread over the enlargement's taps, as `conv_transpose2d` wants it."""
        kernel = self.conv.weight.transpose(0, 1)
        taps = BILINEAR if self.smooth else NEAREST
        last = len(taps) - 1
        parts = [
            a * b * F.pad(kernel, (left, last - left, top, last - top))
            for left, a in enumerate(taps)
            for top, b in enumerate(taps)
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total.flip(2, 3)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """Features of twice the side.

        Args:
            x: (B, width_in, S, S).
            style: (B, style).
            noise: (B, 1, N, N), standard normal, N a power of 2 times 2S.
        """
        kernel = self.spread_kernel() if self.kernel is None else self.kernel
        padding = kernel.shape[-1] // 2 - 1
        x = self.norm(F.conv_transpose2d(x, kernel, stride=2, padding=padding), style)
        if self.amount is not None:
            if noise is None:
                raise ValueError("this block adds noise: give (B, 1, N, N).")
            times = noise.shape[-1] // x.shape[-1]
            if times > 1:
                noise = times * F.avg_pool2d(noise, times)  # of variance 1 again
            x = add_noise(x, noise.to(x.dtype), steady(self.amount, style).to(x.dtype))
        return F.leaky_relu(x, 0.1, inplace=True)
