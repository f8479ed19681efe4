"""Train a SkinGenerator: skin images with their region masks, by class.

    python recipes/train_gan.py --data DIR --size 128 --minutes 60 --out runs/lesions

DIR holds photographs as `SkinFolder` reads them (metadata.csv or one folder a class); `split=train` alone is used.
The run can be killed at any moment and goes on from its --out when the same command is given again. It writes
`checkpoint.pt`, `metrics.jsonl`, `samples/*.png` and, at every check, the model itself into `model/`.

The game is the hinge one, with differentiable augmentation and an average of the generator's weights. It starts
small and without classes: images of half the size until --grow images have been shown, the class weight raised from
0 to 1 between the two numbers of --condition, since class conditions collapse GANs on little data (Shahbazi et al.,
ICLR 2022). --features adds a discriminator on the features of a frozen ImageNet network (Projected GAN), the
strongest single help with a few thousand photographs: `--features mobilenetv2_100` takes timm's weights from the Hub,
`--features mobilenetv2_100=FILE.safetensors` a local file.

Expect on one AVX2 core, 128 px: 20 images/s at half size with --features, 9 at full size.
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

from synthderm.augment import diff_augment
from synthderm.folders import SkinFolder, training_split
from synthderm.images import grid, outline, to_pil, to_tensor
from synthderm.losses import discriminator_hinge, generator_hinge
from synthderm.masks import skin_region
from synthderm.nets import Discriminator, FeatureDiscriminator, SkinGenerator


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", required=True, help="folder of photographs: metadata.csv, or one sub-folder a class")
    p.add_argument("--out", required=True, help="folder of the run; an unfinished run in it is resumed")
    p.add_argument("--size", type=int, default=128, help="side of the images in pixels")
    p.add_argument("--channels", type=int, nargs="+", default=[256, 192, 96, 64, 32, 16], help="generator width per level, smallest first")
    p.add_argument("--judge", type=int, nargs="+", default=[192, 160, 96, 48, 24, 12], help="discriminator width per level")
    p.add_argument("--minutes", type=float, default=60, help="stop after this much training, all resumed parts together")
    p.add_argument("--images", type=int, default=10**9, help="stop after this many images shown")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, nargs=2, default=[2e-4, 2e-4], metavar=("G", "D"), help="Adam's learning rates")
    p.add_argument("--ema", type=float, default=4000, help="half-life of the weight average, in images")
    p.add_argument("--grow", type=int, default=80_000, help="images shown at half the size before the full one")
    p.add_argument("--condition", type=int, nargs=2, default=[40_000, 80_000], metavar=("FROM", "TO"), help="images over which classes come in")
    p.add_argument("--masks", choices=["given", "skin"], default="given", help="the region: from the data set, or found by skin colour")
    p.add_argument("--flips", choices=["none", "horizontal", "all"], default="all", help="orientations that mean the same; all = 8")
    p.add_argument("--features", help="frozen feature network: a timm name, or name=weights.safetensors")
    p.add_argument("--check", type=int, default=8000, help="images between checkpoints and sample grids")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, help="CPU threads")
    return p.parse_args()


def load_photographs(data: str, size: int, masks: str) -> tuple[Tensor, Tensor, list[str]]:
    """All training photographs in memory: (N, 4, size, size) uint8 (the fourth channel is the mask) and labels."""
    folder = SkinFolder(data, split=training_split(data), return_mask=masks == "given")
    images = torch.empty(len(folder), 4, size, size, dtype=torch.uint8)
    for index in tqdm(range(len(folder)), desc="read", file=sys.stderr, disable=None):
        image, mask, _ = folder.read(index)
        image = to_tensor(image.resize((size, size), resample=3, reducing_gap=3))
        if masks == "given":
            mask = to_tensor(mask.resize((size, size), resample=4))
        else:
            mask = skin_region(image[None].float() / 255)[0].byte() * 255
        images[index] = torch.cat([image, mask])
    return images, torch.tensor(folder.targets), folder.classes


def draw_real(images: Tensor, labels: Tensor, batch: int, flips: str, size: int) -> tuple[Tensor, Tensor]:
    """A random batch in [-1, 1], each photograph in one of its equivalent orientations."""
    index = torch.randint(len(images), (batch,), device=images.device)
    x = images[index].float() / 127.5 - 1
    if flips != "none":
        x = torch.where(torch.rand(batch, 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)
    if flips == "all":
        x = torch.where(torch.rand(batch, 1, 1, 1, device=x.device) < 0.5, x.flip(2), x)
        x = torch.where(torch.rand(batch, 1, 1, 1, device=x.device) < 0.5, x.transpose(2, 3), x)
    if x.shape[-1] != size:
        x = F.interpolate(x, size=size, mode="area")
    return x.contiguous(memory_format=torch.channels_last), labels[index]


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, keep: float) -> None:
    """average <- keep * average + (1 - keep) * model, batch norm statistics included."""
    for a, b in zip(average.state_dict().values(), model.state_dict().values()):
        a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)


def load_features(spec: str) -> nn.Module:
    import timm
    from safetensors.torch import load_file

    name, _, weights = spec.partition("=")
    if not weights:
        return timm.create_model(name, pretrained=True, features_only=True, out_indices=(1, 2, 3, 4))
    model = timm.create_model(name, pad_type="same", features_only=True, out_indices=(1, 2, 3, 4))
    wanted = model.state_dict()
    model.load_state_dict({key: value for key, value in load_file(weights).items() if key in wanted})
    return model


def main() -> None:
    args = parse()
    out, device = Path(args.out), torch.device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        images, labels, classes = load_photographs(args.data, args.size, args.masks)
        (out / "samples").mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        raise SystemExit(f"train_gan.py: {error}") from None
    images, labels = images.to(device), labels.to(device)

    # Plain convolutions in bf16 pay only where the processor multiplies bf16 itself; elsewhere they are emulated.
    half = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    cast = torch.autocast(device.type, torch.bfloat16, enabled=half)

    generator = SkinGenerator(args.size, args.channels, classes).to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(generator).eval().requires_grad_(False)
    judges = nn.ModuleList([Discriminator(args.size, args.judge, len(classes))])
    if args.features:
        judges.append(FeatureDiscriminator(load_features(args.features), len(classes)))
    judges.to(device, memory_format=torch.channels_last).train()
    trained = [p for p in judges.parameters() if p.requires_grad]
    optimizers = [
        torch.optim.Adam(generator.parameters(), lr=args.lr[0], betas=(0.0, 0.99)),
        torch.optim.Adam(trained, lr=args.lr[1], betas=(0.0, 0.99)),
    ]
    state = {"shown": 0, "seconds": 0.0}
    sample_rng = torch.Generator().manual_seed(args.seed)
    sample_latents = torch.randn(64, generator.latent_dim, generator=sample_rng).to(device)
    sample_labels = (torch.arange(64) * len(classes) // 64).to(device)

    def save() -> None:
        """Everything that decides the rest of the run, written beside and then renamed."""
        checkpoint = {
            "generator": generator.state_dict(), "average": average.state_dict(), "judges": judges.state_dict(),
            "optimizers": [o.state_dict() for o in optimizers], "state": state, "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state() if device.type == "cuda" else None,
        }  # fmt: skip
        torch.save(checkpoint, out / "checkpoint.part")
        os.replace(out / "checkpoint.part", out / "checkpoint.pt")

    def check(figures: dict) -> None:
        condition, size = schedule(args, state["shown"])
        with torch.no_grad(), cast:
            output = torch.cat([average(z, y, condition, size) for z, y in zip(sample_latents.split(16), sample_labels.split(16))]).float().cpu()
        picture = (output[:, :3] + 1) / 2
        to_pil(grid(outline(picture, output[:, 3:] > 0), 8)).save(out / "samples" / f"{state['shown']:09d}.png")
        card = {"recipe": "train_gan.py", "training": {**vars(args), **state}}
        average.save_pretrained(out / "model", card=card)
        with open(out / "metrics.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps({**state, **figures, "spread": picture.std(0).mean().item()}) + "\n")
        save()

    if (out / "checkpoint.pt").is_file():
        loaded = torch.load(out / "checkpoint.pt", map_location=device, weights_only=True)
        generator.load_state_dict(loaded["generator"])
        average.load_state_dict(loaded["average"])
        judges.load_state_dict(loaded["judges"])
        for optimizer, values in zip(optimizers, loaded["optimizers"]):
            optimizer.load_state_dict(values)
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
        condition, size = schedule(args, state["shown"])
        real, label = draw_real(images, labels, args.batch, args.flips, size)
        latents = torch.randn(args.batch, generator.latent_dim, device=device)
        with cast:
            fake = generator(latents, label, condition, size)

            # Discriminators: the photographs up, the generated down.
            seen_real, seen_fake = diff_augment(real), diff_augment(fake.detach())
            loss_d = sum(discriminator_hinge(d(seen_real, label, condition), d(seen_fake, label, condition)) for d in judges)
        optimizers[1].zero_grad(set_to_none=True)
        loss_d.backward()
        optimizers[1].step()

        # Generator: what it made up, in the eyes of the discriminators just improved.
        for p in trained:
            p.requires_grad_(False)
        with cast:
            seen = diff_augment(fake)
            loss_g = sum(generator_hinge(d(seen, label, condition)) for d in judges)
        optimizers[0].zero_grad(set_to_none=True)
        loss_g.backward()
        optimizers[0].step()
        for p in trained:
            p.requires_grad_(True)
        update_average(average, generator, min(keep, state["shown"] / (state["shown"] + 10 * args.batch)))

        state["shown"] += args.batch
        if not (math.isfinite(loss_d.item()) and math.isfinite(loss_g.item())):
            raise SystemExit(f"a loss is NaN after {state['shown']} images; the last good checkpoint is kept in {out / 'checkpoint.pt'}. Try a lower --lr.")
        for key, value in (("loss_d", loss_d.item()), ("loss_g", loss_g.item())):
            totals[key] = 0.99 * totals.get(key, value) + 0.01 * value
        taken = time.perf_counter() - started
        state["seconds"] += taken
        bar.update(min(taken, bar.total - bar.n))
        bar.set_postfix_str(f"{state['shown']:,} images, {args.batch / taken:.0f}/s, {size} px, D {totals['loss_d']:.2f} G {totals['loss_g']:.2f}")
        if state["shown"] % args.check < args.batch:
            check(totals)
    check(totals)
    bar.close()
    print(f"{state['shown']:,} images in {state['seconds'] / 60:.1f} min; the model is in {out / 'model'}")


def schedule(args: argparse.Namespace, shown: int) -> tuple[float, int]:
    """The class weight and the image size after `shown` images: functions of the count alone, so that resuming is exact."""
    start, end = args.condition
    condition = min(1.0, max(0.0, (shown - start) / max(1, end - start)))
    return condition, args.size // 2 if shown < args.grow else args.size


if __name__ == "__main__":
    main()
