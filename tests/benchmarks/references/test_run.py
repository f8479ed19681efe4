"""The comparison from the command line: a line and a sheet a system, and what a second run does."""

import json

import pytest
import torch
from PIL import Image

from benchmarks.references import generated, run, sheets
from benchmarks.references.training import Stopwatch
from benchmarks.tables.systems import read_lines, systems_section
from synthderm.imaging.io import read_image
from tests.drawing import draw_folder, write_extractor


@pytest.fixture
def command(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setattr(generated, "SEGMENTER_STEPS", 1)
    data = draw_folder(tmp_path / "photographs", count=36, size=48)
    options = "--minutes 1e-9 --size 32 --batch 4 --images 8 --device cpu --only dcgan dual-gan"
    return [
        *options.split(),
        "cyclegan",
        *("--data", str(data), "--extractor", write_extractor(tmp_path)),
        *("--out", str(tmp_path / "out")),
    ]


def test_a_line_and_a_sheet_a_system_and_a_second_run_that_skips_them(command, tmp_path, capsys):
    run.main(command)
    path = tmp_path / "out" / "systems.jsonl"
    text = path.read_text()
    lines = read_lines(text)
    assert list(lines) == ["photographs", "dcgan", "dual-gan", "photographs-edit", "cyclegan"]
    assert str(tmp_path) not in text  # no folder of this machine
    line = lines["dual-gan"]
    assert line["images"] == 4 and line["settings"]["data"] == ["photographs"]
    wanted = {"parameters", "macs", "ms_per_image", "kid_x1000", "recall", "coverage", "dice"}
    assert wanted < set(line["figures"]) and line["figures"]["macs"] > 1e5
    edits = lines["cyclegan"]["figures"]
    assert {"removal_psnr", "changed_outside", "dice", "kid_x1000"} < set(edits)
    for name in ("dcgan", "dual-gan", "cyclegan"):
        assert read_image(tmp_path / "out" / f"{name}.jpg").width == 10 * 32 + 9 * 2
    capsys.readouterr()

    run.main(command)  # nothing is left to do
    assert capsys.readouterr().out.count("done already") == 6 and path.read_text() == text
    with pytest.raises(SystemExit, match="has photographs with batch 4, and now it is 8"):
        run.main([*command, "--batch", "8"])
    with pytest.raises(SystemExit, match="run.py: --only stylegan: there is no such system"):
        run.main([*command, "--only", "stylegan"])

    page = "\n".join(systems_section(lines, tmp_path))
    for name in ("dcgan", "dual-gan", "cyclegan", "photographs of `train`"):
        assert page.count(f"| `{name}` |") + page.count(f"*{name}*") >= 1


def test_paths_are_recorded_by_their_names_alone():
    assert run.shorten("/a/b/c") == "c" and run.shorten("timm:net=/a/b.safetensors") == (
        "timm:net=b.safetensors"
    )


def test_on_a_cpu_the_process_own_time_counts():
    watch = Stopwatch(torch.device("cpu"))
    first = watch.read()
    sum(range(10**6))
    assert watch.read() > first >= 0


def test_sheets_stand_under_each_other(tmp_path):
    for name, width in (("dcgan", 30), ("lapgan", 20)):
        Image.new("RGB", (width, 10)).save(tmp_path / f"{name}.jpg")
    sheets.main([str(tmp_path), "--docs", str(tmp_path)])
    assert read_image(tmp_path / "systems-noise.jpg").size == (30, 2 * (10 + 14 + 4))
    assert not (tmp_path / "systems-edit.jpg").exists()


def test_other_settings_are_refused_within_a_group(tmp_path):
    path = tmp_path / "systems.jsonl"
    line = {"system": "x", "group": "noise", "settings": {"seed": 0}}
    path.write_text(json.dumps(line) + "\n")
    assert run.read_lines(path, {"seed": 0}, ["noise"])["x"]["system"] == "x"
    assert "x" in run.read_lines(path, {"seed": 1}, ["edit"])
    with pytest.raises(ValueError, match="systems.jsonl has x with seed 0, and now it is 1"):
        run.read_lines(path, {"seed": 1}, ["noise", "edit"])
