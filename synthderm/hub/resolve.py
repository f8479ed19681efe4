"""Where a model's folder is: a bundled name, a folder, or a Hugging Face Hub id.

A model is a folder with `config.json` (what to build), `model.safetensors` (its tensors) and
`README.md` (its card). `synthderm.hub.pretrained` reads and writes it; this module only finds it.
Bundled names and folders never touch the network.
"""

import json
import os
import re
import warnings
from pathlib import Path
from typing import NamedTuple

from synthderm.files import sha256
from synthderm.hub.download import COMMIT, FILES, CacheDir, HubRepository, Token

BUNDLED = Path(__file__).parents[1] / "weights"
HUB_ID = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class Resolved(NamedTuple):
    """Where a model is, and which one exactly.

    `revision` is the Hub's commit, or "bundled", or "local".
    """

    directory: Path
    revision: str


def bundled_names() -> list[str]:
    """The models that come with the package, in alphabetical order."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def bundled_sources() -> list[str]:
    """The bundled names without those that others stand for, as "lesions" for "lesions-256"."""
    names = bundled_names()
    sharper = {name for name in names if re.sub(r"-[0-9]+$", "", name) in {*names} - {name}}
    return [name for name in names if name not in sharper]


def bundled_for_side(name: str, side: int) -> str:
    """The bundled generator that draws pictures of this side: NAME, or, where they are larger than
    its own, NAME-256 or the like, if there is one. The smallest that is large enough, else the
    largest."""
    sides = {_read_side(name): name}
    for other in bundled_names():
        if re.fullmatch(rf"{re.escape(name)}-[0-9]+", other):
            sides[_read_side(other)] = other
    large_enough = [own for own in sides if own >= side]
    return sides[min(large_enough) if large_enough else max(sides)]


def _read_side(name: str) -> int:
    config = json.loads((BUNDLED / name / FILES[0]).read_text(encoding="utf-8"))
    return int(config["size"])


def resolve(
    model: str | os.PathLike[str],
    revision: str | None = None,
    *,
    cache_dir: CacheDir = None,
    token: Token = None,
    local_files_only: bool = False,
) -> Resolved:
    """Find a model's folder. Only a Hub id may cause a download.

    A branch or tag costs one request to learn its commit, and a download only if that commit is
    new. A full commit that is in the cache costs no request. Every file from the Hub is checked
    against its hash each time.

    Args:
        model: a bundled name ("lesions"); a folder (a `Path`, or a string that starts with "/", "."
            or "~"), of a model or of a run that has one in `model/`; or "org/name" on the Hub,
            optionally "org/name@revision". Any other string is never taken for a folder.
        revision: branch, tag or commit, for Hub ids alone; "main" where None.
        cache_dir, token, local_files_only: as in `huggingface_hub.hf_hub_download`. That library
            also reads `HF_HOME`, `HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and
            `HF_HUB_ETAG_TIMEOUT`.

    Raises:
        ValueError: the name or the revision can't be one, or the repository holds no synthderm
            model.
        FileNotFoundError: the folder, repository or revision does not exist, or is not in the cache
            while offline.
        PermissionError: the repository is gated or private and the token does not open it.
        ConnectionError: the Hub can't be reached, or did not answer in time, and the cache has no
            copy.
        OSError: the download arrived damaged, or can't be stored.

    Warns:
        UserWarning: the Hub did not deliver and the cached copy is used; or a folder of the same
            name was passed over.
    """
    text = os.fspath(model)
    if (
        not isinstance(model, str)
        or text.startswith((".", "/", "~", "\\"))
        or Path(text).is_absolute()
    ):
        resolved = Resolved(_check_folder(Path(text).expanduser()), "local")
    elif text in bundled_names():
        resolved = Resolved(BUNDLED / text, "bundled")
    elif HUB_ID.fullmatch(text.partition("@")[0]):
        name, wanted = _split_hub_id(text, revision)
        return _resolve_on_hub(HubRepository(name, cache_dir, token), wanted, local_files_only)
    else:
        known = ", ".join(bundled_names()) or "(none)"
        hint = f' A folder in the working directory is written "./{text}".'
        raise ValueError(
            f'unknown model {text!r}: bundled models are {known}; a Hub id looks like "org/name"; a'
            f' directory like "./{text}".{hint if Path(text).is_dir() else ""}'
        )
    if revision is not None:
        raise ValueError(
            f"revision={revision!r} was given, but {text!r} is not on the Hub and has no revisions:"
            " leave it out."
        )
    return resolved


def pin(model: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """A Hub id with the commit that it stands for now.

    A branch may move while workers start, and all should have the same weights. Bundled names,
    folders and ids that name a commit stay as they are, and cost no request.
    """
    repository, _, revision = os.fspath(model).partition("@")
    if COMMIT.fullmatch(revision):
        return model
    commit = resolve(model).revision
    return f"{repository}@{commit}" if COMMIT.fullmatch(commit) else model


def weights_hash(model: str | os.PathLike[str]) -> str:
    """The SHA-256 of a model's weights: bundled weights change without changing their name."""
    return sha256(resolve(model).directory / FILES[1])


def _check_folder(folder: Path) -> Path:
    missing = [file for file in FILES if not (folder / file).is_file()]
    if not missing:
        return folder
    if not folder.is_dir():
        what = "it is a file, give its folder" if folder.exists() else "there is no such folder"
        raise FileNotFoundError(f"{folder} is not a model: {what}.")
    best = folder / "model"  # where the recipes write it
    if len(missing) == len(FILES) and all((best / file).is_file() for file in FILES):
        return best
    message = f"{folder} is not a model: {' and '.join(missing)} missing."
    pickles = [path.name for pattern in PICKLES for path in folder.glob(pattern)]
    if pickles:
        message += (
            f" {pickles[0]} may hold code and is never read: convert it with"
            " safetensors.torch.save_file."
        )
    raise FileNotFoundError(message)


def _split_hub_id(text: str, revision: str | None) -> tuple[str, str]:
    """ "org/name@revision", or "org/name" and a revision, as the two."""
    name, _, pinned = text.partition("@")
    if pinned and revision is not None and revision != pinned:
        raise ValueError(
            f"{text!r} and revision={revision!r} name two revisions: give one of them."
        )
    wanted = revision if revision is not None else pinned or "main"
    # The client writes a file of this name below its cache.
    if "\\" in wanted or any(part in ("", ".", "..") for part in wanted.split("/")):
        raise ValueError(
            f"revision={wanted!r} is no branch, tag or commit: git allows no empty, '.' or '..'"
            " part in a name."
        )
    if Path(text).is_file():
        raise ValueError(f'{text!r} is a file; a model is a folder, "./name", or a Hub id.')
    if (Path(text) / FILES[0]).is_file():
        warnings.warn(
            f'{text!r} is read from the Hub; the folder of that name here is "./{text}".',
            stacklevel=3,
        )
    return name, wanted


def _resolve_on_hub(repository: HubRepository, revision: str, local_files_only: bool) -> Resolved:
    from huggingface_hub import constants

    cached = repository.cached(revision)
    if local_files_only or constants.HF_HUB_OFFLINE:
        if cached is None:
            cause = "local_files_only=True" if local_files_only else "HF_HUB_OFFLINE=1"
            raise FileNotFoundError(
                f"{repository.name}@{revision} is not whole in the cache"
                f" {repository.cache_dir or constants.HF_HUB_CACHE}, and {cause} forbids to"
                " download it: load it once online, or copy its folder here and give the folder."
            )
    elif cached is None or not COMMIT.fullmatch(revision):
        try:
            cached = repository.download(revision)
        except OSError as error:
            if cached is None:
                raise
            warnings.warn(
                f"{error} Going on with the cached copy, commit {cached.name}.", stacklevel=3
            )
    return Resolved(cached, cached.name)
