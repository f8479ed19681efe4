"""Links, tokens and passwords: the right ones work, guesses do not."""

import csv
import io

import pytest

from synthderm.study.limits import WRONG_SECRETS
from tests.study.server_process import finish, first_choice


@pytest.mark.parametrize(
    "token", ["x", "1", "null", "../../etc/passwd", "' OR 1=1 --", "A" * 32, "%00", "\xff"]
)
def test_forged_links_are_refused(shared, token):
    headers = {"Authorization": b"Bearer " + token.encode("latin-1")}
    with shared.client(f"127.0.1.{1 + len(token)}") as client:
        assert client.get("/api/state", headers=headers).status_code == 401
        body = {"position": 0, "choice": "real", "milliseconds": 1}
        assert client.post("/api/answer", headers=headers, json=body).status_code == 401
        assert client.post("/api/withdraw", headers=headers).status_code == 401


def test_links_cannot_be_guessed(server, client, study):
    headers = [server.join(client)["Authorization"].removeprefix("Bearer ") for _ in range(20)]
    assert len(set(headers)) == 20 and all(len(token) >= 32 for token in headers)
    assert client.get("/s/wrong").status_code == 404
    for invitation, agreed, status in (("wrong", True, 404), (server.invitation, False, 403)):
        body = {"invitation": invitation, "agreed": agreed}
        assert client.post("/api/join", json=body).status_code == status
    database = b"".join(path.read_bytes() for path in study.folder.glob("answers.sqlite*"))
    assert not any(token.encode() in database for token in headers), "tokens are stored as they are"


def test_guessing_is_slowed_down(client):
    replies = [
        client.get("/api/state", headers={"Authorization": f"Bearer {number}"}).status_code
        for number in range(int(WRONG_SECRETS.burst) + 10)
    ]
    assert replies[0] == 401 and replies[-1] == 429


def test_results_need_the_admin_token(server, client, study):
    finish(client, server.join(client), first_choice)
    for wrong in (
        None,
        ("admin", ""),
        ("admin", "wrong"),
        ("admin", server.password[:-1]),
        ("admin", server.invitation),
        (server.password, ""),
    ):
        assert client.get("/results.csv", auth=wrong).status_code == 401
    assert client.get("/results.csv", headers={"Authorization": "Basic %%%"}).status_code == 401
    reply = client.get("/results.csv", auth=("admin", server.password))
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert reply.status_code == 200 and len(rows) == study.settings.plan.length
    for row, trial in zip(rows, study.trials[1], strict=True):
        assert int(row["correct"]) == int(row["choice"] == trial.answer)
