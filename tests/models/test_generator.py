import pytest
import torch
import torch.nn.functional as F

from synthderm.determinism import one_thread
from synthderm.models import generator as nets
from synthderm.models.generator import SkinGenerator
from synthderm.models.layers import GeneratorBlock
from tests.drawing import liven
from tests.models.tiny import tiny


@pytest.mark.parametrize("smooth", [False, True])
def test_block_is_enlargement_and_convolution(smooth):
    block = GeneratorBlock(5, 7, 4, smooth=smooth).eval()
    x, style = torch.randn(2, 5, 6, 6), torch.randn(2, 4)
    mode, edge = ("bilinear", 2) if smooth else ("nearest", 0)
    # Beyond its border the enlarged image is 0; bilinear enlargement in torch repeats the border.
    enlarged = F.interpolate(x, scale_factor=2.0, mode=mode)
    plain = F.leaky_relu(block.norm(F.conv2d(enlarged, block.conv.weight, padding=1), style), 0.1)
    found = block(x, style)
    inner = slice(edge, 12 - edge)
    assert found.shape == plain.shape
    assert torch.allclose(found[..., inner, inner], plain[..., inner, inner], atol=1e-5)


def test_output_range_shapes_and_mask():
    model = liven(tiny())
    image, mask = model.generate(torch.randn(5, 8), torch.tensor([0, 1, 2, 0, 1]))
    assert image.shape == (5, 3, 32, 32) and image.min() >= 0 and image.max() <= 1
    assert mask.shape == (5, 1, 32, 32) and mask.dtype == torch.bool


def test_latents_and_class_both_matter_and_the_condition_fades_the_class():
    model = liven(tiny())
    z = torch.randn(1, 8)
    a, b = torch.tensor([0]), torch.tensor([1])
    assert not torch.equal(model(z, a), model(z, b))
    assert torch.equal(model(z, a, condition=0.0), model(z, b, condition=0.0))
    assert not torch.equal(model(z, a), model(torch.randn(1, 8), a))


@pytest.mark.parametrize(("noisy", "smooth"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("channels", [[96, 64, 48, 24], [24, 16]])
def test_an_image_does_not_depend_on_its_batch_nor_without_bf16_on_freezing(
    channels, noisy, smooth, monkeypatch
):
    size = 4 * 2 ** len(channels)
    noise = size // 2 if noisy else 0
    latents = 128 + noise**2
    model = SkinGenerator(size, channels, ["a", "b"], latents, noise=noise, smooth=smooth)
    liven(model)
    z, y = torch.randn(7, model.latent_dim), torch.arange(7) % 2
    with one_thread():
        plain = torch.cat([model(z[k : k + 1], y[k : k + 1]) for k in range(7)])
        assert torch.equal(torch.cat([model(a, b) for a, b in zip(z.split(3), y.split(3))]), plain)
        model.freeze()
        for shrunk in (None, size // 2):
            alone = torch.cat([model(z[k : k + 1], y[k : k + 1], size=shrunk) for k in range(7)])
            for count in (2, 3, 7):
                assert torch.equal(
                    torch.cat(
                        [model(a, b, size=shrunk) for a, b in zip(z.split(count), y.split(count))]
                    ),
                    alone,
                )
            if shrunk is None:
                assert (alone - plain).abs().mean() < 0.02
        monkeypatch.setattr(nets, "has_bf16", lambda device: False)
        for count in (1, 2, 3, 7):
            assert torch.equal(
                torch.cat([model(a, b) for a, b in zip(z.split(count), y.split(count))]), plain
            )


def test_noise_moves_the_texture_and_neither_the_code_nor_its_mean_style():
    model = liven(SkinGenerator(64, [16, 16, 8, 8], ["a"], 8 + 32**2, style_dim=8, noise=32))
    assert model.code_dim == 8 and [block.amount is not None for block in model.blocks] == [
        False,
        True,
        True,
    ]  # 8, 16 and 32 px
    z, y = torch.randn(2, model.latent_dim), torch.zeros(2, dtype=torch.long)
    other = torch.cat([z[:, :8], torch.randn(2, 32**2)], 1)
    assert not torch.equal(model(z, y), model(other, y))
    for block in model.blocks[1:]:
        torch.nn.init.zeros_(block.amount.weight), torch.nn.init.zeros_(block.amount.bias)
    assert torch.equal(model(z, y), model(other, y))
    assert model.mean_style(model.embedding(y)).shape == (2, 8)
    with pytest.raises(ValueError, match="noise=16 must be 0 or size // 2 = 32"):
        SkinGenerator(64, [16, 16, 8, 8], ["a"], 8 + 16**2, noise=16)


def test_half_the_side_is_the_full_image_shrunk():
    model = liven(tiny())
    z, y = torch.randn(2, 8), torch.tensor([0, 1])
    small, large = (
        torch.atanh(model(z, y, size=size).double().clamp(-1 + 1e-9, 1 - 1e-9)) for size in (16, 32)
    )
    exact = small.abs() < 3  # beyond, float32 has lost too much to atanh
    assert exact.double().mean() > 0.5 and torch.allclose(
        F.avg_pool2d(large, 2)[exact], small[exact], atol=1e-3
    )
    with pytest.raises(ValueError, match="size=8 is neither 32 nor half of it"):
        model(z, y, size=8)


def test_size_must_fit_the_levels():
    with pytest.raises(ValueError, match="size=30 is not a multiple of 16"):
        SkinGenerator(30, [8, 8, 8, 8], ["a"])
    with pytest.raises(ValueError, match="multiples of 8"):
        SkinGenerator(32, [16, 12, 8, 8], ["a"])


def test_a_tone_input_matters_and_old_generators_have_none():
    model = liven(tiny(tones=[-20.0, 20.0, 60.0]))
    z, y = torch.randn(2, 8), torch.tensor([0, 1])
    dark, light = torch.full((2,), -20.0), torch.full((2,), 60.0)
    assert not torch.equal(model(z, y, skin_tone=dark), model(z, y, skin_tone=light))
    assert torch.equal(
        model(z, y, condition=0.0, skin_tone=dark), model(z, y, condition=0.0, skin_tone=light)
    )
    with pytest.raises(ValueError, match="ITA from -20.0 to 60.0 degrees"):
        model(z, y)
    with pytest.raises(ValueError, match="no input for the skin tone"):
        liven(tiny())(z, y, skin_tone=dark)
    assert "tones" not in tiny().config and not any("tone" in key for key in tiny().state_dict())


def test_the_mean_style_is_that_of_many_latents():
    model = liven(tiny())
    centre = model.embedding(torch.tensor([0, 2]))
    z = torch.randn(200_000, 8, generator=torch.Generator().manual_seed(0))
    sampled = torch.stack([F.leaky_relu(model.style(z + row), 0.1).mean(0) for row in centre])
    assert torch.allclose(
        model.mean_style(centre), sampled, atol=5e-3 * float(sampled.abs().max()) + 1e-3
    )
    z, y = torch.randn(2, 8), torch.tensor([0, 2])
    assert torch.equal(model(z, y, truncation=1.0), model(z, y)) and not torch.equal(
        model(z, y, truncation=0.5), model(z, y)
    )


def test_tones_are_drawn_as_in_training_or_evenly():
    model = tiny(tones=[0.0, 10.0, 10.0, 50.0])
    rng = torch.Generator().manual_seed(0)
    drawn = torch.stack([model.sample_skin_tone(rng) for _ in range(600)])
    assert drawn.min() >= 0 and drawn.max() <= 50 and 0.6 < (drawn <= 10).float().mean() < 0.73
    even = torch.stack([model.sample_skin_tone(rng, (20.0, 40.0)) for _ in range(600)])
    assert even.min() >= 20 and even.max() <= 40 and abs(even.mean() - 30) < 1
    with pytest.raises(ValueError, match="no input for the skin tone"):
        tiny().sample_skin_tone(rng)
