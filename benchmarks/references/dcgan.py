"""The reference of the fidelity benchmark: a DCGAN with as many parameters as a generator, trained
for as many minutes.

    python -m benchmarks.references.dcgan --data DIR --model lesions --minutes 60 --out runs/dcgan
    python -m benchmarks.fidelity --model ./runs/dcgan --name dcgan --data DIR \\
        --extractor FILE.safetensors --parts kid prdc msssim

As Radford et al. (ICLR 2016) describe it: strided and transposed 4x4 convolutions, batch norm, the
non-saturating loss, Adam(0.5, 0.999) at 2e-4; without classes, masks, differentiable augmentation,
weight averaging and gradient penalties. Images are flipped as in recipes/train_gan.py. The same
command goes on with a run that was stopped.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.datasets.folder import training_split
from synthderm.hub.pretrained import Pretrained
from synthderm.imaging.contact_sheet import grid
from synthderm.imaging.io import to_pil
from synthderm.models.generator import SkinGenerator
from synthderm.models.layers import has_bf16
from synthderm.training.image_pool import load_image_pool
from synthderm.training.loop import exit_on_error
from synthderm.training.run import RunState, TrainingRun

WIDTHS = range(4, 129)  # channels of the largest level, among which the one that fits is chosen


class DCGAN(Pretrained):
    """(B, latent_dim, 1, 1) to (B, 3, size, size) in [-1, 1].

    Args:
        size: 4 times a power of 2.
        width: channels of the largest level.
        latent_dim: numbers in a latent vector.
    """

    def __init__(self, size: int, width: int, latent_dim: int = 100) -> None:
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


def make_discriminator(size: int, width: int) -> nn.Sequential:
    """The generator's mirror image: (B, 3, size, size) to logits (B, 1, 1, 1)."""
    levels = (size // 4).bit_length() - 1
    widths = [width * 2**k for k in range(levels)]
    layers = [nn.Conv2d(3, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4))


def draw_weights(network: nn.Module) -> None:
    """The first weights of all convolutions, of deviation 0.02."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


class DCGANSource:
    """A trained DCGAN as a function for `SyntheticSkinDataset`. It knows no classes and ignores
    labels.

    Args:
        folder: of the run.
    """

    revision = "local"

    def __init__(self, folder: str | Path) -> None:
        self.model = DCGAN.from_pretrained(folder)
        self.size = self.model.size

    @torch.no_grad()
    def __call__(self, seeds: Tensor, labels: Tensor | None) -> Tensor:
        shape = (self.model.latent_dim, 1, 1)
        rngs = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        latents = torch.stack([torch.randn(shape, generator=rng) for rng in rngs])
        return (self.model(latents) + 1) / 2


class Training:
    """Both networks, their optimizers, and how far the training has come.

    Args:
        size: side of the images in pixels.
        width: channels of the largest level.
        device: where to train.
    """

    def __init__(self, size: int, width: int, device: torch.device) -> None:
        self.device = device
        self.generator = DCGAN(size, width).to(device)
        self.discriminator = make_discriminator(size, width).to(device)
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.channels_last)
            draw_weights(network)
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.generator, self.discriminator)
        )
        self.parts: dict[str, nn.Module | torch.optim.Optimizer | Tensor] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "optimizer_g": self.optimizer_g,
            "optimizer_d": self.optimizer_d,
        }
        self.state = RunState()
        self.cast = torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))

    def d_step(self, real: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the discriminator: its loss, and the generated images it saw."""
        latents = torch.randn(len(real), self.generator.latent_dim, 1, 1, device=self.device)
        with self.cast:
            fake = self.generator(latents)
            real_logits = self.discriminator(real).float()
            fake_logits = self.discriminator(fake.detach()).float()
        loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()
        return loss, fake

    def g_step(self, fake: Tensor) -> Tensor:
        """One step of the generator: its loss."""
        with self.cast:
            fake_logits = self.discriminator(fake).float()
        loss = F.softplus(-fake_logits).mean()
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        return loss

    def step(self, real: Tensor) -> tuple[float, float]:
        """One step of both: the two losses."""
        loss_d, fake = self.d_step(real)
        loss_g = self.g_step(fake)
        self.state.shown += len(real)
        return loss_d.item(), loss_g.item()  # waits for the device

    def save(self, run: TrainingRun) -> None:
        """Write the checkpoint, the model and a picture of 64 samples."""
        run.save(self.parts, self.state)
        self.generator.save_pretrained(run.folder, card=run.describe(self.state))
        images = DCGANSource(run.folder)(torch.arange(64), None)
        to_pil(grid(images, 8)).save(run.folder / "samples.png")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = p.add_argument
    add("--data", required=True, help="the photographs; only split=train is used")
    add(
        "--model",
        default="lesions",
        help="the generator whose size and number of parameters are "
        "matched: bundled name, folder (./x) or Hub id",
    )
    add(
        "--minutes",
        type=float,
        default=60,
        help="stop after this much training, all resumed parts together",
    )
    add("--out", type=Path, required=True, help="folder of the run")
    add("--batch", type=int, default=64, help="images in a step")
    add("--flips", choices=["none", "horizontal", "all"], default="all")
    add("--check", type=int, default=100, help="steps between checkpoints")
    add(
        "--pause",
        type=float,
        help="stop after this many minutes of the clock; the same command goes on",
    )
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return p.parse_args(argv)


def make_training(model: str, device: torch.device) -> Training:
    """A training of a DCGAN of the same size and about as many parameters as a generator."""
    matched = SkinGenerator.from_pretrained(model)
    size, wanted = matched.size, count_parameters(matched)
    if size & (size - 1):
        raise SystemExit(
            f"{model} makes images of {size} px, and a DCGAN only sides that are powers of 2: "
            "name a generator of such a size."
        )
    width = min(WIDTHS, key=lambda width: abs(count_parameters(DCGAN(size, width)) - wanted))
    training = Training(size, width, device)
    networks = (training.generator, training.discriminator)
    counts = [count_parameters(network) / 1e6 for network in networks]
    print(
        f"width {width}: {counts[0]:.2f} M parameters for {wanted / 1e6:.2f} M; "
        f"discriminator {counts[1]:.2f} M"
    )
    return training


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    begun, device = time.perf_counter(), torch.device(args.device)
    torch.manual_seed(0)
    with exit_on_error("dcgan"):
        run = TrainingRun("dcgan", args, fixed=["model"])
        training = make_training(args.model, device)
        size = training.generator.size
        split = training_split(args.data)
        pool = load_image_pool(args.data, split, size, "skin").to(device)  # its masks are not used
        args.out.mkdir(parents=True, exist_ok=True)
        run.restore(training.parts, training.state)
    state = training.state
    while state.seconds < 60 * args.minutes:
        started = time.perf_counter()
        real, _, _ = pool.sample(args.batch, flips=args.flips)
        loss_d, loss_g = training.step(real[:, :3])
        state.seconds += time.perf_counter() - started
        if state.shown % (args.check * args.batch) == 0:
            training.save(run)
            minutes = state.seconds / 60
            print(
                f"{state.shown:,} images, {minutes:.1f} min, D {loss_d:.2f} G {loss_g:.2f}",
                flush=True,
            )
        if args.pause and time.perf_counter() - begun > 60 * args.pause:
            break
    training.save(run)
    print(f"{state.shown:,} images in {state.seconds / 60:.1f} min: {args.out}")


if __name__ == "__main__":
    main()
