"""Eczema added, removed and found, as functions of tensors.

Images are (B, 3, H, W) or (3, H, W); uint8, uint16 or float in [0, 1] (a little outside, as bicubic
resizing leaves them, is clamped where it is edited); on any device. One channel (grey) and four
(with alpha, which is kept) work too. What comes back has the same shape, dtype and device, and
every pixel outside the mask is the input's own, bit for bit. Numbers may be Python's, numpy's or
torch's. Autocast, inference mode, default dtype and default device change no bit.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from synthderm.arguments import as_integer, as_number, as_numbers
from synthderm.callers import BETWEEN, warn_caller
from synthderm.determinism import usual_torch
from synthderm.imaging.blending import blend
from synthderm.imaging.compositing import (
    LARGEST,
    THUMBNAIL,
    prepare_drawing,
    prepare_restoration,
)
from synthderm.imaging.contact_sheet import contact_sheet, to_png
from synthderm.imaging.io import to_pil
from synthderm.imaging.lesions import Latents, no_latents, sample_latents, with_signs
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.imaging.resize import enlarge, shrink
from synthderm.models.cache import Model, load_editor
from synthderm.models.editor import ADD, REMOVE, EczemaEditor
from synthderm.transforms.checks import as_batch, check_signs
from synthderm.transforms.mask_values import check_masks

SHOWN = 8  # images of an edit in a notebook


class Edit(NamedTuple):
    """An edit: `images` as given, `masks` (B, 1, H, W) bool of what was edited, and `severity`
    (B,) float. Of one image, without the B."""

    images: Tensor
    masks: Tensor
    severity: Tensor

    def _repr_png_(self) -> bytes:
        """In a notebook: the first images with their severity, the masks outlined."""
        shape = (-1, *self.images.shape[-3:])
        images = self.images.detach().cpu().reshape(shape)[:SHOWN]
        if images.dtype == torch.uint16:
            images = images.float() / 65535
        masks = self.masks.cpu().reshape(-1, 1, *shape[-2:])
        captions = [f"severity {value:.2f}" for value in self.severity.reshape(-1).tolist()]
        return to_png(contact_sheet([to_pil(image) for image in images], list(masks), captions))


@usual_torch()
def random_mask(
    images: Tensor, coverage: float | Tensor = 0.3, *, seed: int | None = None
) -> Tensor:
    """Random lesion masks in the skin region of images: those that `add_eczema` draws with the
    same seed and coverage.

    Args:
        images: see the module.
        coverage: share of the skin under a mask, number or (B,) in (0, 1].
        seed: which masks; torch's global random state where None.

    Returns:
        (B, 1, H, W) bool, or (1, H, W) for one image; empty where an image shows no skin, or has
        so little colour that skin can't be told from paper: grey-scale pictures, under a warning.

    Example:
        >>> from synthderm import SyntheticSkinDataset, random_mask
        >>> images, _ = SyntheticSkinDataset("hands", length=2, size=64).generate([0, 1])
        >>> masks = random_mask(images, coverage=0.4, seed=1)
        >>> masks.shape, masks.dtype
        (torch.Size([2, 1, 64, 64]), torch.bool)
    """
    batch = as_batch(images)
    generator = _generator(seed)
    sample_latents(len(batch), generator)  # drawn before the mask by `add_eczema`
    masks = masks_on_skin(thumbnail(batch), batch.shape[-2:], coverage, generator)
    masks = masks.to(batch.device)
    return masks[0] if images.ndim == 3 else masks


@usual_torch()
def add_eczema(
    images: Tensor,
    masks: Tensor | None = None,
    severity: float | Tensor = 0.5,
    *,
    coverage: float | Tensor = 0.3,
    seed: int | None = None,
    signs: Tensor | None = None,
    model: Model = "eczema",
) -> Edit:
    """Add eczema.

    Args:
        images: see the module.
        masks: (B, 1, H, W), of values as in `mask_values.to_region`; drawn at random in the skin
            region where None. A grey-scale picture has none: see `random_mask`.
        severity: number or (B,) in [0, 1]; 0 gives the image back.
        coverage: share of the skin under a random mask, number or (B,) in (0, 1].
        seed: which lesion; torch's global random state where None.
        signs: (B, 11) or (11,) in [0, 1], the amount of each of
            `synthderm.imaging.signs.SIGNS`; random where None.
        model: bundled name, folder, Hub id, or an `EczemaEditor`.

    Raises:
        TypeError: images or masks that are not tensors, or not of such a dtype.
        ValueError: shapes that do not fit, values out of range, or masks of several classes.

    Example:
        >>> import torch
        >>> from synthderm import SyntheticSkinDataset, add_eczema
        >>> images, _ = SyntheticSkinDataset("hands", length=2, size=64).generate([0, 1])
        >>> masks = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
        >>> masks[..., 20:40, 20:40] = True
        >>> edit = add_eczema(images, masks, severity=0.7, seed=1)
        >>> bool((edit.images != images)[~masks.expand_as(images)].any())  # outside of the masks
        False
    """
    batch = as_batch(images)
    generator = _generator(seed)
    latents = sample_latents(len(batch), generator)
    if signs is not None:
        latents = with_signs(latents, check_signs(signs, len(batch)))
    thumbnails = thumbnail(batch)
    if masks is None:
        masks = masks_on_skin(thumbnails, batch.shape[-2:], coverage, generator)
    masks = check_masks(masks, batch)
    severity = as_numbers("severity", severity, len(batch), device=batch.device)
    editor = load_editor(model, batch.device)
    edited = edit_eczema(editor, batch, masks, severity, ADD, latents, thumbnails)
    return _as_given(Edit(edited, masks, severity), images)


@usual_torch()
def remove_eczema(
    images: Tensor,
    masks: Tensor | None = None,
    severity: float | Tensor = 1.0,
    *,
    model: Model = "eczema",
) -> Edit:
    """Remove eczema.

    Args:
        images: see the module.
        masks: (B, 1, H, W), where the eczema is, of values as in `mask_values.to_region`; found by
            the model where None.
        severity: share of the eczema to remove, number or (B,) in [0, 1].
        model: bundled name, folder, Hub id, or an `EczemaEditor`.

    Raises:
        as `add_eczema`.

    Example:
        >>> from synthderm import SyntheticSkinDataset, add_eczema, remove_eczema
        >>> image, _ = SyntheticSkinDataset("hands", length=1, size=64).generate([0])
        >>> edit = add_eczema(image, severity=0.9, seed=1)
        >>> restored = remove_eczema(edit.images, edit.masks).images
        >>> change = (edit.images.float() - image).abs().mean()
        >>> bool((restored.float() - image).abs().mean() < change)
        True
    """
    batch = as_batch(images)
    editor, thumbnails = load_editor(model, batch.device), thumbnail(batch)
    if masks is None:
        masks = find_in_thumbnails(editor, thumbnails, batch.shape[-2:])
    masks = check_masks(masks, batch)
    severity = as_numbers("severity", severity, len(batch), device=batch.device)
    latents = no_latents(len(batch))
    edited = edit_eczema(editor, batch, masks, severity, REMOVE, latents, thumbnails)
    return _as_given(Edit(edited, masks, severity), images)


@usual_torch()
def find_eczema(images: Tensor, *, threshold: float = 0.3, model: Model = "eczema") -> Tensor:
    """Where the model sees eczema: (B, 1, H, W) bool, or (1, H, W) for one image.

    Args:
        images: see the module.
        threshold: the least probability, in [0, 1]. At 0.3 the overlap with the masks of added
            eczema is about 0.03 below that at the best threshold on photographs of `val`
            (`benchmarks.editing --choose-threshold`), and less of healthy skin is found.
        model: bundled name, folder, Hub id, or an `EczemaEditor`.

    Example:
        >>> from synthderm import SyntheticSkinDataset, add_eczema, find_eczema
        >>> image, _ = SyntheticSkinDataset("hands", length=1, size=64).generate([0])
        >>> found = find_eczema(add_eczema(image, severity=1.0, seed=1).images)
        >>> found.shape, found.dtype
        (torch.Size([1, 1, 64, 64]), torch.bool)
    """
    batch, threshold = as_batch(images), as_number("threshold", threshold)
    editor = load_editor(model, batch.device)
    found = find_in_thumbnails(editor, thumbnail(batch), batch.shape[-2:], threshold)
    return found[0] if images.ndim == 3 else found


@torch.no_grad()
def edit_eczema(
    editor: EczemaEditor,
    images: Tensor,
    masks: Tensor,
    severity: Tensor,
    direction: int,
    latents: Latents,
    thumbnails: Tensor,
) -> Tensor:
    """The edit itself, without checks: what the functions above and `EczemaEdit` have in common.

    Args:
        editor: frozen, on the images' device.
        images: (B, C, H, W), C = 1, 3 or 4.
        masks: (B, 1, H, W) bool, on the same device.
        severity: (B,) float32 in [0, 1].
        direction: `ADD` or `REMOVE`.
        latents: of B lesions.
        thumbnails: `thumbnail(images)`.
    """
    if images.numel() == 0:
        return images.clone()
    latents, mask_thumbnails = latents.to(images.device), shrink(masks)
    white, is_edited = LARGEST[images.dtype], severity > 0
    if direction == ADD:
        drawing = editor.draw(thumbnails, mask_thumbnails, severity, latents)
        layers = prepare_drawing(drawing, thumbnails, mask_thumbnails, white)
        return blend(images, masks, is_edited, layers, latents.offset, latents.tiles)
    restoration = editor.restore(thumbnails, mask_thumbnails)
    layers = prepare_restoration(restoration, thumbnails, severity, white)
    return blend(images, masks, is_edited, layers)


@torch.no_grad()
def find_in_thumbnails(
    editor: EczemaEditor, thumbnails: Tensor, size: Sequence[int], threshold: float = 0.3
) -> Tensor:
    """Masks (B, 1, *size) bool of eczema in images with these thumbnails."""
    if len(thumbnails) == 0:  # which torch does not unshuffle
        return torch.zeros(0, 1, *size, dtype=torch.bool, device=thumbnails.device)
    return enlarge(editor.find(thumbnails), *size).sigmoid() > threshold


def masks_on_skin(
    thumbnails: Tensor,
    size: Sequence[int],
    coverage: float | Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """Random masks (B, 1, *size) bool on the CPU, in the skin region of images with these
    thumbnails."""
    share = as_numbers("coverage", coverage, len(thumbnails), open_low=True)
    skin = skin_region(thumbnails)
    if not skin.any() and bool((thumbnails == thumbnails[:, :1]).all()) and len(thumbnails):
        warn_of_grey()
    return sample_masks(size, share, skin, generator)


@lru_cache(maxsize=1)
def warn_of_grey() -> None:
    """Say once a process that nothing is drawn at random on grey-scale pictures."""
    warn_caller(
        "a picture without colour does not tell where it shows skin, so no eczema is drawn on it:"
        " give the masks where it may be.",
        between=BETWEEN,
    )


def thumbnail(images: Tensor) -> Tensor:
    """The (B, 3, 64, 64) float copy in [0, 1] of (B, C, H, W) images that an edit is decided on."""
    colours = images[:, :3]
    if images.is_floating_point():  # bicubic resizing leaves values a little outside [0, 1]
        colours = colours.clamp(0, 1)
    small = shrink(colours, THUMBNAIL) / LARGEST[images.dtype]
    return small.expand(-1, 3, -1, -1)


def _generator(seed: int | None) -> torch.Generator | None:
    """Random numbers that repeat with a seed; None, torch's global ones, where that is None."""
    if seed is None:
        return None
    number = as_integer("seed", seed)
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"seed={number} must be from -2**63 to 2**64 - 1, as torch takes them.")
    return torch.Generator().manual_seed(number)


def _as_given(edit: Edit, images: Tensor) -> Edit:
    """An edit of a batch, without the batch where one image was given."""
    return Edit(*(part[0] for part in edit)) if images.ndim == 3 else edit
