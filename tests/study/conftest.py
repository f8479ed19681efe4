"""A study of drawn images, its server as a real process, and a browser."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from synthderm.study.build import build
from synthderm.study.files import Study
from tests.study.pictures import PLAN, draw_skin, redden, save

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> dict[str, str]:
    """Folders: `real` (JPEG, 120x96), `generated` (PNG, 80x80), and `before`, `after` (PNG
    pairs)."""
    root, rng = tmp_path_factory.mktemp("sources"), np.random.default_rng(7)
    before = [draw_skin(rng) for _ in range(12)]
    return {
        "real": save(root / "real", [draw_skin(rng) for _ in range(16)], ".jpg"),
        "generated": save(
            root / "generated", [draw_skin(rng, (80, 80)) for _ in range(16)], ".png"
        ),
        "before": save(root / "before", before, ".png"),
        "after": save(root / "after", [redden(image) for image in before], ".png"),
    }


@pytest.fixture(scope="session")
def built(sources, tmp_path_factory) -> Path:
    """A study with all four kinds; read it, don't write to it."""
    out = tmp_path_factory.mktemp("built") / "study"
    pairs = {
        "add": [sources["before"], sources["after"]],
        "remove": [sources["after"], sources["before"]],
    }
    build(out, sources["real"], sources["generated"], plan=PLAN, seed=3, images=12, **pairs)
    return out


@pytest.fixture
def folder(built, tmp_path) -> Path:
    """A copy of the study for one test."""
    return Path(shutil.copytree(built, tmp_path / "study"))


class Server:
    """`synthderm study serve` as a process of its own."""

    def __init__(self, folder: Path, port: int = 0):
        command = [
            sys.executable,
            "-m",
            "synthderm.study",
            "serve",
            str(folder),
            "--port",
            str(port),
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.printed = ""
        while "password" not in self.printed:
            line = self.process.stdout.readline()
            assert line, f"the server ended: {self.printed}"
            self.printed += line
        self.link = re.search(r"http\S+/s/\S+", self.printed).group()
        self.base, _, self.invitation = self.link.partition("/s/")
        self.port = int(self.base.rpartition(":")[2])
        self.password = re.search(r"password: (\S+)\)", self.printed).group(1)

    def kill(self) -> None:
        """As a power cut: no chance to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> str:
        """Ctrl-C; returns everything that was printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=30)
        return self.printed + rest

    def client(self, source: str = "127.0.0.1", **options) -> httpx.Client:
        """An HTTP client that connects from this address."""
        return httpx.Client(
            base_url=self.base,
            transport=httpx.HTTPTransport(local_address=source),
            timeout=30,
            **options,
        )

    def join(self, client: httpx.Client) -> dict[str, str]:
        """A new participant's headers."""
        reply = client.post("/api/join", json={"invitation": self.invitation, "agreed": True})
        return {"Authorization": f"Bearer {reply.raise_for_status().json()['token']}"}


@pytest.fixture(scope="module")
def shared(built, tmp_path_factory):
    """One server for the tests of a module that change nothing that another would notice."""
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
    """Debian's Chromium, driven by Playwright. Where CI is set its absence fails; elsewhere the
    browser tests are left out."""
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
