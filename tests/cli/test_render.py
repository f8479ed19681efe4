"""A data set on disk is the data set."""

import json

import numpy as np
import pytest
from PIL import Image

from synthderm import SkinFolder, SyntheticSkinDataset
from synthderm.cli.main import main
from synthderm.cli.render import render


def test_files_are_the_items_and_the_manifest_says_what_made_them(tmp_path):
    data = SyntheticSkinDataset("lesions", length=5, seed=3, return_mask=True)
    folder = SkinFolder(render(data, tmp_path / "out"), return_mask=True)
    assert folder.classes == data.classes and folder.targets == data.targets
    for (image, mask, label), (image2, mask2, label2) in zip(folder, data):
        assert (
            np.array_equal(np.asarray(image), np.asarray(image2))
            and (mask == mask2).all()
            and label == label2
        )
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (
        manifest["revision"] == "bundled"
        and manifest["seed"] == 3
        and manifest["source"] == "lesions"
    )


def test_a_broken_run_goes_on_and_another_data_set_is_refused(tmp_path, capsys):
    command = ["render", "hands", str(tmp_path / "h"), "--length", "3", "--labels", "5"]
    assert main(command) == 0
    kept, lost = (
        tmp_path / "h" / "images" / "0000000.png",
        tmp_path / "h" / "images" / "0000002.png",
    )
    before, old = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    assert main(command) == 0
    assert (
        kept.stat().st_mtime_ns == before
        and lost.read_bytes() == old
        and Image.open(lost).size == (128, 128)
    )
    assert main([*command, "--seed", "1"]) == 2
    assert "choose a new folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["render", "hands"])
