"""The editing benchmark as a command, with an editor of random weights."""

import json

import pytest
import torch

from benchmarks.editing import __main__ as editing
from benchmarks.editing import methods
from benchmarks.editing.goals import ROWS
from benchmarks.tables.editing import editing_section
from synthderm.models.editor import EczemaEditor
from tests.drawing import draw_skin, liven


def test_every_figure_is_measured_of_every_method_that_has_it(result):
    assert [row["key"] for row in result["rows"]] == [row.key for row in ROWS]
    for row in result["rows"]:
        of_editors = row["key"].split()[0] in ("psnr", "iou") or row["key"] == "kid removed"
        columns = ["unpaired"] if of_editors else ["unpaired", "renderer", "tint"]
        assert list(row["columns"]) == columns
        for cell in row["columns"].values():
            assert len(cell["values"]) == 1 and cell["half_width"] is None
        assert (row["trained on real"] is not None) == (row["key"] in ("classifier", "probe"))


def test_no_pixel_outside_changes_and_a_tint_is_monotonic(result):
    unchanged = result["rows"][0]["columns"]
    assert {cell["mean"] for cell in unchanged.values()} == {1.0}
    dial = [row["columns"] for row in result["rows"] if row["key"].startswith("monotonic")]
    assert len(dial) == 3 and all(cells["tint"]["mean"] == 1.0 for cells in dial)


def test_the_table_marks_the_editors_cells_alone(result):
    lines = [line for line in editing_section(result) if line.startswith("|")][2:]
    for line, row in zip(lines, result["rows"], strict=True):
        met = [cell["met"] for cell in row["columns"].values() if cell["met"] is not None]
        assert len(met) == (row["kind"] is not None)
        assert line.count(", met |") == sum(met)
        assert line.count("**missed**") == len(met) - sum(met)


def test_thresholds_are_compared_on_val(tmp_path, photographs, capsys):
    model = liven(EczemaEditor([4, 4])).save_pretrained(tmp_path / "model")
    command = ["--padufes", str(photographs), "--hands", str(photographs), "--limit", "2"]
    editing.main([*command, "--choose-threshold", "--model", f"masked={model}"])
    values = json.loads(capsys.readouterr().out)["masked"]
    assert list(values)[:2] == ["0.05", "0.10"] and all(0 <= v <= 1 for v in values.values())


def test_editors_are_named_by_how_they_were_trained(capsys):
    assert methods.parse_models(["paired=./a=b", "masked=x"]) == {"paired": "./a=b", "masked": "x"}
    for models, says in ((["eczema"], "write WAY=MODEL"), (["masked=a", "masked=b"], "twice")):
        with pytest.raises(ValueError, match=says):
            methods.parse_models(models)
    with pytest.raises(SystemExit):
        editing.main(["--padufes", "x", "--hands", "y", "--model", "magic=x"])
    assert "write WAY=MODEL" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        editing.main(["--padufes", "x", "--hands", "y", "--model", "paired=x"])
    assert "--extractor and --classifier are needed" in capsys.readouterr().err


def test_a_tint_and_the_renderer_change_pixels_inside_the_mask_alone():
    images = (torch.stack([draw_skin(64, 64)] * 2) * 255).byte()
    masks = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    masks[:, :, 16:48, 16:48] = True
    for add in (methods.tint, methods.render):
        edited = add(images, masks, torch.tensor([0.5, 1.0]), 0)
        changed = (edited != images).any(1, keepdim=True)
        assert not (changed & ~masks).any() and changed[masks].float().mean() > 0.9
