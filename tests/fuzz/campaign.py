"""One target, for a while."""

import faulthandler
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.fuzz.outcome import Fault
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Watch, peak_mb

ROUND = 200  # cases between two looks at the clock
HANGING = 300  # seconds after which a case ends the process, with a traceback
MOST_MB = 3000  # of memory; torch and torchvision take some 500 of it
SHOWN = 10  # faults with their input


def campaign(name: str, seconds: float, seed: int) -> dict[str, Any]:
    """Try a target's cases until the time is over, and count.

    Returns:
        `cases`, `failures`, `accepted`, `refused`, the first `faults` with their input, and
        `peak_mb` of memory.
    """
    target, folder = TARGETS[name], Path(tempfile.mkdtemp())
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    target.prepare(folder)
    watch = Watch(folder)

    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.cases())
    def attack(case: Any) -> None:
        faulthandler.dump_traceback_later(HANGING, exit=True)
        watch.armed = name != "requests"  # whose answers are saved
        try:
            outcomes["refused" if target.check(case, folder) == "refused" else "accepted"] += 1
        except Fault as fault:
            outcomes["faults"] += 1
            if len(faults) < SHOWN:
                faults.append(f"{fault} | {case!r:.2000}")
        finally:
            watch.armed = False

    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end or not rounds:
        seeded(seed * 1_000_000 + rounds)(attack)()
        rounds += 1
    faulthandler.cancel_dump_traceback_later()
    odd = [f"did {event}, {count} times" for event, count in watch.seen.items()]
    faults += odd[:SHOWN]
    peak = peak_mb()
    if peak > MOST_MB:
        faults.append(f"took {peak:.0f} MB of memory")
    return {
        "cases": outcomes.total(),
        "failures": outcomes["faults"] + len(odd) + (peak > MOST_MB),
        "accepted": outcomes["accepted"],
        "refused": outcomes["refused"],
        "faults": faults,
        "peak_mb": round(peak),
    }
