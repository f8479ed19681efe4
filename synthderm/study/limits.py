"""How much one client may ask for: rates, counted in memory alone."""

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


# A lecture hall may share one address. 60 people who answer every two seconds make about 100
# requests a second.
REQUESTS = Rate(burst=1000, per_second=100)
JOINS = Rate(burst=100, per_second=1)
WRONG_SECRETS = Rate(burst=20, per_second=0.2)


class Limiter:
    """Counts requests per client.

    Args:
        rate: what each client may do.
        clock: seconds.
        clients: how many clients are remembered; the least recent are forgotten first.
    """

    def __init__(
        self, rate: Rate, clock: Callable[[], float] = time.monotonic, clients: int = 10_000
    ) -> None:
        self.rate = rate
        self.clock = clock
        self.clients = clients
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str, cost: float = 1.0) -> bool:
        """Whether this client has a token left. It then spends `cost` tokens; 0 only asks."""
        now = self.clock()
        left, then = self.buckets.pop(client, (self.rate.burst, now))
        left = min(self.rate.burst, left + (now - then) * self.rate.per_second)
        is_allowed = left >= max(cost, 1.0)
        self.buckets[client] = (left - cost if is_allowed else left, now)
        if len(self.buckets) > self.clients:
            self.buckets.popitem(last=False)
        return is_allowed


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
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else host
