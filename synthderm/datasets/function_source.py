"""Other generators as sources of `SyntheticSkinDataset`: functions of seeds and labels, and
diffusers pipelines."""

import inspect
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from synthderm.datasets.sources import Generated, fit, to_bytes
from synthderm.hub.download import explain
from synthderm.imaging.io import to_tensor

PREFIX = "diffusers:"
TOLERANCE = 1e-3  # by which floats may lie outside [0, 1]

Images = Tensor | Sequence[Image.Image]
# Latents (B,) int64 and labels (B,) int64 to images, or to images and masks.
Function = Callable[[Tensor, Tensor], Images | tuple[Images, Tensor]]


class FunctionSource:
    """Any function as a source.

    Args:
        function: gets seeds (B,) int64 and labels (B,) int64, and gives images, or (images, masks).
            Images are (B, 3, H, W), uint8 or float in [0, 1], or B PIL images of one size; masks
            are (B, 1, H, W) bool. The same seed and label should give the same image. It may have
            the attributes `classes`, `size`, `revision` and `weights`.
        classes: the names of the classes; the function's own where None.
        size: side of the images in pixels; as they come where None.
        needs_mask: whether images without masks are an error. Else all of them is inside.
    """

    def __init__(
        self,
        function: Function,
        *,
        classes: Sequence[str] | None = None,
        size: int | None = None,
        needs_mask: bool = False,
    ) -> None:
        self.function, self.needs_mask = function, needs_mask
        self.name = _name(function)
        self.classes = list(getattr(function, "classes", ()) if classes is None else classes)
        self.labels: Sequence[int] = range(len(self.classes))
        self.size: int | None = size or getattr(function, "size", None)
        self.revision = getattr(function, "revision", "function")
        self.weights = getattr(function, "weights", self.revision)

    def sample(self, labels: list[int], rngs: list[torch.Generator]) -> Generated:
        seeds = torch.tensor([rng.initial_seed() for rng in rngs])
        output = self.function(seeds, torch.tensor(labels))
        is_pair = isinstance(output, tuple) and len(output) == 2
        images, masks = output if is_pair else (output, None)
        images = _check_images(self.name, images, len(labels))
        if masks is not None:
            masks = _check_masks(self.name, masks, images)
        elif self.needs_mask:
            raise ValueError(
                f"return_mask=True, but {self.name} gives images alone: give (images, masks), or "
                "leave it out."
            )
        else:
            masks = torch.ones_like(images[:, :1], dtype=torch.bool)
        images, masks = fit(images, masks, self.size)
        return Generated(to_bytes(images), masks)


def _name(function: Function) -> str:
    """The name of a function, the same in every process; of an object, its class's."""
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _check_images(name: str, images: Any, count: int) -> Tensor:
    """Images as (B, 3, H, W) float in [0, 1] on the CPU."""
    if isinstance(images, (list, tuple)):
        images = torch.stack([to_tensor(image.convert("RGB")) for image in images])
    if not isinstance(images, Tensor):
        raise TypeError(
            f"{name} gave {type(images).__name__}: images are a tensor (B, 3, H, W) or a list of "
            "PIL images."
        )
    if images.ndim != 4 or images.shape[:2] != (count, 3):
        raise ValueError(
            f"{name} gave images of shape {tuple(images.shape)} for {count} seeds: it should be "
            f"({count}, 3, H, W)."
        )
    if images.dtype == torch.uint8:
        images = images.float() / 255
    images = images.detach().float().cpu()
    if not (images.min() >= -TOLERANCE and images.max() <= 1 + TOLERANCE):
        raise ValueError(
            f"{name} gave values from {images.min():.3g} to {images.max():.3g}: images are uint8, "
            "or float in [0, 1]."
        )
    return images.clamp(0, 1)


def _check_masks(name: str, masks: Any, images: Tensor) -> Tensor:
    """Masks as (B, 1, H, W) bool on the CPU."""
    expected = (len(images), 1, *images.shape[2:])
    if not isinstance(masks, Tensor) or masks.shape != expected or masks.dtype != torch.bool:
        seen = type(masks).__name__
        if isinstance(masks, Tensor):
            seen = f"{masks.dtype} of shape {tuple(masks.shape)}"
        raise ValueError(
            f"{name} gave masks {seen}: they should be torch.bool of shape {expected}."
        )
    return masks.cpu()


class DiffusersPipeline:
    """A diffusers pipeline as a function for `FunctionSource`.
    `SyntheticSkinDataset("diffusers:org/name", classes=[...])` makes one.

    What the pipeline is asked for depends on what it takes: a prompt (the class's), or the class's
    number, or nothing. Images are made one by one, each from its own seed, so that an item does not
    depend on its batch. Weights are read from safetensors alone; a repository or folder with Python
    code in it is refused. A safety checker is taken off: it takes skin for nudity and would blacken
    the image.

    Args:
        model: Hub id, "org/name" or "org/name@revision", or a folder ("./name").
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

    def __init__(
        self,
        model: str,
        classes: Sequence[str],
        *,
        prompts: Sequence[str] | None = None,
        steps: int | None = None,
        device: str = "cpu",
        **hub_options: Any,
    ) -> None:
        self.classes, self.prompts = list(classes), list(prompts or classes)
        self.steps, self.device = steps, str(device)
        if len(self.prompts) != len(self.classes):
            raise ValueError(
                f"{len(self.prompts)} prompts for {len(self.classes)} classes: give one for each."
            )
        self.directory, self.revision = _find_pipeline(os.fspath(model), hub_options)
        code = next(iter(self.directory.rglob("*.py")), None)
        if code is not None:
            raise ValueError(
                f"{model} holds code ({code.name}), which is never run: use a pipeline that "
                "diffusers itself has."
            )

    def __call__(self, seeds: Tensor, labels: Tensor) -> Tensor:
        pipeline = _load_pipeline(self.directory, self.device)
        takes = inspect.signature(pipeline.__call__).parameters
        images = []
        for seed, label in zip(seeds.tolist(), labels.tolist()):
            options: dict[str, Any] = {
                "generator": torch.Generator().manual_seed(seed),
                "output_type": "np",
            }
            if self.steps is not None:
                options["num_inference_steps"] = self.steps
            if "prompt" in takes:
                options["prompt"] = self.prompts[label]
            elif "class_labels" in takes:
                options["class_labels"] = [label]
            images.append(torch.from_numpy(pipeline(**options).images[0]).permute(2, 0, 1))
        return torch.stack(images)


def _diffusers() -> Any:
    try:
        import diffusers
    except ImportError:
        raise ImportError(
            "diffusers pipelines need the package diffusers: pip install 'synthderm[diffusers]'"
        ) from None
    return diffusers


def _find_pipeline(model: str, hub_options: dict[str, Any]) -> tuple[Path, str]:
    """The folder of a pipeline, and its revision."""
    if model.startswith((".", "/", "~")) or Path(model).is_absolute():
        directory = Path(model).expanduser()
        if not (directory / "model_index.json").is_file():
            lacks = (
                "it has no model_index.json" if directory.is_dir() else "there is no such folder"
            )
            raise FileNotFoundError(f"{directory} is no diffusers pipeline: {lacks}.")
        return directory, "local"
    repository, _, revision = model.partition("@")
    pipelines = _diffusers().DiffusionPipeline
    try:
        downloaded = pipelines.download(
            repository, revision=revision or None, use_safetensors=True, **hub_options
        )
    except ImportError:
        raise
    except Exception as error:
        # diffusers wraps what the Hub's client said.
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise explain(cause, repository, revision or "main") from error
    return Path(downloaded), Path(downloaded).name


@lru_cache(maxsize=2)
def _load_pipeline(directory: Path, device: str) -> Any:
    """The pipeline of this folder, loaded once a process and device."""
    pipeline = _diffusers().DiffusionPipeline.from_pretrained(
        directory, use_safetensors=True, local_files_only=True, dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.safety_checker = None
    return pipeline.to(device)
