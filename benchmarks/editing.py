"""What the editor does on photographs that it has not seen.

    python benchmarks/editing.py --padufes DIR --hands DIR --extractor FILE.safetensors

Writes benchmarks/results/editing.json. Measured on 128 px patches of healthy skin from `padufes` val and test (beside the
lesions) and on `hands` test: what stays untouched, whether severity is a dial, how well eczema is removed and found, and
whether added eczema comes closer to real inflamed skin (`padufes` ACK, BCC and SCC inside their masks) than healthy skin is.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.fidelity import RESULTS, provenance
from synthderm.color import to_lab
from synthderm.edit import add_eczema, draw_seeds, find_eczema, load_editor, remove_eczema
from synthderm.folders import SkinFolder
from synthderm.images import to_tensor
from synthderm.masks import random_mask, skin_region
from synthderm.metrics import fid, kid, load_extractor
from synthderm.renderer import draw_eczema
from synthderm.textures import cut_texture

SIDE = 128
INFLAMED = ("ACK", "BCC", "SCC")


def crop(image: torch.Tensor, centre: tuple[int, int], side: int) -> torch.Tensor:
    """A square window, moved inside the picture, at SIDE pixels: (3, SIDE, SIDE) float in [0, 1]."""
    side = min(side, *image.shape[1:])
    top = min(max(0, centre[0] - side // 2), image.shape[1] - side)
    left = min(max(0, centre[1] - side // 2), image.shape[2] - side)
    return F.interpolate(image[None, :, top : top + side, left : left + side].float() / 255, size=SIDE, mode="area")[0]


def patches(data: str, splits: tuple[str, ...], rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Healthy patches, and patches of inflamed lesions, from the same kind of photographs at the same scale."""
    healthy, inflamed = [], []
    for split in splits:
        folder = SkinFolder(data, split=split, return_mask=True)
        for index in range(len(folder)):
            photograph, lesion, label = folder.read(index)
            image, mask = to_tensor(photograph), to_tensor(lesion)[0] > 0
            if not mask.any():
                continue
            side = min(image.shape[1:]) // 3
            if folder.classes[label] in INFLAMED:
                rows, columns = mask.nonzero().float().mean(0).long().tolist()
                inflamed.append(crop(image, (rows, columns), side))
            free = F.avg_pool2d(mask[None, None].float(), side, 4)[0, 0] == 0
            places = free.nonzero()
            if len(places):
                top, left = (4 * places[torch.randint(len(places), (), generator=rng)] + side // 2).tolist()
                patch = crop(image, (top, left), side)
                if skin_region(patch[None]).float().mean() > 0.9:
                    healthy.append(patch)
    return torch.stack(healthy), torch.stack(inflamed)


def hands(data: str) -> torch.Tensor:
    folder = SkinFolder(data, split="test")
    return torch.stack([to_tensor(folder.read(k)[0].resize((SIDE, SIDE), resample=3)).float() / 255 for k in range(len(folder))])


def psnr(a: torch.Tensor, b: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Inside the mask, dB, one per image."""
    error = ((a - b).square() * masks).sum((1, 2, 3)) / (3 * masks.sum((1, 2, 3))).clamp_min(1)
    return -10 * torch.log10(error.clamp_min(1e-10))


def measure(skin: torch.Tensor, seed: int) -> dict:
    """Figures of one set of healthy images under one seed."""
    rng = torch.Generator().manual_seed(seed)
    masks = random_mask((SIDE, SIDE), torch.empty(len(skin)).uniform_(0.15, 0.5, generator=rng), skin_region(F.interpolate(skin, size=64, mode="area")), rng)
    severity = torch.empty(len(skin)).uniform_(0.3, 1.0, generator=rng)
    added = add_eczema(skin, masks, severity, seed=seed).images
    seeds = draw_seeds(len(skin), rng)
    drawn = draw_eczema(skin, masks, severity, seeds.noise, cut_texture(seeds.offset, SIDE, SIDE), seeds.signs)
    outside = ~masks.expand_as(skin)
    levels = torch.stack([_colour_change(skin, add_eczema(skin, masks, s, seed=seed).images, masks) for s in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)])
    result = {"images": len(skin), "untouched outside the mask": (added[outside] == skin[outside]).double().mean().item()}
    result["severity strictly raises the colour change, share of images"] = (levels.diff(dim=0) > 0).all(0).float().mean().item()
    for name, sick in (("added", added), ("drawn", drawn)):
        left, cleared = psnr(sick, skin, masks), psnr(remove_eczema(sick, masks).images, skin, masks)
        result[f"PSNR after removing what was {name}, median dB"] = cleared.median().item()
        result[f"PSNR of leaving what was {name}, median dB"] = left.median().item()
        found = find_eczema(sick)
        union = (found | masks).sum((1, 2, 3)).clamp_min(1)
        result[f"IoU of found and {name}, mean"] = ((found & masks).sum((1, 2, 3)) / union).mean().item()
    result["share of healthy images found sick"] = find_eczema(skin).float().mean().item()
    return result


def _colour_change(a: torch.Tensor, b: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Mean distance in CIE L*a*b* (CIE 1976) inside the mask."""
    distance = (to_lab(a) - to_lab(b)).square().sum(1, keepdim=True).sqrt()
    return (distance * masks).sum((1, 2, 3)) / masks.sum((1, 2, 3)).clamp_min(1)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--padufes", required=True, help="folder of close-ups with lesion masks")
    p.add_argument("--hands", required=True, help="folder of hands")
    p.add_argument("--extractor", required=True, help="as for fidelity.py")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--out", type=Path, default=RESULTS)
    args = p.parse_args()

    healthy, inflamed = patches(args.padufes, ("val", "test"), torch.Generator().manual_seed(0))
    result = {"model": "eczema", "revision": load_editor("eczema").revision, "runs": [], "n_inflamed": len(inflamed), "n_healthy": len(healthy)}
    for seed in args.seeds:
        result["runs"].append({"seed": seed, "close-ups": measure(healthy, seed), "hands": measure(hands(args.hands), seed)})
    extractor = load_extractor(args.extractor)
    looks = lambda x: extractor((x * 255).round().to(torch.uint8))  # noqa: E731
    real = looks(inflamed)
    result["extractor"] = extractor.name
    sick = add_eczema(healthy, severity=0.7, coverage=0.6, seed=0).images
    for name, images in (("healthy", healthy), ("added", sick)):
        seen = looks(images)
        result[f"{name} to inflamed"] = {"kid_x1000": 1000 * kid(real, seen)[0], "fid": fid(real, seen)}
    result |= provenance()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "editing.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
