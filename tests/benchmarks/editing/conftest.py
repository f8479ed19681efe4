"""Drawn photographs of lesions, a tiny classifier, and one result of the whole benchmark."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from benchmarks.editing import __main__ as editing
from synthderm.imaging.io import to_pil
from synthderm.models.editor import EczemaEditor
from tests.drawing import draw_skin, liven, write_extractor

TONES = ("light", "tan", "dark")
BOXES = {"inflamed": (0.2, 0.2, 0.4, 0.4), "calm": (0.6, 0.6, 0.95, 0.95)}
RED = torch.tensor([0.9, 0.5, 0.5]).view(3, 1, 1)


@pytest.fixture(scope="package")
def photographs(tmp_path_factory) -> Path:
    """A lesion in the corner of each of 18 photographs, of which half are inflamed; each is of
    another patient."""
    root = tmp_path_factory.mktemp("closeups")
    yy, xx = torch.meshgrid(torch.arange(240), torch.arange(240), indexing="ij")
    rows = []
    for k in range(18):
        image = draw_skin(240, 240, TONES[k % 3], k)
        disc = (yy - 70) ** 2 + (xx - 70) ** 2 < (34 + k) ** 2
        to_pil(torch.where(disc, image * RED, image)).save(root / f"{k}.png")
        to_pil(disc[None]).save(root / f"mask{k}.png")
        rows.append(
            {
                "file_name": f"{k}.png",
                "mask_file_name": f"mask{k}.png",
                "label": ("ACK", "NEV")[k % 2],
                "split": ("train", "val", "test")[k // 6],
                "patient_id": f"P{k}",
            }
        )
    with open(root / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture(scope="package")
def classifier(tmp_path_factory) -> str:
    """A small network with random weights, as a file."""
    import timm
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_035", pad_type="same").state_dict(), path)
    return f"mobilenetv2_035={path}"


@pytest.fixture(scope="package")
def result(tmp_path_factory, photographs, classifier) -> dict:
    """The content of editing.json of one editor and one seed."""
    out = tmp_path_factory.mktemp("out")
    model = liven(EczemaEditor([4, 4])).save_pretrained(out / "model")
    command = ["--padufes", str(photographs), "--hands", str(photographs)]
    command += ["--extractor", write_extractor(out), "--classifier", classifier]
    command += ["--model", f"unpaired={model}", "--seeds", "0", "--quick", "--out", str(out)]
    editing.main(command)
    return json.loads((out / "editing.json").read_text())


@pytest.fixture(scope="package")
def boxes(tmp_path_factory, photographs) -> Path:
    """A folder with boxes of inflamed and of calm skin in four of the photographs."""
    root = tmp_path_factory.mktemp("boxes")
    shutil.copytree(photographs, root / "drawn")
    (root / "inflamed").mkdir()
    with open(root / "inflamed" / "boxes.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "kind", "left", "top", "right", "bottom"])
        for index in range(4):
            writer.writerows([f"drawn/{index}.png", kind, *box] for kind, box in BOXES.items())
    return root / "inflamed"
