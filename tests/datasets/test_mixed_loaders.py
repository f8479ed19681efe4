"""`MixedSkinDataset` in the loaders and samplers of others: timm's, and torch's with weights."""

from collections import Counter

import pytest
import torch
from timm.data import create_loader
from torch.utils.data import DataLoader, Subset, WeightedRandomSampler
from torchvision.transforms import v2

from synthderm import MixedSkinDataset, SkinFolder, SyntheticSkinDataset
from tests.datasets.collections import Photographs, generated
from tests.drawing import draw_folder

SIZE = (3, 16, 16)


@pytest.fixture
def mixed(tmp_path) -> MixedSkinDataset:
    """Drawn photographs of two classes, and generated ones of three."""
    real = SkinFolder(draw_folder(tmp_path / "d", masks=False))
    extra = SyntheticSkinDataset("lesions", length=6, size=32)
    return MixedSkinDataset(real, extra, mapping={"a": "nevus", "b": None})


@pytest.mark.parametrize("use_prefetcher", [False, True])
@pytest.mark.parametrize("is_training", [False, True])
def test_timms_loader(mixed, is_training, use_prefetcher):
    loader = create_loader(
        mixed,
        SIZE,
        batch_size=6,
        is_training=is_training,
        num_workers=0,
        persistent_workers=False,
        use_prefetcher=use_prefetcher,
        device=torch.device("cpu"),
    )
    for epoch in range(2):
        mixed.set_epoch(epoch)
        batches = list(loader)
        assert all(images.shape == (6, *SIZE) for images, _ in batches)
        labels = [label for _, labels in batches for label in labels.tolist()]
        assert Counter(labels) == Counter(mixed.targets)
        assert is_training or labels == mixed.targets


def test_a_part_in_a_worker_that_stays(mixed):
    part = Subset(mixed, [0, 12, 3, 17])
    mixed.transform = v2.Compose([v2.Resize(16), v2.PILToTensor()])
    loader = DataLoader(part, 4, num_workers=1, persistent_workers=True)
    seen = []
    for epoch in (0, 1, 0):
        mixed.set_epoch(epoch)
        ((images, labels),) = loader
        assert labels.tolist() == [mixed.targets[index] for index in part.indices]
        seen.append(images)
    assert torch.equal(seen[0], seen[2]) and torch.equal(seen[0][::2], seen[1][::2])
    assert not torch.equal(seen[0][1], seen[1][1]) and not torch.equal(seen[0][3], seen[1][3])


def draw_weighted(data: MixedSkinDataset, weights: list[float]) -> list[int]:
    rng = torch.Generator().manual_seed(0)
    return list(WeightedRandomSampler(weights, 4000, generator=rng))


def test_weights_by_class_and_by_kind():
    real = Photographs(["nevus", "melanoma"], [0] * 20 + [1] * 2)
    data = MixedSkinDataset(real, generated(9), ratio=0.5, mapping={})
    counts = Counter(zip(data.targets, data.is_synthetic))
    assert counts == {(0, False): 20, (1, False): 2, (0, True): 10, (1, True): 1, (2, True): 3}
    # Every class as often, and real images as often as synthetic ones.
    kinds = list(zip(data.targets, data.is_synthetic))
    drawn = draw_weighted(data, [1 / counts[kind] for kind in kinds])
    shares = Counter(kinds[index] for index in drawn)
    assert all(abs(share / 4000 - 0.2) < 0.03 for share in shares.values()) and len(shares) == 5
    loader = DataLoader(data, 8, sampler=drawn[:40], collate_fn=lambda items: [y for _, y in items])
    assert sum(loader, []) == [data.targets[index] for index in drawn[:40]]
