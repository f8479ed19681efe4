"""The server as a real process, and a participant who answers everything."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx


class Server:
    """`synthderm study serve` as a process of its own."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "synthderm.study", "serve", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
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
        """Stop it at once, as a power cut does."""
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
        transport = httpx.HTTPTransport(local_address=source)
        return httpx.Client(base_url=self.base, transport=transport, timeout=30, **options)

    def join(self, client: httpx.Client) -> dict[str, str]:
        """A new participant's headers."""
        reply = client.post("/api/join", json={"invitation": self.invitation, "agreed": True})
        return {"Authorization": f"Bearer {reply.raise_for_status().json()['token']}"}


def finish(client, headers, choose):
    """Go through the whole study; returns every trial and every raw reply on the way."""
    trials, raw = [], []
    state = client.post("/api/begin", headers=headers)
    while (trial := state.json()["trial"]) is not None:
        raw.append(state.text)
        if state.json()["intro"]:
            state = client.post("/api/begin", headers=headers)
            continue
        trials.append(trial)
        body = {"position": trial["position"], "choice": choose(trial), "milliseconds": 900}
        state = client.post("/api/answer", headers=headers, json=body)
        assert state.status_code == 200, state.text
    return trials, raw


def first_choice(trial):
    return trial["choices"][0]["value"]
