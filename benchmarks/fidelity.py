"""KID and FID of a generator against real photographs it has not seen.

    python benchmarks/fidelity.py --model lesions --data DIR --extractor FILE.safetensors

Writes benchmarks/results/fidelity-MODEL.json. As many real images of `train` are measured against `test` too: no generator
trained on `train` can be expected to come closer than that.
"""

import argparse
import json
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch
import torchvision

import synthderm
from synthderm.datasets import SyntheticSkinDataset
from synthderm.folders import SkinFolder
from synthderm.images import to_tensor
from synthderm.metrics import features, fid, kid, load_extractor

RESULTS = Path(__file__).parent / "results"


def provenance() -> dict:
    """What a figure needs beside it: commit, versions, hardware."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()
    return {
        "commit": commit or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {
            "synthderm": synthderm.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
        },
        "hardware": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads",
    }


def real_batches(data: str, split: str, size: int, count: int, batch: int = 32):
    """Up to `count` photographs, at the generator's size, so that sharpness alone does not tell the sets apart."""
    folder = SkinFolder(data, split=split)
    chosen = torch.randperm(len(folder), generator=torch.Generator().manual_seed(0))[:count].tolist()
    for start in range(0, len(chosen), batch):
        rows = chosen[start : start + batch]
        yield torch.stack([to_tensor(folder.read(row)[0].resize((size, size), resample=3, reducing_gap=3)) for row in rows])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--model", default="lesions", help="bundled name, directory (./x) or Hub id of a generator")
    p.add_argument("--data", required=True, help="the photographs, with a metadata.csv that has splits")
    p.add_argument("--extractor", required=True, help="timm:NAME, timm:NAME=FILE or FILE.safetensors with FILE.py beside it")
    p.add_argument("--n", type=int, default=1000, help="generated images, and real ones of train")
    p.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of sampling")
    p.add_argument("--out", type=Path, default=RESULTS)
    args = p.parse_args()

    extractor = load_extractor(args.extractor)
    folder = SkinFolder(args.data, split="train")
    counts = [folder.targets.count(k) for k in range(len(folder.classes))]
    # Classes as frequent as in the photographs: the distance should not be one of class shares.
    labels = [name for k, name in enumerate(folder.classes) for _ in range(round(args.n * counts[k] / len(folder)))]
    size = SyntheticSkinDataset(args.model, length=1).size
    test = features(real_batches(args.data, "test", size, 10**6), extractor, desc="test")
    train = features(real_batches(args.data, "train", size, args.n), extractor, desc="train")
    result = {"model": args.model, "extractor": extractor.name, "size": size, "n_test": len(test), "n_train": len(train), "runs": []}
    mean, deviation = kid(test, train)
    result["train_vs_test"] = {"kid_x1000": 1000 * mean, "kid_x1000_std": 1000 * deviation, "fid": fid(test, train)}
    for seed in args.seeds:
        dataset = SyntheticSkinDataset(args.model, length=len(labels), labels=labels, seed=seed)
        result["revision"] = dataset.revision
        batches = (dataset.generate(list(range(start, min(start + 32, len(dataset)))))[0] for start in range(0, len(dataset), 32))
        fake = features(batches, extractor, total=-(-len(dataset) // 32), desc=f"generated, seed {seed}")
        mean, deviation = kid(test, fake)
        result["runs"].append({"seed": seed, "n": len(fake), "kid_x1000": 1000 * mean, "kid_x1000_std": 1000 * deviation, "fid": fid(test, fake)})
    result |= provenance()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"fidelity-{Path(args.model).name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: result[key] for key in ("extractor", "train_vs_test", "runs")}, indent=2))


if __name__ == "__main__":
    main()
