"""Walks: what lies between two seeds, how severity grows, how a lesion spreads; as a strip or an
animated GIF."""

import os
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from synthderm.datasets.sources import one_thread
from synthderm.datasets.synthetic import item_seed
from synthderm.imaging.io import grid, to_pil, write_image
from synthderm.imaging.resize import enlarge
from synthderm.models.generator import SkinGenerator
from synthderm.transforms.functional import Edit, add_eczema

GRID = 128  # side on which distances are measured: exact there, interpolated on larger images


def slerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake, SIGGRAPH 1985): of normal latents it keeps the length that
    the generator knows, where a straight line would pass near the origin (White, arXiv 1609.04468).

    Args:
        start, end: (D,).
        t: (F,) in [0, 1].

    Returns:
        (F, D); a straight line where the ends point the same way, or opposite ways, where no arc is
        singled out.
    """
    t = t[:, None]
    angle = F.cosine_similarity(start, end, dim=0).clamp(-1, 1).acos()
    if angle.sin() < 1e-4:
        return (1 - t) * start + t * end
    return ((1 - t) * angle).sin() / angle.sin() * start + (t * angle).sin() / angle.sin() * end


@torch.no_grad()
def latent_walk(
    generator: SkinGenerator,
    seeds: list[int],
    labels: list[int],
    frames: int,
    size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Generated images from seed to seed, through the classes.

    A seed's own frame is item 0 of `SyntheticSkinDataset(..., seed=seed)` with its label. Between
    two of them the latents are interpolated spherically and the class's embedding linearly.

    Args:
        generator: frozen, on the CPU.
        seeds: at least one.
        labels: for each seed its class; the same for all keeps the class.
        frames: number of images, at least one; evenly spread over the whole way.
        size: S, side to scale them to; the generator's own where None.

    Returns:
        images (F, 3, S, S) float in [0, 1] and masks (F, 1, S, S) bool.

    Raises:
        ValueError: no seeds, a label too few or out of range, no frames.
    """
    if not seeds or len(labels) != len(seeds):
        raise ValueError(
            f"{len(seeds)} seeds and {len(labels)} labels: give at least one seed, and a label for"
            " each."
        )
    if not all(0 <= label < len(generator.classes) for label in labels):
        raise ValueError(f"labels {labels} are not all in [0, {len(generator.classes) - 1}].")
    at = _steps(frames, len(seeds) - 1)
    latents = [
        torch.randn(
            generator.latent_dim, generator=torch.Generator().manual_seed(item_seed(seed, 0))
        )
        for seed in seeds
    ]
    codes = []
    for place in at:
        k = min(int(place), max(0, len(seeds) - 2))
        after, t = min(k + 1, len(seeds) - 1), place - k
        embedding = torch.lerp(*generator.embedding(torch.tensor([labels[k], labels[after]])), t)
        codes.append(
            slerp(latents[k], latents[after], t[None])[0]
            + F.pad(embedding, (0, generator.noise**2))
        )
    with one_thread():
        # The class is in the code already: condition 0 adds no other.
        output = generator(
            torch.stack(codes), torch.zeros(len(codes), dtype=torch.int64), condition=0.0
        ).float()
    if size is not None and size != generator.size:
        output = F.interpolate(
            output, size=size, mode="bilinear", align_corners=False, antialias=True
        )
    return ((output[:, :3] + 1) / 2).clamp(0, 1), output[:, 3:] > 0


def severity_walk(image: Tensor, mask: Tensor, frames: int, *, seed: int = 0, **options) -> Edit:
    """One lesion on one image, from severity 0 to 1.

    Args:
        image: (3, H, W), uint8 or float in [0, 1].
        mask: (1, H, W) bool.
        frames: number of images, at least one.
        seed, options: which lesion, as for `add_eczema`.

    Returns:
        an `Edit` of F images.
    """
    return _stack(
        [
            add_eczema(image, mask, float(severity), seed=seed, **options)
            for severity in _steps(frames, 1)
        ]
    )


def growth_walk(
    image: Tensor, mask: Tensor, frames: int, severity: float = 0.7, *, seed: int = 0, **options
) -> Edit:
    """One lesion that spreads from its inmost point to the whole of a mask.

    Args:
        image, mask, frames, seed, options: as for `severity_walk`.
        severity: of all the images, in [0, 1].

    Returns:
        an `Edit` of F images; no mask loses a pixel of the one before.
    """
    return _stack(
        [add_eczema(image, step, severity, seed=seed, **options) for step in grow(mask, frames)]
    )


def grow(mask: Tensor, frames: int) -> Tensor:
    """A mask from nothing to itself: its signed distance cut at heights from the largest to none,
    at even steps.

    Args:
        mask: (1, H, W) bool.
        frames: F, at least one.

    Returns:
        (F, 1, H, W) bool.
    """
    distance = signed_distance(mask)
    steps = []
    for t in _steps(frames, 1):
        steps.append(mask if t >= 1 else mask & (distance > (1 - t) * distance.amax().clamp_min(0)))
    return torch.stack(steps)


def signed_distance(mask: Tensor) -> Tensor:
    """Distance to the mask's border: positive inside, negative outside, in pixels.

    Euclidean from pixel centre to the nearest centre on the other side, less half a pixel, which is
    where the border lies; all outside the picture counts as outside the mask. Exact up to 128 px:
    the nearest of each row first, then the nearest row (Saito and Toriwaki, Pattern Recognition
    27(11), 1994). A larger mask is sampled at 128 px and the distance enlarged.

    Args:
        mask: (1, H, W) bool, not empty pictures.

    Returns:
        (1, H, W) float; where nothing is inside, all is at least as far as the picture is wide.
    """
    height, width = mask.shape[-2:]
    small = mask.float()[None]
    scale = max(1.0, max(height, width) / GRID)
    if scale > 1:
        small = F.interpolate(
            small, size=(max(1, round(height / scale)), max(1, round(width / scale))), mode="area"
        )
    inside = F.pad(small[0, 0] > 0.5, (1, 1, 1, 1))
    distance = (
        torch.where(inside, _distance_to(~inside) - 0.5, 0.5 - _distance_to(inside))[1:-1, 1:-1]
        * scale
    )
    return enlarge(distance, height, width)[None]


def _distance_to(target: Tensor) -> Tensor:
    """(H, W) bool to the distance of each pixel from the nearest True one; `H + W` where there is
    none."""
    height, width = target.shape
    rows, columns = torch.arange(height).float(), torch.arange(width).float()
    far = float(height + width) ** 2
    across = torch.where(target[:, None, :], (columns[:, None] - columns[None, :]) ** 2, far).amin(
        2
    )  # nearest in its own row
    return (
        ((rows[:, None] - rows[None, :]).square()[:, :, None] + across[None])
        .amin(1)
        .clamp_max(far)
        .sqrt()
    )


def _steps(frames: int, end: float) -> Tensor:
    if frames < 1:
        raise ValueError(f"frames={frames}: a walk has at least one.")
    return torch.linspace(0, end, frames) if frames > 1 else torch.tensor([float(end)])


def _stack(edits: list[Edit]) -> Edit:
    return Edit(*(torch.stack(parts) for parts in zip(*edits)))


def write_walk(images: Tensor, path: str | os.PathLike, seconds: float = 3.0) -> None:
    """A walk as a file: one row of pictures, or, where the name ends in .gif, an animation that
    goes there and back without end.

    Args:
        images: (F, 3, H, W), uint8 or float in [0, 1].
        path: a name with the suffix of a picture.
        seconds: the way there, for a GIF.
    """
    if Path(path).suffix.lower() != ".gif":
        write_image(to_pil(grid(images, len(images))), path)
        return
    pictures = [to_pil(image) for image in images]
    # One palette for all frames, or a still background would flicker.
    palette = to_pil(grid(images, len(images), gap=0)).quantize(256, Image.Quantize.MEDIANCUT)
    pictures = [
        picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        for picture in pictures
    ]
    pause = max(20, round(1000 * seconds / len(pictures)))
    write_image(
        pictures[0],
        path,
        save_all=True,
        append_images=pictures[1:] + pictures[-2:0:-1],
        duration=pause,
        loop=0,
    )
