"""Shards made in several processes. One that dies ends the run, with a sentence that says so."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

import torch

from synthderm.rendering.writers import Report

# Makes a shard, and reports how many of its items are there.
MakeShard = Callable[[int, Report], None]


def make_shards(
    make: MakeShard, shards: Sequence[int], workers: int, report: Report, *, spawn: bool = False
) -> None:
    """Make shards, in this process where one is enough.

    Args:
        make: makes one.
        shards: which ones.
        workers: number of processes.
        report: is told how many items are there.
        spawn: start processes anew, as CUDA needs it, and do not fork them.

    Raises:
        ChildProcessError: a process died.
        Exception: what `make` raised.
    """
    workers = min(workers, len(shards))
    if workers <= 1:
        for shard in shards:
            make(shard, report)
        return
    context: Any = multiprocessing.get_context("spawn" if spawn else None)
    crew: list[_Worker] = []
    try:
        for _ in range(workers):
            crew.append(_start(context, make))
        _share_out(crew, list(shards)[::-1], report)
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.process.join()
            worker.pipe.close()


class _Worker(NamedTuple):
    process: Any
    pipe: Connection


def _start(context: Any, make: MakeShard) -> _Worker:
    pipe, theirs = context.Pipe()
    process = context.Process(target=_work, args=(make, theirs, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, pipe)


def _share_out(crew: Sequence[_Worker], left: list[int], report: Report) -> None:
    """Give each worker a shard, and the next when it is done, until none is left."""
    busy = {worker.pipe: worker for worker in crew}
    for worker in crew:
        worker.pipe.send(left.pop())
    while busy:
        for pipe in wait(list(busy)):
            worker = busy[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                raise _death(worker.process) from None
            if isinstance(message, int):
                report(message)
            elif isinstance(message, BaseException):
                raise message
            elif left:
                worker.pipe.send(left.pop())
            else:
                del busy[worker.pipe]


def _death(process: Any) -> ChildProcessError:
    process.join(5)
    code = process.exitcode
    how = f"ended with code {code}"
    if code is not None and code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        how += ", for want of memory perhaps" * (code == -signal.SIGKILL)
    return ChildProcessError(
        f"worker process {process.pid} {how}: nothing that is there is lost, and the same command"
        " goes on."
    )


def _work(make: MakeShard, pipe: Connection, parent: int) -> None:
    """What a worker does: makes the shards that it is given."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops it
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    while True:
        try:
            make(pipe.recv(), pipe.send)
        except EOFError:
            return
        except Exception as error:
            pipe.send(_as_sent(error))
            return
        pipe.send("done")


def _as_sent(error: Exception) -> Exception:
    """An error that can be sent to another process, with where it was raised."""
    sent: Exception = RuntimeError(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError) and error.errno is not None:
        sent = OSError(error.errno, error.strerror, error.filename)
    else:
        for kind in (ValueError, TypeError, ImportError, RuntimeError):
            if isinstance(error, kind):
                sent = kind(str(error))
    sent.add_note("".join(traceback.format_exception(error)))
    return sent


def _follow(parent: int) -> None:
    """End this process soon after its parent, however that ends."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
