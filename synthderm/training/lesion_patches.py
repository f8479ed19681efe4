"""Square patches of skin for training the editor: healthy ones, and ones with a lesion, in varied
tone and light."""

import math
import sys
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

MEAN_SKIN = (0.78, 0.60, 0.50)


class Photograph(NamedTuple):
    """(3, h, w) uint8, (1, h, w) bool where it shows healthy skin, and (1, h, w) bool where it
    shows the lesion, if known."""

    pixels: Tensor
    healthy: Tensor
    lesion: Tensor | None


def load_skin(data: str, size: int) -> list[Photograph]:
    """The training photographs of a folder that show healthy skin, their shorter side up to 2.5
    times `size` long. Where there are masks, skin is healthy beside the lesion.

    Raises:
        ValueError: none of them does; or as `SkinFolder`.
    """
    folder = SkinFolder(data, split=training_split(data))
    skin = [
        _read(folder, index, size)
        for index in tqdm(
            range(len(folder)), desc=f"read {Path(data).name}", file=sys.stderr, disable=None
        )
    ]
    skin = [photograph for photograph in skin if photograph.healthy.float().mean() > 0.1]
    if not skin:
        raise ValueError(f"no photograph in {data} shows enough healthy skin to draw on.")
    return skin


def load_lesions(
    data: str, labels: Sequence[str] | None, size: int, masks: bool
) -> list[Photograph]:
    """The training photographs of inflamed skin in a folder.

    Args:
        labels: their classes; all where None.
        masks: whether each must have its mask.

    Raises:
        ValueError: an unknown class, a photograph smaller than `size`, or a mask that covers
            nothing or nearly all, with the file's name; or as `SkinFolder`.
    """
    folder = SkinFolder(data, split=training_split(data), return_mask=masks)
    unknown = sorted(set(labels or ()) - set(folder.classes))
    if unknown:
        raise ValueError(
            f"{data} has no class {unknown[0]!r}; it has: {', '.join(folder.classes)}."
        )
    wanted = [
        index
        for index, target in enumerate(folder.targets)
        if not labels or folder.classes[target] in labels
    ]
    if not wanted:
        raise ValueError(
            f"{data} has no photograph of {', '.join(labels or folder.classes)} to train on."
        )
    lesions = []
    for index in tqdm(wanted, desc=f"read {Path(data).name}", file=sys.stderr, disable=None):
        photograph, path = _read(folder, index, size), folder.samples[index][0]
        share = 0.5 if photograph.lesion is None else photograph.lesion.float().mean().item()
        if not 0 < share < 0.98:
            raise ValueError(
                f"the mask of {path} covers {'nothing' if share == 0 else f'{share:.0%} of it'}: it"
                " cannot say where the lesion is."
            )
        lesions.append(photograph)
    return lesions


def _read(folder: SkinFolder, index: int, size: int) -> Photograph:
    image, lesion, _ = folder.read(index)
    if min(image.size) < size // 2:
        raise ValueError(
            f"{folder.samples[index][0]} is {image.size[0]} x {image.size[1]} pixels, less than"
            f" half a patch ({size}): choose a smaller --size."
        )
    scale = (
        min(1.0, 2.5 * size / min(image.size)) if min(image.size) > size else size / min(image.size)
    )
    shape = tuple(math.ceil(side * scale) for side in image.size)
    pixels = to_tensor(image.resize(shape, resample=2))
    healthy = skin_region(pixels[None].float() / 255)[0]
    if lesion is None:
        return Photograph(pixels, healthy, None)
    inside = to_tensor(lesion.resize(shape, resample=0)) > 0
    return Photograph(
        pixels, healthy & (F.max_pool2d(inside.float()[None], 9, 1, 4)[0] == 0), inside
    )


def draw_healthy(skin: list[list[Photograph]], batch: int, size: int) -> tuple[Tensor, Tensor]:
    """Random patches, from every folder equally often, flipped, of varied skin tone and light: (B,
    3, size, size) in [0, 1], and where they are healthy, (B, 1, size, size) bool."""
    drawn = []
    for _ in range(batch):
        photographs = skin[torch.randint(len(skin), ())]
        pixels, healthy, _ = photographs[torch.randint(len(photographs), ())]
        tries = []
        for _ in range(8):  # the one that shows most healthy skin
            side = size + int((min(pixels.shape[1:]) - size + 1) * torch.rand(()) ** 2)
            top, left = (int(torch.randint(length - side + 1, ())) for length in pixels.shape[1:])
            tries.append(
                (
                    healthy[:, top : top + side : 4, left : left + side : 4].float().mean().item(),
                    (top, left),
                    side,
                )
            )
        _, corner, side = max(tries)
        drawn.append(_cut(pixels, healthy, corner, side, size))
    images, allowed = (torch.stack(part) for part in zip(*drawn))
    return vary_light(vary_tone(images)), allowed


def draw_lesions(lesions: list[Photograph], batch: int, size: int) -> tuple[Tensor, Tensor]:
    """Random patches with a lesion, flipped, of varied light: (B, 3, size, size) in [0, 1], and its
    mask, (B, 1, size, size) bool. Without masks patches are cut near the middle, where lesions are
    photographed, and the mask is all True."""
    drawn = []
    for _ in range(batch):
        pixels, _, lesion = lesions[torch.randint(len(lesions), ())]
        height, width = pixels.shape[1:]
        if lesion is None:
            side, centre = (
                int(torch.empty(()).uniform_(0.4, 0.7) * min(height, width)),
                [height // 2, width // 2],
            )
        else:
            rows, columns = lesion[0].any(1).nonzero(), lesion[0].any(0).nonzero()
            extent = max(rows[-1] - rows[0], columns[-1] - columns[0]).item() + 1
            side = int(torch.empty(()).uniform_(0.9, 1.8) * extent)
            centre = [int(part.float().mean()) for part in (rows, columns)]
        side = min(max(side, size // 2), height, width)
        shift = (torch.rand(2) - 0.5) * 0.3 * side
        corner = [
            min(max(0, int(c + d) - side // 2), length - side)
            for c, d, length in zip(centre, shift.tolist(), (height, width))
        ]
        drawn.append(
            _cut(
                pixels,
                torch.ones_like(pixels[:1], dtype=torch.bool) if lesion is None else lesion,
                corner,
                side,
                size,
            )
        )
    images, inside = (torch.stack(part) for part in zip(*drawn))
    return vary_light(images), inside


def _cut(
    pixels: Tensor, region: Tensor, corner: Sequence[int], side: int, size: int
) -> tuple[Tensor, Tensor]:
    window = (slice(None), slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
    mode = "area" if side >= size else "bilinear"
    image = F.interpolate(pixels[window][None].float() / 255, size=size, mode=mode)[0].clamp(0, 1)
    region = F.interpolate(region[window][None].float(), size=size, mode="nearest")[0] > 0.5
    return (image.flip(2), region.flip(2)) if torch.rand(()) < 0.5 else (image, region)


def vary_tone(images: Tensor) -> Tensor:
    """Skin of another tone: melanin added or taken in optical density. The background keeps its
    colour, as it does in a photograph of darker skin."""
    melanin = images.new_tensor(MELANIN).view(1, 3, 1, 1) * torch.empty(
        len(images), 1, 1, 1
    ).uniform_(-0.3, 1.3)
    soft = F.avg_pool2d(skin_region(images).float(), 5, 1, 2, count_include_pad=False)
    return from_density((to_density(images) + melanin * soft).clamp_min(0))


def vary_light(images: Tensor) -> Tensor:
    """Another camera and lamp: contrast, exposure, a slight cast; (B, 3, H, W) in [1/255, 1]."""
    exposure = torch.empty(len(images), 1, 1, 1).uniform_(0.8, 1.05) * torch.empty(
        len(images), 3, 1, 1
    ).uniform_(0.93, 1.05)
    return (images ** torch.empty(len(images), 1, 1, 1).uniform_(0.8, 1.25) * exposure).clamp(
        1 / 255, 1
    )


def against_own_skin(images: Tensor, mask: Tensor | None = None) -> Tensor:
    """What a discriminator sees: optical density against the median of the patch's own skin,
    outside the mask where there is one, as an image in [-1, 1.4] of mean skin. Tone, light and
    camera are gone; what a lesion changes is left."""
    density = to_density(images)
    counted = density.flatten(2)
    if mask is not None:
        enough = (~mask).float().mean((1, 2, 3)) > 0.05
        counted = counted.masked_fill(mask.flatten(2) & enough.view(-1, 1, 1), math.nan)
    own = counted.detach().nanmedian(dim=2).values[:, :, None, None]
    relative = torch.exp(own - density) * images.new_tensor(MEAN_SKIN).view(1, 3, 1, 1)
    return 2 * relative.clamp(max=1.2) - 1
