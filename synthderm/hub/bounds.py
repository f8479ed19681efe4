"""Bounds on what the Hub's client does: bytes, speed and time, and where a token goes.

The client trusts what it talks to. It stores an endless answer, waits for one that comes by the
byte, unpacks a compressed one, hands over to the library of the Xet storage, which has no deadline,
and a redirect may take the token along. So hooks of its session watch each request of a call that
runs under `Bounds`. Other calls of the client, in this process too, are not touched.
"""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar
from urllib.parse import urlsplit

FLOOR = 1000  # bytes a second, the least that is waited for
ANSWER = 1 << 20  # bytes of an answer that is not a file: an error, a redirect
TICK = 0.1  # seconds between two looks at a call
PORTS = {"http": 80, "https": 443}

T = TypeVar("T")
_current: ContextVar["Bounds | None"] = ContextVar("_current", default=None)


class GivenUp(TimeoutError):
    """The call took too long, or brought too little."""


class TooLarge(OSError):
    """An answer has more bytes than it may have."""


class Bounds:
    """What one call of the client may take.

    Args:
        size: bytes of the file that it downloads; 0 if it downloads none.
        deadline: when it must be done, in seconds of `time.monotonic`.
        overdue: the message if it is not.
    """

    def __init__(self, size: int, deadline: float, overdue: str) -> None:
        from huggingface_hub import constants

        self.size, self.deadline, self.overdue = size, deadline, overdue
        self.window = constants.HF_HUB_DOWNLOAD_TIMEOUT
        self.cancelled = False
        self._since: float | None = None  # when a request was sent that has no answer yet

    def run(self, call: Callable[[], T]) -> T:
        """Make the call in a thread of its own, and leave it when it is out of bounds.

        Raises:
            GivenUp: it took too long, or brought less than `FLOOR` bytes a second in a window.
            Exception: as the call raises it.
        """
        results: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

        def work() -> None:
            _current.set(self)
            try:
                _watch_session()
                value = call()
                results.put(lambda: value)
            except BaseException as error:
                results.put(_raiser(error))

        threading.Thread(target=work, daemon=True).start()
        try:
            while True:
                try:
                    result = results.get(timeout=TICK)
                    break
                except queue.Empty:
                    self.check()
        except BaseException:  # also if the user stops it
            self.cancel()
            raise
        return result()

    def cancel(self) -> None:
        """End a call that was left, so that it does not store any more."""
        from huggingface_hub import close_session

        self.cancelled = True
        if self.size:
            # A thread that reads slow headers would go on to hold the lock of the cache.
            close_session()

    def check(self) -> None:
        """Raise `GivenUp` when the call is out of bounds."""
        now = time.monotonic()
        if self.cancelled or now > self.deadline:
            raise GivenUp(self.overdue)
        since = self._since  # read once: another thread sets it
        if since is not None:
            self._check_speed(0, since)

    def wait(self) -> None:
        """Begin to wait for the headers of an answer."""
        self._since = time.monotonic()

    def rest(self) -> None:
        """Wait for no headers, as between requests and for the cache's lock."""
        self._since = None

    def _check_speed(self, received: int, since: float) -> bool:
        """Whether a window is over; if too little came in it, raise `GivenUp`."""
        elapsed = time.monotonic() - since
        if elapsed > self.window and received < FLOOR * elapsed:
            raise GivenUp(
                f"{received:,} bytes within {self.window:g} s; HF_HUB_DOWNLOAD_TIMEOUT sets a"
                " longer time"
            )
        return elapsed > self.window

    def read(self, response: Any, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The body of an answer, as long as it keeps within the bounds."""
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise ConnectionError(f"its answer is compressed by {encoding:.20}, unasked")
        most = ANSWER
        if response.is_success:
            resumed = re.fullmatch(r"bytes=(\d+)-.*", response.request.headers.get("Range", ""))
            most = self.size - int(resumed[1] if resumed and response.status_code == 206 else 0)
        since, received = time.monotonic(), 0
        for chunk in chunks:  # the client's own timeout is for a body that stops altogether
            most -= len(chunk)
            received += len(chunk)
            if most < 0:
                raise TooLarge("more bytes came than were announced")
            self.check()
            if self._check_speed(received, since):
                since, received = time.monotonic(), 0
            yield chunk


def _raiser(error: BaseException) -> Callable[[], Any]:
    def result() -> Any:
        raise error

    return result


def _watch_session() -> None:
    """Add the hooks to the client's session, which may be one that the user has made."""
    from huggingface_hub import get_session

    session = get_session()
    hooks = session.event_hooks
    if _before_request not in hooks["request"]:
        session.event_hooks = {
            "request": [*hooks["request"], _before_request],
            "response": [*hooks["response"], _after_response],
        }


def _before_request(request: Any) -> None:
    """Redirects come here too, each as a request of its own."""
    from huggingface_hub import constants

    bounds = _current.get()
    if bounds is None:
        return
    bounds.check()
    if _origin(str(request.url)) != _origin(constants.ENDPOINT):
        request.headers.pop("Authorization", None)
    request.headers["Accept-Encoding"] = "identity"
    bounds.wait()


def _after_response(response: Any) -> None:
    """The headers are there, the body is not yet read."""
    bounds = _current.get()
    if bounds is None:
        return
    bounds.rest()
    bounds.check()
    # Without this header the client takes the same file by HTTP.
    response.headers.pop("X-Xet-Hash", None)
    read_raw = response.iter_raw
    response.iter_raw = lambda *arguments: bounds.read(response, read_raw(*arguments))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)
