"""What the editing benchmark looks at: windows of photographs with and without a lesion, hands, and
skin of other tones.

Every window has the same side in the photograph's own pixels, so that neither scale nor sharpness
tells healthy from sick.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.datasets.folder import SkinFolder
from synthderm.imaging.color import MELANIN, from_density, ita, to_density
from synthderm.imaging.io import to_tensor
from synthderm.imaging.masks import skin_region

SIDE = 112
INFLAMED = (
    "ACK",
    "BCC",
    "SCC",
)  # actinic keratosis, basal and squamous cell carcinoma: red, scaling or crusted
SHARE = (0.25, 0.75)  # how much of its window a lesion covers
# ITA in degrees (Chardon et al. 1991): light and very light; tan; dark. What an image is shifted
# to, and what is kept.
TONES = {"light": (50.0, 41.0, 90.0), "tan": (19.0, 10.0, 28.0), "dark": (-42.0, -90.0, -30.0)}


class Patches(NamedTuple):
    """(N, 3, SIDE, SIDE) uint8, lesion masks (N, 1, SIDE, SIDE) bool (False where healthy), and N
    patients."""

    images: Tensor
    masks: Tensor
    patients: list[str]

    def take(self, index: list[int]) -> "Patches":
        return Patches(self.images[index], self.masks[index], [self.patients[k] for k in index])


def windows(
    data: str, splits: tuple[str, ...], rng: torch.Generator, side: int = SIDE
) -> tuple[Patches, Patches]:
    """Up to two random windows of healthy skin from each photograph, and one on each inflamed
    lesion that has a mask.

    A healthy window is 4 pixels away from the lesion at least, and 90% skin. A lesion's window is
    random among those that it covers by 25 to 75%; where there is none, the one that comes closest.

    Raises:
        ValueError: a photograph smaller than a window, or as `SkinFolder`.
    """
    healthy, inflamed = [], []
    for split in splits:
        folder = SkinFolder(data, split=split, return_mask=True)
        for index in range(len(folder)):
            photograph, lesion, label = folder.read(index)
            if min(photograph.size) < side:
                raise ValueError(
                    f"{folder.samples[index][0]} is {photograph.size[0]} x {photograph.size[1]}"
                    f" pixels, smaller than a window of {side}."
                )
            image, mask = to_tensor(photograph), (to_tensor(lesion) > 0).float()
            if not mask.any():
                continue
            patient = folder.groups[index] or str(folder.samples[index][0])
            # Places are compared every 4 pixels.
            share = F.avg_pool2d(F.avg_pool2d(mask, 4), side // 4, 1)[0]
            if folder.classes[label] in INFLAMED:
                wanted, off = (
                    (share >= SHARE[0]) & (share <= SHARE[1]),
                    (share - sum(SHARE) / 2).abs(),
                )
                place = _pick(wanted if wanted.any() else off == off.min(), rng)
                inflamed.append((_cut(image, mask, place, side), patient))
            near = F.max_pool2d(F.max_pool2d(mask, 4), 3, 1, 1)
            skin = skin_region(F.avg_pool2d(image[None].float() / 255, 4))[0].float()
            free = (F.max_pool2d(near, side // 4, 1)[0] == 0) & (
                F.avg_pool2d(skin, side // 4, 1)[0] > 0.9
            )
            for _ in range(2):
                if not free.any():
                    break
                top, left = _pick(free, rng)
                healthy.append((_cut(image, torch.zeros_like(mask), (top, left), side), patient))
                apart = side // 8  # the second window overlaps the first by half at most
                free[
                    max(0, top // 4 - apart) : top // 4 + apart + 1,
                    max(0, left // 4 - apart) : left // 4 + apart + 1,
                ] = False
    return _stack(healthy), _stack(inflamed)


def _pick(where: Tensor, rng: torch.Generator) -> tuple[int, int]:
    places = where.nonzero()
    top, left = places[torch.randint(len(places), (), generator=rng)].tolist()
    return 4 * top, 4 * left


def _cut(image: Tensor, mask: Tensor, corner: tuple[int, int], side: int) -> tuple[Tensor, Tensor]:
    window = (slice(None), slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
    return image[window], mask[window] > 0


def _stack(found: list) -> Patches:
    if not found:
        raise ValueError(
            "no photograph with a mask shows both an inflamed lesion and healthy skin beside"
            " lesions."
        )
    return Patches(
        torch.stack([cut[0] for cut, _ in found]),
        torch.stack([cut[1] for cut, _ in found]),
        [patient for _, patient in found],
    )


def lend_masks(healthy: Patches, lesions: Patches, rng: torch.Generator) -> Tensor:
    """For each healthy window the mask of a lesion of another patient, mirrored at random: (N, 1,
    SIDE, SIDE) bool."""
    masks = []
    for patient in healthy.patients:
        others = [k for k, name in enumerate(lesions.patients) if name != patient]
        mask = lesions.masks[others[int(torch.randint(len(others), (), generator=rng))]]
        masks.append(mask.flip(2) if torch.rand((), generator=rng) < 0.5 else mask)
    return torch.stack(masks)


def read_hands(data: str, count: int, split: str = "test", side: int = SIDE) -> Tensor:
    """`count` hands, evenly spaced over the split, (N, 3, side, side) uint8."""
    folder = SkinFolder(data, split=split)
    chosen = torch.linspace(0, len(folder) - 1, min(count, len(folder))).long().unique().tolist()
    return torch.stack(
        [to_tensor(folder.read(k)[0].resize((side, side), resample=3)) for k in chosen]
    )


def at_tone(images: Tensor, target: float) -> tuple[Tensor, Tensor]:
    """Skin shifted to an ITA of `target` degrees by adding or taking melanin in optical density, as
    far as it goes; the background keeps its colour, as in
    `synthderm.training.lesion_patches.vary_tone`. Gives (N, 3, H, W) uint8 and the ITA reached,
    (N,)."""
    images = images.float() / 255
    skin = skin_region(images)
    soft = F.avg_pool2d(skin.float(), 5, 1, 2, count_include_pad=False)
    melanin = images.new_tensor(MELANIN).view(1, 3, 1, 1) * soft
    shift = lambda amount: from_density(
        (to_density(images) + amount.view(-1, 1, 1, 1) * melanin).clamp_min(0)
    )  # noqa: E731
    low, high = torch.full((len(images),), -1.0), torch.full((len(images),), 2.5)
    for _ in range(10):  # halving, since ITA falls as melanin rises
        middle = (low + high) / 2
        lighter = ita(shift(middle), skin) > target
        low, high = torch.where(lighter, middle, low), torch.where(lighter, high, middle)
    shifted = shift((low + high) / 2)
    return (shifted * 255).round().to(torch.uint8), ita(shifted, skin)
