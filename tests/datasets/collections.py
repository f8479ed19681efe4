"""A real data set and a generator, both quick, whose images tell what they are."""

import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets import VisionDataset

from synthderm import SyntheticSkinDataset
from synthderm.imaging.io import to_tensor

PAD = ["ACK", "BCC", "MEL", "NEV"]


class Photographs(VisionDataset):
    """As torchvision's data sets are: `targets` are the labels before `target_transform`.

    An image is of one grey: its index.
    """

    def __init__(self, classes, targets, **transforms):
        super().__init__("", **transforms)
        self.classes, self.targets = classes, targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        image, label = Image.new("RGB", (8, 8), (index,) * 3), int(self.targets[index])
        return (image, label) if self.transforms is None else self.transforms(image, label)


def grey(image) -> int:
    """The red of an image's first pixel."""
    return to_tensor(image)[0, 0, 0].item()


class Numbered:
    """A generator. An image's red is its label; green and blue are its seed's."""

    classes = ["nevus", "melanoma", "other"]

    def __call__(self, seeds: Tensor, labels: Tensor) -> Tensor:
        color = torch.stack([labels, seeds % 251, seeds // 251 % 251], 1).to(torch.uint8)
        return color[:, :, None, None].expand(-1, 3, 8, 8)


numbered = Numbered()


def generated(length=6, **options) -> SyntheticSkinDataset:
    return SyntheticSkinDataset(numbered, length=length, **options)
