"""The editing benchmark on drawn photographs with a livened editor: it runs, and its measures are
what they say."""

import csv
import json

import pytest
import torch

from benchmarks import closeups, editing, realism, tables
from synthderm.imaging.color import ita, to_lab
from synthderm.imaging.io import to_pil
from synthderm.models.editor import EczemaEditor
from tests.drawing import draw_skin, liven, write_extractor


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A lesion in the corner of each of 18 photographs, of which half are inflamed; each has its
    own patient."""
    root = tmp_path_factory.mktemp("closeups")
    yy, xx = torch.meshgrid(torch.arange(240), torch.arange(240), indexing="ij")
    rows = []
    for k in range(18):
        image, disc = (
            draw_skin(240, 240, ("light", "tan", "dark")[k % 3], k),
            (yy - 70) ** 2 + (xx - 70) ** 2 < (34 + k) ** 2,
        )
        to_pil(torch.where(disc, image * torch.tensor([0.9, 0.5, 0.5]).view(3, 1, 1), image)).save(
            root / f"{k}.png"
        )
        to_pil(disc[None]).save(root / f"mask{k}.png")
        rows.append({"file_name": f"{k}.png", "mask_file_name": f"mask{k}.png", "label": ("ACK", "NEV")[k % 2], "split": ("train", "val", "test")[k // 6],
                     "patient_id": f"P{k}"})  # fmt: skip
    with open(root / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> str:
    """A small network with random weights, as a file."""
    import timm
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_035", pad_type="same").state_dict(), path)
    return f"mobilenetv2_035={path}"


@pytest.fixture(scope="module")
def result(tmp_path_factory, photographs, classifier):
    out = tmp_path_factory.mktemp("out")
    model = liven(EczemaEditor([4, 4])).save_pretrained(out / "model")
    editing.main(["--padufes", str(photographs), "--hands", str(photographs), "--extractor", write_extractor(out), "--classifier", classifier,
                  "--unpaired", str(model), "--seeds", "0", "--quick", "--out", str(out)])  # fmt: skip
    return json.loads((out / "editing.json").read_text())


def test_every_measure_is_taken_of_every_column_that_it_is_of(result):
    assert [row["key"] for row in result["rows"]] == [row.key for row in editing.ROWS]
    for row in result["rows"]:
        of_editors = (
            row["key"].split()[0] in ("removed", "gained", "found") or row["key"] == "kid removed"
        )
        assert list(row["columns"]) == (
            ["unpaired"] if of_editors else ["unpaired", "renderer", "tint"]
        )
        assert all(
            len(cell["values"]) == 1 and cell["half_width"] is None
            for cell in row["columns"].values()
        )
        assert (row["trained on real"] is not None) == (row["key"] in ("classifier", "probe"))
    untouched = result["rows"][0]["columns"]
    assert {cell["mean"] for cell in untouched.values()} == {1.0}
    dial = [row["columns"] for row in result["rows"] if row["key"].startswith("dial")]
    assert all(cells["tint"]["mean"] == 1.0 for cells in dial)


def test_the_interval_is_students():
    cell = editing.summary([1.0, 2.0, 3.0])
    assert cell["mean"] == 2 and cell["half_width"] == pytest.approx(
        4.3027 / 3**0.5, rel=1e-4
    )  # t of 2 degrees of freedom, 97.5%


def test_the_table_marks_the_editors_cells_alone(result):
    lines = [line for line in tables.editing(result) if line.startswith("|")][2:]
    for line, row in zip(lines, result["rows"], strict=True):
        verdicts = [cell["met"] for cell in row["columns"].values() if cell["met"] is not None]
        assert len(verdicts) == (row["kind"] is not None)
        assert (line.count(", met |"), line.count("**missed**")) == (
            sum(verdicts),
            len(verdicts) - sum(verdicts),
        )


def test_a_goal_can_be_met_and_missed():
    most, least = (
        next(row for row in editing.ROWS if row.key == "kid added"),
        next(row for row in editing.ROWS if row.key == "found hands"),
    )
    assert editing.verdict(most, "paired", {"paired": 0.3, "renderer": 0.5, "tint": 0.6})
    assert not editing.verdict(most, "paired", {"paired": 0.3, "renderer": 0.2, "tint": 0.6})
    assert not editing.verdict(most, "paired", {"paired": 0.45, "renderer": 0.5, "tint": 0.6})
    assert editing.verdict(least, "unpaired", {"unpaired": 0.6}) and not editing.verdict(
        least, "paired", {"paired": 0.6}
    )
    assert editing.verdict(most, "tint", {"tint": 0.1}) is None


def test_windows_are_of_one_scale_and_masks_of_other_patients(photographs):
    healthy, inflamed = closeups.windows(
        str(photographs), ("val", "test"), torch.Generator().manual_seed(0)
    )
    assert healthy.images.shape[1:] == inflamed.images.shape[1:] == (3, 112, 112)
    assert not healthy.masks.any() and len(inflamed.images) == 6
    cover = inflamed.masks.float().mean((1, 2, 3))
    assert (cover > 0.2).all() and (cover < 0.8).all()
    # A window with none of the drawn lesion has the ratio of green to red of the skin.
    assert all(
        not ((image[1].float() / image[0].float()).flatten() < 0.48).float().mean() > 0.05
        for image in healthy.images
    )
    masks = closeups.lend_masks(healthy, inflamed, torch.Generator().manual_seed(0))
    for patient, mask in zip(healthy.patients, masks):
        donors = [
            name
            for name, own in zip(inflamed.patients, inflamed.masks)
            if torch.equal(own, mask) or torch.equal(own.flip(2), mask)
        ]
        assert donors and any(name != patient for name in donors)


def test_skin_is_shifted_to_the_tone_asked_for_and_its_background_is_not():
    image = draw_skin(64, 64, "tan")
    image[:, :, 44:] = torch.tensor([0.6, 0.7, 0.9]).view(3, 1, 1)
    before = (image[None] * 255).round().to(torch.uint8)
    for target, low, high in closeups.TONES.values():
        shifted, reached = closeups.at_tone(before, target)
        assert abs(reached - target) < 2 and low < reached < high
        assert torch.equal(shifted[..., 50:], before[..., 50:])
        assert abs(ita(shifted[..., :40].float() / 255) - target) < 4


def test_a_probe_tells_what_can_be_told_and_nothing_else():
    rng = torch.Generator().manual_seed(0)
    real, added = torch.randn(60, 20, generator=rng), torch.randn(60, 20, generator=rng)
    patients = [f"a{k // 2}" for k in range(60)], [f"b{k // 2}" for k in range(60)]
    assert abs(realism.told_apart(real, added, patients, 0) - 0.5) < 0.2
    assert realism.told_apart(real + 2 * (torch.arange(20) == 3), added, patients, 0) > 0.85
    assert realism.auroc(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 0.5])) == 0.75


def test_fine_tuning_learns(classifier):
    rng = torch.Generator().manual_seed(0)
    network = realism.Classifier(classifier)
    dark, bright = (
        torch.randint(low, low + 60, (8, 3, 32, 32), generator=rng, dtype=torch.uint8)
        for low in (20, 160)
    )
    early = [
        torch.stack([network.early(part), network.early(part.flip(3))]) for part in (dark, bright)
    ]
    assert (
        realism.fine_tune(classifier, *early, (early[0][0], early[1][0]), seed=0, steps=15) == 1.0
    )


def test_the_pixels_compared_are_those_inside_the_mask():
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    masks = torch.rand(2, 1, 8, 8) < 0.4
    lab = to_lab(images.float() / 255)
    assert torch.allclose(
        editing.inside_lab(images, masks)[:, 0].T,
        torch.cat([lab[k].movedim(0, -1)[masks[k, 0]] for k in range(2)]),
        atol=1e-4,
    )
    assert torch.allclose(
        editing.inside_mean(lab[:, :1], masks),
        torch.stack([lab[k, 0][masks[k, 0]].mean() for k in range(2)]),
        atol=1e-4,
    )
