"""`Pretrained`: loading, saving and publishing a network as a model folder.

A model folder holds `config.json`, `model.safetensors` and `README.md` (the card).
"""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

from synthderm.determinism import usual_torch
from synthderm.files import atomic_path, temporary_folder, to_json
from synthderm.hub.download import CacheDir, Token
from synthderm.hub.model_card import PICTURES, without_folders
from synthderm.hub.model_folder import (
    CONFIG,
    FORMAT_VERSION,
    WEIGHTS,
    check_arguments,
    read_config,
    read_tensors,
    short,
)
from synthderm.hub.publish import publish
from synthderm.hub.resolve import resolve


class Pretrained(nn.Module):
    """What `SkinGenerator` and `EczemaEditor` share: loading, saving and publishing.

    A subclass sets `self.config`, the keyword arguments that rebuild it. `revision` says where
    loaded weights came from: the Hub's commit, "bundled" or "local". `card` is the rest of
    `config.json` (data, licence, figures), as it was read.
    """

    config: dict[str, Any]
    revision: str = "untrained"
    card: dict[str, Any] = {}
    mask_meaning: str = "True = inside the region"
    pipeline_tag: str = "unconditional-image-generation"

    @classmethod
    @usual_torch()
    def from_pretrained(
        cls,
        model: str | os.PathLike[str],
        revision: str | None = None,
        *,
        cache_dir: CacheDir = None,
        token: Token = None,
        local_files_only: bool = False,
    ) -> Self:
        """Load a model in eval mode on the CPU, in float32; torch's random state stays as it is.

        Args:
            model: bundled name, folder, or Hub id: see `synthderm.hub.resolve.resolve`.
            revision: branch, tag or commit of a Hub id.
            cache_dir, token, local_files_only: as in `huggingface_hub.hf_hub_download`.

        Raises:
            ValueError: the folder holds another architecture or a newer format, or tensors that do
                not fit it.
            OSError: the folder can't be found or downloaded: see `synthderm.hub.resolve.resolve`.

        Example:
            >>> from synthderm import SkinGenerator
            >>> generator = SkinGenerator.from_pretrained("lesions")
            >>> generator.revision, generator.classes
            ('bundled', ['melanoma', 'nevus', 'seborrheic_keratosis'])
        """
        resolved = resolve(
            model,
            revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
        )
        path = resolved.directory / CONFIG
        config = read_config(resolved.directory)
        if config.get("architecture") != cls.__name__:
            raise ValueError(
                f"{os.fspath(model)!r} holds a {short(config.get('architecture'))}, not a"
                f" {cls.__name__}: load it with that class, or, if there is none, with a newer"
                " synthderm."
            )
        check_arguments(config, path, cls.__name__)
        tensors = read_tensors(resolved.directory, cls._build(config, path, "meta"))
        network = cls._build(config, path, "cpu")
        network.load_state_dict(tensors)
        network.revision = resolved.revision
        network.card = {key: value for key, value in config.items() if key != "arguments"}
        return network.eval()

    def save_pretrained(
        self,
        directory: str | os.PathLike[str],
        card: Mapping[str, Any] | None = None,
        half: bool = False,
    ) -> Path:
        """Write `config.json` and `model.safetensors` into a folder, whole or not at all.

        Parametrizations (spectral norm) are folded into plain weights; the model itself is not
        changed.

        Args:
            directory: the folder; it is made if it does not exist.
            card: further entries of `config.json`: see `docs/publish.md`.
            half: store floating point tensors as float16; loading gives float32 again.

        Returns:
            The folder.

        Example:
            >>> from synthderm import SkinGenerator
            >>> folder = SkinGenerator.from_pretrained("lesions").save_pretrained("my-lesions")
            >>> SkinGenerator.from_pretrained("./my-lesions").revision
            'local'
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        tensors = self.plain_state()
        if half:
            tensors = {
                key: value.half() if value.is_floating_point() else value
                for key, value in tensors.items()
            }
        config: dict[str, Any] = {
            **self.card,
            **(card or {}),
            "value_range": [0.0, 1.0],
            "mask": self.mask_meaning,
            **{key: self.config[key] for key in ("size", "classes") if key in self.config},
            "architecture": type(self).__name__,
            "format_version": FORMAT_VERSION,
            "arguments": self.config,
        }
        # Not with safetensors' own `save_file`: it makes a file that only its owner may read.
        with (
            atomic_path(directory / WEIGHTS) as weights_part,
            atomic_path(directory / CONFIG) as config_part,
        ):
            weights_part.write_bytes(save(tensors, metadata={"format": "pt"}))
            config_part.write_text(to_json(config, indent=2) + "\n", encoding="utf-8")
        return directory

    def plain_state(self) -> dict[str, Tensor]:
        """A copy of the tensors on the CPU, by the names of the network without parametrizations,
        which are folded in."""
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
        card: Mapping[str, Any] | None = None,
        *,
        pictures: bytes | None = None,
        private: bool = False,
        token: Token = None,
        dry_run: bool = False,
    ) -> str:
        """Export the model with its card, check that it loads back bit-equal, and upload it.

        Args:
            repository: "org/name"; it is created if it does not exist.
            card: `licence` of the weights; `data`, a list of {name, licence, attribution};
                `metrics`, a list of {name, value, dataset, command}; and what else
                `docs/publish.md` lists. What is not given is taken from `self.card`.
            pictures: a JPEG that the card shows, of what the model makes.
            private, token: as in huggingface_hub.
            dry_run: do everything but the upload; no network.

        Returns:
            `org/name@commit`; in a dry run the card's text.

        Raises:
            ValueError: a record is missing, or the exported files do not give the same model.
            PermissionError: the token may not write there, or the repository is public and
                `private` was asked for.
            ConnectionError: the Hub can't be reached.

        Example:
            >>> from synthderm import SkinGenerator
            >>> generator = SkinGenerator.from_pretrained("lesions")
            >>> card = generator.push_to_hub("org/lesions", dry_run=True)
            >>> "## Training data" in card
            True
        """
        records = {**self.card, **(card or {})}
        records["training"] = without_folders(records.get("training", {}))
        with temporary_folder() as temporary:
            folder = self.save_pretrained(temporary / "model", card=records)
            if pictures is not None:
                (folder / PICTURES).write_bytes(pictures)
            before, after = self.plain_state(), self.from_pretrained(folder).state_dict()
            different = [
                key
                for key, value in before.items()
                if value.numpy().tobytes() != after[key].numpy().tobytes()
            ]
            if different:
                raise ValueError(
                    f"the exported model does not load back bit-equal: {', '.join(different[:3])}"
                    " differ; save float32 weights and publish those."
                )
            return publish(
                folder,
                repository,
                self.pipeline_tag,
                private=private,
                token=token,
                dry_run=dry_run,
            )

    @classmethod
    def _build(cls, config: Mapping[str, Any], path: Path, device: str) -> Self:
        """The float32 network that a config describes; on "meta" it has shapes but no memory."""
        try:
            with torch.device(device), _SkipInit():
                return cls(**config["arguments"]).float()  # whatever torch's default dtype
        except Exception as error:  # whatever a constructor may fail on
            raise ValueError(
                f"{path} does not describe a {cls.__name__}: {short(str(error), 200)}"
            ) from None


class _SkipInit(TorchFunctionMode):
    """Leaves out `nn.init`, since the values come from the file.

    So torch's random state stays, and normal numbers on "meta" do not import torch's compiler,
    which takes two seconds.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return function(*args, **kwargs)
