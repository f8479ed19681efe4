"""The source distribution gives a wheel, which has everything that the demo needs in a clean
environment."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_of_the_source_distribution_runs_the_demo(tmp_path):
    pack = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(pack, cwd=ROOT, check=True, capture_output=True)
    (source,) = tmp_path.glob("*.tar.gz")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-q",
        "-w",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        f"synthderm/weights/{name}/model.safetensors" for name in ("lesions", "hands", "eczema")
    } <= set(names)
    assert "synthderm/weights/lesions/pictures.jpg" in names
    assert not [name for name in names if name.startswith(("tests/", "recipes/", "benchmarks/"))]

    # The dependencies are seen through a .pth file; the package itself comes from the wheel alone.
    venv.create(tmp_path / "clean", with_pip=False, symlinks=True)
    python = tmp_path / "clean" / "bin" / "python"
    site = next((tmp_path / "clean").glob("lib/python3*/site-packages"))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--target",
            str(site),
            str(wheel),
        ],
        check=True,
    )
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    where = subprocess.run(
        [python, "-c", "import synthderm; print(synthderm.__file__)"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(tmp_path))
    run = subprocess.run(
        [python, "-m", "synthderm.cli.main", "demo", "--smoke", "--out", "page"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "page" / "index.html").read_text()
    for name in ("lesions.png", "hands.png", "eczema.png", "added.png", "removed.png"):
        assert name in page and (tmp_path / "page" / name).stat().st_size > 1000
    assert "accuracy: " in run.stdout and "page: " in run.stdout
