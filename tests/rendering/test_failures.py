"""What may go wrong while a data set is written: one sentence, and nothing is lost."""

import errno
import multiprocessing
import os
import signal
import time

import pytest

from synthderm.rendering import work
from synthderm.rendering.items import GeneratedItems
from synthderm.rendering.render import render
from synthderm.rendering.work import HashedFile, Work
from tests.rendering.stub import data, files

FORK = multiprocessing.get_context("fork")


class Slow(GeneratedItems):
    def make(self, numbers):
        time.sleep(0.02)
        return super().make(numbers)


def wait_for_shards(out, count: int) -> None:
    end = time.monotonic() + 60
    while Work(out).count_records() < count:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_files(tmp_path, file_format, workers):
    out, options = tmp_path / "out", {"file_format": file_format, "shard_size": 4, "batch": 1}
    for count in (1, 4):
        run = FORK.Process(
            target=render, args=(Slow(data(24)), out), kwargs={"workers": workers, **options}
        )
        run.start()
        wait_for_shards(out, count)
        os.kill(run.pid, signal.SIGKILL)
        run.join()
    with pytest.raises(ValueError, match="another format"):
        render(data(24), out, file_format="jpeg")
    render(data(24), out, workers=2, **options)
    assert files(out) == files(render(data(24), tmp_path / "whole", **options))


def test_what_a_killed_run_left_half_written_is_written_again(tmp_path):
    options = {"file_format": "webdataset", "shard_size": 4}
    whole = files(render(data(8), tmp_path / "whole", **options))
    out = tmp_path / "out"
    render(data(8), out, part=(0, 2), **options)
    (out / "000001.tar").write_bytes(whole["000001.tar"][:700])  # of nobody's record
    Work(out).path(1, ".part").write_bytes(b"half")
    (out / "000000.tar").write_bytes(whole["000000.tar"][:700])  # after it was recorded
    (out / ".manifest.json.1.synthderm.part").touch()
    render(data(8), out, **options)
    assert files(out) == whole


def test_a_worker_that_is_killed_ends_the_run(tmp_path, file_format):
    class Deadly(GeneratedItems):
        def make(self, numbers):
            if 13 in numbers and multiprocessing.parent_process() is not None:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().make(numbers)

    options = {"file_format": file_format, "shard_size": 4, "workers": 2}
    with pytest.raises(ChildProcessError, match=r"worker process \d+ was killed by SIGKILL.*goes"):
        render(Deadly(data(24)), tmp_path / "out", **options)
    assert Work(tmp_path / "out").count_records() > 0
    render(data(24), tmp_path / "out", **options)
    assert files(tmp_path / "out") == files(render(data(24), tmp_path / "whole", **options))


def test_an_error_in_a_worker_is_the_error_of_the_run(tmp_path):
    class Wrong(GeneratedItems):
        def make(self, numbers):
            if 6 in numbers:
                raise self.error
            return super().make(numbers)

    for error, kind, says in (
        (ValueError("bad"), ValueError, "^bad"),
        (OSError(errno.EIO, "broken", "a.png"), OSError, "a.png"),
        (ZeroDivisionError("by 0"), RuntimeError, "^ZeroDivisionError: by 0"),
    ):
        items = Wrong(data(12))
        items.error = error
        with pytest.raises(kind, match=says) as caught:
            render(items, tmp_path / kind.__name__, shard_size=4, workers=2)
        assert "in make" in caught.value.__notes__[0]  # where it was raised


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk(tmp_path, file_format, monkeypatch, workers):
    out = tmp_path / "out"
    options = {"file_format": file_format, "shard_size": 4, "workers": workers}

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(HashedFile, "write", no_space)
        patch.setattr("pathlib.Path.write_bytes", no_space)
        with pytest.raises(OSError, match="No space left") as caught:
            render(data(12), out, **options)
    assert str(out) in caught.value.filename and caught.value.errno == errno.ENOSPC
    if workers == 1:
        assert not list(out.rglob("unfinished/*.part"))
    render(data(12), out, **options)
    assert files(out) == files(render(data(12), tmp_path / "whole", **options))


def test_a_shard_that_another_run_is_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "PATIENCE", 0.0)
    out, options = tmp_path / "out", {"file_format": "webdataset", "shard_size": 4}
    render(data(24), out, part=(0, 6), **options)
    has_it = FORK.Event()

    def hold() -> None:
        with Work(out).locked(2):
            has_it.set()
            time.sleep(60)

    other = FORK.Process(target=hold, daemon=True)
    other.start()
    assert has_it.wait(30)
    says = rf"shard 2 of .*out is being written to by another process \({other.pid} on .*\): wait"
    with pytest.raises(ValueError, match=says):
        render(data(24), out, **options)
    assert Work(out).count_records() == 5  # the others are made
    other.kill()
    other.join()
    render(data(24), out, **options)
    assert files(out) == files(render(data(24), tmp_path / "whole", **options))


def test_two_runs_of_other_lengths_do_not_finish_one_anothers_folder(tmp_path):
    options = {"file_format": "webdataset", "shard_size": 4}

    class Raising(GeneratedItems):
        def make(self, numbers):
            if 7 in numbers:  # the last shard of 8, while somebody asks for more
                render(data(20), tmp_path / "out", part=(2, 3), **options)
            return super().make(numbers)

    render(Raising(data(8)), tmp_path / "out", **options)
    assert not (tmp_path / "out" / "manifest.json").exists()
    render(data(20), tmp_path / "out", **options)
    assert files(tmp_path / "out") == files(render(data(20), tmp_path / "whole", **options))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        render(data(4), out)
