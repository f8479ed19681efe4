"""`synthderm walk`: what lies between two seeds, how severity grows, how a lesion spreads; as a
strip of pictures or an animated GIF."""

import argparse
import os
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from synthderm.cli.interpolation import even_steps, grow, slerp
from synthderm.cli.origins import origin_of_data, origin_of_edit, origin_of_file
from synthderm.cli.outputs import check_outputs
from synthderm.datasets.seeds import item_seed
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.determinism import one_thread
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.imaging.io import check_suffix, read_image, read_mask, to_pil, to_tensor, write_image
from synthderm.imaging.provenance import Provenance
from synthderm.models.cache import load_generator
from synthderm.models.generator import SkinGenerator
from synthderm.transforms.functional import Edit, add_eczema, random_mask

LONGEST = 655  # seconds that a GIF can show a picture


def run(args: argparse.Namespace) -> None:
    """Make the walk and write it."""
    check_suffix(args.out)
    check_outputs([path for path in (args.image, args.mask) if path], [args.out])
    images, masks, origin = _latent_walk(args) if args.kind == "latent" else _edit_walk(args)
    seconds = 3.0 if args.seconds is None else args.seconds
    shown = outline(images, masks) if args.outline else images
    write_walk(shown, args.out, seconds, provenance=origin)
    print(f"{args.out}: {args.kind}, {len(images)} pictures")


def _latent_walk(args: argparse.Namespace) -> tuple[Tensor, Tensor, Provenance]:
    source, seeds = args.source or "lesions", args.seeds or [1, 2]
    data = SyntheticSkinDataset(
        source, length=len(seeds), labels=args.labels or [0], skin_tone=args.skin_tone
    )
    images, masks = latent_walk(
        load_generator(source),
        seeds,
        data.targets,
        args.frames,
        size=args.size,
        skin_tone=args.skin_tone,
    )
    seed = seeds[0] if len(set(seeds)) == 1 else None  # of several, no one made the picture
    return images, masks, origin_of_data(data)._replace(seed=seed)


def _edit_walk(args: argparse.Namespace) -> tuple[Tensor, Tensor, Provenance | None]:
    seed, mask = (args.seeds or [1])[0], None
    if args.image:
        photograph, original = read_image(args.image), origin_of_file(args.image)
        image = to_tensor(photograph)
        if args.mask:
            mask = to_tensor(read_mask(args.mask, photograph.size)) > 0
    else:
        source, labels = args.source or "hands", args.labels or [0]
        artifacts = args.artifacts or {}  # unless asked for: they would be inflamed with the skin
        data = SyntheticSkinDataset(
            source, length=1, labels=labels, seed=seed, size=args.size, artifacts=artifacts
        )
        image, original = data.generate([0])[0][0], origin_of_data(data)
    if mask is None:
        mask = random_mask(image, 0.4 if args.coverage is None else args.coverage, seed=seed)
    if not mask.any():
        reason = f"mask {args.mask} is empty" if args.mask else f"{args.image} shows no skin"
        raise ValueError(f"{reason}: there is nothing to edit; say where with --mask.")
    options = {"seed": seed, "model": args.model or "eczema"}
    if args.kind == "severity":
        walk = severity_walk(image, mask, args.frames, **options)
    else:
        severity = 0.8 if args.severity is None else args.severity
        walk = growth_walk(image, mask, args.frames, severity, **options)
    if not torch.equal(walk.images, image.expand_as(walk.images)):
        original = origin_of_edit(options["model"], seed, original)
    return walk.images.float() / 255, walk.masks, original


@torch.no_grad()
def latent_walk(
    generator: SkinGenerator,
    seeds: list[int],
    labels: list[int],
    frames: int,
    *,
    size: int | None = None,
    skin_tone: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Generated images from seed to seed, through classes and skin tones.

    A seed's frame is item 0 of `SyntheticSkinDataset(..., seed=seed, artifacts={})` with its label.
    Between two of them the latents are interpolated spherically, the class's embedding and the skin
    tone linearly.

    Args:
        generator: frozen, on the CPU.
        seeds: at least one.
        labels: the class of each seed.
        frames: number of images, at least one; evenly spread over the whole way.
        size: S, side to scale them to; the generator's own where None.
        skin_tone: of all images, ITA in degrees; where None each seed has its own. For a generator
            with an input for the skin tone.

    Returns:
        images (F, 3, S, S) float in [0, 1] and masks (F, 1, S, S) bool.

    Raises:
        ValueError: no seeds, a label too few or out of range, no frames, no pixels.
    """
    if not seeds or len(labels) != len(seeds):
        raise ValueError(
            f"{len(seeds)} seeds and {len(labels)} labels: give at least one seed, and a label for "
            "each."
        )
    if not all(0 <= label < len(generator.classes) for label in labels):
        raise ValueError(f"labels {labels} are not all in [0, {len(generator.classes) - 1}].")
    if size is not None and size < 1:
        raise ValueError(f"size={size}: a picture has at least one pixel.")
    bounds = None if skin_tone is None else (skin_tone, skin_tone)
    latents, embeddings = [], []
    for seed, label in zip(seeds, labels):
        rng = torch.Generator().manual_seed(item_seed(seed, 0))
        latents.append(torch.randn(generator.latent_dim, generator=rng))
        has_tone = generator.tones is not None
        tone = generator.sample_skin_tone(rng, bounds)[None] if has_tone else None
        embeddings.append(generator.embed(torch.tensor([label]), tone)[0])
    codes = []
    for place in even_steps(frames, len(seeds) - 1):
        k = min(int(place), max(0, len(seeds) - 2))
        after, t = min(k + 1, len(seeds) - 1), place - k
        embedding = torch.lerp(embeddings[k], embeddings[after], t)
        code = slerp(latents[k], latents[after], t[None])[0]
        codes.append(code + F.pad(embedding, (0, generator.noise**2)))
    with one_thread():
        output = generator.from_codes(torch.stack(codes)).float()
    if size is not None and size != generator.size:
        output = F.interpolate(
            output, size=size, mode="bilinear", align_corners=False, antialias=True
        )
    return ((output[:, :3] + 1) / 2).clamp(0, 1), output[:, 3:] > 0


def severity_walk(
    image: Tensor, mask: Tensor, frames: int, *, seed: int = 0, **options: Any
) -> Edit:
    """One lesion on one image, from severity 0 to 1.

    Args:
        image: (3, H, W), uint8 or float in [0, 1].
        mask: (1, H, W) bool.
        frames: number of images, at least one.
        seed, options: which lesion, as for `add_eczema`.

    Returns:
        an `Edit` of F images.
    """
    edits = [
        add_eczema(image, mask, float(severity), seed=seed, **options)
        for severity in even_steps(frames, 1)
    ]
    return Edit(*(torch.stack(parts) for parts in zip(*edits)))


def growth_walk(
    image: Tensor,
    mask: Tensor,
    frames: int,
    severity: float = 0.7,
    *,
    seed: int = 0,
    **options: Any,
) -> Edit:
    """One lesion that spreads from its inmost point to the whole of a mask.

    Args:
        image, mask, frames, seed, options: as for `severity_walk`.
        severity: of all the images, in [0, 1].

    Returns:
        an `Edit` of F images; no mask loses a pixel of the one before.
    """
    edits = [add_eczema(image, step, severity, seed=seed, **options) for step in grow(mask, frames)]
    return Edit(*(torch.stack(parts) for parts in zip(*edits)))


def write_walk(
    images: Tensor,
    path: str | os.PathLike[str],
    seconds: float = 3.0,
    *,
    provenance: Provenance | None = None,
) -> None:
    """A walk as a file: one row of pictures, or, where the name ends in .gif, an animation that
    goes there and back without end.

    Args:
        images: (F, 3, H, W), uint8 or float in [0, 1].
        path: a name with the suffix of a picture.
        seconds: the way there, for a GIF.
        provenance: what made it, to be written into the file.
    """
    if Path(path).suffix.lower() != ".gif":
        write_image(to_pil(grid(images, len(images))), path, provenance=provenance)
        return
    if not 0 < seconds <= LONGEST * len(images):
        raise ValueError(
            f"seconds={seconds}: a GIF of {len(images)} pictures takes more than 0 and at most"
            f" {LONGEST * len(images)}."
        )
    # One palette for all frames, or a still background would flicker.
    palette = to_pil(grid(images, len(images), gap=0)).quantize(256, Image.Quantize.MEDIANCUT)
    pictures = [to_pil(image).quantize(palette=palette) for image in images]
    write_image(
        pictures[0],
        path,
        provenance=provenance,
        save_all=True,
        append_images=pictures[1:] + pictures[-2:0:-1],
        # Viewers slow down animations with pauses of less than 20 milliseconds.
        duration=max(20, round(1000 * seconds / len(pictures))),
        loop=0,
    )
