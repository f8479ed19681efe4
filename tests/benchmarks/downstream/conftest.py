"""Drawn data, a tiny generator and the protocol made tiny."""

from pathlib import Path

import pytest
import torch

from benchmarks.trial import data, runs
from synthderm import SkinGenerator
from synthderm.imaging.io import to_pil
from tests.benchmarks.downstream.parts import TINY, write_rows
from tests.drawing import draw_folder, draw_skin


@pytest.fixture(scope="session")
def places(tmp_path_factory, generator_dir) -> dict[str, Path]:
    """Drawn lesions of classes a and b, drawn close-ups, and a generator that was trained on the
    lesions."""
    root = tmp_path_factory.mktemp("places")
    lesions = draw_folder(root / "lesions", count=36, size=24)
    splits = ("train", "train", "train", "train", "val", "test")
    write_rows(
        lesions,
        [row | {"split": splits[k // 2 % 6]} for k, row in enumerate(data.read_rows(lesions))],
    )  # both classes in each
    draw_folder(root / "hands", size=16)  # which the bundled editor's record names
    (root / "padufes" / "images").mkdir(parents=True)
    (root / "padufes" / "masks").mkdir()
    rows = []
    for k in range(24):
        image, mask = draw_skin(60, 60, seed=100 + k), torch.zeros(1, 60, 60, dtype=torch.bool)
        mask[:, 4:18, 4:18] = True
        image = torch.where(mask, image * torch.tensor([0.9, 0.6, 0.6]).view(3, 1, 1), image)
        names = f"images/{k}.png", f"masks/{k}.png"
        to_pil(image).save(root / "padufes" / names[0])
        to_pil(mask).save(root / "padufes" / names[1])
        split = ("train", "train", "train", "val", "val", "test")[k % 6]
        rows.append(
            {
                "file_name": names[0],
                "mask_file_name": names[1],
                "label": "BCC",
                "split": split,
                "patient_id": f"p{k}",
            }
        )
    write_rows(root / "padufes", rows)
    model = SkinGenerator.from_pretrained(generator_dir)
    made = model.save_pretrained(root / "generator", card={"training": {"data": str(lesions)}})
    return {
        "data": lesions,
        "patches": root / "padufes",
        "generator": made,
        "cache": root / "cache",
    }


@pytest.fixture
def settings(places) -> runs.Settings:
    """The protocol made tiny: 16 px, two steps."""
    return runs.Settings(
        str(places["data"]),
        str(places["patches"]),
        places["cache"],
        TINY,
        str(places["generator"]),
        size=16,
        batch=4,
        steps=2,
    )
