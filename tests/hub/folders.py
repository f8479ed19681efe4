"""Small models, and changes to their folders."""

import json
from pathlib import Path
from typing import Any

from synthderm.models.generator import SkinGenerator

ARGUMENTS = {"size": 16, "channels": [8, 8, 8], "classes": ["a", "b"]}


def tiny_generator() -> SkinGenerator:
    return SkinGenerator(**ARGUMENTS).eval()


def save_tiny(folder: Path) -> Path:
    card = {"licence": "cc-by-4.0", "data": [{"name": "x"}]}
    return tiny_generator().save_pretrained(folder, card=card)


def change_config(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def read_files(folder: Path) -> dict[str, bytes]:
    """The content of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


COMMAND = "python -m benchmarks.fidelity --model lesions"
TESTED = {"dataset": "ISIC 2017 test", "command": COMMAND}
RECORDS = {
    "licence": "CC-BY-4.0",
    "data": [
        {
            "name": "ISIC 2017 | train",
            "licence": "cc0-1.0",
            "attribution": "ISIC Archive",
            "hub": "isic/2017",
        },
        {"name": "Own hands", "licence": "All rights reserved", "attribution": "us"},
    ],
    "metrics": [
        {"name": "FID", "value": 41.5, **TESTED},
        {"name": "KID x 1000", "value": 12, **TESTED},
    ],
}
TRAINING = {
    "data": "/home/alice/secret/isic2017",
    "out": "..\\runs\\x",
    "features": "net=/home/alice/net.safetensors",
    "shown": 48_000,
    "lr": [1e-4, 2e-4],
}


def save_run(folder: Path) -> Path:
    """The folder of a training run, with complete records."""
    card = {"recipe": "train_gan.py", "training": TRAINING}
    tiny_generator().save_pretrained(folder / "model", card=card)
    lines = [{"shown": 8000, "loss_g": 2.5}, {"shown": 48000, "loss_g": 1.25}]
    log = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(log)
    (folder / "card.json").write_text(json.dumps(RECORDS))
    return folder
