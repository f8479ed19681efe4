"""The one door to weights: a bundled name, a local directory, or a Hugging Face Hub id.

A model is a folder with `config.json` (what to build), `model.safetensors` (its tensors) and `README.md` (its card).
Loading is strict: the class, every tensor's name and every shape must match. Nothing is ever unpickled, and bundled
names and directories never touch the network.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FORMAT_VERSION = 1
BUNDLED = Path(__file__).parent / "weights"
FILES = ("config.json", "model.safetensors")


class Resolved(NamedTuple):
    """Where a model is, and which one exactly: `revision` is the Hub's commit, or "bundled", or "local"."""

    directory: Path
    revision: str


def bundled_names() -> list[str]:
    """The models that come with the package, in alphabetical order."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def resolve(name: str | os.PathLike, revision: str | None = None, **hub_options) -> Resolved:
    """Find a model's folder, downloading it only where `name` is a Hub id.

    Args:
        name: a bundled name ("lesions"), a directory (a `Path`, or a string that starts with "/", "." or "~"),
            or "org/name" on the Hub, optionally "org/name@revision".
        revision: branch, tag or commit, for Hub ids alone.
        hub_options: passed to `huggingface_hub.snapshot_download` (`cache_dir`, `token`, `local_files_only`).

    Raises:
        ValueError: the name is none of these, or a revision was given for something that has none.
        FileNotFoundError: the directory, or one of its two files, is not there.
    """
    text = os.fspath(name)
    if not isinstance(name, str) or text.startswith((".", "/", "~", "\\")) or Path(text).is_absolute():
        directory = Path(text).expanduser()
        missing = [file for file in FILES if not (directory / file).is_file()]
        if missing:
            raise FileNotFoundError(f"{directory} is not a model: {' and '.join(missing)} missing. It needs {' and '.join(FILES)}.")
        found = Resolved(directory, "local")
    elif text in bundled_names():
        found = Resolved(BUNDLED / text, "bundled")
    elif text.count("/") == 1:
        repository, _, pinned = text.partition("@")
        return _download(repository, revision or pinned or None, hub_options)
    else:
        hint = f' A folder in the working directory is written "./{text}".' if Path(text).is_dir() else ""
        raise ValueError(
            f'unknown model {text!r}: bundled models are {", ".join(bundled_names())}; a Hub id looks like "org/name"; a directory like "./{text}".{hint}'
        )
    if revision is not None:
        raise ValueError(f"revision={revision!r} was given, but {text!r} is not on the Hub and has no revisions: leave it out.")
    return found


def _download(repository: str, revision: str | None, options: dict) -> Resolved:
    from huggingface_hub import snapshot_download

    directory = Path(snapshot_download(repository, revision=revision, allow_patterns=[*FILES, "README.md"], **options))
    return Resolved(directory, directory.name)


def read_config(directory: Path) -> dict:
    """The parsed `config.json` of a model folder, with its format version checked."""
    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("format_version"), int):
        raise ValueError(f"{path} has no integer format_version: it is not a synthderm model.")
    if config["format_version"] > FORMAT_VERSION:
        raise ValueError(f"{path} has format version {config['format_version']}, this synthderm reads up to {FORMAT_VERSION}: pip install --upgrade synthderm")
    return config


def read_tensors(directory: Path) -> dict[str, Tensor]:
    """The tensors of a model folder on the CPU, floating point ones as float32, all finite."""
    path = directory / "model.safetensors"
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from None
    for key, tensor in tensors.items():
        if tensor.is_floating_point():
            if not torch.isfinite(tensor).all():
                raise ValueError(f"{path}: tensor {key!r} holds NaN or infinity; the file is damaged or the training diverged.")
            tensors[key] = tensor.float()
    return tensors


class Pretrained(nn.Module):
    """What `SkinGenerator` and `EczemaEditor` share: loading and saving as a model folder.

    A subclass sets `self.config`, the keyword arguments that rebuild it. `revision` says where loaded weights came
    from; `card` is the rest of `config.json` (data, licence, figures), kept as it was read.
    """

    config: dict
    revision: str = "untrained"
    card: dict = {}

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike, revision: str | None = None, **hub_options):
        """Load a model in eval mode on the CPU.

        Args:
            name: bundled name, directory, or Hub id: see `synthderm.hub.resolve`.
            revision: branch, tag or commit of a Hub id.
            hub_options: `cache_dir`, `token`, `local_files_only`, as huggingface_hub has them.

        Raises:
            ValueError: the folder holds another architecture, or tensors that do not fit it.
        """
        found = resolve(name, revision, **hub_options)
        config = read_config(found.directory)
        if config.get("architecture") != cls.__name__:
            raise ValueError(f"{os.fspath(name)!r} holds a {config.get('architecture')!r}, not a {cls.__name__}: load it with that class.")
        try:
            model = cls(**config["arguments"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{found.directory / 'config.json'} does not describe a {cls.__name__}: {error}") from None
        tensors, expected = read_tensors(found.directory), model.state_dict()
        wrong = [f"{key} is missing" for key in expected if key not in tensors]
        wrong += [f"{key} is not part of it" for key in tensors if key not in expected]
        wrong += [
            f"{key} has shape {tuple(tensors[key].shape)} instead of {tuple(value.shape)}"
            for key, value in expected.items()
            if key in tensors and tensors[key].shape != value.shape
        ]
        if wrong:
            raise ValueError(f"{found.directory} does not fit {cls.__name__}: {'; '.join(wrong[:3])} ({len(wrong)} in all).")
        model.load_state_dict(tensors)
        model.revision = found.revision
        model.card = {key: value for key, value in config.items() if key != "arguments"}
        return model.eval()

    def save_pretrained(self, directory: str | os.PathLike, card: dict | None = None, half: bool = False) -> Path:
        """Write `config.json` and `model.safetensors` into `directory`, each beside its place first, then renamed.

        Args:
            card: further entries of `config.json` (training data, licence, figures).
            half: store floating point tensors as float16; loading gives float32 again.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        tensors = {key: value.detach().cpu().contiguous() for key, value in self.state_dict().items()}
        if half:
            tensors = {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}
        config = {**self.card, **(card or {}), "architecture": type(self).__name__, "format_version": FORMAT_VERSION, "arguments": self.config}
        save_file(tensors, directory / "model.safetensors.part", metadata={"format": "pt"})
        (directory / "config.json.part").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        for file in FILES:
            os.replace(directory / f"{file}.part", directory / file)
        return directory
