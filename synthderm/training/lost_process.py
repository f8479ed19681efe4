"""A run in several processes ends, in one sentence, when one of them dies."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.distributed import DistError

from synthderm.training.checkpoint import CHECKPOINT


@contextmanager
def exit_when_one_dies(recipe: str, folder: Path) -> Iterator[None]:
    """Leave with one line where another process can't be reached any more, and where the launcher
    asks for it, as torchrun and accelerate do when one of their processes has died.

    Args:
        recipe: its name, for the line.
        folder: of the run.
    """

    def says(reason: str) -> str:
        kept = "no checkpoint was written yet"
        if (folder / CHECKPOINT).exists():
            kept = f"the last checkpoint is whole, and the same command goes on from {folder}"
        return f"{recipe}: {reason}; {kept}."

    _leave_when_told(lambda: says("told to stop, as when another process of the run has died"))
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, DistError) and "gloo" not in str(error):
            raise
        raise SystemExit(says("another process of the run has died")) from None


def _leave_when_told(says: Callable[[], str]) -> None:
    """End the process with a line on SIGTERM, also while it waits for a device or for others: there
    Python itself does not come to handle a signal."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(tell)

    def wait() -> None:
        while os.read(told, 1) != bytes([signal.SIGTERM]):
            pass
        print(says(), file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
