"""The edit of one photograph, from its file to a file."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from synthderm.hub.resolve import weights_hash
from synthderm.imaging.io import read_mask, to_pil, to_tensor, write_image
from synthderm.imaging.originals import Original
from synthderm.imaging.provenance import Provenance, name_model, provenance_of_copy
from synthderm.transforms.functional import Edit, add_eczema, remove_eczema


class EditedPhotograph(NamedTuple):
    """A photograph that was edited.

    Args:
        original: the photograph.
        edited: it after the edit, RGB.
        mask: L, 255 where it was edited.
        area: share of its pixels that are in the mask, in [0, 1]; 0 where none was changed.
        summary: what was done, in words.
        provenance: what the file is to say of where it comes from.
    """

    original: Original
    edited: Image.Image
    mask: Image.Image
    area: float
    summary: str
    provenance: Provenance | None

    def write(self, path: Path, mask_path: Path | None, *, exif: bool) -> None:
        """Write it, and its mask where a file for it is named; the EXIF data if they are wanted."""
        self.original.write_copy(
            self.edited, self.mask, path, exif=exif, provenance=self.provenance
        )
        if mask_path is not None:
            write_image(self.mask, mask_path)


def edit_photograph(
    original: Original, mode: str, options: dict[str, Any], mask_path: Path | None = None
) -> EditedPhotograph:
    """Edit one photograph.

    Args:
        original: the photograph.
        mode: "add" or "remove".
        options: of `add_eczema` or `remove_eczema`.
        mask_path: where to edit; random or found where None.

    Raises:
        ValueError: not a pixel would change, though one should: nobody is to take the picture for
            an edited one.
    """
    image, mask = to_tensor(original.image), None
    if mask_path is not None:
        mask = to_tensor(read_mask(mask_path, original.image.size)) > 0
        if not mask.any():
            raise ValueError(f"mask {mask_path} is empty (black everywhere): it edits nothing.")
    edit = apply_edit(mode, image, mask, options)
    is_same = torch.equal(edit.images, image)
    if is_same and options["severity"] > 0:
        _check_same(mode, original.path, edit)
    area = 0.0 if is_same else float(edit.masks.float().mean())
    summary = f"{mode}, severity {float(edit.severity):.2f}, {area:.1%} of the image edited"
    if is_same and options["severity"] > 0:
        summary = f"{mode}, no eczema was found"
    model = options["model"]
    by = None
    if not is_same:
        by = Provenance(
            "edited", name_model(model), weights_hash(model), options.get("seed"), mode=mode
        )
    origin = provenance_of_copy(original.origin, by)
    pictures = (to_pil(edit.images), to_pil(edit.masks))
    return EditedPhotograph(original, *pictures, area, summary, origin)


def apply_edit(mode: str, image: Tensor, mask: Tensor | None, options: dict[str, Any]) -> Edit:
    """Add eczema to an image (3, H, W), or remove it."""
    edit = add_eczema if mode == "add" else remove_eczema
    return edit(image, mask, **options)


def _check_same(mode: str, source: object, edit: Edit) -> None:
    """Refuse an edit that changes no pixel, except where eczema was to be removed and none was
    found."""
    if edit.masks.any():
        raise ValueError(
            f"{source} would stay as it is under this mask: choose a higher --severity, other"
            " --signs or another mask."
        )
    if mode == "add":
        raise ValueError(f"{source} shows no skin to edit; say where with --mask.")
