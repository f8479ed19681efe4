"""Reading a model folder strictly: `config.json` and `model.safetensors`.

A folder may come from anywhere. So it is checked against the network that it is for before memory
is allocated: the format version, the arguments, and every tensor's name, shape and dtype. What is
then read may hold no NaN or infinity. Nothing is unpickled and no code is taken from it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from synthderm.hub.download import FILES, MAX_SIZES

FORMAT_VERSION = 1
MAX_NUMBER = 1 << 16  # pixels, channels or dimensions in one argument
MAX_LIST = 1000  # entries of one argument: levels, classes
MAX_HEADER = 2 << 20  # bytes of the header of model.safetensors
MAX_TENSORS = 10_000  # tensors that the header may list
CONFIG, WEIGHTS = FILES
MAX_CONFIG = MAX_SIZES[CONFIG]  # bytes
# What a stored dtype is read as.
DTYPES = {
    "F16": torch.float32,
    "BF16": torch.float32,
    "F32": torch.float32,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_config(directory: Path) -> dict[str, Any]:
    """The parsed `config.json` of a model folder, with its format version checked.

    Raises:
        ValueError: it is too large, no JSON object, or of a newer format.
    """
    path = directory / CONFIG
    size = path.stat().st_size
    if size > MAX_CONFIG:
        raise ValueError(
            f"{path} has {size:,} bytes, more than {MAX_CONFIG:,}: it is not a synthderm model."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    version = config.get("format_version") if isinstance(config, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(
            f"{path} has no format_version, a whole number from 1 on: it is not a synthderm model."
        )
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version}, this synthderm reads up to {FORMAT_VERSION}: pip"
            " install --upgrade synthderm"
        )
    return dict(config)


def check_arguments(config: Mapping[str, Any], path: Path, architecture: str) -> None:
    """Refuse arguments that would ask for a huge network, or that contradict the rest.

    Args:
        config: the parsed `config.json`.
        path: its path, for the message.
        architecture: name of the class that the arguments are for.

    Raises:
        ValueError: as said.
    """
    arguments = config.get("arguments")
    if not isinstance(arguments, dict):
        raise ValueError(
            f"{path} has no arguments, an object with the parameters of {architecture}."
        )
    for key, value in arguments.items():
        entries = value if isinstance(value, list) else [value]
        numbers = [entry for entry in entries if isinstance(entry, (int, float))]
        large = [number for number in numbers if not abs(number) <= MAX_NUMBER]  # NaN is large too
        if large or len(entries) > MAX_LIST:
            asked = short(large[0]) if large else f"a list of {len(entries):,}"
            raise ValueError(
                f"{path} asks for {short(key)} = {asked}: numbers up to {MAX_NUMBER:,} and lists"
                f" up to {MAX_LIST:,} are read."
            )
        if key in ("size", "classes") and config.get(key, value) != value:
            raise ValueError(
                f"{path} says {key} = {short(config[key])} beside arguments with {short(value)}:"
                " it was edited by hand; make the two equal."
            )
    if config.get("value_range", [0, 1]) != [0, 1]:
        raise ValueError(
            f"{path} has value_range {short(config['value_range'])}: images are in [0, 1] in this"
            " format."
        )


def read_tensors(directory: Path, network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a model folder on the CPU, floating point ones as float32.

    Args:
        directory: the model folder.
        network: on any device; the file must have the names, shapes and dtypes of its state.

    Raises:
        ValueError: the file is no safetensors file, does not fit, or holds NaN or infinity.
    """
    path = directory / WEIGHTS
    expected = network.state_dict()
    try:
        check_header(path)
        with safe_open(path, framework="pt") as file:
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            stored = {
                key: (tuple(part.get_shape()), part.get_dtype()) for key, part in slices.items()
            }
            wrong = _compare(stored, expected)
            if wrong:
                raise ValueError(
                    f"{path} does not fit {type(network).__name__}: {'; '.join(wrong[:3])}"
                    f" ({len(wrong)} in all)."
                )
            tensors = {key: file.get_tensor(key).to(value.dtype) for key, value in expected.items()}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is not a readable safetensors file ({short(str(error), 200)}): it is damaged,"
            " download or save it again."
        ) from None
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(
                f"{path}: tensor {key!r} holds NaN or infinity; the file is damaged or the training"
                " diverged."
            )
    return tensors


def check_header(path: Path) -> None:
    """Refuse a safetensors file whose header would take long to parse, before it is parsed.

    The header is JSON with an object for each tensor. So it lists no more tensors than it has
    opening braces, which can't be written in another way.

    Raises:
        ValueError: the header has more than `MAX_HEADER` bytes, or may list more than
            `MAX_TENSORS` tensors.
    """
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size - 8:
            return  # no safetensors file, which its reader finds out by the same comparison
        if length > MAX_HEADER:
            raise ValueError(
                f"{path} has a header of {length:,} bytes, more than {MAX_HEADER:,}: it is damaged"
                " or holds no network of this library."
            )
        entries = file.read(length).count(b"{") - 1
    if entries > MAX_TENSORS:
        raise ValueError(
            f"{path} lists {entries:,} tensors, more than {MAX_TENSORS:,}: it is damaged or holds"
            " no network of this library."
        )


def _compare(
    stored: Mapping[str, tuple[tuple[int, ...], str]], expected: Mapping[str, Tensor]
) -> list[str]:
    """How the shapes and dtypes in a file differ from a network's, one sentence a tensor."""
    wrong = [f"{short(key)} is missing" for key in expected if key not in stored]
    wrong += [f"{short(key)} is not part of it" for key in stored if key not in expected]
    for key, value in expected.items():
        if key not in stored:
            continue
        shape, dtype = stored[key]
        if shape != tuple(value.shape):
            wrong.append(f"{key} has shape {short(shape)} instead of {tuple(value.shape)}")
        elif DTYPES.get(dtype) != value.dtype:
            wrong.append(f"{key} has dtype {dtype} instead of {value.dtype}")
    return wrong


def short(value: object, length: int = 60) -> str:
    """A value for a sentence: however large, it takes one short line."""
    if not isinstance(value, (str, int, float, list, tuple, dict, type(None))):
        value = type(value).__name__
    text = value if isinstance(value, str) and length > 60 else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[:length]}..."
