"""`checksums.sha256`: the SHA-256 of each file of a rendering, as `sha256sum -c` reads it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from synthderm.files import atomic_path

CHECKSUMS = "checksums.sha256"


def write_checksums(out: Path, entries: Iterable[tuple[str, str]]) -> None:
    """Write the file, whole or not at all.

    Args:
        out: the folder.
        entries: name, relative to the folder, and SHA-256 of each file.
    """
    with atomic_path(out / CHECKSUMS) as part, part.open("w", encoding="utf-8") as file:
        file.writelines(f"{digest}  {name}\n" for name, digest in entries)


def read_checksums(out: Path) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of each file, one by one; nothing where there are none, and lines that are
    damaged are passed over."""
    try:
        with (out / CHECKSUMS).open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                digest, _, name = line.rstrip("\n").partition("  ")
                if len(digest) == 64 and name:
                    yield name, digest
    except FileNotFoundError:
        return
