"""Features: computed once, named by all that they depend on."""

import numpy as np

from synthderm import SkinFolder, SyntheticSkinDataset
from synthderm.evaluation.features import FeatureNetwork


def test_features_are_of_length_1_and_kept(classifier, photographs, tmp_path, monkeypatch):
    data = SkinFolder(photographs)
    network = FeatureNetwork(classifier, tmp_path)
    first = network.photographs(data)
    assert first.shape[0] == len(data) and first.dtype == np.float32
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    copies = network.photographs(data, "randaugment", copies=2)
    assert copies.shape == (len(data), 2, first.shape[1])
    assert not np.allclose(copies[:, 0], copies[:, 1])
    monkeypatch.setattr(FeatureNetwork, "_features", None)  # which would fail
    assert np.array_equal(FeatureNetwork(classifier, tmp_path).photographs(data), first)


def test_what_is_kept_is_named_by_its_contents(classifier, photographs, tmp_path):
    network = FeatureNetwork(classifier, tmp_path)
    data = SkinFolder(photographs)
    network.photographs(data)
    network.photographs(data, "randaugment", seed=0)
    network.photographs(data, "randaugment", seed=1)
    network.photographs(data, "randaugment", copies=2)
    network.photographs(SkinFolder(photographs, classes=["b"]))
    assert len(list(tmp_path.iterdir())) == 5


def test_generated_images_of_a_function_are_not_kept(classifier, generator_dir, source, tmp_path):
    """A function has no hash by which a changed one would be noticed."""
    network = FeatureNetwork(classifier, tmp_path)
    made = network.generated(SyntheticSkinDataset(source, length=5))
    assert len(made) == 5 and not list(tmp_path.iterdir())
    for seed in (0, 1):
        network.generated(SyntheticSkinDataset(generator_dir, length=5, seed=seed))
    assert len(list(tmp_path.iterdir())) == 2


def test_changes_draw_from_the_seed_alone(classifier, photographs):
    network, data = FeatureNetwork(classifier), SkinFolder(photographs)
    first, second = (network.photographs(data, "blur and jitter", seed=3) for _ in range(2))
    assert np.array_equal(first, second)
