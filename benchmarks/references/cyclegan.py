"""The generator of CycleGAN at its usual size, as a reference for speed: random weights, timed and
never trained.

Johnson, Alahi and Fei-Fei (ECCV 2016) with nine residual blocks, as Zhu et al. (ICCV 2017) use it
for 256 px images: 11.4 M parameters, everything at the image's own resolution.
"""

import torch
from torch import Tensor, nn


def convolution(width_in: int, width_out: int, side: int, stride: int = 1) -> list[nn.Module]:
    """Convolution, instance norm and ReLU; at stride 1 the border is mirrored, as in the paper."""
    padding = nn.ReflectionPad2d(side // 2) if stride == 1 else nn.ZeroPad2d(1)
    return [
        padding,
        nn.Conv2d(width_in, width_out, side, stride),
        nn.InstanceNorm2d(width_out),
        nn.ReLU(inplace=True),
    ]


class ResidualBlock(nn.Module):
    """Two convolutions that are added to their input.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        second = convolution(width, width, 3)[:-1]
        self.layers = nn.Sequential(*convolution(width, width, 3), *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class ResNet9(nn.Module):
    """(B, 3, H, W) to (B, 3, H, W), both in [-1, 1]; H and W are multiples of 4.

    Args:
        width: channels at full resolution; 64 in the paper.
        blocks: residual blocks at a quarter of the resolution; 9 in the paper for 256 px.
    """

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        layers = [
            *convolution(3, width, 7),
            *convolution(width, 2 * width, 3, stride=2),
            *convolution(2 * width, 4 * width, 3, stride=2),
        ]
        layers += [ResidualBlock(4 * width) for _ in range(blocks)]
        for wide in (4 * width, 2 * width):
            up = nn.ConvTranspose2d(wide, wide // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [up, nn.InstanceNorm2d(wide // 2), nn.ReLU(inplace=True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)
