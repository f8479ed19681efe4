"""How far a long command is: a bar in a terminal, a line now and then in a file."""

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

FIRST, EVERY = 10.0, 60.0  # seconds


class Progress:
    """Items done, items a second and the time that is left, on stderr.

    Args:
        name: of what is done.
        total: items.
        done: those that were there before.
    """

    def __init__(self, name: str, total: int, done: int = 0) -> None:
        self.name, self.total, self.done = name, total, done
        self._before, self._start = done, time.monotonic()
        self._next = self._start + FIRST
        self._bar = tqdm(desc=name, total=total, initial=done, unit=" images", disable=None)

    def __call__(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        self._bar.update(count)
        if self._bar.disable and time.monotonic() >= self._next:
            self._next += EVERY
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """How far it is, in words."""
        seconds = time.monotonic() - self._start
        rate = (self.done - self._before) / max(seconds, 1e-9)
        left = "" if rate == 0 else f", {_hours((self.total - self.done) / rate)} left"
        return f"{self.name}: {self.done:,} of {self.total:,} images, {rate:.1f} images/s{left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()


def _hours(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
