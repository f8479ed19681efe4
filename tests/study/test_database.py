"""A database that is locked or can't be written: one wait with an end, one sentence."""

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

# Loaded before a test gives up its rights: the interpreter's folder may be private.
import synthderm.study.report
import synthderm.study.serve  # noqa: F401
from synthderm.study.__main__ import main
from synthderm.study.database import NotSaved
from synthderm.study.store import Store, open_store

NOBODY = 65534
WAIT = 0.5


@contextmanager
def locked(path):
    """Another process that writes."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def read_only(folder):
    """A folder that this process can't write, also where it is root."""
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def public():
    """A folder that everybody may read; pytest's own are private."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_twelve_writers_wait_once_and_not_one_after_another(tmp_path):
    store = Store(tmp_path / "answers.sqlite", timeout=WAIT)
    waited = []

    def write():
        start = time.monotonic()
        with pytest.raises(NotSaved, match="locked"):
            store.join(60)
        waited.append(time.monotonic() - start)

    with locked(tmp_path / "answers.sqlite"):
        threads = [threading.Thread(target=write) for _ in range(12)]
        for thread in threads:
            thread.start()
        assert store.participants() == {}, "who reads does not wait"
        for thread in threads:
            thread.join()
    assert len(waited) == 12 and max(waited) < 6 * WAIT, "they queued"
    store.join(60)
    assert store.participants() == {1: False}
    store.close()


def test_a_writer_that_waits_for_another_thread_gives_up_too(tmp_path):
    store = Store(tmp_path / "answers.sqlite", timeout=0.05)
    with store.database.transaction():
        outcomes = []

        def write():
            with pytest.raises(NotSaved, match="locked"):
                store.join(60)
            outcomes.append("gave up")

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert outcomes == ["gave up"]
    store.close()


def test_serving_from_a_folder_that_cannot_be_written_says_so(built, public):
    folder = Path(shutil.copytree(built, public / "study"))
    with read_only(folder), pytest.raises(SystemExit) as exit:
        main(["serve", str(folder), "--port", "0"])
    text = str(exit.value)
    assert "answers.sqlite can't be opened" in text and "right to write" in text
    assert text.count(". ") == 0 and "\n" not in text, "one sentence"


@pytest.mark.parametrize("is_clean", [True, False])
def test_answers_in_a_folder_that_cannot_be_written_are_read(public, is_clean):
    """The folder of a study on an archive; the log may hold answers, if the server was killed."""
    store = Store(public / "answers.sqlite")
    store.join(9)
    store.save(1, 0, "a", 10)
    folder = public / "archive"
    if is_clean:
        store.close()
    folder.mkdir()
    for path in public.glob("answers.sqlite*"):
        shutil.copyfile(path, folder / path.name)
    if not is_clean:
        assert (folder / "answers.sqlite-wal").stat().st_size > 0
        store.close()
    with read_only(folder), open_store(folder / "answers.sqlite") as archive:
        assert archive.answers() == [(1, 0, "a", 10)]


def test_a_file_that_is_no_database_is_named(folder):
    (folder / "answers.sqlite").write_text("no database " * 100)
    for command in ("serve", "analyse"):
        with pytest.raises(SystemExit, match="answers.sqlite can't be .*not a database"):
            main([command, str(folder)])


def test_a_database_of_another_version_is_refused(folder):
    with sqlite3.connect(folder / "answers.sqlite") as other:
        other.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
    other.close()
    for command in ("serve", "analyse"):
        with pytest.raises(SystemExit, match="another version of synthderm made it"):
            main([command, str(folder)])


def test_a_report_where_nothing_can_be_written_names_the_way_out(large, public):
    folder = Path(shutil.copytree(large.folder, public / "study"))
    store = Store(folder / "answers.sqlite")
    store.join(60)
    for trial in large.trials[1]:
        store.save(1, trial.position, trial.answer, 900)
    store.close()
    with read_only(folder), pytest.raises(SystemExit, match="can't be written.*--out"):
        main(["analyse", str(folder)])
