"""Drawn data, a tiny generator and the protocol made tiny."""

from pathlib import Path

import pytest
import torch

from benchmarks.downstream.data import read_rows
from benchmarks.downstream.settings import Settings
from synthderm import SkinGenerator
from synthderm.imaging.io import to_pil
from tests.benchmarks.downstream.helpers import TINY, write_rows
from tests.drawing import draw_folder, draw_skin

RED = torch.tensor([0.9, 0.6, 0.6]).view(3, 1, 1)


def draw_close_ups(root: Path) -> Path:
    """24 close-ups of skin with a red square in the corner, each of another patient."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rows = []
    for k in range(24):
        image, mask = draw_skin(60, 60, seed=100 + k), torch.zeros(1, 60, 60, dtype=torch.bool)
        mask[:, 4:18, 4:18] = True
        to_pil(torch.where(mask, image * RED, image)).save(root / f"images/{k}.png")
        to_pil(mask).save(root / f"masks/{k}.png")
        rows.append(
            {
                "file_name": f"images/{k}.png",
                "mask_file_name": f"masks/{k}.png",
                "label": "BCC",
                "split": ("train", "train", "train", "val", "val", "test")[k % 6],
                "patient_id": f"p{k}",
            }
        )
    write_rows(root, rows)
    return root


@pytest.fixture(scope="session")
def places(tmp_path_factory, generator_dir) -> dict[str, Path]:
    """Drawn lesions of classes a and b, drawn close-ups, and a generator that was trained on the
    lesions."""
    root = tmp_path_factory.mktemp("places")
    lesions = draw_folder(root / "lesions", count=36, size=24)
    splits = ("train", "train", "train", "train", "val", "test")
    rows = [row | {"split": splits[k // 2 % 6]} for k, row in enumerate(read_rows(lesions))]
    write_rows(lesions, rows)  # both classes in each split
    for name in ("hands", "isic2017"):  # which the bundled editor's record names
        draw_folder(root / name, size=16)
    model = SkinGenerator.from_pretrained(generator_dir)
    made = model.save_pretrained(root / "generator", card={"training": {"data": str(lesions)}})
    return {
        "data": lesions,
        "patches": draw_close_ups(root / "padufes"),
        "generator": made,
        "cache": root / "cache",
    }


@pytest.fixture
def settings(places) -> Settings:
    """The protocol made tiny: 16 px, two steps."""
    return Settings(
        data=str(places["data"]),
        patches=str(places["patches"]),
        cache=places["cache"],
        classifier=TINY,
        model=str(places["generator"]),
        size=16,
        batch=4,
        steps=2,
    )
