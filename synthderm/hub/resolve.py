"""The one door to weights: a bundled name, a local directory, or a Hugging Face Hub id.

A model is a folder with `config.json` (what to build), `model.safetensors` (its tensors) and
`README.md` (its card); `pretrained.py` reads and writes it. This file only finds the folder.
Bundled names and directories never touch the network; of a Hub repository the first two files alone
are asked for, whatever else it holds.
"""

import hashlib
import os
import queue
import re
import threading
import time
import warnings
from pathlib import Path
from typing import NamedTuple

from synthderm.files import sha256

BUNDLED = Path(__file__).parents[1] / "weights"
FILES = ("config.json", "model.safetensors")
PATIENCE = 2.5  # seconds for the Hub's first answer, unless HF_HUB_ETAG_TIMEOUT says otherwise
ATTEMPTS = 3  # downloads of one file before giving up
COMMIT = re.compile("[0-9a-f]{40}")
ETAG = re.compile(r"[\w-][\w.-]{0,127}")  # becomes a file name in the cache
HUB_ID = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)


class Resolved(NamedTuple):
    """Where a model is, and which one exactly: `revision` is the Hub's commit, or "bundled", or
    "local"."""

    directory: Path
    revision: str


def bundled_names() -> list[str]:
    """The models that come with the package, in alphabetical order."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def resolve(
    name: str | os.PathLike,
    revision: str | None = None,
    *,
    cache_dir: str | os.PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> Resolved:
    """Find a model's folder, downloading it only where `name` is a Hub id.

    A branch or tag costs one request to learn its commit, and a download only where that commit is
    new; a full commit that is in the cache costs none. Every file from the Hub is checked against
    its hash each time it is resolved.

    Args:
        name: a bundled name ("lesions"), a directory (a `Path`, or a string that starts with "/",
            "." or "~"), or "org/name" on the Hub, optionally "org/name@revision". A plain string is
            never taken for a folder.
        revision: branch, tag or commit, for Hub ids alone; "main" where None.
        cache_dir, token, local_files_only: as in `huggingface_hub.hf_hub_download`; `HF_HOME`,
            `HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_HUB_ETAG_TIMEOUT` are read by
            huggingface_hub itself.

    Raises:
        ValueError: the name or the revision can't be one, or the repository holds no synthderm
            model.
        FileNotFoundError: the directory, repository or revision does not exist, or is not in the
            cache while offline.
        PermissionError: the repository is gated or private and the token does not open it.
        ConnectionError: the Hub can't be reached, or did not answer in time, and the cache has no
            copy.
        OSError: the download arrived damaged, or can't be stored.

    Warns:
        UserWarning: the Hub did not deliver and the cached copy is used; or a folder of the same
            name was passed over.
    """
    text = os.fspath(name)
    if (
        not isinstance(name, str)
        or text.startswith((".", "/", "~", "\\"))
        or Path(text).is_absolute()
    ):
        found = Resolved(_check_directory(Path(text).expanduser()), "local")
    elif text in bundled_names():
        found = Resolved(BUNDLED / text, "bundled")
    elif HUB_ID.fullmatch(text.partition("@")[0]):
        repository, _, pinned = text.partition("@")
        if pinned and revision is not None and revision != pinned:
            raise ValueError(
                f"{text!r} and revision={revision!r} name two revisions: give one of them."
            )
        wanted = _check_revision(revision if revision is not None else pinned or "main")
        if (Path(text) / FILES[0]).is_file():
            warnings.warn(
                f'{text!r} is read from the Hub; the folder of that name here is "./{text}".',
                stacklevel=2,
            )
        return _from_hub(repository, wanted, cache_dir, token, local_files_only)
    else:
        hint = (
            f' A folder in the working directory is written "./{text}".'
            if Path(text).is_dir()
            else ""
        )
        raise ValueError(
            f"unknown model {text!r}: bundled models are {', '.join(bundled_names()) or '(none)'};"
            " a Hub id looks like "
            f'"org/name"; a directory like "./{text}".{hint}'
        )
    if revision is not None:
        raise ValueError(
            f"revision={revision!r} was given, but {text!r} is not on the Hub and has no revisions:"
            " leave it out."
        )
    return found


def pin(model: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """A Hub id with the commit that it stands for now: a branch may move while workers start, and
    all should have the same weights. Bundled names, folders and ids that name a commit stay as
    they are, and cost no request."""
    repository, _, revision = os.fspath(model).partition("@")
    if COMMIT.fullmatch(revision):
        return model
    found = resolve(model).revision
    return f"{repository}@{found}" if COMMIT.fullmatch(found) else model


def weights_hash(model: str | os.PathLike[str]) -> str:
    """The SHA-256 of a model's weights: bundled weights change without changing their name."""
    return sha256(resolve(model).directory / FILES[1])


def _check_directory(directory: Path) -> Path:
    missing = [file for file in FILES if not (directory / file).is_file()]
    if not missing:
        return directory
    pickles = [
        path.name
        for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
        for path in directory.glob(pattern)
    ]
    hint = (
        f" {pickles[0]} may hold code and is never read: convert it with"
        " safetensors.torch.save_file."
        if pickles
        else ""
    )
    raise FileNotFoundError(
        f"{directory} is not a model: {' and '.join(missing)} missing. It needs"
        f" {' and '.join(FILES)}.{hint}"
    )


def _check_revision(revision: str) -> str:
    # The client writes a file of this name below its cache.
    if "\\" in revision or any(part in ("", ".", "..") for part in revision.split("/")):
        raise ValueError(
            f"revision={revision!r} is no branch, tag or commit: git allows no empty, '.' or '..'"
            " part in a name."
        )
    return revision


def _from_hub(
    repository: str,
    revision: str,
    cache_dir: str | os.PathLike | None,
    token: str | bool | None,
    local_files_only: bool,
) -> Resolved:
    from huggingface_hub import constants

    cached = _cached(repository, revision, cache_dir)
    if local_files_only or constants.HF_HUB_OFFLINE:
        if cached is None:
            cause = "local_files_only=True" if local_files_only else "HF_HUB_OFFLINE=1"
            raise FileNotFoundError(
                f"{repository}@{revision} is not whole in the cache"
                f" {cache_dir or constants.HF_HUB_CACHE}, and {cause} forbids to download it: load"
                " it once online, or copy its folder here and give the folder."
            )
    elif cached is None or not COMMIT.fullmatch(revision):
        try:
            cached = _download(repository, revision, cache_dir, token)
        except OSError as error:
            if cached is None:
                raise
            warnings.warn(
                f"{error} Going on with the cached copy, commit {cached.name}.", stacklevel=3
            )
    return Resolved(cached, cached.name)


def _cached(repository: str, revision: str, cache_dir: str | os.PathLike | None) -> Path | None:
    """The snapshot folder in the cache that has both files, undamaged; found without a request."""
    from huggingface_hub import try_to_load_from_cache

    paths = [
        try_to_load_from_cache(repository, file, cache_dir=cache_dir, revision=revision)
        for file in FILES
    ]
    whole = all(isinstance(path, str) and _intact(Path(path)) for path in paths)
    return Path(paths[0]).parent if whole else None


def _intact(path: Path) -> bool:
    """Whether a cached file has the hash that its blob is named by: git's SHA-1, or SHA-256 for
    large files.

    The client compares sizes only. Without symbolic links (Windows) the cache keeps no hash and the
    size must do.
    """
    if not path.is_symlink():
        return True
    expected = Path(os.readlink(path)).name
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", expected):
        return True  # some mirrors have entity tags of their own
    digest = (
        hashlib.sha256()
        if len(expected) == 64
        else hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    )
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == expected


def _download(
    repository: str, revision: str, cache_dir: str | os.PathLike | None, token: str | bool | None
) -> Path:
    """Bring both files of the revision's commit into the cache and return their folder."""
    from huggingface_hub import hf_hub_download

    commit = _ask(repository, FILES[0], revision, token)
    paths = [_fetch(repository, file, commit, cache_dir, token) for file in FILES]
    if revision != commit and _cached(repository, revision, cache_dir) != paths[0].parent:
        # Both files are here; asking by the branch's name makes the client note the commit for
        # offline use. It comes last, so that the note never points to half a model.
        try:
            hf_hub_download(
                repository, FILES[0], revision=revision, cache_dir=cache_dir, token=token
            )
        except Exception as error:
            raise explain(error, repository, revision, cache_dir) from error
    return paths[0].parent


def _ask(repository: str, file: str, revision: str, token: str | bool | None) -> str:
    """The commit that a revision stands for now, by one HEAD request.

    It has a deadline of its own: looking up a name, and trying one address after the other, heed no
    timeout of the client, and its downloads repeat for 23 s before they give up.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    patience = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or PATIENCE)
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def request() -> None:
        try:
            address = hf_hub_url(repository, file, revision=revision)
            answers.put(
                get_hf_file_metadata(
                    address, token=token, timeout=patience, library_name="synthderm"
                )
            )
        except Exception as error:
            answers.put(error)

    threading.Thread(target=request, daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        answer = TimeoutError(
            f"no answer within {patience:g} s; HF_HUB_ETAG_TIMEOUT sets another limit"
        )
    if isinstance(answer, Exception):
        raise explain(answer, repository, revision) from answer
    if not COMMIT.fullmatch(answer.commit_hash or "") or not ETAG.fullmatch(answer.etag or ""):
        seen = f"commit {answer.commit_hash!r:.99}, entity tag {answer.etag!r:.99}"
        raise ConnectionError(
            f"{constants.ENDPOINT} does not answer like a Hub ({seen}): check HF_ENDPOINT and the"
            " proxy settings."
        )
    return answer.commit_hash


def _fetch(
    repository: str,
    file: str,
    commit: str,
    cache_dir: str | os.PathLike | None,
    token: str | bool | None,
) -> Path:
    """One file in the cache, whole: a cut connection is picked up again, a damaged file is thrown
    away and fetched anew."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    options = dict(revision=commit, cache_dir=cache_dir, token=token, library_name="synthderm")
    if not isinstance(
        try_to_load_from_cache(repository, file, cache_dir=cache_dir, revision=commit), str
    ):
        _ask(repository, file, commit, token)
    path, wrong = None, None
    for attempt in range(ATTEMPTS):
        try:
            path = Path(
                hf_hub_download(repository, file, force_download=wrong is not None, **options)
            )
            if _intact(path):
                return path
            wrong = "hash"
        except Exception as error:
            # A plain OSError is how the client says that the size is wrong, and 416 that a partial
            # file in the cache is too long. Any other answer, and a full disk, is final; the rest
            # is the connection, to be picked up again.
            status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
            wrong = (
                "size" if status == 416 or type(error) is OSError and error.errno is None else None
            )
            final = status is not None or getattr(error, "errno", None) or attempt == ATTEMPTS - 1
            if wrong is None and final:
                raise explain(error, repository, commit, cache_dir) from error
        time.sleep(0.2)
    if path is not None:
        (path.parent / os.readlink(path)).unlink(missing_ok=True)
        path.unlink()
    raise OSError(
        f"{file} of {repository}@{commit} arrived {ATTEMPTS} times with another {wrong} than the"
        " Hub names: try later, or tell its authors."
    )


def explain(
    error: Exception, repository: str, revision: str, cache_dir: str | os.PathLike | None = None
) -> OSError | ValueError:
    """An error of the Hub's client as one of Python's own, in a sentence that says what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    page, log_in = (
        f"{constants.ENDPOINT}/{repository}",
        'log in with "hf auth login", set HF_TOKEN, or pass token="hf_..."',
    )
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    match error:
        case GatedRepoError():
            return PermissionError(
                f"{repository} is gated: accept its terms on {page}, then {log_in}."
            )
        case RepositoryNotFoundError():
            return FileNotFoundError(
                f"{page} does not exist or is private ({status}): check the spelling, or {log_in}."
            )
        case RevisionNotFoundError():
            return FileNotFoundError(
                f"{repository} has no revision {revision!r}: see {page}/commits/main for its"
                " branches, tags and commits."
            )
        case EntryNotFoundError() if not isinstance(error, LocalEntryNotFoundError):
            return ValueError(
                f"{repository}@{revision} is not a synthderm model: it needs {' and '.join(FILES)}."
            )
    if status in (401, 403):
        return PermissionError(
            f"{constants.ENDPOINT} refused {repository} ({status}): {log_in} with an account that"
            " has access."
        )
    if status == 429:
        wait = error.response.headers.get("Retry-After")
        return ConnectionError(
            f"{constants.ENDPOINT} limits the requests (429): wait"
            f" {f'{wait} s' if wait else 'a few minutes'}, or {log_in} for a higher limit."
        )
    if status is not None:
        return ConnectionError(
            f"{constants.ENDPOINT} answered {status} for {repository}@{revision}: try later, or set"
            " HF_ENDPOINT to a mirror."
        )
    if getattr(error, "errno", None):
        where = cache_dir or constants.HF_HUB_CACHE
        return OSError(
            error.errno,
            f"{repository} can't be stored in {where}: {error.strerror}; make room there, or pass"
            " another cache_dir (or set HF_HOME)",
        )
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return ConnectionError(
        f"{constants.ENDPOINT} failed on {repository}@{revision} ({reason:.200}): check the"
        " network, set HF_ENDPOINT to a mirror, or use a bundled model or a folder."
    )
