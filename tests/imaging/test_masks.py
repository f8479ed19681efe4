import pytest
import torch

from synthderm.imaging.masks import sample_masks, skin_region, smooth_fields
from tests.drawing import TONES, draw_skin


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("background", [(0.85, 0.86, 0.9), (0.2, 0.2, 0.22), (0.5, 0.6, 0.5)])
def test_skin_is_told_from_a_background(tone, background):
    image = draw_skin(64, 64, tone)[None]
    truth = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    truth[..., 10:50, 16:48] = True
    image = torch.where(truth, image, torch.tensor(background).view(1, 3, 1, 1))
    found = skin_region(image)
    assert (found & truth).sum() / (found | truth).sum() > 0.95


@pytest.mark.parametrize("tone", TONES)
def test_a_close_up_is_all_skin(tone):
    assert skin_region(draw_skin(64, 64, tone)[None]).float().mean() > 0.98


def draw_paper(red: float, green: float, blue: float, noise: float = 0.01) -> torch.Tensor:
    """(1, 3, 64, 64): a plain background under uneven light, with a camera's noise."""
    rng = torch.Generator().manual_seed(0)
    light = torch.linspace(0.8, 1.0, 64) * torch.linspace(1.0, 0.9, 64)[:, None]
    paper = torch.tensor([red, green, blue]).view(3, 1, 1) * light
    return (paper + noise * torch.randn(1, 3, 64, 64, generator=rng)).clamp(0, 1)


@pytest.mark.parametrize(
    "paper",
    {
        "white": (1.0, 1.0, 1.0),
        "grey": (0.6, 0.6, 0.6),
        "in warm light": (0.72, 0.71, 0.67),
        "in cold light": (0.66, 0.68, 0.74),
        "black": (0.0, 0.0, 0.0),
        "a black drape": (0.03, 0.02, 0.015),
    }.values(),
)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_background_alone_is_no_skin(paper, noise):
    assert not skin_region(draw_paper(*paper, noise)).any()


def test_two_backgrounds_are_no_skin():
    paper = draw_paper(0.9, 0.9, 0.88)
    paper[..., 40:] = draw_paper(0.1, 0.3, 0.7)[..., 40:]
    assert not skin_region(paper).any()


def test_a_fingertip_before_paper_is_skin_and_the_paper_is_not():
    image = draw_paper(0.72, 0.71, 0.67)
    image[..., 56:, 50:] = draw_skin(64, 64, "tan")[:, 56:, 50:]
    found = skin_region(image)
    assert found[..., 57:, 51:].all() and found.sum() <= 8 * 14 + 16


@pytest.mark.parametrize("tone", TONES)
def test_a_grey_scale_picture_does_not_tell(tone):
    grey = draw_skin(64, 64, tone)[None].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert not skin_region(grey).any()


@pytest.mark.parametrize("colour", [(0.72, 0.66, 0.64), (0.16, 0.12, 0.105)])
def test_pale_and_very_dark_skin_of_little_colour_is_skin(colour):
    assert skin_region(draw_paper(*colour, noise=0.004)).float().mean() > 0.98


def test_masks_cover_what_was_asked_and_stay_on_skin():
    skin = torch.zeros(4, 1, 64, 64, dtype=torch.bool)
    skin[:, :, 20:, 10:50] = True
    coverage = torch.tensor([0.05, 0.2, 0.5, 1.0])
    mask = sample_masks((128, 128), coverage, skin)
    on_skin = torch.nn.functional.interpolate(skin.float(), size=128) > 0
    share = mask.sum((1, 2, 3)) / on_skin.sum((1, 2, 3))
    assert torch.allclose(share, coverage, atol=0.06)
    grown = torch.nn.functional.max_pool2d(on_skin.float(), 5, 1, 2) > 0
    assert not (mask & ~grown).any()


def test_masks_differ_by_seed_and_repeat_with_it():
    def draw(seed: int) -> torch.Tensor:
        rng = torch.Generator().manual_seed(seed)
        return sample_masks((50, 70), torch.full((2,), 0.3), None, rng)

    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))
    assert not torch.equal(draw(1)[0], draw(1)[1])


def test_no_skin_gives_no_mask_and_small_sizes_work():
    assert not sample_masks(
        (20, 20), torch.full((1,), 0.5), torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    ).any()
    assert sample_masks((1, 1), torch.full((1,), 1.0)).shape == (1, 1, 1, 1)


def test_noise_is_about_standard_normal_and_smooth():
    noise = smooth_fields(200, 64, ((8, 1.0),), generator=torch.Generator().manual_seed(0))
    assert noise.mean().abs() < 0.05 and 0.8 < noise.std() < 1.2
    assert noise.diff(dim=2).std() < 0.3
