"""Rates by their own clock, and which requests count as one client."""

from synthderm.study.limits import REQUESTS, Limiter, Rate, client_of


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


def test_ipv4_clients_of_a_server_for_both_are_told_apart():
    """Else one of them uses up what all of them may ask for."""
    one, two = (client_of({"client": (f"::ffff:192.0.2.{k}", 1)}) for k in (1, 2))
    assert one != two and one == client_of({"client": ("192.0.2.1", 9)})
    assert client_of({"client": ("fe80::1%eth0", 1)}) == client_of({"client": ("fe80::2%eth0", 1)})


def test_ten_thousand_requests_are_counted_against_the_client_alone():
    limiter = Limiter(REQUESTS, clock=lambda: 0.0)
    assert sum(limiter.allows("flood") for _ in range(10_000)) == REQUESTS.burst
    assert limiter.allows("other")
