"""Nothing that is tested on may have been used in training: of the classifier, of its pretrained
weights, or of the generator.

Photographs are compared by the SHA-256 of their files. What a model was trained on is taken from
the list `training_files.txt` in its folder (a hash a line, as sha256sum writes them), or else from
its training record: the folders it names, of which recipes/ use only the split `train`.
"""

from pathlib import Path

from synthderm.datasets.folder import SkinFolder, training_split
from synthderm.files import sha256
from synthderm.hub.model_folder import read_config
from synthderm.hub.resolve import resolve

LIST = "training_files.txt"


def hash_photograph(path: Path) -> str:
    """The SHA-256 of a photograph that metadata.csv names.

    Raises:
        ValueError: there is none.
    """
    try:
        return sha256(path)
    except FileNotFoundError:
        raise ValueError(
            f"there is no file {path}, which metadata.csv names: add it, or remove its row."
        ) from None


def check_splits(rows: list[dict[str, str]], files: dict[str, str]) -> None:
    """No file is in two splits, under whatever name.

    Args:
        rows: of metadata.csv.
        files: hash of each photograph, by name.

    Raises:
        ValueError: with the names of both.
    """
    first: dict[str, dict[str, str]] = {}
    for row in rows:
        other = first.setdefault(files[row["file_name"]], row)
        if other["split"] != row["split"]:
            raise ValueError(
                f"{row['file_name']} ({row['split']}) is the same file as {other['file_name']} "
                f"({other['split']}): a photograph may be in only one split. Remove one."
            )


def check_groups(rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    """No patient (or lesion) is in two splits.

    Args:
        rows: of metadata.csv.
        columns: the first of them that is there says which photographs belong together.

    Raises:
        ValueError: with the group.
    """
    column = next((name for name in columns if any(row.get(name) for row in rows)), None)
    if column is None:
        return
    splits: dict[str, str] = {}
    for row in rows:
        if not row[column]:
            continue
        split = splits.setdefault(row[column], row["split"])
        if split != row["split"]:
            raise ValueError(
                f"{column} {row[column]} is in the splits {split!r} and {row['split']!r}: a "
                f"{column.removesuffix('_id')} may be in only one."
            )


def check_unseen(model: str, seen: set[str] | frozenset[str] | None, test: dict[str, str]) -> None:
    """A model was not trained on a test photograph.

    Args:
        model: its name, for the message.
        seen: hashes of its training photographs; None where nothing is recorded, which passes.
        test: hash of each test photograph, by name.

    Raises:
        ValueError: with the first photograph that was seen.
    """
    for name, value in test.items():
        if seen is not None and value in seen:
            raise ValueError(
                f"{model} saw the test photograph {name} in training, so its results would be "
                "leaked. Use one that was trained without it."
            )


def check_only_subset(model: str, seen: set[str] | frozenset[str], subset: dict[str, str]) -> None:
    """A generator of the setting "own" was trained on nothing but the classifier's training subset.

    Args:
        model: its name, for the message.
        seen: hashes of its training photographs.
        subset: hash of each photograph of the subset, by name.

    Raises:
        ValueError: with the first hash that is foreign.
    """
    foreign = seen - set(subset.values())
    if foreign:
        raise ValueError(
            f"{model} saw {len(foreign)} photographs outside the training subset (SHA-256 "
            f"{min(foreign)[:12]}...): that is not the setting 'own'. Train one on the subset that "
            "--write-subset writes."
        )


def training_files(model: str, known: list[Path]) -> set[str]:
    """Hashes of all photographs that a generator or editor was trained on.

    Args:
        model: bundled name, folder or Hub id.
        known: folders of photographs that are here, to which a record that holds a bare name may
            refer.

    Raises:
        ValueError: the record names no folder, or one that is not here.
    """
    folder = resolve(model).directory
    if (folder / LIST).is_file():
        return read_list(folder / LIST)
    data = read_config(folder).get("training", {}).get("data", [])
    seen: set[str] = set()
    for entry in [data] if isinstance(data, str) else data:
        place: Path | None = Path(entry)
        if not Path(entry).is_dir():
            place = next((path for path in known if path.name == Path(entry).name), None)
        if place is None:
            raise ValueError(
                f"{model!r} was trained on {entry!r}, which is not here, so a leak cannot be ruled "
                "out: give its folder with --seen."
            )
        samples = SkinFolder(place, split=training_split(place)).samples
        seen |= {hash_photograph(Path(path)) for path, _ in samples}
    if not seen:
        raise ValueError(
            f"{model!r} does not say what it was trained on: put a {LIST} into its folder, one "
            "SHA-256 of a photograph a line."
        )
    return seen


def training_files_of_weights(path: Path) -> set[str] | None:
    """Hashes from `NAME.training_files.txt` beside weights `NAME.safetensors`; None where there is
    no such list."""
    beside = path.with_name(f"{path.stem}.{LIST}")
    return read_list(beside) if beside.is_file() else None


def read_list(path: Path) -> set[str]:
    """The first word of each line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split()[0].lower() for line in lines if line.strip()}
