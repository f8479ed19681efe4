"""Train an EczemaEditor: add eczema to healthy skin, remove it, find it.

    python recipes/train_edit.py --data DIR [DIR ...] --minutes 30 --out runs/eczema

DIR holds photographs as `SkinFolder` reads them; `split=train` alone is used. Where a data set has lesion masks,
eczema is drawn beside the lesions, on healthy skin only. The run resumes from its --out like train_gan.py.

Supervision is *paired*: `synthderm.renderer` draws eczema on healthy skin, which gives image, mask, severity and the
exact answer. The editor learns to add what was drawn (knowing the noise and the signs it was drawn with), to give the
skin back (from the drawing, and from what it added itself), and to find the mask. Skin tone is varied by adding or
taking melanin in optical density, so that light and dark skin are learnt alike.

Expect on one AVX2 core: 40 images/s at 128 px; PSNR of removal inside the mask about 30 dB after 30 minutes.
"""

import argparse
import copy
import json
import math
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from synthderm.color import MELANIN, from_density, to_density
from synthderm.edit import draw_seeds
from synthderm.editor import GRID, LOOK, EczemaEditor, Maps, composite
from synthderm.folders import SkinFolder, training_split
from synthderm.images import grid, to_pil, to_tensor
from synthderm.masks import random_mask, skin_region
from synthderm.renderer import blur, draw_eczema
from synthderm.resize import shrink
from synthderm.textures import cut_texture


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", required=True, nargs="+", help="folders of photographs")
    p.add_argument("--out", required=True, help="folder of the run; an unfinished run in it is resumed")
    p.add_argument("--size", type=int, default=128, help="side of the training crops in pixels")
    p.add_argument("--minutes", type=float, default=30, help="stop after this much training, all resumed parts together")
    p.add_argument("--images", type=int, default=10**9, help="stop after this many images shown")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=1e-3, help="AdamW's learning rate, halved every --decay images")
    p.add_argument("--decay", type=int, default=40_000)
    p.add_argument("--ema", type=float, default=4000, help="half-life of the weight average, in images")
    p.add_argument("--check", type=int, default=4000, help="images between checkpoints and sample sheets")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, help="CPU threads")
    return p.parse_args()


def load_skin(folders: list[str], size: int) -> list[list[tuple[Tensor, Tensor]]]:
    """The training photographs of each folder, each with its healthy skin: (3, h, w) uint8 at up to 2.5 times `size`,
    and (1, h, w) bool."""
    every = []
    for data in folders:
        skin = []
        folder = SkinFolder(data, split=training_split(data))
        for index in tqdm(range(len(folder)), desc=f"read {Path(data).name}", file=sys.stderr, disable=None):
            image, lesion, _ = folder.read(index)
            scale = min(1.0, 2.5 * size / min(image.size)) if min(image.size) > size else size / min(image.size)
            shape = tuple(math.ceil(side * scale) for side in image.size)
            pixels = to_tensor(image.resize(shape, resample=2))
            healthy = skin_region(pixels[None].float() / 255)[0]
            if lesion is not None:
                grown = F.max_pool2d((to_tensor(lesion.resize(shape, resample=0)) > 0).float()[None], 9, 1, 4)[0]
                healthy = healthy & (grown == 0)
            if healthy.float().mean() > 0.1:
                skin.append((pixels, healthy))
        if not skin:
            raise SystemExit(f"no photograph in {data} shows enough healthy skin to draw on.")
        every.append(skin)
    return every


def draw_healthy(skin: list[list[tuple[Tensor, Tensor]]], batch: int, size: int) -> tuple[Tensor, Tensor]:
    """Random crops, from every folder equally often, flipped, of varied skin tone and light: (B, 3, size, size) in [0, 1], and where they are healthy."""
    images, allowed = torch.empty(batch, 3, size, size), torch.empty(batch, 1, size, size, dtype=torch.bool)
    for row in range(batch):
        photographs = skin[torch.randint(len(skin), ())]
        pixels, healthy = photographs[torch.randint(len(photographs), ())]
        height, width = pixels.shape[1:]
        side = int(torch.randint(size, min(height, width) + 1, ()))
        top, left = int(torch.randint(height - side + 1, ())), int(torch.randint(width - side + 1, ()))
        window = (slice(None), slice(top, top + side), slice(left, left + side))
        images[row] = F.interpolate(pixels[window][None].float() / 255, size=size, mode="area")[0]
        allowed[row] = F.interpolate(healthy[window][None].float(), size=size, mode="nearest")[0] > 0.5
        if torch.rand(()) < 0.5:
            images[row], allowed[row] = images[row].flip(2), allowed[row].flip(2)
    melanin = torch.tensor(MELANIN).view(1, 3, 1, 1) * torch.empty(batch, 1, 1, 1).uniform_(-0.3, 1.3)
    # Tone is skin's alone: the background keeps its colour, as it does in a photograph of darker skin.
    shaded = from_density((to_density(images) + melanin * blur(skin_region(images).float(), 2)).clamp_min(0))
    # Cameras and lamps differ too: exposure, a slight cast, contrast.
    cast = torch.empty(batch, 1, 1, 1).uniform_(0.8, 1.05) * torch.empty(batch, 3, 1, 1).uniform_(0.93, 1.05)
    return (shaded ** torch.empty(batch, 1, 1, 1).uniform_(0.8, 1.25) * cast).clamp(0.004, 1), allowed


def run(editor: nn.Module, image: Tensor, mask: Tensor, severity: Tensor, direction: int, seeds, texture: Tensor) -> tuple[Tensor, Maps]:
    """One differentiable edit, as `synthderm.edit.apply_edit` does it: the edited image and the predicted maps."""
    look, where = shrink(image), shrink(mask)
    amount = severity if direction > 0 else torch.ones_like(severity)
    maps = editor(look, where, amount, direction * torch.ones_like(severity), seeds.noise, seeds.signs)
    edited = composite(image, F.avg_pool2d(look, 2), maps, amount, F.avg_pool2d(where, 2), texture)
    return torch.where(mask, edited.clamp(0.003, 1), image), maps


def difference(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference inside the mask of optical density and, twice, of its gradients (which carry texture)."""
    a, b, inside = to_density(a.clamp_min(0.003)), to_density(b.clamp_min(0.003)), mask.float()
    total = ((a - b).abs() * inside).sum()
    total = total + 2 * ((a.diff(dim=3) - b.diff(dim=3)).abs() * inside[..., 1:]).sum()
    total = total + 2 * ((a.diff(dim=2) - b.diff(dim=2)).abs() * inside[..., 1:, :]).sum()
    return total / (3 * inside.sum() + 1)


def overlap(found: Tensor, truth: Tensor) -> Tensor:
    """Soft intersection over union of (B, 1, h, w), the mean over images; 1 for none."""
    both = (found * truth).sum((1, 2, 3))
    return ((both + 1) / ((found + truth).sum((1, 2, 3)) - both + 1)).mean() if len(found) else found.sum() + 1


def main() -> None:
    args = parse()
    out, device = Path(args.out), torch.device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        skin = load_skin(args.data, args.size)
        (out / "samples").mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        raise SystemExit(f"train_edit.py: {error}") from None
    torch.manual_seed(args.seed)

    def draw() -> tuple:
        healthy, allowed = draw_healthy(skin, args.batch, args.size)
        coverage = torch.empty(args.batch).uniform_(0.05, 0.7)
        mask = random_mask((args.size, args.size), coverage, F.adaptive_avg_pool2d(allowed.float(), LOOK) > 0.5)
        mask = mask & allowed
        seeds, severity = draw_seeds(args.batch), torch.rand(args.batch) * 0.95 + 0.05
        texture = cut_texture(seeds.offset, args.size, args.size)
        drawn = draw_eczema(healthy, mask, severity, seeds.noise, texture, seeds.signs)
        return tuple(t.to(device) for t in (healthy, mask, severity, drawn, texture)) + (type(seeds)(*(t.to(device) for t in seeds)),)

    fixed = draw()  # the same for every sheet of samples
    editor = EczemaEditor().to(device)
    average = copy.deepcopy(editor).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(editor.parameters(), lr=args.lr, weight_decay=1e-4)
    state = {"shown": 0, "seconds": 0.0}

    def save() -> None:
        checkpoint = {
            "editor": editor.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(), "state": state,
            "rng": torch.get_rng_state(), "cuda_rng": torch.cuda.get_rng_state() if device.type == "cuda" else None,
        }  # fmt: skip
        torch.save(checkpoint, out / "checkpoint.part")
        os.replace(out / "checkpoint.part", out / "checkpoint.pt")

    @torch.no_grad()
    def check(figures: dict) -> None:
        healthy, mask, severity, drawn, texture, seeds = fixed
        added, _ = run(average, healthy, mask, severity, +1, seeds, texture)
        cleared, _ = run(average, drawn, mask, severity, -1, seeds, texture)
        undone, _ = run(average, added, mask, severity, -1, seeds, texture)
        sheet = torch.cat([healthy, drawn, added, cleared, undone])
        to_pil(grid(sheet.cpu(), args.batch)).save(out / "samples" / f"{state['shown']:09d}.png")
        inside = mask.sum((1, 2, 3)).clamp_min(1) * 3
        psnr = -10 * torch.log10((((cleared - healthy) ** 2).sum((1, 2, 3)) / inside).clamp_min(1e-8)).median().item()
        average.save_pretrained(out / "model", card={"recipe": "train_edit.py", "training": {**vars(args), **state}})
        with open(out / "metrics.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps({**state, **figures, "psnr": psnr}) + "\n")
        save()

    if (out / "checkpoint.pt").is_file():
        loaded = torch.load(out / "checkpoint.pt", map_location=device, weights_only=True)
        editor.load_state_dict(loaded["editor"])
        average.load_state_dict(loaded["average"])
        optimizer.load_state_dict(loaded["optimizer"])
        torch.set_rng_state(loaded["rng"].cpu())
        if device.type == "cuda":
            torch.cuda.set_rng_state(loaded["cuda_rng"].cpu())
        state = loaded["state"]
        # Lines written after this checkpoint, before the kill, will be written again.
        if (out / "metrics.jsonl").is_file():
            lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
            kept = "".join(line for line in lines if json.loads(line)["shown"] <= state["shown"])
            (out / "metrics.part").write_text(kept, encoding="utf-8")
            os.replace(out / "metrics.part", out / "metrics.jsonl")

    keep = 0.5 ** (args.batch / args.ema)
    bar = tqdm(total=args.minutes * 60, initial=state["seconds"], unit="s", bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}", disable=None)
    totals: dict[str, float] = {}
    while state["shown"] < args.images and state["seconds"] < args.minutes * 60:
        started = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = args.lr * 0.5 ** (state["shown"] / args.decay)
        healthy, mask, severity, drawn, texture, seeds = draw()

        added, _ = run(editor, healthy, mask, severity, +1, seeds, texture)
        # Removal practises on both: what the renderer drew, and what the editor adds.
        sick = torch.where(torch.rand(args.batch, 1, 1, 1, device=device) < 0.5, drawn, added.detach())
        cleared, _ = run(editor, sick, mask, severity, -1, seeds, texture)
        # Finding: half of the pictures are healthy, and nothing is to be found in them.
        is_sick = torch.rand(args.batch, 1, 1, 1, device=device) < 0.5
        zeros = torch.zeros_like(severity)
        found = editor(shrink(torch.where(is_sick, sick, healthy)), torch.zeros_like(seeds.noise[:, :1]), zeros, zeros, seeds.noise, seeds.signs).found
        truth = shrink(mask, GRID) * is_sick
        losses = {
            "add": difference(added, drawn, mask),
            "remove": difference(cleared, healthy, mask),
            "find": F.binary_cross_entropy_with_logits(found, truth),
            "overlap": 1 - overlap(found[is_sick.flatten()].sigmoid(), truth[is_sick.flatten()]),
        }
        loss = losses["add"] + losses["remove"] + 0.3 * losses["find"] + 0.2 * losses["overlap"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(editor.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(average.parameters(), editor.parameters()):
                a.lerp_(b, 1 - min(keep, state["shown"] / (state["shown"] + 10 * args.batch)))

        state["shown"] += args.batch
        if not math.isfinite(loss.item()):
            raise SystemExit(f"the loss is NaN after {state['shown']} images; the last good checkpoint is kept in {out / 'checkpoint.pt'}. Try a lower --lr.")
        for key, value in losses.items():
            totals[key] = 0.98 * totals.get(key, value.item()) + 0.02 * value.item()
        taken = time.perf_counter() - started
        state["seconds"] += taken
        bar.update(min(taken, bar.total - bar.n))
        bar.set_postfix_str(f"{state['shown']:,} images, {args.batch / taken:.0f}/s, " + " ".join(f"{k} {v:.3f}" for k, v in totals.items()))
        if state["shown"] % args.check < args.batch:
            check(totals)
    check(totals)
    bar.close()
    print(f"{state['shown']:,} images in {state['seconds'] / 60:.1f} min; the model is in {out / 'model'}")


if __name__ == "__main__":
    main()
