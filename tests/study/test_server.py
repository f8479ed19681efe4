"""Nobody in where they don't belong: a real server, asked politely and otherwise."""

import csv
import http.client
import io
import json
import re
import socket
import sqlite3
from pathlib import Path

import httpx
import pytest

import synthderm.study
from synthderm.study.guard import BODY_LIMIT, HEADERS, Limiter, Rate, client_of
from synthderm.study.schedule import CHOICES
from synthderm.study.serve import _listen, serve
from synthderm.study.server import REQUESTS, WRONG_SECRETS


@pytest.fixture
def server(start, folder):
    return start(folder)


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


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
        state = client.post(
            "/api/answer",
            headers=headers,
            json={"position": trial["position"], "choice": choose(trial), "milliseconds": 900},
        )
        assert state.status_code == 200, state.text
    return trials, raw


def first_choice(trial):
    return trial["choices"][0]["value"]


def test_the_key_never_reaches_the_browser(server, client, study):
    replies = {}
    for number in (1, 2):
        headers = server.join(client)
        trials, raw = finish(client, headers, first_choice)
        assert len(trials) == study.settings.plan.length
        for shown, trial in zip(trials, study.trials[number], strict=True):
            assert set(shown) == {
                "position",
                "block",
                "images",
                "check",
                "choices",
                "seconds",
                "seconds_left",
            }
            assert (shown["check"] is not None) == (trial.kind == "check")
            assert shown["images"] == [f"/images/{name}" for name in (trial.a, trial.b) if name]
        replies[number] = "".join(raw)
    text = re.sub(r"/images/\w+\.jpg", "", replies[1] + replies[2])  # a random name may spell "add"
    for secret in (
        "add",
        "remove",
        "repeat",
        "correct",
        "origin",
        "before",
        "after",
        "kind",
        "target",
    ):
        assert secret not in text, secret
    sides = {name: row["side"] for name, row in study.origins.items()}
    choices = [json.dumps(trial["choices"]) for trial in trials if trial["block"] == "yesno"]
    assert len(set(choices)) == 1, "the order of the buttons changes with the picture"
    assert {
        sides[trial["images"][0].removeprefix("/images/")]
        for trial in trials
        if trial["block"] == "yesno" and trial["images"]
    } == {"real", "generated"}


def test_image_replies_differ_in_nothing_but_the_image(client, study):
    seen = set()
    for name in study.origins:
        reply = client.get(f"/images/{name}")
        headers = {
            key: value
            for key, value in reply.headers.items()
            if key not in ("content-length", "date")
        }
        seen.add(json.dumps(headers, sort_keys=True))
        assert reply.content == study.image(name).read_bytes()
    assert len(seen) == 1 and "last-modified" not in seen.pop()


def test_only_the_own_next_trial_can_be_answered(server, client, study):
    one, two = server.join(client), server.join(client)
    client.post("/api/begin", headers=one)

    def answer(headers, position, choice="real", **more):
        allowed = CHOICES[study.trials[1][min(position, study.settings.plan.length - 1)].block]
        choice = allowed[0] if choice == "real" else choice
        return client.post(
            "/api/answer",
            headers=headers,
            json={"position": position, "choice": choice, "milliseconds": 1} | more,
        ).status_code

    assert answer(one, 1) == 409, "the trial after the next"
    assert answer(one, 0) == 200
    assert answer(one, 0) == 200, "the same again is a repeated message"
    other = CHOICES[study.trials[1][0].block][1]
    assert answer(one, 0, other) == 409, "a replay can't change an answer"
    assert answer(one, 10_000) == 409
    assert answer(one, 1, "banana") == 422
    assert answer(one, 1, participant=2) == 422, "whose answer it is stands in the link alone"
    assert client.get("/api/state", headers=two).json()["trial"]["position"] == 0, (
        "the other participant is where they were"
    )
    assert client.get("/api/state", headers=one).json()["trial"]["position"] == 1


@pytest.mark.parametrize(
    "token", ["x", "1", "null", "../../etc/passwd", "' OR 1=1 --", "A" * 32, "%00", "\xff"]
)
def test_forged_links_are_refused(shared, token):
    headers = {"Authorization": b"Bearer " + token.encode("latin-1")}
    with shared.client(f"127.0.1.{1 + len(token)}") as client:
        assert client.get("/api/state", headers=headers).status_code == 401
        assert (
            client.post(
                "/api/answer",
                headers=headers,
                json={"position": 0, "choice": "real", "milliseconds": 1},
            ).status_code
            == 401
        )
        assert client.post("/api/withdraw", headers=headers).status_code == 401


def test_links_cannot_be_guessed(server, client, study):
    headers = [server.join(client)["Authorization"].removeprefix("Bearer ") for _ in range(20)]
    assert len(set(headers)) == 20 and all(len(token) >= 32 for token in headers)
    assert client.get("/s/wrong").status_code == 404
    assert client.post("/api/join", json={"invitation": "wrong", "agreed": True}).status_code == 404
    assert (
        client.post(
            "/api/join", json={"invitation": server.invitation, "agreed": False}
        ).status_code
        == 403
    )
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
    assert [int(row["correct"]) for row in rows] == [
        int(row["choice"] == trial.answer) for row, trial in zip(rows, study.trials[1], strict=True)
    ]


@pytest.mark.parametrize(
    "path",
    ["/images/../study.json", "/images/..%2ftrials.csv", "/images/%2e%2e/images.csv", "/images//etc/passwd", "/static/../server.py", "/static/..%5cserver.py",
     "/static/%2e%2e%2fserver.py", "/images/" + "0" * 32 + ".jpg", "/study.json", "/trials.csv", "/answers.sqlite", "/docs", "/openapi.json",
     "/images/....//trials.csv", "//study.json", "/images/%00.jpg"],
)  # fmt: skip
def test_no_way_to_other_files(shared, path):
    connection = http.client.HTTPConnection(
        "127.0.0.1", shared.port, timeout=10
    )  # sends the path as it is
    connection.request("GET", path)
    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{}", 422), (b"", 422), (b"not json", 422), (b"[" * 2000, 422), (b"\xff\xfe", 422), (b'{"position": NaN}', 422), (b"null", 422),
     (b'{"position": -1, "choice": "a", "milliseconds": 1}', 422), (b'{"position": 1e400, "choice": "a", "milliseconds": 1}', 422),
     (b'{"position": "0", "choice": "a", "milliseconds": 1}', 422), (b'{"position": true, "choice": "a", "milliseconds": 1}', 422),
     (b'{"position": 0, "choice": "a", "milliseconds": -5}', 422), (b'{"position": 0, "choice": ["a"], "milliseconds": 1}', 422),
     (b'{"position": 99999999999999999999999, "choice": "a", "milliseconds": 1}', 422), (b"x" * (BODY_LIMIT + 1), 413), (b"x" * 5_000_000, 413)],
)  # fmt: skip
def test_malformed_bodies_are_refused_and_nothing_breaks(shared, body, status):
    with shared.client() as client:
        headers = shared.join(client)
    try:
        with shared.client() as client:
            reply = client.post(
                "/api/answer", headers=headers | {"Content-Type": "application/json"}, content=body
            )
        assert reply.status_code in (status, 400)
        assert "Traceback" not in reply.text and len(reply.text) < 1000
    except httpx.TransportError:
        assert status == 413, "only an oversized body may find the door shut"
    with shared.client() as fresh:
        assert fresh.get("/api/state", headers=headers).status_code == 200


def test_an_endless_body_is_cut_off(shared):
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as raw:
        raw.sendall(
            b"POST /api/join HTTP/1.1\r\nHost: x\r\nContent-Type:"
            b" application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        try:
            while sent < 50_000_000:
                raw.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                sent += 4096
        except OSError:
            pass
        assert sent < 50_000_000, "the server read everything"


def test_ten_thousand_requests_from_one_client_do_not_stop_another(server):
    """The flood is refused beyond the allowed rate, and everyone else is served."""
    request, codes = b"GET /static/icon.svg HTTP/1.1\r\nHost: x\r\n\r\n", []
    with (
        socket.create_connection(
            ("127.0.0.1", server.port), timeout=60, source_address=("127.0.0.7", 0)
        ) as raw,
        raw.makefile("rb") as replies,
    ):
        for _ in range(20):
            raw.sendall(request * 500)  # without waiting for replies, as a flood does
            for _ in range(500):
                codes.append(int(replies.readline().split()[1]))
                length = 0
                while (line := replies.readline().lower().strip()) != b"":
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                replies.read(length)
    assert len(codes) == 10_000 and set(codes) == {200, 429} and codes.count(200) >= REQUESTS.burst
    assert codes[int(REQUESTS.burst) - 1] == 200
    with server.client("127.0.0.8") as other:
        assert server.join(other)


def test_the_rate_limit_by_its_own_clock():
    now = 0.0
    limiter = Limiter(Rate(burst=5, per_second=2), clock=lambda: now, clients=3)
    assert [limiter.allows("a") for _ in range(6)] == [True] * 5 + [False]
    assert limiter.allows("b"), "another client has its own"
    now = 1.0
    assert [limiter.allows("a") for _ in range(3)] == [True, True, False]
    now = 1000.0
    assert [limiter.allows("a") for _ in range(6)] == [True] * 5 + [False], (
        "never more than the burst"
    )
    for client in "cdefgh":
        limiter.allows(client)
    assert len(limiter.buckets) == 3, "memory does not grow"


def test_neighbours_in_one_ipv6_network_count_as_one():
    one, two, other = (
        client_of({"client": (address, 1)})
        for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:1::1")
    )
    assert one == two != other
    assert client_of({"client": None}) == "unknown"


def test_ten_thousand_requests_are_counted_against_the_client_alone():
    limiter = Limiter(REQUESTS, clock=lambda: 0.0)
    assert sum(limiter.allows("flood") for _ in range(10_000)) == REQUESTS.burst
    assert limiter.allows("other")


def test_addresses_are_stored_nowhere(server, folder):
    with server.client("127.0.0.9") as client:
        headers = server.join(client)
        finish(client, headers, first_choice)
        client.get("/api/state", headers={"Authorization": "Bearer wrong"})
        client.get("/nowhere")
    printed = server.stop()
    assert "127.0.0.9" not in printed
    assert headers["Authorization"].removeprefix("Bearer ") not in printed
    for path in folder.rglob("*"):
        assert path.is_dir() or b"127.0.0.9" not in path.read_bytes(), path
    with sqlite3.connect(folder / "answers.sqlite") as database:
        columns = {
            row[1]
            for table in ("participants", "answers", "meta")
            for row in database.execute(f"PRAGMA table_info({table})")
        }
    database.close()
    assert columns == {
        "number",
        "token_hash",
        "position",
        "shown_at",
        "participant",
        "choice",
        "milliseconds",
        "name",
        "value",
    }


def test_every_reply_carries_the_security_headers_and_no_cookie(shared):
    for path in (f"/s/{shared.invitation}", "/p/x", "/static/study.js", "/nowhere", "/api/state"):
        with shared.client() as client:
            reply = client.get(path)
        assert all(reply.headers[name] == value for name, value in HEADERS.items()), path
        assert "set-cookie" not in reply.headers and "server" not in reply.headers


def test_replies_are_not_held_back():
    """asyncio sends small packets at once only if the socket names its protocol; else each reply
    waits 40 ms."""
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_says_so(shared, folder):
    with pytest.raises(OSError, match=f"can't listen on 127.0.0.1:{shared.port}.*--port"):
        serve(folder, port=shared.port)


def test_pages_name_no_other_host():
    pages = Path(synthderm.study.__file__).parent / "pages"
    found = [
        address
        for page in pages.iterdir()
        for address in re.findall(
            r"""https?://[^\s"'<>]+|["'(]//[a-z][^\s"')]*""", page.read_text()
        )
    ]
    assert found == ["http://www.w3.org/2000/svg"], "the name of a format, which is never fetched"


def test_no_places_left(server, client, study):
    for _ in range(len(study.trials)):
        server.join(client)
    reply = client.post("/api/join", json={"invitation": server.invitation, "agreed": True})
    assert reply.status_code == 410


def test_words_cannot_break_out_of_the_page(folder, start):
    (folder / "consent.txt").write_text("<script>alert(1)</script> & more $title\n\nNext.")
    texts = json.loads((folder / "texts.json").read_text())
    (folder / "texts.json").write_text(
        json.dumps(texts | {"done": "</script><script>alert(1)</script>"})
    )
    server = start(folder)
    with server.client() as client:
        page = client.get(f"/s/{server.invitation}").text
    assert (
        "<script>alert" not in page
        and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more $title" in page
    )
    assert page.count("</script>") == 2
