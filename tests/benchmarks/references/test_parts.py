"""What is special in a paper, against values worked out by hand."""

import pytest
import torch
from torch import nn

from benchmarks.references import biggan, progan
from benchmarks.references.cyclegan import History, gradient_consistency
from benchmarks.references.drifting import drifting_field, drifting_loss
from benchmarks.references.edited import changed_outside, psnr
from benchmarks.references.features import nearest, principal_axes
from benchmarks.references.healthy_difference import ResidualTranslator
from benchmarks.references.lapgan import laplacian_pyramid, reconstruct
from benchmarks.references.mask_to_lesion import feature_matching, semantic_map
from benchmarks.references.masked_cyclegan import patho_reconstruction, relevancy
from benchmarks.references.rs_imle import neighbour_distance, reject


def test_spectral_norm_divides_by_the_largest_singular_value():
    layer = biggan.spectral_norm(nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        layer.parametrizations.weight.original.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.5]]))
    for _ in range(40):
        layer.weight  # noqa: B018  # each look is a step of the power iteration
    assert torch.allclose(layer.weight, torch.tensor([[1.0, 0.0], [0.0, 0.5]]), atol=1e-4)


def test_a_pyramid_gives_its_image_back():
    image = torch.rand(2, 3, 32, 32)
    coarse, residuals = laplacian_pyramid(image, 2)
    assert coarse.shape[-1] == 8 and [r.shape[-1] for r in residuals] == [16, 32]
    assert torch.allclose(reconstruct(coarse, residuals), image, atol=1e-6)
    # A flat image is all in the coarse level.
    coarse, residuals = laplacian_pyramid(torch.full((1, 3, 32, 32), 0.25), 2)
    assert torch.equal(coarse, torch.full((1, 3, 8, 8), 0.25))
    assert all(r.abs().max() == 0 for r in residuals)


def test_fade_in_goes_from_the_doubled_old_image_to_the_new_one():
    torch.manual_seed(0)
    generator, latents = progan.GrowingGenerator(32), torch.randn(2, 128)
    old, new = generator.grow(latents, 1, 1.0), generator.grow(latents, 2, 1.0)
    doubled = old.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert torch.allclose(generator.grow(latents, 2, 0.0), doubled, atol=1e-6)
    middle = generator.grow(latents, 2, 0.25)
    assert torch.allclose(middle, 0.75 * doubled + 0.25 * new, atol=1e-6)
    critic = progan.GrowingDiscriminator(32)
    assert torch.allclose(critic(doubled, 2, 0.0), critic(old, 1, 1.0), atol=1e-5)


def test_stages_follow_the_time():
    assert progan.stage(0.0, 5) == (0, 1.0) and progan.stage(0.1, 5) == (1, 0.0)
    assert progan.stage(0.125, 5) == pytest.approx((1, 0.5))
    assert progan.stage(0.17, 5) == (1, 1.0) and progan.stage(1.0, 5) == (4, 1.0)


def test_gradient_consistency_is_0_for_the_same_edges_and_1_without_any_in_common():
    rows = torch.tensor([0.0, 1.0, 3.0, 4.0]).view(1, 1, 4, 1).expand(1, 3, 4, 4)
    columns = rows.transpose(2, 3)
    ramp = rows + columns
    assert gradient_consistency(ramp, ramp).item() == pytest.approx(0, abs=1e-6)
    assert gradient_consistency(ramp, 2 * ramp + 5).item() == pytest.approx(0, abs=1e-6)
    assert gradient_consistency(ramp, -ramp).item() == pytest.approx(2, abs=1e-6)
    # Down they agree; across one of the two has no edges.
    assert gradient_consistency(ramp, rows).item() == pytest.approx(0.5, abs=1e-6)
    assert gradient_consistency(rows, columns).item() == pytest.approx(1, abs=1e-6)


def test_every_point_gets_its_nearest_sample():
    points = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
    samples = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    distance, index = nearest(points, samples)
    assert index.tolist() == [1, 0, 1] and distance.tolist() == [1.0, 1.0, 4.0]
    assert neighbour_distance(points) == 3.0  # 3, 4 and 3


def test_samples_nearer_than_epsilon_are_rejected():
    points = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    samples = torch.tensor([[0.5, 0.0], [2.0, 0.0], [4.0, 1.0]])
    assert reject(points, samples, 0.75).tolist() == [False, True, True]
    assert reject(points, samples, 1.5).tolist() == [False, True, False]
    assert reject(points, samples, 9.0).tolist() == [True, True, True]


def test_principal_axes_have_variance_1():
    torch.manual_seed(0)
    rows = torch.randn(200, 3) * torch.tensor([5.0, 2.0, 0.1]) + 7
    mean, axes = principal_axes(rows, 2)
    white = (rows - mean) @ axes
    assert torch.allclose(white.T @ white / 200, torch.eye(2), atol=1e-4)


def test_the_drifting_field_pulls_to_photographs_and_pushes_samples_apart():
    photograph, samples = torch.tensor([[3.0]]), torch.tensor([[0.0], [1.0]])
    # By hand, tau 1: rows (photograph, first, second), softmax over rows and over columns.
    logits = torch.tensor([[-3.0, -1e6, -1.0], [-2.0, -1.0, -1e6]])
    weights = (logits.softmax(1) * logits.softmax(0)).sqrt()
    pull, push = weights[:, :1], weights[:, 1:]
    expected = pull * push.sum(1, True) * 3 - (push * pull) @ samples
    assert torch.allclose(drifting_field(samples, photograph, 1.0), expected, atol=1e-6)
    field = drifting_field(samples, photograph, 1.0)
    assert field[0] > 0 and field[1] > 0
    # Where all samples are the one photograph, nothing moves.
    same = torch.full((3, 2), 0.5)
    assert drifting_field(same, same, 1.0).abs().max() < 1e-6
    loss = drifting_loss(samples.clone().requires_grad_(), photograph)
    assert loss.item() > 0


def test_truncated_latents_are_drawn_again_above_the_threshold():
    latents = biggan.truncated_normal((400, 8), 0.5, torch.Generator().manual_seed(0))
    assert latents.abs().max() <= 0.5 and 0.2 < latents.std() < 0.35
    assert (latents.abs() == 0.5).float().mean() < 0.01  # drawn again, not cut off


def test_relevancy_is_outside_and_patho_reconstruction_inside():
    image, mask = torch.zeros(1, 3, 2, 2), torch.tensor([[[[True, False], [False, False]]]])
    edited = image.clone()
    edited[..., 0, 0] = 2.0
    assert relevancy(edited, image, mask) == 0 and patho_reconstruction(edited, image, mask) == 4
    assert relevancy(edited, image, ~mask) == 4
    assert psnr(edited / 2, image, mask).item() == 0  # an error of 1 everywhere inside
    assert changed_outside(edited, image, mask).item() == 0
    edited[..., 1, 1] = 0.1
    assert changed_outside(edited, image, mask).item() == pytest.approx(1 / 3)
    assert changed_outside(image + 0.001, image, mask).item() == 0  # less than a grey level


def test_a_residual_translator_changes_nothing_where_it_segments_nothing():
    translate = ResidualTranslator()
    with torch.no_grad():
        translate.layers[-1].weight[3:] = 0
        translate.layers[-1].bias[3:] = -40
    image = torch.rand(1, 3, 16, 16)
    translated, segmentation = translate(image)
    assert torch.equal(translated, image) and segmentation.max() < 1e-6


def test_skin_border_and_lesion_are_apart():
    mask = -torch.ones(1, 1, 12, 12)
    mask[..., 3:9, 3:9] = 1
    classes = (semantic_map(mask) > 0).sum((2, 3))[0]
    assert classes.tolist() == [144 - 100, 100 - 4, 4]
    assert feature_matching([[mask, mask]], [[mask + 0.5, mask]]).item() == 0.5


def test_half_of_a_full_history_is_shown_again():
    torch.manual_seed(0)
    history = History()
    assert torch.equal(history.swap(torch.zeros(50, 1, 1, 1)), torch.zeros(50, 1, 1, 1))
    shown = history.swap(torch.ones(40, 1, 1, 1))
    assert 8 < shown.sum() < 38
