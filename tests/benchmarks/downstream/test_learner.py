"""The classifier: its weights, its preprocessing, and that it learns."""

from dataclasses import replace

import pytest
import torch

from benchmarks.trial import arms, learner, runs
from tests.benchmarks.downstream.parts import TINY


def test_weights_that_do_not_fit_are_named(tmp_path):
    from safetensors.torch import save_file

    model = learner.make_backbone(TINY, 3)
    state = model.state_dict()
    save_file(state, tmp_path / "good.safetensors")
    loaded = learner.make_backbone(
        replace(TINY, weights=str(tmp_path / "good.safetensors")), 5
    )  # another head fits
    assert torch.equal(loaded.state_dict()["conv_stem.weight"], state["conv_stem.weight"])
    save_file({**state, "conv_stem.weight": torch.zeros(2, 2)}, tmp_path / "bad.safetensors")
    with pytest.raises(
        ValueError,
        match=(
            r"bad.safetensors does not fit test_efficientnet: conv_stem.weight has shape \(2, 2\)"
            r" instead of"
        ),
    ):
        learner.make_backbone(replace(TINY, weights=str(tmp_path / "bad.safetensors")), 3)
    # Measuring the feature maps for the decoder leaves the batch norms as the weights have them.
    segmenting = learner.Learner(
        replace(TINY, weights=str(tmp_path / "good.safetensors")), 2, True, 32
    )
    assert torch.equal(segmenting.backbone.bn1.running_var, model.bn1.running_var)
    with pytest.raises(ValueError, match="timm has no model 'mobilenetv9'"):
        learner.make_backbone(learner.ModelSpec("mobilenetv9", "random"), 3)
    (tmp_path / "cut.safetensors").write_bytes(b"12345")
    with pytest.raises(ValueError, match="cut.safetensors is not a readable"):
        learner.make_backbone(replace(TINY, weights=str(tmp_path / "cut.safetensors")), 3)


def test_preprocessing_is_the_models(settings):
    net = learner.Learner(TINY, 2, False, 16)
    assert net.mean.flatten().tolist() == pytest.approx(net.backbone.pretrained_cfg["mean"])
    other = learner.Learner(replace(TINY, mean=(0.1, 0.2, 0.3)), 2, False, 16)
    assert other.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_segmentation_learns_its_masks(settings):
    """A few steps on discs that are darker than skin raise the Dice."""
    whole = runs.task_data(settings, "C").splits
    torch.manual_seed(0)
    net = learner.Learner(TINY, 2, True, 16)
    before = learner.predict(net, whole["test"], "cpu").mean()
    score = lambda model: learner.predict(model, whole["val"], "cpu").mean().item()  # noqa: E731
    best, step = learner.train(
        net, arms.batches(arms.REAL, whole["train"], 8, False), 40, 1e-2, score, "cpu"
    )
    assert (
        learner.predict(net, whole["test"], "cpu").mean() > max(0.6, before + 0.1)
        and best == pytest.approx(score(net))
        and step > 0
    )
