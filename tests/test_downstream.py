"""The benchmark of classifiers: fair by construction, on drawn pictures, a tiny timm network and made-up figures."""

import csv
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from drawing import draw_folder, draw_skin, liven

from benchmarks import downstream, tables
from benchmarks.trial import arms, compare, data, generated, guard, learner, measures, patches, plan, runs
from synthderm import SkinGenerator, SyntheticSkinDataset
from synthderm.images import to_pil

TINY = learner.ModelSpec("test_efficientnet", "random")


@pytest.fixture(scope="session")
def places(tmp_path_factory, generator_dir) -> dict[str, Path]:
    """Drawn lesions of classes a and b, drawn close-ups, and a generator that was trained on the lesions."""
    root = tmp_path_factory.mktemp("places")
    lesions = draw_folder(root / "lesions", count=36, size=24)
    splits = ("train", "train", "train", "train", "val", "test")
    write_rows(lesions, [row | {"split": splits[k // 2 % 6]} for k, row in enumerate(data.read_rows(lesions))])  # both classes in each
    draw_folder(root / "hands", size=16)  # which the bundled editor's record names
    (root / "padufes" / "images").mkdir(parents=True)
    (root / "padufes" / "masks").mkdir()
    rows = []
    for k in range(24):
        image, mask = draw_skin(60, 60, seed=100 + k), torch.zeros(1, 60, 60, dtype=torch.bool)
        mask[:, 4:18, 4:18] = True
        image = torch.where(mask, image * torch.tensor([0.9, 0.6, 0.6]).view(3, 1, 1), image)
        names = f"images/{k}.png", f"masks/{k}.png"
        to_pil(image).save(root / "padufes" / names[0])
        to_pil(mask).save(root / "padufes" / names[1])
        split = ("train", "train", "train", "val", "val", "test")[k % 6]
        rows.append({"file_name": names[0], "mask_file_name": names[1], "label": "BCC", "split": split, "patient_id": f"p{k}"})
    write_rows(root / "padufes", rows)
    model = SkinGenerator.from_pretrained(generator_dir)
    made = model.save_pretrained(root / "generator", card={"training": {"data": str(lesions)}})
    return {"data": lesions, "patches": root / "padufes", "generator": made, "cache": root / "cache"}


def write_rows(folder: Path, rows: list[dict]) -> None:
    with open(folder / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def settings(places) -> runs.Settings:
    """The protocol made tiny: 16 px, two steps."""
    return runs.Settings(str(places["data"]), str(places["patches"]), places["cache"], TINY, str(places["generator"]), size=16, batch=4, steps=2)


def arm(task: str, name: str) -> arms.Arm:
    return next(arm for arm in arms.ARMS[task] if arm.name == name)


def test_measures_agree_with_their_definitions():
    torch.manual_seed(0)
    chances, labels = torch.rand(40, 3, dtype=torch.double).softmax(1), torch.arange(40) % 3
    chances[:8] = chances[8:16]  # ties
    once = torch.ones(1, 40, dtype=torch.double)
    right = chances.argmax(1) == labels
    expected = torch.stack([right[labels == k].double().mean() for k in range(3)])
    assert torch.allclose(measures.recalls(chances, labels, once)[0], expected)
    pairs = []
    for k in range(3):
        up, down = chances[labels == k, k], chances[labels != k, k]
        pairs.append(((up[:, None] > down).double() + 0.5 * (up[:, None] == down)).mean())
    assert torch.isclose(measures.macro_auroc(chances, labels, once)[0], torch.stack(pairs).mean())
    # A weight of two is the photograph twice.
    times = torch.randint(0, 3, (40,))
    twice = times.repeat_interleave(times)
    index = torch.arange(40).repeat_interleave(times)
    for measure in (measures.balanced_accuracy, measures.macro_auroc, measures.calibration_error):
        repeated = measure(chances[index], labels[index], torch.ones(1, len(twice), dtype=torch.double))
        assert torch.allclose(measure(chances, labels, times[None].double()), repeated)
    sure = torch.tensor([[0.8, 0.2]] * 10, dtype=torch.double)
    assert measures.calibration_error(sure, torch.tensor([0] * 8 + [1] * 2), once[:, :10]).item() == pytest.approx(0, abs=1e-9)
    assert measures.calibration_error(sure, torch.tensor([0] * 3 + [1] * 7), once[:, :10]).item() == pytest.approx(0.5)


def test_dice():
    a, b = torch.zeros(3, 1, 4, 4, dtype=torch.bool), torch.zeros(3, 1, 4, 4, dtype=torch.bool)
    a[0, 0, :2], b[0, 0, 1:3], a[1] = True, True, True
    assert measures.dice(a, b).tolist() == [0.5, 0.0, 1.0]


def test_tone_groups_split_the_test_photographs_and_small_ones_have_no_figure():
    tones = torch.cat([torch.full((12,), 60.0), torch.full((12,), 40.0), torch.full((3,), 5.0)])
    found = measures.by_tone(measures.mean_of, torch.cat([torch.ones(12), torch.zeros(15)]), torch.zeros(27), tones)
    assert [entry["n"] for entry in found.values()] == [12, 12, 3]
    assert [entry["value"] for entry in found.values()] == [1.0, 0.0, None]


def test_bootstrap_keeps_patients_together_and_covers_seeds():
    groups = torch.tensor([0, 0, 1, 2, 2, 2])
    drawn = compare.resample(groups, 500, torch.Generator().manual_seed(0))
    assert (drawn[:, 0] == drawn[:, 1]).all() and (drawn[:, 3] == drawn[:, 5]).all()
    assert (drawn[:, [0, 2, 3]].sum(1) == 3).all() and drawn[:, 2].mean().item() == pytest.approx(1, abs=0.15)
    # Photographs that never vary leave the seeds as the only source of chance.
    gaps = torch.tensor([[0.01], [0.03], [0.05]], dtype=torch.double).expand(3, 500)
    found = compare.difference(gaps, torch.zeros_like(gaps), 0.03, torch.Generator().manual_seed(0))
    assert found["low"] < 0.03 < found["high"] and found["low"] >= 0.01 and found["p"] < 0.01
    same = compare.difference(gaps, gaps, 0.0, torch.Generator().manual_seed(0))
    assert same["p"] == 1 and same["low"] == same["high"] == 0


def test_holm():
    corrected = compare.holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert corrected == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_subsets_are_nested_stratified_and_complete(settings):
    train = runs.task_data(settings, "A").splits["train"]
    small, large = data.take_fraction(train, 0.25, 3), data.take_fraction(train, 0.5, 3)
    assert set(small) < set(large) and len(small) == 6 and small != data.take_fraction(train, 0.25, 4)
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
    assert train.masks[train.labels == 1].flatten(1).any(1).all() and not train.masks[train.labels == 0].any()
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
    with pytest.raises(ValueError, match=r"images/5.png \(test\) is the same file as images/0.png \(train\)"):
        data.load(root, 16, tmp_path)
    rows = data.read_rows(draw_folder(tmp_path / "e", size=16))
    write_rows(tmp_path / "e", [row | {"patient_id": "x" if k in (0, 4) else f"p{k}", "lesion_id": "1"} for k, row in enumerate(rows)])
    with pytest.raises(ValueError, match="patient_id x is in the splits 'train' and 'val'"):
        data.load(tmp_path / "e", 16, tmp_path)
    write_rows(tmp_path / "e", [row | {"label": "c" if row["split"] == "train" and row["label"] == "a" else row["label"]} for row in rows])
    with pytest.raises(ValueError, match="split 'train' holds no photograph of class 'a'"):
        data.load(tmp_path / "e", 16, tmp_path)
    (tmp_path / "e" / "metadata.csv").unlink()
    with pytest.raises(ValueError, match="metadata.csv: the benchmark needs one"):
        data.load(tmp_path / "e", 16, tmp_path)


def test_models_that_saw_the_test_are_refused(settings, places, tmp_path):
    run = plan.Run("A", "100%", "pretrained", "balancing", 0)
    runs.check_leaks(settings, run, arms.BALANCING)
    leaked = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(tmp_path / "leaked")
    test = next(row["file_name"] for row in data.read_rows(places["data"]) if row["split"] == "test")
    (leaked / guard.LIST).write_text(f"{guard.hash_file(places['data'] / test)}  x.png\n")
    with pytest.raises(ValueError, match=f"leaked' saw the test photograph {test}"):
        runs.check_leaks(replace(settings, generator=str(leaked)), run, arms.BALANCING)
    unknown = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(tmp_path / "unknown", card={"training": {"data": "elsewhere"}})
    with pytest.raises(ValueError, match="trained on 'elsewhere', which is not here"):
        guard.seen_by_generator(str(unknown), [])
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    weights.with_name(f"w.{guard.LIST}").write_text(guard.hash_file(places["data"] / test))
    with pytest.raises(ValueError, match=f"w.safetensors saw the test photograph {test}"):
        runs.check_leaks(replace(settings, model=replace(TINY, weights=str(weights))), run, arms.REAL)
    # The generator saw all of train: fine as "pretrained", not as "own" of a tenth.
    own = replace(settings, own=(("25%", str(places["generator"])),))
    with pytest.raises(ValueError, match="saw 18 photographs outside the training subset"):
        runs.check_leaks(own, plan.Run("A", "25%", "own", "balancing", 0), arms.BALANCING)


def test_a_generator_trained_on_the_written_subset_is_own(settings, places, tmp_path):
    downstream.write_subset(settings, 0.25, tmp_path / "subset")
    made = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(tmp_path / "own", card={"training": {"data": str(tmp_path / "subset")}})
    own = replace(settings, own=(("25%", str(made)),))
    for seed in (0, 4):
        run = plan.Run("A", "25%", "own", "balancing", seed)
        runs.check_leaks(own, run, arms.BALANCING)
        assert runs.take_subset(own, run).names == runs.take_subset(own, replace(run, seed=0)).names


def test_weights_that_do_not_fit_are_named(tmp_path):
    from safetensors.torch import save_file

    model = learner.make_backbone(TINY, 3)
    state = model.state_dict()
    save_file(state, tmp_path / "good.safetensors")
    loaded = learner.make_backbone(replace(TINY, weights=str(tmp_path / "good.safetensors")), 5)  # another head fits
    assert torch.equal(loaded.state_dict()["conv_stem.weight"], state["conv_stem.weight"])
    save_file({**state, "conv_stem.weight": torch.zeros(2, 2)}, tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match=r"bad.safetensors does not fit test_efficientnet: conv_stem.weight has shape \(2, 2\) instead of"):
        learner.make_backbone(replace(TINY, weights=str(tmp_path / "bad.safetensors")), 3)
    # Measuring the feature maps for the decoder leaves the batch norms as the weights have them.
    segmenting = learner.Learner(replace(TINY, weights=str(tmp_path / "good.safetensors")), 2, True, 32)
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


def test_generated_counts(settings):
    labels = torch.tensor([0] * 7 + [1] * 2)
    assert arms.generated_counts(arms.BALANCING, labels, 3) == [0, 5, 7]
    assert arms.generated_counts(arms.RATIOS[1], labels, 2) == [5, 4]

    class Real:
        classes, class_to_idx, targets = ["a", "b"], {"a": 0, "b": 1}, labels.tolist()

    wanted = SyntheticSkinDataset.balancing(Real, settings.generator).targets
    assert arms.generated_counts(arms.BALANCING, labels, 2) == [wanted.count(k) for k in (0, 1)]


def test_the_pool_is_made_once_a_generator(settings, places, monkeypatch):
    made = generated.load_pool(settings.generator, (settings.generator,), ["a", "b"], 5, 16, places["cache"])
    images, masks, labels = made.draw([2, 5], torch.Generator().manual_seed(0))
    assert images.shape == (7, 3, 16, 16) and masks.dtype == torch.bool and labels.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert len({image.numpy().tobytes() for image in images[2:]}) == 5
    monkeypatch.setattr(generated, "SyntheticSkinDataset", None)  # no second generation
    again = generated.load_pool(settings.generator, (settings.generator,), ["a", "b"], 5, 16, places["cache"])
    assert torch.equal(again.images, made.images)
    with pytest.raises(ValueError, match="6 generated images of class 1 were asked for, the pool has 5"):
        made.draw([0, 6], torch.Generator())


@pytest.mark.parametrize("name", [arm.name for arm in arms.ARMS["A"] if arm.real and arm.name != arms.BEST])
def test_every_arm_feeds_the_same_kind_of_batch(settings, name):
    run = plan.Run("A", "25%", "pretrained", name, 1)
    real = runs.take_subset(settings, run)
    pool = runs.pool_of(settings, run, real) if arm("A", name).generates else None
    sureness = lambda images, labels: images.float().mean((1, 2, 3)) + 1  # noqa: E731
    training, counts = arms.assemble(arm("A", name), real, pool, torch.Generator().manual_seed(0), sureness)
    assert counts["real"] == [3, 3] and len(training) == 6 + sum(counts["generated"])
    torch.manual_seed(0)
    images, masks, targets = next(arms.batches(arm("A", name), training, 4, to_any=False))
    assert images.shape == (4, 3, 16, 16) and images.min() >= 0 and images.max() <= 1 and masks.shape == (4, 1, 16, 16)
    assert torch.allclose(targets.sum(1), torch.ones(4))


def test_oversampling_draws_classes_equally_and_plain_order_uses_every_image():
    labels = torch.tensor([0] * 90 + [1] * 10)
    torch.manual_seed(0)
    feed = arms.order(labels, True, 50)
    assert torch.cat([labels[next(feed)] for _ in range(40)]).float().mean().item() == pytest.approx(0.5, abs=0.05)
    feed = arms.order(labels, False, 50)
    assert torch.cat([next(feed), next(feed)]).sort().values.tolist() == list(range(100))


def test_pasting_and_editing_change_labels_with_the_pixels(settings):
    train = runs.task_data(settings, "B").splits["train"]
    healthy = (train.labels == 0).nonzero().flatten()[:12]
    torch.manual_seed(0)
    images, masks, labels = arms.paste(train.images[healthy], train.masks[healthy], train.labels[healthy], train, 0.5, True)
    changed = (images != train.images[healthy]).flatten(1).any(1)
    assert changed.tolist() == (labels == 1).tolist() == masks.flatten(1).any(1).tolist() and 0 < changed.sum() < 12
    outside = ~masks.expand_as(images)
    assert torch.equal(images[outside], train.images[healthy][outside])
    lesions = runs.task_data(settings, "A").splits["train"]
    rows = torch.arange(6)
    _, masks, labels = arms.paste(lesions.images[rows], lesions.masks[rows], lesions.labels[rows], lesions, 1.0, False)
    assert torch.equal(labels, lesions.labels[rows]) and (masks | ~lesions.masks[rows]).all() and (masks != lesions.masks[rows]).any()
    feed = arms.batches(arm("B", "eczema edit 0.5"), train.rows(healthy.tolist()), 6, True)
    share = torch.cat([next(feed)[2][:, 1] for _ in range(8)]).mean().item()
    assert 0.25 < share < 0.75


def test_wide_edits_change_more_of_an_image(settings, monkeypatch):
    monkeypatch.setattr(arms, "move", lambda images, masks: (images, masks))
    train = runs.task_data(settings, "B").splits["train"]
    rows = (train.labels == 0).nonzero().flatten()[:12].tolist()

    def change(name: str) -> float:
        """Mean share of the pixels that differ, over the images that were edited; the same seed gives the same order."""
        torch.manual_seed(0)
        plain = next(arms.batches(arms.REAL, train.rows(rows), 12, True))[0]
        torch.manual_seed(0)
        images, _, targets = next(arms.batches(arm("B", name), train.rows(rows), 12, True))
        return (images != plain).any(1)[targets[:, 1] == 1].float().mean().item()

    assert change("eczema edit 0.5, wide") > 1.3 * change("eczema edit 0.5") > 0


def test_moving_keeps_image_and_mask_in_step():
    masks = torch.zeros(8, 1, 32, 32)
    masks[:, :, 8:20, 10:24] = 1
    torch.manual_seed(0)
    images, moved = arms.move(masks.expand(-1, 3, -1, -1), masks)
    assert torch.equal((images[:, :1] > 0.5).float(), moved) and not torch.equal(moved[0], moved[1])


def test_combine_takes_each_setting_from_the_arm_that_has_it():
    both = arms.combine(arms.CLASSICAL[2], arms.BALANCING)
    assert both.oversample and both.balancing and both.ours and both.name == arms.BEST and both.real


def test_plan_begins_with_what_is_worth_most():
    runs_ = plan.make_plan(5, own=("10%",))
    assert len(runs_) == len(set(runs_)) and len({run.key for run in runs_}) == len(runs_)
    assert {(run.task, run.amount, run.arm) for run in runs_[:15]} == {("A", "10%", name) for name in plan.MAIN}
    blocks = list(dict.fromkeys((run.task, run.amount) for run in runs_))
    assert blocks[:3] == [("A", "10%"), ("B", "5"), ("C", "10%")]
    assert {run.arm for run in runs_ if run.amount == "0"} == {"eczema edit 0.5", "eczema edit 0.5, wide"}
    for task, amounts in plan.AMOUNTS.items():
        for amount in amounts:
            assert plan.STEPS[task][amount] and {run.seed for run in runs_ if (run.task, run.amount) == (task, amount)} == set(range(5))
    assert {run.arm for run in runs_ if (run.task, run.amount) == ("A", "100%")} >= {*plan.MAIN, arms.BEST, "synthetic only", "synthetic x5"}
    assert all(run.anchor in runs_ for run in runs_)


def test_the_joint_arm_waits_and_then_takes_the_best_on_val():
    whole = [run for run in plan.make_plan(2) if (run.task, run.amount) == ("A", "10%")]
    joint = next(run for run in whole if run.arm == arms.BEST)
    score = {"mixup": 0.9, "synthetic x2": 0.8, "synthetic only": 1.0, arms.FILTERED.name: 1.0}
    records = {run: {"val": score.get(run.arm, 0.5)} for run in whole if run.arm != arms.BEST}
    assert plan.arm_of(joint, records, whole) == arms.combine(arms.CLASSICAL[3], arms.RATIOS[2])
    records.pop(next(run for run in whole if run.arm == "real"))
    assert plan.arm_of(joint, records, whole) is None
    assert plan.rates_of(whole[0], {}, (1e-3, 1e-2)) == (1e-3, 1e-2)
    later = next(run for run in whole if run.seed == 1)
    assert plan.rates_of(later, {}, (1e-3,)) is None and plan.rates_of(later, {later.anchor: {"rate": 0.5}}, (1e-3,)) == (0.5,)


def test_a_run_is_repeatable_and_complete(settings):
    run = plan.Run("A", "25%", "pretrained", "synthetic x1", 0)
    first, again = (runs.carry_out(settings, run, arm("A", "synthetic x1"), (1e-3, 1e-2)) for _ in range(2))
    changing = {"seconds", "cpu_seconds"}
    assert {k: v for k, v in first.items() if k not in changing} == {k: v for k, v in again.items() if k not in changing}
    assert first["rate"] in (1e-3, 1e-2) and set(first["tried"]) == {"0.001", "0.01"} and max(first["tried"].values()) == first["val"]
    assert {"commit", "versions", "hardware", "generator", "data"} <= set(first) and "timm" in first["versions"]
    assert first["trained on"] == {"real": [3, 3], "generated": [3, 3]}
    assert set(first["test"]) == {"balanced accuracy", "AUROC", "ECE", "recall", "tone"}
    other = runs.carry_out(settings, replace(run, seed=1), arm("A", "synthetic x1"), (1e-3,))
    assert other["predictions"] != first["predictions"]


def command(places, out: Path, *more: str) -> list[str]:
    options = ["--data", places["data"], "--patches", places["patches"], "--cache", places["cache"], "--out", out, "--generator", places["generator"]]
    return ["downstream.py", *map(str, options), "--model", "test_efficientnet", "--weights", "random", "--device", "cpu", "--size", "16", *more]


@pytest.fixture
def tiny_protocol(monkeypatch):
    """Two steps a run, in the command too."""
    original = downstream.read_settings
    monkeypatch.setattr(downstream, "read_settings", lambda args: replace(original(args), steps=2, batch=4))
    monkeypatch.setattr(compare, "RESAMPLES", 50)


def test_the_command_runs_resumes_and_refuses(places, tmp_path, monkeypatch, capsys, tiny_protocol):
    selection = ["--fraction", "0.1", "--positives", "5", "--only", "real", "balancing", "eczema edit 0.5", "synthetic x1", "--n-seeds", "2"]
    monkeypatch.setattr(sys, "argv", command(places, tmp_path, "--task", "A", "B", *selection))
    downstream.main()
    folder = tmp_path / "downstream" / "test_efficientnet-16"
    summary = json.loads((folder / "summary.json").read_text())
    entry = summary["tasks"]["A"]["amounts"]["10% pretrained"]["arms"]["balancing"]
    assert entry["seeds"] == [0, 1] and entry["vs real"]["low"] <= entry["vs real"]["high"] and "p holm" in entry["vs real"]
    assert set(summary["tasks"]["B"]["amounts"]["5 pretrained"]["arms"]) == {"real", "balancing", "eczema edit 0.5"}
    records = sorted(folder.glob("[AB]/*.json"))
    assert len(records) == summary["runs"] == 3 * 2 + 3 * 2
    assert "12 runs, 0 have their record" in capsys.readouterr().out
    assert (folder / "curves.png").exists() is False  # one amount draws no curve

    before = {path: path.stat().st_mtime_ns for path in records}
    monkeypatch.setattr(downstream, "carry_out", None)  # nothing is left to carry out
    downstream.main()
    assert {path: path.stat().st_mtime_ns for path in records} == before
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert any("balancing" in line for line in tables.downstream(summary, folder))

    record = json.loads(records[0].read_text())
    for changed, says in (({"protocol": record["protocol"] | {"version": 99}}, "is of protocol version 99"),
                          ({"protocol": record["protocol"] | {"batch": 99}}, "made with another protocol: batch 99, now 4"),
                          ({"data": {"name": "lesions", "identity": "x"}}, "made with another data: identity x, now")):  # fmt: skip
        records[0].write_text(json.dumps(record | changed))
        with pytest.raises(SystemExit, match=f"{records[0].name} .*{says}"):
            downstream.main()
    records[0].write_text("{")
    with pytest.raises(SystemExit, match=f"{records[0].name} is not a record"):
        downstream.main()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--only", "magic"], "--only 'magic' is none of the arms"),
        (["--fraction", "0.3"], "fraction 0.3 is not part of the protocol"),
        (["--positives", "7"], "--positives '7' is none of 0, 5, 20, all"),
        (["--seeds", "9"], "--seeds 9 is not below"),
        (["--task", "C", "--only", "mixup"], "no run of the protocol is left"),
        (["--task", "A", "--fraction", "1", "--seeds", "1", "--only", "real"], "needs A-10pc-pretrained-real-seed-0 for its learning rate"),
        (["--task", "A", "--fraction", "0.1", "--only", "balancing", "--generator", "./none"], "none"),
    ],
)
def test_bad_requests_are_named(places, tmp_path, monkeypatch, more, says):
    monkeypatch.setattr(sys, "argv", command(places, tmp_path, *more))
    with pytest.raises(SystemExit, match=says):
        downstream.main()


def test_segmentation_learns_its_masks(settings):
    """A few steps on discs that are darker than skin raise the Dice."""
    whole = runs.task_data(settings, "C").splits
    torch.manual_seed(0)
    net = learner.Learner(TINY, 2, True, 16)
    before = learner.predict(net, whole["test"], "cpu").mean()
    score = lambda model: learner.predict(model, whole["val"], "cpu").mean().item()  # noqa: E731
    best, step = learner.train(net, arms.batches(arms.REAL, whole["train"], 8, False), 40, 1e-2, score, "cpu")
    assert learner.predict(net, whole["test"], "cpu").mean() > max(0.6, before + 0.1) and best == pytest.approx(score(net)) and step > 0


def test_summaries_find_a_planted_difference():
    """Predictions that are better by construction come out better, and the same ones do not."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3
    test = {"labels": labels.tolist(), "groups": list(range(120)), "names": [""] * 120}

    def record(right: float, seed: int) -> dict:
        rng.manual_seed(seed)
        winner = torch.where(torch.rand(120, generator=rng) < right, labels, (labels + 1) % 3)
        chances = torch.nn.functional.one_hot(winner, 3).double() * 0.7 + 0.1
        figures = {"balanced accuracy": 0.0, "AUROC": 0.0, "tone": {name: {"n": 0, "value": None} for name in measures.TONES}}
        return {"predictions": chances.log().tolist(), "val": right, "rate": 1, "trained on": {}, "test": figures}

    strength = {"real": 0.5, "oversample": 0.6, "balancing": 0.9, "mixup": 0.5}
    found = compare.compare_arms("A", {name: {seed: record(share, seed) for seed in range(5)} for name, share in strength.items()}, test)
    assert found["best classical on val"] == "oversample" and found["best of ours on val"] == "balancing"
    ours, none = found["arms"]["balancing"]["vs best classical"], found["arms"]["mixup"]["vs real"]
    assert 0.15 < ours["low"] < ours["difference"] < ours["high"] < 0.45 and ours["p holm"] < 0.05
    assert none["low"] == none["high"] == 0 and none["p holm"] == 1
    mean = sum(found["arms"]["balancing"]["per seed"]) / 5
    assert found["arms"]["balancing"]["mean"] == pytest.approx(mean) and found["arms"]["balancing"]["interval"][0] < mean


def test_goals_are_judged_by_the_arm_that_val_chose():
    def row(low: float) -> str:
        arms_ = {"x": {"vs best classical": {"difference": 0.04, "low": low, "high": 0.06}}, "y": {"vs best classical": {"difference": 0.2}}, "real": {}}
        entry = {"best classical on val": "real", "best of ours on val": "x", "arms": arms_}
        return tables.downstream_goals({"A": {"amounts": {"10% pretrained": entry}}})[2]

    assert "| x | real |" in row(0.01) and "| +4.0 [+1.0, +6.0] | met |" in row(0.01) and "**missed**" in row(-0.01)
    assert tables.downstream_goals({"A": {"amounts": {}}}) == []


def test_records_say_which_run_they_are(tmp_path):
    run = plan.Run("B", "5", "pretrained", "eczema edit 0.5", 3)
    plan.write_record(tmp_path, run, {"protocol": {"version": plan.VERSION}, "arm": {"name": "x"}})
    path = tmp_path / "B" / f"{run.key}.json"
    assert plan.Run(**json.loads(path.read_text())["run"]) == run and asdict(run)["seed"] == 3
    assert list(path.parent.iterdir()) == [path]


def test_a_generator_is_known_by_its_weights_and_not_by_its_card(tmp_path):
    model = liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8))
    model.save_pretrained(tmp_path / "x", card={"summary": "one"})
    first = generated.identify(str(tmp_path / "x"))
    model.save_pretrained(tmp_path / "x", card={"summary": "another", "metrics": []})
    assert generated.identify(str(tmp_path / "x")) == first
    liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8), seed=1).save_pretrained(tmp_path / "x")
    assert generated.identify(str(tmp_path / "x")) != first
