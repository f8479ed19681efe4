"""Shrinking and enlarging by cached matrices: for the few, small sizes of the editor about three
times as fast on a CPU as `F.interpolate`, and able to work out just a window of the result."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.determinism import usual_torch

ALL = (slice(None), slice(None))


@lru_cache(maxsize=64)
@usual_torch()
def _matrix(kind: str, length_in: int, length_out: int, device: torch.device) -> Tensor:
    """(length_out, length_in): what averaging or interpolating a row of numbers does, as a
    matrix."""
    eye = torch.eye(length_in, dtype=torch.float32, device=device)[None]
    if kind == "average":
        return F.adaptive_avg_pool1d(eye, length_out)[0].T.contiguous()
    rows = F.interpolate(
        eye[:, :, None], size=(1, length_out), mode=f"bi{kind}", align_corners=False
    )
    return rows[0, :, 0].T.contiguous()


def shrink(image: Tensor, side: int = 64) -> Tensor:
    """(B, C, H, W) of any dtype to (B, C, side, side) float32 by averaging, in the input's units.
    Of a large image only some rows and columns are used: a thumbnail needs no more."""
    step_y, step_x = (max(1, int(length / (1.5 * side))) for length in image.shape[-2:])
    image = image[..., ::step_y, ::step_x].to(torch.float32)
    rows = _matrix("average", image.shape[-2], side, image.device)
    columns = _matrix("average", image.shape[-1], side, image.device)
    return rows @ (image @ columns.T)


@lru_cache(maxsize=64)
@usual_torch()
def _knots(
    length_in: int, length_out: int, device: torch.device
) -> tuple[int, int, Tensor, Tensor]:
    """For rows that are worked out by interpolating between knots: the first row, the rows from
    knot to knot, the matrix that makes the knots, and the weights of the rows between two of them.

    Knots are the kinks of the bilinear map where these are a whole number of pixels apart;
    elsewhere they are twice as dense.
    """
    cell = length_out / length_in
    step = int(cell) if cell == int(cell) else max(1, int(cell / 2))
    start = (cell - 1) / 2 - step if cell == step else -float(step)
    first = math.ceil(start)
    count = math.ceil((length_out - start) / step) + 1
    at = start + step * torch.arange(count, dtype=torch.float32, device=device)
    place = ((at + 0.5) / cell - 0.5).clamp(0, length_in - 1)
    knots = (1 - (place[:, None] - torch.arange(length_in, device=device)).abs()).clamp_min(0)
    between = torch.arange(step, dtype=torch.float32, device=device)
    return first, step, knots, ((between + (first - start)) / step)[:, None]


@lru_cache(maxsize=64)
@usual_torch()
def _neighbours(
    length_in: int, length_out: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """For rows that are worked out one by one: the two nearest rows of each, and the weight of the
    second, (length_out, 1)."""
    at = torch.arange(length_out, dtype=torch.float32, device=device) + 0.5
    at = (at * (length_in / length_out) - 0.5).clamp(0, length_in - 1)
    above = at.long()
    return above, (above + 1).clamp_max(length_in - 1), (at - above)[:, None]


def enlarge(maps: Tensor, height: int, width: int, *, kind: str = "linear") -> Tensor:
    """(..., h, w) float32 to (..., height, width), bilinear (or "cubic")."""
    return enlarge_rows(enlarge_columns(maps, width, kind=kind), height, kind=kind)


def enlarge_columns(
    maps: Tensor, width: int, columns: slice = ALL[1], kind: str = "linear"
) -> Tensor:
    """(..., h, w) to (..., h, width), or to a part of these columns."""
    matrix = _matrix(kind, maps.shape[-1], width, maps.device)
    return maps @ (matrix if columns == ALL[1] else matrix[columns]).T


def enlarge_rows(maps: Tensor, height: int, rows: slice = ALL[0], kind: str = "linear") -> Tensor:
    """(..., h, w) to (..., height, w), or to a part of these rows.

    When a map grows several times, a matrix makes only the rows where its slope changes, and one
    multiplication and addition fills in those between. (Kinks that are no whole number of pixels
    apart are rounded a little.)
    """
    top, bottom, _ = rows.indices(height)
    if kind == "cubic":
        return _matrix(kind, maps.shape[-2], height, maps.device)[top:bottom] @ maps
    if height < 4 * maps.shape[-2]:
        above, below, weights = _neighbours(maps.shape[-2], height, maps.device)
        upper = maps.index_select(-2, above[top:bottom])
        return upper.lerp_(maps.index_select(-2, below[top:bottom]), weights[top:bottom])
    first, step, knots, weights = _knots(maps.shape[-2], height, maps.device)
    start, stop = (top - first) // step, -((first - bottom) // step)
    made = (knots[start : stop + 1] @ maps)[..., None, :]
    above, below = made[..., :-1, :, :], made[..., 1:, :, :]
    filled = torch.addcmul(above, below - above, weights).flatten(-3, -2)
    skip = top - first - start * step
    return filled[..., skip : skip + bottom - top, :]
