"""A thousand hostile model folders: each loads as the same network or is refused in one line; see
`fuzz.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path

from synthderm.models.generator import SkinGenerator


def test_a_thousand_mutants(tmp_path):
    folder = SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(
        tmp_path / "good", card={"data": [{"name": "x", "licence": "y"}]}
    )
    scratch = tmp_path / "mutant"
    scratch.mkdir()
    run = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fuzz.py")), str(folder), str(scratch), "1000", "5"], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    case = (scratch / "case").read_text() if (scratch / "case").is_file() else "start"
    assert run.returncode == 0, f"seed and case {case}: {run.stderr[-3000:]}"
    result = json.loads(run.stdout)
    assert not result["bad"], result["bad"]
    assert not result["audit"], result["audit"]
    assert result["loaded"] + result["refused"] == 1000 and result["refused"] > 800
    # Each check of the reader was reached.
    assert {
        "not a readable safetensors",
        "does not fit",
        "not valid JSON",
        "does not describe",
        "asks for",
    } <= set(result["reasons"]), result["reasons"]
    assert result["peak_mb"] < 1000
    assert (
        result["slowest"] < 2
    )  # seconds of processor time, so that a busy machine does not matter
