"""Drawn skin, a drawn data set, and lively random weights."""

import csv
from pathlib import Path

import torch

from synthderm.imaging.io import to_pil

TONES = {"light": (0.93, 0.78, 0.70), "tan": (0.70, 0.50, 0.38), "dark": (0.30, 0.19, 0.14)}


def draw_skin(height: int, width: int, tone: str = "light", seed: int = 0) -> torch.Tensor:
    """(3, height, width) float in [0, 1]: skin of one tone with fine grain and uneven light."""
    rng = torch.Generator().manual_seed(seed)
    colour = torch.tensor(TONES[tone]).view(3, 1, 1)
    grain = 1 + 0.03 * torch.randn(1, height, width, generator=rng)
    light = torch.linspace(0.9, 1.05, width).view(1, 1, width)
    return (colour * grain * light).clamp(0, 1)


def draw_folder(root: Path, count: int = 12, size: int = 40, masks: bool = True) -> Path:
    """A folder with metadata.csv: `count` pictures of dark discs on skin, two classes, splits
    train, val and test."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    rows = []
    for k in range(count):
        disc = (yy - size / 2) ** 2 + (xx - size / 2) ** 2 < (size * (0.2 + 0.02 * (k % 5))) ** 2
        image = draw_skin(size, size, seed=k)
        image = torch.where(disc, image * torch.tensor([0.5, 0.4, 0.35]).view(3, 1, 1), image)
        to_pil(image).save(root / "images" / f"{k}.png")
        to_pil(disc[None]).save(root / "masks" / f"{k}.png")
        split = "test" if k % 6 == 5 else "val" if k % 6 == 4 else "train"
        rows.append(
            {
                "file_name": f"images/{k}.png",
                "mask_file_name": f"masks/{k}.png" if masks else "",
                "label": "ab"[k % 2],
                "split": split,
            }
        )
    with open(root / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


def write_extractor(folder: Path) -> str:
    """A tiny feature network as `load_extractor` reads one from a file: 8 random projections of a 6
    px copy."""
    from safetensors.torch import save_file

    save_file(
        {"weight": torch.randn(8, 108, generator=torch.Generator().manual_seed(0))},
        folder / "tiny.safetensors",
    )
    (folder / "tiny.py").write_text(
        "import torch, torch.nn.functional as F\nfrom safetensors.torch import load_file\n\n\n"
        "class Tiny(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return {8: F.adaptive_avg_pool2d(x, 6).flatten(1) @ self.weight.T}\n\n\n"
        "def load(path):\n"
        "    model = Tiny()\n"
        "    model.register_buffer('weight', load_file(path)['weight'])\n"
        "    return model\n"
    )
    return str(folder / "tiny.safetensors")


def liven(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Random weights everywhere, also where training starts at zero, so that outputs depend on
    inputs."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(
                0.3
                * torch.randn(parameter.shape, generator=rng)
                / max(1, parameter[0].numel()) ** 0.5
                * 2
            )
    return model.eval().requires_grad_(False)


def write_pipeline(folder: Path) -> Path:
    """A tiny random, unconditional diffusers pipeline."""
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        layers_per_block=1,
        norm_num_groups=4,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )
    DDIMPipeline(unet, DDIMScheduler(num_train_timesteps=50)).save_pretrained(folder)
    return folder
