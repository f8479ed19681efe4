"""`EczemaEdit`: eczema added or removed inside a torchvision v2 pipeline.

As in torchvision, `make_params` draws and `transform` edits. The edit itself is in
`synthderm.transforms.functional`.
"""

import os
from itertools import compress
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm.arguments import Range, as_number, as_range
from synthderm.determinism import usual_torch
from synthderm.hub.resolve import pin
from synthderm.models.cache import Model, load_editor
from synthderm.models.editor import EczemaEditor
from synthderm.transforms import functional, samples
from synthderm.transforms.checks import as_batch, check_dense, check_mask_source
from synthderm.transforms.edit_plan import (
    Draw,
    EditPlan,
    make_plans,
    make_record,
    new_labels,
    update_mask,
)
from synthderm.transforms.labels import Label, LabelsGetter, find_label, labels_of, relabel
from synthderm.transforms.samples import put, take

MODES = ("add", "remove", "toggle")


class EczemaEdit(v2.Transform):
    """Add eczema to skin, or remove it, in a transform pipeline.

    Takes what v2 transforms take: a PIL image (RGB, L, RGBA), a `tv_tensors.Image` or the first
    plain tensor of a sample (uint8, uint16, or float in [0, 1]; (3, H, W), or a batch
    (B, 3, H, W), drawn per image), alone or in any nesting of tuples, lists and dicts; and, in a
    sample without these, a numpy array (H, W, 3), uint8 in RGB. Gives the same back: type, dtype,
    size, device. Pixels outside the mask are the input's own, bit for bit. Put it before
    `Normalize`. A PIL image keeps its `info`: its pixels are taken for sRGB, and a colour profile
    is not applied but stays, so that all else looks as before (`SkinFolder` reads files in sRGB).
    For other libraries see `synthderm.integrations`.

    A `tv_tensors.Mask` in the sample (0 and one other value, or floats in [0, 1], from 0.5 on
    eczema) comes back updated: joined with what was added, cleared where it was removed altogether.
    The pixels decide what was edited: an image of which none changes (no skin, an empty mask,
    severity 0, an edit too mild for its dtype) keeps its label and mask and is not in the record.
    No other mask is drawn instead, so of images without skin fewer than `p` are edited. A sample of
    which nothing changes comes back as the same objects.

    Random numbers are torch's global ones alone. Autocast, inference mode, default dtype and
    default device change no bit. Images carry no gradient through it, and `torch.compile` makes a
    graph break of it. After `default_collate`, which strips types, use `batch`.

    Args:
        mode: "add", "remove", or "toggle" (remove where there is eczema, else add).
        p: probability of an edit, per image.
        severity: how severe added eczema is, a number or a range within [0, 1]; 0.2 to 1 where
            None. With mode="remove" the share of the eczema that is removed, all of it where None:
            below 1 some is left, and so are mask and label.
        coverage: share of the skin under a random mask, a number or a range within (0, 1].
        mask: "random" (drawn in the skin region, which skin of every tone has, and grey-scale
            pictures and nearly grey backgrounds have not; to add), "given" (the sample's
            `tv_tensors.Mask`), or "predict" (found by the model, whatever masks the sample has; to
            remove or toggle). Where None: "random" to add, "predict" else.
        model: bundled name, folder, Hub id (`org/name@revision`), or an `EczemaEditor`. A branch
            on the Hub is resolved here and now, so that all workers have the same weights; nothing
            else is loaded before the first edit.
        label: the label that edited samples get, from 0 on; with mode="toggle" one for each
            direction, {"add": 1, "remove": 0}; unchanged where None.
        labels_getter: finds the label, an integer or an integer tensor. "default" looks where
            torchvision does: the second element of a tuple; in a dict, or a dict that is second,
            "labels" or the first key that contains "label". Masks and boxes are passed over, as in
            (image, mask, label). Else a function of the sample; None for no label.
        return_record: give back `(sample, record)`. The record has the rows of the images that were
            `edited`, and for each its `direction`, `severity`, `masks` ((N, 1, H, W) bool) and
            `mask_area` (share of the image); `mode`, `seed` and `model_revision`. With `seed` and
            `coverage`, `synthderm.add_eczema` gives the same lesions to the images in `drawn`,
            which are those with an edit and those of which no pixel changed.

    Raises:
        TypeError: no image in the sample, or one of a mode or dtype that is not supported.
        ValueError: arguments out of range, or a missing or misshapen mask or label.
        OSError: the model can't be found or downloaded: see `synthderm.hub.resolve`.

    Example:
        >>> from torchvision.transforms import v2
        >>> from synthderm import EczemaEdit, SyntheticSkinDataset
        >>> image, _ = SyntheticSkinDataset("hands", length=1)[0]
        >>> pipeline = v2.Compose([EczemaEdit(p=1, severity=0.8, label=1), v2.ToImage()])
        >>> edited, label = pipeline(image, 0)
        >>> edited.shape, label
        (torch.Size([3, 128, 128]), 1)
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
        label: Label | None = None,
        labels_getter: LabelsGetter | Literal["default"] | None = "default",
        return_record: bool = False,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is none of {', '.join(MODES)}.")
        if labels_getter not in ("default", None) and not callable(labels_getter):
            raise ValueError(
                f"labels_getter={labels_getter!r} must be 'default', None or a function of the"
                " sample."
            )
        if severity is None:
            severity = 1.0 if mode == "remove" else (0.2, 1.0)
        self.mode, self.p = mode, as_number("p", p)
        self.mask = check_mask_source(mode, mask)
        self.severity = as_range("severity", severity)
        self.coverage = as_range("coverage", coverage, open_low=True)
        self.labels, self.labels_getter = labels_of(mode, label), labels_getter
        self.return_record = return_record
        # Held in a tuple: as a submodule an editor's weights would enter the parent's state_dict,
        # repr and train().
        self._model: tuple[Model] = (model if isinstance(model, EczemaEditor) else pin(model),)

    @torch.compiler.disable
    @usual_torch()
    def forward(self, *inputs: Any) -> Any:
        """As `v2.Transform.forward`, and sets the label, which that does not know."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = tree_flatten(sample)
        is_input = samples.choose_inputs(flat, self._needs_transform_list(flat))
        items = list(compress(flat, is_input))
        others = [item for item, wanted in zip(flat, is_input) if not wanted]
        image = samples.find_image(items, others)
        place = None
        if self.p > 0:  # each time, not only when an edit is drawn
            samples.refuse_unclear(image, others)
            if self.labels:
                place = find_label(flat, is_input, spec, self.labels_getter)
        items, params = self.edit_items(items, image, self.make_params(items))
        if params["plans"]:
            samples.warn_of_unknown_masks(sample)
            edited = iter(items)
            flat = [next(edited) if wanted else item for item, wanted in zip(flat, is_input)]
            if place is not None:
                flat[place] = self._set_labels(flat[place], params)
            sample = tree_unflatten(flat, spec)
        return self._with_record(sample, image, params)

    @torch.compiler.disable
    @usual_torch()
    def batch(
        self, images: Tensor, masks: Tensor | None = None, labels: Tensor | None = None
    ) -> Any:
        """Edit a collated batch on any device. Draws per image, and runs the network on the chosen
        ones only.

        Args:
            images: (B, 3, H, W), uint8, uint16 or float in [0, 1].
            masks: (B, 1, H, W) or (B, H, W): bool, 0 and one other value, or floats in [0, 1],
                from 0.5 on eczema.
            labels: (B,) integer; needed where `label` is to be set.

        Returns:
            What was given, in this order: images, or (images, masks), (images, labels),
            (images, masks, labels); with `return_record` in a pair with the record.

        Example:
            >>> import torch
            >>> from synthderm import EczemaEdit, SyntheticSkinDataset
            >>> images, _ = SyntheticSkinDataset("hands", length=3, size=64).generate([0, 1, 2])
            >>> edit = EczemaEdit(p=1, label=1)
            >>> edited, labels = edit.batch(images, labels=torch.zeros(3, dtype=torch.long))
            >>> labels
            tensor([1, 1, 1])
        """
        for name, value in (("images", images), ("masks", masks), ("labels", labels)):
            if isinstance(value, Tensor):
                check_dense(name, value)
            elif value is not None and name != "images":
                raise ValueError(f"{name} must be a tensor, not {type(value).__name__}.")
        if not isinstance(images, Tensor) or images.ndim != 4:
            seen = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise ValueError(f"images must be a (B, 3, H, W) tensor, not {seen}.")
        if self.labels and labels is None and self.p > 0:
            raise ValueError("a label is to be set, but batch() got no labels: give labels=.")
        parts = [images] if masks is None else [images, masks]
        items = [images] if masks is None else [images, masks.as_subclass(tv_tensors.Mask)]
        items, params = self.edit_items(items, images, self.make_params(items))
        if params["plans"]:
            parts = [item.as_subclass(Tensor) for item in items]
        if labels is not None:
            parts.append(self._set_labels(labels, params))
        output = parts[0] if len(parts) == 1 else tuple(parts)
        return self._with_record(output, images, params)

    @usual_torch()
    def edit_items(
        self, items: list[Any], image: Any, params: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """The items of a sample, edited, and what was done: `params` without the images of which
        no pixel changed. Their masks and labels stay too."""
        if not params["plans"]:
            return items, params
        edited, changed = self._edit_image(image, params["batch"], params["plans"])
        plans = [plan.only(changed) for plan in params["plans"]]
        params = params | {"plans": [plan for plan in plans if plan.rows]}
        if not params["plans"]:
            return items, params
        if any(isinstance(item, tv_tensors.BoundingBoxes) for item in items):
            samples.warn_of_boxes()
        return [edited if x is image else self.transform(x, params) for x in items], params

    @usual_torch()
    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw everything that an edit depends on. No pixel changes.

        Returns:
            `count`, the number of images; `plans`, at most one that removes and one that adds;
            `seed`, of the lesions; and where there are plans `batch`, the image as a tensor.
        """
        image = samples.find_image(flat_inputs)
        count, _, _ = samples.size_of(image)
        draws = torch.rand(count, 3, dtype=torch.float32).tolist()
        rows = [row for row, (draw, _, _) in enumerate(draws) if draw < self.p]
        params: dict[str, Any] = {"count": count, "plans": [], "seed": None}
        if not rows:
            return params
        draw = Draw(
            rows,
            _between(self.severity, [draws[row][1] for row in rows]),
            _between(self.coverage, [draws[row][2] for row in rows]),
            seed=int(torch.randint(2**62, ())),
        )
        batch = samples.to_batch(image)
        given = [samples.to_masks(x, batch) for x in flat_inputs if isinstance(x, tv_tensors.Mask)]
        images = as_batch(take(batch, rows))
        thumbnails, size = functional.thumbnail(images), images.shape[-2:]
        masks = None
        if self.mask == "predict":
            editor = self._editor(images.device)
            masks = functional.find_in_thumbnails(editor, thumbnails, size)
        elif self.mask == "given":
            if not given:
                raise ValueError(
                    "mask='given', but the sample has no tv_tensors.Mask: wrap the mask in one,"
                    " pass masks= to batch(), or use mask='random'."
                )
            masks = take(given[0], rows)
        plans = make_plans(self.mode, draw, thumbnails, size, masks)
        plans = [plan for plan in plans if plan.rows]
        return params | {"plans": plans, "seed": draw.seed, "batch": batch}

    @usual_torch()
    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Edit an image, or update a mask, by what `make_params` drew; in the type of `inpt`."""
        if isinstance(inpt, tv_tensors.Mask):
            mask = update_mask(inpt.as_subclass(Tensor), params["plans"], params["count"])
            return tv_tensors.wrap(mask, like=inpt)
        if not samples.is_image(inpt):
            return inpt
        return self._edit_image(inpt, samples.to_batch(inpt), params["plans"])[0]

    def _edit_image(
        self, image: Any, batch: Tensor, plans: list[EditPlan]
    ) -> tuple[Any, list[int]]:
        """The edited image, in its type, and the rows of which a pixel changed.

        Args:
            image: as it is in the sample.
            batch: the same, from `to_batch`.
            plans: what to do.
        """
        editor, changed = self._editor(batch.device), []
        for plan in plans:
            before = take(batch, plan.rows)
            after = functional.edit_eczema(
                editor,
                before,
                plan.masks,
                plan.severity,
                plan.direction,
                plan.latents,
                plan.thumbnails,
            )
            changed += [plan.rows[place] for place in samples.changed_rows(before, after)]
            batch = put(batch, plan.rows, after)
        return samples.from_batch(batch, like=image), changed

    def _set_labels(self, labels: Any, params: dict[str, Any]) -> Any:
        new = new_labels(params["plans"], self.labels) if self.labels else {}
        return relabel(labels, new, params["count"]) if new else labels

    def _with_record(self, output: Any, image: Any, params: dict[str, Any]) -> Any:
        """The output of a call, with the record where it is asked for."""
        if not self.return_record:
            return output
        plans, (_, *size) = params["plans"], samples.size_of(image)
        revision = self._editor().revision if plans else None
        return output, make_record(plans, size, self.mode, params["seed"], revision)

    def _editor(self, device: torch.device | str = "cpu") -> EczemaEditor:
        return load_editor(self._model[0], device)

    def extra_repr(self) -> str:
        (model,) = self._model
        name = model.revision if isinstance(model, EczemaEditor) else os.fspath(model)
        text = (
            f"mode={self.mode!r}, p={self.p}, severity={self.severity}, coverage={self.coverage},"
            f" mask={self.mask!r}, model={name!r}"
        )
        return f"{text}, label={self.labels}" if self.labels else text


def _between(ends: tuple[float, float], shares: list[float]) -> Tensor:
    """(N,) float32, at these shares of the way from one end to the other."""
    low, high = ends
    return torch.tensor([low + (high - low) * share for share in shares], dtype=torch.float32)
