"""The benchmark of the audit's gate, on drawn photographs."""

import json

import torch

from benchmarks.audit.__main__ import PLANTED, main, plant_copies
from tests.audit.photographs import draw, draw_folder, write_network


def test_planted_copies_are_where_they_are_said_to_be():
    images, real = draw(50, seed=1), draw(60, seed=2)
    mixed, planted = plant_copies(images, real, seed=0)
    changed = (mixed != images).flatten(1).any(1).nonzero()[:, 0].tolist()
    assert sorted(planted) == changed and len(changed) == PLANTED
    assert len({kind for kind, _ in planted.values()}) == 7
    for place, (kind, photograph) in planted.items():
        if kind == "as it is":
            assert torch.equal(mixed[place], real[photograph])


def test_the_benchmark_runs(tmp_path, generator_dir):
    for split, seed in (("train", 1), ("test", 2)):
        for name in ("a", "b"):
            draw_folder(tmp_path / "data" / split / name, 22, seed=10 * seed + ord(name))
    arguments = ["--model", str(generator_dir), "--real", str(tmp_path / "data")]
    arguments += ["--extractor", write_network(tmp_path), "--n", "24", "--seeds", "0"]
    main([*arguments, "--steps", "2", "--size", "64", "--name", "x", "--out", str(tmp_path)])
    result = json.loads((tmp_path / "audit-x.json").read_text())
    (planted,) = result["planted"]
    assert planted["planted"] == 20 and planted["planted_named"] >= 18 and not planted["passed"]
    assert result["clean"][0]["passed"]
    assert "ISIC" not in json.dumps(result) and str(tmp_path) not in json.dumps(result["planted"])
