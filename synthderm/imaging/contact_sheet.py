"""Many pictures in one: grids of tensors, and contact sheets with captions and outlined masks."""

import io
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from synthderm.imaging.io import to_pil, to_tensor

OUTLINE = (0.1, 1.0, 0.6)  # a green that no skin has
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
NARROWEST = 64  # pixels of a cell, so that a caption can be read


def grid(images: Tensor, columns: int, gap: int = 2) -> Tensor:
    """(B, 3, H, W) to one (3, H', W') picture on white, row by row."""
    missing = -len(images) % columns  # in the last row
    white = 255 if images.dtype == torch.uint8 else 1
    cells = F.pad(images, (0, gap, 0, gap, 0, 0, 0, missing), value=white)
    # From (rows, columns, 3, H, W) to (3, rows, H, columns, W).
    sheet = cells.unflatten(0, (-1, columns)).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
    return sheet[:, : sheet.shape[1] - gap, : sheet.shape[2] - gap]


def outline(images: Tensor, masks: Tensor, colour: tuple[float, float, float] = OUTLINE) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] with the border of their masks (B, 1, H, W) drawn in."""
    share = F.avg_pool2d(masks.float(), 3, 1, 1, count_include_pad=False)
    border = masks & (share < 1)
    return torch.where(border, torch.tensor(colour, device=images.device).view(1, 3, 1, 1), images)


def contact_sheet(
    images: Sequence[Image.Image],
    masks: Sequence[Tensor | None] | None = None,
    captions: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    side: int = 256,
    gap: int = 4,
) -> Image.Image:
    """One RGB picture on white: the images row by row, each with its mask's outline and a caption.

    Args:
        images: of any sizes; none is changed.
        masks: (1, H, W) bool for each image, or None for one without.
        captions: a line below each image, cut where it is too long.
        columns: images in a row; about as many as there are rows where None.
        side: the longest side of an image on the sheet, in pixels; smaller ones keep their size.
        gap: between the images, in pixels.

    Raises:
        ValueError: no image, or a number that is below 1.
    """
    if not images:
        raise ValueError("a contact sheet needs at least 1 image.")
    for name, value in (("columns", columns), ("side", side)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value!r} must be at least 1.")
    columns = min(columns or math.ceil(math.sqrt(len(images))), len(images))
    outlines = masks or [None] * len(images)
    cells = [_cell(image, mask, side) for image, mask in zip(images, outlines)]
    line = 14 if captions else 0
    width = max(NARROWEST if captions else 1, *(cell.width for cell in cells)) + gap
    height = max(cell.height for cell in cells) + line + gap
    rows = math.ceil(len(cells) / columns)
    sheet = Image.new("RGB", (columns * width - gap, rows * height - gap), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for index, cell in enumerate(cells):
        left, top = index % columns * width, index // columns * height
        sheet.paste(cell, (left, top))
        if captions:
            text = _fit(captions[index], draw, font, width - gap)
            draw.text((left + 1, top + height - gap - line + 1), text, fill="black", font=font)
    return sheet


def to_png(image: Image.Image) -> bytes:
    """The bytes of a PNG file, as notebooks show them."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def _cell(image: Image.Image, mask: Tensor | None, side: int) -> Image.Image:
    """A copy that fits in a square of `side`, with the border of its mask."""
    cell = image.convert("RGB")
    cell.thumbnail((side, side))
    if mask is None or not mask.any():
        return cell
    shown = F.interpolate(mask[None].float(), size=(cell.height, cell.width), mode="nearest") > 0
    return to_pil(outline(to_tensor(cell)[None] / 255, shown)[0])


def _fit(text: str, draw: ImageDraw.ImageDraw, font: Font, width: int) -> str:
    """One line, cut to a width. A Pillow without FreeType has Latin letters alone."""
    text = " ".join(text.split())
    if isinstance(font, ImageFont.ImageFont):
        text = text.encode("latin-1", "replace").decode("latin-1")
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(f"{text}...", font=font) > width:
        text = text[:-1]
    return f"{text}..."
