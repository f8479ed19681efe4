"""Which source the arguments of a `SyntheticSkinDataset` name."""

import os
from collections.abc import Sequence

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
    if callable(source) or is_pipeline:
        if skin_tone is not None or truncation != 1:
            raise ValueError(
                "skin_tone and truncation are for generators: a function draws tones and latents of"
                " its own, leave them out."
            )
        if is_pipeline:
            if classes is None:
                raise ValueError(
                    f"{source!r} does not say which classes its labels are: name them, as in "
                    'classes=["nevus", "melanoma"].'
                )
            source = DiffusersPipeline(source.removeprefix(PREFIX), classes, device=device)
        return FunctionSource(source, classes=classes, size=size, needs_mask=needs_mask)
    if classes is not None:
        raise ValueError(
            f"classes={classes!r} was given, but {source!r} has its own: leave it out."
        )
    options = {"size": size, "device": device, "skin_tone": skin_tone, "truncation": truncation}
    if source == EczemaSource.name:
        return EczemaSource(severity=severity, **options)
    if isinstance(source, str):
        known = [*generator_names(), EczemaSource.name]
        if source not in known and not any(mark in source for mark in "/\\.~"):
            raise ValueError(
                f"unknown source {source!r}: there are {', '.join(known)}, a folder (./{source}) or"
                f" a Hub id (org/{source})."
            )
    return GeneratorSource(source, **options)
