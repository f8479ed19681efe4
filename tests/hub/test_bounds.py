"""`Bounds` alone: what is too slow, too much, too late, and who may see the token."""

import threading
from types import SimpleNamespace

import pytest
from huggingface_hub import constants, get_session

from synthderm.hub import bounds
from synthderm.hub.bounds import FLOOR, Bounds, GivenUp, TooLarge


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by hand."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(bounds.time, "monotonic", lambda: clock.now)
    return clock


def answer(status: int = 200, **headers: str) -> SimpleNamespace:
    asked = {"Range": headers.pop("Range")} if "Range" in headers else {}
    request = SimpleNamespace(headers=asked)
    success = status in (200, 206)
    return SimpleNamespace(headers=headers, is_success=success, status_code=status, request=request)


@pytest.mark.parametrize("rate, is_enough", [(FLOOR - 1, False), (FLOOR + 1, True), (1, False)])
def test_the_floor(clock, rate, is_enough):
    limit = Bounds(10**9, clock.now + 10**6, "late")

    def chunks():
        yield b"x" * 10**6  # a quick start does not make up for what comes later
        for _ in range(100):
            clock.now += 1
            yield b"x" * rate

    body = limit.read(answer(), chunks())
    if is_enough:
        assert sum(map(len, body)) == 10**6 + 100 * rate
    else:
        with pytest.raises(GivenUp, match="bytes within 10 s"):
            list(body)


def test_a_slow_disk_is_not_the_servers_fault(clock):
    limit = Bounds(10**6, clock.now + 10**6, "late")
    for _ in limit.read(answer(), iter([b"x" * 50_000] * 20)):
        clock.now += 30
        limit.check()  # as the waiting thread does


def test_nothing_is_expected_between_requests(clock):
    limit = Bounds(100, clock.now + 10**6, "late")
    limit.wait()
    limit.rest()
    clock.now += 1000
    limit.check()
    limit.wait()
    clock.now += 1000
    with pytest.raises(GivenUp, match="0 bytes within"):
        limit.check()


def test_the_deadline_and_being_left(clock):
    limit = Bounds(0, clock.now + 5, "too late")
    limit.check()
    clock.now += 6
    with pytest.raises(GivenUp, match="too late"):
        limit.check()
    left = Bounds(1, clock.now + 5, "too late")
    left.cancel()
    with pytest.raises(GivenUp):
        list(left.read(answer(), iter([b"x"])))


@pytest.mark.parametrize(
    "response, most",
    [
        (answer(), 100),
        (answer(206, Range="bytes=60-"), 40),
        (answer(206, Range="bytes=60-99"), 40),
        (answer(200, Range="bytes=60-"), 100),  # the range was passed over
        (answer(404), bounds.ANSWER),
        (answer(302), bounds.ANSWER),
    ],
)
def test_the_size(response, most):
    limit = Bounds(100, 10**12, "late")
    assert sum(map(len, limit.read(response, iter([b"x"] * most)))) == most
    for chunks in ([b"x"] * (most + 1), [b"x" * (most + 1)]):
        with pytest.raises(TooLarge):
            list(limit.read(response, iter(chunks)))


def test_results_and_errors_come_back():
    limit = Bounds(0, 10**12, "late")
    assert limit.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        limit.run(lambda: 1 // 0)
    stop = threading.Event()
    with pytest.raises(GivenUp, match="late"):
        Bounds(0, 0, "late").run(lambda: stop.wait(60))
    stop.set()


@pytest.mark.parametrize(
    "endpoint, own, others",
    [
        (
            "https://huggingface.co",
            [
                "https://huggingface.co/a/b",
                "https://huggingface.co:443/a",
                "https://HuggingFace.co",
            ],
            [
                "http://huggingface.co/a",  # without encryption
                "https://huggingface.co:8443/a",
                "https://cdn.huggingface.co/a",
                "https://huggingface.co.evil.org/a",
                "https://huggingface.co@evil.org/a",
                "https://evil.org/huggingface.co",
                "https://evil.org?https://huggingface.co",
            ],
        ),
        (
            "http://127.0.0.1:8080/hub",
            ["http://127.0.0.1:8080/hub/a", "http://127.0.0.1:8080/other"],
            ["http://127.0.0.1:8081/hub/a", "http://localhost:8080/a", "https://huggingface.co/a"],
        ),
    ],
)
def test_only_the_hub_sees_the_token(monkeypatch, endpoint, own, others):
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)

    def is_sent(url: str) -> bool:
        request = SimpleNamespace(url=url, headers={"Authorization": "Bearer hf_secret"})
        Bounds(0, 10**12, "late").run(lambda: bounds._before_request(request))
        return "Authorization" in request.headers

    assert all(map(is_sent, own))
    assert not any(map(is_sent, others))


def test_calls_of_others_are_left_alone():
    """The hooks are added once, after those of the user, and do nothing outside of `run`."""
    for _ in range(3):
        Bounds(0, 10**12, "late").run(lambda: None)
    assert get_session().event_hooks["request"].count(bounds._before_request) == 1
    headers = {"Authorization": "Bearer hf_secret"}
    request = SimpleNamespace(url="https://elsewhere.org", headers=dict(headers))
    bounds._before_request(request)
    assert request.headers == headers
    response = SimpleNamespace(headers={"X-Xet-Hash": "a"})
    bounds._after_response(response)
    assert response.headers == {"X-Xet-Hash": "a"} and not hasattr(response, "iter_raw")
