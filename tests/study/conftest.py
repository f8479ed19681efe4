"""A study of drawn images, its server as a real process, and a browser."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from synthderm.study.build import build
from synthderm.study.plan import Plan
from synthderm.study.study_folder import Study
from tests.study.drawing import PLAN, both_edits, draw_skin, redden, save
from tests.study.server_process import Server

CHROMIUM = "/usr/bin/chromium"
LARGE_PLAN = Plan(60, 10, 8, 12, 6, 6)


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> dict[str, str]:
    """Folders `real` (JPEG, 120x96), `generated` (PNG, 80x80), `before` and `after` (PNG pairs)."""
    root = tmp_path_factory.mktemp("sources")
    rng = np.random.default_rng(7)
    before = [draw_skin(rng) for _ in range(12)]
    real = [draw_skin(rng) for _ in range(16)]
    generated = [draw_skin(rng, (80, 80)) for _ in range(16)]
    return {
        "real": save(root / "real", real, ".jpg"),
        "generated": save(root / "generated", generated, ".png"),
        "before": save(root / "before", before, ".png"),
        "after": save(root / "after", [redden(image) for image in before], ".png"),
    }


@pytest.fixture(scope="session")
def built(sources, tmp_path_factory) -> Path:
    """A study with all four kinds of questions. Tests read it, and never write to it."""
    out = tmp_path_factory.mktemp("built") / "study"
    options = vars(PLAN) | both_edits(sources)
    build(out, sources["real"], sources["generated"], seed=3, images=12, **options)
    return out


@pytest.fixture
def folder(built, tmp_path) -> Path:
    """A copy of the study for one test."""
    return Path(shutil.copytree(built, tmp_path / "study"))


@pytest.fixture(scope="session")
def shared(built, tmp_path_factory):
    """One server for all tests that change nothing another test would notice."""
    server = Server(Path(shutil.copytree(built, tmp_path_factory.mktemp("shared") / "study")))
    yield server
    server.kill()
    server.process.stdout.close()


@pytest.fixture
def start():
    """Start servers; all are stopped after the test."""
    servers = []

    def run(folder: Path, port: int = 0) -> Server:
        servers.append(Server(folder, port))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.kill()
        server.process.stdout.close()


@pytest.fixture
def study(folder) -> Study:
    return Study(folder)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, driven by Playwright.

    If it is missing, the browser tests are skipped; where CI is set, they fail.
    """
    if not Path(CHROMIUM).exists():
        reason = f"{CHROMIUM} is missing: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    switches += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        yield browser
        browser.close()


@pytest.fixture
def server(start, folder):
    return start(folder)


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def large(sources, tmp_path_factory):
    """A study with enough trials to tell people apart."""
    out = tmp_path_factory.mktemp("large") / "study"
    options = vars(LARGE_PLAN) | both_edits(sources)
    build(out, sources["real"], sources["generated"], seed=1, images=14, **options)
    return Study(out)
