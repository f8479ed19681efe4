"""Carries out runs in their order, each as soon as its arm and learning rate are
decided."""

from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import write_json
from benchmarks.downstream.arms import ARMS, BEST, Arm
from benchmarks.downstream.protocol import Run, arm_of, rates_of, waits_for
from benchmarks.downstream.records import append_record, read_records
from benchmarks.downstream.run import carry_out, check_leaks, describe_test
from benchmarks.downstream.settings import (
    Settings,
    cost,
    generated_for,
    required_of,
    take_subset,
)


class ThisProcess(Executor):
    """An executor that runs a call at once, in this process."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


class Progress:
    """What is printed after each run.

    Args:
        total: runs that were chosen.
        done: of them, those that have their record.
        cost: of all others.
        jobs: processes.
    """

    def __init__(self, total: int, done: int, cost: float, jobs: int) -> None:
        self.total, self.done, self.left, self.jobs = total, done, cost, jobs
        self.seconds, self.cost = 0.0, 0.0

    def report(self, run: Run, record: dict[str, Any], cost: float) -> None:
        self.done += 1
        self.seconds += record["seconds"]
        self.cost += cost
        self.left -= cost
        hours = max(0.0, self.left) * self.seconds / self.cost / self.jobs / 3600
        print(
            f"{self.done}/{self.total} {run.key}: val {record['val']:.3f}, "
            f"{record['seconds']:.0f} s; {hours:.1f} h left",
            flush=True,
        )


def carry_out_all(
    settings: Settings, folder: Path, runs: list[Run], chosen: list[Run], jobs: int
) -> None:
    """Every chosen run that has no record yet.

    Args:
        settings: of the benchmark.
        folder: of the records.
        runs: all runs of the protocol.
        chosen: those to carry out, in this order.
        jobs: processes.

    Raises:
        ValueError: what is left waits for runs that were not chosen; or as `carry_out`.
    """

    def required(run: Run, recorded: Arm) -> dict[str, Any]:
        """The joined arm is what its record says, all others are what they are now."""
        arm = recorded if run.arm == BEST else ARMS[run.arm]
        return required_of(settings, run, arm)

    records = read_records(folder, runs, required)
    pending = [run for run in chosen if run not in records]
    check_all_leaks(settings, pending)
    for task in {run.task for run in pending}:
        write_json(folder / f"test-{task}.json", describe_test(settings, task), indent=None)
    done = len(chosen) - len(pending)
    progress = Progress(len(chosen), done, sum(cost(settings, run) for run in pending), jobs)
    print(f"{len(chosen)} runs, {done} have their record", flush=True)
    running: dict[Future[dict[str, Any]], Run] = {}
    with make_executor(jobs) as executor:
        while pending or running:
            for run in list(pending):
                arm, rates = arm_of(run, records, runs), rates_of(run, records, settings.rates)
                if len(running) == jobs or arm is None or rates is None:
                    continue
                if arm.generates:
                    # Here and now, or several workers might generate the same images.
                    generated_for(settings, run, take_subset(settings, run))
                running[executor.submit(carry_out, settings, run, arm, rates)] = run
                pending.remove(run)
                if jobs == 1:
                    break
            if not running:
                raise ValueError(
                    f"{len(pending)} runs wait for others that were not chosen; the first is "
                    f"{pending[0].key}, which needs {waits_for(pending[0])}."
                )
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                run = running.pop(future)
                records[run] = future.result()
                append_record(folder, run, records[run])
                progress.report(run, records[run], cost(settings, run))


def check_all_leaks(settings: Settings, runs: list[Run]) -> None:
    """Leaks are found before the first run, not after hours. What the joined arm uses is checked
    with the arms that it joins."""
    for run in dict.fromkeys(Run(*run.condition, run.arm, 0) for run in runs):
        if run.arm != BEST:
            check_leaks(settings, run, ARMS[run.arm])


def make_executor(jobs: int) -> Executor:
    """Processes of one thread each; this process where one is enough."""
    if jobs == 1:
        return ThisProcess()
    context = get_context("spawn")
    return ProcessPoolExecutor(
        jobs, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    )
