"""Counts requests by route and status with their duration, lists by partner and origin: plainly, as they come.

Prometheus adds the counts up beside the requests, in `exposition.py`, which is imported after the start. Pure ASGI:
wrapping `send` costs microseconds, Starlette's BaseHTTPMiddleware hundreds.
"""

import time
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_server.domain.answer import SourceState
from widget_server.web.deferred import Deferred
from widget_server.web.headers import EVERYWHERE

Failed = Callable[[Request, Exception], Awaitable[Response]]

_ALWAYS: Final = [(name.lower().encode(), value.encode()) for name, value in EVERYWHERE.items()]


class Counted(msgspec.Struct, kw_only=True):
    """What was counted since it was last taken.

    seconds         durations by route and status, of what went through the router
    fast            lists of the fast path by route, status and partner
    lists           lists of the router by partner; None when they belong to none
    origins         lists of the router by where they came from
    recruiters      places of recruiters that were shown, by whether they were kept for exploration
    tier_failures   calls to the second tier of the cache that failed
    """

    seconds: defaultdict[tuple[str, int], list[float]] = msgspec.field(default_factory=lambda: defaultdict(list))
    fast: Counts[tuple[str, int, str | None]] = msgspec.field(default_factory=Counts)
    lists: Counts[str | None] = msgspec.field(default_factory=Counts)
    origins: Counts[str] = msgspec.field(default_factory=Counts)
    recruiters: Counts[str] = msgspec.field(default_factory=Counts)
    tier_failures: int = 0


class Totals(Protocol):
    """Where counts are added up: `exposition.py`."""

    def add(self, counted: Counted) -> None:
        """Add what was counted."""
        ...

    def text(self, states: Sequence[SourceState], cache_bytes: int) -> bytes:
        """What /metrics says, with the sources and the cache as they are now."""
        ...

    def value(self, name: str, **labels: str) -> float:
        """One of its numbers; 0 when it was never counted."""
        ...


_TOTALS: Final = Deferred[Callable[[], Totals]]("widget_server.web.exposition", "Exposition")


class Metrics:
    """One per application, so that two applications in one process do not mix. An addition or two per request."""

    def __init__(self) -> None:
        self._counted = Counted()
        self._totals: Totals | None = None

    def answered_from(self, place: str) -> None:
        """Count where the answer of a list came from."""
        self._counted.origins[place] += 1

    def tier_failed(self) -> None:
        """Count a call to the second tier of the cache that failed."""
        self._counted.tier_failures += 1

    def recruiters_shown(self, places: int, explored: int) -> None:
        """Count places of recruiters that were shown, and those of them that were kept for exploration."""
        self._counted.recruiters["no"] += places - explored
        self._counted.recruiters["yes"] += explored

    def listed(self, partner: str | None) -> None:
        """Count one list for a known partner, or for nobody: no address, no search, no time."""
        self._counted.lists[partner] += 1

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request under the path of its route."""
        self._counted.seconds[route, status].append(seconds)

    def answered_fast(self, route: str, status: int, partner: str | None) -> None:
        """Count one list of the fast path. Four counters of prometheus would take as long as all the rest of it."""
        self._counted.fast[route, status, partner] += 1

    def settled(self) -> Totals:
        """The totals of everything that was counted: once a second, and before it is read."""
        if self._totals is None:
            self._totals = _TOTALS.load()()
        counted, self._counted = self._counted, Counted()
        self._totals.add(counted)
        return self._totals


class Watch:
    """Counts and times each request under its route's path, and adds the headers that every answer carries.

    `failed` makes the answer for an error that nobody has answered.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, failed: Failed | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # What is prepared carries them, in a tuple.
                if not isinstance(message["headers"], tuple):
                    message["headers"] = [*message["headers"], *_ALWAYS]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            if status or self._failed is None:
                raise
            answer = await self._failed(Request(scope), error)
            await answer(scope, receive, send_on)
        finally:
            # The route's pattern, not the path: a label per card would grow without end.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.answered(route, status or 500, time.perf_counter() - begun)
