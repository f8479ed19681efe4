"""How much one client may ask for: rates, counted in memory alone."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any


@dataclass(frozen=True)
class Rate:
    """A token bucket: `burst` requests at once, then `per_second`."""

    burst: float
    per_second: float


# A lecture hall may share one address, and all of it may join at once. Each participant, and each
# image, has requests of its own there (see `synthderm.study.access.Access.right_secret`).
REQUESTS = Rate(burst=1000, per_second=100)
JOINS = Rate(burst=1000, per_second=1)
WRONG_SECRETS = Rate(burst=20, per_second=0.2)  # refused in any case, but with less work


class Limiter:
    """Counts requests per client.

    Args:
        rate: what each client may do.
        clock: seconds.
        clients: how many clients, each with each of its secrets, are remembered; the least recent
            are forgotten first.
    """

    def __init__(
        self, rate: Rate, clock: Callable[[], float] = time.monotonic, clients: int = 100_000
    ) -> None:
        self.rate = rate
        self.clock = clock
        self.clients = clients
        self.lock = threading.Lock()
        self.buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def allows(self, client: str, secret: str = "") -> bool:  # nosec B107
        """Whether this client has a request left, with this right secret; it then has one less."""
        now, key = self.clock(), (client, secret)
        with self.lock:
            left, then = self.buckets.pop(key, (self.rate.burst, now))
            left = min(self.rate.burst, left + (now - then) * self.rate.per_second)
            self.buckets[key] = (left - 1 if left >= 1 else left, now)
            if len(self.buckets) > self.clients:
                self.buckets.popitem(last=False)
        return left >= 1


def client_of(scope: Mapping[str, Any]) -> str:
    """The client that a request counts for, from its ASGI scope.

    That is its address, or the /64 network of an IPv6 address, which one household or host has
    for itself.
    """
    host: str = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    # A server that listens to both has IPv4 clients as ::ffff:1.2.3.4, all of one /64 network.
    return str(address.ipv4_mapped or int(address) >> 64)
