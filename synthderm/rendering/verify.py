"""Whether a rendering is as it was written."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synthderm.datasets.rendered import MANIFEST, PLAN, read_record
from synthderm.files import sha256, walk_files
from synthderm.rendering.digests import CHECKSUMS, read_checksums
from synthderm.rendering.work import Work

MEND = "delete it, and the same render command makes it again"


def verify(out: str | os.PathLike[str], *, threads: int = 1) -> list[str]:
    """Compare the files of a rendering with their checksums.

    Args:
        out: the folder.
        threads: that read files.

    Returns:
        What is wrong, a line for each file: changed, missing, or not of the rendering.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: nothing was rendered into it.
    """
    out = Path(out)
    if not out.is_dir():
        raise FileNotFoundError(f"there is no folder {out}.")
    plan = read_record(out / PLAN)
    if plan is not None:
        shards = -(-plan["length"] // plan["shard_size"])
        there = f"{Work(out).count_records():,} of {shards:,} shards are there"
        return [f"not rendered to the end ({there}): the same render command goes on"]
    if not (out / MANIFEST).is_file() and not (out / CHECKSUMS).is_file():
        raise ValueError(f"{out} has no {MANIFEST}: `synthderm render` did not write it.")
    return list(_compare(out, threads))


def _compare(out: Path, threads: int) -> Iterator[str]:
    expected = dict(read_checksums(out))
    found = {path.relative_to(out).as_posix(): path for path in walk_files(out)}
    if CHECKSUMS not in found:
        yield f"{CHECKSUMS}: missing; the same render command makes it again, and all else"
        return
    with ThreadPoolExecutor(threads) as pool:
        names = [name for name in expected if name in found]
        digests = dict(zip(names, pool.map(sha256, [found[name] for name in names])))
    for name, digest in expected.items():
        if name not in digests:
            yield f"{name}: missing; the same render command makes it again"
        elif digests[name] != digest:
            yield f"{name}: changed; {MEND}"
    if MANIFEST not in expected:
        yield f"{CHECKSUMS}: damaged, it has no line for {MANIFEST}"
    for name in sorted(found.keys() - expected.keys() - {CHECKSUMS}):
        yield f"{name}: not of this rendering"
