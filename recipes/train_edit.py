"""Train an EczemaEditor: add eczema to healthy skin, remove it, find it. Three kinds of
supervision:

    python recipes/train_edit.py --data DIR [DIR ...] --minutes 40 --out runs/paired
    python recipes/train_edit.py --supervision masked --data DIR [DIR ...] --sick DIR --sick-labels
    ACK BCC SCC --init runs/paired/model --out runs/masked python recipes/train_edit.py
    --supervision unpaired --data DIR [DIR ...] --sick DIR --sick-labels ACK BCC SCC --init
    runs/paired/model --out runs/unpaired

DIR holds photographs as `SkinFolder` reads them; `split=train` alone is used. Where a data set has
lesion masks, healthy skin is what lies beside the lesions. The run resumes from its --out like
train_gan.py.

*paired*: `synthderm.imaging.eczema_renderer` draws eczema on healthy skin, which gives image, mask,
severity and the exact answer. The editor learns to add what was drawn (knowing the noise and the
signs it was drawn with), to give the skin back, from the drawing and from what it added itself, and
to find the mask.

*masked* (the paper's first method): photographs of inflamed skin with masks. Lesions are added to
healthy patches under the masks of real lesions and judged beside these; real lesions are removed
and judged beside healthy patches. What was added is to be removed again (reconstruction), and
healthy skin to be left alone (identity). Nothing outside the mask changes, which is the composite's
work, so relevancy needs no loss.

*unpaired* (the paper's second): two folders, no masks. Lesions are added under drawn masks; real
ones are removed with the whole patch for a mask, so that the matte has to say where they are: it is
held small, and gradients outside it are kept. The cycle healthy, added, removed closes at the
healthy patch.

Discriminators take healthy skin from the first --data alone, best the same photographs as --sick,
and see density against the patch's own skin (`patches.against_own_skin`): otherwise they would
judge cameras and people, and not what a lesion changes. Adversarial training alone is slow: start
it from paired weights with --init, and keep these from being forgotten with --rehearse, which draws
on all of --data.

Expect on one AVX2 core: paired 45 images/s at 96 px; adversarial 6 images/s at 64 px with
--features.
"""

import argparse
import copy
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from synthderm.imaging.eczema_renderer import draw_eczema
from synthderm.imaging.io import grid, to_pil
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.imaging.resize import shrink
from synthderm.imaging.textures import cut_texture
from synthderm.models.editor import GRID, LOOK, EczemaEditor, Maps, composite
from synthderm.training.augment import diff_augment
from synthderm.training.checkpoint import (
    load_trained,
    log,
    read_checkpoint,
    trained_state,
    write_checkpoint,
)
from synthderm.training.discriminators import Discriminator, FeatureDiscriminator, load_backbone
from synthderm.training.lesion_patches import (
    against_own_skin,
    draw_healthy,
    draw_lesions,
    load_lesions,
    load_skin,
)
from synthderm.training.losses import (
    discriminator_hinge,
    generator_hinge,
    masked_difference,
    overlap,
)
from synthderm.transforms.functional import Latents, sample_latents


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    p.add_argument("--supervision", choices=["paired", "masked", "unpaired"], default="paired")
    p.add_argument(
        "--data", required=True, nargs="+", help="folders of photographs with healthy skin"
    )
    p.add_argument(
        "--sick", help="masked, unpaired: a folder of inflamed skin; with masks for masked"
    )
    p.add_argument("--sick-labels", nargs="+", help="its classes that are inflamed; all by default")
    p.add_argument(
        "--out", required=True, help="folder of the run; an unfinished run in it is resumed"
    )
    p.add_argument(
        "--init", help="weights to start from: a bundled name, a directory (./x) or a Hub id"
    )
    p.add_argument(
        "--rehearse",
        type=float,
        default=0.5,
        help="masked, unpaired: weight of the paired losses beside the others; 0 for none",
    )
    p.add_argument(
        "--features",
        help=(
            "masked, unpaired: frozen feature network of a second discriminator: a timm name, or"
            " name=weights.safetensors"
        ),
    )
    p.add_argument("--size", type=int, default=96, help="side of the training patches in pixels")
    p.add_argument(
        "--minutes",
        type=float,
        default=40,
        help="stop after this much training, all resumed parts together",
    )
    p.add_argument("--images", type=int, default=10**9, help="stop after this many images shown")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument(
        "--lr",
        type=float,
        default=1e-3,
        help="the editor's learning rate, halved every --decay images",
    )
    p.add_argument("--decay", type=int, default=30_000)
    p.add_argument(
        "--ema", type=float, default=4000, help="half-life of the weight average, in images"
    )
    p.add_argument(
        "--check", type=int, default=4000, help="images between checkpoints and sample sheets"
    )
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, help="CPU threads")
    return p.parse_args()


def draw_mask(allowed: Tensor, least: float, most: float) -> Tensor:
    """Lesion shapes that cover between `least` and `most` of where they are allowed, (B, 1, S, S)
    bool."""
    coverage = torch.empty(len(allowed)).uniform_(least, most)
    return (
        sample_masks(
            tuple(allowed.shape[-2:]), coverage, F.adaptive_avg_pool2d(allowed.float(), LOOK) > 0.5
        )
        & allowed
    )


def run(
    editor: nn.Module,
    image: Tensor,
    mask: Tensor,
    severity: Tensor,
    direction: int,
    seeds: Latents,
    texture: Tensor,
) -> tuple[Tensor, Maps]:
    """One differentiable edit, as `synthderm.transforms.functional.apply_edit` does it: the edited
    image and the predicted maps."""
    look, where = shrink(image), shrink(mask)
    amount = severity if direction > 0 else torch.ones_like(severity)
    maps = editor(
        look, where, amount, direction * torch.ones_like(severity), seeds.noise, seeds.signs
    )
    edited = composite(image, F.avg_pool2d(look, 2), maps, amount, F.avg_pool2d(where, 2), texture)
    return torch.where(mask, edited.clamp(1 / 255, 1), image), maps


def find(editor: nn.Module, image: Tensor, seeds: Latents) -> Tensor:
    zeros = torch.zeros(len(image), device=image.device)
    return editor(
        shrink(image), torch.zeros_like(seeds.noise[:, :1]), zeros, zeros, seeds.noise, seeds.signs
    ).found


def finding_losses(
    editor: nn.Module, sick: Tensor, healthy: Tensor, mask: Tensor, known: Tensor, seeds: Latents
) -> dict[str, Tensor]:
    """Half of the pictures are healthy, and nothing is to be found in them. Where `known` is False,
    other lesions are, and what is found there does not count."""
    is_sick = torch.arange(len(sick), device=sick.device) % 2 == 0
    found = find(editor, torch.where(is_sick.view(-1, 1, 1, 1), sick, healthy), seeds)
    counts, truth = shrink(known, GRID), shrink(mask, GRID) * is_sick.view(-1, 1, 1, 1)
    missed = 1 - overlap((found.sigmoid() * counts)[is_sick], truth[is_sick])
    return {
        "find": F.binary_cross_entropy_with_logits(found, truth, weight=counts),
        "overlap": 0.6 * missed,
    }


def main() -> None:
    args = parse()
    out, device, adversarial = (
        Path(args.out),
        torch.device(args.device),
        args.supervision != "paired",
    )
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        if adversarial and not args.sick:
            raise ValueError(
                f"--supervision {args.supervision} needs --sick, a folder of inflamed skin."
            )
        skin = [load_skin(data, args.size) for data in args.data]
        lesions = (
            load_lesions(args.sick, args.sick_labels, args.size, args.supervision == "masked")
            if adversarial
            else []
        )
        if args.supervision == "unpaired":
            lesions = [
                photograph._replace(lesion=None) for photograph in lesions
            ]  # masks that there are stay unread
        torch.manual_seed(args.seed)
        editor = (
            EczemaEditor.from_pretrained(args.init).train().requires_grad_(True)
            if args.init
            else EczemaEditor()
        )
        (out / "samples").mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        raise SystemExit(f"train_edit.py: {error}") from None

    def send(seeds: Latents, *parts: Tensor) -> tuple:
        return (*(part.to(device) for part in parts), Latents(*(part.to(device) for part in seeds)))

    def draw_pair() -> tuple:
        """Healthy patches, and eczema drawn on them: image, what is known to be healthy, mask,
        severity, drawing, texture, seeds."""
        healthy, allowed = draw_healthy(skin, args.batch, args.size)
        mask = draw_mask(allowed, 0.05, 0.7)
        seeds, severity = sample_latents(args.batch), torch.rand(args.batch) * 0.95 + 0.05
        texture = cut_texture(seeds.offset, args.size, args.size)
        drawn = draw_eczema(healthy, mask, severity, seeds.noise, texture, seeds.signs)
        return send(seeds, healthy, allowed | ~skin_region(healthy), mask, severity, drawn, texture)

    def paired_losses(healthy, known, mask, severity, drawn, texture, seeds) -> dict[str, Tensor]:
        added, _ = run(editor, healthy, mask, severity, +1, seeds, texture)
        # Removal practises on both: what the renderer drew, and what the editor adds.
        sick = torch.where(
            torch.rand(len(mask), 1, 1, 1, device=device) < 0.5, drawn, added.detach()
        )
        cleared, _ = run(editor, sick, mask, severity, -1, seeds, texture)
        losses = {
            "add": masked_difference(added, drawn, mask),
            "remove": masked_difference(cleared, healthy, mask),
        }
        return losses | finding_losses(editor, sick, healthy, mask, known, seeds)

    def draw_real() -> tuple:
        """Healthy patches, what is known in them, the masks under which lesions are added,
        severity, and real lesions with their masks; texture and seeds."""
        healthy, allowed = draw_healthy(skin[:1], args.batch, args.size)
        sick, inside = draw_lesions(lesions, args.batch, args.size)
        if args.supervision == "masked":
            mask = inside.roll(1, 0) & allowed
        else:
            mask = draw_mask(allowed, 0.15, 0.6)
        seeds, severity = sample_latents(args.batch), torch.rand(args.batch) * 0.5 + 0.5
        texture = cut_texture(seeds.offset, args.size, args.size)
        return send(
            seeds, healthy, allowed | ~skin_region(healthy), mask, severity, sick, inside, texture
        )

    def judge(which: int, image: Tensor, mask: Tensor) -> Tensor:
        """Logits of discriminator 0 (is this a real lesion?) or 1 (is this healthy skin?), which
        see masks where the data has them."""
        masked = args.supervision == "masked"
        seen = torch.cat(
            [
                against_own_skin(image, mask if masked else None),
                mask.float() * 2 - 1 if masked else torch.zeros_like(image[:, :1]),
            ],
            dim=1,
        )
        seen, label = diff_augment(seen, 0.3), torch.full((len(image),), which, device=device)
        return torch.cat([judges[key](seen, label) for key in judges], dim=1)

    def adversarial_losses(
        healthy, known, mask, severity, sick, inside, texture, seeds
    ) -> dict[str, Tensor]:
        added, _ = run(editor, healthy, mask, severity, +1, seeds, texture)
        cleared, maps = run(editor, sick, inside, severity, -1, seeds, texture)
        losses_d = discriminator_hinge(judge(0, sick, inside), judge(0, added.detach(), mask))
        losses_d = losses_d + discriminator_hinge(
            judge(1, healthy, mask), judge(1, cleared.detach(), inside)
        )
        optimizer_d.zero_grad(set_to_none=True)
        losses_d.backward()
        optimizer_d.step()
        for parameter in trained:
            parameter.requires_grad_(False)
        # The cycle teaches removal alone: through the addition it would teach to add what is easily
        # removed, nothing at all.
        back, _ = run(editor, added.detach(), mask, severity, -1, seeds, texture)
        kept, _ = run(editor, healthy, mask, severity, -1, seeds, texture)
        losses = {
            "lesion": 0.5 * generator_hinge(judge(0, added, mask)),
            "healed": 0.5 * generator_hinge(judge(1, cleared, inside)),
            "cycle": masked_difference(back, healthy, mask),
            "identity": 0.5 * masked_difference(kept, healthy, mask),
        }
        if args.supervision == "unpaired":
            change = (cleared - sick).abs().mean(1, keepdim=True)
            losses["sparse"] = 0.3 * (maps.matte * maps.density.abs().mean(1, keepdim=True)).mean()
            losses["gradient"] = masked_difference(cleared, sick, change.detach() < 0.02, colour=0)
        for parameter in trained:
            parameter.requires_grad_(True)
        found = finding_losses(editor, added.detach(), healthy, mask, known, seeds)
        if args.supervision == "masked":
            real = finding_losses(
                editor,
                sick,
                healthy,
                inside,
                known | (torch.arange(len(sick), device=device) % 2 == 0).view(-1, 1, 1, 1),
                seeds,
            )
            found = {key: (value + real[key]) / 2 for key, value in found.items()}
        return losses | found

    editor = editor.to(device)
    average = copy.deepcopy(editor).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(editor.parameters(), lr=args.lr, weight_decay=1e-4)
    judges = nn.ModuleDict()
    if adversarial:
        judges["image"] = Discriminator(args.size, [96, 64, 48, 24], 2)
        if args.features:
            judges["features"] = FeatureDiscriminator(load_backbone(args.features), 2)
        judges.to(device).train()
    trained = [p for p in judges.parameters() if p.requires_grad]
    optimizer_d = torch.optim.Adam(trained, lr=2e-4, betas=(0.0, 0.99)) if trained else None
    state = {"shown": 0, "seconds": 0.0}
    fixed, fixed_real = (
        draw_pair(),
        draw_real() if adversarial else None,
    )  # the same for every sheet of samples

    def save() -> None:
        parts = {
            "editor": editor.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "state": state,
        }
        if adversarial:
            parts |= {"judges": trained_state(judges), "optimizer_d": optimizer_d.state_dict()}
        write_checkpoint(out, parts, device)

    @torch.no_grad()
    def check(figures: dict) -> None:
        healthy, _, mask, severity, drawn, texture, seeds = fixed
        added, _ = run(average, healthy, mask, severity, +1, seeds, texture)
        cleared, _ = run(average, drawn, mask, severity, -1, seeds, texture)
        undone, _ = run(average, added, mask, severity, -1, seeds, texture)
        sheet = [healthy, drawn, added, cleared, undone]
        if adversarial:
            healthy, _, mask, severity, sick, inside, texture, seeds = fixed_real
            sheet += [
                healthy,
                run(average, healthy, mask, severity, +1, seeds, texture)[0],
                sick,
                run(average, sick, inside, severity, -1, seeds, texture)[0],
            ]
        to_pil(grid(torch.cat(sheet).cpu(), args.batch)).save(
            out / "samples" / f"{state['shown']:09d}.png"
        )
        healthy, mask = fixed[0], fixed[2]
        inside = mask.sum((1, 2, 3)).clamp_min(1) * 3
        psnr = (
            -10
            * torch.log10((((cleared - healthy) ** 2).sum((1, 2, 3)) / inside).clamp_min(1e-8))
            .median()
            .item()
        )
        average.save_pretrained(
            out / "model", card={"recipe": "train_edit.py", "training": {**vars(args), **state}}
        )
        log(out, {**state, **figures, "psnr": psnr})
        save()

    if loaded := read_checkpoint(out, device):
        editor.load_state_dict(loaded["editor"])
        average.load_state_dict(loaded["average"])
        optimizer.load_state_dict(loaded["optimizer"])
        if adversarial:
            load_trained(judges, loaded["judges"])
            optimizer_d.load_state_dict(loaded["optimizer_d"])
        state = loaded["state"]

    keep = 0.5 ** (args.batch / args.ema)
    bar = tqdm(
        total=args.minutes * 60,
        initial=state["seconds"],
        unit="s",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        disable=None,
    )
    totals: dict[str, float] = {}
    while state["shown"] < args.images and state["seconds"] < args.minutes * 60:
        started = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = args.lr * 0.5 ** (state["shown"] / args.decay)
        losses = adversarial_losses(*draw_real()) if adversarial else {}
        if args.rehearse or not adversarial:
            weight = args.rehearse if adversarial else 1.0
            losses |= {
                f"paired {key}" if adversarial else key: weight * value
                for key, value in paired_losses(*draw_pair()).items()
            }
        optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        size = nn.utils.clip_grad_norm_(editor.parameters(), 1.0)
        if not math.isfinite(size):
            raise SystemExit(
                f"a loss is NaN after {state['shown']} images; the last good checkpoint is kept in"
                f" {out / 'checkpoint.pt'}. Try a lower --lr."
            )
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(average.parameters(), editor.parameters()):
                a.lerp_(b, 1 - min(keep, state["shown"] / (state["shown"] + 10 * args.batch)))

        state["shown"] += args.batch
        for key, value in losses.items():
            totals[key] = 0.98 * totals.get(key, value.item()) + 0.02 * value.item()
        taken = time.perf_counter() - started
        state["seconds"] += taken
        bar.update(min(taken, bar.total - bar.n))
        bar.set_postfix_str(
            f"{state['shown']:,} images, {args.batch / taken:.0f}/s, "
            + " ".join(f"{k} {v:.3f}" for k, v in totals.items())
        )
        if state["shown"] % args.check < args.batch:
            check(totals)
    check(totals)
    bar.close()
    print(
        f"{state['shown']:,} images in {state['seconds'] / 60:.1f} min; the model is in"
        f" {out / 'model'}"
    )


if __name__ == "__main__":
    main()
