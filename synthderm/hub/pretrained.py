"""Models as folders: `config.json`, `model.safetensors`, `README.md`, written whole and read
strictly.

A folder may come from anywhere, so everything in it is checked against the class that reads it
before memory is given
out for it: the architecture, the format version, the arguments, every tensor's name, shape, dtype
and values. Nothing is ever unpickled and no code is ever taken from it.
"""

import copy
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

from synthderm.hub.resolve import FILES, resolve

FORMAT_VERSION = 1
MAX_CONFIG = 1 << 20  # bytes of config.json
MAX_NUMBER = 1 << 16  # pixels, channels or dimensions in one argument
MAX_LIST = 1000  # entries of one argument: levels, classes
DTYPES = {
    "F16": torch.float32,
    "BF16": torch.float32,
    "F32": torch.float32,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class Pretrained(nn.Module):
    """What `SkinGenerator` and `EczemaEditor` share: loading, saving and publishing as a model
    folder.

    A subclass sets `self.config`, the keyword arguments that rebuild it. `revision` says where
    loaded weights came
    from: the Hub's commit, "bundled" or "local". `card` is the rest of `config.json` (data,
    licence, figures), kept as it was read.
    """

    config: dict
    revision: str = "untrained"
    card: dict = {}
    value_range = (0.0, 1.0)
    mask_meaning = "True = inside the region"
    pipeline_tag = "unconditional-image-generation"

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike, revision: str | None = None, **hub_options):
        """Load a model in eval mode on the CPU; torch's random state stays as it is.

        Args:
            name: bundled name, directory, or Hub id: see `synthderm.hub.resolve.resolve`.
            revision: branch, tag or commit of a Hub id.
            hub_options: `cache_dir`, `token`, `local_files_only`, as huggingface_hub has them.

        Raises:
            ValueError: the folder holds another architecture or a newer format, or tensors that do
                not fit it.
            OSError: the folder can't be found or downloaded: see `synthderm.hub.resolve.resolve`.
        """
        found = resolve(name, revision, **hub_options)
        path = found.directory / "config.json"
        config = read_config(found.directory)
        if config.get("architecture") != cls.__name__:
            raise ValueError(
                f"{os.fspath(name)!r} holds a {_short(config.get('architecture'))}, not a"
                f" {cls.__name__}: load it with that class, or, if there is none, with a newer"
                " synthderm."
            )
        tensors = read_tensors(found.directory, _build(cls, config, path, "meta"))
        model = _build(cls, config, path, "cpu")
        model.load_state_dict(tensors)
        model.revision = found.revision
        model.card = {key: value for key, value in config.items() if key != "arguments"}
        return model.eval()

    def save_pretrained(
        self, directory: str | os.PathLike, card: dict | None = None, half: bool = False
    ) -> Path:
        """Write `config.json` and `model.safetensors` into `directory`, each beside its place
        first, then renamed.

        Parametrizations (spectral norm) are folded into plain weights; the model itself is not
        changed.

        Args:
            card: further entries of `config.json`: see `docs/publish.md`.
            half: store floating point tensors as float16; loading gives float32 again.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        tensors = self.plain_state()
        if half:
            tensors = {
                key: value.half() if value.is_floating_point() else value
                for key, value in tensors.items()
            }
        contract = {"value_range": list(self.value_range), "mask": self.mask_meaning}
        contract |= {key: self.config[key] for key in ("size", "classes") if key in self.config}
        own = {
            "architecture": type(self).__name__,
            "format_version": FORMAT_VERSION,
            "arguments": self.config,
        }
        config = {**self.card, **(card or {}), **contract, **own}
        # Written by hand, since safetensors' own `save_file` makes a file that only its owner may
        # read.
        (directory / "model.safetensors.part").write_bytes(save(tensors, metadata={"format": "pt"}))
        (directory / "config.json.part").write_text(
            json.dumps(config, indent=2) + "\n", encoding="utf-8"
        )
        for file in FILES:
            os.replace(directory / f"{file}.part", directory / file)
        return directory

    def plain_state(self) -> dict[str, Tensor]:
        """A copy of the tensors on the CPU, parametrizations folded in, by the names of the bare
        network."""
        plain = copy.deepcopy(self).cpu().eval()
        for module in list(plain.modules()):
            for name in list(getattr(module, "parametrizations", ())):
                parametrize.remove_parametrizations(module, name)
        return {
            key: value.detach().clone().contiguous() for key, value in plain.state_dict().items()
        }

    def push_to_hub(
        self,
        repository: str,
        card: dict | None = None,
        private: bool = False,
        token: str | bool | None = None,
        dry_run: bool = False,
    ) -> str:
        """Publish the model with its card: see `synthderm.hub.publish.publish`, which says what
        `card` must hold."""
        from synthderm.hub.publish import publish

        return publish(self, repository, card, private=private, token=token, dry_run=dry_run)


def read_config(directory: Path) -> dict:
    """The parsed `config.json` of a model folder, with its format version checked.

    Raises:
        ValueError: it is too large, no JSON object, or of a newer format.
    """
    path = directory / "config.json"
    if path.stat().st_size > MAX_CONFIG:
        raise ValueError(
            f"{path} has {path.stat().st_size:,} bytes, more than {MAX_CONFIG:,}: it is not a"
            " synthderm model."
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
    return config


class _Unfilled(TorchFunctionMode):
    """Leaves out `nn.init`: the values come from the file, torch's random state stays, and normal
    numbers on "meta" would first import torch's compiler, two seconds."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return function(*args, **kwargs)


def _build(cls: type[Pretrained], config: dict, path: Path, device: str) -> Pretrained:
    """The network that a config describes; on "meta" it has shapes but no memory."""
    arguments = config.get("arguments")
    if not isinstance(arguments, dict):
        raise ValueError(
            f"{path} has no arguments, an object with the parameters of {cls.__name__}."
        )
    for key, value in arguments.items():
        entries = value if isinstance(value, list) else [value]
        large = [
            entry
            for entry in entries
            if isinstance(entry, (int, float)) and not abs(entry) <= MAX_NUMBER
        ]
        if large or len(entries) > MAX_LIST:
            what = _short(large[0]) if large else f"a list of {len(entries):,}"
            raise ValueError(
                f"{path} asks for {_short(key)} = {what}: numbers up to {MAX_NUMBER:,} and lists up"
                f" to {MAX_LIST:,} are read."
            )
        if key in ("size", "classes") and config.get(key, value) != value:
            raise ValueError(
                f"{path} says {key} = {_short(config[key])} beside arguments with {_short(value)}:"
                " it was edited by hand; make the two equal."
            )
    if config.get("value_range", [0, 1]) != [0, 1]:
        raise ValueError(
            f"{path} has value_range {_short(config['value_range'])}: images are in [0, 1] in this"
            " format."
        )
    try:
        with torch.device(device), _Unfilled():
            return cls(**arguments)
    except Exception as error:  # whatever a constructor may stumble over
        raise ValueError(
            f"{path} does not describe a {cls.__name__}: {_short(str(error), 200)}"
        ) from None


def read_tensors(directory: Path, plan: nn.Module) -> dict[str, Tensor]:
    """The tensors of a model folder on the CPU, floating point ones as float32.

    Args:
        plan: a network, on any device, whose state's names, shapes and dtypes the file must have.

    Raises:
        ValueError: the file is no safetensors file, does not fit, or holds NaN or infinity.
    """
    path = directory / "model.safetensors"
    expected = plan.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            stored = {
                key: (tuple(part.get_shape()), part.get_dtype()) for key, part in slices.items()
            }
            wrong = [f"{_short(key)} is missing" for key in expected if key not in stored]
            wrong += [f"{_short(key)} is not part of it" for key in stored if key not in expected]
            for key, value in expected.items():
                shape, dtype = stored.get(key, (None, None))
                if shape not in (None, tuple(value.shape)):
                    wrong.append(f"{key} has shape {_short(shape)} instead of {tuple(value.shape)}")
                elif dtype and DTYPES.get(dtype) != value.dtype:
                    wrong.append(f"{key} has dtype {dtype} instead of {value.dtype}")
            if wrong:
                raise ValueError(
                    f"{path} does not fit {type(plan).__name__}: {'; '.join(wrong[:3])}"
                    f" ({len(wrong)} in all)."
                )
            tensors = {key: file.get_tensor(key).to(value.dtype) for key, value in expected.items()}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is not a readable safetensors file ({_short(str(error), 200)}): it is damaged,"
            " download or save it again."
        ) from None
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(
                f"{path}: tensor {key!r} holds NaN or infinity; the file is damaged or the training"
                " diverged."
            )
    return tensors


def _short(value, length: int = 60) -> str:
    """A value for a sentence: however large, it takes one short line."""
    if not isinstance(value, (str, int, float, list, tuple, dict, type(None))):
        value = type(value).__name__
    text = value if isinstance(value, str) and length > 60 else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[:length]}..."
