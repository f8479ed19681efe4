"""Tiny networks and drawn images: the tests need no network, no data and no GPU."""

from pathlib import Path

import pytest
from PIL import Image

from synthderm.imaging.io import to_pil
from synthderm.models.editor import EczemaEditor
from synthderm.models.generator import SkinGenerator
from tests.drawing import draw_skin, liven


@pytest.fixture(scope="session")
def generator_dir(tmp_path_factory) -> Path:
    """A saved, tiny SkinGenerator: 16 px, classes a and b."""
    model = liven(SkinGenerator(16, [8, 8, 8], ["a", "b"], latent_dim=8, style_dim=8))
    return model.save_pretrained(tmp_path_factory.mktemp("generator"))


@pytest.fixture(scope="session")
def editor() -> EczemaEditor:
    """An editor with random weights that changes pictures strongly."""
    return liven(EczemaEditor([8, 8]))


@pytest.fixture
def skin() -> Image.Image:
    """A 60 x 48 PIL picture of skin."""
    return to_pil(draw_skin(48, 60))
