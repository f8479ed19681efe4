"""Which trial comes next, and what a browser may know of it."""

import json
import re

from synthderm.study.plan import CHOICES
from tests.study.server_process import finish, first_choice

PUBLIC = {"place", "position", "block", "images", "check", "choices", "seconds", "seconds_left"}
SECRET = "add", "remove", "repeat", "correct", "origin", "before", "after", "kind", "target"


def test_the_key_never_reaches_the_browser(server, client, study):
    replies = {}
    for number in (1, 2):
        headers = server.join(client)
        trials, raw = finish(client, headers, first_choice)
        assert len(trials) == study.settings.plan.length
        for shown, trial in zip(trials, study.trials[number], strict=True):
            assert set(shown) == PUBLIC
            assert (shown["check"] is not None) == (trial.kind == "check")
            assert shown["images"] == [f"/images/{name}" for name in (trial.a, trial.b) if name]
        replies[number] = "".join(raw)
    text = re.sub(r"/images/\w+\.jpg", "", replies[1] + replies[2])  # a random name may spell "add"
    for secret in SECRET:
        assert secret not in text, secret
    sides = {name: row["side"] for name, row in study.origins.items()}
    choices = [json.dumps(trial["choices"]) for trial in trials if trial["block"] == "yesno"]
    assert len(set(choices)) == 1, "the order of the buttons changes with the picture"
    assert {
        sides[trial["images"][0].removeprefix("/images/")]
        for trial in trials
        if trial["block"] == "yesno" and trial["images"]
    } == {"real", "generated"}


def test_only_the_own_next_trial_can_be_answered(server, client, study):
    one, two = server.join(client), server.join(client)
    client.post("/api/begin", headers=one)

    def answer(headers, position, choice="real", **more):
        allowed = CHOICES[study.trials[1][min(position, study.settings.plan.length - 1)].block]
        choice = allowed[0] if choice == "real" else choice
        body = {"position": position, "choice": choice, "milliseconds": 1} | more
        return client.post("/api/answer", headers=headers, json=body).status_code

    assert answer(one, 1) == 409, "the trial after the next"
    assert answer(one, 0) == 200
    assert answer(one, 0) == 200, "the same again is a repeated message"
    other = CHOICES[study.trials[1][0].block][1]
    assert answer(one, 0, other) == 409, "a replay can't change an answer"
    assert answer(one, 10_000) == 409
    assert answer(one, 1, "banana") == 422
    assert answer(one, 1, participant=2) == 422, "only the link says whose answer it is"
    positions = [
        client.get("/api/state", headers=headers).json()["trial"]["position"]
        for headers in (one, two)
    ]
    assert positions == [1, 0], "the other participant is where they were"
