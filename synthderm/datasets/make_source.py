"""Which source the arguments of a `SyntheticSkinDataset` name."""

import os
from collections.abc import Sequence
from typing import Any

from synthderm.arguments import Range
from synthderm.datasets.eczema_source import EczemaSource
from synthderm.datasets.function_source import (
    PREFIX,
    DiffusersPipeline,
    Function,
    FunctionSource,
)
from synthderm.datasets.sources import GeneratorSource, Source
from synthderm.hub.resolve import bundled_names


def generator_names() -> list[str]:
    """The bundled generators."""
    return [name for name in bundled_names() if name != EczemaSource.name]


def make_source(
    source: str | os.PathLike[str] | Function,
    *,
    size: int | None = None,
    device: str = "cpu",
    severity: Range = (0.0, 1.0),
    skin_tone: Range | None = None,
    truncation: float = 1.0,
    classes: Sequence[str] | None = None,
    needs_mask: bool = False,
) -> Source:
    """The source that these arguments of a `SyntheticSkinDataset` name; see there."""
    is_pipeline = isinstance(source, str) and source.startswith(PREFIX)
    if not callable(source) and not is_pipeline:
        options: dict[str, Any] = {"size": size, "device": device}
        options |= {"skin_tone": skin_tone, "truncation": truncation}
        if classes is not None:
            raise ValueError(
                f"classes={classes!r} was given, but {source!r} has its own: leave it out."
            )
        if source == EczemaSource.name:
            return EczemaSource(severity=severity, **options)
        _check_name(source)
        return GeneratorSource(source, **options)
    if skin_tone is not None or truncation != 1:
        raise ValueError(
            "skin_tone and truncation are for generators: a function draws tones and latents of its"
            " own, leave them out."
        )
    function = source if callable(source) else _make_pipeline(str(source), classes, device)
    return FunctionSource(function, classes=classes, size=size, needs_mask=needs_mask)


def _check_name(source: str | os.PathLike[str]) -> None:
    """A plain word has to be the name of a bundled generator."""
    known = [*generator_names(), EczemaSource.name]
    if isinstance(source, str) and source not in known and not set(source) & set("/\\.~"):
        raise ValueError(
            f"unknown source {source!r}: there are {', '.join(known)}, a folder (./{source}) or a"
            f" Hub id (org/{source})."
        )


def _make_pipeline(source: str, classes: Sequence[str] | None, device: str) -> Function:
    if classes is None:
        raise ValueError(
            f"{source!r} does not say which classes its labels are: name them, as in "
            'classes=["nevus", "melanoma"].'
        )
    return DiffusersPipeline(source.removeprefix(PREFIX), classes, device=device)
