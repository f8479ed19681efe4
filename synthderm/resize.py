"""Shrinking and enlarging by cached matrices: for the few, small sizes of the editor about three times as fast on a CPU as
`F.interpolate`, and able to work out just a window of the result."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

ALL = (slice(None), slice(None))


@lru_cache(maxsize=64)
def _matrix(kind: str, length_in: int, length_out: int, device: torch.device) -> Tensor:
    """(length_out, length_in): what averaging or interpolating a row of numbers does, as a matrix."""
    eye = torch.eye(length_in, device=device)[None]
    if kind == "average":
        return F.adaptive_avg_pool1d(eye, length_out)[0].T.contiguous()
    if kind == "cubic":
        return F.interpolate(eye[:, :, None], size=(1, length_out), mode="bicubic", align_corners=False)[0, :, 0].T.contiguous()
    return F.interpolate(eye, size=length_out, mode="linear", align_corners=False)[0].T.contiguous()


def shrink(image: Tensor, side: int = 64) -> Tensor:
    """(B, C, H, W) of any dtype to (B, C, side, side) float32 by averaging, in the input's units. A large image is thinned
    out first: the editor's look needs no more."""
    step_y, step_x = (max(1, int(length / (1.5 * side))) for length in image.shape[-2:])
    image = image[..., ::step_y, ::step_x].to(torch.float32)
    rows = _matrix("average", image.shape[-2], side, image.device)
    columns = _matrix("average", image.shape[-1], side, image.device)
    return rows @ (image @ columns.T)


def enlarge(maps: Tensor, height: int, width: int, window: tuple[slice, slice] = ALL, kind: str = "linear") -> Tensor:
    """(..., h, w) float32 to (..., height, width), bilinear (or "cubic"), or just a window of that."""
    rows = _matrix(kind, maps.shape[-2], height, maps.device)[window[0]]
    columns = _matrix(kind, maps.shape[-1], width, maps.device)[window[1]]
    return rows @ (maps @ columns.T)
