"""Whether the gate of `synthderm audit` bites: planted copies, a clean generator, and an
over-trained one.

    python -m benchmarks.audit --model lesions --real DIR --extractor timm:NAME=FILE.safetensors

Writes benchmarks/results/audit-NAME.json. `--real` has splits: `train` is what the generator was
trained on, `test` the holdout.

    planted       among `--n` generated images 20 copies of photographs of `train`: as they are,
                  flipped, cropped to 85%, with a colour cast, as JPEG of quality 50, blended 0.7
                  with another, shifted by 3 px, in turn; for each of `--seeds`
    clean         the generated images alone, for each seed
    over-trained  the generator, fitted for `--steps` steps to 50 photographs of `train`, each with
                  a latent of its own; its images are of latents near these
    patients      with `--patients DIR`, photographs that name their patients, such as PAD-UFES-20:
                  how many score as high with a photograph of another patient, in all orientations,
                  as the threshold that mirror images give on the same photographs
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.audit.overtrained import MEMORISED, overtrain
from benchmarks.common import RESULTS, generate, provenance, write_json
from synthderm.audit.calibration import Calibration, calibrate, plant
from synthderm.audit.copies import Compared, CopyFindings, judge_copies
from synthderm.audit.copy_index import CopyIndex, fit_square
from synthderm.audit.features import LayerFeatures
from synthderm.audit.images import AuditImages, read_photographs
from synthderm.hub.resolve import weights_hash
from synthderm.intervals import exact_share

PLANTED = 20


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = p.add_argument
    add("--model", default="lesions", help="a generator: bundled name, folder (./x) or Hub id")
    add("--name", help="the result is audit-NAME.json; the model's own name where left out")
    add("--real", required=True, help="photographs, with splits train and test")
    add("--extractor", default="timm:mobilenetv2_100", help="as for `synthderm audit`")
    add("--patients", help="photographs with a column patient_id")
    add("--n", type=int, default=1000, help="generated images")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of generated images and copies")
    add("--steps", type=int, default=400, help="training steps of the over-trained generator")
    add("--size", type=int, default=128, help="side of the images in pixels")
    add("--out", type=Path, default=RESULTS, help="folder of the result")
    return p.parse_args(argv)


class Bench:
    """The index of the real photographs, and what is judged with it.

    Args:
        args: of the command.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.real = read_photographs(args.real, "train", args.size)
        self.holdout = read_photographs(args.real, "test", args.size)
        start = time.monotonic()
        self.index = CopyIndex(self.real.images, LayerFeatures(args.extractor), self.real.groups)
        self.layers = self.index.describe(self.holdout.images)
        groups = self.holdout.groups
        self.known = self.index.match(self.holdout.images, self.layers, groups=groups)
        self.calibration: Calibration = calibrate(self.index, self.known)
        self.seconds = {"index and calibration": round(time.monotonic() - start, 1)}

    def judge(self, images: Tensor, what: str) -> CopyFindings:
        """The findings on generated images."""
        names = [str(k) for k in range(len(images))]
        samples = AuditImages(what, images, names, [0] * len(images), ["image"])
        start = time.monotonic()
        layers = self.index.describe(images, what)
        compared = Compared(
            self.index.match(images, layers), self.known, layers.upright, self.layers.upright
        )
        self.seconds[what] = round(time.monotonic() - start, 1)
        return judge_copies(
            self.index, self.calibration, compared, samples, self.real, self.holdout
        )

    def generate(self, seed: int) -> Tensor:
        """Generated images, with classes as in the real ones."""
        real = self.real
        labels = [real.classes[real.labels[k % len(real)]] for k in range(self.args.n)]
        images, _ = generate(self.args.model, labels, seed, f"generated, seed {seed}")
        return fit_square(images, self.args.size)


def plant_copies(images: Tensor, real: Tensor, seed: int) -> tuple[Tensor, dict[int, Any]]:
    """Generated images with planted copies in place of some, and where these are: the kind and the
    photograph of each."""
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(real), generator=rng)[: 2 * PLANTED].tolist()
    places = torch.randperm(len(images), generator=rng)[:PLANTED].tolist()
    images, planted = images.clone(), {}
    for k, place in enumerate(places):
        copies = plant(real[chosen[k]], real[chosen[PLANTED + k]], rng)
        kind = list(copies)[k % len(copies)]
        images[place] = copies[kind]
        planted[place] = (kind, chosen[k])
    return images, planted


def summarise(findings: CopyFindings) -> dict[str, Any]:
    """What is kept of the findings: no names of photographs."""
    plain = findings.as_json()
    keys = ("passed", "named", "certain", "nearer", "closer_to_real", "authentic")
    return {key: plain[key] for key in keys} | {"highest": findings.pairs[0].score}


def measure_planted(bench: Bench, images: Tensor, seed: int) -> dict[str, Any]:
    mixed, planted = plant_copies(images, bench.real.images, seed)
    findings = bench.judge(mixed, f"planted, seed {seed}")
    named = {pair.sample_index: pair.photograph_index for pair in findings.pairs if pair.verdict}
    missed = [kind for place, (kind, _) in planted.items() if place not in named]
    found = [place for place in planted if place in named]
    right = sum(named[place] == planted[place][1] for place in found)
    return summarise(findings) | {
        "seed": seed,
        "planted": len(planted),
        "planted_named": len(found),
        "planted_with_their_photograph": right,
        "missed": missed,
        "others_named": len(named.keys() - planted.keys()),
    }


def measure_patients(root: str, extractor: str, size: int) -> dict[str, Any]:
    """Whether the threshold holds between photographs of which it is known that they are of
    different patients."""
    photographs = read_photographs(root, None, size)
    groups = photographs.groups
    index = CopyIndex(photographs.images, LayerFeatures(extractor), groups)
    calibration = calibrate(index, None)
    matches = index.match(photographs.images, groups=groups, own=range(len(groups)))
    reached = int((matches.scores >= calibration.threshold).sum())
    return {
        "photographs": len(photographs),
        "patients": len({group for group in groups if group is not None}),
        "threshold": calibration.threshold,
        "bound": calibration.false_positive_bound,
        "reached": exact_share(reached, len(photographs))._asdict(),
        "highest": float(matches.scores.max()),
        "planted": calibration.planted._asdict(),
        **provenance(),
    }


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    bench = Bench(args)
    planted, clean = [], []
    for seed in args.seeds:
        images = bench.generate(seed)
        planted.append(measure_planted(bench, images, seed))
        clean.append({"seed": seed} | summarise(bench.judge(images, f"clean, seed {seed}")))
    memorised = overtrain(args.model, bench.real, args.steps, args.n)
    findings = summarise(bench.judge(fit_square(memorised, args.size), "over-trained"))
    result = {
        "model": args.model,
        "weights": weights_hash(args.model)[:12],
        "extractor": bench.index.network.name,
        "size": args.size,
        "n": args.n,
        "n_real": len(bench.real),
        "n_holdout": len(bench.holdout),
        "calibration": bench.calibration.as_json(),
        "planted": planted,
        "clean": clean,
        "over_trained": findings | {"photographs": MEMORISED, "steps": args.steps},
        "seconds": bench.seconds,
        **provenance(),
    }
    if args.patients:
        result["patients"] = measure_patients(args.patients, args.extractor, args.size)
    path = args.out / f"audit-{args.name or Path(args.model).name}.json"
    write_json(path, result)
    print(json.dumps({key: result[key] for key in ("planted", "clean", "over_trained")}))


if __name__ == "__main__":
    main()
