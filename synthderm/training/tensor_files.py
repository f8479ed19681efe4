"""Many tensors as a few safetensors files of bounded size, which an index names with their hashes.

Files of a few megabytes travel where one large file does not: as release assets, by e-mail, through
a machine that is lent for minutes. Nothing is pickled.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from synthderm.files import atomic_path, sha256, to_json, write_text
from synthderm.hub.model_folder import MAX_CONFIG, check_header, short

FORMAT_VERSION = 1
MAX_BYTES = 15_900_000  # of the tensors in a file; a larger tensor has a file of its own
INDEX = "training.json"
NAME = re.compile(r"training-[0-9]+-of-[0-9]+\.safetensors|model\.safetensors|config\.json")
WAY_OUT = "write the folder anew, or copy it again"


def write_tensors(
    folder: Path, tensors: Mapping[str, Tensor], index: Mapping[str, Any], beside: Iterable[str]
) -> list[Path]:
    """Write tensors as `training-1-of-N.safetensors` and so on, and last `training.json`, without
    which there is nothing.

    Args:
        folder: it exists; files of this kind in it are replaced.
        tensors: by name, on the CPU.
        index: further values of `training.json`.
        beside: names of other files in the folder that belong to the tensors.

    Returns:
        The files, those beside them first.
    """
    (folder / INDEX).unlink(missing_ok=True)
    for old in folder.glob("training-*-of-*.safetensors"):
        old.unlink()
    groups = _group(tensors)
    names = [f"training-{k}-of-{len(groups)}.safetensors" for k in range(1, len(groups) + 1)]
    for name, group in zip(names, groups):
        with atomic_path(folder / name) as part:
            part.write_bytes(save({key: tensors[key].contiguous() for key in group}))
    paths = [folder / name for name in (*beside, *names)]
    files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in paths}
    content = {"format_version": FORMAT_VERSION, **index, "files": files}
    write_text(folder / INDEX, to_json(content, indent=2) + "\n")
    return paths


def _group(tensors: Mapping[str, Tensor]) -> list[list[str]]:
    """The names of tensors, for one file each."""
    groups: list[list[str]] = [[]]
    size = 0
    for name, tensor in tensors.items():
        if groups[-1] and size + tensor.nbytes > MAX_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += tensor.nbytes
    return groups


def read_index(folder: Path) -> dict[str, Any] | None:
    """The parsed `training.json`, with every file it names checked; None where there is none.

    Raises:
        ValueError: it is no such index or of a newer version, or a file is missing or has changed.
    """
    path = folder / INDEX
    if not path.is_file():
        return None
    if path.stat().st_size > MAX_CONFIG:
        raise ValueError(f"{path} has more than {MAX_CONFIG:,} bytes: it is no training state.")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({short(str(error))}): {WAY_OUT}.") from None
    version = index.get("format_version") if isinstance(index, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(f"{path} has no format_version: it is no training state.")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version}, this synthderm reads up to {FORMAT_VERSION}: pip"
            " install --upgrade synthderm"
        )
    _check_files(folder, index.get("files"))
    return dict(index)


def _check_files(folder: Path, files: Any) -> None:
    """Refuse files that are missing or have changed."""
    is_table = isinstance(files, dict) and all(isinstance(e, dict) for e in files.values())
    if not is_table or not files or not all(map(NAME.fullmatch, files)):
        raise ValueError(f"{folder / INDEX} does not name its files: {WAY_OUT}.")
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"{folder} lacks {', '.join(missing)} of the {len(files)} files that {INDEX} names:"
            f" {WAY_OUT}."
        )
    for name, entry in files.items():
        path = folder / name
        if path.stat().st_size != entry.get("bytes") or sha256(path) != entry.get("sha256"):
            raise ValueError(
                f"{path} is not the file that {INDEX} names (another size or SHA-256): {WAY_OUT}."
            )


def read_tensors(folder: Path, index: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it; floating point ones as float32.

    Args:
        folder: with the files.
        index: as `read_index` gave it.
        prefix: as "encoder/".

    Raises:
        ValueError: a file is no safetensors file, or a tensor holds NaN or infinity.
    """
    tensors = {}
    for name in index["files"]:
        if not name.startswith("training-"):
            continue
        path = folder / name
        try:
            check_header(path)
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118 (not a dict)
                    if key.startswith(prefix):
                        tensors[key.removeprefix(prefix)] = file.get_tensor(key)
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{path} is not a readable safetensors file ({short(str(error), 100)}): {WAY_OUT}."
            ) from None
    for key, tensor in tensors.items():
        if tensor.is_floating_point():
            tensors[key] = tensor.float()
            if not torch.isfinite(tensor).all():
                raise ValueError(f"{folder}: {prefix}{key} holds NaN or infinity: {WAY_OUT}.")
    return tensors
