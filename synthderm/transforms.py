"""`EczemaEdit`: eczema added or removed inside a torchvision v2 pipeline. A rim over `synthderm.edit`."""

import os
import warnings
from functools import lru_cache
from typing import Any

import PIL.Image
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm.edit import add_eczema, find_eczema, load_editor, remove_eczema
from synthderm.editor import EczemaEditor
from synthderm.images import to_pil, to_tensor

MODES = ("add", "remove", "toggle")
MASKS = ("random", "given", "predict")
PIL_MODES = ("RGB", "L", "RGBA")
FOUND = 0.01  # toggle takes an image for eczema where more than this share of it is found to be


class EczemaEdit(v2.Transform):
    """Add eczema to skin, or remove it, in a transform pipeline.

    Takes what v2 transforms take: a PIL image (RGB, L, RGBA), a `tv_tensors.Image` or the first plain tensor of a
    sample (uint8, uint16, or float in [0, 1]; (3, H, W), or a batch (B, 3, H, W), drawn per image), alone or in any
    nesting of tuples, lists and dicts. Gives the same back: type, dtype, size, device. Pixels outside the mask are the
    input's own, bit for bit; a sample that draws "no edit" comes back as the same objects. Put it before `Normalize`.

    A `tv_tensors.Mask` in the sample comes back updated: the union on adding, cleared where eczema was removed.
    Random numbers are torch's global ones alone. After `default_collate`, which strips types, use `batch`.

    Args:
        mode: "add", "remove", or "toggle" (remove where there is eczema, else add).
        p: probability of an edit, per image.
        severity: range of severities to add, within [0, 1]; for removal, of the share to remove.
        coverage: range of the share of the skin that a random mask covers, within (0, 1].
        mask: "random" (drawn in the skin region), "given" (the sample's `tv_tensors.Mask`), "predict" (found by the
            model; to remove). Where None: "random" to add, "predict" else.
        model: bundled name, directory, Hub id ("org/name@revision"), or an `EczemaEditor`.
        label: the label that edited samples get; unchanged where None.
        labels_getter: finds the label: "default" takes a tuple's last element if that is an integer or an integer
            tensor, or a dict's entry whose key contains "label"; else a function of the sample; None for no label.
        return_record: give back `(sample, record)`: which images were edited, mode, severity, mask area (share of the
            image), seed, and the model's revision. With the seed, `synthderm.edit.add_eczema` gives the same lesion.

    Raises:
        TypeError: no image in the sample, or one of a mode or dtype that is not supported.
        ValueError: arguments out of range, or a missing or misshapen mask or label.
    """

    def __init__(self, mode="add", *, p=0.5, severity=(0.2, 1.0), coverage=(0.05, 0.5), mask=None, model="eczema", label=None,
                 labels_getter="default", return_record=False):  # fmt: skip
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is none of {', '.join(MODES)}.")
        mask = mask or ("random" if mode == "add" else "predict")
        if mask not in MASKS:
            raise ValueError(f"mask={mask!r} is none of {', '.join(MASKS)}.")
        if (mode, mask) in (("add", "predict"), ("remove", "random")):
            raise ValueError(f"mode={mode!r} does not go with mask={mask!r}: use 'given', or '{'random' if mode == 'add' else 'predict'}'.")
        if not 0 <= p <= 1:
            raise ValueError(f"p={p!r} is not a probability.")
        if labels_getter not in ("default", None) and not callable(labels_getter):
            raise ValueError(f"labels_getter={labels_getter!r} must be 'default', None or a function of the sample.")
        self.mode, self.p, self.mask, self.label, self.labels_getter = mode, float(p), mask, label, labels_getter
        self.severity, self.coverage = _pair("severity", severity, 0.0), _pair("coverage", coverage, 1e-6)
        self.return_record = return_record
        # Held by name, or in a tuple: as a submodule its weights would enter the parent's state_dict, repr and train().
        self._model = (model,) if isinstance(model, EczemaEditor) else os.fspath(model)

    @torch.compiler.disable
    def forward(self, *inputs: Any) -> Any:
        """As `v2.Transform.forward`, which knows no labels: like torchvision's own MixUp this replaces it."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = tree_flatten(sample)
        needs = self._needs_transform_list(flat)
        params = self.make_params([item for item, needed in zip(flat, needs) if needed])
        output = sample
        if params["chosen"]:
            slot = None if self.label is None else self._label_slot(sample, spec, len(flat))
            flat = [self.transform(item, params) if needed else item for item, needed in zip(flat, needs)]
            if slot is not None:
                flat[slot] = _relabel(flat[slot], self.label, params)
            output = tree_unflatten(flat, spec)
        return (output, params["record"]) if self.return_record else output

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw which images are edited, and edit them: the result is what `transform` hands out."""
        images = [item for item in flat_inputs if isinstance(item, (PIL.Image.Image, tv_tensors.Image)) or type(item) is Tensor]
        masks = [item for item in flat_inputs if isinstance(item, tv_tensors.Mask)]
        if not images:
            seen = sorted({type(item).__name__ for item in flat_inputs})
            raise TypeError(f"no image in the sample ({', '.join(seen) or 'nothing to transform'}): EczemaEdit takes PIL images, tv_tensors.Image and tensors.")
        if len(images) > 1:
            raise ValueError(f"{len(images)} images in one sample: EczemaEdit edits one; call it for each.")
        if any(isinstance(item, tv_tensors.BoundingBoxes) for item in flat_inputs):
            _warn_boxes()
        batch = _to_batch(images[0])
        given = _masks_for(masks[0], batch) if masks else None
        return self._edit(batch, given)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The edited image or the updated mask, in the type of `inpt`."""
        if isinstance(inpt, PIL.Image.Image):
            return to_pil(params["images"][0])
        if isinstance(inpt, tv_tensors.Mask):
            return tv_tensors.wrap(_update_mask(inpt.as_subclass(Tensor), params["added"], params["removed"]), like=inpt)
        if isinstance(inpt, tv_tensors.BoundingBoxes) or not isinstance(inpt, Tensor):
            return inpt
        edited = params["images"].reshape(inpt.shape)
        return tv_tensors.wrap(edited, like=inpt) if isinstance(inpt, tv_tensors.Image) else edited

    @torch.compiler.disable
    def batch(self, images: Tensor, masks: Tensor | None = None, labels: Tensor | None = None):
        """Edit a collated batch, on any device, drawing per image and running the network on the chosen ones only.

        Args:
            images: (B, 3, H, W), uint8, uint16 or float in [0, 1].
            masks: (B, 1, H, W) or (B, H, W), bool or integer, not 0 where there is eczema.
            labels: (B,) integer.

        Returns:
            What was given, in this order: images, or (images, masks), (images, labels), (images, masks, labels); with
            `return_record` in a pair with the record.
        """
        if not isinstance(images, Tensor) or images.ndim != 4:
            raise ValueError(f"images must be a (B, 3, H, W) tensor, not {tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__}.")
        given = None if masks is None else _masks_for(masks, images)
        params = self._edit(images, given)
        chosen = bool(params["chosen"])
        parts = [params["images"] if chosen else images]
        if masks is not None:
            parts.append(_update_mask(masks, params["added"], params["removed"]) if chosen else masks)
        if labels is not None:
            parts.append(_relabel(labels, self.label, params) if chosen and self.label is not None else labels)
        output = parts[0] if len(parts) == 1 else tuple(parts)
        return (output, params["record"]) if self.return_record else output

    def _edit(self, images: Tensor, given: Tensor | None) -> dict[str, Any]:
        """Draw and edit a batch (B, C, H, W): the new images, and masks of what was added and removed."""
        count = len(images)
        chosen = (torch.rand(count) < self.p).nonzero().flatten()
        params: dict[str, Any] = {"chosen": chosen.tolist(), "count": count, "images": images}
        if not params["chosen"]:
            params["record"] = _record([], "none", torch.zeros(0), torch.zeros(0), None, None)
            return params
        drawn = torch.rand(len(chosen), 2)
        low, high = self.severity
        severity = low + (high - low) * drawn[:, 0]
        low, high = self.coverage
        coverage = low + (high - low) * drawn[:, 1]
        seed = int(torch.randint(2**62, ()))
        editor = self._editor(images)

        every = len(chosen) == count
        rows = chosen.to(images.device)
        part = images if every else _signed(images)[rows].view(images.dtype)
        masks = None if given is None else (given if every else given[rows])
        if self.mask == "given" and masks is None:
            raise ValueError("mask='given', but the sample has no tv_tensors.Mask: wrap the mask in one, pass masks= to batch(), or use mask='random'.")
        if self.mask == "predict" and (self.mode == "remove" or masks is None):
            masks = find_eczema(part, model=editor)

        if self.mode == "add":
            edit = add_eczema(part, masks if self.mask == "given" else None, severity, coverage=coverage, seed=seed, model=editor)
            added, removed = edit.masks, torch.zeros_like(edit.masks)
        elif self.mode == "remove":
            edit = remove_eczema(part, masks, severity, model=editor)
            added, removed = torch.zeros_like(edit.masks), edit.masks
        else:
            edit, added, removed = self._toggle(part, masks, severity, coverage, seed, editor)
        area = (added | removed).float().mean((1, 2, 3))
        params["record"] = _record(params["chosen"], self.mode, severity, area, seed, editor.revision)
        if every:
            return params | {"images": edit.images, "added": added, "removed": removed}
        result = images.detach().clone(memory_format=torch.preserve_format)
        _signed(result)[rows] = _signed(edit.images)
        blank = torch.zeros(count, *added.shape[1:], dtype=torch.bool, device=images.device)
        return params | {"images": result, "added": blank.index_copy(0, rows, added), "removed": blank.index_copy(0, rows, removed)}

    def _toggle(self, part: Tensor, masks: Tensor, severity: Tensor, coverage: Tensor, seed: int, editor: EczemaEditor):
        """Both edits, each on the images that call for it: a severity of 0 leaves the others as they are."""
        sick = masks.float().mean((1, 2, 3)) > FOUND
        severity = severity.to(part.device)
        cleared = remove_eczema(part, masks, severity * sick, model=editor)
        edit = add_eczema(cleared.images, None, severity * ~sick, coverage=coverage, seed=seed, model=editor)
        is_sick = sick.view(-1, 1, 1, 1)
        return edit, edit.masks & ~is_sick, masks & is_sick

    def _editor(self, images: Tensor) -> EczemaEditor:
        if isinstance(self._model, str):
            return load_editor(self._model)
        _check_fork(next(self._model[0].parameters()).device)
        return self._model[0]

    def _label_slot(self, sample: Any, spec: Any, count: int) -> int:
        """Where in the flattened sample its label is: the getter is asked on a twin of the sample made of positions."""
        twin = tree_unflatten([_Slot(position) for position in range(count)], spec)
        if callable(self.labels_getter):
            slot = self.labels_getter(twin)
        elif self.labels_getter is None:
            raise ValueError(f"label={self.label!r} is to be set, but labels_getter=None: give a function that finds the label.")
        else:
            slot = _default_label(twin)
        if not isinstance(slot, _Slot):
            raise ValueError(f"label={self.label!r} is to be set, but no label was found in the sample: give labels_getter= a function that returns it.")
        return slot.position

    def extra_repr(self) -> str:
        model = self._model if isinstance(self._model, str) else self._model[0].revision
        text = f"mode={self.mode!r}, p={self.p}, severity={self.severity}, coverage={self.coverage}, mask={self.mask!r}, model={model!r}"
        return text if self.label is None else f"{text}, label={self.label!r}"


class _Slot:
    """Stands in for an item of a sample, so that a labels_getter can say which one is the label."""

    def __init__(self, position: int):
        self.position = position


def _default_label(twin: Any) -> _Slot | None:
    if isinstance(twin, dict):
        keys = [key for key in twin if isinstance(key, str) and "label" in key.lower()]
        return twin[min(keys, key=lambda key: (key.lower() != "label", len(key)))] if keys else None
    if isinstance(twin, (tuple, list)) and len(twin) > 1:
        last = twin[-1]
        return last if isinstance(last, _Slot) else _default_label(last)
    return None


def _relabel(old: Any, label: int, params: dict[str, Any]) -> Any:
    """The label of edited images, in the type it had."""
    if isinstance(old, Tensor):
        if old.is_floating_point() or old.numel() != params["count"]:
            raise ValueError(f"the label is a {tuple(old.shape)} tensor of {old.dtype}; expected {params['count']} integer class(es). Edit before MixUp.")
        new = old.clone()
        new.view(-1)[torch.tensor(params["chosen"], device=old.device)] = label
        return new
    if isinstance(old, (bool, float, str)) or not hasattr(old, "__index__"):
        raise ValueError(f"the label is {old!r}, not an integer: labels_getter= a function that returns the class.")
    return type(old)(label)


def _signed(images: Tensor) -> Tensor:
    """uint16 seen as int16, the same bits: torch has no indexing for uint16."""
    return images.view(torch.int16) if images.dtype == torch.uint16 else images


def _record(rows: list[int], mode: str, severity: Tensor, area: Tensor, seed: int | None, revision: str | None) -> dict[str, Any]:
    return {"edited": rows, "mode": mode, "severity": severity.tolist(), "mask_area": area.tolist(), "seed": seed, "model_revision": revision}


def _pair(name: str, values: Any, lowest: float) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in ((values, values) if isinstance(values, (int, float)) else values))
    except (TypeError, ValueError):
        raise ValueError(f"{name}={values!r} must be a number or a pair (low, high).") from None
    if not lowest <= low <= high <= 1:
        raise ValueError(f"{name}={values!r} must lie in {'[0' if lowest == 0 else '(0'}, 1], low first.")
    return low, high


def _to_batch(image: Any) -> Tensor:
    if isinstance(image, PIL.Image.Image):
        if image.mode not in PIL_MODES:
            raise TypeError(f"a PIL image of mode {image.mode!r}; supported: {', '.join(PIL_MODES)}. Use image.convert('RGB').")
        return to_tensor(image)[None]
    image = image.as_subclass(Tensor)
    return image[None] if image.ndim == 3 else image


def _masks_for(mask: Tensor, images: Tensor) -> Tensor:
    """A given mask as (B, 1, H, W) bool on the images' device."""
    mask = mask.as_subclass(Tensor)
    shape = (len(images), 1, *images.shape[-2:])
    plain = mask.reshape(shape) if mask.numel() == len(images) * images.shape[-2] * images.shape[-1] and mask.shape[-2:] == images.shape[-2:] else None
    if plain is None:
        raise ValueError(f"the mask has shape {tuple(mask.shape)}; an image of {tuple(images.shape[-2:])} needs one mask of {shape[1:]} each.")
    return (plain != 0).to(images.device)


def _update_mask(old: Tensor, added: Tensor, removed: Tensor) -> Tensor:
    """Union with what was added, without what was removed; in the dtype and with the value (1, or 255) it had."""
    added, removed = (part.reshape(old.shape).to(old.device) for part in (added, removed))
    value = True if old.dtype == torch.bool else max(1, int(old.max())) if old.numel() else 1
    return torch.where(added, torch.full_like(old, value), torch.where(removed, torch.zeros_like(old), old))


def _check_fork(device: torch.device) -> None:
    if device.type == "cuda" and torch.cuda._is_in_bad_fork():
        raise RuntimeError(
            "EczemaEdit holds a model on CUDA, which a forked DataLoader worker can't use. Either leave the model on the CPU (pass its name), "
            "or edit after loading with EczemaEdit.batch(images) in the main process."
        )


@lru_cache(maxsize=1)
def _warn_boxes() -> None:
    warnings.warn("EczemaEdit leaves bounding boxes as they are; boxes around eczema that it adds or removes are not in step.", stacklevel=5)
