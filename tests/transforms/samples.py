"""What the tests of the transform share."""

import torch
from torchvision import tv_tensors

from tests.drawing import draw_skin

SIZE = (48, 60)


def tensor(dtype=torch.uint8) -> torch.Tensor:
    image = draw_skin(*SIZE)
    return (
        image.to(dtype)
        if dtype.is_floating_point
        else (image * torch.iinfo(dtype).max).to(torch.int32).to(dtype)
    )


def half_mask(dtype=torch.uint8) -> tv_tensors.Mask:
    mask = torch.zeros(1, *SIZE, dtype=dtype)
    mask[:, 10:40, 10:50] = 1
    return tv_tensors.Mask(mask)
