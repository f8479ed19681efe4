"""Many people behind one address: nobody's wrong secrets or floods lock out a right secret."""

import json

import pytest

from synthderm.study.access import Access
from synthderm.study.limits import REQUESTS, WRONG_SECRETS
from synthderm.study.store import Store
from tests.study.server_process import finish, first_choice

STATIC = ("study.css", "study.js", "icon.svg")


def guess(client, count):
    """Try wrong secrets of all kinds; the statuses."""
    return [
        status
        for number in range(count)
        for status in (
            client.get("/api/state", headers={"Authorization": f"Bearer {number}"}).status_code,
            client.get(f"/s/{number}").status_code,
            client.get("/results.csv", auth=("admin", str(number))).status_code,
            client.post("/api/join", json={"invitation": "", "agreed": True}).status_code,
        )
    ]


def everything_works(server, client, headers):
    """Whether a participant, a newcomer and the admin are served."""
    assert client.get("/api/state", headers=headers).status_code == 200
    assert client.get(f"/s/{server.invitation}").status_code == 200
    assert client.get("/results.csv", auth=("admin", server.password)).status_code == 200
    assert [client.get(f"/static/{name}").status_code for name in STATIC] == [200] * 3
    trials, _ = finish(client, server.join(client), first_choice)
    images = {image for trial in trials for image in trial["images"]}
    assert images and {client.get(image).status_code for image in images} == {200}


def test_wrong_secrets_lock_out_no_right_one(server):
    with server.client("127.0.0.5") as client:
        headers = server.join(client)
        replies = guess(client, int(WRONG_SECRETS.burst))
        assert replies[:4] == [401, 404, 401, 404] and set(replies[-4:]) == {429}
        everything_works(server, client, headers)
        assert set(guess(client, 1)) == {429}, "a right secret does not help those who guess"


def test_a_flood_of_nonsense_locks_out_no_right_secret(server):
    with server.client("127.0.0.5") as client:
        headers = server.join(client)
        statuses = (client.get("/nowhere").status_code for _ in range(10 * int(REQUESTS.burst)))
        assert 429 in statuses, "the flood is refused in the end"
        everything_works(server, client, headers)


def test_a_lecture_hall_behind_one_address_takes_part(server):
    """200 people load the page and join: 1,000 requests and more from one address."""
    statuses = set()
    with server.client("127.0.0.6") as client:
        for _ in range(200):
            paths = [f"/s/{server.invitation}", *(f"/static/{name}" for name in STATIC)]
            statuses |= {client.get(path).status_code for path in paths}
            headers = server.join(client)
            statuses.add(client.post("/api/begin", headers=headers).status_code)
    assert statuses == {200}


@pytest.fixture
def access(tmp_path):
    store = Store(tmp_path / "answers.sqlite")
    yield Access(store, "password", {"/images/known.jpg"})
    store.close()


def request(path, authorization=None):
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return {"type": "http", "path": path, "headers": headers}


def test_what_counts_as_a_right_secret(access):
    token, code = access.store.join(9), access.store.invitation
    body = json.dumps({"invitation": code, "agreed": True}).encode()
    secret = access.right_secret
    assert secret(request("/api/state", f"Bearer {token}"), b"") == token
    assert secret(request(f"/p/{token}"), b"") == token
    assert secret(request("/images/known.jpg"), b"") == "/images/known.jpg"
    assert secret(request(f"/s/{code}"), b"") == secret(request("/api/join"), body) == code
    assert secret(request("/results.csv", "Basic OnBhc3N3b3Jk"), b"") == "admin"
    for wrong in (b"", b"{}", b"[" * 2000, b"null", b'"x"', b'{"invitation": ["x"]}', b"\xff"):
        assert secret(request("/api/join"), wrong) == ""
    assert secret(request("/api/answer"), body) == "", "an invitation counts where it is used"
    for path in ("/", "/p/", "/s/", f"/s/{code}x", "/images/other.jpg", "/p/\udc80"):
        assert secret(request(path, "Bearer"), b"") == "", path
    access.store.withdraw(access.store.participant(token))
    assert secret(request("/api/state", f"Bearer {token}"), b"") == ""


def test_participants_are_known_after_a_restart(access, tmp_path):
    token = access.store.join(9)
    again = Store(tmp_path / "answers.sqlite")
    assert again.knows(token) and not again.knows("wrong")
    again.close()
