"""A thousand hostile model folders, each loaded as the same network or refused in one line.

`fuzz.py` makes them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from synthderm.models.generator import SkinGenerator

FUZZ = Path(__file__).with_name("fuzz.py")


def test_a_thousand_mutants(tmp_path):
    folder = SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(
        tmp_path / "good", card={"data": [{"name": "x", "licence": "y"}]}
    )
    scratch = tmp_path / "mutant"
    scratch.mkdir()
    run = subprocess.run(
        [sys.executable, str(FUZZ), str(folder), str(scratch), "1000", "5"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(FUZZ.parents[2]), "OMP_NUM_THREADS": "1"},
    )
    case = (scratch / "case").read_text() if (scratch / "case").is_file() else "start"
    assert run.returncode == 0, f"seed and case {case}: {run.stderr[-3000:]}"
    result = json.loads(run.stdout)
    assert not result["bad"], result["bad"]
    assert not result["audit"], result["audit"]
    assert result["loaded"] + result["refused"] == 1000
    assert result["refused"] > 800
    for reason in (
        "not a readable safetensors",
        "does not fit",
        "not valid JSON",
        "does not describe",
        "asks for",
    ):
        assert reason in result["reasons"], "this check of the reader was not reached"
    assert result["peak_mb"] < 1000
    # Seconds of processor time, so that a busy machine does not matter.
    assert result["slowest"] < 2
