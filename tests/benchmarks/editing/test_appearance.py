"""Measures of appearance, on drawn skin whose change is known."""

import json
import math

import pytest
import torch

from benchmarks.editing import appearance
from benchmarks.editing.methods import Method
from benchmarks.editing.transfer_crops import Crops
from synthderm.models.editor import EczemaEditor
from tests.drawing import draw_skin, liven

SIDE = 224
BANDS = [f"{low} to {high} waves" for low, high in appearance.BANDS]


@pytest.fixture(scope="module")
def skin() -> torch.Tensor:
    return (torch.stack([draw_skin(SIDE, SIDE, "light")] * 2) * 255).round().to(torch.uint8)


def wavy(skin: torch.Tensor, waves: int) -> torch.Tensor:
    """Skin with waves of a known length over it."""
    angle = 2 * torch.pi * waves * torch.arange(SIDE) / SIDE
    return (skin.float() * (1 + 0.15 * angle.sin())).round().clamp(0, 255).to(torch.uint8)


def test_skin_does_not_differ_from_itself(skin):
    row = appearance.compare(skin, skin)
    assert all(row[key] == 0 for key in [*BANDS, "red, light", "green, light", "blue, light"])


@pytest.mark.parametrize("band", range(1, len(BANDS)))
def test_power_is_gained_at_the_scale_of_what_is_added(skin, band):
    low, high = appearance.BANDS[band]
    row = appearance.compare(wavy(skin, (low + high) // 2), skin)
    gains = [row[key] for key in BANDS]
    assert max(gains) == gains[band] > 3


def test_blur_loses_the_finest_power(skin):
    blurred = torch.nn.functional.avg_pool2d(skin.float(), 3, 1, 1).round().to(torch.uint8)
    row = appearance.compare(blurred, skin)
    assert row[BANDS[-1]] < -3 and abs(row[BANDS[0]]) < 1


@pytest.mark.parametrize(("tone", "named"), [("light", "light"), ("dark", "dark")])
def test_hue_is_the_density_that_is_added(tone, named):
    skin = (draw_skin(SIDE, SIDE, tone)[None] * 255).round().to(torch.uint8)
    share = torch.tensor([1.0, 0.7, 0.8]).view(1, 3, 1, 1)
    row = appearance.compare((skin * share).round().to(torch.uint8), skin)
    for colour, density in zip(("red", "green", "blue"), (0.0, 0.357, 0.223)):
        assert row[f"{colour}, {named}"] == pytest.approx(density, abs=0.02)


def test_extremes_are_counted():
    image = torch.full((1, 3, 10, 10), 128, dtype=torch.uint8)
    image[:, 0, :2] = 255  # a fifth is saturated in red
    image[..., 5:, :] = 10  # a half is nearly black
    torch.testing.assert_close(appearance.extremes(image), torch.tensor([[0.2, 0.5]]))


def test_photographs_that_lack_a_side_are_left_out(skin):
    crops = Crops(torch.cat([skin, skin[:1]]), ["inflamed", "calm", "calm"], ["a", "a", "b"])
    (pair,) = appearance.make_pairs(crops)
    assert len(pair.inflamed) == len(pair.calm) == 1


def test_edits_cover_the_crop_and_depend_on_the_seed_alone(skin):
    seen = []

    def record(images, masks, severity, seed):
        assert masks.all() and (severity >= 0.3).all()
        seen.append(severity)
        return images

    for seed in (1, 1, 2):
        appearance.edit_all_over(Method(record), skin, seed)
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])


def test_the_command_compares_every_method_with_real_skin(tmp_path, photographs, boxes):
    model = liven(EczemaEditor([4, 4])).save_pretrained(tmp_path / "model")
    command = ["--padufes", str(photographs), "--inflamed", str(boxes), "--quick"]
    appearance.main([*command, "--model", f"paired={model}", "--out", str(tmp_path)])
    rows = json.loads((tmp_path / "appearance.json").read_text())["rows"]
    for methods in rows.values():
        assert list(methods) == ["real", "renderer", "tint", "paired"]
        for row in methods.values():
            assert set(BANDS) < set(row)
            assert all(math.isfinite(cell["mean"]) for cell in row.values())
