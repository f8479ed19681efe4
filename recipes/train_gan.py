"""Train a SkinGenerator: skin images with their region masks, by class and, if wanted, skin tone.

    python recipes/train_gan.py --data DIR --size 128 --minutes 60 --out runs/lesions

DIR holds photographs as `SkinFolder` reads them. The generator learns from `split=train` alone;
`split=val` measures the run. A run can be killed at any moment, and goes on from its --out when
the same command is given again. Flags that have changed by then act from there on, and the model's
card tells so; those that --help calls settled are refused. With --pause 9 it leaves by itself after
9 minutes of the clock, which suits a machine that is lent by the hour. It writes `checkpoint.pt`,
`metrics.jsonl`, `samples/*.png`, the last weights into `last/` and the best ones into `model/`.
The first checkpoint comes after half a minute. At the end it says whether KID is far enough from
that of blurred photographs for the model to be worth using. Several GPUs or processes train
together: docs/how-to/train-a-generator.md has the commands.

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
- --classify-weight: regions have to show the class that was asked for (auxiliary classifier). It
  sees nothing outside them, where ink or a ruler can tell a diagnosis.
- --region close-up cuts healthy skin from beside the lesions. --skin-tone adds an input, and the
  error of the generated tone as a loss; beside given regions, the lesions, skin is outside.

Expect on one core that multiplies bf16, at 128 px with --features and --recon-weight, 36 images/s
at half size and 19 at full size, half of that on one that does not. `--preset lesions` stands for
the settings of a bundled generator; their cards have the commands. --init takes discriminators and
optimizers too from a folder of `recipes/bundle.py --with-discriminators`.
"""

import copy
import math
import time
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synthderm.models.generator import SkinGenerator
from synthderm.training import checkpoint, losses, reconstruction
from synthderm.training.arguments import GAN_FIXED, parse_gan_args
from synthderm.training.artifact_pool import COUNT, cover, draw_pool
from synthderm.training.augment import adapt_probability, diff_augment
from synthderm.training.collectives import sync_norms
from synthderm.training.devices import Devices
from synthderm.training.discriminators import make_discriminators
from synthderm.training.ema import ema_decay, update_ema
from synthderm.training.gan_batches import GANBatch, sample_batch
from synthderm.training.gan_run import (
    TrainState,
    begin,
    load_photographs,
    make_generator,
    make_validation,
    prepare_devices,
    validate,
)
from synthderm.training.image_pool import ImagePool
from synthderm.training.loop import autocast, exit_on_error, frozen, stop_unless_finite, train
from synthderm.training.run import TrainingRun
from synthderm.training.schedule import schedule
from synthderm.training.slices import SharedBuffers
from synthderm.training.validation import SampleSheet, verdict

SMOOTHING = 0.02  # weight of the last step in the running means that are logged

Generated = tuple[GANBatch, Tensor, Tensor]  # a part of a batch, its images, the KL divergence


# --- The method ---------------------------------------------------------------------------


class GANStep:
    """One step of training: the discriminators learn, then the generator.

    Args:
        args: of the command line.
        pool: the photographs, on the device.
        generator: to be trained, on the device.
        devices: of this and other processes.
    """

    def __init__(
        self, args: Namespace, pool: ImagePool, generator: SkinGenerator, devices: Devices
    ) -> None:
        self.args, self.pool, self.devices, device = args, pool, devices, devices.device
        self.cast = autocast(device)
        self.augment = partial(diff_augment, color=args.augment_color)
        self.artifacts = draw_pool(generator.artifacts, args.size, COUNT, args.seed, device)
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
        sync_norms(generator)
        sync_norms(self.encoder)
        self.learning = [*generator.parameters(), *self.encoder.parameters()]
        adam = partial(torch.optim.Adam, betas=(0.0, 0.99), fused=device.type == "cuda")
        self.optimizer_g = adam(self.learning, args.lr[0])
        self.optimizer_d = adam(self.trained, args.lr[1])
        # Gradient penalties need gradients of gradients, which compiled networks do not have:
        # they use `self.discriminators` themselves.
        compiled = torch.compile if args.compile else lambda network: network
        self.G = compiled(generator)
        self.D = [compiled(discriminator) for discriminator in self.discriminators]
        # Running means of loss_d, loss_g, the sign of real logits, kl and recon.
        self.means = torch.zeros(5, device=device)
        self.augment_p = torch.zeros((), device=device)
        # Weights of the classes that make all count alike in batches, where these are not even.
        counts = torch.bincount(pool.labels, minlength=len(pool.classes))
        even = len(pool) / (len(pool.classes) * counts)
        self.even = torch.ones_like(even) if args.balance else even
        self.beta = torch.tensor(reconstruction.BETA, device=device)
        self.condition = torch.zeros((), device=device)
        self.shown_before = 0  # images of earlier runs, which schedules count
        kept = ("generator", "ema", "discriminators", "encoder", "optimizer_g", "optimizer_d")
        numbers = ("means", "augment_p", "beta")
        self.parts: dict[str, checkpoint.Part] = {n: getattr(self, n) for n in (*kept, *numbers)}

    def __call__(self, shown: int) -> None:
        """Train on one batch, after `shown` images."""
        args, shown = self.args, self.shown_before + shown
        if args.augment != "adaptive":
            self.augment_p.fill_(float(args.augment))
        step = shown // args.batch
        weight, size = schedule(args, shown)
        # A tensor: for a changing number the networks would be compiled anew.
        self.condition.fill_(weight)
        penalize = step % args.penalty_interval == 0
        whole = sample_batch(args, self.pool, self.generator, self.augment_p, size, self.artifacts)
        made = self.generate(self.devices.parts(whole))
        self.optimizer_d.zero_grad(set_to_none=True)
        loss_d, sign = self.devices.backward(
            made, partial(self.d_loss, penalize=penalize), [self.discriminators], self.trained
        )
        self.optimizer_d.step()
        self.optimizer_g.zero_grad(set_to_none=True)
        networks = [self.generator, self.encoder, self.discriminators]
        with frozen(self.trained):
            loss_g, recon, kl = self.devices.backward(made, self.g_loss, networks, self.learning)
        self.optimizer_g.step()
        if args.recon_weight:
            self.beta.copy_(reconstruction.update_beta(self.beta, kl, math.log(len(self.pool))))
        update_ema(self.ema, self.generator, ema_decay(shown, args.batch, args.ema_images))
        measured = torch.stack([loss_d, loss_g, sign, kl, recon])
        self.means.lerp_(measured, SMOOTHING if step else 1.0)
        if args.augment == "adaptive":
            self.augment_p.copy_(adapt_probability(self.augment_p, self.means[2], args.batch))

    def generate(self, parts: list[GANBatch]) -> list[Generated]:
        """The images of each part; of several without gradients, for lack of memory: `g_loss` makes
        them again."""
        buffers = SharedBuffers([self.generator, self.encoder], len(parts))
        generated = []
        for part in parts:
            with torch.set_grad_enabled(len(parts) == 1):
                generated.append((part, *self.make(part)))
            buffers.forget()
        return generated

    def make(self, part: GANBatch) -> tuple[Tensor, Tensor]:
        """Generated images, the first of them of the latents of the encoded photographs, and the KL
        divergence of these latents."""
        latents, kl = part.latents.clone(), self.means.new_zeros(())
        if len(part.encoded):
            mean, log_variance = self.encoder(part.encoded)
            kl = reconstruction.kl_divergence(mean, log_variance)
            code = reconstruction.reparameterize(mean, log_variance, part.code_noise)
            latents[: len(code), : self.generator.code_dim] = code
        with self.cast:
            return self.G(latents, part.labels, size=part.real.shape[-1], **self.given(part)), kl

    def given(self, part: GANBatch) -> dict[str, Any]:
        """What the networks are told beside the labels."""
        skin_tone = part.skin_tone if self.args.skin_tone else None
        return {"skin_tone": skin_tone, "condition": self.condition}

    def d_loss(self, generated: Generated, penalize: bool) -> tuple[Tensor, Tensor]:
        """The discriminators' loss on augmented images; and of it the adversarial part, and the
        mean sign of the logits of real images: r_t of Karras et al. (NeurIPS 2020); in the
        relativistic game, of how much more real they look than generated ones."""
        args, (part, fake, _) = self.args, generated
        labels, given = part.labels, self.given(part)
        with self.cast:
            real = self.augment(part.real, changes=part.changes_real)
            fake = self.augment(cover(fake.detach(), part.artifacts), changes=part.changes_fake)
            on_real = [D(real, labels, **given) for D in self.D]
            on_fake = [D(fake, labels, **given) for D in self.D]
            pairs = [(a.real, b.real) for a, b in zip(on_real, on_fake)]
            loss = sum(losses.DISCRIMINATOR[args.loss](a, b) for a, b in pairs)
            total = loss
            if args.classify_weight:
                total = loss + args.classify_weight * self.classify(real, labels, self.even)
        for gamma, images in ((args.r1, real), (args.r2, fake)):
            if gamma and penalize:
                images = images.detach().float().requires_grad_()
                penalty = sum(
                    losses.gradient_penalty(D(images, labels, **given).real, images)
                    for D in self.discriminators
                )
                total = total + args.penalty_interval * gamma * penalty
        margins = [a if args.loss == "hinge" else a - b for a, b in pairs]
        signs = torch.cat([margin.detach().float().sign().flatten() for margin in margins])
        return total, torch.stack([loss.detach().float(), signs.mean()])

    def g_loss(self, generated: Generated) -> tuple[Tensor, Tensor]:
        """The loss of the generator, and of the encoder: its images should look real to the
        discriminators that have just learnt. And of it the adversarial part, the reconstruction
        loss, and the KL divergence."""
        args, (part, fake, kl) = self.args, generated
        if not fake.requires_grad:
            fake, kl = self.make(part)
        labels, given = part.labels, self.given(part)
        with self.cast:
            seen = self.augment(cover(fake, part.artifacts), changes=part.changes_judged)
            on_fake = [D(seen, labels, **given) for D in self.D]
            if args.loss == "hinge":
                loss = sum(losses.generator_hinge(logits.real) for logits in on_fake)
            else:
                real = self.augment(part.real, changes=part.changes_real)
                loss = sum(
                    losses.generator_relativistic(D(real, labels, **given).real, logits.real)
                    for D, logits in zip(self.D, on_fake)
                )
            total = loss
            if args.classify_weight:
                classify = self.classify(seen, labels, torch.ones_like(self.even))
                total = loss + args.classify_weight * self.condition * classify
        recon = self.means.new_zeros(())
        if len(part.encoded):
            backbone, count = self.discriminators[1].backbone, len(part.encoded)
            with self.cast:
                recon = reconstruction.reconstruction_loss(backbone, fake[:count], part.encoded)
            total = total + args.recon_weight * recon + self.beta * kl
        if args.skin_tone:
            images, masks = ((fake.float() + 1) / 2).split((3, 1), dim=1)
            skin = 1 - masks if self.pool.region == "given" else masks
            error = losses.skin_tone_error(images, skin, part.skin_tone)
            total = total + self.condition * error
        return total, torch.stack([x.detach().float() for x in (loss, recon, kl)])

    def classify(self, seen: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """The loss of the last discriminator, the one on features if there is one, that names the
        classes of augmented images by their regions alone."""
        logits = self.D[-1](losses.region_alone(seen), labels).classes
        return losses.cross_entropy(logits.float(), labels, weights)

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


def main() -> None:
    started = time.perf_counter()
    args = parse_gan_args(__doc__)
    rng = torch.Generator().manual_seed(args.seed)  # of the latents that are validated
    with exit_on_error("train_gan.py"):
        devices = prepare_devices(args)
        run = TrainingRun("train_gan.py", args, GAN_FIXED, devices)
        pool, val = load_photographs(args, run)
        generator, device = make_generator(args, pool, run), devices.device
        latents = torch.randn(args.kid_images, generator.latent_dim, generator=rng)
        validation = make_validation(args, val, generator, latents, device)
        (run.folder / "samples").mkdir(parents=True, exist_ok=True)
        generator.to(device, memory_format=torch.channels_last)
        step = GANStep(args, pool.to(device), generator, devices)
        begin(step, run)
    samples, state = SampleSheet(generator, rng, device), TrainState()
    train(step, run, state, lambda: validate(step, run, state, validation, samples), started)
    if devices.is_main and state.best_shown is not None:
        photographs = None if validation is None else validation.measure_photographs(step.pool)
        print(verdict(state.best_kid, state.best_shown, state.shown, photographs))


if __name__ == "__main__":
    main()
