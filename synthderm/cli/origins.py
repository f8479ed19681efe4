"""Where sheets, walks and the demo's pictures come from, for `synthderm whence`."""

import os
from collections.abc import Sequence

from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.hub.resolve import weights_hash
from synthderm.imaging.provenance import (
    Provenance,
    name_model,
    provenance_of_copy,
    read_provenance,
)

SEVERAL = "several"


def origin_of_data(data: SyntheticSkinDataset) -> Provenance:
    """What a picture of several items of a data set says."""
    return Provenance("generated", name_model(data.source), data.weights, data.seed)


def origin_of_edit(
    model: str | os.PathLike[str],
    seed: int | None,
    original: Provenance | None,
    mode: str = "add",
) -> Provenance:
    """What an edited picture says, by what was edited: None is a photograph."""
    kind = "edited" if original is None else original.kind
    return Provenance(kind, name_model(model), weights_hash(model), seed, mode=mode)


def origin_of_file(path: str | os.PathLike[str]) -> Provenance | None:
    """What a file says; None where it says nothing, as photographs do."""
    return provenance_of_copy(read_provenance(path), None)


def origin_of_sheet(origins: Sequence[Provenance | None]) -> Provenance | None:
    """What a picture says that is put together of several: generated if all of them are, partly
    synthetic if some are, and nothing if none is."""
    known = [origin for origin in origins if origin is not None]
    if not known:
        return None
    is_generated = len(known) == len(origins) and all(one.kind == "generated" for one in known)
    models, weights, seeds = (
        {getattr(one, name) for one in known} for name in ("model", "weights", "seed")
    )
    return Provenance(
        "generated" if is_generated else "edited",
        models.pop() if len(models) == 1 else SEVERAL,
        weights.pop() if len(weights) == 1 else SEVERAL,
        seeds.pop() if len(seeds) == 1 else None,
    )
