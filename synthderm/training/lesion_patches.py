"""Square patches of skin for training the editor: healthy ones, and ones with a lesion, in varied
tone and light."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from synthderm.datasets.folder import SkinFolder, training_split
from synthderm.imaging.color import MELANIN, from_density, to_density
from synthderm.imaging.io import to_tensor
from synthderm.imaging.masks import skin_region

MEAN_SKIN = (0.78, 0.60, 0.50)  # red, green and blue of light skin
MIN_SKIN = 0.1  # share of a photograph that has to be healthy skin to sample from it
MAX_LESION = 0.98  # a mask of more than this share does not say where the lesion is
CANDIDATES = 8  # windows tried for a healthy patch


class Photograph(NamedTuple):
    """A photograph of any shape."""

    pixels: Tensor  # (3, h, w) uint8
    healthy: Tensor  # (1, h, w) bool: healthy skin
    lesion: Tensor | None  # (1, h, w) bool: the lesion, if known


def load_healthy(data: str, size: int, split: str | None = None) -> list[Photograph]:
    """The photographs of a folder that show healthy skin.

    Where there are masks, skin is healthy beside the lesion.

    Args:
        data: the folder, as `SkinFolder` reads it.
        size: side of the patches in pixels; photographs are shrunk to at most 2.5 times that.
        split: as in `SkinFolder`; those to train on where None.

    Raises:
        ValueError: none of them shows healthy skin; or as `SkinFolder`.
    """
    folder = SkinFolder(data, split=split or training_split(data))
    rows = tqdm(range(len(folder)), desc=f"read {Path(data).name}", disable=None)
    photographs = [_read(folder, index, size) for index in rows]
    healthy = [photo for photo in photographs if photo.healthy.float().mean() > MIN_SKIN]
    if not healthy:
        raise ValueError(f"no photograph in {data} shows enough healthy skin to draw on.")
    return healthy


def load_lesions(
    data: str, labels: Sequence[str] | None, size: int, *, masks: bool
) -> list[Photograph]:
    """The training photographs of inflamed skin in a folder.

    Args:
        data: the folder, as `SkinFolder` reads it.
        labels: their classes; all where None.
        size: side of the patches in pixels.
        masks: whether each must have its mask; masks that there are stay unread where False.

    Raises:
        ValueError: an unknown class, a photograph smaller than half of `size`, or a mask that
            covers nothing or nearly all, with the file's name; or as `SkinFolder`.
    """
    folder = SkinFolder(data, split=training_split(data), return_mask=masks)
    wanted = labels or folder.classes
    unknown = sorted(set(wanted) - set(folder.classes))
    if unknown:
        raise ValueError(
            f"{data} has no class {unknown[0]!r}; it has: {', '.join(folder.classes)}."
        )
    rows = [k for k, target in enumerate(folder.targets) if folder.classes[target] in wanted]
    if not rows:
        raise ValueError(f"{data} has no photograph of {', '.join(wanted)} to train on.")
    lesions = []
    for index in tqdm(rows, desc=f"read {Path(data).name}", disable=None):
        photograph = _read(folder, index, size)
        lesion = photograph.lesion if masks else None
        if lesion is not None and not 0 < (share := lesion.float().mean().item()) < MAX_LESION:
            covered = "nothing" if share == 0 else f"{share:.0%} of it"
            raise ValueError(
                f"the mask of {folder.samples[index][0]} covers {covered}: it cannot say where "
                "the lesion is."
            )
        lesions.append(photograph._replace(lesion=lesion))
    return lesions


def _read(folder: SkinFolder, index: int, size: int) -> Photograph:
    image, lesion, _ = folder.read(index)
    shorter = min(image.size)
    if shorter < size // 2:
        raise ValueError(
            f"{folder.samples[index][0]} is {image.size[0]} x {image.size[1]} pixels, less than "
            f"half a patch ({size}): choose a smaller --size."
        )
    scale = min(1.0, 2.5 * size / shorter) if shorter > size else size / shorter
    width, height = (math.ceil(side * scale) for side in image.size)
    pixels = to_tensor(image.resize((width, height), resample=2))
    healthy = skin_region(pixels[None].float() / 255)[0]
    if lesion is None:
        return Photograph(pixels, healthy, None)
    inside = to_tensor(lesion.resize((width, height), resample=0)) > 0
    widened = F.max_pool2d(inside.float()[None], 9, 1, 4)[0] > 0
    return Photograph(pixels, healthy & ~widened, inside)


def sample_healthy(
    folders: Sequence[Sequence[Photograph]], batch: int, size: int
) -> tuple[Tensor, Tensor]:
    """Random patches of healthy skin, flipped, in varied skin tone and light.

    Args:
        folders: photographs of one or more folders, which are sampled equally often.
        batch: number of patches.
        size: their side in pixels.

    Returns:
        images (B, 3, size, size) float in [0, 1] and where they show healthy skin, (B, 1, size,
        size) bool.
    """
    patches = []
    for _ in range(batch):
        photographs = folders[int(torch.randint(len(folders), ()))]
        pixels, healthy, _ = photographs[int(torch.randint(len(photographs), ()))]
        height, width = pixels.shape[1:]
        candidates = []
        for _ in range(CANDIDATES):  # the one with most healthy skin is taken
            side = size + int((min(height, width) - size + 1) * torch.rand(()) ** 2)
            top, left = (int(torch.randint(length - side + 1, ())) for length in (height, width))
            window = healthy[:, top : top + side : 4, left : left + side : 4]
            candidates.append((window.float().mean().item(), (top, left), side))
        _, corner, side = max(candidates)
        patches.append(_cut(pixels, healthy, corner, side, size))
    images, healthy = (torch.stack(part) for part in zip(*patches))
    return jitter_light(jitter_skin_tone(images)), healthy


def sample_lesions(lesions: Sequence[Photograph], batch: int, size: int) -> tuple[Tensor, Tensor]:
    """Random patches with a lesion, flipped, in varied light.

    Patches are cut around the lesion; without masks near the middle, where lesions are
    photographed.

    Args:
        lesions: the photographs.
        batch: number of patches.
        size: their side in pixels.

    Returns:
        images (B, 3, size, size) float in [0, 1] and masks of the lesions (B, 1, size, size) bool,
        all True where they are unknown.
    """
    patches = []
    for _ in range(batch):
        pixels, _, lesion = lesions[int(torch.randint(len(lesions), ()))]
        shape = pixels.shape[1:]
        if lesion is None:
            side = int(torch.empty(()).uniform_(0.4, 0.7) * min(shape))
            centre = [length // 2 for length in shape]
            lesion = torch.ones_like(pixels[:1], dtype=torch.bool)
        else:
            rows, columns = lesion[0].any(1).nonzero(), lesion[0].any(0).nonzero()
            extent = int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1
            side = int(torch.empty(()).uniform_(0.9, 1.8) * extent)
            centre = [int(part.float().mean()) for part in (rows, columns)]
        side = min(max(side, size // 2), *shape)
        shift = ((torch.rand(2) - 0.5) * 0.3 * side).tolist()
        corner = [
            min(max(0, int(place + by) - side // 2), length - side)
            for place, by, length in zip(centre, shift, shape)
        ]
        patches.append(_cut(pixels, lesion, corner, side, size))
    images, masks = (torch.stack(part) for part in zip(*patches))
    return jitter_light(images), masks


def _cut(
    pixels: Tensor, region: Tensor, corner: Sequence[int], side: int, size: int
) -> tuple[Tensor, Tensor]:
    """A window of a photograph, resized and flipped at random: (3, size, size) float in [0, 1], and
    the region in it."""
    top, left = corner
    window = (slice(None), slice(top, top + side), slice(left, left + side))
    mode = "area" if side >= size else "bilinear"
    image = F.interpolate(pixels[window][None].float() / 255, size=size, mode=mode)[0].clamp(0, 1)
    region = F.interpolate(region[window][None].float(), size=size, mode="nearest")[0] > 0.5
    return (image.flip(2), region.flip(2)) if torch.rand(()) < 0.5 else (image, region)


def jitter_skin_tone(images: Tensor) -> Tensor:
    """Skin of another tone: melanin is added or taken in optical density.

    The background keeps its colour, as it does in a photograph of darker skin.

    Args:
        images: (B, 3, H, W) float in [0, 1], on the CPU.
    """
    amount = torch.empty(len(images), 1, 1, 1).uniform_(-0.3, 1.3)
    melanin = images.new_tensor(MELANIN).view(1, 3, 1, 1) * amount
    soft = F.avg_pool2d(skin_region(images).float(), 5, 1, 2, count_include_pad=False)
    return from_density((to_density(images) + melanin * soft).clamp_min(0))


def jitter_light(images: Tensor) -> Tensor:
    """Another camera and lamp: contrast, exposure and a slight cast.

    Args:
        images: (B, 3, H, W) float in [0, 1], on the CPU.

    Returns:
        the same shape, in [1/255, 1].
    """
    exposure = torch.empty(len(images), 1, 1, 1).uniform_(0.8, 1.05)
    exposure = exposure * torch.empty(len(images), 3, 1, 1).uniform_(0.93, 1.05)
    gamma = torch.empty(len(images), 1, 1, 1).uniform_(0.8, 1.25)
    return (images**gamma * exposure).clamp(1 / 255, 1)


def normalize_skin(images: Tensor, masks: Tensor | None = None) -> Tensor:
    """Images as a discriminator sees them: optical density relative to the patch's healthy skin.

    Tone, light and camera are gone; what a lesion changes is left.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        masks: (B, 1, H, W) bool. The median of the density is taken outside them; everywhere where
            None, or where hardly anything is outside.

    Returns:
        (B, 3, H, W) in [-1, 1.4], in which healthy skin has the colour `MEAN_SKIN`.
    """
    density = to_density(images)
    healthy = density.flatten(2)
    if masks is not None:
        enough = (~masks).float().mean((1, 2, 3)) > 0.05
        healthy = healthy.masked_fill(masks.flatten(2) & enough.view(-1, 1, 1), math.nan)
    mean_skin = healthy.detach().nanmedian(dim=2).values[:, :, None, None]
    relative = torch.exp(mean_skin - density) * images.new_tensor(MEAN_SKIN).view(1, 3, 1, 1)
    return 2 * relative.clamp(max=1.2) - 1
