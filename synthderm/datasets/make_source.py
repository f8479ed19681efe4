"""Which source a `SyntheticSkinDataset` draws from, by what it was given."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from synthderm.arguments import Range
from synthderm.datasets.eczema_source import EczemaSource
from synthderm.datasets.function_source import (
    PREFIX,
    DiffusersPipeline,
    Function,
    FunctionSource,
)
from synthderm.datasets.rendered_source import RenderedSource
from synthderm.datasets.sources import GeneratorSource, Source
from synthderm.hub.resolve import bundled_names


def make_source(
    source: str | os.PathLike[str] | Function | RenderedSource,
    *,
    size: int | None,
    device: str,
    severity: Range | None,
    skin_tone: Range | None,
    truncation: float,
    artifacts: Mapping[str, float] | None,
    classes: Sequence[str] | None,
    return_mask: bool,
) -> Source:
    """The source. What has no effect on it is refused.

    Args:
        all: as for `SyntheticSkinDataset`.

    Raises:
        ValueError: an unknown name, or an argument that this source does not take.
    """
    if isinstance(source, RenderedSource):  # which `from_rendered` makes, without options
        return source
    if severity is not None and source != EczemaSource.name:
        raise ValueError(
            f"severity={severity!r} is for the source 'eczema' alone, and {source!r} has none:"
            " leave it out."
        )
    is_generator = not (source == EczemaSource.name or callable(source) or _is_pipeline(source))
    if artifacts and not is_generator:
        raise ValueError(
            f"artifacts={artifacts!r} are drawn on what a generator makes, and {source!r} is none:"
            " leave them out."
        )
    if callable(source) or _is_pipeline(source):
        if skin_tone is not None or truncation != 1:
            raise ValueError(
                "skin_tone and truncation are for generators: a function draws tones and latents of"
                " its own, leave them out."
            )
        if classes is None and lacks_classes(source):
            raise ValueError(
                f"{source!r} does not say which classes its labels are: name them, as in"
                ' classes=["nevus", "melanoma"].'
            )
        if not callable(source):
            name = os.fspath(source).removeprefix(PREFIX)
            source = DiffusersPipeline(name, classes or (), device=device)
        elif device != "cpu":
            raise ValueError(
                f"device={device!r} has no effect on a function, which chooses its own: leave it"
                " out."
            )
        return FunctionSource(source, classes=classes, size=size, needs_mask=return_mask)
    if classes is not None:
        raise ValueError(
            f"classes={classes!r} was given, but {source!r} has its own: leave it out."
        )
    options: dict[str, Any] = {"size": size, "device": device}
    options |= {"skin_tone": skin_tone, "truncation": truncation}
    if source == EczemaSource.name:
        return EczemaSource(severity=(0.0, 1.0) if severity is None else severity, **options)
    known = bundled_names()
    if isinstance(source, str) and source not in known and not set(source) & set("/\\.~"):
        raise ValueError(
            f"unknown source {source!r}: there are {', '.join(known)}, a folder (./{source}) or a"
            f" Hub id (org/{source})."
        )
    return GeneratorSource(source, artifacts=artifacts, **options)


def lacks_classes(source: Any) -> bool:
    """Whether this is a function or pipeline that does not say which classes its labels are."""
    return (callable(source) or _is_pipeline(source)) and not hasattr(source, "classes")


def _is_pipeline(source: Any) -> bool:
    return isinstance(source, str) and source.startswith(PREFIX)


def check_device(device: str) -> None:
    """CUDA does not work in forked workers, and every spawned one would load a model of its own."""
    if device.startswith("cuda") and torch.utils.data.get_worker_info() is not None:
        raise RuntimeError(
            f"device={device!r} in a DataLoader worker: use device='cpu' in workers, or"
            " num_workers=0 to generate on the GPU."
        )
