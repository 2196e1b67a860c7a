"""`/metrics`: requests, their duration, lists and the state of each source, in the format of prometheus."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.answer import SourceState
from widget_server.web.site import site_of
from widget_server.web.watch import Counted

_STATUSES: Final = {"ok": 0, "late": 1, "missing": 2}
_ORIGINS: Final = ("fast", "memory", "shared", "made", "refused")


class Exposition:
    """The numbers of one application, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("widget_requests", "Requests answered", ["route", "status"], registry=self._registry)
        self._lists = Counter("widget_lists", "Lists shown, by partner", ["partner"], registry=self._registry)
        self._seconds = Histogram(
            "widget_request_seconds",
            "Time to answer, of what goes through the router: the fast path takes less than 0.1 ms",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
            registry=self._registry,
        )
        self._answers = Counter(
            "widget_answers",
            "Lists by where they came from: fast, memory, shared or made; refused when too many waited to be made",
            ["origin"],
            registry=self._registry,
        )
        for origin in _ORIGINS:
            self._answers.labels(origin)
        self._tier_failures = Counter(
            "widget_cache_tier_failures", "Calls to the second tier of the cache that failed", registry=self._registry
        )
        self._recruiters = Counter(
            "widget_recruiters_shown",
            "Places of recruiters in the lists that left, by whether they were kept for exploration",
            ["explored"],
            registry=self._registry,
        )
        self._cache_bytes = Gauge(
            "widget_cache_bytes", "What the kept answers take", registry=self._registry, multiprocess_mode="livesum"
        )
        self._cards = self._gauge("widget_source_cards", "Cards in the current snapshot")
        self._age = self._gauge("widget_source_age_seconds", "Age of the last complete harvest")
        self._status = self._gauge("widget_source_status", "0 ok, 1 late, 2 missing or withheld")
        self._failing = self._gauge("widget_source_failing", "1 when the last sync of the source failed")

    def _gauge(self, name: str, help: str) -> Gauge:
        return Gauge(name, help, ["source"], registry=self._registry, multiprocess_mode="mostrecent")

    def add(self, counted: Counted) -> None:
        """Add what was counted."""
        for (route, status), seconds in counted.seconds.items():
            self._requests.labels(route, status).inc(len(seconds))
            timer = self._seconds.labels(route)
            for each in seconds:
                timer.observe(each)
        for origin, count in counted.origins.items():
            self._answers.labels(origin).inc(count)
        for (route, status, partner), count in counted.fast.items():
            self._requests.labels(route, status).inc(count)
            self._answers.labels("fast").inc(count)
            self._lists.labels(partner or "").inc(count)
        for explored, count in counted.recruiters.items():
            self._recruiters.labels(explored).inc(count)
        for partner, count in counted.lists.items():
            self._lists.labels(partner or "").inc(count)
        if counted.tier_failures:
            self._tier_failures.inc(counted.tier_failures)

    def value(self, name: str, **labels: str) -> float:
        """One of its numbers; 0 when it was never counted."""
        return self._registry.get_sample_value(name, labels) or 0.0

    def text(self, states: Sequence[SourceState], cache_bytes: int) -> bytes:
        """The exposition format, with the sources and the cache as they are now."""
        self._cache_bytes.set(cache_bytes)
        for state in states:
            self._cards.labels(state.name).set(state.count)
            self._age.labels(state.name).set(float("nan") if state.age_s is None else state.age_s)
            self._status.labels(state.name).set(_STATUSES[state.status])
            self._failing.labels(state.name).set(int(state.problem is not None))
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        # With several workers each writes its numbers into files; only their sum is true.
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
            if not Path(f"/proc/{pid}").exists():
                # A worker that died: its gauges would be added for ever.
                mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library types this module in part
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library types this class in part
        return generate_latest(together)


async def metrics(request: Request) -> Response:
    """What this process counted, or all workers together."""
    site = site_of(request)
    totals = site.metrics.settled()
    text = totals.text([source.state for source in site.sources()], site.cache.size_bytes)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})
