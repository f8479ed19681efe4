"""Nothing that is tested on may have been seen: by the classifier's training set, its weights, or
the generator.

Photographs are compared by the SHA-256 of their files. What a model saw is taken from the list
`training_files.txt` in its folder (a hash a line, as sha256sum writes them), or else from its
training record: the folders it names, of which recipes/ train on the split `train` alone.
"""

import hashlib
from pathlib import Path

from synthderm.datasets.folder import SkinFolder, training_split
from synthderm.hub.pretrained import read_config
from synthderm.hub.resolve import resolve

LIST = "training_files.txt"


def hash_file(path: str | Path) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}, which metadata.csv names.") from None


def check_splits(rows: list[dict], files: dict[str, str]) -> None:
    """No file is in two splits, under whatever name.

    Raises:
        ValueError: with the names of both.
    """
    seen: dict[str, dict] = {}
    for row in rows:
        other = seen.setdefault(files[row["file_name"]], row)
        if other["split"] != row["split"]:
            raise ValueError(
                f"{row['file_name']} ({row['split']}) is the same file as {other['file_name']}"
                f" ({other['split']}): a photograph may be in one split alone. Remove one."
            )


def check_groups(rows: list[dict], columns: tuple[str, ...]) -> None:
    """No patient (or lesion) is in two splits; the first of `columns` that is there decides.

    Raises:
        ValueError: with the group.
    """
    column = next((name for name in columns if any(row.get(name) for row in rows)), None)
    seen: dict[str, str] = {}
    for row in rows if column else ():
        split = seen.setdefault(row[column], row["split"]) if row[column] else row["split"]
        if split != row["split"]:
            raise ValueError(
                f"{column} {row[column]} is in the splits {split!r} and {row['split']!r}: a"
                f" {column.removesuffix('_id')} may be in one alone."
            )


def check_unseen(who: str, seen: set[str] | None, test: dict[str, str]) -> None:
    """`who` saw none of the test photographs.

    Args:
        seen: hashes; None where nothing is recorded, which passes.
        test: hash of each test photograph, by name.

    Raises:
        ValueError: with the first photograph that was seen.
    """
    for name, value in test.items():
        if seen is not None and value in seen:
            raise ValueError(
                f"{who} saw the test photograph {name}: what it gives would be leaked. Use one that"
                " was trained without it."
            )


def check_own(who: str, seen: set[str], subset: dict[str, str]) -> None:
    """A generator of the setting "own" saw nothing but the classifier's training subset.

    Args:
        subset: hash of each photograph of the subset, by name.
    """
    foreign = seen - set(subset.values())
    if foreign:
        raise ValueError(
            f"{who} saw {len(foreign)} photographs outside the training subset (SHA-256"
            f" {min(foreign)[:12]}...): that is not the setting 'own'."
        )


def seen_by_generator(name: str, known: list[Path]) -> set[str]:
    """Hashes of all photographs that a generator or editor was trained on.

    Args:
        name: bundled name, directory or Hub id.
        known: folders of photographs that are here, to which a record that holds a bare name may
            refer.

    Raises:
        ValueError: the record names no folder, or one that is not here.
    """
    folder = resolve(name).directory
    if (folder / LIST).is_file():
        return read_list(folder / LIST)
    data = read_config(folder).get("training", {}).get("data", [])
    seen: set[str] = set()
    for entry in [data] if isinstance(data, str) else data:
        place = (
            Path(entry)
            if Path(entry).is_dir()
            else next((path for path in known if path.name == Path(entry).name), None)
        )
        if place is None:
            raise ValueError(
                f"{name!r} was trained on {entry!r}, which is not here, so a leak can't be ruled"
                " out: give its folder with --seen."
            )
        seen |= {
            hash_file(path) for path, _, _ in SkinFolder(place, split=training_split(place)).samples
        }
    if not seen:
        raise ValueError(
            f"{name!r} does not say what it was trained on: put a {LIST} into its folder, one"
            " SHA-256 of a photograph a line."
        )
    return seen


def seen_by_weights(path: Path) -> set[str] | None:
    """Hashes from `NAME.training_files.txt` beside weights `NAME.safetensors`; None where there is
    no such list."""
    beside = path.with_name(f"{path.stem}.{LIST}")
    return read_list(beside) if beside.is_file() else None


def read_list(path: Path) -> set[str]:
    """The first word of each line."""
    return {
        line.split()[0].lower()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    }
