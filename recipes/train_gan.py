"""Train a SkinGenerator: skin images with their region masks, by class and, if wanted, skin tone.

    python recipes/train_gan.py --data DIR --size 128 --minutes 60 --out runs/lesions

DIR holds photographs as `SkinFolder` reads them. The generator learns from `split=train` alone;
`split=val` measures the run. A run can be killed at any moment, and goes on from its --out when
the same command is given again. Flags that have changed by then act from there on, and the model's
card tells so; those that --help calls settled are refused. With --pause 9 it leaves by itself after
9 minutes of the clock, which suits a machine that is lent by the hour. It writes `checkpoint.pt`,
`metrics.jsonl`, `samples/*.png`, the last weights into `last/` and the best ones into `model/`.
The first checkpoint comes after half a minute. At the end it says whether KID is far enough from
that of blurred photographs for the model to be worth using.

Start simple, change one thing at a time, and keep a change only if KID at equal minutes falls.

- --half-res-images and --condition-images: start at half the size, and without classes, which
  collapse GANs on little data (Shahbazi et al., ICLR 2022). Classes and skin tones go from 0 to
  full weight between the two numbers.
- --features: a second discriminator on a frozen ImageNet network (Projected GAN) helps most with a
  few thousand photographs. `mobilenetv2_100` takes timm's weights, `mobilenetv2_100=FILE` a file's.
- --augment adaptive raises the probability while the discriminators overfit. `--augment-color 0`
  lets skin differ in tone and light as in photographs.
- --loss relativistic wants --r1 and --r2, in small doses (0.01 to 1).
- --lr: a discriminator that learns faster may need fewer images (TTUR, Heusel et al., NeurIPS
  2017). With --init begin with `--lr 5e-5 2e-4 --half-res-images 0 --condition-images 0 0`.
- --recon-weight: half of each batch is generated from the latents of photographs, and has to
  resemble them (a VAE on --features). --noise gives textures their own random numbers.
- --classify-weight: images have to show the class that was asked for (auxiliary classifier).
- --region close-up cuts healthy skin from beside the lesions. --skin-tone adds an input, and the
  error of the generated tone as a loss; it needs a region of skin.

Each validation logs KID x1000 to `val`, of the averaged weights as they would be used; `spread`,
the standard deviation of pixels over samples, which falls when modes collapse; and `gap`, how much
more real the discriminators find photographs they train on than those of `val`, with `gap_share`,
the same relative to generated ones: 0 is no overfitting, 1 is all memorised. KID on the network of
--features is flattered: name another with --kid (`synthderm.metrics.load_extractor`).

Expect on one core that multiplies bf16, at 128 px with --features and --recon-weight, 36 images/s
at half size and 19 at full size, half of that on one that does not. The cards of the bundled
generators have the commands that trained them, in an hour on one core.
"""

import copy
import math
import time
from argparse import Namespace
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.datasets.folder import training_split
from synthderm.models.generator import SkinGenerator
from synthderm.training import checkpoint, losses, reconstruction
from synthderm.training.arguments import GAN_FIXED, parse_gan_args
from synthderm.training.augment import adapt_probability, diff_augment
from synthderm.training.discriminators import make_discriminators
from synthderm.training.ema import ema_decay, update_ema
from synthderm.training.image_pool import (
    ImagePool,
    load_image_pool,
    load_validation,
    match_classes,
)
from synthderm.training.loop import autocast, exit_on_error, frozen, stop_unless_finite, train
from synthderm.training.run import RunState, TrainingRun
from synthderm.training.schedule import schedule
from synthderm.training.validation import SampleSheet, Validation, verdict
from synthderm.training.warm_start import start_from

CODE_DIM = 128  # latents beside the noise
SMOOTHING = 0.02  # weight of the last step in the running means that are logged


# --- The method ---------------------------------------------------------------------------


class GANStep:
    """One step of training: the discriminators learn, then the generator.

    Args:
        args: of the command line.
        pool: the photographs, on `device`.
        generator: to be trained, on `device`.
        device: of all networks.
    """

    def __init__(
        self, args: Namespace, pool: ImagePool, generator: SkinGenerator, device: torch.device
    ) -> None:
        self.args, self.pool, self.device = args, pool, device
        self.cast = autocast(device)
        self.generator = generator
        self.ema = copy.deepcopy(generator).eval().requires_grad_(False)
        self.discriminators = make_discriminators(
            args.size,
            args.disc_channels,
            len(pool.classes),
            features=args.features,
            skin_tone=args.skin_tone,
        ).to(device, memory_format=torch.channels_last)
        self.trained = [p for p in self.discriminators.parameters() if p.requires_grad]
        self.encoder: nn.Module = nn.Identity()
        if args.recon_weight:
            self.encoder = reconstruction.Encoder(generator.code_dim)
            self.encoder.to(device, memory_format=torch.channels_last)
        adam = partial(torch.optim.Adam, betas=(0.0, 0.99), fused=device.type == "cuda")
        self.optimizer_g = adam([*generator.parameters(), *self.encoder.parameters()], args.lr[0])
        self.optimizer_d = adam(self.trained, args.lr[1])
        # Gradient penalties need gradients of gradients, which compiled networks do not have:
        # they use `self.discriminators` themselves.
        compiled = torch.compile if args.compile else lambda network: network
        self.G = compiled(generator)
        self.D = [compiled(discriminator) for discriminator in self.discriminators]
        # Running means of loss_d, loss_g, the sign of real logits, kl and recon.
        self.means = torch.zeros(5, device=device)
        self.augment_p = torch.zeros((), device=device)
        self.beta = torch.tensor(reconstruction.BETA, device=device)
        self.parts: dict[str, checkpoint.Part] = {
            "generator": generator,
            "ema": self.ema,
            "discriminators": self.discriminators,
            "encoder": self.encoder,
            "optimizer_g": self.optimizer_g,
            "optimizer_d": self.optimizer_d,
            "means": self.means,
            "augment_p": self.augment_p,
            "beta": self.beta,
        }

    def __call__(self, shown: int) -> None:
        """Train on one batch, after `shown` images."""
        args = self.args
        if args.augment != "adaptive":
            self.augment_p.fill_(float(args.augment))
        step = shown // args.batch
        weight, size = schedule(args, shown)
        # A tensor: for a changing number the networks would be compiled anew.
        condition = torch.full((), weight, device=self.device)
        real, labels, skin_tone = self.pool.sample(
            args.batch, flips=args.flips, size=size, balance=args.balance
        )
        given = {"skin_tone": skin_tone if args.skin_tone else None, "condition": condition}
        encoded = real[: args.batch // 2] if args.recon_weight else real[:0]
        latents, kl = self.sample_latents(encoded)
        with self.cast:
            fake = self.G(latents, labels, size=size, **given)
            seen_real = self.augment(real)
            seen_fake = self.augment(fake.detach())
        penalize = step % args.penalty_interval == 0
        loss_d, sign = self.d_step(seen_real, seen_fake, labels, given, penalize)
        with frozen(self.trained):
            loss_g, recon = self.g_step(seen_real, fake, labels, given, encoded, kl)
        update_ema(self.ema, self.generator, ema_decay(shown, args.batch, args.ema_images))
        measured = torch.stack([x.detach().float() for x in (loss_d, loss_g, sign, kl, recon)])
        self.means.lerp_(measured, SMOOTHING if step else 1.0)
        if args.augment == "adaptive":
            self.augment_p.copy_(adapt_probability(self.augment_p, self.means[2], args.batch))

    def augment(self, x: Tensor) -> Tensor:
        return diff_augment(x, self.augment_p, color=self.args.augment_color)

    def sample_latents(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of a batch, the first of them those of the encoded photographs, and their KL
        divergence."""
        latents = torch.randn(self.args.batch, self.generator.latent_dim, device=self.device)
        if not len(encoded):
            return latents, self.means.new_zeros(())
        mean, log_variance = self.encoder(encoded)
        kl = reconstruction.kl_divergence(mean, log_variance)
        code = reconstruction.reparameterize(mean, log_variance)
        latents[: len(encoded), : self.generator.code_dim] = code
        return latents, kl

    def d_step(
        self, real: Tensor, fake: Tensor, labels: Tensor, given: dict[str, Any], penalize: bool
    ) -> tuple[Tensor, Tensor]:
        """Train the discriminators on augmented images. Returns their loss, and the mean sign of
        the logits of real images: r_t of Karras et al. (NeurIPS 2020); in the relativistic game,
        of how much more real they look than generated ones."""
        args = self.args
        with self.cast:
            on_real = [D(real, labels, **given) for D in self.D]
            on_fake = [D(fake, labels, **given) for D in self.D]
            pairs = [(a.real, b.real) for a, b in zip(on_real, on_fake)]
            if args.loss == "hinge":
                loss = sum(losses.discriminator_hinge(a, b) for a, b in pairs)
            else:
                loss = sum(losses.discriminator_relativistic(a, b) for a, b in pairs)
            classify = sum(F.cross_entropy(logits.classes, labels) for logits in on_real)
        total = loss + args.classify_weight * classify
        for gamma, images in ((args.r1, real), (args.r2, fake)):
            if gamma and penalize:
                images = images.detach().float().requires_grad_()
                penalty = sum(
                    losses.gradient_penalty(D(images, labels, **given).real, images)
                    for D in self.discriminators
                )
                total = total + args.penalty_interval * gamma * penalty
        self.optimizer_d.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer_d.step()
        margins = [a if args.loss == "hinge" else a - b for a, b in pairs]
        signs = torch.cat([margin.detach().float().sign().flatten() for margin in margins])
        return loss, signs.mean()

    def g_step(
        self,
        real: Tensor,
        fake: Tensor,
        labels: Tensor,
        given: dict[str, Any],
        encoded: Tensor,
        kl: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Train the generator, and the encoder: its images should look real to the discriminators
        that have just learnt. Returns the adversarial and the reconstruction loss."""
        args = self.args
        with self.cast:
            seen = self.augment(fake)
            on_fake = [D(seen, labels, **given) for D in self.D]
            if args.loss == "hinge":
                loss = sum(losses.generator_hinge(logits.real) for logits in on_fake)
            else:
                loss = sum(
                    losses.generator_relativistic(D(real, labels, **given).real, logits.real)
                    for D, logits in zip(self.D, on_fake)
                )
            classify = sum(F.cross_entropy(logits.classes, labels) for logits in on_fake)
        total = loss + args.classify_weight * given["condition"] * classify
        recon = self.means.new_zeros(())
        if len(encoded):
            backbone = self.discriminators[1].backbone
            with self.cast:
                recon = reconstruction.reconstruction_loss(backbone, fake[: len(encoded)], encoded)
            total = total + args.recon_weight * recon + self.beta * kl
        if args.skin_tone:
            images, masks = ((fake.float() + 1) / 2).split((3, 1), dim=1)
            error = losses.skin_tone_error(images, masks, given["skin_tone"])
            total = total + given["condition"] * error
        self.optimizer_g.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer_g.step()
        if len(encoded):
            self.beta.copy_(reconstruction.update_beta(self.beta, kl, math.log(len(self.pool))))
        return loss, recon

    def read_means(self, shown: int) -> dict[str, float]:
        """Wait for the device and read the running means.

        Raises:
            SystemExit: a loss or a weight is NaN.
        """
        names = ("loss_d", "loss_g", "sign_real", "kl", "recon")
        means = dict(zip(names, self.means.tolist()))
        weights = [p.detach().sum() for p in [*self.generator.parameters(), *self.trained]]
        total = means["loss_d"] + means["loss_g"] + torch.stack(weights).sum().item()
        stop_unless_finite(total, shown, Path(self.args.out))
        if not self.args.recon_weight:
            del means["kl"], means["recon"]
        return means | {"augment_p": self.augment_p.item()}

    def report(self, shown: int) -> str:
        means = self.read_means(shown)
        return f"D {means['loss_d']:.2f} G {means['loss_g']:.2f}"


# --- The run ------------------------------------------------------------------------------


@dataclass
class TrainState(RunState):
    """What a run counts, and its best model."""

    best_kid: float | None = None
    best_shown: int | None = None


def make_generator(args: Namespace, pool: ImagePool, is_new: bool) -> SkinGenerator:
    noise = args.size // 2 if args.noise else 0
    tones = pool.tone_quantiles() if args.skin_tone else None
    generator = SkinGenerator(
        args.size, args.channels, pool.classes, CODE_DIM + noise**2, tones=tones, noise=noise
    )
    if args.init and is_new:
        start_from(generator, SkinGenerator.from_pretrained(args.init))
    return generator


def validate(
    step: GANStep,
    run: TrainingRun,
    state: TrainState,
    validation: Validation | None,
    samples: SampleSheet,
) -> dict[str, Any]:
    """Measure the averaged weights; write samples and models."""
    args, out = step.args, run.folder
    condition, size = schedule(args, state.shown)
    metrics: dict[str, Any] = step.read_means(state.shown)
    metrics["spread"] = samples.write(
        step.ema, out / "samples" / f"{state.shown:09d}.png", condition=condition, size=size
    )
    measured = None
    if validation is not None:
        metrics |= validation.measure_gap(
            step.discriminators,
            step.ema,
            step.pool,
            condition=condition,
            size=size,
            batch=args.batch,
        )
        measured = validation.measure_kid(step.ema)
    is_best = measured is None or state.best_kid is None or measured < state.best_kid
    if is_best:
        state.best_kid, state.best_shown = measured, state.shown
    for name in ("last", "model") if is_best else ("last",):
        step.ema.save_pretrained(out / name, card=run.describe(state))
    return {**metrics, "kid_x1000": measured}


def main() -> None:
    started = time.perf_counter()
    args = parse_gan_args(__doc__)
    out, device = Path(args.out), torch.device(args.device)
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    torch.manual_seed(args.seed)
    rng = torch.Generator().manual_seed(args.seed)  # of the latents that are validated
    with exit_on_error("train_gan.py"):
        run = TrainingRun("train_gan.py", args, GAN_FIXED)
        pool = load_image_pool(args.data, training_split(args.data), args.size, args.region)
        val = load_validation(args.data, args.size, args.region)
        pool, val = match_classes(pool, val)
        run.settle("classes", pool.classes)
        generator = make_generator(args, pool, run.is_new)
        latents = torch.randn(args.kid_images, generator.latent_dim, generator=rng).to(device)
        validation = None if val is None else Validation(val.to(device), args.kid, latents)
        (out / "samples").mkdir(parents=True, exist_ok=True)
    if val is None:
        print(f"{args.data} has no split val: no KID is measured, and model/ has the last weights.")
    generator.to(device, memory_format=torch.channels_last)
    step = GANStep(args, pool.to(device), generator, device)
    samples = SampleSheet(generator, rng, device)
    state = TrainState()
    train(step, run, state, lambda: validate(step, run, state, validation, samples), started)
    if state.best_shown is not None:
        photographs = None if validation is None else validation.measure_photographs(step.pool)
        print(verdict(state.best_kid, state.best_shown, state.shown, photographs))


if __name__ == "__main__":
    main()
