"""A set of images in memory, with masks, classes and skin tones: what training and the benchmarks
sample batches from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from synthderm.callers import warn_caller
from synthderm.datasets.folder import SkinFolder, find_splits
from synthderm.imaging.color import ita
from synthderm.imaging.io import to_tensor
from synthderm.imaging.masks import clear_windows, skin_region

# What the masks of a pool are; see `load_image_pool`.
Region = Literal["given", "skin", "close-up"]
# Orientations of an image that mean the same.
Flips = Literal["none", "horizontal", "all"]


@dataclass(frozen=True)
class ImagePool:
    """N square images on one device.

    Args:
        images: (N, 3, S, S) uint8.
        masks: (N, 1, S, S) uint8, 255 inside the region and 0 outside; grey on a border that was
            shrunk.
        labels: (N,) int64, indices into `classes`.
        skin_tones: (N,) float, ITA in degrees.
        classes: names of the classes.
        groups: for each image what must not be parted by a split, such as the patient; may be
            empty.
        names: for each image its file or id; may be empty.
        region: what the masks are, which says where skin is: in "given" it is outside of them.
    """

    images: Tensor
    masks: Tensor
    labels: Tensor
    skin_tones: Tensor
    classes: list[str]
    groups: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    region: Region = "given"

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "ImagePool":
        """The same pool on another device."""
        return replace(
            self,
            images=self.images.to(device),
            masks=self.masks.to(device),
            labels=self.labels.to(device),
            skin_tones=self.skin_tones.to(device),
        )

    def rows(self, index: Tensor | Sequence[int]) -> "ImagePool":
        """A part of the pool.

        Args:
            index: which images, in this order; (M,) integers, or a tensor of N bool.
        """
        index = torch.as_tensor(index, device=self.labels.device)
        index = index.nonzero()[:, 0] if index.dtype == torch.bool else index.long()
        chosen = index.tolist()
        return replace(
            self,
            images=self.images[index],
            masks=self.masks[index],
            labels=self.labels[index],
            skin_tones=self.skin_tones[index],
            groups=[self.groups[k] for k in chosen] if self.groups else [],
            names=[self.names[k] for k in chosen] if self.names else [],
        )

    def sample(
        self,
        batch: int,
        *,
        flips: Flips = "all",
        size: int | None = None,
        balance: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A random batch, from torch's global random state.

        Args:
            batch: number of images; one may come twice.
            flips: orientations that mean the same: "none", "horizontal", or "all" eight. Each image
                comes in one of them, at random.
            size: side in pixels, at most S; S where None.
            balance: every class equally often, instead of every image.

        Returns:
            images with their masks as fourth channel (B, 4, size, size) in [-1, 1], labels (B,),
            and skin tones (B,).
        """
        weights = torch.ones_like(self.skin_tones)
        if balance:
            counts = torch.bincount(self.labels, minlength=len(self.classes))
            weights = counts.float().reciprocal()[self.labels]
        index = torch.multinomial(weights, batch, replacement=True)
        x = orient(self.as_input(index), flips)
        if size not in (None, x.shape[-1]):
            x = F.interpolate(x, size=size, mode="area")
        x = x.contiguous(memory_format=torch.channels_last)
        return x, self.labels[index], self.skin_tones[index]

    def as_input(self, index: Tensor) -> Tensor:
        """Images with their masks as fourth channel, (M, 4, S, S) in [-1, 1], as a discriminator
        takes them.

        Args:
            index: (M,) int64, which images.
        """
        return torch.cat([self.images[index], self.masks[index]], dim=1).float() / 127.5 - 1

    def tone_quantiles(self) -> list[float]:
        """11 skin tones in degrees, at equal steps from the 1st to the 99th percentile: what a
        generator may be asked for."""
        steps = torch.linspace(0.01, 0.99, 11, device=self.skin_tones.device)
        return [round(tone, 2) for tone in self.skin_tones.quantile(steps).tolist()]


def orient(x: Tensor, flips: Flips) -> Tensor:
    """Each image of (B, C, S, S) in one of the orientations that mean the same, at random."""
    if flips != "none":
        x = torch.where(_coins(x), x.flip(3), x)
    if flips == "all":
        x = torch.where(_coins(x), x.flip(2), x)
        x = torch.where(_coins(x), x.transpose(2, 3), x)
    return x


def _coins(x: Tensor) -> Tensor:
    """A fair coin for each image: (B, 1, 1, 1) bool."""
    return torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5


def load_image_pool(data: str, split: str | None, size: int, region: Region = "given") -> ImagePool:
    """The photographs of a split, read as `SkinFolder` reads them.

    Args:
        data: the folder.
        split: as in `SkinFolder`; all where None.
        size: side in pixels; photographs are squeezed to a square.
        region: what the masks are. "given": the data set's own; photographs without one are left
            out. "skin": where `skin_region` finds skin. "close-up": instead of photographs, squares
            of healthy skin are cut from beside their lesions (`cut_close_ups`). They have masks
            that are all True and one class, "skin".

    Raises:
        ValueError, OSError: as `SkinFolder`; or no photograph has enough healthy skin beside its
            lesion.
    """
    folder = SkinFolder(data, split=split, return_mask=region != "skin")
    rows = []
    for index in tqdm(range(len(folder)), desc=f"read {split or 'all'}", disable=None):
        photograph, lesion, label = folder.read(index)
        for image, mask in _squares(photograph, lesion, size, region):
            rows.append((image, mask, torch.tensor(0 if region == "close-up" else label)))
    if not rows:
        raise ValueError(
            f"no photograph in {data} has a square of {size} px of healthy skin beside its lesion: "
            "try a smaller --size."
        )
    images, masks, labels = (torch.stack(part) for part in zip(*rows))
    tones = measure_skin_tones(images, masks, region)
    classes = ["skin"] if region == "close-up" else folder.classes
    return ImagePool(images, masks, labels, tones, classes, region=region)


def _squares(
    photograph: Image.Image, lesion: Image.Image | None, size: int, region: Region
) -> Iterator[tuple[Tensor, Tensor]]:
    """The images of a photograph and their masks: one, or those of its close-ups. Only where skin
    is looked for, a photograph may be without a lesion's mask."""
    if region == "close-up" and lesion is not None:
        everywhere = torch.full((1, size, size), 255, dtype=torch.uint8)
        for square in cut_close_ups(photograph, lesion, size):
            yield square, everywhere
        return
    image = to_tensor(photograph.resize((size, size), resample=3, reducing_gap=3))
    if region == "given" and lesion is not None:
        yield image, to_tensor(lesion.resize((size, size), resample=4))
    else:
        yield image, skin_region(image[None].float() / 255)[0].byte() * 255


def load_validation(data: str, size: int, region: Region = "given") -> ImagePool | None:
    """The `val` split, or None where there is none."""
    if "val" not in find_splits(data):
        return None
    return load_image_pool(data, "val", size, region)


def match_classes(train: ImagePool, val: ImagePool | None) -> tuple[ImagePool, ImagePool | None]:
    """Both pools with the classes that are trained on. A class that neither has a photograph of, as
    one of the test split alone, is left out with a warning.

    Raises:
        ValueError: `val` has a photograph of a class that `train` has none of, or other classes.
    """
    trained = set(train.labels.tolist())
    kept = [index for index in range(len(train.classes)) if index in trained]
    place = torch.zeros(len(train.classes), dtype=torch.int64)
    place[kept] = torch.arange(len(kept))

    def keep(pool: ImagePool) -> ImagePool:
        if pool.classes != train.classes:
            raise ValueError(
                f"train has the classes {', '.join(train.classes)} and val"
                f" {', '.join(pool.classes)}: both must have the same."
            )
        alone = [repr(pool.classes[label]) for label in sorted(set(pool.labels.tolist()) - trained)]
        if alone:
            raise ValueError(
                f"train has no photograph of {', '.join(alone)}, and val has: add some to train, or"
                " take the class out of val."
            )
        classes = [pool.classes[index] for index in kept]
        return replace(pool, labels=place[pool.labels], classes=classes)

    pools = keep(train), None if val is None else keep(val)
    left_out = [name for name in train.classes if name not in pools[0].classes]
    if left_out:
        warn_caller(f"{', '.join(left_out)}: not learnt, train and val have no photograph of it.")
    return pools


def cut_close_ups(image: Image.Image, mask: Image.Image, size: int) -> list[Tensor]:
    """Up to four squares of a photograph that show skin and no lesion, far from each other.

    They are cut at the photograph's own scale. A photograph whose shorter side is longer than 2.5
    times `size` is shrunk to that first.

    Args:
        image: RGB.
        mask: of the lesion, mode L; its border is left out as well.
        size: side of the squares in pixels.

    Returns:
        (3, size, size) uint8 each.
    """
    scale = max(size / min(image.size), min(1.0, 2.5 * size / min(image.size)))
    width, height = (max(size, round(side * scale)) for side in image.size)
    pixels = to_tensor(image.resize((width, height), resample=2))
    lesion = (to_tensor(mask.resize((width, height), resample=0)) > 0).float()
    widened = F.max_pool2d(lesion, 9, 1, 4)
    skin = skin_region(pixels[None].float() / 255)[0].float() * (1 - widened)
    stride = max(1, size // 8)
    corners = clear_windows(widened, skin, size, stride=stride, min_skin=0.98).nonzero() * stride
    chosen = corners[:1]
    while 0 < len(chosen) < 4:  # more would overlap
        distance = torch.cdist(corners.float(), chosen.float()).amin(1)
        if distance.max() < size / 2:
            break
        chosen = torch.cat([chosen, corners[distance.argmax()][None]])
    return [
        pixels[:, top : top + size, left : left + size].clone() for top, left in chosen.tolist()
    ]


def measure_skin_tones(images: Tensor, masks: Tensor, region: Region) -> Tensor:
    """ITA in degrees of the skin in each image; the median of the others where one shows none.

    Args:
        images, masks: as in `ImagePool`.
        region: "given": the skin is what lies outside the masks, else what lies inside.

    Returns:
        (N,) float.
    """
    parts = []
    for image, mask in zip(images.split(256), masks.split(256)):
        skin = mask <= 127 if region == "given" else mask > 127
        parts.append(ita(image.float() / 255, skin))
    tones = torch.cat(parts)
    return torch.where(tones.isnan(), tones.nanmedian(), tones).nan_to_num(0.0)
