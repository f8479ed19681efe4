"""Nothing that a command reads is written over by it, whatever names it goes by."""

import os
from collections.abc import Iterable
from pathlib import Path


def check_outputs(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse to write over a file that is read, or to write one file twice.

    Files are compared as the file system knows them: through links, relative names, and names in
    another case where case does not count.

    Raises:
        ValueError: with the file's name.
    """
    read = {_identity(path): path for path in inputs}
    written: dict[object, Path] = {}
    for path in outputs:
        identity = _identity(path)
        if identity in read:
            raise ValueError(
                f"{path} would be written over {read[identity]}, which is read: give the output"
                " another name."
            )
        if identity in written:
            raise ValueError(f"{path} would be written twice: give each output its own name.")
        written[identity] = path


def check_folders(source: Path, out: Path) -> None:
    """Refuse to fill a folder inside the one that is read: the next run would read its own output.

    Raises:
        ValueError: `out` is `source`, or lies in it.
        NotADirectoryError: `out` is a file.
    """
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{source} is a folder, and {out} is a file: name a folder.")
    place = Path(os.path.realpath(out))
    for folder in (place, *place.parents):
        if folder.exists() and folder.samefile(source):
            where = "is" if folder == place else "lies in"
            raise ValueError(
                f"{out} {where} the folder that is read ({source}): write to a folder outside it."
            )


def _identity(path: Path) -> object:
    """What two names of one file have in common: its number on its device, or, of a file that is
    not there yet, its name without links."""
    # Of a name like "new/../a.png", whose folder is made later, the file is there already.
    place = os.path.realpath(path)
    try:
        status = os.stat(place)
    except OSError:
        return place
    return status.st_dev, status.st_ino
