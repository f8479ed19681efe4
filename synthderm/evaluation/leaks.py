"""A generator helps for nothing on photographs that it was trained on: these are found and refused.

Three signs are looked for. The name: of the data set on the generator's card and in its training
record, against the folder's name and layout; recipes train on the split `train` alone. The numbers
of the ISIC archive: collections overlap, and those up to ISIC_0016072 were in the challenges of
2016 and 2017. And likeness: where the generator's photographs are at hand, features find the same
picture compressed anew, and mostly when it was mirrored or cut by a twentieth; not much smaller
copies or tighter crops.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthderm.callers import warn_caller
from synthderm.datasets.eczema_source import EczemaSource
from synthderm.datasets.folder import SkinFolder
from synthderm.evaluation.features import Features
from synthderm.hub.model_folder import read_config
from synthderm.hub.resolve import bundled_for_side, bundled_names, resolve

TRAINED_ON = "train"  # the split that recipes use
ISIC = re.compile(r"ISIC_(\d{7})")
LAST_OF_2017 = 16072
# Cosine of two photographs' features above which they count as the same picture. With MobileNetV2
# pictures compressed anew (JPEG 70) had 0.98 to 0.99; 547 others of one collection had at most 0.94
# with the nearest of 1,595.
ALIKE = 0.95


def trained_on(source: object, size: int) -> list[str] | None:
    """The names of the data that a source learned from; None where it does not say."""
    if not isinstance(source, (str, os.PathLike)) or source == EczemaSource.name:
        return None
    name: str | os.PathLike[str] = source
    if isinstance(source, str) and source in bundled_names():
        name = bundled_for_side(source, size)
    elif isinstance(source, str) and source.startswith("diffusers:"):
        return None
    config = read_config(resolve(name).directory)
    entries = config.get("training", {}).get("data", [])
    folders = [entries] if isinstance(entries, str) else entries
    return [*(card["name"] for card in config.get("data", [])), *map(_last_part, folders)]


def check_unseen(data: SkinFolder, source: object, size: int) -> list[int]:
    """Which photographs the generator has not seen, as far as names tell.

    Returns:
        their places; others are left out with a warning.

    Raises:
        ValueError: the folder is what the generator was trained on.
    """
    names = trained_on(source, size)
    if names is None:
        warn_caller(
            f"{source} does not say which photographs it learned from: make sure that yours are"
            " not among them."
        )
        return list(range(len(data)))
    known = {_fold(name) for name in names}
    same = next((x for x in (data.layout, _last_part(data.root)) if _fold(x) in known), None)
    if same is not None and data.split in (None, TRAINED_ON):
        unseen = [f"--split {name}" for name in data.splits if name != TRAINED_ON]
        way = f", or a split that it has not seen ({', '.join(unseen)})" if unseen else ""
        raise ValueError(
            f"{source!r} was trained on {same}, and these photographs are of {same}: what it helps"
            f" there says nothing. Use photographs of your own{way}."
        )
    if same is not None or _fold("ISIC 2017") not in known:
        return list(range(len(data)))
    kept = [k for k, (path, _) in enumerate(data.samples) if not _is_of_2017(path)]
    _warn_left_out(len(data) - len(kept), f"by their numbers, may be among those {source!r} saw")
    return kept


def find_unlike(photographs: Features, seen: Features) -> list[int]:
    """The places of photographs that are no near-duplicates of any that the generator saw.

    Args:
        photographs, seen: features of length 1, (N, D) and (M, D).
    """
    likeness = np.concatenate([(part @ seen.T).max(1) for part in _split(photographs)])
    unlike = np.flatnonzero(likeness < ALIKE)
    _warn_left_out(len(photographs) - len(unlike), "are nearly the same as some the generator saw")
    return unlike.tolist()


def _split(rows: Features) -> Sequence[Features]:
    return [rows[k : k + 1024] for k in range(0, len(rows), 1024)]


def _warn_left_out(count: int, why: str) -> None:
    if count:
        warn_caller(f"{count} photographs are left out: they {why}.")


def _is_of_2017(path: str) -> bool:
    number = ISIC.match(Path(path).name)
    return number is not None and int(number[1]) <= LAST_OF_2017


def _last_part(path: str) -> str:
    return Path(os.path.abspath(Path(path).expanduser())).name


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
