"""Models from the Hugging Face Hub: two files in the cache of huggingface_hub, checked by hash.

Only `config.json` and `model.safetensors` are asked for, whatever else a repository holds. Their
size is known before they are downloaded, and `synthderm.hub.bounds` keeps each request to it.
"""

import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from synthderm.files import sha256
from synthderm.hub.bounds import Bounds, GivenUp, TooLarge

FILES = ("config.json", "model.safetensors")
MAX_SIZES = {"config.json": 1 << 20, "model.safetensors": 2 << 30}  # bytes
DEADLINE = 1800  # seconds for the whole model
PATIENCE = 2.5  # seconds for the Hub's first answer, unless HF_HUB_ETAG_TIMEOUT says otherwise
ATTEMPTS = 3  # downloads of one file before giving up
PAUSE = 0.2  # seconds between two downloads
COMMIT = re.compile("[0-9a-f]{40}")
ETAG = re.compile(r"[\w-][\w.-]{0,127}")  # becomes a file name in the cache
BLOB = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # git's SHA-1, or the SHA-256 of large files
LOG_IN = 'log in with "hf auth login", set HF_TOKEN, or pass token="hf_..."'

CacheDir = str | Path | None
Token = str | bool | None


@dataclass(frozen=True)
class HubRepository:
    """A repository on the Hub, and the cache that its files go to.

    Args:
        name: "org/name".
        cache_dir, token: as in `huggingface_hub.hf_hub_download`.
    """

    name: str
    cache_dir: CacheDir = None
    token: Token = None

    def cached(self, revision: str) -> Path | None:
        """The folder in the cache with both files, undamaged; None if there is none. No request."""
        from huggingface_hub import try_to_load_from_cache

        folder = None
        for file in FILES:
            path = try_to_load_from_cache(
                self.name, file, cache_dir=self.cache_dir, revision=revision
            )
            if not isinstance(path, str) or not is_intact(Path(path)):
                return None
            folder = Path(path).parent
        return folder

    def download(self, revision: str) -> Path:
        """Bring both files of a revision into the cache; the folder's name is the commit.

        Raises:
            OSError, ValueError: as `explain` words them.
        """
        deadline = time.monotonic() + DEADLINE
        commit, _ = self._look_up(FILES[0], revision)
        folder = [self._fetch(file, commit, deadline).parent for file in FILES][0]
        if revision != commit and self.cached(revision) != folder:
            # Asking by the branch's name makes the client note the commit for offline use. It comes
            # last, so that the note never points to half a model.
            try:
                self._call_client(FILES[0], revision, MAX_SIZES[FILES[0]], deadline)
            except Exception as error:
                raise explain(error, self.name, revision, self.cache_dir) from error
        return folder

    def _look_up(self, file: str, revision: str) -> tuple[str, int]:
        """The commit that a revision stands for now, and a file's size in it, by one HEAD request.

        The request has a deadline of its own. The client's timeout does not cover looking up a name
        or trying several addresses, and its downloads repeat for 23 s before they give up.
        """
        from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

        patience = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or PATIENCE)
        overdue = f"no answer within {patience:g} s; HF_HUB_ETAG_TIMEOUT sets another limit"
        try:
            answer = Bounds(0, time.monotonic() + patience, overdue).run(
                lambda: get_hf_file_metadata(
                    hf_hub_url(self.name, file, revision=revision),
                    token=self.token,
                    timeout=patience,
                    library_name="synthderm",
                )
            )
        except Exception as error:
            raise explain(error, self.name, revision) from error
        commit, etag = answer.commit_hash or "", answer.etag or ""
        if not COMMIT.fullmatch(commit) or not ETAG.fullmatch(etag):
            raise ConnectionError(
                f"{constants.ENDPOINT} does not answer like a Hub (commit {commit!r:.99}, entity"
                f" tag {etag!r:.99}): check HF_ENDPOINT and the proxy settings."
            )
        size = MAX_SIZES[file] if answer.size is None else answer.size
        if size > MAX_SIZES[file]:
            raise ValueError(
                f"{file} of {self.name}@{revision} has {size:,} bytes, more than"
                f" {MAX_SIZES[file]:,}: it is not downloaded, since no synthderm model is so large."
            )
        return commit, size

    def _fetch(self, file: str, commit: str, deadline: float) -> Path:
        """One file in the cache, whole.

        A cut connection is picked up again; a damaged file is thrown away and fetched again.
        """
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HfHubHTTPError

        size = MAX_SIZES[file]
        cached = try_to_load_from_cache(self.name, file, cache_dir=self.cache_dir, revision=commit)
        if not isinstance(cached, str):
            # It fails soon, where the download would repeat for long.
            _, size = self._look_up(file, commit)
        path: Path | None = None
        differs: str | None = None  # what of the last file is wrong: its "size" or its "hash"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                path = self._call_client(file, commit, size, deadline, force=differs is not None)
                if is_intact(path):
                    return path
                differs = "hash"
            except Exception as error:
                # A plain OSError is how the client says that the size is wrong; 416 means that a
                # partial file in the cache is too long. Any other answer, a full disk, and a
                # download that is too slow are final; the rest is the connection, to be picked up
                # again.
                status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
                errno = getattr(error, "errno", None)
                is_wrong_size = type(error) in (OSError, TooLarge) and errno is None
                differs = "size" if status == 416 or is_wrong_size else None
                is_final = status or errno or isinstance(error, GivenUp)
                if differs is None and (is_final or attempt == ATTEMPTS):
                    raise explain(error, self.name, commit, self.cache_dir) from error
            time.sleep(PAUSE)
        if path is not None:
            (path.parent / os.readlink(path)).unlink(missing_ok=True)
            path.unlink()
        raise OSError(
            f"{file} of {self.name}@{commit} arrived {ATTEMPTS} times with another {differs} than"
            " the Hub names: try later, or tell its authors."
        )

    def _call_client(
        self, file: str, revision: str, size: int, deadline: float, force: bool = False
    ) -> Path:
        """The client's own download of at most `size` bytes, done by `deadline`."""
        from huggingface_hub import hf_hub_download

        overdue = f"not done within {DEADLINE:g} s; run first: hf download {self.name}"
        path = Bounds(size, deadline, overdue).run(
            lambda: hf_hub_download(
                self.name,
                file,
                revision=revision,
                cache_dir=self.cache_dir,
                token=self.token,
                library_name="synthderm",
                force_download=force,
            )
        )
        return Path(path)


def is_intact(path: Path) -> bool:
    """Whether a cached file has the hash that its blob is named by; the client compares sizes only.

    Without symbolic links (Windows) the cache keeps no hash, and some mirrors have entity tags of
    their own: such files are taken as they are.
    """
    expected = Path(os.readlink(path)).name if path.is_symlink() else ""
    if not BLOB.fullmatch(expected):
        return True
    if len(expected) == 64:
        return sha256(path) == expected
    header = b"blob %d\0" % path.stat().st_size
    with open(path, "rb") as file:
        # Git's own hash, against damage.
        digest = hashlib.file_digest(file, lambda: hashlib.sha1(header, usedforsecurity=False))
    return digest.hexdigest() == expected


def explain(
    error: Exception, repository: str, revision: str, cache_dir: CacheDir = None
) -> OSError | ValueError:
    """An error of the Hub's client as one of Python's own, in a sentence that says what to do."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    page = f"{hub}/{repository}"
    match error:
        case errors.GatedRepoError():
            return PermissionError(
                f"{repository} is gated: accept its terms on {page}, then {LOG_IN}."
            )
        case errors.RepositoryNotFoundError():
            return FileNotFoundError(
                f"{page} does not exist or is private ({error.response.status_code}): check the"
                f" spelling, or {LOG_IN}."
            )
        case errors.RevisionNotFoundError():
            return FileNotFoundError(
                f"{repository} has no revision {revision!r}: see {page}/commits/main for its"
                " branches, tags and commits."
            )
        case errors.EntryNotFoundError() if not isinstance(error, errors.LocalEntryNotFoundError):
            return ValueError(
                f"{repository}@{revision} is not a synthderm model: it needs {' and '.join(FILES)}."
            )
        case errors.HfHubHTTPError() if error.response.status_code in (401, 403):
            return PermissionError(
                f"{hub} refused {repository} ({error.response.status_code}): {LOG_IN} with an"
                " account that has access."
            )
        case errors.HfHubHTTPError() if error.response.status_code == 429:
            wait = error.response.headers.get("Retry-After")
            delay = f"{wait} s" if wait else "a few minutes"
            return ConnectionError(
                f"{hub} limits the requests (429): wait {delay}, or {LOG_IN} for a higher limit."
            )
        case errors.HfHubHTTPError():
            return ConnectionError(
                f"{hub} answered {error.response.status_code} for {repository}@{revision}: try"
                " later, or set HF_ENDPOINT to a mirror."
            )
        case OSError() if error.errno:
            where = cache_dir or constants.HF_HUB_CACHE
            return OSError(
                error.errno,
                f"{repository} can't be stored in {where}: {error.strerror}; make room there, or"
                " pass another cache_dir (or set HF_HOME)",
            )
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return ConnectionError(
        f"{hub} failed on {repository}@{revision} ({reason:.200}): check the network, set"
        " HF_ENDPOINT to a mirror, or use a bundled model or a folder."
    )
