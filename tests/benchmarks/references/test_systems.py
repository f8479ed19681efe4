"""Every system makes a step, and gives images of the right shape."""

import pytest
import torch

from benchmarks.references import rs_imle, training
from benchmarks.references.system import Editor, Wanted
from benchmarks.references.systems import GROUPS
from benchmarks.references.training import read, train

SYSTEMS = {name: system for group in GROUPS.values() for name, system in group.items()}
BLIND = {"pix2pix", "masked-cyclegan"}  # are told where the eczema is


@pytest.fixture(scope="module", params=SYSTEMS)
def trained(request, setup):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rs_imle, "POOL", 16)
        return request.param, train(SYSTEMS[request.param], setup, 1e-9, request.param)


def test_a_step_has_finite_losses_and_changes_the_weights(trained):
    name, result = trained
    assert result.images == result.system.batch and result.seconds > 0
    assert result.losses and all(abs(loss) < 1e4 for loss in result.losses.values()), name
    average, last = result.average.state_dict(), result.system.generator.state_dict()
    assert average.keys() == last.keys()
    assert all(parameter.grad is not None for parameter in last_trained(result, name))


def last_trained(result, name):
    """The parameters that the first step reaches."""
    parameters = [p for p in result.system.generator.parameters() if p.requires_grad]
    if name == "progan":  # which begins at 4 px
        parameters = list(result.system.generator.blocks[0].parameters())
    if name in ("ours", "ours-edit", "rs-imle", "drifting"):  # which have parts without a use here
        parameters = [p for p in parameters if p.grad is not None]
        assert len(parameters) > 8
    return parameters


def test_images_have_the_right_shape_and_range(trained, setup):
    name, result = trained
    generator = result.average
    assert not generator.training
    with torch.no_grad():
        if isinstance(generator, Editor):
            batch = setup.sample_pairs()
            images = [generator.add(batch), generator.remove(batch.lesional, batch.mask, batch)]
            for image in images:
                assert image.shape == batch.healthy.shape
                assert image.min() >= 0 and image.max() <= 1
            found = generator.find(batch.lesional, batch)
            assert (found is None) == (name in BLIND)
            assert found is None or found.dtype == torch.bool and found.shape == batch.mask.shape
            return
        rng = torch.Generator().manual_seed(0)
        latents = generator.sample_latents(2, rng)
        wanted = Wanted(latents, torch.tensor([0, 1]), setup.sample()[0][:2, 3:])
        images = generator(wanted).float()
    has_mask = name in GROUPS["mask"]
    assert images.shape == (2, 4 if has_mask else 3, 32, 32)
    assert images.min() >= -1 and images.max() <= 1


def test_a_loss_that_is_not_finite_stops_the_run():
    with pytest.raises(FloatingPointError, match="dcgan: the loss D is nan after 7 images"):
        read("dcgan", 7, {"D": torch.tensor(float("nan"))})


def test_weights_are_averaged_when_nothing_grows_any_more(setup, monkeypatch):
    """While layers are faded in, the average follows; then it begins."""

    def step(self, progress):
        self.is_growing = self.count < 3
        self.count += 1
        with torch.no_grad():
            self.generator.network.layers[0].weight.fill_(self.count)
        return {"D": torch.zeros(())}

    system = SYSTEMS["dcgan"]
    monkeypatch.setattr(system, "count", 0, raising=False)
    monkeypatch.setattr(system, "step", step)
    seconds = iter([1.0, 2.0, 3.0, 4.0, 60.0])
    monkeypatch.setattr(training.Stopwatch, "read", lambda self: next(seconds))
    average = train(system, setup, 1.0, "dcgan").average.network.layers[0].weight
    # 1, 2, 3 while it grows; then 4 with a decay of 1/11, and 5 with one of 1/6.
    fourth = 4 - 1 / 11
    assert torch.allclose(average, torch.full_like(average, 5 - (5 - fourth) / 6), atol=1e-4)
