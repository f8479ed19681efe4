"""Eczema added, removed and found, as functions of tensors.

Images are (B, 3, H, W) or (3, H, W); uint8, uint16 or float in [0, 1]; on any device. What comes back has the same
shape, dtype and device, and every pixel outside the mask is the input's own, bit for bit. One channel (grey) and four
(with alpha, which is kept) work too.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm import fast
from synthderm.editor import LOOK, SIGNS, EczemaEditor, Paint, lay, mix
from synthderm.masks import random_mask, skin_region, smooth_fields
from synthderm.resize import ALL, enlarge, enlarge_columns, shrink
from synthderm.textures import cut_texture

STRIP = 200_000  # pixels of an image that are composited at once on a CPU: about 16 megabytes of float maps
NOWHERE = slice(0, 0), slice(0, 0)
TOP = {torch.uint8: 255.0, torch.uint16: 65535.0}
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


class Edit(NamedTuple):
    """An edit: `images` as given, `masks` (B, 1, H, W) bool of what was edited, `severity` (B,) float."""

    images: Tensor
    masks: Tensor
    severity: Tensor


class Seeds(NamedTuple):
    """The random numbers of a batch of lesions: smooth noise (B, 2, 64, 64), texture offset (B, 2), signs (B, 8)."""

    noise: Tensor
    offset: Tensor
    signs: Tensor


def draw_seeds(count: int, generator: torch.Generator | None = None) -> Seeds:
    """Random lesions, from `generator` or from torch's global random numbers."""
    noise = smooth_fields(count, LOOK, ((6, 1.0),), ((12, 1.0),), generator=generator)
    drawn = torch.rand(count, 2 + len(SIGNS), generator=generator)
    return Seeds(noise, drawn[:, :2], drawn[:, 2:])


@lru_cache(maxsize=4)
def load_editor(name: str, revision: str | None = None) -> EczemaEditor:
    """The frozen editor of this name, loaded once a process."""
    return EczemaEditor.from_pretrained(name, revision).requires_grad_(False).to(memory_format=torch.channels_last)


def add_eczema(images: Tensor, masks: Tensor | None = None, severity: float | Tensor = 0.5, *, coverage: float | Tensor = 0.3,
               seed: int | None = None, signs: Tensor | None = None, model: str | EczemaEditor = "eczema",
               backend: str = "auto") -> Edit:  # fmt: skip
    """Add eczema.

    Args:
        images: see the module.
        masks: (B, 1, H, W) bool; drawn at random in the skin region where None.
        severity: number or (B,) in [0, 1]; 0 gives the image back.
        coverage: share of the skin under a drawn mask, number or (B,) in (0, 1].
        seed: which lesion; torch's global random numbers where None.
        signs: (B, 8) or (8,) in [0, 1], the amount of each of `synthderm.editor.SIGNS`; random where None.
        model: bundled name, directory, Hub id, or an `EczemaEditor`.
        backend: what runs the network: "torch", "onnx" (ONNX Runtime, the `fast` extra: on a CPU only), or "auto", which is
            the faster one where it is installed. They differ by rounding.

    Raises:
        TypeError: images or masks that are not tensors of such a dtype.
        ValueError: shapes that do not fit, or values out of range.
        ImportError: backend="onnx" without the extra.
    """
    batch = _as_batch(images)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    seeds, look = draw_seeds(len(batch), generator), None
    if signs is not None:
        if signs.shape[-1:] != (len(SIGNS),) or signs.min() < 0 or signs.max() > 1:
            raise ValueError(f"signs must be (B, 8) or (8,) in [0, 1], not {tuple(signs.shape)}.")
        seeds = seeds._replace(signs=signs.expand(len(batch), len(SIGNS)).float())
    if masks is None:
        coverage = torch.as_tensor(coverage, dtype=torch.float32).expand(len(batch))
        if not all(0 < share <= 1 for share in coverage.tolist()):
            raise ValueError(f"coverage must be in (0, 1]; got {coverage.tolist()}.")
        look = look_at(batch)
        masks = random_mask(batch.shape[-2:], coverage, skin_region(look), generator).to(batch.device)
    return _finish(images, batch, masks, severity, +1, seeds, model, look, backend)


def remove_eczema(images: Tensor, masks: Tensor | None = None, severity: float | Tensor = 1.0, *,
                  model: str | EczemaEditor = "eczema", backend: str = "auto") -> Edit:  # fmt: skip
    """Remove eczema.

    Args:
        images: see the module.
        masks: (B, 1, H, W) bool, where the eczema is; found by the model where None.
        severity: share to remove, number or (B,) in [0, 1].
        model: bundled name, directory, Hub id, or an `EczemaEditor`.

    Raises:
        as `add_eczema`.
    """
    batch = _as_batch(images)
    if masks is None:
        masks = find_eczema(batch, model=model)
    return _finish(images, batch, masks, severity, -1, _no_seeds(len(batch)), model, backend=backend)


def find_eczema(images: Tensor, *, threshold: float = 0.25, model: str | EczemaEditor = "eczema") -> Tensor:
    """Where the model sees eczema: (B, 1, H, W) bool, or (1, H, W) for one image.

    `threshold` is a probability. Half of the pictures that finding is trained on are healthy, which makes it cautious; on
    photographs of `val` 0.25 overlaps within 0.005 of the best threshold (`benchmarks.editing --choose-threshold`).
    """
    batch = _as_batch(images)
    editor = _editor_for(model, batch)
    look, zeros = look_at(batch), torch.zeros(len(batch), device=batch.device)
    with torch.no_grad():
        seeds = Seeds(*(part.to(batch.device) for part in _no_seeds(len(batch))))
        found = editor(look, torch.zeros_like(look[:, :1]), zeros, zeros, seeds.noise, seeds.signs).found
        found = enlarge(found, *batch.shape[-2:])
    found = found.sigmoid() > threshold
    return found[0] if images.ndim == 3 else found


@torch.no_grad()
def apply_edit(editor: EczemaEditor, images: Tensor, masks: Tensor, severity: Tensor, direction: int, seeds: Seeds,
               look: Tensor | None = None, backend: str = "auto") -> Tensor:  # fmt: skip
    """The edit itself, without checks: run the editor on a small copy, composite, keep what is outside the mask.

    Args:
        images: (B, C, H, W), C = 1, 3 or 4.
        masks: (B, 1, H, W) bool, on the images' device, as are the seeds.
        severity: (B,) float32 in [0, 1].
        direction: +1 to add, -1 to remove.
        look: `look_at(images)`, where it is known already.
        backend: see `add_eczema`.
    """
    if len(images) == 0 or images.shape[-1] == 0 or images.shape[-2] == 0:
        return images.clone()
    look, where = look_at(images) if look is None else look, shrink(masks)
    top, session = TOP.get(images.dtype, 1.0), fast.session_for(editor, backend)
    if session is not None:
        paint = fast.paint(session, look, where, severity, direction, seeds.noise, seeds.signs, top)
    else:
        blurred, gate = F.avg_pool2d(torch.cat([look, where], dim=1), 2).split((3, 1), dim=1)
        full = torch.ones_like(severity)
        maps = editor(look, where, severity if direction > 0 else full, direction * full, seeds.noise, seeds.signs)
        paint = mix(blurred, maps, severity, gate, top)
    edited = images.clone(memory_format=torch.preserve_format)
    if not _one_at_a_time(images):
        _lay_window(edited, masks & (severity > 0).view(-1, 1, 1, 1), ALL, paint, seeds.offset)
        return edited
    for row, amount in enumerate(severity.tolist()):
        one = slice(row, row + 1)
        window = _bounding_box(masks[one]) if amount > 0 else NOWHERE
        _lay_window(edited[one], masks[one], window, Paint(*(part[one] for part in paint)), seeds.offset[one])
    return edited


def _one_at_a_time(images: Tensor) -> bool:
    """On a CPU images are edited one at a time, each only where its mask is; a GPU would have to wait to know where."""
    return images.device.type == "cpu"


def _lay_window(images: Tensor, masks: Tensor, window: tuple[slice, slice], paint: Paint, offset: Tensor) -> None:
    """Edit a window of images in place."""
    height, width, colours = *images.shape[-2:], min(images.shape[1], 3)
    top, bottom, _ = window[0].indices(height)
    left, right, _ = window[1].indices(width)
    if top == bottom or left == right:
        return
    paint = paint._replace(maps=enlarge_columns(paint.maps, width, slice(left, right)))
    texture = cut_texture(offset, height, width, window)
    # On a CPU strip by strip, each of which fits into the cache.
    strip = max(16, STRIP // (right - left)) if _one_at_a_time(images) else bottom - top
    for start in range(top, bottom, strip):
        rows = slice(start, min(start + strip, bottom))
        old, inside = images[:, :colours, rows, left:right], masks[:, :, rows, left:right]
        new = lay(paint, old.to(torch.float32), texture[:, :, start - top : rows.stop - top], height, rows)
        if colours == 1:
            new = (new * new.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        new = new.clamp_(0, TOP.get(images.dtype, 1.0))
        if not images.is_floating_point():
            new = new.round_().to(torch.int16 if images.dtype == torch.uint8 else torch.int32)  # many times as fast as straight to uint8
        old.copy_(keep_outside(inside, new.to(images.dtype), old))


def keep_outside(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """`new` where the mask is True, else `old`, as bits: any dtype, and on a CPU many times as fast as `torch.where`.
    Writes to `new`."""
    dtype, bits = new.dtype, {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[new.element_size()]
    ones = (mask.view(torch.uint8) if bits == torch.uint8 else mask.to(bits)).neg()
    new, old = new.view(bits), old.view(bits)
    return new.bitwise_xor_(old).bitwise_and_(ones).bitwise_xor_(old).view(dtype)


LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns RGB into L


def _bounding_box(mask: Tensor) -> tuple[slice, slice]:
    """Rows and columns of (1, 1, H, W) that hold all of the mask."""
    array = mask[0, 0].numpy()  # whose any() is many times as fast
    rows, columns = array.any(1).nonzero()[0], array.any(0).nonzero()[0]
    if len(rows) == 0:
        return NOWHERE
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def look_at(images: Tensor) -> Tensor:
    """The (B, 3, 64, 64) float copy in [0, 1] that masks and the editor are made from."""
    look = shrink(images[:, :3]) / TOP.get(images.dtype, 1.0)
    return look.expand(-1, 3, -1, -1)


def _no_seeds(count: int) -> Seeds:
    return Seeds(torch.zeros(count, 2, LOOK, LOOK), torch.zeros(count, 2), torch.zeros(count, len(SIGNS)))


def _editor_for(model: str | EczemaEditor, images: Tensor) -> EczemaEditor:
    editor = model if isinstance(model, EczemaEditor) else load_editor(model)
    at = editor.stem.weight.device
    if at == images.device:
        return editor
    # The cached editor stays on the CPU, where forked workers can use it.
    return _moved(editor, images.device)


@lru_cache(maxsize=4)
def _moved(editor: EczemaEditor, device: torch.device) -> EczemaEditor:
    import copy

    return copy.deepcopy(editor).to(device)


def _as_batch(images: Tensor) -> Tensor:
    """(B, C, H, W) of a supported kind, or an error that says what was seen."""
    if not isinstance(images, Tensor):
        raise TypeError(f"images must be a tensor, not {type(images).__name__}; for PIL images use synthderm.EczemaEdit.")
    if images.dtype not in TOP and images.dtype not in FLOATS:
        raise TypeError(f"images have dtype {images.dtype}; supported: uint8, uint16 and floating point in [0, 1].")
    batch = images[None] if images.ndim == 3 else images
    if batch.ndim != 4 or batch.shape[1] not in (1, 3, 4):
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, 3, H, W) or (3, H, W), channels 1, 3 or 4.")
    if batch.is_floating_point() and batch.numel():
        low, high = batch.detach().aminmax()
        if not (low >= 0 and high <= 1):
            raise ValueError(f"float images must be in [0, 1]; these go from {low:.4g} to {high:.4g}. Divide by 255, or edit before you normalise.")
    return batch.detach()


def _finish(images: Tensor, batch: Tensor, masks: Tensor, severity: float | Tensor, direction: int, seeds: Seeds, model,
            look: Tensor | None = None, backend: str = "auto") -> Edit:  # fmt: skip
    fast.check_backend(backend)
    if not isinstance(masks, Tensor) or masks.dtype != torch.bool:
        raise TypeError(f"masks must be a bool tensor, not {getattr(masks, 'dtype', type(masks).__name__)}; write masks > 0.")
    masks = masks[None] if masks.ndim == 3 else masks
    if masks.shape != (len(batch), 1, *batch.shape[-2:]):
        raise ValueError(f"masks have shape {tuple(masks.shape)}; images of {tuple(batch.shape)} need ({len(batch)}, 1, {batch.shape[-2]}, {batch.shape[-1]}).")
    severity = torch.as_tensor(severity, dtype=torch.float32, device=batch.device).expand(len(batch))
    if not all(0 <= amount <= 1 for amount in severity.tolist()):
        raise ValueError(f"severity must be in [0, 1]; got {severity.tolist()}.")
    masks = masks.to(batch.device)
    seeds = Seeds(*(part.to(batch.device) for part in seeds))
    edited = apply_edit(_editor_for(model, batch), batch, masks, severity, direction, seeds, look, backend)
    if images.ndim == 3:
        return Edit(edited[0], masks[0], severity[0])
    return Edit(edited, masks, severity)
