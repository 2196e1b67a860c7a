"""The web application: settings in, an ASGI application out. The only module that knows everyone on the web side."""

import asyncio
import ctypes
import gc
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from widget_server import __version__
from widget_server.domain.errors import SettingError
from widget_server.domain.exploration import MOST, SHARE
from widget_server.reference.gazetteer import ReferenceGazetteer
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.reference.tables import Tables
from widget_server.reference.vintages import vintages
from widget_server.settings import Settings, read_settings
from widget_server.snapshot.impressions import ImpressionStore
from widget_server.snapshot.library import Library
from widget_server.snapshot.visits import VisitStore
from widget_server.web.assets import Assets, fingerprint, read_assets
from widget_server.web.busy import is_data, overloaded
from widget_server.web.cache import AnswerCache, Overloaded, RedisTier
from widget_server.web.deferred import Deferred
from widget_server.web.edition import Editions
from widget_server.web.fast import Learnt
from widget_server.web.impressions import Impressions
from widget_server.web.quotas import Quotas
from widget_server.web.readings import Readings
from widget_server.web.registry import Registry
from widget_server.web.replies import problem
from widget_server.web.routes import DEFERRED, ROUTES
from widget_server.web.site import Site
from widget_server.web.tiles import read_tiles
from widget_server.web.turnstile import Turnstile
from widget_server.web.visits import Visits
from widget_server.web.watch import Metrics, Watch

_LOG = logging.getLogger(__name__)
_WARM_AFTER_S = 1.0
_M_ARENA_MAX = -8  # malloc.h
_FLUSH_S = 10.0


def create_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] | None = None,
    assets: Assets | None = None,
    clock_s: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application over the snapshots in the settings' data folder; it serves with none, one or all of them.

    `now` is the clock that people read, `clock_s` the one that quotas and files are looked after with.
    """
    if not settings.look_again_s > 0:
        raise SettingError(f"LOOK_AGAIN_S: {settings.look_again_s} is no pause between two looks, for example 1.0")
    tables = Tables(settings.reference_path())
    places, occupations = Places.load(tables), Occupations.load(tables)
    gazetteer = ReferenceGazetteer(places, occupations)
    metrics, assets = Metrics(), assets or read_assets()
    registry = Registry(Path(settings.partners_file) if settings.partners_file else None, gazetteer, clock_s=clock_s)
    now = now or (lambda: datetime.now(UTC))
    threads = max(1, len(os.sched_getaffinity(0)) // max(1, settings.workers))
    # One connection more than threads that make answers: the pages of single cards read on the event loop.
    library = Library(
        settings.data_path(), settings.expected_sources(), readers=threads + 1, look_again_s=settings.look_again_s
    )
    library.refresh(at_once=True)
    told = (settings.public_url, settings.tile_url, settings.tile_credit, str(_exploration(settings)))
    build = [__version__, fingerprint(assets), *told, *(each.sha256 for each in vintages(tables))]
    editions = Editions(
        library=library,
        settings=settings,
        now=now,
        build=" ".join(build),
        partners=lambda: registry.current().version,
    )
    cache = AnswerCache(
        counts=metrics,
        threads=threads,
        most_bytes=settings.cache_mb * 1_000_000,
        tier=RedisTier(settings.cache_url, metrics) if settings.cache_url else None,
    )
    site = Site(
        settings=settings,
        library=library,
        places=places,
        occupations=occupations,
        gazetteer=gazetteer,
        registry=registry,
        quotas=Quotas(clock_s=clock_s),
        assets=assets,
        metrics=metrics,
        editions=editions,
        cache=cache,
        learnt=Learnt(editions),
        impressions=Impressions(
            ImpressionStore(settings.data_path()) if _is_on(settings, "impressions") else None,
            now=now,
            told=metrics.recruiters_shown,
        ),
        visits=Visits(VisitStore(settings.data_path()) if _is_on(settings, "visits") else None, now=now),
        readings=Readings(lambda: registry.current().version),
        now=now,
        tiles=read_tiles(settings, assets),
    )
    app = Application(site, routes=ROUTES, lifespan=_alive)
    app.state.site = site
    return app


class Application(Starlette):
    """Starlette's router, with the turnstile and the fast path in front of it."""

    def __init__(self, site: Site, *, routes: Sequence[BaseRoute], lifespan: Lifespan["Application"]) -> None:
        super().__init__(routes=routes, lifespan=lifespan)
        self._metrics = site.metrics
        self._learnt = site.learnt
        self._refuse = Turnstile(site).refuse
        self._served_fast = site.served_fast
        self._plain = {
            route.path: route
            for route in routes
            if isinstance(route, Route) and not route.param_convertors and "GET" in (route.methods or ())
        }

    def build_middleware_stack(self) -> ASGIApp:
        """One layer that counts and answers errors, where Starlette has two more for errors known and unknown."""
        return Watch(self._enter, self._metrics, _failed)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A plain path finds its route at once. To try patterns, with two more layers, took 8 of 18 us of a list."""
        route = self._plain.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if route is None:
            await self.router(scope, receive, send)
        else:
            scope["route"] = route
            await route.app(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. In one function: a layer that is awaited costs a fast answer 1 us of 12."""
        if scope["type"] == "http":
            scope["app"] = self
            asked = dict(scope["headers"])  # one pass for all three headers that matter here
            # First, so that what a cache answers is counted too.
            refusal = self._refuse(scope, asked)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
            known = self._learnt.find(scope["path"], scope["query_string"]) if scope["method"] == "GET" else None
            if known is not None:
                entry, partner = known
                ready = entry.ready(asked)
                if ready is not None:
                    start, body = ready
                    await send(start)
                    await send(body)
                    self._served_fast(scope["path"], start["status"], entry, partner)
                    return
        await super().__call__(scope, receive, send)


def from_environment() -> Starlette:
    """What each worker process runs: the settings come from the environment that `serve` prepared."""
    _keep_to_one_heap()
    file = os.environ.get("WIDGET_SETTINGS")
    app = create_app(read_settings(os.environ, Path(file) if file else None))
    # What is here now stays to the end: no collection looks at it again, so that none holds up a visitor for 7 ms.
    gc.freeze()
    gc.enable()
    return app


def _keep_to_one_heap() -> None:
    """Before there are threads: glibc would give each a heap of its own, and holes in them are what grows.

    From the 30 000th to the 60 000th mixed request own memory grew by 5.3 MB with them, and by 1.0 MB with one.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library knows no such heaps
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


@asynccontextmanager
async def _alive(app: Starlette) -> AsyncIterator[None]:
    """What goes on beside the requests: warming up, and following the shelves."""
    site: Site = app.state.site
    following = asyncio.create_task(_follow(site))
    counting = asyncio.create_task(_keep_flushing(site))
    yield
    following.cancel()
    counting.cancel()
    await asyncio.gather(following, counting, return_exceptions=True)
    site.metrics.settled()
    await _flush(site)
    await site.cache.close()


def _is_on(settings: Settings, name: Literal["impressions", "visits"]) -> bool:
    told = getattr(settings, name)
    if told not in ("on", "off"):
        raise SettingError(f'{name.upper()}: {told!r} is neither "on" nor "off"')
    return bool(told == "on")


def _exploration(settings: Settings) -> float:
    if not 0 <= settings.recruiters_exploration <= MOST:
        raise SettingError(
            f"RECRUITERS_EXPLORATION: {settings.recruiters_exploration:g} is no share from 0 to {MOST:g}, for example"
            f" {SHARE:g}"
        )
    return settings.recruiters_exploration


async def _flush(site: Site) -> None:
    await site.impressions.flush()
    await site.visits.flush()


async def _keep_flushing(site: Site) -> None:
    """Write what was counted, until cancelled."""
    while True:
        await asyncio.sleep(_FLUSH_S)
        await _flush(site)


async def _follow(site: Site) -> None:
    """Warm up; then, every LOOK_AGAIN_S, pick up new versions and settle what was counted.

    Reading a new version to its end takes seconds: that is done in a thread, beside the requests.
    """
    await asyncio.sleep(_WARM_AFTER_S)
    try:
        await _warm(site)
    except Exception:  # what could not be made aside is made when it is asked for
        _LOG.exception("the warm-up has failed")
    while True:
        await asyncio.sleep(site.settings.look_again_s)
        site.metrics.settled()
        try:
            await asyncio.to_thread(site.library.refresh, at_once=True)
        except Exception:  # a folder that cannot be read now may be there again in a second
            _LOG.exception("the shelves cannot be looked at")


async def _warm(site: Site) -> None:
    """Make aside what the first who asks for a page, types a place, or gives a point, would have to wait for.

    Not at once: the lifespan begins before the port is bound, and this would take its time from the first answers.
    """
    for endpoint in DEFERRED:
        await endpoint.deferred.get()
    for make in (partial(site.places.suggest, "a"), partial(site.occupations.suggest, "a")):
        await asyncio.to_thread(make)
    await asyncio.to_thread(site.places.nearest, 46.5, 2.5)


_LOST: Deferred[Callable[[Request], Response]] = Deferred("widget_server.web.standalone", "lost")


async def _failed(request: Request, error: Exception) -> Response:
    """The answer to an error that an endpoint has raised."""
    if isinstance(error, Overloaded):
        return await overloaded(request)
    if isinstance(error, HTTPException):
        read = "text/html" in request.headers.get("accept", "") and not is_data(request.url.path)
        if error.status_code == 404 and read:
            return (await _LOST.get())(request)
        titles = {404: "Adresse inconnue", 405: "Méthode refusée"}
        title = titles.get(error.status_code, "Requête refusée")
        return problem(request, error.status_code, title, f"{request.method} {request.url.path}")
    _LOG.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(request, 500, "Erreur du serveur", "L'erreur a été notée ; réessayez dans un instant.")
