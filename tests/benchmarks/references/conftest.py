"""What the systems learn from in tests: drawn pictures, and features of random weights."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from benchmarks.references.system import Setup
from synthderm.training.image_pool import load_image_pool
from synthderm.training.lesion_patches import load_healthy
from tests.drawing import draw_folder


@pytest.fixture(scope="session")
def features(tmp_path_factory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "random.safetensors"
    save_file(timm.create_model("mobilenetv2_100", pad_type="same").state_dict(), path)
    return f"mobilenetv2_100={path}"


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("drawn") / "data", count=18, size=48)


@pytest.fixture(scope="session")
def setup(drawn, features) -> Setup:
    """32 px, batches of 4."""
    return Setup(
        size=32,
        batch=4,
        device=torch.device("cpu"),
        features=features,
        pool=load_image_pool(str(drawn), "train", 32),
        healthy=load_healthy(str(drawn), 32, "train"),
    )
