"""The baseline of fidelity.py: a DCGAN of as many parameters as a generator, trained for as many
minutes.

    python -m benchmarks.dcgan --data DIR --like lesions --minutes 60 --out runs/dcgan
    python -m benchmarks.fidelity --model ./runs/dcgan --name dcgan --data DIR --extractor
    FILE.safetensors --parts kid prdc msssim

As Radford et al. (ICLR 2016) describe it: strided and transposed 4x4 convolutions, batch norm, the
non-saturating loss, Adam(0.5, 0.999) at 2e-4; without classes, masks, differentiable augmentation,
weight averaging and gradient penalties. The photographs are flipped as in recipes/train_gan.py. The
run resumes from its --out.
"""

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.datasets.folder import training_split
from synthderm.hub.pretrained import Pretrained
from synthderm.imaging.io import grid, to_pil
from synthderm.models.generator import SkinGenerator
from synthderm.models.layers import has_bf16
from synthderm.training import checkpoint as runs
from synthderm.training.image_pool import load_photographs


class DCGAN(Pretrained):
    """(B, latent_dim, 1, 1) to (B, 3, size, size) in [-1, 1]; `size` is 4 times a power of 2,
    `width` that of the largest level."""

    def __init__(self, size: int, width: int, latent_dim: int = 100):
        super().__init__()
        self.config = dict(size=size, width=width, latent_dim=latent_dim)
        self.size, self.latent_dim = size, latent_dim
        levels = (size // 4).bit_length() - 1
        widths = [width * 2 ** (levels - 1 - k) for k in range(levels)]
        layers = [
            nn.ConvTranspose2d(latent_dim, widths[0], 4, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for a, b in zip(widths, widths[1:]):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)


def discriminator(size: int, width: int) -> nn.Sequential:
    """The mirror: (B, 3, size, size) to logits (B, 1, 1, 1)."""
    levels = (size // 4).bit_length() - 1
    widths = [width * 2**k for k in range(levels)]
    layers = [nn.Conv2d(3, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


class DCGANSource:
    """A trained DCGAN as a source of `SyntheticSkinDataset`; it knows no classes and ignores
    labels."""

    revision = "local"

    def __init__(self, directory: str):
        self.model = DCGAN.from_pretrained(directory)
        self.size = self.model.size

    @torch.no_grad()
    def __call__(self, seeds: Tensor, labels: Tensor) -> Tensor:
        draw = [
            torch.randn(
                self.model.latent_dim, 1, 1, generator=torch.Generator().manual_seed(int(seed))
            )
            for seed in seeds
        ]
        return (self.model(torch.stack(draw)) + 1) / 2


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--data", required=True, help="the photographs; split=train alone is used")
    p.add_argument(
        "--like",
        default="lesions",
        help="the generator whose size and number of parameters are matched",
    )
    p.add_argument(
        "--minutes",
        type=float,
        default=60,
        help="stop after this much training, all resumed parts together",
    )
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--flips", choices=["none", "horizontal", "all"], default="all")
    p.add_argument("--check", type=int, default=100, help="steps between checkpoints")
    p.add_argument(
        "--pause", type=float, help="leave after this many minutes of the clock, to be resumed"
    )
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = p.parse_args()
    begun, device = time.perf_counter(), torch.device(args.device)
    torch.manual_seed(0)
    like = SkinGenerator.from_pretrained(args.like)
    if like.size & (like.size - 1):
        raise SystemExit(
            f"{args.like} makes images of {like.size} px: a DCGAN has powers of 2 alone; train a"
            " generator of such a size to compare."
        )
    width = min(range(4, 129), key=lambda width: abs(count(DCGAN(like.size, width)) - count(like)))
    generator, judge = (
        model.to(device, memory_format=torch.channels_last)
        for model in (DCGAN(like.size, width), discriminator(like.size, width))
    )
    for layer in [*generator.modules(), *judge.modules()]:
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)
    print(
        f"width {width}: {count(generator) / 1e6:.2f} M parameters for {count(like) / 1e6:.2f} M;"
        f" discriminator {count(judge) / 1e6:.2f} M"
    )
    photographs = load_photographs(args.data, training_split(args.data), like.size, "skin").to(
        device
    )  # the mask is not used
    optimizers = [
        torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999))
        for model in (generator, judge)
    ]
    state = {"shown": 0, "seconds": 0.0}
    args.out.mkdir(parents=True, exist_ok=True)
    loaded = runs.read_checkpoint(args.out, device)
    if loaded is not None:
        for model, values in zip((generator, judge, *optimizers), loaded["parts"]):
            model.load_state_dict(values)
        state = loaded["state"]

    def save() -> None:
        runs.write_checkpoint(
            args.out,
            {
                "parts": [part.state_dict() for part in (generator, judge, *optimizers)],
                "state": state,
            },
            device,
        )
        generator.save_pretrained(args.out, card={"training": {"minutes": args.minutes, **state}})
        source = DCGANSource(args.out)
        to_pil(grid(source(torch.arange(64), None), 8)).save(args.out / "samples.png")

    cast = torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))
    while state["seconds"] < 60 * args.minutes:
        started = time.perf_counter()
        real = photographs.draw(args.batch, args.flips)[0][:, :3]
        with cast:
            fake = generator(torch.randn(args.batch, generator.latent_dim, 1, 1, device=device))
            judged = [judge(real).float(), judge(fake.detach()).float()]
        loss_d = F.softplus(-judged[0]).mean() + F.softplus(judged[1]).mean()
        optimizers[1].zero_grad()
        loss_d.backward()
        optimizers[1].step()
        with cast:
            judged = judge(fake).float()
        loss_g = F.softplus(-judged).mean()
        optimizers[0].zero_grad()
        loss_g.backward()
        optimizers[0].step()
        state["shown"] += args.batch
        losses = loss_d.item(), loss_g.item()  # waits for the device
        state["seconds"] += time.perf_counter() - started
        if state["shown"] % (args.check * args.batch) == 0:
            save()
            print(
                f"{state['shown']:,} images, {state['seconds'] / 60:.1f} min, D {losses[0]:.2f} G"
                f" {losses[1]:.2f}",
                flush=True,
            )
        if args.pause and time.perf_counter() - begun > 60 * args.pause:
            break
    save()
    print(f"{state['shown']:,} images in {state['seconds'] / 60:.1f} min: {args.out}")


if __name__ == "__main__":
    main()
