"""Other generators as sources of `SyntheticSkinDataset`: any function of seeds and labels, and diffusers pipelines."""

import inspect
import os
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from synthderm.hub import explain
from synthderm.images import to_tensor

PREFIX = "diffusers:"


def call_source(source, seeds: list[int], labels: list[int]) -> tuple[Tensor, Tensor | None]:
    """Call a source and check what it gives.

    Args:
        source: a function `(seeds, labels) -> images` or `-> (images, masks)`. It gets seeds (B,) int64 and labels
            (B,) int64, and gives images (B, 3, H, W) uint8 or float in [0, 1], or a list of B PIL images of one size,
            and masks (B, 1, H, W) bool. The same seed and label should give the same image.

    Returns:
        image (B, 3, H, W) float in [0, 1] and mask (B, 1, H, W) bool or None, on the CPU.

    Raises:
        TypeError, ValueError: the images or masks are none of these.
    """
    output = source(torch.tensor(seeds), torch.tensor(labels))
    images, masks = output if isinstance(output, tuple) and len(output) == 2 else (output, None)
    if isinstance(images, (list, tuple)):
        images = torch.stack([to_tensor(image.convert("RGB")) for image in images])
    if not isinstance(images, Tensor):
        raise TypeError(f"{_name(source)} gave {type(images).__name__}: images are a tensor (B, 3, H, W) or a list of PIL images.")
    if images.ndim != 4 or images.shape[:2] != (len(seeds), 3):
        raise ValueError(f"{_name(source)} gave images of shape {tuple(images.shape)} for {len(seeds)} seeds: it should be ({len(seeds)}, 3, H, W).")
    if images.dtype == torch.uint8:
        images = images.float() / 255
    images = images.detach().float().cpu()
    if not (images.min() >= -1e-3 and images.max() <= 1 + 1e-3):
        raise ValueError(f"{_name(source)} gave values from {images.min():.3g} to {images.max():.3g}: images are uint8, or float in [0, 1].")
    if masks is not None:
        wanted = (len(seeds), 1, *images.shape[2:])
        if not isinstance(masks, Tensor) or masks.shape != wanted or masks.dtype != torch.bool:
            seen = f"{masks.dtype} of shape {tuple(masks.shape)}" if isinstance(masks, Tensor) else type(masks).__name__
            raise ValueError(f"{_name(source)} gave masks {seen}: they should be torch.bool of shape {wanted}.")
        masks = masks.cpu()
    return images.clamp(0, 1), masks


def _name(source) -> str:
    return getattr(source, "__name__", type(source).__name__)


class DiffusersSource:
    """A diffusers pipeline as a source; `SyntheticSkinDataset("diffusers:org/name", classes=[...])` makes one.

    What the pipeline is asked for depends on what it takes: a prompt (the class's), or the class's number, or nothing.
    Images are made one by one, each from its own seed, so that an item does not depend on its batch. Weights are read
    from safetensors alone; a repository or folder with Python code in it is refused. A safety checker is taken off: it
    takes skin for nudity and would blacken the image.

    Args:
        name: Hub id, "org/name" or "org/name@revision", or a directory ("./name").
        classes: the names of the classes.
        prompts: one for each class; the class names where None.
        steps: denoising steps; the pipeline's own number where None.
        device: where to generate.
        hub_options: `cache_dir`, `token`, `local_files_only`.

    `revision` is the resolved commit, or "local".

    Raises:
        ImportError: diffusers is not installed.
        ValueError: the folder holds code, or the numbers of classes and prompts differ.
        OSError: the pipeline can't be found or downloaded.
    """

    def __init__(self, name: str, classes: list[str], prompts: list[str] | None = None, steps: int | None = None, device: str = "cpu", **hub_options):
        self.classes, self.prompts, self.steps, self.device = list(classes), list(prompts or classes), steps, str(device)
        if len(self.prompts) != len(self.classes):
            raise ValueError(f"{len(self.prompts)} prompts for {len(self.classes)} classes: give one for each.")
        self.directory, self.revision = _find_pipeline(os.fspath(name), hub_options)
        code = next(iter(self.directory.rglob("*.py")), None)
        if code is not None:
            raise ValueError(f"{name} holds code ({code.name}), which is never run: use a pipeline that diffusers itself has.")

    def __call__(self, seeds: Tensor, labels: Tensor) -> Tensor:
        pipeline = _load_pipeline(self.directory, self.device)
        takes = inspect.signature(pipeline.__call__).parameters
        images = []
        for seed, label in zip(seeds.tolist(), labels.tolist()):
            options: dict = {"generator": torch.Generator().manual_seed(seed), "output_type": "np"}
            if self.steps is not None:
                options["num_inference_steps"] = self.steps
            if "prompt" in takes:
                options["prompt"] = self.prompts[label]
            elif "class_labels" in takes:
                options["class_labels"] = [label]
            images.append(torch.from_numpy(pipeline(**options).images[0]).permute(2, 0, 1))
        return torch.stack(images)

    def __repr__(self) -> str:
        return f"DiffusersSource({str(self.directory)!r}, revision={self.revision!r}, classes={self.classes})"


def _diffusers():
    try:
        import diffusers
    except ImportError:
        raise ImportError("diffusers pipelines need the package diffusers: pip install 'synthderm[diffusers]'") from None
    return diffusers


def _find_pipeline(name: str, hub_options: dict) -> tuple[Path, str]:
    if name.startswith((".", "/", "~")) or Path(name).is_absolute():
        directory = Path(name).expanduser()
        if not (directory / "model_index.json").is_file():
            raise FileNotFoundError(f"{directory} is no diffusers pipeline: it has no model_index.json.")
        return directory, "local"
    repository, _, revision = name.partition("@")
    try:
        directory = Path(_diffusers().DiffusionPipeline.download(repository, revision=revision or None, use_safetensors=True, **hub_options))
    except ImportError:
        raise
    except Exception as error:
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error  # diffusers wraps what the client said
        raise explain(cause, repository, revision or "main") from error
    return directory, directory.name


@lru_cache(maxsize=2)
def _load_pipeline(directory: Path, device: str):
    """The pipeline of this folder, loaded once a process and device."""
    pipeline = _diffusers().DiffusionPipeline.from_pretrained(directory, use_safetensors=True, local_files_only=True).to(device)
    pipeline.set_progress_bar_config(disable=True)
    if getattr(pipeline, "safety_checker", None) is not None:
        pipeline.safety_checker = None
    return pipeline
