"""What /metrics tells: requests by route and status, their duration, and the state of each source.

Pure ASGI: wrapping `send` costs microseconds, Starlette's BaseHTTPMiddleware hundreds.
"""

import os
import time
from collections import Counter as Counts
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_server.domain.answer import SourceState
from widget_server.web.headers import EVERYWHERE

_STATUSES: Final = {"ok": 0, "late": 1, "missing": 2}
_ALWAYS: Final = [(name.lower().encode(), value.encode()) for name, value in EVERYWHERE.items()]


class Metrics:
    """One registry per application, so that two applications in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("widget_requests", "Requests answered", ["route", "status"], registry=self.registry)
        self.lists = Counter("widget_lists", "Lists shown, by partner", ["partner"], registry=self.registry)
        self._listed: Counts[str | None] = Counts()
        self.seconds = Histogram(
            "widget_request_seconds",
            "Time to answer, of what goes through the router: the fast path takes less than 0.1 ms",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
            registry=self.registry,
        )
        self._answers = Counter(
            "widget_answers",
            "Lists by where they came from: fast, memory, shared or made; refused when too many waited to be made",
            ["origin"],
            registry=self.registry,
        )
        self._tier_failures = Counter(
            "widget_cache_tier_failures", "Calls to the second tier of the cache that failed", registry=self.registry
        )
        self._cache_bytes = Gauge(
            "widget_cache_bytes", "What the kept answers take", registry=self.registry, multiprocess_mode="livesum"
        )
        # A child costs 0.5 us where labels() costs 3: each is looked up once.
        self._origins = {name: self._answers.labels(name) for name in ("fast", "memory", "shared", "made", "refused")}
        self._fast: Counts[tuple[str, int, str | None]] = Counts()
        self._counters: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}
        self.cards = self._gauge("widget_source_cards", "Cards in the current snapshot")
        self.age = self._gauge("widget_source_age_seconds", "Age of the last complete harvest")
        self.status = self._gauge("widget_source_status", "0 ok, 1 late, 2 missing or withheld")
        self.failing = self._gauge("widget_source_failing", "1 when the last sync of the source failed")

    def _gauge(self, name: str, help: str) -> Gauge:
        return Gauge(name, help, ["source"], registry=self.registry, multiprocess_mode="mostrecent")

    def answered_from(self, place: str) -> None:
        """Count where the answer of a list came from."""
        self._origins[place].inc()

    def tier_failed(self) -> None:
        """Count a call to the second tier of the cache that failed."""
        self._tier_failures.inc()

    def listed(self, partner: str | None) -> None:
        """Count one list for a known partner, or for nobody: no address, no search, no time."""
        self._listed[partner] += 1

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request under the path of its route."""
        counter = self._counters.get((route, status))
        if counter is None:
            counter = self._counters[route, status] = self.requests.labels(route, status)
        counter.inc()
        timer = self._timers.get(route)
        if timer is None:
            timer = self._timers[route] = self.seconds.labels(route)
        timer.observe(seconds)

    def answered_fast(self, route: str, status: int, partner: str | None) -> None:
        """Count one list of the fast path. Four counters of prometheus would take as long as all the rest of it."""
        self._fast[route, status, partner] += 1

    def settle(self) -> None:
        """Move what was counted aside into the counters: once a second, and before they are read."""
        fast, self._fast = self._fast, Counts()
        for (route, status, partner), count in fast.items():
            self.requests.labels(route, status).inc(count)
            self._origins["fast"].inc(count)
            self.lists.labels(partner or "").inc(count)
        listed, self._listed = self._listed, Counts()
        for partner, count in listed.items():
            self.lists.labels(partner or "").inc(count)

    def text(self, states: Sequence[SourceState], cache_bytes: int) -> bytes:
        """The exposition format, with the sources and the cache as they are now."""
        self.settle()
        self._cache_bytes.set(cache_bytes)
        for state in states:
            self.cards.labels(state.name).set(state.count)
            self.age.labels(state.name).set(float("nan") if state.age_s is None else state.age_s)
            self.status.labels(state.name).set(_STATUSES[state.status])
            self.failing.labels(state.name).set(int(state.problem is not None))
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        # With several workers each writes its numbers into files; only their sum is true.
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
            if not Path(f"/proc/{pid}").exists():
                # A worker that died: its gauges would be added for ever.
                mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library types this module in part
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library types this class in part
        return generate_latest(together)


class Watch:
    """Counts and times each request under its route's path, and adds the headers that every answer carries."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

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
        finally:
            # The route's pattern, not the path: a label per card would grow without end.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.answered(route, status, time.perf_counter() - begun)
