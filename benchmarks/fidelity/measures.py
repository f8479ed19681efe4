"""The parts of the fidelity benchmark: each is a function of the images and the arguments, and
gives the figures of real images and of every seed."""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.fidelity.fingers import count_fingers
from benchmarks.fidelity.images import RealAndGenerated
from benchmarks.fidelity.networks import accuracy, mean_dice, train_classifier, train_unet
from synthderm import metrics
from synthderm.training.image_pool import ImagePool, measure_skin_tones

Figures = dict[str, Any]
TONES = 10  # skin tones that are asked for
TONE_IMAGES = 1000  # at most, for all of them


def measure_kid(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    def distance(real: Tensor, fake: Tensor) -> Figures:
        mean, deviation = metrics.kid(real, fake)
        fid = metrics.fid(real, fake)
        return {"kid_x1000": 1000 * mean, "kid_x1000_std": 1000 * deviation, "fid": fid}

    test, train = images.features("test"), images.features("train")
    runs = []
    for seed in args.seeds:
        fake = images.features(seed)
        runs.append({"seed": seed, "n": len(fake), **distance(test, fake)})
    return {
        "extractor": images.extractor_name,
        "n_test": len(test),
        "n_train": len(train),
        "train_vs_test": distance(test, train),
        "runs": runs,
    }


def measure_prdc(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    test, train = images.features("test"), images.features("train")
    count = min([len(train), *(len(images.features(seed)) for seed in args.seeds)])
    runs = []
    for seed in args.seeds:
        figures = metrics.prdc(test, images.features(seed)[:count])
        runs.append({"seed": seed, "n": count, **figures})
    return {
        "extractor": images.extractor_name,
        "k": 5,
        "n_test": len(test),
        "train_vs_test": metrics.prdc(test, train[:count]),
        "runs": runs,
    }


def measure_is(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    head = images.extractor.head
    if head is None:
        reason = "the extractor has no classes of its own"
        return {"extractor": images.extractor_name, "skipped": reason}

    def score(key: str | int) -> float:
        return metrics.inception_score(head(images.features(key).to(args.device)).cpu())

    runs = [
        {"seed": seed, "n": len(images.features(seed)), "score": score(seed)} for seed in args.seeds
    ]
    return {"extractor": images.extractor_name, "real_train": score("train"), "runs": runs}


def measure_msssim(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    def similarity(pool: ImagePool) -> float:
        return metrics.ms_ssim_among(pool.images, pool.labels, args.pairs)

    runs = [{"seed": seed, "ms_ssim": similarity(images.samples(seed))} for seed in args.seeds]
    return {
        "pairs": args.pairs,
        "side": max(176, images.size),
        "real_train": similarity(images.train),
        "runs": runs,
    }


def measure_class(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    train = images.train.to(args.device)
    network = train_classifier(args.classifier, train, args.steps, args.flips)
    real = accuracy(network, images.test.to(args.device))
    runs = []
    for seed in args.seeds:
        pool = images.samples(seed).to(args.device)
        runs.append({"seed": seed, "n": len(pool), **accuracy(network, pool)})
    return {
        "classifier": args.classifier.partition("=")[0],
        "steps": args.steps,
        "real_test": real,
        "runs": runs,
    }


def measure_pose(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    def train_and_test(pool: ImagePool, seed: int) -> dict[str, float]:
        pool = pool.to(args.device)
        network = train_classifier(args.classifier, pool, args.steps, args.flips, seed)
        return accuracy(network, images.test.to(args.device))

    runs = []
    for seed in args.seeds:
        pool = images.samples(seed)
        runs.append({"seed": seed, "n": len(pool), **train_and_test(pool, seed)})
    return {
        "classifier": args.classifier.partition("=")[0],
        "steps": args.steps,
        "real_train": train_and_test(images.train, 0),
        "runs": runs,
    }


def measure_dice(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    def train_and_test(pool: ImagePool, seed: int) -> float:
        network = train_unet(pool.to(args.device), args.steps, args.unet_size, seed)
        return mean_dice(network, images.test.to(args.device), args.unet_size)

    runs = []
    for seed in args.seeds:
        pool = images.samples(seed)
        runs.append({"seed": seed, "n": len(pool), "dice": train_and_test(pool, seed)})
    return {
        "steps": args.steps,
        "side": args.unet_size,
        "real_train": train_and_test(images.train, 0),
        "runs": runs,
    }


def measure_tone(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    if images.tones is None:
        return {"skipped": "the generator has no input for the skin tone"}
    low, high = images.tones[0], images.tones[-1]
    asked = torch.linspace(low, high, TONES + 1, dtype=torch.float64)[:-1].tolist()
    count = max(1, min(args.n, TONE_IMAGES) // TONES)
    labels = [k % len(images.train.classes) for k in range(count)]
    runs = []
    for seed in args.seeds:
        errors = []
        for tone in asked:
            pool = images.generate(labels, seed, skin_tone=(tone, tone))
            errors.append((measure_skin_tones(pool.images, pool.masks, images.region) - tone).abs())
        runs.append(
            {
                "seed": seed,
                "n": count * TONES,
                "median_error": torch.cat(errors).median().item(),
                "by_tone": [error.median().item() for error in errors],
            }
        )
    return {"asked": asked, "runs": runs}


def measure_fingers(images: RealAndGenerated, args: argparse.Namespace) -> Figures:
    if args.open_class not in images.train.classes:
        return {"skipped": f"--open-class {args.open_class} is no class of the photographs"}
    label = images.train.classes.index(args.open_class)

    def whole(pool: ImagePool) -> float:
        return (count_fingers(pool.masks > 127) == 5).float().mean().item()

    runs = []
    for seed in args.seeds:
        pool = images.generate([label] * args.n, seed)
        runs.append({"seed": seed, "n": len(pool), "whole": whole(pool)})
    photographs = images.train.rows(images.train.labels == label)
    return {"real_train": whole(photographs), "n_train": len(photographs), "runs": runs}


PARTS: dict[str, Callable[[RealAndGenerated, argparse.Namespace], Figures]] = {
    "kid": measure_kid,
    "prdc": measure_prdc,
    "is": measure_is,
    "msssim": measure_msssim,
    "class": measure_class,
    "pose": measure_pose,
    "dice": measure_dice,
    "tone": measure_tone,
    "fingers": measure_fingers,
}
