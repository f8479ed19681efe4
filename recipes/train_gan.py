"""Train a SkinGenerator: skin images with their region masks, by class and, where asked for, by
skin tone.

    python recipes/train_gan.py --data DIR --size 128 --minutes 60 --out runs/lesions

DIR holds photographs as `SkinFolder` reads them; `split=train` alone is learnt from, `split=val` is
what the run is judged by. The run can be killed at any moment and goes on from its --out when the
same command is given again; with --pause 9 it leaves by itself after 9 minutes of the clock, which
suits a machine that is lent by the hour. It writes `checkpoint.pt`, `metrics.jsonl`,
`samples/*.png`, the last weights into `last/` and the best into `model/`.

Start simple and change one thing at a time; keep a change only if KID at equal minutes falls.
- Images of half the size until --grow have been shown, classes (and tones) from 0 to full weight
  between the two numbers of --condition: class conditions collapse GANs on little data (Shahbazi et
  al., ICLR 2022).
- --features adds a discriminator on the features of a frozen ImageNet network (Projected GAN), the
  strongest single help
  with a few thousand photographs: `mobilenetv2_100` takes timm's weights from the Hub,
  `mobilenetv2_100=FILE` a file.
- --augment is the probability of differentiable augmentation, or `adaptive`: raised while the
  discriminators are too sure.
- --loss relativistic wants --r1 and --r2, in small doses (0.01 to 1), paid every 16th step at 16
  times the weight.
- --lr has two numbers: a discriminator that learns faster than the generator (TTUR, Heusel et al.,
  NeurIPS 2017) may need fewer images; with --init, which starts from published weights, begin with
  `--lr 5e-5 2e-4 --grow 0 --condition 0 0`.
- --cover is the weight of resemblance: half of each batch is drawn at latents that an encoder gives
  to photographs, and has to resemble them. It needs --features. `--augment-colour 0` lets skin
  differ in tone and light as in photographs; --noise gives texture chance of its own. How the
  bundled generators were trained in an hour on one core is in their cards.
- --classify has the discriminators name the class and wants what was generated to be named as asked
  (auxiliary classifier).
- `--crops skin` cuts close-ups of healthy skin from beside the lesions. --tones adds the skin tone
  as an input, with an error on the tone of what was generated; it needs `--masks skin` or `--crops
  skin`, where the region is skin.

Every check logs KID x1000 on `val` of the averaged weights as they would be used; `spread`, the
pixels' standard deviation over samples, which falls when modes collapse; and `gap`, how much realer
the discriminators find photographs they train on than those of `val`, with `gap_share`, the same
relative to how much realer than generated ones: 0 is no overfitting, 1 is all by heart. KID with
the network of --features is flattered: name another with --kid
(`synthderm.metrics.load_extractor`).

Expect on one core that multiplies bf16, 128 px, with --features and --cover, 36 images/s at half
size and 19 at full size, half of that on one that does not; a checkpoint of 30 MB. KID needs `pip
install 'synthderm[bench]'`.
"""

import argparse
import copy
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from synthderm.datasets.folder import training_split
from synthderm.imaging.io import grid, outline, to_pil
from synthderm.models.generator import SkinGenerator
from synthderm.models.layers import has_bf16
from synthderm.training import checkpoint as runs
from synthderm.training import losses
from synthderm.training.augment import adapt, diff_augment
from synthderm.training.discriminators import Discriminator, FeatureDiscriminator, load_backbone
from synthderm.training.image_pool import load_photographs, load_validation
from synthderm.training.reconstruction import Encoder, adapt_price, draw_codes, resemblance
from synthderm.training.validation import Checks


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    p.add_argument(
        "--data",
        required=True,
        help="folder of photographs: metadata.csv, or one sub-folder a class",
    )
    p.add_argument(
        "--out", required=True, help="folder of the run; an unfinished run in it is resumed"
    )
    p.add_argument("--size", type=int, default=128, help="side of the images in pixels")
    p.add_argument(
        "--channels",
        type=int,
        nargs="+",
        default=[192, 160, 96, 48, 32],
        help="generator width per level up to half the size, smallest first",
    )
    p.add_argument(
        "--judge",
        type=int,
        nargs="+",
        default=[192, 160, 96, 48, 24, 12],
        help="discriminator width per level",
    )
    p.add_argument(
        "--init",
        help="start from this generator's weights: bundled name, directory (./x) or Hub id",
    )
    p.add_argument(
        "--minutes",
        type=float,
        default=60,
        help="stop after this much training, all resumed parts together, checks not counted",
    )
    p.add_argument(
        "--pause",
        type=float,
        help=(
            "leave after this many minutes of the clock, reading and checks included, to be resumed"
        ),
    )
    p.add_argument("--images", type=int, default=10**9, help="stop after this many images shown")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument(
        "--lr",
        type=float,
        nargs=2,
        default=[2e-4, 2e-4],
        metavar=("G", "D"),
        help="Adam's learning rates",
    )
    p.add_argument("--loss", choices=["hinge", "relativistic"], default="hinge")
    p.add_argument(
        "--r1",
        type=float,
        default=0.0,
        help="gamma of the gradient penalty on real images; 0 = none",
    )
    p.add_argument(
        "--r2",
        type=float,
        default=0.0,
        help="gamma of the gradient penalty on generated images; 0 = none",
    )
    p.add_argument("--lazy", type=int, default=16, help="steps between gradient penalties")
    p.add_argument(
        "--noise",
        action="store_true",
        help=(
            "give the generator a square of noise beside its code, for what is chance in a texture"
        ),
    )
    p.add_argument(
        "--classify",
        type=float,
        default=0.0,
        help=(
            "weight of the class that the discriminators see in photographs and in what was"
            " generated"
        ),
    )
    p.add_argument(
        "--cover",
        type=float,
        default=0.0,
        help="weight of the resemblance to encoded photographs; 0 = no encoder",
    )
    p.add_argument(
        "--augment",
        default="0.7",
        help="probability of each differentiable augmentation, or adaptive",
    )
    p.add_argument(
        "--augment-colour",
        type=float,
        default=1.0,
        help="weight of the augmentation's changes of colour; 0 = shift and cut-out alone",
    )
    p.add_argument(
        "--ema", type=float, default=4000, help="half-life of the weight average, in images"
    )
    p.add_argument(
        "--grow", type=int, default=80_000, help="images shown at half the size before the full one"
    )
    p.add_argument(
        "--condition",
        type=int,
        nargs=2,
        default=[40_000, 80_000],
        metavar=("FROM", "TO"),
        help="images over which classes come in",
    )
    p.add_argument("--balance", action="store_true", help="show every class equally often")
    p.add_argument(
        "--masks",
        choices=["given", "skin"],
        default="given",
        help="the region: from the data set, or found by skin colour",
    )
    p.add_argument(
        "--crops",
        choices=["whole", "skin"],
        default="whole",
        help="whole photographs, or close-ups without the lesion; all of them is region",
    )
    p.add_argument(
        "--tones", action="store_true", help="give the generator an input for the skin tone"
    )
    p.add_argument(
        "--flips",
        choices=["none", "horizontal", "all"],
        default="all",
        help="orientations that mean the same; all = 8",
    )
    p.add_argument(
        "--features", help="frozen feature network: a timm name, or name=weights.safetensors"
    )
    p.add_argument(
        "--kid",
        help=(
            "extractor for KID: timm:NAME, timm:NAME=FILE, FILE.safetensors, or none; the network"
            " of --features where left out"
        ),
    )
    p.add_argument("--kid-images", type=int, default=512, help="images generated for each KID")
    p.add_argument(
        "--check", type=int, default=8000, help="images between checkpoints, sample grids and KIDs"
    )
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile generator and discriminators: minutes to start, then faster on a GPU",
    )
    p.add_argument("--threads", type=int, help="CPU threads")
    return p.parse_args()


def schedule(args: argparse.Namespace, shown: int) -> tuple[float, int]:
    """The class weight and the image size after `shown` images: functions of the count alone, so
    that resuming is exact."""
    start, end = args.condition
    condition = min(1.0, max(0.0, (shown - start) / max(1, end - start)))
    return condition, args.size // 2 if shown < args.grow else args.size


def main() -> None:
    begun = time.perf_counter()
    args = parse()
    out, device = Path(args.out), torch.device(args.device)
    torch.set_num_threads(args.threads or torch.get_num_threads())
    on_gpu = device.type == "cuda"
    cast = torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))
    torch.backends.cudnn.benchmark = on_gpu
    torch.manual_seed(args.seed)
    rng = torch.Generator().manual_seed(args.seed)  # for what is looked at, the same at every check
    region = "close-up" if args.crops == "skin" else args.masks
    try:
        if args.tones and region == "given":
            raise ValueError(
                "--tones needs --masks skin or --crops skin: the given region is the lesion, not"
                " the skin."
            )
        if args.augment != "adaptive" and not 0 <= float(args.augment) <= 1:
            raise ValueError(f"--augment {args.augment} is neither a probability nor adaptive.")
        if args.cover and not args.features:
            raise ValueError("--cover compares feature maps: name a network with --features.")
        photographs = load_photographs(args.data, training_split(args.data), args.size, region).to(
            device
        )
        val = load_validation(args.data, args.size, region)
        tones = photographs.deciles() if args.tones else None
        noise = args.size // 2 if args.noise else 0
        generator = SkinGenerator(
            args.size, args.channels, photographs.classes, 128 + noise**2, tones=tones, noise=noise
        )
        if args.init:
            generator.start_from(SkinGenerator.from_pretrained(args.init))
        spec = args.kid or (f"timm:{args.features}" if args.features else "none")
        kid_latents = torch.randn(args.kid_images, generator.latent_dim, generator=rng).to(device)
        checks = (
            None
            if val is None
            else Checks(val.to(device), None if spec == "none" else spec, kid_latents, cast)
        )
        (out / "samples").mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        raise SystemExit(f"train_gan.py: {error}") from None
    if val is None:
        print(
            f"{args.data} has no split val: no KID and no gap is measured, and model/ holds the"
            " last weights."
        )
    generator.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(generator).eval().requires_grad_(False)
    judges = nn.ModuleList(
        [Discriminator(args.size, args.judge, len(photographs.classes), args.tones)]
    )
    if args.features:
        judges.append(
            FeatureDiscriminator(
                load_backbone(args.features), len(photographs.classes), tones=args.tones
            )
        )
    judges.to(device, memory_format=torch.channels_last).train()
    trained = [p for p in judges.parameters() if p.requires_grad]
    encoder = (
        Encoder(generator.code_dim).to(device, memory_format=torch.channels_last)
        if args.cover
        else nn.Identity()
    )
    optimizers = [
        torch.optim.Adam(
            [*generator.parameters(), *encoder.parameters()],
            lr=args.lr[0],
            betas=(0.0, 0.99),
            fused=on_gpu,
        ),
        torch.optim.Adam(trained, lr=args.lr[1], betas=(0.0, 0.99), fused=on_gpu),
    ]
    # The penalty needs gradients of gradients, which compiled code has not: it calls `judges`
    # themselves.
    make, judge = (
        (torch.compile(generator), [torch.compile(d) for d in judges])
        if args.compile
        else (generator, judges)
    )

    state = {"shown": 0, "seconds": 0.0, "checked": None, "best_kid": None, "best_shown": None}
    running = torch.zeros(
        5, device=device
    )  # both losses, how sure the discriminators are of photographs, what codes tell and miss
    price = torch.tensor(0.05, device=device)  # of a nat that a code tells
    p = torch.tensor(0.0 if args.augment == "adaptive" else float(args.augment), device=device)
    sample_latents = torch.randn(64, generator.latent_dim, generator=rng).to(device)
    sample_labels = (torch.arange(64) * len(photographs.classes) // 64).to(device)
    sample_tones = torch.linspace(tones[0], tones[-1], 8).repeat(8).to(device) if tones else None

    def save() -> None:
        parts = {
            "generator": generator.state_dict(), "average": average.state_dict(), "judges": runs.trained_state(judges), "encoder": encoder.state_dict(),
            "optimizers": [runs.adam_state(o) for o in optimizers], "state": state, "running": running, "p": p, "price": price,
        }  # fmt: skip
        runs.write_checkpoint(out, parts, device)

    def check(figures: dict) -> None:
        condition, size = schedule(args, state["shown"])
        with torch.no_grad(), cast:
            parts = zip(
                sample_latents.split(16),
                sample_labels.split(16),
                sample_tones.split(16) if tones else [None] * 4,
            )
            output = (
                torch.cat([average(z, y, condition, size, t) for z, y, t in parts]).float().cpu()
            )
        picture = (output[:, :3] + 1) / 2
        to_pil(grid(outline(picture, output[:, 3:] > 0), 8)).save(
            out / "samples" / f"{state['shown']:09d}.png"
        )
        figures |= {"spread": picture.std(0).mean().item(), "augment": p.item()}
        if checks is not None:
            figures |= checks.measure_gap(judges, average, photographs, condition, size, args.batch)
        measured = (
            checks.measure_kid(average)
            if checks is not None and checks.extractor is not None
            else None
        )
        state["checked"] = state["shown"]
        best = measured is None or state["best_kid"] is None or measured < state["best_kid"]
        if best:
            state.update(best_kid=measured, best_shown=state["shown"])
        card = {"recipe": "train_gan.py", "training": {**vars(args), **state}}
        for name in ("last", "model") if best else ("last",):
            average.save_pretrained(out / name, card=card)
        runs.log(out, {**state, **figures, "kid_x1000": measured})
        save()

    loaded = runs.read_checkpoint(out, device)
    if loaded is not None:
        generator.load_state_dict(loaded["generator"])
        average.load_state_dict(loaded["average"])
        runs.load_trained(judges, loaded["judges"])
        encoder.load_state_dict(loaded["encoder"])
        for optimizer, values in zip(optimizers, loaded["optimizers"]):
            runs.load_adam(optimizer, values)
        state, running, p, price = (loaded[name] for name in ("state", "running", "p", "price"))

    bar = tqdm(
        total=args.minutes * 60,
        initial=state["seconds"],
        unit="s",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        disable=None,
    )
    clock, since = time.perf_counter(), dict(state)

    def look() -> dict:
        """Wait for the device, and read clock and losses."""
        nonlocal clock
        loss_d, loss_g, sure, nats, missed = running.tolist()
        weights = (
            torch.stack([p.detach().sum() for p in [*generator.parameters(), *trained]])
            .sum()
            .item()
        )
        if not math.isfinite(loss_d + loss_g + weights):
            kept = (
                f"the last good checkpoint is kept in {out / 'checkpoint.pt'}"
                if (out / "checkpoint.pt").exists()
                else "no checkpoint was written yet"
            )
            raise SystemExit(
                f"a loss is NaN after {state['shown']} images; {kept}. Try a lower --lr."
            )
        now = time.perf_counter()
        state["seconds"] += now - clock
        clock = now
        pace = (state["shown"] - since["shown"]) / max(1e-9, state["seconds"] - since["seconds"])
        bar.update(min(state["seconds"], bar.total) - bar.n)
        bar.set_postfix_str(
            f"{state['shown']:,} images, {pace:.0f}/s, {schedule(args, state['shown'])[1]} px, D"
            f" {loss_d:.2f} G {loss_g:.2f}"
        )
        return {"loss_d": loss_d, "loss_g": loss_g, "sure": sure, "images_per_s": pace} | (
            {"nats": nats, "missed": missed} if args.cover else {}
        )

    while state["shown"] < args.images and state["seconds"] < args.minutes * 60:
        step = state["shown"] // args.batch
        weight, size = schedule(args, state["shown"])
        condition = torch.full(
            (), weight, device=device
        )  # a tensor: a changing number would be compiled anew
        real, label, tone = photographs.draw(args.batch, args.flips, size, args.balance)
        told = (label, condition, tone if tones else None)
        latents = torch.randn(args.batch, generator.latent_dim, device=device)
        coded, nats = real[: args.batch // 2 if args.cover else 0], running.new_zeros(())
        if args.cover:
            codes, nats = draw_codes(*encoder(coded))
            latents[: len(coded), : generator.code_dim] = codes

        # Discriminators: the photographs up, the generated down.
        with cast:
            fake = make(latents, label, condition, size, told[2])
            seen_real, seen_fake = (
                diff_augment(real, p, args.augment_colour),
                diff_augment(fake.detach(), p, args.augment_colour),
            )
            judged, names = zip(*(d(seen_real, *told, named=True) for d in judge))
            verdicts = list(zip(judged, [d(seen_fake, *told) for d in judge]))
            game = (
                losses.discriminator_hinge
                if args.loss == "hinge"
                else losses.discriminator_relativistic
            )
            loss_d = sum(game(*pair) for pair in verdicts)
            mistaken = sum(F.cross_entropy(name, label) for name in names)
        total = loss_d + args.classify * mistaken
        for gamma, seen in ((args.r1, seen_real), (args.r2, seen_fake)):
            if gamma and step % args.lazy == 0:
                seen = seen.detach().float().requires_grad_()
                total = total + args.lazy * gamma * sum(
                    losses.gradient_penalty(d(seen, *told), seen) for d in judges
                )
        optimizers[1].zero_grad(set_to_none=True)
        total.backward()
        optimizers[1].step()

        # Generator: what it made up, in the eyes of the discriminators just improved.
        for parameter in trained:
            parameter.requires_grad_(False)
        with cast:
            seen = diff_augment(fake, p, args.augment_colour)
            judged, names = zip(*(d(seen, *told, named=True) for d in judge))
            if args.loss == "hinge":
                loss_g = sum(losses.generator_hinge(verdict) for verdict in judged)
            else:
                loss_g = sum(
                    losses.generator_relativistic(d(seen_real, *told), verdict)
                    for d, verdict in zip(judge, judged)
                )
            mistaken = sum(F.cross_entropy(name, label) for name in names)
        total, missed = loss_g + args.classify * condition * mistaken, running.new_zeros(())
        if args.cover:
            with cast:
                missed = resemblance(judges[1].backbone, fake[: len(coded)], coded)
            total = total + args.cover * missed + price * nats
            price = adapt_price(price, nats, math.log(len(photographs.labels)))
        if tones:
            total = total + condition * losses.tone_error(
                (fake[:, :3].float() + 1) / 2, (fake[:, 3:].float() + 1) / 2, tone
            )
        optimizers[0].zero_grad(set_to_none=True)
        total.backward()
        optimizers[0].step()
        for parameter in trained:
            parameter.requires_grad_(True)
        keep = min(
            0.5 ** (args.batch / args.ema), state["shown"] / (state["shown"] + 10 * args.batch)
        )
        runs.blend(average, generator, keep)

        # How sure the discriminators are: that a photograph is real, or in the relativistic game
        # realer than its partner.
        sure = torch.cat(
            [
                (a if args.loss == "hinge" else a - b).detach().float().sign().flatten()
                for a, b in verdicts
            ]
        ).mean()
        running.lerp_(
            torch.stack([x.detach().float() for x in (loss_d, loss_g, sure, nats, missed)]),
            0.02 if step else 1.0,
        )
        p = adapt(p, running[2], args.batch) if args.augment == "adaptive" else p
        state["shown"] += args.batch

        due = state["shown"] % args.check < args.batch
        figures = look() if due or not on_gpu or step % 20 == 0 else {}
        if due:
            check(figures)
            clock, since = time.perf_counter(), dict(state)
        if args.pause and time.perf_counter() - begun > 60 * args.pause:
            look()
            save()
            bar.close()
            print(
                f"paused at {state['shown']:,} images, {state['seconds'] / 60:.1f} min of training:"
                " the same command goes on."
            )
            return
    if state["checked"] != state["shown"]:
        check(look())
    bar.close()
    print(
        f"{state['shown']:,} images in {state['seconds'] / 60:.1f} min; the best model, of"
        f" {state['best_shown']:,} images, is in {out / 'model'}."
    )


if __name__ == "__main__":
    main()
