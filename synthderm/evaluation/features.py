"""Features of photographs and of generated images by a frozen network, each computed once and kept.

What is kept is named by all that it depends on: the files' contents, the network's weights, the
changes and the seed. So a cache is never stale, and may be deleted at any time.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2
from tqdm import tqdm

from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.seeds import item_seed
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.determinism import seeded, usual_torch
from synthderm.files import atomic_path, sha256
from synthderm.imaging.io import to_tensor
from synthderm.metrics import Extractor, load_extractor

BATCH = 32
Features = NDArray[np.float32]
Change = Callable[[Tensor], Tensor]  # of a (3, H, W) uint8 image, by torch's random numbers

FLIPS = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]
# Ways to make further images of a photograph.
CHANGES: dict[str, Callable[[int], Change]] = {
    "randaugment": lambda side: v2.Compose(
        [v2.RandomResizedCrop(side, scale=(0.6, 1.0), antialias=True), *FLIPS, v2.RandAugment()]
    ),
    "blur and jitter": lambda side: v2.Compose(
        [
            *FLIPS,
            v2.GaussianBlur(9, sigma=(0.5, 3.0)),
            v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05),
        ]
    ),
}


class FeatureNetwork:
    """A frozen timm network, the features that it gives, and where they are kept.

    Features are scaled to length 1, so that no statistics of a training set are needed.

    Args:
        spec: a timm network: NAME, with weights from the Hub, or NAME=FILE.safetensors.
        cache: folder; nothing is kept where None.
    """

    def __init__(self, spec: str, cache: Path | None = None) -> None:
        self.spec, self.cache = spec, cache
        self.extractor: Extractor = load_extractor(f"timm:{spec}")
        self.side = _side_of(self.extractor)
        self.weights = _hash_tensors(self.extractor.network)

    def photographs(
        self, data: SkinFolder, change: str | None = None, copies: int = 1, seed: int = 0
    ) -> Features:
        """Features of photographs as they are, or of changed copies of each.

        A photograph is resized to the network's side and cut square in the middle.

        Args:
            data: photographs; its transforms are not used.
            change: a name of `CHANGES`; None for the photographs themselves.
            copies: of each photograph.
            seed: of the changes.

        Returns:
            (N, D), or (N, copies, D) with `change`.
        """
        files = [path for path, _ in data.samples]
        key = [change or "", str(copies), str(seed), *(sha256(path) for path in files)]
        fit = v2.Compose([v2.Resize(self.side, antialias=True), v2.CenterCrop(self.side)])
        make = CHANGES[change](self.side) if change else None

        def batches() -> Iterator[Tensor]:
            images: list[Tensor] = []
            for index in range(len(files)):
                image = fit(to_tensor(data.read(index)[0]))
                for copy in range(copies):
                    with seeded(item_seed(seed, index * copies + copy)):
                        images.append(image if make is None else make(image))
                if len(images) >= BATCH or index == len(files) - 1:
                    yield torch.stack(images)
                    images = []

        rows = self.kept(f"{Path(data.root).name}-{change or 'photographs'}", key, batches)
        return rows if change is None else rows.reshape(len(files), copies, -1)

    def generated(self, data: SyntheticSkinDataset) -> Features:
        """(N, D) features of generated images; the data set's transforms are not used."""
        key = [data.weights, str(data.seed), str(data.size), str(data.truncation)]
        key.append(str(data.artifacts))
        key += map(str, data.targets)

        def batches() -> Iterator[Tensor]:
            for start in range(0, len(data), BATCH):
                yield data.generate(list(range(start, min(start + BATCH, len(data)))))[0]

        # A function is known by nothing that could name it.
        is_known = data.weights != "function"
        return self.kept(f"generated-{data.size}", key, batches, keep=is_known)

    def kept(
        self,
        kind: str,
        key: Sequence[str],
        batches: Callable[[], Iterator[Tensor]],
        keep: bool = True,
    ) -> Features:
        """Features (N, D) of batches of images, from the cache where they are there.

        Args:
            kind: what they are, the start of the file's name.
            key: all that the images depend on.
            batches: makes them, (B, 3, H, W) uint8 each; called only where they are not there.
            keep: False where the key does not tell all.
        """
        digest = hashlib.sha256("\n".join([self.spec, self.weights, *key]).encode()).hexdigest()
        path = self.cache / f"{kind}-{digest[:16]}.npy" if self.cache and keep else None
        if path is not None and path.is_file():
            return np.load(path)
        rows = [self._features(images) for images in tqdm(batches(), desc=kind, disable=None)]
        features = np.concatenate(rows)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as part, open(part, "wb") as file:
                np.save(file, features)
        return features

    @usual_torch()
    def _features(self, images: Tensor) -> Features:
        return unit_length(self.extractor(images).numpy())


class Pool(NamedTuple):
    """Images as a head sees them: `features` (N, D), `labels` (N,) int64."""

    features: Features
    labels: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> "Pool":
        return Pool(self.features[rows], self.labels[rows])


def unit_length(features: NDArray[Any]) -> Features:
    """Rows scaled to length 1."""
    lengths = np.linalg.norm(features, axis=-1, keepdims=True)
    return (features / np.maximum(lengths, 1e-12)).astype(np.float32)


def _side_of(extractor: Extractor) -> int:
    """The side of the images that the network takes, which its preparation resizes to."""
    return extractor.prepare(torch.zeros(1, 3, 8, 8)).shape[-1]


def _hash_tensors(network: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
