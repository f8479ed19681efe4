"""What generators are trained with: losses by hand, photographs in memory, augmentation's
probability, run files."""

import math

import pytest
import torch
from torch import nn

from synthderm.imaging.color import ita
from synthderm.imaging.io import to_pil
from synthderm.models.generator import SkinGenerator
from synthderm.training.augment import adapt, diff_augment
from synthderm.training.checkpoint import adam_state, blend, load_adam, load_trained, trained_state
from synthderm.training.image_pool import Photographs, close_ups, load_photographs, load_validation
from synthderm.training.losses import (
    discriminator_hinge,
    discriminator_relativistic,
    generator_hinge,
    generator_relativistic,
    gradient_penalty,
    tone_error,
)
from synthderm.training.reconstruction import Encoder, adapt_price, draw_codes, resemblance
from tests.drawing import draw_folder, draw_skin


def test_hinge_losses_against_values_worked_out_by_hand():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.25])
    # real: max(0, 1-2) = 0, max(0, 1-0.5) = 0.5, mean 0.25; fake: max(0, 1-3) = 0, 1.25, mean 0.625
    assert discriminator_hinge(real, fake).item() == pytest.approx(0.875)
    assert generator_hinge(fake).item() == pytest.approx(1.375)


def test_relativistic_losses_against_values_worked_out_by_hand():
    real, fake = torch.tensor([1.0, 0.0]), torch.tensor([1.0, math.log(3)])
    # pairs differ by 0 and ln 3: ln(1 + 1) = ln 2 and ln(1 + 3) = 2 ln 2 for the discriminator,
    # ln(1 + 1/3) for the generator
    assert discriminator_relativistic(real, fake).item() == pytest.approx(
        1.5 * math.log(2), rel=1e-6
    )
    assert generator_relativistic(real, fake).item() == pytest.approx(
        (math.log(2) + math.log(4 / 3)) / 2, rel=1e-6
    )
    # Only differences count.
    assert discriminator_relativistic(real + 5, fake + 5).item() == pytest.approx(
        discriminator_relativistic(real, fake).item(), rel=1e-6
    )


def test_gradient_penalty_against_values_worked_out_by_hand():
    x = torch.tensor([[1.0, 2.0], [0.0, 3.0]]).view(2, 1, 1, 2).requires_grad_()
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    # D(x) = 3 a + 4 b: the gradient is (3, 4) everywhere, half its square 12.5
    linear = gradient_penalty((x.flatten(1) * weight).sum(1, keepdim=True), x)
    assert linear.item() == pytest.approx(12.5)
    linear.backward()
    assert weight.grad.tolist() == [3.0, 4.0]  # of (a^2 + b^2) / 2: the penalty can be trained on
    # D(x) = a^2 + b^2: the gradient is 2 x, half its square 2 (a^2 + b^2): 10 and 18
    assert gradient_penalty(x.square().flatten(1).sum(1, keepdim=True), x).item() == pytest.approx(
        14.0
    )
    # Of several logits, here 2a and 4a, the mean, 3a, counts.
    assert gradient_penalty(
        torch.stack([2 * x[:, 0, 0, 0], 4 * x[:, 0, 0, 0]], 1), x
    ).item() == pytest.approx(4.5)


def test_tone_error_is_zero_at_the_tone_and_says_which_way():
    skin = torch.stack([draw_skin(16, 16, tone) for tone in ("light", "dark")])
    tone, inside = ita(skin), torch.ones(2, 1, 16, 16)
    assert tone_error(skin, inside, tone).item() < 0.05
    assert tone_error(skin, inside, tone + 33).item() == pytest.approx(1.0, abs=0.1)
    half = inside.clone()
    half[..., :8] = 0  # what is not skin may have any colour
    painted = torch.where(half > 0, skin, torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1))
    assert tone_error(painted, half, tone).item() < 0.1
    darker = skin[1:].clone().requires_grad_()
    tone_error(darker, inside[:1], tone[:1]).backward()
    assert darker.grad.sum() < 0 and darker.grad.isfinite().all()  # to be lighter, grow


def test_augmentation_grows_while_the_discriminator_is_too_sure():
    p = torch.tensor(0.2)
    assert adapt(p, torch.tensor(0.9), 16, span=1600).item() == pytest.approx(0.21)
    assert adapt(p, torch.tensor(0.3), 16, span=1600).item() == pytest.approx(0.19)
    for sign, limit in ((1.0, 0.8), (-1.0, 0.0)):
        for _ in range(100):
            p = adapt(p, torch.tensor(sign), 16, span=1600)
        assert p.item() == pytest.approx(limit)


def test_photographs_balance_flip_and_know_their_tone():
    images = torch.zeros(10, 4, 8, 8, dtype=torch.uint8)
    images[:, :, :4, :4] = 255
    data = Photographs(images, torch.tensor([0] * 9 + [1]), torch.arange(10.0), ["a", "b"])
    torch.manual_seed(0)
    assert 0.05 < data.draw(2000)[1].float().mean() < 0.15
    x, label, tone = data.draw(2000, flips="all", size=4, balance=True)
    assert (
        0.45 < label.float().mean() < 0.55
        and x.shape == (2000, 4, 4, 4)
        and ((tone == 9) == (label == 1)).all()
    )
    corners = {tuple((picture[0, ::3, ::3] > 0).flatten().tolist()) for picture in x}
    assert (
        len(corners) == 4
        and len({tuple(p[0, 0].tolist()) for p in data.draw(50, flips="none")[0]}) == 1
    )
    deciles = data.deciles()
    assert len(deciles) == 11 and deciles == sorted(deciles) and deciles[5] == 4.5


def test_validation_photographs_are_never_training_ones(tmp_path):
    data = draw_folder(tmp_path / "data")
    train, val = load_photographs(data, "train", 16), load_validation(data, 16)
    assert (len(train.labels), len(val.labels)) == (8, 2) and train.classes == val.classes == [
        "a",
        "b",
    ]
    inside = train.images[0, 3] > 127
    assert (
        0.1 < inside.float().mean() < 0.5
        and train.images[0, 0][inside].float().mean() < train.images[0, 0][~inside].float().mean()
    )
    assert (train.tones - 40).abs().max() < 30  # of the skin around the discs, which is light
    tree = tmp_path / "tree" / "train" / "a"
    tree.mkdir(parents=True)
    to_pil(draw_skin(16, 16)).save(tree / "1.png")
    assert load_validation(tmp_path / "tree", 16) is None and load_validation(tree, 16) is None


def test_close_ups_are_skin_without_the_lesion():
    skin = draw_skin(96, 128, "tan")
    yy, xx = torch.meshgrid(torch.arange(96), torch.arange(128), indexing="ij")
    disc = (yy - 48) ** 2 + (xx - 64) ** 2 < 14**2
    photograph = torch.where(disc, torch.tensor([0.2, 0.05, 0.05]).view(3, 1, 1), skin)
    squares = close_ups(to_pil(photograph), to_pil(disc[None]), 32)
    assert len(squares) == 4
    for square in squares:
        assert square.shape == (4, 32, 32) and (square[3] == 255).all() and square[0].min() > 120
    assert close_ups(to_pil(skin), to_pil(torch.ones(1, 96, 128, dtype=torch.bool)), 32) == []


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.head = nn.Linear(4, 4), nn.Linear(4, 1)


def test_a_checkpoint_leaves_out_what_is_known_and_loses_nothing():
    torch.manual_seed(0)
    ends = []
    for interrupted in (False, True):
        torch.manual_seed(1)
        model = nn.ModuleList([Judge()])
        optimizer = torch.optim.Adam(model[0].head.parameters(), lr=0.1, betas=(0.0, 0.99))
        for step in range(6):
            if interrupted and step == 3:
                state, moments = trained_state(model), adam_state(optimizer)
                assert (
                    set(state) == {"0.head.weight", "0.head.bias"}
                    and "exp_avg" not in moments["state"][0]
                )
                backbone = model[0].backbone
                model = nn.ModuleList([Judge()])
                model[0].backbone = backbone
                load_trained(model, state)
                optimizer = torch.optim.Adam(model[0].head.parameters(), lr=0.1, betas=(0.0, 0.99))
                load_adam(optimizer, moments)
            optimizer.zero_grad()
            (model[0].head(model[0].backbone(torch.ones(2, 4) * step)) ** 2).sum().backward()
            optimizer.step()
        ends.append(model[0].head.weight.detach().clone())
    assert torch.equal(*ends)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        load_trained(model, {**trained_state(model), "0.other": torch.zeros(1)})


def test_a_generator_learns_to_follow_the_tone_from_its_loss_alone():
    torch.manual_seed(0)
    model = SkinGenerator(16, [16, 8, 8], ["a"], latent_dim=8, style_dim=8, tones=[-20.0, 60.0])
    optimizer, label = (
        torch.optim.Adam(model.parameters(), lr=2e-3),
        torch.zeros(16, dtype=torch.long),
    )
    for _ in range(200):
        tone = torch.rand(16) * 80 - 20
        image = (model(torch.randn(16, 8), label, tone=tone)[:, :3] + 1) / 2
        optimizer.zero_grad()
        tone_error(image, torch.ones(16, 1, 16, 16), tone).backward()
        optimizer.step()
    model.eval()
    measured = [
        ita(model.generate(torch.randn(16, 8), label, torch.full((16,), asked))[0]).median()
        for asked in (-10.0, 20.0, 50.0)
    ]
    assert measured[0] + 15 < measured[1] < measured[2] - 15  # asked for 30 apart


def test_codes_tell_as_much_as_worked_out_by_hand():
    # KL(N(1, 1), N(0, 1)) = 1/2; KL(N(0, 4), N(0, 1)) = (4 - 1 - ln 4) / 2: summed over two
    # numbers, the mean over two images
    mean, log_variance = (
        torch.tensor([[1.0, 0.0], [1.0, 1.0]]),
        torch.tensor([[0.0, math.log(4)], [0.0, 0.0]]),
    )
    torch.manual_seed(0)
    codes, nats = draw_codes(mean, log_variance)
    assert nats.item() == pytest.approx((0.5 + (3 - math.log(4)) / 2 + 1.0) / 2)
    drawn = torch.stack([draw_codes(mean, log_variance)[0] for _ in range(4000)])
    assert (
        codes.shape == (2, 2)
        and torch.allclose(drawn.mean(0), mean, atol=0.15)
        and drawn.std(0)[0, 1] == pytest.approx(2.0, abs=0.1)
    )
    price = torch.tensor(1.0)
    assert (
        adapt_price(price, torch.tensor(9.0), 7.0) > 1 > adapt_price(price, torch.tensor(5.0), 7.0)
    )


def test_an_encoder_and_a_generator_learn_to_draw_what_they_are_shown():
    torch.manual_seed(0)
    backbone = lambda x: [x, x[:, :, ::2, ::2]]  # noqa: E731
    shown = torch.cat([torch.full((1, 4, 16, 16), level) for level in (-0.8, -0.2, 0.3, 0.8)])
    assert resemblance(backbone, shown, shown).item() == pytest.approx(0, abs=1e-6)
    assert (
        resemblance(backbone, shown, shown.flip(0)) > resemblance(backbone, shown, 0.9 * shown) > 0
    )
    model, encoder, label = (
        SkinGenerator(16, [16, 8, 8], ["a"], latent_dim=8, style_dim=8),
        Encoder(8, (4, 4, 8, 8)),
        torch.zeros(4, dtype=torch.long),
    )
    optimizer, missed = torch.optim.Adam([*model.parameters(), *encoder.parameters()], lr=3e-3), []
    for _ in range(150):
        codes, nats = draw_codes(*encoder(shown))
        missed.append(resemblance(backbone, model(codes, label), shown))
        optimizer.zero_grad()
        (missed[-1] + 0.01 * nats).backward()
        optimizer.step()
    assert sum(missed[-10:]) < 0.5 * sum(missed[:10])


def test_augmentation_without_colour_leaves_every_value_as_it_is():
    torch.manual_seed(0)
    x = torch.randn(
        8, 4, 16, 16
    ).sign()  # two values alone; what comes in from outside is reflected, cut-out is zero
    assert set(diff_augment(x, 0.9, colour=0.0).mul(1000).round().unique().tolist()) == {
        -1000.0,
        0.0,
        1000.0,
    }
    assert len(diff_augment(x, 0.9).unique()) > 20


def test_an_average_blends_floats_and_copies_counts():
    a, b = torch.nn.BatchNorm2d(2), torch.nn.BatchNorm2d(2)
    with torch.no_grad():
        (
            a.weight.fill_(1.0),
            b.weight.fill_(2.0),
            b.running_mean.fill_(4.0),
            b.num_batches_tracked.fill_(7),
        )
    blend(a, b, 0.75)
    assert (
        a.weight.tolist() == [1.25, 1.25]
        and a.running_mean.tolist() == [1.0, 1.0]
        and a.num_batches_tracked == 7
    )
