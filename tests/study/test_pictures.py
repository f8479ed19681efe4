"""Images from folders, generators and edits."""

import numpy as np
import pytest
import torch

from synthderm.study.pictures import read_generated, read_pairs
from synthderm.transforms.functional import Edit
from tests.study.drawing import draw_skin, redden, save


def test_pairs_from_two_folders_match_by_name_whatever_the_suffix(tmp_path):
    rng = np.random.default_rng(1)
    image = draw_skin(rng)
    before = save(tmp_path / "before", [image, image], ".jpg")
    after = save(tmp_path / "after", [redden(image)], ".png")
    with pytest.warns(UserWarning, match="^001: left out, with no partner of the same name"):
        pairs = read_pairs([before, after], "add", 9, rng, 0)
    assert [pair.before.origin for pair in pairs] == ["000"]


def test_photographs_are_edited_by_the_package(sources, monkeypatch):
    """The photographs of a single folder are paired with their edits."""
    calls = []

    def edit(images, **options):
        calls.append((images.dtype, images.shape, options))
        return Edit(255 - images, None, None)

    monkeypatch.setattr("synthderm.transforms.functional.add_eczema", edit)
    monkeypatch.setattr("synthderm.transforms.functional.remove_eczema", edit)
    for kind in ("add", "remove"):
        pairs = read_pairs([sources["before"]], kind, 3, np.random.default_rng(0), seed=5)
        for before, after in pairs:
            assert np.array_equal(np.asarray(after.image), 255 - np.asarray(before.image))
            assert before.origin in after.origin
    assert len(calls) == 6, "no more are edited than needed"
    assert all(call[:2] == (torch.uint8, (1, 3, 96, 120)) for call in calls)
    assert [call[2].get("seed") for call in calls] == [5, 6, 7, None, None, None]
    monkeypatch.setattr(
        "synthderm.transforms.functional.remove_eczema",
        lambda images: Edit(images.clone(), None, None),
    )
    with pytest.raises(ValueError, match="changed none"):
        read_pairs([sources["before"]], "remove", 3, np.random.default_rng(0), seed=5)


def test_photographs_that_the_editor_does_not_change_are_named(sources, monkeypatch):
    calls = []

    def edit(images):
        calls.append(images)
        return Edit(images.clone() if len(calls) in (1, 3) else 255 - images, None, None)

    monkeypatch.setattr("synthderm.transforms.functional.remove_eczema", edit)
    says = r"^00\d.png, 00\d.png of .*before: left out, as the editor changes nothing there"
    with pytest.warns(UserWarning, match=says):
        pairs = read_pairs([sources["before"]], "remove", 99, np.random.default_rng(0), seed=5)
    assert len(pairs) == len(calls) - 2


def test_images_can_come_from_a_generator(monkeypatch):
    class Generator:
        """In place of `synthderm.SyntheticSkinDataset`: an item depends on seed and index."""

        def __init__(self, name, *, length, seed):
            assert name == "lesions"
            self.length, self.seed = length, seed

        def __getitem__(self, index):
            return draw_skin(np.random.default_rng([self.seed, index])), 0

    monkeypatch.setattr("synthderm.SyntheticSkinDataset", Generator, raising=False)
    found = read_generated("lesions", 4, np.random.default_rng(0), seed=2)
    assert [picture.origin for picture in found] == [f"lesions#{index}" for index in range(4)]


def test_a_folder_of_images_is_no_model(tmp_path, monkeypatch):
    """As everywhere in the library, the name of a bundled model means the model."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("pictures", "lesions"):
        save(tmp_path / name, [draw_skin(rng)], ".png")
    read = {
        name: read_generated(name, 1, rng, seed=0)[0].origin
        for name in ("pictures", "./lesions", "lesions")
    }
    assert read == {"pictures": "000.png", "./lesions": "000.png", "lesions": "lesions#0"}
