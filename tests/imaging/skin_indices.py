"""How red and how brown skin is: what the tests measure drawn eczema by."""

from torch import Tensor

from synthderm.imaging.color import to_density


def erythema_index(image: Tensor) -> Tensor:
    """Green minus red optical density, (..., 1, H, W): how much more haemoglobin than red light's
    absorbers (Dawson et al., Phys. Med. Biol. 25, 1980)."""
    density = to_density(image)
    return density[..., 1:2, :, :] - density[..., 0:1, :, :]


def melanin_index(image: Tensor) -> Tensor:
    """Red optical density, (..., 1, H, W): red light is absorbed by melanin and hardly by blood."""
    return to_density(image)[..., 0:1, :, :]
