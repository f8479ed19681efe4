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
from torch import Tensor, nn

from synthderm.imaging.color import to_density
from synthderm.imaging.eczema_renderer import plan_drawing
from synthderm.imaging.resize import shrink
from synthderm.models.editor import ADD, REMOVE, EczemaEditor
from synthderm.training import checkpoint
from synthderm.training.arguments import EDIT_FIXED, parse_edit_args
from synthderm.training.collectives import gather_rows
from synthderm.training.devices import Devices
from synthderm.training.edit_batches import EditBatch, EditSampler, EditStepBatches, draw_pairs
from synthderm.training.edit_discriminators import EditDiscriminators
from synthderm.training.edits import Edited, Edits, draw_edits, edit, finding_losses
from synthderm.training.ema import ema_decay, update_ema
from synthderm.training.lesion_patches import Photograph, load_healthy, load_lesions
from synthderm.training.loop import exit_on_error, frozen, stop_unless_finite, train
from synthderm.training.losses import (
    drawing_difference,
    generator_hinge,
    masked_difference,
    part_divisor,
)
from synthderm.training.run import RunState, TrainingRun, earlier_runs

SMOOTHING = 0.02  # weight of the last step in the running means that are logged

Losses = dict[str, Tensor]


# --- The method ---------------------------------------------------------------------------


class EditStep:
    """One step of training, by one of three kinds of supervision.

    Args:
        args: of the command line.
        editor: to be trained, on `device`.
        sampler: of the batches.
        devices: of this and other processes.
    """

    def __init__(
        self,
        args: Namespace,
        editor: EczemaEditor,
        sampler: EditSampler,
        devices: Devices,
    ) -> None:
        self.args, self.sampler, self.devices = args, sampler, devices
        self.editor = editor
        self.ema = copy.deepcopy(editor).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(editor.parameters(), lr=args.lr, weight_decay=1e-4)
        self.parts: dict[str, checkpoint.Part] = {
            "editor": editor,
            "ema": self.ema,
            "optimizer": self.optimizer,
        }
        self.judges: EditDiscriminators | None = None
        if args.supervision != "paired":
            is_masked = args.supervision == "masked"
            self.judges = EditDiscriminators(args.size, args.features, is_masked, devices.device)
            self.parts |= {
                "discriminators": self.judges.networks,
                "optimizer_d": self.judges.optimizer,
            }
        self.means: dict[str, float] = {}  # running means of the losses
        self.parts["means"] = self.means

    def __call__(self, shown: int) -> None:
        """Train on one batch, after `shown` images."""
        args = self.args
        for group in self.optimizer.param_groups:
            group["lr"] = args.lr * 0.5 ** (shown / args.lr_half_life)
        edited = self.edit_lesional(self.devices.parts(self.sampler.sample()))
        judges = [] if self.judges is None else [self.judges.networks]
        trained = [] if self.judges is None else self.judges.trained
        if self.judges is not None:
            self.judges.optimizer.zero_grad(set_to_none=True)
            self.devices.backward(edited, self.judges.loss, judges, trained)
            self.judges.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        parameters, names = list(self.editor.parameters()), list[str]()

        def total(part: Edited) -> tuple[Tensor, Tensor]:
            losses = self.losses(part)
            names[:] = losses
            return sum(losses.values()), torch.stack(list(losses.values()))

        with frozen(trained):
            values = self.devices.backward(edited, total, judges, parameters)
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        stop_unless_finite(norm.item(), shown, Path(args.out))
        self.optimizer.step()
        update_ema(self.ema, self.editor, ema_decay(shown, args.batch, args.ema_images))
        for name, value in zip(names, values.tolist()):
            self.means[name] = (1 - SMOOTHING) * self.means.get(name, value) + SMOOTHING * value

    def losses(self, part: Edited) -> Losses:
        """All losses of the editor, by name."""
        batches, edits = part
        if batches.lesional is None:
            return self.paired(batches)
        if edits is None or not edits.added.requires_grad:
            edits = self.edit_both(batches.lesional)
        method = self.masked if self.args.supervision == "masked" else self.unpaired
        losses = method(batches, edits)
        if batches.pairs is not None:
            for name, loss in self.paired(batches).items():
                losses[f"paired_{name}"] = self.args.paired_weight * loss
        return losses

    def paired(self, batches: EditStepBatches) -> Losses:
        """The renderer's drawing is the answer, map by map."""
        assert batches.pairs is not None and batches.from_drawing is not None
        batch = draw_pairs(batches.pairs)
        healthy, mask = batch.healthy, batch.mask
        added, maps = edit(self.editor, healthy, mask, ADD, batch)
        drawing = plan_drawing(shrink(healthy), shrink(mask), batch.severity, batch.latents)
        # Removal learns from both: what the renderer drew, and what the editor adds.
        lesional = torch.where(batches.from_drawing, batch.lesional, added.detach())
        removed, undone = edit(self.editor, lesional, mask, REMOVE, batch)
        inside, too_dense = shrink(mask), to_density(shrink(lesional)) - to_density(shrink(healthy))
        error = (undone.restoration.density - too_dense).abs() * inside
        losses = {
            "add": drawing_difference(maps.drawing, drawing),
            "remove": masked_difference(removed, healthy, mask, whole=batch.whole),
            "density": 2 * error.sum() / part_divisor(inside, shrink(batch.whole)),
        }
        return losses | finding_losses(self.editor, lesional, mask, batch.known, batch)

    def masked(self, batches: EditStepBatches, edits: Edits) -> Losses:
        """Real lesions with masks: two discriminators' classes, cycle and identity; finding is
        learnt from added and from real lesions."""
        batch, added = batches.lesional, edits.added
        losses = self.adversarial(batches, edits)
        found = finding_losses(self.editor, added.detach(), batch.mask, batch.known, batch)
        # Real lesions are known inside their masks and outside them.
        is_lesional = torch.arange(len(added), device=added.device) % 2 == 0
        known = batch.known | is_lesional.view(-1, 1, 1, 1)
        real = finding_losses(self.editor, batch.lesional, batch.lesion_mask, known, batch)
        return losses | {name: (found[name] + real[name]) / 2 for name in found}

    def unpaired(self, batches: EditStepBatches, edits: Edits) -> Losses:
        """Real lesions without masks: as `masked`, and the change of a removal is to be small, and
        to leave gradients as they are where it hardly changes colours."""
        batch, removed, maps = batches.lesional, edits.removed, edits.maps
        losses = self.adversarial(batches, edits)
        change = (removed - batch.lesional).detach().abs().mean(1, keepdim=True)
        strength = maps.restoration.density.abs().mean(1, keepdim=True)
        losses["sparsity"] = 0.3 * (maps.restoration.matte * strength).mean()
        is_kept = change < 0.02
        losses["gradient"] = masked_difference(
            removed, batch.lesional, is_kept, whole=gather_rows(is_kept), color=0
        )
        found = finding_losses(self.editor, edits.added.detach(), batch.mask, batch.known, batch)
        return losses | found

    def adversarial(self, batches: EditStepBatches, edits: Edits) -> Losses:
        """What masked and unpaired share: adversarial, cycle and identity losses (Zhu et al., ICCV
        2017)."""
        batch = batches.lesional
        healthy, mask = batch.healthy, batch.mask
        # The cycle teaches removal alone. Through the addition it would teach to add what is
        # easily removed: nothing at all.
        cycle, _ = edit(self.editor, edits.added.detach(), mask, REMOVE, batch)
        identity, _ = edit(self.editor, healthy, mask, REMOVE, batch)
        looks_lesional, looks_healthy = self.judges(batches, edits)
        return {
            "gan_add": 0.5 * generator_hinge(looks_lesional),
            "gan_remove": 0.5 * generator_hinge(looks_healthy),
            "cycle": masked_difference(cycle, healthy, mask, whole=batch.whole),
            "identity": 0.5 * masked_difference(identity, healthy, mask, whole=batch.whole),
        }

    def edit_lesional(self, parts: list[EditStepBatches]) -> list[Edited]:
        """The edits that discriminators see; of several parts without gradients, for lack of
        memory: `losses` makes them again."""
        with torch.set_grad_enabled(len(parts) == 1):
            return [(p, None if p.lesional is None else self.edit_both(p.lesional)) for p in parts]

    def edit_both(self, batch: EditBatch) -> Edits:
        added, _ = edit(self.editor, batch.healthy, batch.mask, ADD, batch)
        removed, maps = edit(self.editor, batch.lesional, batch.lesion_mask, REMOVE, batch)
        return Edits(added, removed, maps)

    def report(self, shown: int) -> str:
        return " ".join(f"{name} {value:.3f}" for name, value in self.means.items())


# --- The run ------------------------------------------------------------------------------


def make_editor(args: Namespace, run: TrainingRun) -> EczemaEditor:
    """A new editor, or that of --init; where the run goes on, one to be filled."""
    if not run.is_new:
        return EczemaEditor(**run.facts["editor"])
    editor = EczemaEditor.from_pretrained(args.init) if args.init else EczemaEditor()
    run.settle("before", earlier_runs(editor.card))
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
    psnr = draw_edits(step.ema, pairs, lesional, path)
    step.ema.save_pretrained(run.folder / "model", card=run.describe(state))
    return {**step.means, "psnr": psnr}


def main() -> None:
    started = time.perf_counter()
    args = parse_edit_args(__doc__)
    lesions: list[Photograph] = []
    with exit_on_error("train_edit.py"):
        devices = Devices(args.device)
        devices.split(args.batch, args.accumulate, multiple=2, run=2)
        torch.set_num_threads(args.threads)
        run = TrainingRun("train_edit.py", args, EDIT_FIXED, devices)
        healthy = [load_healthy(data, args.size) for data in args.data]
        if args.supervision != "paired":
            is_masked = args.supervision == "masked"
            lesions = load_lesions(args.lesional, args.lesional_labels, args.size, masks=is_masked)
        torch.manual_seed(args.seed)
        editor = make_editor(args, run)
        (run.folder / "samples").mkdir(parents=True, exist_ok=True)
    editor.train().requires_grad_(True).to(devices.device)
    sampler = EditSampler(
        healthy,
        lesions,
        batch=args.batch,
        size=args.size,
        supervision=args.supervision,
        has_pairs=args.supervision == "paired" or bool(args.paired_weight),
        device=devices.device,
    )
    step = EditStep(args, editor, sampler, devices)
    torch.manual_seed(args.seed)  # also where a run goes on: the same for every sheet of samples
    pairs = draw_pairs(sampler.sample_pairs())
    lesional = sampler.sample_lesional() if lesions else None
    state = RunState()
    train(step, run, state, lambda: validate(step, run, state, pairs, lesional), started)


if __name__ == "__main__":
    main()
