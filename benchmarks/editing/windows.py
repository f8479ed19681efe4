"""The images of the editing benchmark: windows of photographs with and without a lesion, hands, and
skin of other tones.

Every window has the same side in the photograph's own pixels, so that neither scale nor sharpness
tells healthy from inflamed skin.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.datasets.folder import SkinFolder
from synthderm.imaging.color import MELANIN, from_density, ita, to_density
from synthderm.imaging.io import to_tensor
from synthderm.imaging.masks import clear_windows, skin_region
from synthderm.training.image_pool import ImagePool

SIDE = 112
STEP = 4  # pixels from one window to the next that are compared
# Actinic keratosis, basal and squamous cell carcinoma: red, scaling or crusted.
INFLAMED = ("ACK", "BCC", "SCC")
CLASSES = ["healthy", "inflamed"]
SHARE = (0.25, 0.75)  # of its window that a lesion covers
# ITA in degrees (Chardon et al. 1991) of light, tan and dark skin: what an image is shifted to, and
# the range in which it is kept.
TONES = {"light": (50.0, 41.0, 90.0), "tan": (19.0, 10.0, 28.0), "dark": (-42.0, -90.0, -30.0)}

Cut = tuple[Tensor, Tensor, str]  # image, mask and patient of a window


def cut_windows(
    data: str, splits: tuple[str, ...], rng: torch.Generator, side: int = SIDE
) -> tuple[ImagePool, ImagePool]:
    """Up to two random windows of healthy skin from each photograph, and one on each inflamed
    lesion that has a mask.

    A healthy window is 4 pixels away from the lesion at least, and 90% skin. A lesion's window is
    random among those that it covers by 25 to 75%; where there is none, the one that comes closest.

    Args:
        data: folder of photographs with lesion masks.
        splits: of the folder.
        rng: random state.
        side: of the windows in pixels.

    Returns:
        healthy and inflamed windows, whose `groups` are patients.

    Raises:
        ValueError: a photograph is smaller than a window, or as `SkinFolder`.
    """
    healthy: list[Cut] = []
    inflamed: list[Cut] = []
    for split in splits:
        folder = SkinFolder(data, split=split, return_mask=True)
        for index in range(len(folder)):
            photograph, lesion, label = folder.read(index)
            if min(photograph.size) < side:
                width, height = photograph.size
                raise ValueError(
                    f"{folder.samples[index][0]} is {width} x {height} pixels, smaller than a "
                    f"window of {side}: leave it out."
                )
            if lesion is None:
                continue
            image, mask = to_tensor(photograph), (to_tensor(lesion) > 0).float()
            if not mask.any():
                continue
            patient = folder.groups[index] or folder.samples[index][0]
            if folder.classes[label] in INFLAMED:
                corner = place_on_lesion(mask, side, rng)
                inflamed.append((*_cut(image, mask, corner, side), patient))
            for corner in place_beside_lesion(image, mask, side, rng):
                healthy.append((*_cut(image, torch.zeros_like(mask), corner, side), patient))
    return _pool(healthy, 0), _pool(inflamed, 1)


def place_on_lesion(mask: Tensor, side: int, rng: torch.Generator) -> tuple[int, int]:
    """The top left corner of a random window that a lesion covers by a quarter to three quarters,
    or by as near to a half as there is.

    Args:
        mask: (1, H, W) float, 0 or 1.
        side: of the window in pixels.
        rng: random state.
    """
    share = F.avg_pool2d(F.avg_pool2d(mask, STEP), side // STEP, 1)[0]
    wanted = (share >= SHARE[0]) & (share <= SHARE[1])
    if not wanted.any():
        distance = (share - sum(SHARE) / 2).abs()
        wanted = distance == distance.min()
    return _pick(wanted, rng)


def place_beside_lesion(
    image: Tensor, mask: Tensor, side: int, rng: torch.Generator
) -> list[tuple[int, int]]:
    """The top left corners of up to two random windows of healthy skin; they overlap by half at
    most.

    Args:
        image: (3, H, W) uint8.
        mask: (1, H, W) float, 0 or 1, of the lesion.
        side: of the windows in pixels.
        rng: random state.
    """
    near = F.max_pool2d(F.max_pool2d(mask, STEP), 3, 1, 1)
    skin = skin_region(F.avg_pool2d(image[None].float() / 255, STEP))[0].float()
    free = clear_windows(near, skin, side // STEP)
    corners: list[tuple[int, int]] = []
    apart = side // (2 * STEP)
    while len(corners) < 2 and free.any():
        top, left = _pick(free, rng)
        corners.append((top, left))
        row, column = top // STEP, left // STEP
        rows = slice(max(0, row - apart), row + apart + 1)
        free[rows, max(0, column - apart) : column + apart + 1] = False
    return corners


def _pick(where: Tensor, rng: torch.Generator) -> tuple[int, int]:
    """A random True of an (H, W) grid, as pixels of the photograph."""
    places = where.nonzero()
    top, left = places[torch.randint(len(places), (), generator=rng)].tolist()
    return STEP * top, STEP * left


def _cut(image: Tensor, mask: Tensor, corner: tuple[int, int], side: int) -> tuple[Tensor, Tensor]:
    top, left = corner
    window = (slice(None), slice(top, top + side), slice(left, left + side))
    return image[window], mask[window] > 0


def _pool(cuts: list[Cut], label: int) -> ImagePool:
    if not cuts:
        raise ValueError(
            "no photograph with a mask shows both an inflamed lesion and healthy skin beside "
            "lesions."
        )
    images, masks, patients = zip(*cuts)
    return ImagePool(
        torch.stack(images),
        torch.stack(masks).byte() * 255,
        torch.full((len(cuts),), label),
        torch.zeros(len(cuts)),
        CLASSES,
        groups=list(patients),
    )


def lend_masks(healthy: ImagePool, lesions: ImagePool, rng: torch.Generator) -> Tensor:
    """For each healthy window the mask of a lesion of another patient, mirrored at random: (N, 1,
    SIDE, SIDE) bool."""
    masks = []
    for patient in healthy.groups:
        others = [k for k, name in enumerate(lesions.groups) if name != patient]
        mask = lesions.masks[others[int(torch.randint(len(others), (), generator=rng))]] > 127
        masks.append(mask.flip(2) if torch.rand((), generator=rng) < 0.5 else mask)
    return torch.stack(masks)


def read_hands(data: str, count: int, split: str = "test", side: int = SIDE) -> Tensor:
    """`count` hands, evenly spaced over the split: (N, 3, side, side) uint8."""
    folder = SkinFolder(data, split=split)
    chosen = torch.linspace(0, len(folder) - 1, min(count, len(folder))).long().unique().tolist()
    hands = (folder.read(index)[0].resize((side, side), resample=3) for index in chosen)
    return torch.stack([to_tensor(hand) for hand in hands])


def shift_tone(images: Tensor, target: float) -> tuple[Tensor, Tensor]:
    """Skin shifted to another tone by adding or removing melanin in optical density, as far as it
    goes. The background keeps its color, as in `lesion_patches.jitter_skin_tone`.

    Args:
        images: (N, 3, H, W) uint8.
        target: ITA in degrees.

    Returns:
        (N, 3, H, W) uint8, and the ITA reached, (N,).
    """
    pixels = images.float() / 255
    skin = skin_region(pixels)
    soft = F.avg_pool2d(skin.float(), 5, 1, 2, count_include_pad=False)
    melanin = pixels.new_tensor(MELANIN).view(1, 3, 1, 1) * soft

    def shift(amount: Tensor) -> Tensor:
        density = to_density(pixels) + amount.view(-1, 1, 1, 1) * melanin
        return from_density(density.clamp_min(0))

    amount = find_melanin(lambda amount: ita(shift(amount), skin), len(images), target)
    shifted = shift(amount)
    return (shifted * 255).round().to(torch.uint8), ita(shifted, skin)


def find_melanin(tone_of: Callable[[Tensor], Tensor], count: int, target: float | Tensor) -> Tensor:
    """How much melanin gives skin a tone, (N,) in [-1, 2.5] in optical density; halved ten times,
    since ITA falls as melanin rises.

    Args:
        tone_of: from the amounts (N,) to the ITA of each image, (N,) in degrees.
        count: N.
        target: ITA in degrees, of all or (N,).
    """
    low, high = torch.full((count,), -1.0), torch.full((count,), 2.5)
    for _ in range(10):
        middle = (low + high) / 2
        is_lighter = tone_of(middle) > target
        low, high = torch.where(is_lighter, middle, low), torch.where(is_lighter, high, middle)
    return (low + high) / 2
