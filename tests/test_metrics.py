"""Measures of fidelity and variety, against cases made by hand."""

import pytest
import torch

from synthderm.metrics import fid, inception_score, kid, load_extractor, ms_ssim_among, prdc
from tests.drawing import draw_skin, write_extractor


def test_prdc_against_a_case_worked_out_by_hand():
    # On a line, k = 1. Real 0, 1, 3, 10: radii 1, 1, 2, 7. Fake 2, 2.5, 20: radii 0.5, 0.5, 17.5.
    real, fake = (
        torch.tensor(values).view(-1, 1) for values in ([0.0, 1.0, 3.0, 10.0], [2.0, 2.5, 20.0])
    )
    # Balls of real: [-1, 1], [0, 2], [1, 5], [3, 17]. 2 lies in two, 2.5 in one, 20 in none.
    # Balls of fake: [1.5, 2.5], [2, 3], [2.5, 37.5]: real 3 and 10 lie inside.
    assert prdc(real, fake, k=1) == pytest.approx(
        {"precision": 2 / 3, "recall": 2 / 4, "density": (2 + 1 + 0) / 3, "coverage": 2 / 4}
    )


def test_prdc_of_equal_far_and_collapsed_sets():
    rng = torch.Generator().manual_seed(0)
    real, same = torch.randn(400, 4, generator=rng), torch.randn(400, 4, generator=rng)
    close, far, point = prdc(real, same), prdc(real, same + 100), prdc(real, 0.01 * same)
    assert (
        close["precision"] > 0.9
        and close["recall"] > 0.9
        and close["coverage"] > 0.9
        and 0.8 < close["density"] < 1.2
    )
    assert set(far.values()) == {0.0}
    assert point["precision"] == 1 and point["recall"] < 0.05 and point["coverage"] < 0.3
    with pytest.raises(ValueError, match="400 real and 5 fake rows: more than k = 5"):
        prdc(real, same[:5])


def test_inception_score_against_values_worked_out_by_hand():
    sure = 1000 * torch.eye(5)
    assert inception_score(sure) == pytest.approx(5)
    assert inception_score(sure[:1].expand(4, 5)) == pytest.approx(1)
    assert inception_score(torch.zeros(4, 5)) == pytest.approx(1)
    # (3/4, 1/4) and (1/4, 3/4), mean (1/2, 1/2): KL = 3/4 ln 3/2 + 1/4 ln 1/2
    half = torch.tensor([[0.75, 0.25], [0.25, 0.75]]).log()
    assert inception_score(half) == pytest.approx(1.5**0.75 * 0.5**0.25)


def test_ms_ssim_compares_within_a_class():
    pytest.importorskip("torchmetrics")
    a, b = ((255 * draw_skin(64, 64, tone, seed=1)).byte() for tone in ("light", "dark"))
    images, labels = torch.stack([a, a, b, b]), torch.tensor([0, 0, 1, 1])
    assert ms_ssim_among(images, labels, pairs=8) == pytest.approx(1, abs=1e-4)
    assert ms_ssim_among(images, torch.tensor([0, 1, 0, 1]), pairs=8) < 0.95


def test_kid_and_fid_grow_with_the_distance():
    pytest.importorskip("torchmetrics")
    rng = torch.Generator().manual_seed(0)
    real, same = torch.randn(300, 8, generator=rng), torch.randn(300, 8, generator=rng)
    state = torch.get_rng_state()
    assert abs(kid(real, same)[0]) < 0.05 < kid(real, same + 1)[0] < kid(real, same + 2)[0]
    assert torch.equal(torch.get_rng_state(), state)
    # Equal covariances: FID is the squared distance of the means, here 8, but for sampling.
    assert fid(real, real + 1) == pytest.approx(8, rel=1e-3)


def test_extractor_from_a_file(tmp_path):
    extractor = load_extractor(write_extractor(tmp_path))
    assert extractor.name == "tiny, tap 8" and extractor.head is None
    assert extractor(torch.randint(0, 256, (3, 3, 20, 20), dtype=torch.uint8)).shape == (3, 8)
    with pytest.raises(ValueError, match="give timm:NAME"):
        load_extractor(str(tmp_path / "none.safetensors"))
