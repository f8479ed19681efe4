"""`EczemaEdit`: eczema added or removed inside a torchvision v2 pipeline.

As in torchvision, `make_params` draws and `transform` edits. The edit itself is in
`synthderm.transforms.functional`.
"""

import os
from collections.abc import Callable
from typing import Any, Literal

import PIL.Image
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm.arguments import Range, as_range
from synthderm.hub.resolve import pin
from synthderm.imaging.io import to_pil
from synthderm.imaging.lesions import no_latents, sample_latents
from synthderm.models.cache import Model, load_editor
from synthderm.models.editor import ADD, REMOVE, EczemaEditor
from synthderm.transforms import functional, samples
from synthderm.transforms.checks import as_batch, check_mask_source
from synthderm.transforms.edit_plan import EditPlan, make_record, update_mask
from synthderm.transforms.samples import put, take

MODES = ("add", "remove", "toggle")
# "toggle" removes where more than this share of an image is eczema, and adds elsewhere.
MIN_LESIONAL_SHARE = 0.01


class EczemaEdit(v2.Transform):
    """Add eczema to skin, or remove it, in a transform pipeline.

    Takes what v2 transforms take: a PIL image (RGB, L, RGBA), a `tv_tensors.Image` or the first
    plain tensor of a sample (uint8, uint16, or float in [0, 1]; (3, H, W), or a batch
    (B, 3, H, W), drawn per image), alone or in any nesting of tuples, lists and dicts. Gives the
    same back: type, dtype, size, device. Pixels outside the mask are the input's own, bit for
    bit; a sample that draws "no edit" comes back as the same objects. Put it before `Normalize`.

    A `tv_tensors.Mask` in the sample comes back updated: joined with what was added, cleared where
    eczema was removed altogether. An image of which no pixel changes keeps its label and mask.

    Random numbers are torch's global ones alone. Images carry no gradient through it, and
    `torch.compile` makes a graph break of it. After `default_collate`, which strips types, use
    `batch`.

    Args:
        mode: "add", "remove", or "toggle" (remove where there is eczema, else add).
        p: probability of an edit, per image.
        severity: how severe added eczema is, a number or a range within [0, 1]; 0.2 to 1 where
            None. With mode="remove" the share of the eczema that is removed, all of it where None:
            below 1 some is left, and so are mask and label.
        coverage: share of the skin under a random mask, a number or a range within (0, 1].
        mask: "random" (drawn in the skin region; to add), "given" (the sample's
            `tv_tensors.Mask`), or "predict" (found by the model, whatever masks the sample has; to
            remove or toggle). Where None: "random" to add, "predict" else.
        model: bundled name, folder, Hub id ("org/name@revision"), or an `EczemaEditor`. A branch
            on the Hub is resolved here and now, so that all workers have the same weights; nothing
            else is loaded before the first edit.
        label: the label that edited samples get; unchanged where None.
        labels_getter: finds the label. "default" takes a tuple's last element if that is an
            integer or an integer tensor, or a dict's entry whose key contains "label"; else a
            function of the sample; None for no label.
        return_record: give back `(sample, record)`. The record has the rows of the images that were
            edited, mode, severity, mask area (share of the image), seed, and the model's revision.
            With the seed, `synthderm.add_eczema` gives the same lesion.

    Raises:
        TypeError: no image in the sample, or one of a mode or dtype that is not supported.
        ValueError: arguments out of range, or a missing or misshapen mask or label.
        OSError: the model can't be found or downloaded: see `synthderm.hub.resolve`.
    """

    def __init__(
        self,
        mode: Literal["add", "remove", "toggle"] = "add",
        *,
        p: float = 0.5,
        severity: Range | None = None,
        coverage: Range = (0.05, 0.5),
        mask: Literal["random", "given", "predict"] | None = None,
        model: Model = "eczema",
        label: int | None = None,
        labels_getter: Callable[[Any], Any] | Literal["default"] | None = "default",
        return_record: bool = False,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is none of {', '.join(MODES)}.")
        if not 0 <= p <= 1:
            raise ValueError(f"p={p!r} is not a probability.")
        if labels_getter not in ("default", None) and not callable(labels_getter):
            raise ValueError(
                f"labels_getter={labels_getter!r} must be 'default', None or a function of the"
                " sample."
            )
        if severity is None:
            severity = 1.0 if mode == "remove" else (0.2, 1.0)
        self.mode, self.p = mode, float(p)
        self.mask = check_mask_source(mode, mask)
        self.severity = as_range("severity", severity)
        self.coverage = as_range("coverage", coverage, open_low=True)
        self.label, self.labels_getter = label, labels_getter
        self.return_record = return_record
        # Held in a tuple: as a submodule an editor's weights would enter the parent's state_dict,
        # repr and train().
        self._model: tuple[Model] = (model if isinstance(model, EczemaEditor) else pin(model),)

    @torch.compiler.disable
    def forward(self, *inputs: Any) -> Any:
        """As `v2.Transform.forward`, and sets the label, which that does not know."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = tree_flatten(sample)
        is_input = self._needs_transform_list(flat)
        params = self.make_params([item for item, wanted in zip(flat, is_input) if wanted])
        output = sample
        if params["plans"]:
            flat = [
                self.transform(item, params) if wanted else item
                for item, wanted in zip(flat, is_input)
            ]
            if self.label is not None:
                place = samples.find_label(spec, self.labels_getter, self.label)
                flat[place] = self._set_label(flat[place], params)
            output = tree_unflatten(flat, spec)
        return (output, params["record"]) if self.return_record else output

    @torch.compiler.disable
    def batch(
        self, images: Tensor, masks: Tensor | None = None, labels: Tensor | None = None
    ) -> Any:
        """Edit a collated batch on any device. Draws per image, and runs the network on the chosen
        ones only.

        Args:
            images: (B, 3, H, W), uint8, uint16 or float in [0, 1].
            masks: (B, 1, H, W) or (B, H, W), bool or integer, not 0 where there is eczema.
            labels: (B,) integer.

        Returns:
            What was given, in this order: images, or (images, masks), (images, labels),
            (images, masks, labels); with `return_record` in a pair with the record.
        """
        if not isinstance(images, Tensor) or images.ndim != 4:
            seen = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise ValueError(f"images must be a (B, 3, H, W) tensor, not {seen}.")
        given = [images] if masks is None else [images, tv_tensors.Mask(masks)]
        params = self.make_params(given)
        parts = [images] if masks is None else [images, masks]
        if params["plans"]:
            parts = [self.transform(item, params).as_subclass(Tensor) for item in given]
        if labels is not None:
            parts.append(self._set_label(labels, params))
        output = parts[0] if len(parts) == 1 else tuple(parts)
        return (output, params["record"]) if self.return_record else output

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw everything that an edit depends on. No pixel changes.

        Returns:
            `count`, the number of images; `plans`, at most one that removes and one that adds; and
            `record`.
        """
        image = samples.find_image(flat_inputs)
        count = len(image) if isinstance(image, Tensor) and image.ndim == 4 else 1
        draws = torch.rand(count, 3).tolist()
        rows = [row for row, (draw, _, _) in enumerate(draws) if draw < self.p]
        params: dict[str, Any] = {"count": count, "plans": [], "record": make_record([])}
        if not rows:
            return params
        seed = int(torch.randint(2**62, ()))
        batch = samples.to_batch(image)
        masks = [samples.to_masks(x, batch) for x in flat_inputs if isinstance(x, tv_tensors.Mask)]
        plans = self._make_plans(
            as_batch(take(batch, rows)),
            take(masks[0], rows) if masks else None,
            rows,
            torch.tensor([_between(self.severity, draws[row][1]) for row in rows]),
            torch.tensor([_between(self.coverage, draws[row][2]) for row in rows]),
            seed,
        )
        params["plans"] = [plan for plan in plans if plan.rows]
        if params["plans"]:
            if any(isinstance(x, tv_tensors.BoundingBoxes) for x in flat_inputs):
                samples.warn_of_boxes()
            if self.return_record:
                params["record"] = make_record(
                    params["plans"], self.mode, seed, self._editor().revision
                )
        return params

    def _make_plans(
        self,
        images: Tensor,
        masks: Tensor | None,
        rows: list[int],
        severity: Tensor,
        coverage: Tensor,
        seed: int,
    ) -> list[EditPlan]:
        """One plan for the chosen images that lose their eczema, one for those that get some."""
        if self.mask == "given" and masks is None:
            raise ValueError(
                "mask='given', but the sample has no tv_tensors.Mask: wrap the mask in one, pass"
                " masks= to batch(), or use mask='random'."
            )
        thumbnails, size = functional.thumbnail(images), images.shape[-2:]
        if self.mask == "predict":
            editor = self._editor(images.device)
            masks = functional.find_in_thumbnails(editor, thumbnails, size)
        is_lesional = [self.mode == "remove"] * len(rows)
        if self.mode == "toggle" and masks is not None:
            is_lesional = (masks.float().mean((1, 2, 3)) > MIN_LESIONAL_SHARE).tolist()
            # Healthy or not is what "toggle" changes, so it removes all or nothing.
            severity = severity.masked_fill(torch.tensor(is_lesional), 1.0)

        plans = []
        for direction in (REMOVE, ADD):
            loses_eczema = direction == REMOVE
            places = [k for k, lesional in enumerate(is_lesional) if lesional == loses_eczema]
            if not places:
                continue
            chosen = take(thumbnails, places)
            latents, generator = no_latents(len(places)), None
            if direction == ADD:
                generator = torch.Generator().manual_seed(seed)
                latents = sample_latents(len(places), generator)
            if masks is not None and (loses_eczema or (self.mode, self.mask) == ("add", "given")):
                where = take(masks, places)
            else:
                share = take(coverage, places)
                where = functional.masks_on_skin(chosen, size, share, generator)
            plan = EditPlan(
                rows=[rows[k] for k in places],
                direction=direction,
                masks=where.to(images.device),
                severity=take(severity, places).to(images.device),
                latents=latents,
                thumbnails=chosen,
            )
            plans.append(plan.without_empty())
        return plans

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Edit an image, or update a mask, by what `make_params` drew; in the type of `inpt`."""
        plans = params["plans"]
        if isinstance(inpt, tv_tensors.Mask):
            mask = update_mask(inpt.as_subclass(Tensor), plans, params["count"])
            return tv_tensors.wrap(mask, like=inpt)
        if not samples.is_image(inpt):
            return inpt
        images = samples.to_batch(inpt)
        editor = self._editor(images.device)
        for plan in plans:
            edited = functional.edit_eczema(
                editor,
                take(images, plan.rows),
                plan.masks,
                plan.severity,
                plan.direction,
                plan.latents,
                plan.thumbnails,
            )
            images = put(images, plan.rows, edited)
        if isinstance(inpt, PIL.Image.Image):
            return to_pil(images[0])
        images = images.reshape(inpt.shape)
        return tv_tensors.wrap(images, like=inpt) if isinstance(inpt, tv_tensors.Image) else images

    def _set_label(self, labels: Any, params: dict[str, Any]) -> Any:
        plans = params["plans"]
        rows = sorted(plan.rows[place] for plan in plans for place in plan.relabelled())
        if self.label is None or not rows:
            return labels
        return samples.relabel(labels, self.label, rows, params["count"])

    def _editor(self, device: torch.device | str = "cpu") -> EczemaEditor:
        return load_editor(self._model[0], device)

    def extra_repr(self) -> str:
        (model,) = self._model
        name = model.revision if isinstance(model, EczemaEditor) else os.fspath(model)
        text = (
            f"mode={self.mode!r}, p={self.p}, severity={self.severity}, coverage={self.coverage},"
            f" mask={self.mask!r}, model={name!r}"
        )
        return text if self.label is None else f"{text}, label={self.label!r}"


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
