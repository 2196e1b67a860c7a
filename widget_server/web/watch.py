"""What /metrics tells: requests by route and status, their duration, and the state of each source.

Pure ASGI: wrapping `send` costs microseconds, Starlette's BaseHTTPMiddleware hundreds.
"""

import os
import time
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
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
        self.seconds = Histogram(
            "widget_request_seconds",
            "Time to answer",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
            registry=self.registry,
        )
        self.cards = self._gauge("widget_source_cards", "Cards in the current snapshot")
        self.age = self._gauge("widget_source_age_seconds", "Age of the last complete harvest")
        self.status = self._gauge("widget_source_status", "0 ok, 1 late, 2 missing or withheld")
        self.failing = self._gauge("widget_source_failing", "1 when the last sync of the source failed")

    def _gauge(self, name: str, help: str) -> Gauge:
        return Gauge(name, help, ["source"], registry=self.registry, multiprocess_mode="mostrecent")

    def text(self, states: Sequence[SourceState]) -> bytes:
        """The exposition format, with the sources as they are now."""
        for state in states:
            self.cards.labels(state.name).set(state.count)
            self.age.labels(state.name).set(float("nan") if state.age_s is None else state.age_s)
            self.status.labels(state.name).set(_STATUSES[state.status])
            self.failing.labels(state.name).set(int(state.problem is not None))
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        # With several workers each writes its numbers into files; only their sum is true.
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
                message["headers"] = [*message["headers"], *_ALWAYS]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            # The route's pattern, not the path: a label per card would grow without end.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begun)
