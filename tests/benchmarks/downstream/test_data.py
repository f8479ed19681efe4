"""Subsets, patches, generated images, and what the guard refuses."""

from dataclasses import replace

import pytest
import torch

from benchmarks import downstream
from benchmarks.trial import arms, data, generated, guard, patches, plan, runs
from synthderm import SkinGenerator
from tests.benchmarks.downstream.parts import TINY, write_rows
from tests.drawing import draw_folder, liven


def test_subsets_are_nested_stratified_and_complete(settings):
    train = runs.task_data(settings, "A").splits["train"]
    small, large = data.take_fraction(train, 0.25, 3), data.take_fraction(train, 0.5, 3)
    assert (
        set(small) < set(large) and len(small) == 6 and small != data.take_fraction(train, 0.25, 4)
    )
    assert torch.bincount(train.labels[small]).tolist() == [3, 3]
    with pytest.raises(ValueError, match="class 'a' is missing in the subset: 1.00% of its 12"):
        data.take_fraction(train, 0.01, 0)
    close = runs.task_data(settings, "B").splits["train"]
    few = close.rows(data.take_positives(close, 2, 0))
    assert (few.labels == 1).sum() == 2 and (few.labels == 0).sum() == (close.labels == 0).sum()
    with pytest.raises(ValueError, match="99 patches of class 'inflamed'"):
        data.take_positives(close, 99, 0)


def test_patches_are_healthy_where_they_say_so(settings):
    train = runs.task_data(settings, "B").splits["train"]
    assert (
        train.masks[train.labels == 1].flatten(1).any(1).all()
        and not train.masks[train.labels == 0].any()
    )
    redness = train.images.float().mean((2, 3))
    redness = redness[:, 0] / redness[:, 1]
    assert redness[train.labels == 1].min() > redness[train.labels == 0].max()
    mask = torch.zeros(1, 60, 60, dtype=torch.bool)
    mask[:, 20:40, 20:40] = True
    taken = mask.clone()
    corners = patches.find_healthy(mask, ~mask, 18, torch.Generator().manual_seed(0))
    assert len(corners) > 1
    for top, left in corners:
        window = taken[:, top : top + 18, left : left + 18]
        assert window.shape == (1, 18, 18) and not window.any()
        window[:] = True


def test_a_photograph_or_patient_in_two_splits_is_refused(tmp_path):
    root = draw_folder(tmp_path / "d", size=16)
    (root / "images" / "5.png").write_bytes((root / "images" / "0.png").read_bytes())
    with pytest.raises(
        ValueError, match=r"images/5.png \(test\) is the same file as images/0.png \(train\)"
    ):
        data.load(root, 16, tmp_path)
    rows = data.read_rows(draw_folder(tmp_path / "e", size=16))
    write_rows(
        tmp_path / "e",
        [
            row | {"patient_id": "x" if k in (0, 4) else f"p{k}", "lesion_id": "1"}
            for k, row in enumerate(rows)
        ],
    )
    with pytest.raises(ValueError, match="patient_id x is in the splits 'train' and 'val'"):
        data.load(tmp_path / "e", 16, tmp_path)
    write_rows(
        tmp_path / "e",
        [
            row
            | {"label": "c" if row["split"] == "train" and row["label"] == "a" else row["label"]}
            for row in rows
        ],
    )
    with pytest.raises(ValueError, match="split 'train' holds no photograph of class 'a'"):
        data.load(tmp_path / "e", 16, tmp_path)
    (tmp_path / "e" / "metadata.csv").unlink()
    with pytest.raises(ValueError, match="metadata.csv: the benchmark needs one"):
        data.load(tmp_path / "e", 16, tmp_path)


def test_models_that_saw_the_test_are_refused(settings, places, tmp_path):
    run = plan.Run("A", "100%", "pretrained", "balancing", 0)
    runs.check_leaks(settings, run, arms.BALANCING)
    leaked = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(tmp_path / "leaked")
    test = next(
        row["file_name"] for row in data.read_rows(places["data"]) if row["split"] == "test"
    )
    (leaked / guard.LIST).write_text(f"{guard.hash_file(places['data'] / test)}  x.png\n")
    with pytest.raises(ValueError, match=f"leaked' saw the test photograph {test}"):
        runs.check_leaks(replace(settings, generator=str(leaked)), run, arms.BALANCING)
    unknown = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(
        tmp_path / "unknown", card={"training": {"data": "elsewhere"}}
    )
    with pytest.raises(ValueError, match="trained on 'elsewhere', which is not here"):
        guard.seen_by_generator(str(unknown), [])
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    weights.with_name(f"w.{guard.LIST}").write_text(guard.hash_file(places["data"] / test))
    with pytest.raises(ValueError, match=f"w.safetensors saw the test photograph {test}"):
        runs.check_leaks(
            replace(settings, model=replace(TINY, weights=str(weights))), run, arms.REAL
        )
    # The generator saw all of train: fine as "pretrained", not as "own" of a tenth.
    own = replace(settings, own=(("25%", str(places["generator"])),))
    with pytest.raises(ValueError, match="saw 18 photographs outside the training subset"):
        runs.check_leaks(own, plan.Run("A", "25%", "own", "balancing", 0), arms.BALANCING)


def test_a_generator_trained_on_the_written_subset_is_own(settings, places, tmp_path):
    downstream.write_subset(settings, 0.25, tmp_path / "subset")
    made = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(
        tmp_path / "own", card={"training": {"data": str(tmp_path / "subset")}}
    )
    own = replace(settings, own=(("25%", str(made)),))
    for seed in (0, 4):
        run = plan.Run("A", "25%", "own", "balancing", seed)
        runs.check_leaks(own, run, arms.BALANCING)
        assert runs.take_subset(own, run).names == runs.take_subset(own, replace(run, seed=0)).names


def test_the_pool_is_made_once_a_generator(settings, places, monkeypatch):
    made = generated.load_pool(
        settings.generator, (settings.generator,), ["a", "b"], 5, 16, places["cache"]
    )
    images, masks, labels = made.draw([2, 5], torch.Generator().manual_seed(0))
    assert (
        images.shape == (7, 3, 16, 16)
        and masks.dtype == torch.bool
        and labels.tolist() == [0, 0, 1, 1, 1, 1, 1]
    )
    assert len({image.numpy().tobytes() for image in images[2:]}) == 5
    monkeypatch.setattr(generated, "SyntheticSkinDataset", None)  # no second generation
    again = generated.load_pool(
        settings.generator, (settings.generator,), ["a", "b"], 5, 16, places["cache"]
    )
    assert torch.equal(again.images, made.images)
    with pytest.raises(
        ValueError, match="6 generated images of class 1 were asked for, the pool has 5"
    ):
        made.draw([0, 6], torch.Generator())


def test_a_generator_is_known_by_its_weights_and_not_by_its_card(tmp_path):
    model = liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8))
    model.save_pretrained(tmp_path / "x", card={"summary": "one"})
    first = generated.identify(str(tmp_path / "x"))
    model.save_pretrained(tmp_path / "x", card={"summary": "another", "metrics": []})
    assert generated.identify(str(tmp_path / "x")) == first
    liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8), seed=1).save_pretrained(
        tmp_path / "x"
    )
    assert generated.identify(str(tmp_path / "x")) != first
