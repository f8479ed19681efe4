"""A loopback Hub, and real clients of it in processes of their own.

`SYNTHDERM_TEST_HUB_PATH` names a folder with another huggingface_hub to test with (`make
test-hub-oldest`).
"""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.hub.hub_server import Hub

ROOT = Path(__file__).parents[2]


class Client:
    """A process that runs `hub_client.py`; calling it sends an order and waits for the answer."""

    def __init__(self, hub: Hub, home: Path, **env: str):
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("HF_") and not key.lower().endswith("_proxy")
        }
        paths = [os.environ.get("SYNTHDERM_TEST_HUB_PATH"), str(ROOT)]
        settings = {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
        }
        self.home = home
        self.errors = open(home / "stderr.txt", "a")  # noqa: SIM115 (closed by `close`)
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("hub_client.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=home,
            env={**kept, **settings, **env},
        )

    def start(self) -> "Client":
        assert self.read() == "ready\n"
        return self

    def read(self) -> str:
        # A hang fails the test instead of stopping the suite.
        watchdog = threading.Timer(300, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert line, f"the client ended: {(self.home / 'stderr.txt').read_text()[-2000:]}"
        return line

    def send(self, do: str, **order) -> None:
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict:
        return json.loads(self.read())

    def __call__(self, do: str, **order) -> dict:
        self.send(do, **order)
        return self.answer()

    def resolve(self, model: str, cache: Path, **options) -> dict:
        return self("resolve", model=model, cache_dir=str(cache), **options)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.errors.close()


@pytest.fixture(scope="session")
def running_hub():
    hub = Hub()
    yield hub
    hub.down()


@pytest.fixture
def hub(running_hub):
    running_hub.reset()
    return running_hub


@pytest.fixture
def repository(request):
    """A Hub id that no other test uses."""
    return "org/" + re.sub(r"\W+", "-", request.node.name).strip("-")


@pytest.fixture
def new_client(running_hub, tmp_path):
    """Starts a client with environment variables of its own."""
    clients = []

    def start(**env: str) -> Client:
        clients.append(Client(running_hub, tmp_path, **env))
        return clients[-1].start()

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def client(running_hub, tmp_path_factory):
    """One client for all tests that need no settings of their own.

    Give it a cache folder with every order.
    """
    client = Client(running_hub, tmp_path_factory.mktemp("home")).start()
    yield client
    client.close()


@pytest.fixture(scope="session")
def uploader(running_hub, tmp_path_factory):
    """The same, logged in."""
    client = Client(running_hub, tmp_path_factory.mktemp("uploader"), HF_TOKEN="hf_writer").start()
    yield client
    client.close()
