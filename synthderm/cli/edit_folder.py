"""`synthderm edit` on a folder: a lesion of its own for each photograph, and a table of what was
done."""

import argparse
import errno
import hashlib
import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthderm.cli.edit_file import edit_photograph
from synthderm.cli.messages import one_line
from synthderm.cli.outputs import check_folders, check_outputs
from synthderm.datasets.photographs import EDITS, list_photographs
from synthderm.datasets.seeds import item_seed
from synthderm.files import remove_parts, sha256
from synthderm.hub.resolve import weights_hash
from synthderm.imaging.io import WRITABLE, looks_like_mask
from synthderm.imaging.originals import Original
from synthderm.rendering.journal import Journal, read_rows, write_rows

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
SETTINGS = ("mode", "severity", "coverage", "signs", "seed", "model", "weights_hash")
COLUMNS = ("file_name", "mask_file_name", *SETTINGS, "area", "source_hash")


class Task(NamedTuple):
    """A photograph to edit.

    Args:
        name: its path in the folder that is read, and in the one that is written.
        source, target: its file, and the one to write.
        mask: the file to write its mask to, or None.
        seed: of its lesion, or None where none is added.
        settings: what its row in the table says of how it is edited.
    """

    name: str
    source: Path
    target: Path
    mask: Path | None
    seed: int | None
    settings: dict[str, str]


def edit_folder(args: argparse.Namespace, options: dict[str, Any]) -> int:
    """Edit all photographs of a folder; a file that can't be edited does not stop the others.

    Returns:
        0, or 1 if some could not be edited: these are named at the end.
    """
    if args.mask or args.save_mask:
        raise ValueError(
            "--mask and --save-mask go with one photograph, not with a folder, whose masks"
            " --save-masks DIR writes."
        )
    out = Path(args.output)
    if out.suffix.lower() in WRITABLE and not out.exists():
        raise ValueError(f"{args.input} is a folder, and {out} a picture: name a folder.")
    for folder in filter(None, (out, args.save_masks)):
        check_folders(args.input, folder)
    tasks = _list_tasks(args, options, out)
    done = _find_done(tasks, out)
    if done:
        print(f"{out}: {len(done)} of {len(tasks)} photographs are there and are kept")
    out.mkdir(parents=True, exist_ok=True)
    with Journal(out / EDITS, COLUMNS) as journal:
        for folder in filter(None, (out, args.save_masks)):
            remove_parts(folder)
        missing = [task for task in tasks if task.name not in done]
        try:
            failures = _edit_all(missing, args, options, journal)
        except KeyboardInterrupt:
            there = sum(task.target.is_file() for task in tasks)
            raise KeyboardInterrupt(
                f"stopped; {out} has {there} of {len(tasks)} photographs, and the same command goes"
                " on."
            ) from None
        rows = {row["file_name"]: row for row in journal.rows}
        names = sorted(name for name in rows if (out / name).is_file())
        write_rows(out / EDITS, COLUMNS, [rows[name] for name in names])
    if failures:
        count = f"{len(failures)} of {len(tasks)} files could not be edited"
        print(f"synthderm: {count}:", *failures, sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


def _list_tasks(args: argparse.Namespace, options: dict[str, Any], out: Path) -> list[Task]:
    sources = list_photographs(args.input)
    names = [path.relative_to(args.input).as_posix() for path in sources]
    masks = [args.save_masks / name if args.save_masks else None for name in mask_names(names)]
    shared = {
        "mode": args.mode,
        "severity": f"{options['severity']:g}",
        "coverage": f"{options['coverage']:g}" if "coverage" in options else "",
        "signs": " ".join(args.signs or ()),
        "model": os.fspath(options["model"]),
        "weights_hash": weights_hash(options["model"]),
    }
    tasks = []
    for name, source, mask in zip(names, sources, masks):
        seed = file_seed(options["seed"], name) if "seed" in options else None
        settings = shared | {"seed": "" if seed is None else str(seed)}
        tasks.append(Task(name, source, out / name, mask, seed, settings))
    outputs = [path for task in tasks for path in (task.target, task.mask) if path]
    check_outputs(sources, [*outputs, out / EDITS])
    return tasks


def mask_names(names: Sequence[str]) -> list[str]:
    """The files of masks: those of the photographs as PNG, with the suffix kept in the name where
    two photographs differ in that alone."""
    stems = [os.path.splitext(name)[0] for name in names]
    counts = Counter(stem.casefold() for stem in stems)
    return [
        f"{stem if counts[stem.casefold()] == 1 else name}.png" for name, stem in zip(names, stems)
    ]


def file_seed(seed: int, name: str) -> int:
    """The seed of a photograph's lesion: the same for its name on every machine."""
    text = unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape")
    return item_seed(seed, int.from_bytes(hashlib.sha256(text).digest()[:8], "big"))


def _find_done(tasks: Sequence[Task], out: Path) -> set[str]:
    """The photographs that are edited already, from the files that are there now.

    Raises:
        ValueError: a file was edited in another way, or is none that was edited.
    """
    rows = {row["file_name"]: row for row in read_rows(out / EDITS, COLUMNS)}
    done = set()
    for task in tasks:
        row = rows.get(task.name)
        written = (row["file_name"], row["mask_file_name"]) if row else ()
        for path in (task.target, task.mask):
            if path is not None and path.is_file() and _relative(path, out) not in written:
                raise ValueError(
                    f"{path} is there, and {out / EDITS} does not name it: choose a new folder, or"
                    " move it away."
                )
        if row is None:
            continue
        for key in SETTINGS:
            if row[key] != task.settings[key]:
                raise ValueError(
                    f"{out} holds photographs edited with another {key} ({row[key] or 'none'}, now"
                    f" {task.settings[key] or 'none'}): choose a new folder."
                )
        has_files = task.target.is_file() and (task.mask is None or task.mask.is_file())
        if has_files and row["source_hash"] == sha256(task.source):
            done.add(task.name)
    return done


def _edit_all(
    tasks: Sequence[Task], args: argparse.Namespace, options: dict[str, Any], journal: Journal
) -> list[str]:
    """Edit these photographs, and say what was done, on the screen and in the table.

    Returns:
        why some could not be edited.
    """
    failures = []
    for task in tasks:
        try:
            done = _edit_one(task, args, options, journal)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            failures.append(one_line(error))
        else:
            print(f"{task.target}: {done}")
    return failures


def _edit_one(
    task: Task, args: argparse.Namespace, options: dict[str, Any], journal: Journal
) -> str:
    """Edit a photograph and give a summary."""
    own = {} if task.seed is None else {"seed": task.seed}
    original = Original(task.source)
    if looks_like_mask(original.image):
        raise ValueError(f"{task.source} is black and white alone: a mask, and no photograph.")
    photograph = edit_photograph(original, args.mode, options | own)
    # Before the file: one that is there and has no row was not written by this command.
    journal.append(
        task.settings
        | {
            "file_name": task.name,
            "mask_file_name": _relative(task.mask, Path(args.output)),
            "area": f"{photograph.area:.6f}",
            "source_hash": sha256(task.source),
        }
    )
    photograph.write(task.target, task.mask, exif=not args.no_exif)
    return photograph.summary


def _relative(path: Path | None, folder: Path) -> str:
    return "" if path is None else Path(os.path.relpath(path, folder)).as_posix()
