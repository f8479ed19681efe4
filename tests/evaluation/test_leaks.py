"""Photographs that the generator was trained on are refused, by name, number or likeness."""

import numpy as np
import pytest
from PIL import Image

from synthderm import SkinFolder
from synthderm.evaluation.features import FeatureNetwork
from synthderm.evaluation.leaks import check_unseen, find_unlike, trained_on
from tests.drawing import draw_folder


def folder_of(root, names):
    for label in "ab":
        (root / label).mkdir(parents=True)
        for name in names:
            Image.new("RGB", (20, 16), (200, 150, 120)).save(root / label / f"{name}{label}.png")
    return root


@pytest.mark.parametrize("name", ["isic2017", "ISIC_2017", "ISIC 2017"])
@pytest.mark.parametrize("split", [None, "train"])
def test_the_data_set_on_the_card_is_refused_by_name(tmp_path, name, split):
    data = SkinFolder(draw_folder(tmp_path / name), split=split)
    with pytest.raises(ValueError, match="was trained on .*--split test"):
        check_unseen(data, "lesions", 128)


def test_a_split_that_it_has_not_seen_passes(tmp_path):
    data = SkinFolder(draw_folder(tmp_path / "isic2017"), split="test")
    assert check_unseen(data, "lesions", 128) == list(range(len(data)))


def test_photographs_with_the_numbers_of_2017_are_left_out(tmp_path):
    data = SkinFolder(folder_of(tmp_path / "mine", ["ISIC_0000003", "ISIC_0024306", "other"]))
    with pytest.warns(UserWarning, match="2 photographs are left out"):
        kept = check_unseen(data, "lesions", 128)
    assert not any("ISIC_0000003" in data.samples[k][0] for k in kept) and len(kept) == 4
    # "hands" was trained on other photographs.
    assert len(check_unseen(data, "hands", 128)) == 6


def test_what_does_not_say_is_warned_of(tmp_path, source):
    data = SkinFolder(folder_of(tmp_path / "mine", ["x"]))
    with pytest.warns(UserWarning, match="does not say"):
        assert check_unseen(data, source, 224) == [0, 1]
    assert trained_on("lesions", 224)[0] == "ISIC 2017"


def test_near_duplicates_are_found_by_their_features(classifier, photographs, tmp_path):
    network = FeatureNetwork(classifier)
    data = SkinFolder(photographs)
    features = network.photographs(data)
    rng = np.random.default_rng(0)
    others = np.abs(rng.normal(size=(2000, features.shape[1]))).astype(np.float32)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert len(find_unlike(features, others)) == len(data)
    with pytest.warns(UserWarning, match="are nearly the same"):
        assert 0 not in find_unlike(features, np.concatenate([others, features[:1]]))
