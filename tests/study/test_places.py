"""Places are taken by a first answer. Until then whoever joined keeps nobody out."""

import pytest

from synthderm.study.store import Conflict, Store, StudyFull
from tests.study.server_process import first_choice

PLACES = 3


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "answers.sqlite", timeout=0.1)
    yield store
    store.close()


def join(store, count):
    """The ids of so many new participants."""
    return [store.participant(store.join(PLACES)) for _ in range(count)]


def test_those_who_never_answer_fill_no_study(store):
    idle = join(store, 50)
    busy = join(store, PLACES)
    taken = []
    for one in busy:
        taken.append(store.place(one, PLACES))
        store.save(one, 0, "a", 1)
    assert sorted(taken) == [1, 2, 3] and store.count_taken() == PLACES
    with pytest.raises(StudyFull):
        store.join(PLACES)
    with pytest.raises(StudyFull):
        store.place(idle[0], PLACES)
    assert [store.place(one, PLACES) for one in busy] == taken, "taken is taken"


def test_free_places_come_first_and_are_shared_evenly(store):
    places = [store.place(one, PLACES) for one in join(store, 7)]
    assert places == [1, 2, 3, 1, 2, 3, 1]
    store.save(1, 0, "a", 1)
    assert [store.place(one, PLACES) for one in join(store, 2)] == [2, 3], "1 is taken"


def test_the_first_answer_takes_the_place_and_the_slower_gets_another(store):
    slow, _, _, fast = join(store, 4)
    assert store.place(slow, PLACES) == store.place(fast, PLACES) == 1
    store.seconds_since_shown(slow, 0)
    store.save(fast, 0, "a", 1)
    with pytest.raises(Conflict, match="another participant's"):
        store.save(slow, 0, "b", 1)
    assert store.place(slow, PLACES) == 2 and not store.was_shown(slow, 0)
    with pytest.raises(Conflict, match="another participant's"):
        store.save(slow, 0, "b", 1, place=1)  # an old tab, which shows the trials of place 1
    store.save(slow, 0, "b", 1, place=2)
    assert store.answers() == [(1, 0, "a", 1), (2, 0, "b", 1)]


def test_whoever_leaves_before_an_answer_leaves_the_place_free(store):
    leaver, stayer = join(store, 2)
    store.withdraw(leaver)
    with pytest.raises(Conflict):
        store.save(leaver, 0, "a", 1)
    assert store.place(join(store, 1)[0], PLACES) == 1
    store.save(stayer, 0, "a", 1)
    store.withdraw(stayer)
    assert store.count_taken() == 1, "nobody else gets trials that were answered"
    assert store.answers() == [] and store.participants() == {1: True, 2: True, 3: False}


def answer(client, headers):
    """See the next trial, answer it, and return the status."""
    trial = client.post("/api/begin", headers=headers).json()["trial"]
    body = {"place": trial["place"], "position": 0, "choice": first_choice(trial)}
    body |= {"milliseconds": 1}
    return client.post("/api/answer", headers=headers, json=body).status_code


def test_joins_from_one_address_do_not_fill_a_study(server, study):
    places = len(study.trials)
    with server.client("127.0.0.3") as crowd:
        joined = [server.join(crowd) for _ in range(places + 5)]
        late = crowd.post("/api/begin", headers=joined[0]).json()["trial"]
    with server.client("127.0.0.4") as client:
        everyone = [server.join(client) for _ in range(places)]
        assert {answer(client, headers) for headers in everyone} == {200}
        body = {"invitation": server.invitation, "agreed": True}
        assert client.post("/api/join", json=body).status_code == 410
        assert client.get("/api/state", headers=joined[0]).status_code == 410
        body = {"position": 0, "choice": first_choice(late), "milliseconds": 1}
        reply = client.post("/api/answer", headers=joined[0], json=body)
        assert reply.status_code == 409 and "another participant" in reply.json()["error"]


def test_an_answer_goes_to_the_trial_that_was_seen(server, client):
    headers = server.join(client)
    trial = client.post("/api/begin", headers=headers).json()["trial"]
    body = {"position": 0, "choice": first_choice(trial), "milliseconds": 1}
    other = body | {"place": trial["place"] + 1}
    assert client.post("/api/answer", headers=headers, json=other).status_code in (409, 422)
    assert client.post("/api/answer", headers=headers, json=body).status_code == 200
