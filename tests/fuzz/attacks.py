"""Attacks that the tests make one by one: on processes, connections and disks."""

from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree


class Attack(NamedTuple):
    """What is attacked, how, and the tests that do it."""

    name: str
    text: str
    files: list[str]


ATTACKS = [
    Attack(
        "formats",
        "PostScript, PDF, DICOM and bombs named as photographs; endless parts; pixels and scans",
        ["tests/imaging/test_decoding.py"],
    ),
    Attack(
        "the study's door",
        "wrong secrets, floods, half-open and slow connections, joins without answers, kill -9,"
        " a locked or read-only database",
        [
            *("tests/study/test_access.py", "tests/study/test_connections.py"),
            *("tests/study/test_lecture_hall.py", "tests/study/test_places.py"),
            *("tests/study/test_database.py", "tests/study/test_store.py"),
            *("tests/study/test_middleware.py", "tests/study/test_app.py"),
            "tests/study/test_limits.py",
        ],
    ),
    Attack(
        "downloads",
        "hostile servers: endless and compressed bodies, false sizes, one byte a second, redirects"
        " that ask for the token, files that differ from their hash",
        [
            *("tests/hub/test_download.py", "tests/hub/test_download_bounds.py"),
            *("tests/hub/test_download_errors.py", "tests/hub/test_bounds.py"),
            "tests/hub/test_download_answers.py",
        ],
    ),
    Attack(
        "rows and paths",
        "tables of many rows, classes and keys; files outside of the folder, paths of thousands of"
        " folders, links to themselves, other encodings, empty and long cells",
        [
            *("tests/datasets/test_tables.py", "tests/datasets/test_finding.py"),
            *("tests/datasets/test_outside.py", "tests/datasets/test_metadata.py"),
            "tests/datasets/test_classes.py",
        ],
    ),
    Attack(
        "values",
        "images without pixels, masks of every dtype, tensors that hold no values, labels that fit"
        " no class or dtype, probabilities that are none, records that are played back",
        [
            *("tests/transforms/test_odd_inputs.py", "tests/transforms/test_mask_values.py"),
            *("tests/transforms/test_checks.py", "tests/transforms/test_unchanged.py"),
            "tests/transforms/test_labels.py",
        ],
    ),
    Attack(
        "resume",
        "training resumed with other options, classes and data, and from damaged checkpoints",
        [
            *("tests/recipes/test_resume.py", "tests/training/test_run.py"),
            "tests/training/test_checkpoint.py",
        ],
    ),
    Attack(
        "left-overs",
        "renders and tables stopped half-way, lines cut short, a full disk, other people's files",
        [
            *("tests/cli/test_render_files.py", "tests/cli/test_edit_folders.py"),
            *("tests/rendering/test_journal.py", "tests/test_files.py"),
        ],
    ),
    Attack(
        "states",
        "autocast, inference mode, other dtypes and devices, forked and spawned workers, threads",
        [
            *("tests/transforms/test_states.py", "tests/datasets/test_states.py"),
            *("tests/test_determinism.py", "tests/test_threads.py"),
        ],
    ),
    Attack(
        "headers",
        "safetensors headers of 100,000 tensors and of many megabytes",
        ["tests/hub/test_model_folder.py"],
    ),
]


def count_tests(report: Path) -> dict[str, Any]:
    """What pytest's JUnit report says: `cases`, `failures`, `skipped`, and which failed."""
    root = ElementTree.parse(report).getroot()
    cases = list(root.iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or _has_error(case)]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {
        "cases": len(cases) - skipped,
        "failures": len(failed),
        "skipped": skipped,
        "faults": [f"{case.get('classname')}::{case.get('name')}" for case in failed],
    }


def _has_error(case: ElementTree.Element) -> bool:
    return case.find("error") is not None
