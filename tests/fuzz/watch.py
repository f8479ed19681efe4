"""What a process does besides computing, and how much memory it takes."""

import os
import resource
import sys
from collections import Counter
from pathlib import Path

WATCHED = (
    *("pickle.", "socket.", "subprocess.", "os.system", "os.rename", "os.mkdir", "os.remove"),
    "shutil.",
)


class Watch:
    """An audit hook that counts what loading must not do, while it is armed.

    Args:
        allowed: files below this folder may be written.
    """

    def __init__(self, allowed: Path | None = None) -> None:
        self.armed = False
        self.allowed = None if allowed is None else str(allowed)
        self.seen: Counter[str] = Counter()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple) -> None:
        if not self.armed:
            return
        flags = arguments[2] if event == "open" else None
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not writes and not event.startswith(WATCHED):
            return
        if self.allowed is None or not str(arguments[0]).startswith(self.allowed):
            self.seen[f"{event} {arguments[0]!r:.80}"] += 1


def peak_mb() -> float:
    """The most memory that this process has had.

    Linux's ru_maxrss would count what its parent had when it was started.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
