"""Train an EczemaEditor to add eczema to healthy skin, to remove it and to find it.

    python recipes/train_edit.py --data DIR [DIR ...] --minutes 40 --out runs/paired
    python recipes/train_edit.py --supervision masked --data DIR [DIR ...] \\
        --lesional DIR --lesional-labels ACK BCC SCC --init ./runs/paired/model --out runs/masked
    python recipes/train_edit.py --supervision unpaired --data DIR [DIR ...] \\
        --lesional DIR --lesional-labels ACK BCC SCC --init ./runs/paired/model --out runs/unpaired

DIR holds photographs as `SkinFolder` reads them; `split=train` alone is used. Where a data set has
lesion masks, healthy skin is what lies beside the lesions. The run resumes from its --out like
train_gan.py. There are three kinds of supervision.

*paired*: `synthderm.imaging.eczema_renderer` draws eczema on healthy skin, which gives image, mask,
severity and the exact answer. The editor learns to add what was drawn, given the latents it was
drawn from; to give the skin back, from the drawing and from what it added itself; and to find the
mask.

*masked* (the paper's first method): photographs of lesional skin with masks. Lesions are added to
healthy patches under the masks of real lesions, and a discriminator compares them with these. Real
lesions are removed, and a discriminator compares the result with healthy patches. What was added is
to be removed again (cycle), and healthy skin to be left alone (identity). Nothing outside the mask
changes, by construction, so no loss is needed for that.

*unpaired* (the paper's second method): two folders, no masks. Lesions are added under random masks.
Real ones are removed with the whole patch as mask, so that the matte has to say where they are: it
is held small, and gradients outside it are kept. The cycle healthy, added, removed closes at the
healthy patch.

Discriminators take healthy skin from the first --data alone, best the same photographs as
--lesional, and see optical density relative to the patch's healthy skin (`normalize_skin`):
otherwise they would tell cameras and people apart, and not lesions. Adversarial training alone is
slow: start from paired weights with --init, and keep these from being forgotten with
--paired-weight, which uses all of --data.

Expect on one AVX512 core: paired 25 to 35 images/s at 192 px. The adversarial kinds are slower: at
64 px, with --features, 6 images/s with the first editor.
"""

import copy
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.imaging.color import to_density
from synthderm.imaging.compositing import GRID, composite, prepare_drawing, prepare_restoration
from synthderm.imaging.contact_sheet import grid
from synthderm.imaging.eczema_renderer import plan_drawing
from synthderm.imaging.io import to_pil, write_image
from synthderm.imaging.resize import shrink
from synthderm.imaging.tiles import cut_heights
from synthderm.models.editor import ADD, FIND, REMOVE, EczemaEditor, Maps
from synthderm.training import checkpoint
from synthderm.training.arguments import EDIT_FIXED, parse_edit_args
from synthderm.training.augment import diff_augment
from synthderm.training.discriminators import make_discriminators
from synthderm.training.edit_batches import EditBatch, sample_lesional, sample_pairs
from synthderm.training.ema import ema_decay, update_ema
from synthderm.training.lesion_patches import Photograph, load_healthy, load_lesions, normalize_skin
from synthderm.training.loop import exit_on_error, frozen, stop_unless_finite, train
from synthderm.training.losses import (
    discriminator_hinge,
    drawing_difference,
    generator_hinge,
    masked_difference,
    soft_iou,
)
from synthderm.training.run import RunState, TrainingRun

DISC_CHANNELS = [96, 64, 48, 24]
LESIONAL, HEALTHY = 0, 1  # what a discriminator is asked: a real lesion, or healthy skin?
FAINT = 0.3  # severity below which eczema need not be found
SMOOTHING = 0.02  # weight of the last step in the running means that are logged

Losses = dict[str, Tensor]


# --- An edit with gradients ---------------------------------------------------------------


def edit(
    editor: nn.Module, image: Tensor, mask: Tensor, direction: int, batch: EditBatch
) -> tuple[Tensor, Maps]:
    """One edit, as `synthderm.transforms.functional.edit_eczema` does it, with gradients: the
    edited image and the predicted maps."""
    thumbnail, mask_thumbnail = shrink(image), shrink(mask)
    ones = torch.ones_like(batch.severity)
    maps = editor(
        thumbnail,
        mask_thumbnail,
        severity=batch.severity if direction == ADD else ones,
        direction=direction * ones,
        latents=batch.latents,
    )
    if direction == ADD:
        layers = prepare_drawing(maps.drawing, thumbnail, mask_thumbnail)
        heights = cut_heights(batch.latents.offset, batch.latents.tiles, *image.shape[-2:])
        edited = composite(layers, image, heights)
    else:
        edited = composite(prepare_restoration(maps.restoration, thumbnail, ones), image)
    return torch.where(mask, edited.clamp(1 / 255, 1), image), maps


def finding_losses(
    editor: nn.Module, lesional: Tensor, mask: Tensor, known: Tensor, batch: EditBatch
) -> Losses:
    """Half of the images are the batch's healthy ones, and nothing is to be found in them. Where
    `known` is False there may be other lesions, and what is found there does not count."""
    is_lesional = torch.arange(len(lesional), device=lesional.device) % 2 == 0
    chosen = is_lesional.view(-1, 1, 1, 1)
    zeros = torch.zeros(len(lesional), device=lesional.device)
    found = editor(
        shrink(torch.where(chosen, lesional, batch.healthy)),
        torch.zeros_like(shrink(mask)),
        severity=zeros,
        direction=zeros + FIND,
        latents=batch.latents,
    ).found
    # Faint eczema cannot be told from uneven skin: it need not be found.
    is_faint = (batch.severity < FAINT).view(-1, 1, 1, 1)
    weight = shrink(known & ~(mask & chosen & is_faint), GRID)
    truth = shrink(mask, GRID) * chosen
    iou = soft_iou((found.sigmoid() * weight)[is_lesional], truth[is_lesional])
    return {
        "find": 8 * F.binary_cross_entropy_with_logits(found, truth, weight=weight),
        "find_iou": 2.4 * (1 - iou),
    }


# --- The method ---------------------------------------------------------------------------


class EditStep:
    """One step of training, by one of three kinds of supervision.

    Args:
        args: of the command line.
        editor: to be trained, on `device`.
        healthy: photographs of healthy skin, of one or more folders.
        lesions: photographs of lesional skin; for masked with their masks, for paired none.
        device: of all networks.
    """

    def __init__(
        self,
        args: Namespace,
        editor: EczemaEditor,
        healthy: list[list[Photograph]],
        lesions: list[Photograph],
        device: torch.device,
    ) -> None:
        self.args, self.healthy, self.lesions, self.device = args, healthy, lesions, device
        self.editor = editor
        self.ema = copy.deepcopy(editor).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(editor.parameters(), lr=args.lr, weight_decay=1e-4)
        self.parts: dict[str, checkpoint.Part] = {
            "editor": editor,
            "ema": self.ema,
            "optimizer": self.optimizer,
        }
        if args.supervision != "paired":
            self.discriminators = make_discriminators(
                args.size, DISC_CHANNELS, 2, features=args.features
            ).to(device)
            self.trained = [p for p in self.discriminators.parameters() if p.requires_grad]
            self.optimizer_d = torch.optim.Adam(self.trained, lr=2e-4, betas=(0.0, 0.99))
            self.parts |= {"discriminators": self.discriminators, "optimizer_d": self.optimizer_d}
        self.means: dict[str, float] = {}  # running means of the losses
        self.parts["means"] = self.means

    def __call__(self, shown: int) -> None:
        """Train on one batch, after `shown` images."""
        args = self.args
        for group in self.optimizer.param_groups:
            group["lr"] = args.lr * 0.5 ** (shown / args.lr_half_life)
        if args.supervision == "paired":
            losses = self.paired(self.sample_pairs())
        else:
            method = self.masked if args.supervision == "masked" else self.unpaired
            losses = method(self.sample_lesional())
            if args.paired_weight:
                for name, loss in self.paired(self.sample_pairs()).items():
                    losses[f"paired_{name}"] = args.paired_weight * loss
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        norm = nn.utils.clip_grad_norm_(self.editor.parameters(), 1.0)
        stop_unless_finite(norm.item(), shown, Path(args.out))
        self.optimizer.step()
        update_ema(self.ema, self.editor, ema_decay(shown, args.batch, args.ema_images))
        for name, loss in losses.items():
            value = loss.item()
            self.means[name] = (1 - SMOOTHING) * self.means.get(name, value) + SMOOTHING * value

    def sample_pairs(self) -> EditBatch:
        return sample_pairs(self.healthy, self.args.batch, self.args.size, self.device)

    def sample_lesional(self) -> EditBatch:
        args = self.args
        return sample_lesional(
            self.healthy[0],
            self.lesions,
            args.batch,
            args.size,
            masked=args.supervision == "masked",
        ).to(self.device)

    def paired(self, batch: EditBatch) -> Losses:
        """The renderer's drawing is the answer, map by map."""
        healthy, mask = batch.healthy, batch.mask
        added, maps = edit(self.editor, healthy, mask, ADD, batch)
        drawing = plan_drawing(shrink(healthy), shrink(mask), batch.severity, batch.latents)
        # Removal learns from both: what the renderer drew, and what the editor adds.
        is_drawn = torch.rand(len(mask), 1, 1, 1, device=self.device) < 0.5
        lesional = torch.where(is_drawn, batch.lesional, added.detach())
        removed, undone = edit(self.editor, lesional, mask, REMOVE, batch)
        inside, too_dense = shrink(mask), to_density(shrink(lesional)) - to_density(shrink(healthy))
        error = (undone.restoration.density - too_dense).abs() * inside
        losses = {
            "add": drawing_difference(maps.drawing, drawing),
            "remove": masked_difference(removed, healthy, mask),
            "density": 2 * error.sum() / (3 * inside.sum() + 1),
        }
        return losses | finding_losses(self.editor, lesional, mask, batch.known, batch)

    def masked(self, batch: EditBatch) -> Losses:
        """Real lesions with masks: two discriminators' classes, cycle and identity; finding is
        learnt from added and from real lesions."""
        losses, added, _, _ = self.adversarial(batch)
        found = finding_losses(self.editor, added.detach(), batch.mask, batch.known, batch)
        # Real lesions are known inside their masks and outside them.
        is_lesional = torch.arange(len(added), device=self.device) % 2 == 0
        known = batch.known | is_lesional.view(-1, 1, 1, 1)
        real = finding_losses(self.editor, batch.lesional, batch.lesion_mask, known, batch)
        return losses | {name: (found[name] + real[name]) / 2 for name in found}

    def unpaired(self, batch: EditBatch) -> Losses:
        """Real lesions without masks: as `masked`, and the change of a removal is to be small, and
        to leave gradients as they are where it hardly changes colours."""
        losses, added, removed, maps = self.adversarial(batch)
        change = (removed - batch.lesional).detach().abs().mean(1, keepdim=True)
        strength = maps.restoration.density.abs().mean(1, keepdim=True)
        losses["sparsity"] = 0.3 * (maps.restoration.matte * strength).mean()
        losses["gradient"] = masked_difference(removed, batch.lesional, change < 0.02, color=0)
        found = finding_losses(self.editor, added.detach(), batch.mask, batch.known, batch)
        return losses | found

    def adversarial(self, batch: EditBatch) -> tuple[Losses, Tensor, Tensor, Maps]:
        """What masked and unpaired share: adversarial, cycle and identity losses (Zhu et al., ICCV
        2017). Returns them, the added and the removed lesions, and the maps of the removal."""
        healthy, mask = batch.healthy, batch.mask
        added, _ = edit(self.editor, healthy, mask, ADD, batch)
        removed, maps = edit(self.editor, batch.lesional, batch.lesion_mask, REMOVE, batch)
        self.d_step(batch, added.detach(), removed.detach())
        # The cycle teaches removal alone. Through the addition it would teach to add what is
        # easily removed: nothing at all.
        cycle, _ = edit(self.editor, added.detach(), mask, REMOVE, batch)
        identity, _ = edit(self.editor, healthy, mask, REMOVE, batch)
        with frozen(self.trained):
            losses = {
                "gan_add": 0.5 * generator_hinge(self.D(LESIONAL, added, mask)),
                "gan_remove": 0.5 * generator_hinge(self.D(HEALTHY, removed, batch.lesion_mask)),
                "cycle": masked_difference(cycle, healthy, mask),
                "identity": 0.5 * masked_difference(identity, healthy, mask),
            }
        return losses, added, removed, maps

    def d_step(self, batch: EditBatch, added: Tensor, removed: Tensor) -> None:
        """Train the discriminators: real lesions against added ones, healthy skin against
        removed ones."""
        lesion_mask, mask = batch.lesion_mask, batch.mask
        loss = discriminator_hinge(
            self.D(LESIONAL, batch.lesional, lesion_mask), self.D(LESIONAL, added, mask)
        )
        loss = loss + discriminator_hinge(
            self.D(HEALTHY, batch.healthy, mask), self.D(HEALTHY, removed, lesion_mask)
        )
        self.optimizer_d.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer_d.step()

    def D(self, kind: int, image: Tensor, mask: Tensor) -> Tensor:
        """Logits (B, K) of images being `LESIONAL` or `HEALTHY`. The discriminators see the masks
        where the data has them."""
        if self.args.supervision == "masked":
            x = torch.cat([normalize_skin(image, mask), mask.float() * 2 - 1], dim=1)
        else:
            x = torch.cat([normalize_skin(image), torch.zeros_like(image[:, :1])], dim=1)
        x = diff_augment(x, 0.3)
        labels = torch.full((len(image),), kind, device=self.device)
        return torch.cat([D(x, labels).real for D in self.discriminators], dim=1)

    def report(self, shown: int) -> str:
        return " ".join(f"{name} {value:.3f}" for name, value in self.means.items())


# --- The run ------------------------------------------------------------------------------


@torch.no_grad()
def draw_samples(step: EditStep, pairs: EditBatch, lesional: EditBatch | None, path: Path) -> float:
    """Write a sheet of edits by the averaged weights, a row each: healthy, drawn, added, drawn and
    removed, added and removed; then of real lesions healthy, added, lesional, removed.

    Returns:
        the median PSNR inside the masks of what was drawn and removed.
    """
    healthy, mask = pairs.healthy, pairs.mask
    added, _ = edit(step.ema, healthy, mask, ADD, pairs)
    removed, _ = edit(step.ema, pairs.lesional, mask, REMOVE, pairs)
    undone, _ = edit(step.ema, added, mask, REMOVE, pairs)
    rows = [healthy, pairs.lesional, added, removed, undone]
    if lesional is not None:
        rows += [
            lesional.healthy,
            edit(step.ema, lesional.healthy, lesional.mask, ADD, lesional)[0],
        ]
        real, real_mask = lesional.lesional, lesional.lesion_mask
        rows += [real, edit(step.ema, real, real_mask, REMOVE, lesional)[0]]
    write_image(to_pil(grid(torch.cat(rows).cpu(), len(healthy))), path)
    pixels = mask.sum((1, 2, 3)).clamp_min(1) * 3
    error = ((removed - healthy) ** 2).sum((1, 2, 3)) / pixels
    return -10 * torch.log10(error.clamp_min(1e-8)).median().item()


def make_editor(args: Namespace, run: TrainingRun) -> EczemaEditor:
    """A new editor, or that of --init; where the run goes on, one to be filled."""
    if not run.is_new:
        return EczemaEditor(**run.facts["editor"])
    editor = EczemaEditor.from_pretrained(args.init) if args.init else EczemaEditor()
    editor.card = {}  # what was measured of --init is not true of this one
    run.settle("editor", editor.config)
    return editor


def validate(
    step: EditStep,
    run: TrainingRun,
    state: RunState,
    pairs: EditBatch,
    lesional: EditBatch | None,
) -> dict[str, Any]:
    """Measure the averaged weights; write samples and the model."""
    path = run.folder / "samples" / f"{state.shown:09d}.png"
    psnr = draw_samples(step, pairs, lesional, path)
    step.ema.save_pretrained(run.folder / "model", card=run.describe(state))
    return {**step.means, "psnr": psnr}


def main() -> None:
    started = time.perf_counter()
    args = parse_edit_args(__doc__)
    out, device = Path(args.out), torch.device(args.device)
    torch.set_num_threads(args.threads)
    lesions: list[Photograph] = []
    with exit_on_error("train_edit.py"):
        run = TrainingRun("train_edit.py", args, EDIT_FIXED)
        healthy = [load_healthy(data, args.size) for data in args.data]
        if args.supervision != "paired":
            is_masked = args.supervision == "masked"
            lesions = load_lesions(args.lesional, args.lesional_labels, args.size, masks=is_masked)
        torch.manual_seed(args.seed)
        editor = make_editor(args, run)
        (out / "samples").mkdir(parents=True, exist_ok=True)
    editor.train().requires_grad_(True).to(device)
    step = EditStep(args, editor, healthy, lesions, device)
    torch.manual_seed(args.seed)  # also where a run goes on: the same for every sheet of samples
    pairs = step.sample_pairs()
    lesional = step.sample_lesional() if lesions else None
    state = RunState()
    train(step, run, state, lambda: validate(step, run, state, pairs, lesional), started)


if __name__ == "__main__":
    main()
