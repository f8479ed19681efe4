"""Marks that generated images have and photographs do not."""

import pytest
import torch

from synthderm.audit.leak import leak_section, measure_leaks
from tests.audit.photographs import draw


@pytest.fixture(scope="module")
def photographs():
    return {"real": draw(150, seed=1), "holdout": draw(100, seed=2)}


def mark(images: torch.Tensor, kind: str) -> torch.Tensor:
    """Every fifth image with a mark."""
    images = images.clone()
    for k in range(0, len(images), 5):
        image = images[k]
        if kind == "border":
            for edge in (image[:, :2], image[:, -2:], image[..., :2], image[..., -2:]):
                edge.copy_((edge.float() * 0.7).byte())
        elif kind == "flat patch (cut-out)":
            image[:, 10:42, 20:52] = 128
        elif kind == "ruled stroke":
            image[:, 4:60, 30:32] = (image[:, 4:60, 30:32].float() * 0.55).byte()
        else:
            ramp = torch.linspace(-1, 1, 64).abs()
            near = torch.maximum(ramp[:, None], ramp)[None] > 0.7
            cyan = torch.tensor([90, 190, 200], dtype=torch.uint8).view(3, 1, 1)
            images[k] = torch.where(near, cyan, image)
    return images


@pytest.mark.parametrize(
    "kind", ["border", "flat patch (cut-out)", "ruled stroke", "cast of the corners"]
)
def test_a_planted_mark_is_found_and_the_images_that_have_it(photographs, kind):
    findings = measure_leaks({"generated": mark(draw(150, seed=3), kind), **photographs})
    found = findings.marks[kind]
    assert found.is_leak and found.generated["share"] >= 0.15
    assert all(k % 5 == 0 for k in found.strongest)
    assert f"{kind}: item" in leak_section(findings, draw(150, seed=3))


def test_other_photographs_have_none(photographs):
    findings = measure_leaks({"generated": draw(150, seed=4), **photographs})
    assert not any(found.is_leak for found in findings.marks.values())


def test_a_mark_of_the_photographs_is_no_leak(photographs):
    marked = {name: mark(images, "ruled stroke") for name, images in photographs.items()}
    findings = measure_leaks({"generated": mark(draw(150, seed=5), "ruled stroke"), **marked})
    assert not findings.marks["ruled stroke"].is_leak


def test_strokes_are_found_in_any_direction(photographs):
    images = mark(draw(150, seed=6), "ruled stroke").rot90(1, (-2, -1))
    assert measure_leaks({"generated": images, **photographs}).marks["ruled stroke"].is_leak


def test_marks_at_fixed_places_are_found(photographs):
    grid = draw(150, seed=8).float()
    grid[..., 20::24] *= 0.8
    marked = measure_leaks({"generated": grid.byte(), **photographs})
    assert marked.is_fixed
    plain = measure_leaks({"generated": draw(150, seed=9), **photographs})
    assert not plain.is_fixed


def test_it_works_without_a_holdout(photographs):
    findings = measure_leaks({"generated": draw(60, seed=7), "real": photographs["real"]})
    assert all(found.holdout is None for found in findings.marks.values())
