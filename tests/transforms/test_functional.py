"""Eczema added, removed and found on tensors: what is guaranteed whatever the weights."""

import numpy as np
import pytest
import torch

from synthderm.imaging.lesions import PATTERNS
from synthderm.imaging.masks import sample_masks
from synthderm.imaging.resize import enlarge, enlarge_columns, enlarge_rows
from synthderm.transforms.functional import (
    Latents,
    add_eczema,
    edit_eczema,
    find_eczema,
    random_mask,
    remove_eczema,
    sample_latents,
    thumbnail,
)
from tests.drawing import TONES, draw_skin

DTYPES = [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64]


def as_dtype(image: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if dtype.is_floating_point:
        return image.to(dtype)
    return (image * torch.iinfo(dtype).max).round().to(torch.int32).to(dtype)


def bits(x: torch.Tensor) -> torch.Tensor:
    """A view in which equality is equality of bits."""
    return x.contiguous().view(
        {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]
    )


def skins(*size: int) -> torch.Tensor:
    return torch.stack([draw_skin(*size, tone, seed) for seed, tone in enumerate(TONES)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_outside_the_mask_every_bit_stays(editor, dtype, channels):
    images = skins(40, 56)
    images = as_dtype(torch.cat([images, images[:, :1]], dim=1)[:, :channels], dtype)
    masks = sample_masks((40, 56), torch.tensor([0.1, 0.3, 0.6]))
    for edit in (
        add_eczema(images, masks, 1.0, seed=1, model=editor),
        remove_eczema(images, masks, model=editor),
    ):
        assert edit.images.dtype == dtype and edit.images.shape == images.shape
        same = bits(edit.images) == bits(images)
        assert same[~masks.expand_as(same)].all()
        assert not same[:, : min(3, channels)][masks.expand(-1, min(3, channels), -1, -1)].all()
        if channels == 4:
            assert same[:, 3].all()


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 50), (3, 2), (32, 32), (33, 97), (224, 224), (700, 1000)]
)
def test_every_size(editor, size):
    image = draw_skin(*size)
    edit = add_eczema(image, severity=0.8, coverage=0.5, seed=0, model=editor)
    assert edit.images.shape == image.shape and edit.masks.shape == (1, *size)
    assert torch.equal(
        edit.images[~edit.masks.expand(3, -1, -1)], image[~edit.masks.expand(3, -1, -1)]
    )
    assert find_eczema(image, model=editor).shape == (1, *size)


def test_severity_0_gives_the_image_back(editor):
    images = skins(40, 40)
    assert torch.equal(add_eczema(images, severity=0.0, seed=1, model=editor).images, images)
    mixed = add_eczema(images, severity=torch.tensor([0.0, 1.0, 0.0]), seed=1, model=editor).images
    assert [torch.equal(a, b) for a, b in zip(mixed, images)] == [True, False, True]


def test_seeds_repeat_and_differ():
    images = skins(64, 64)
    masks = torch.ones(3, 1, 64, 64, dtype=torch.bool)
    one, again, two = (add_eczema(images, masks, 0.9, seed=seed).images for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert ((one - two).abs().mean((1, 2, 3)) > 0.01).all()


def test_the_global_random_numbers_are_used_only_without_a_seed():
    images = skins(32, 32)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    add_eczema(images, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    first = add_eczema(images).images
    torch.manual_seed(0)
    assert torch.equal(add_eczema(images).images, first)


@pytest.mark.parametrize("tone", TONES)
def test_more_severity_is_more_change_and_redder_skin(tone):
    image = draw_skin(96, 96, tone)
    mask = torch.zeros(1, 96, 96, dtype=torch.bool)
    mask[:, 20:76, 20:76] = True
    signs = torch.tensor(PATTERNS["nummular"])
    changes, reds = [], []
    for severity in (0.0, 0.25, 0.5, 0.75, 1.0):
        edited = add_eczema(image, mask, severity, seed=4, signs=signs).images
        changes.append((edited - image).abs().mean().item())
        inside = edited[:, mask[0]].clamp_min(0.01).log().mean(1)
        reds.append((inside[0] - inside[1]).item())
    assert changes == sorted(changes) and changes[-1] > 0.002
    if tone == "dark":  # where more blood shows violet, and scale ashy
        assert min(reds[1:]) > reds[0] + 0.02
    else:
        assert reds == sorted(reds) and reds[-1] > reds[0] + 0.05


def test_removal_brings_skin_closer_to_what_it_was():
    images = skins(96, 96)
    edit = add_eczema(images, severity=0.7, coverage=0.4, seed=5)
    cleared = remove_eczema(edit.images, edit.masks).images
    before, after = ((x - images).square().mean((1, 2, 3)) for x in (edit.images, cleared))
    assert (after < 0.7 * before).all()


def test_a_row_of_a_batch_is_the_edit_of_that_image_alone(editor):
    images, masks = skins(50, 50), sample_masks((50, 50), torch.full((3,), 0.4))
    latents, severity = sample_latents(3), torch.tensor([0.3, 0.6, 1.0])

    def edit(rows: slice) -> torch.Tensor:
        own = Latents(*(part[rows] for part in latents))
        image = images[rows]
        return edit_eczema(editor, image, masks[rows], severity[rows], 1, own, thumbnail(image))

    batch = edit(slice(None))
    for k in range(3):
        assert torch.allclose(edit(slice(k, k + 1))[0], batch[k], atol=1e-5)


def test_random_masks_lie_on_the_skin_and_repeat_with_their_seed():
    images = skins(48, 64)
    images[:, :, :, 32:] = torch.tensor([0.2, 0.4, 0.8]).view(3, 1, 1)  # a blue wall
    masks = random_mask(images, torch.tensor([0.2, 0.5, 0.8]), seed=3)
    assert masks.shape == (3, 1, 48, 64) and masks.dtype == torch.bool
    assert not masks[..., 34:].any()
    share = masks[..., :32].float().mean((1, 2, 3))
    assert torch.allclose(share, torch.tensor([0.2, 0.5, 0.8]), atol=0.08)
    assert torch.equal(masks, random_mask(images, torch.tensor([0.2, 0.5, 0.8]), seed=3))
    assert random_mask(images[0], 0.3).shape == (1, 48, 64)
    drawn = add_eczema(images, coverage=torch.tensor([0.2, 0.5, 0.8]), seed=3).masks
    assert torch.equal(masks, drawn)
    with pytest.raises(ValueError, match="coverage must be in"):
        random_mask(images, 0.0)


@pytest.mark.parametrize(
    ("height", "off"), [(50, 0.0), (96, 0.0), (224, 0.0), (320, 0.0), (250, 0.03)]
)
def test_enlarging_is_bilinear(height, off):
    maps = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.interpolate(
        maps, size=(height, 224), mode="bilinear", align_corners=False
    )
    whole = enlarge(maps, height, 224)
    # A map's kinks that lie between two pixels are rounded, where only a few rows are worked out.
    assert (whole - expected).abs().mean() <= off + 1e-5
    rows, columns = slice(3, height - 7), slice(100, 200)
    assert torch.allclose(
        enlarge_rows(enlarge_columns(maps, 224, columns), height, rows),
        whole[..., rows, columns],
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.array, torch.tensor])
def test_numbers_may_be_numpys_or_torchs(editor, kind):
    images = skins(30, 30)
    expected = add_eczema(images, None, 0.5, coverage=0.25, seed=3, model=editor)
    for seed in (np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)):
        options = {"coverage": kind(0.25), "seed": seed, "model": editor}
        edit = add_eczema(images, None, kind(0.5), **options)
        assert all(torch.equal(a, b) for a, b in zip(edit, expected))
        assert torch.equal(random_mask(images, kind(0.25), seed=seed), expected.masks)
    found = find_eczema(images, threshold=kind(0.5), model=editor)
    assert torch.equal(found, find_eczema(images, threshold=0.5, model=editor))
    with pytest.raises(ValueError, match="threshold=1.5"):
        find_eczema(images, threshold=1.5, model=editor)


def test_edits_carry_no_gradient_and_can_enter_a_backward_pass(editor):
    image = draw_skin(40, 40).requires_grad_()
    edited = add_eczema(image, severity=1.0, seed=0, model=editor).images
    assert not edited.requires_grad
    weight = torch.ones(3, 1, 1, requires_grad=True)
    (edited * weight).sum().backward()
    assert weight.grad.abs().sum() > 0


def test_memory_format_and_input_are_kept(editor):
    images = skins(40, 40).to(memory_format=torch.channels_last)
    copy = images.clone()
    edited = add_eczema(images, severity=1.0, seed=0, model=editor).images
    assert edited.is_contiguous(memory_format=torch.channels_last) and torch.equal(images, copy)
    strided = skins(40, 80)[..., ::2]
    assert torch.equal(
        add_eczema(strided, severity=1.0, seed=0, model=editor).images,
        add_eczema(strided.contiguous(), severity=1.0, seed=0, model=editor).images,
    )


def test_empty_batches_and_masks(editor):
    assert add_eczema(torch.zeros(0, 3, 8, 8), seed=0, model=editor).images.shape == (0, 3, 8, 8)
    for count in (0, 2):
        images = torch.zeros(count, 3, 8, 9)
        assert find_eczema(images, model=editor).shape == (count, 1, 8, 9)
        assert remove_eczema(images, model=editor).images.shape == (count, 3, 8, 9)
    image = draw_skin(20, 20)
    assert torch.equal(
        add_eczema(image, torch.zeros(1, 20, 20, dtype=torch.bool), 1.0, model=editor).images, image
    )


@pytest.mark.parametrize(
    ("images", "options", "error", "says"),
    [
        ([[1]], {}, TypeError, "not list"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), {}, TypeError, "int64"),
        (torch.zeros(8, 8), {}, ValueError, r"\(8, 8\)"),
        (torch.zeros(2, 2, 8, 8), {}, ValueError, "channels 1, 3 or 4"),
        (torch.full((3, 8, 8), 255.0), {}, ValueError, "255"),
        (torch.full((3, 8, 8), -0.1), {}, ValueError, "before you normalise"),
        (torch.full((3, 8, 8), float("nan")), {}, ValueError, "nan"),
        (
            torch.zeros(3, 8, 8),
            {"masks": torch.zeros(1, 8, 9, dtype=torch.bool)},
            ValueError,
            r"\(1, 1, 8, 9\)",
        ),
        (torch.zeros(3, 8, 8), {"masks": torch.rand(1, 8, 8) + 1}, ValueError, "classes or shades"),
        (torch.zeros(3, 8, 8), {"severity": 1.5}, ValueError, "1.5"),
        (torch.zeros(3, 8, 8), {"coverage": 0.0}, ValueError, "coverage"),
        (torch.zeros(2, 3, 8, 8), {"severity": [0.5] * 3}, ValueError, r"2 images need \(2,\)"),
        (torch.zeros(3, 8, 8), {"severity": "x"}, ValueError, "severity='x'"),
        (torch.zeros(3, 8, 8), {"seed": 1.5}, ValueError, "seed=1.5 must be a whole number"),
        (torch.zeros(3, 8, 8), {"seed": "x"}, ValueError, "seed='x' must be a whole number"),
        (torch.zeros(3, 8, 8), {"seed": 2**64}, ValueError, "as torch takes them"),
        (torch.zeros(3, 8, 8), {"signs": torch.zeros(6)}, ValueError, "signs"),
    ],
)
def test_bad_input_is_named(editor, images, options, error, says):
    with pytest.raises(error, match=says):
        add_eczema(images, model=editor, **options)
