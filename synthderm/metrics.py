"""How close generated images are to real ones: FID and KID on the features of any network, by torchmetrics.

A figure means something only beside its extractor, its tap and the numbers of images: two extractors are two scales.
"""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm


class Extractor(nn.Module):
    """A frozen network that turns (B, 3, H, W) uint8 images into (B, D) features, and the name to quote beside them."""

    def __init__(self, name: str, network, prepare):
        super().__init__()
        self.name, self.prepare = name, prepare
        self.network = network.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.prepare(images.float() / 255)).float()


def load_extractor(spec: str) -> Extractor:
    """A feature extractor.

    Args:
        spec: `timm:NAME`, with weights from the Hub; `timm:NAME=FILE.safetensors`; or `FILE.safetensors` with a
            `FILE.py` beside it that has `load(path)`, giving a network from images in [0, 1] to a dict of taps, of
            which the deepest is used. Only name a `.py` that you trust: it is run.
    """
    if spec.startswith("timm:"):
        import timm
        from safetensors.torch import load_file
        from torchvision.transforms import v2

        name, _, weights = spec.removeprefix("timm:").partition("=")
        if weights:
            network = timm.create_model(name, pad_type="same")
            network.load_state_dict(load_file(weights))
            config = {"input_size": (3, 224, 224), "mean": (0.5,) * 3, "std": (0.5,) * 3}
        else:
            network = timm.create_model(name, pretrained=True)
            config = timm.data.resolve_model_data_config(network)
        network.reset_classifier(0)
        side = config["input_size"][1:]
        prepare = v2.Compose([v2.Resize(side, antialias=True), v2.Normalize(config["mean"], config["std"])])
        return Extractor(f"timm {name}", network, prepare)
    path = Path(spec)
    code = path.with_suffix(".py")
    if path.suffix != ".safetensors" or not path.is_file() or not code.is_file():
        raise ValueError(f"extractor {spec!r}: give timm:NAME, or a FILE.safetensors with FILE.py beside it.")
    module_spec = importlib.util.spec_from_file_location(path.stem, code)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    network = module.load(path)
    tap = max(network(torch.zeros(1, 3, 75, 75)))
    return Extractor(f"{path.stem}, tap {tap}", _Tap(network, tap), nn.Identity())


class _Tap(nn.Module):
    def __init__(self, network: nn.Module, tap: int):
        super().__init__()
        self.network, self.tap = network, tap

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)[self.tap]


def features(batches: Iterable[Tensor], extractor: Extractor, total: int | None = None, desc: str = "features") -> Tensor:
    """(N, D) features of batches of (B, 3, H, W) uint8 images."""
    return torch.cat([extractor(batch) for batch in tqdm(batches, total=total, desc=desc, disable=None)])


class _Given(nn.Module):
    """Stands for the extractor where features are known already, so that each image is looked at once."""

    def __init__(self, width: int):
        super().__init__()
        self.num_features = width

    def forward(self, rows: Tensor) -> Tensor:
        return rows


def fid(real: Tensor, fake: Tensor) -> float:
    """Frechet distance (Heusel et al., NeurIPS 2017) of two sets of features (N, D) and (M, D).

    It is biased upward for small N: compare figures of the same N alone.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=_Given(real.shape[1])).set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    return float(metric.compute())


def kid(real: Tensor, fake: Tensor, subsets: int = 50, seed: int = 0) -> tuple[float, float]:
    """Kernel distance (Binkowski et al., ICLR 2018), unbiased: mean and standard deviation over random subsets."""
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(1000, len(real), len(fake))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        metric = KernelInceptionDistance(feature=_Given(real.shape[1]), subsets=subsets, subset_size=size)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)
