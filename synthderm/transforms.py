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
from synthderm.fast import check_backend
from synthderm.hub import COMMIT, resolve
from synthderm.images import to_pil, to_tensor
from synthderm.labels import find_label, relabel

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

    Images carry no gradient through it, and `torch.compile` makes a graph break of it.

    A `tv_tensors.Mask` in the sample comes back updated: the union on adding, cleared where eczema was removed.
    Random numbers are torch's global ones alone. After `default_collate`, which strips types, use `batch`.

    Args:
        mode: "add", "remove", or "toggle" (remove where there is eczema, else add).
        p: probability of an edit, per image.
        severity: range of severities to add, within [0, 1]; for removal, of the share to remove.
        coverage: range of the share of the skin that a random mask covers, within (0, 1].
        mask: "random" (drawn in the skin region), "given" (the sample's `tv_tensors.Mask`), "predict" (found by the
            model; to remove). Where None: "random" to add, "predict" else.
        model: bundled name, directory, Hub id ("org/name@revision"), or an `EczemaEditor`. A Hub's branch is resolved
            here and now, so that all workers have the same weights; nothing else is loaded before the first edit.
        label: the label that edited samples get; unchanged where None.
        labels_getter: finds the label: "default" takes a tuple's last element if that is an integer or an integer
            tensor, or a dict's entry whose key contains "label"; else a function of the sample; None for no label.
        return_record: give back `(sample, record)`: which images were edited, mode, severity, mask area (share of the
            image), seed, and the model's revision. With the seed, `synthderm.edit.add_eczema` gives the same lesion.
        backend: "onnx" runs the network through ONNX Runtime, which is faster on a CPU (`pip install synthderm[fast]`), and
            "torch" through torch; "auto" takes ONNX Runtime where it is installed. The results differ by rounding.

    Raises:
        TypeError: no image in the sample, or one of a mode or dtype that is not supported.
        ValueError: arguments out of range, or a missing or misshapen mask or label.
        OSError: the model can't be found or downloaded: see `synthderm.hub.resolve`.
        ImportError: backend="onnx" without the extra.
    """

    def __init__(self, mode="add", *, p=0.5, severity=(0.2, 1.0), coverage=(0.05, 0.5), mask=None, model="eczema", label=None,
                 labels_getter="default", return_record=False, backend="auto"):  # fmt: skip
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is none of {', '.join(MODES)}.")
        mask = mask or ("random" if mode == "add" else "predict")
        if mask not in MASKS:
            raise ValueError(f"mask={mask!r} is none of {', '.join(MASKS)}.")
        if mask == ("predict" if mode == "add" else "random"):
            raise ValueError(f"mode={mode!r} does not go with mask={mask!r}: use 'given', or '{'random' if mode == 'add' else 'predict'}'.")
        if not 0 <= p <= 1:
            raise ValueError(f"p={p!r} is not a probability.")
        if labels_getter not in ("default", None) and not callable(labels_getter):
            raise ValueError(f"labels_getter={labels_getter!r} must be 'default', None or a function of the sample.")
        self.mode, self.p, self.mask, self.label, self.labels_getter = mode, float(p), mask, label, labels_getter
        self.severity, self.coverage = _pair("severity", severity, 0.0), _pair("coverage", coverage, 1e-6)
        self.return_record, self.backend = return_record, check_backend(backend)
        # Held by name, or in a tuple: as a submodule its weights would enter the parent's state_dict, repr and train().
        self._model = (model,) if isinstance(model, EczemaEditor) else _pin(model)

    @torch.compiler.disable
    def forward(self, *inputs: Any) -> Any:
        """As `v2.Transform.forward`, which knows no labels: like torchvision's own MixUp this replaces it."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = tree_flatten(sample)
        needs = self._needs_transform_list(flat)
        params = self.make_params([item for item, needed in zip(flat, needs) if needed])
        output = sample
        if params["chosen"]:
            slot = None if self.label is None else find_label(spec, self.labels_getter, self.label)
            flat = [self.transform(item, params) if needed else item for item, needed in zip(flat, needs)]
            if slot is not None:
                flat[slot] = relabel(flat[slot], self.label, params["chosen"], params["count"])
            output = tree_unflatten(flat, spec)
        return (output, params["record"]) if self.return_record else output

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw which images are edited, and edit them: the result is what `transform` hands out."""
        images = [item for item in flat_inputs if _is_image(item)]
        if not images:
            seen = sorted({type(item).__name__ for item in flat_inputs})
            raise TypeError(f"no image in the sample ({', '.join(seen) or 'nothing to transform'}): EczemaEdit takes PIL images, tv_tensors.Image and tensors.")
        if len(images) > 1:
            raise ValueError(f"{len(images)} images in one sample: EczemaEdit edits one; call it for each.")
        params = self._draw(len(images[0]) if isinstance(images[0], Tensor) and images[0].ndim == 4 else 1)
        if params["chosen"]:
            batch = _to_batch(images[0])
            masks = [_masks_for(item, batch) for item in flat_inputs if isinstance(item, tv_tensors.Mask)]
            self._edit(params, batch, masks[0] if masks else None)
            if any(isinstance(item, tv_tensors.BoundingBoxes) for item in flat_inputs):
                _warn_boxes()
        return params

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The edited image or the updated mask, in the type of `inpt`."""
        if isinstance(inpt, PIL.Image.Image):
            return to_pil(params["images"][0])
        if isinstance(inpt, tv_tensors.Mask):
            return tv_tensors.wrap(_update_mask(inpt.as_subclass(Tensor), params), like=inpt)
        if not _is_image(inpt):
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
        params = self._draw(len(images))
        parts = [part for part in (images, masks, labels) if part is not None]
        if params["chosen"]:
            self._edit(params, images, None if masks is None else _masks_for(masks, images))
            parts = [params["images"]]
            if masks is not None:
                parts.append(_update_mask(masks, params))
            if labels is not None:
                parts.append(labels if self.label is None else relabel(labels, self.label, params["chosen"], params["count"]))
        output = parts[0] if len(parts) == 1 else tuple(parts)
        return (output, params["record"]) if self.return_record else output

    def _draw(self, count: int) -> dict[str, Any]:
        """Which of `count` images are edited, and how much: before anything is done to them."""
        draws = torch.rand(count, 3).tolist()
        (low, high), (least, most) = self.severity, self.coverage
        return {
            "count": count,
            "chosen": [row for row, (draw, _, _) in enumerate(draws) if draw < self.p],
            "severity": [low + (high - low) * draw for _, draw, _ in draws],
            "coverage": [least + (most - least) * draw for _, _, draw in draws],
            "record": {"edited": [], "mode": "none", "severity": [], "mask_area": [], "seed": None, "model_revision": None},
        }

    def _edit(self, params: dict[str, Any], images: Tensor, masks: Tensor | None) -> None:
        """Edit the chosen rows of (B, C, H, W): sets the new `images`, and `added` and `removed`, masks of what was edited."""
        count, chosen, editor = params["count"], params["chosen"], self._editor()
        seed = int(torch.randint(2**62, ()))
        if self.mask == "given" and masks is None:
            raise ValueError("mask='given', but the sample has no tv_tensors.Mask: wrap the mask in one, pass masks= to batch(), or use mask='random'.")
        if self.mask == "predict" and (self.mode == "remove" or masks is None):
            masks = _spread(find_eczema(_take(images, chosen), model=editor), chosen, count)

        sick = (masks.float().mean((1, 2, 3)) > FOUND).tolist() if self.mode == "toggle" else [self.mode == "remove"] * count
        clear, add = [row for row in chosen if sick[row]], [row for row in chosen if not sick[row]]
        params |= {"images": images, "added": None, "removed": None}
        if clear:
            edit = remove_eczema(_take(images, clear), _take(masks, clear), _pick(params["severity"], clear), model=editor, backend=self.backend)
            params |= {"images": _put(images, clear, edit.images), "removed": _spread(edit.masks, clear, count)}
        if add:
            given = _take(masks, add) if (self.mode, self.mask) == ("add", "given") else None
            severity, coverage = _pick(params["severity"], add), _pick(params["coverage"], add)
            edit = add_eczema(_take(images, add), given, severity, coverage=coverage, seed=seed, model=editor, backend=self.backend)
            params |= {"images": _put(params["images"], add, edit.images), "added": _spread(edit.masks, add, count)}
        if self.return_record:
            area = sum(params[key].float().mean((1, 2, 3)) for key in ("added", "removed") if params[key] is not None)
            severity, area = ([values[row] for row in chosen] for values in (params["severity"], area.tolist()))
            params["record"] = dict(edited=chosen, mode=self.mode, severity=severity, mask_area=area, seed=seed, model_revision=editor.revision)

    def _editor(self) -> EczemaEditor:
        if not isinstance(self._model, tuple):
            return load_editor(self._model)
        _check_fork(next(self._model[0].parameters()).device)
        return self._model[0]

    def extra_repr(self) -> str:
        model = self._model[0].revision if isinstance(self._model, tuple) else os.fspath(self._model)
        text = f"mode={self.mode!r}, p={self.p}, severity={self.severity}, coverage={self.coverage}, mask={self.mask!r}, model={model!r}"
        return text if self.label is None else f"{text}, label={self.label!r}"


def _signed(images: Tensor) -> Tensor:
    """uint16 seen as int16, the same bits: torch has no indexing for uint16."""
    return images.view(torch.int16) if images.dtype == torch.uint16 else images


def _take(batch: Tensor, rows: list[int]) -> Tensor:
    """Rows in ascending order; all of them are the batch itself."""
    return batch if len(rows) == len(batch) else _signed(batch)[rows].view(batch.dtype)


def _put(batch: Tensor, rows: list[int], part: Tensor) -> Tensor:
    """The batch with `part` in these rows; the batch itself is not written to."""
    if len(rows) == len(batch):
        return part
    result = batch.detach().clone(memory_format=torch.preserve_format)
    _signed(result)[rows] = _signed(part)
    return result


def _spread(masks: Tensor, rows: list[int], count: int) -> Tensor:
    """Masks of these rows as masks of a batch of `count`, empty elsewhere."""
    return masks if len(rows) == count else _put(masks.new_zeros(count, *masks.shape[1:]), rows, masks)


def _pick(values: list[float], rows: list[int]) -> Tensor:
    return torch.tensor([values[row] for row in rows])


def _pin(model: str | os.PathLike) -> str | os.PathLike:
    """A Hub id with the commit that it stands for now: a branch may move while workers start, and all should have the same
    weights. Bundled names, directories and ids that name a commit stay as they are, and cost no request."""
    repository, _, revision = os.fspath(model).partition("@")
    if COMMIT.fullmatch(revision):
        return model
    found = resolve(model).revision
    return f"{repository}@{found}" if COMMIT.fullmatch(found) else model


def _is_image(item: Any) -> bool:
    is_plain = isinstance(item, Tensor) and not isinstance(item, tv_tensors.TVTensor)
    return is_plain or isinstance(item, (PIL.Image.Image, tv_tensors.Image))


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
    shape = torch.Size([len(images), 1, *images.shape[-2:]])
    if mask.shape[-2:] != shape[-2:] or mask.numel() != shape.numel():
        raise ValueError(f"the mask has shape {tuple(mask.shape)}; an image of {tuple(images.shape[-2:])} needs one mask of {tuple(shape[1:])} each.")
    return (mask if mask.dtype == torch.bool else mask != 0).reshape(shape).to(images.device)


def _update_mask(old: Tensor, params: dict[str, Any]) -> Tensor:
    """Union with what was added, without what was removed; in the dtype and with the value (1, or 255) it had."""
    value = True if old.dtype == torch.bool else max(1, int(old.max())) if old.numel() else 1
    for touched, new in ((params["added"], value), (params["removed"], 0)):
        if touched is not None:
            old = old.masked_fill(touched.reshape(old.shape).to(old.device), new)
    return old


def _check_fork(device: torch.device) -> None:
    if device.type == "cuda" and torch.cuda._is_in_bad_fork():
        raise RuntimeError(
            "EczemaEdit holds a model on CUDA, which a forked DataLoader worker can't use. Either leave the model on the CPU (pass its name), "
            "or edit after loading with EczemaEdit.batch(images) in the main process."
        )


@lru_cache(maxsize=1)
def _warn_boxes() -> None:
    warnings.warn("EczemaEdit leaves bounding boxes as they are; boxes around eczema that it adds or removes are not in step.", stacklevel=5)
