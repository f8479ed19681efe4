"""Whether two images show the same fine structure, wherever it lies and however it is turned.

A copy shares with its photograph what chance does not bring twice: each hair, pore and edge in its
place. So images are reduced to their local structure, brought to one contrast, and laid over each
other in eight orientations, at several scales and at every small shift. How well they fit is the
normalised correlation of their whitened spectra: 1 for a copy, and about 0.2 for two photographs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

SIDE = 64  # pixels
SCALES = (1.0, 0.92, 0.85, 0.78)  # what a sample may show of a photograph: that share of its side
REACH = 8  # pixels by which the two may be shifted
BLUR = 3.0  # pixels: structure is what is finer
NOISE = 0.02  # contrast below which there is none
FINEST = 0.4  # cycles per pixel
MIRRORED = (1, 2, 5, 6)  # the orientations in `turn` that no camera gives
ORIENTATIONS = 8


def turn(fields: Tensor) -> Tensor:
    """(N, S, S) in all eight orientations, (N, 8, S, S)."""
    turned = []
    for one in (fields, fields.rot90(1, (-2, -1))):
        turned += [one, one.flip(-1), one.flip(-2), one.flip(-1, -2)]
    return torch.stack(turned, dim=1)


def reduce(images: Tensor, scale: float = 1.0) -> Tensor:
    """The local structure of images at one contrast, (N, SIDE, SIDE).

    Args:
        images: (N, 3, H, W) uint8.
        scale: the share of the side that is looked at, around the middle.
    """
    height, width = (round(side * scale) for side in images.shape[-2:])
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    part = images[..., top : top + height, left : left + width].float() / 255
    grey = F.interpolate(part, size=SIDE, mode="bilinear", antialias=True).mean(1, keepdim=True)
    kernel = int(4 * BLUR) | 1
    fine = grey - gaussian_blur(grey, kernel, BLUR)
    contrast = gaussian_blur(fine**2, kernel, BLUR).clamp_min(0).sqrt()
    return (fine / (contrast + NOISE))[:, 0]


class Spectra:
    """Whitened spectra of structure.

    Args:
        fields: (N, SIDE, SIDE) of real photographs, on whose mean spectrum is whitened.
    """

    def __init__(self, fields: Tensor) -> None:
        rows = torch.fft.fftfreq(SIDE)[:, None]
        radius = (rows**2 + torch.fft.rfftfreq(SIDE)[None] ** 2).sqrt()
        ramp = torch.hann_window(SIDE, periodic=False).sqrt()
        self._window = ramp[:, None] * ramp
        mean = (self._transform(fields).abs() ** 2).mean(0).sqrt()
        band = torch.exp(-((radius / FINEST) ** 4)) * (radius > 1.5 / SIDE)
        self._filter = band / (mean + 0.02 * mean.max())
        # Of a real image's spectrum half is stored: all but the first and last column count twice.
        self._weight = torch.full((SIDE // 2 + 1,), 2.0)
        self._weight[[0, -1]] = 1.0

    def _transform(self, fields: Tensor) -> Tensor:
        mean = (fields * self._window).sum((-2, -1), keepdim=True) / self._window.sum()
        return torch.fft.rfft2((fields - mean) * self._window)

    def __call__(self, fields: Tensor) -> Tensor:
        """(..., SIDE, SIDE) to spectra of length 1."""
        spectrum = self._transform(fields) * self._filter
        power = (spectrum.abs() ** 2 * self._weight).sum((-2, -1), keepdim=True)
        return spectrum / power.sqrt().clamp_min(1e-6)


def correlate(a: Tensor, b: Tensor) -> Tensor:
    """The highest correlation of two images at any shift up to `REACH`, also between pixels.

    Args:
        a, b: spectra that broadcast.

    Returns:
        (...) in [-1, 1].
    """
    product = torch.fft.irfft2(a * b.conj(), s=(SIDE, SIDE)) * SIDE**2
    side = 2 * REACH + 3  # one more than allowed on each side, to look between pixels
    near = product.roll((REACH + 1, REACH + 1), (-2, -1))[..., :side, :side]
    top, place = near[..., 1:-1, 1:-1].flatten(-2).max(-1)
    row, column = place // (side - 2) + 1, place % (side - 2) + 1
    flat = near.flatten(-2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        return flat.gather(-1, (row * side + column)[..., None])[..., 0]

    best = top
    for before, after in (
        (at(row - 1, column), at(row + 1, column)),
        (at(row, column - 1), at(row, column + 1)),
    ):
        # A parabola through three values peaks so much higher; at the end of the reach is no peak.
        bend = (2 * top - before - after).clamp_min(1e-6)
        is_peak = (before <= top) & (after <= top)
        best = best + torch.where(is_peak, (after - before) ** 2 / (8 * bend), 0.0)
    return best.clamp(-1, 1)
