"""Nothing is lost: an acknowledged answer is on disk, once, whatever happens to the server."""

import random
import resource
import sqlite3
import threading
from collections import Counter

import httpx
import pytest

from synthderm.study.database import NotSaved
from synthderm.study.store import Conflict, Store, StudyFull

PEOPLE, EACH = 50, 4


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "answers.sqlite", timeout=0.1)
    yield store
    store.close()


def test_an_answer_counts_once_and_in_order(store):
    one, two = (store.participant(store.join(9)) for _ in range(2))
    store.save(one, 0, "a", 10)
    store.save(one, 0, "a", 99)
    with pytest.raises(Conflict, match="differently"):
        store.save(one, 0, "b", 10)
    with pytest.raises(Conflict, match="next trial is 2"):
        store.save(one, 2, "a", 10)
    store.save(two, 0, "b", 20)
    assert store.answers() == [(one, 0, "a", 10), (two, 0, "b", 20)]
    assert (store.next_position(one), store.next_position(two)) == (1, 1)


def test_the_database_is_durable_by_its_own_account(store):
    pragmas = [
        store.database.writer.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete")
    ]
    assert pragmas == ["wal", 2, 1], "write-ahead log, FULL, on"


def test_places_and_tokens(store):
    tokens = [store.join(3) for _ in range(3)]
    assert [store.participant(token) for token in tokens] == [1, 2, 3]
    for number in (1, 2, 3):
        store.save(number, 0, "a", 10)
    with pytest.raises(StudyFull):
        store.join(3)
    assert store.participant("wrong") is None
    assert store.participants() == {1: False, 2: False, 3: False}


def test_withdrawing_leaves_nothing_on_disk(store, tmp_path):
    token = store.join(3)
    store.save(1, 0, "unmistakable", 10)
    assert any(b"unmistakable" in path.read_bytes() for path in tmp_path.iterdir())
    store.withdraw(1)
    assert not any(b"unmistakable" in path.read_bytes() for path in tmp_path.iterdir())
    assert store.participant(token) is None and store.participants() == {1: True}
    store.join(3)
    assert store.participants() == {1: True, 2: False}, "a schedule is not used twice"


def test_time_since_a_trial_was_shown_survives_a_restart(store, tmp_path):
    store.join(1)
    assert not store.was_shown(1, 0)
    assert store.seconds_since_shown(1, 0) is None
    other = Store(tmp_path / "answers.sqlite")
    assert other.was_shown(1, 0) and other.seconds_since_shown(1, 0) >= 0
    assert other.seconds_since_shown(1, 1) is None
    other.close()


def test_a_locked_database_says_not_saved_and_works_again(store, tmp_path):
    store.join(1)
    with sqlite3.connect(tmp_path / "answers.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotSaved, match="locked"):
            store.save(1, 0, "a", 1)
        other.execute("ROLLBACK")
    other.close()
    store.save(1, 0, "a", 1)
    assert len(store.answers()) == 1


def test_concurrent_double_submits_count_once(tmp_path):
    store = Store(tmp_path / "answers.sqlite")
    store.join(1)
    outcomes = []

    def submit(choice):
        try:
            store.save(1, 0, choice, 1)
            outcomes.append(choice)
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=submit, args=("ab"[index % 2],)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((_, _, saved, _),) = store.answers()
    assert Counter(outcomes) == {saved: 8, "refused": 8}
    store.close()


def choices_on_disk(folder):
    """(participant, position) to choice."""
    store = Store(folder / "answers.sqlite")
    rows = store.answers()
    store.close()
    assert len({row[:2] for row in rows}) == len(rows), "an answer counts twice"
    return {(number, position): choice for number, position, choice, _ in rows}


def test_kill_9_during_200_submissions_from_50_participants(start, folder):
    """Participants send each answer twice, and the server is killed in the middle."""
    server = start(folder)
    with server.client() as client:
        everyone = [server.join(client) for _ in range(PEOPLE)]
    acknowledged, sent = {}, {}
    lock, enough = threading.Lock(), threading.Event()

    def take_part(number, headers, base):
        rng = random.Random(number)
        with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
            try:
                while True:
                    trial = client.post("/api/begin").raise_for_status().json()["trial"]
                    if trial["position"] >= EACH:
                        return
                    position = trial["position"]
                    choice = rng.choice(trial["choices"])["value"]
                    choice = sent.setdefault((number, position), choice)
                    body = {"position": position, "choice": choice, "milliseconds": 1}
                    for _ in range(2):
                        client.post("/api/answer", json=body).raise_for_status()
                        with lock:
                            acknowledged[number, position] = choice
                            if len(acknowledged) >= PEOPLE * EACH // 2:
                                enough.set()
            except httpx.TransportError:
                return  # the server is gone

    def everyone_takes_part():
        threads = [
            threading.Thread(target=take_part, args=(number, headers, server.base))
            for number, headers in enumerate(everyone, 1)
        ]
        for thread in threads:
            thread.start()
        return threads

    threads = everyone_takes_part()
    assert enough.wait(60)
    server.kill()
    for thread in threads:
        thread.join()
    saved = choices_on_disk(folder)
    in_time = PEOPLE * EACH // 2 <= len(acknowledged) < PEOPLE * EACH
    assert in_time, "killed too early or too late to show anything"
    assert acknowledged.items() <= saved.items(), "an acknowledged answer is lost"
    assert saved.items() <= sent.items(), "an answer that nobody gave"

    server = start(folder, server.port)
    for thread in everyone_takes_part():
        thread.join()
    assert choices_on_disk(folder) == sent and len(sent) == PEOPLE * EACH
    assert acknowledged.items() <= sent.items()


def test_a_full_disk_is_reported_and_the_answer_can_be_sent_again(start, folder):
    """The operating system refuses the server's writes for a while, as on a full disk."""
    server = start(folder)
    with server.client() as client:
        headers = server.join(client)
        trial = client.post("/api/begin", headers=headers).json()["trial"]
        body = {"position": 0, "choice": trial["choices"][0]["value"], "milliseconds": 5}
        limit = (100, resource.RLIM_INFINITY)
        unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)
        refused = client.post("/api/answer", headers=headers, json=body)
        assert refused.status_code == 503 and "Nothing was saved" in refused.text
        assert refused.headers["retry-after"]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert client.get("/api/state", headers=headers).json()["trial"]["position"] == 0
        assert client.post("/api/answer", headers=headers, json=body).status_code == 200
    server.kill()
    store = Store(folder / "answers.sqlite")
    assert [row[:3] for row in store.answers()] == [(1, 0, body["choice"])]
    store.close()
