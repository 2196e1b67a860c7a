"""The web application: settings in, an ASGI application out. The only module that knows everyone on the web side."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from widget_server.reference.gazetteer import ReferenceGazetteer
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.reference.tables import Tables
from widget_server.settings import Settings, read_settings
from widget_server.snapshot.library import Library
from widget_server.web.assets import Assets, read_assets
from widget_server.web.partners import read_partners
from widget_server.web.replies import problem
from widget_server.web.routes import ROUTES
from widget_server.web.site import Site
from widget_server.web.watch import Metrics, Watch

_LOG = logging.getLogger(__name__)


def create_app(
    settings: Settings, *, now: Callable[[], datetime] | None = None, assets: Assets | None = None
) -> Starlette:
    """The application over the snapshots in the settings' data folder; it serves with none, one or all of them."""
    tables = Tables(settings.reference_path())
    places, occupations = Places.load(tables), Occupations.load(tables)
    metrics = Metrics()
    site = Site(
        settings=settings,
        library=Library(settings.data_path(), settings.expected_sources()),
        places=places,
        occupations=occupations,
        gazetteer=ReferenceGazetteer(places, occupations),
        partners=read_partners(Path(settings.partners_file) if settings.partners_file else None),
        assets=assets or read_assets(),
        metrics=metrics,
        now=now or (lambda: datetime.now(UTC)),
    )
    site.library.refresh(at_once=True)
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Watch, metrics=metrics)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
        lifespan=_warm,
    )
    app.state.site = site
    return app


def from_environment() -> Starlette:
    """What each worker process runs: the settings come from the environment that `serve` prepared."""
    file = os.environ.get("WIDGET_SETTINGS")
    return create_app(read_settings(os.environ, Path(file) if file else None))


@asynccontextmanager
async def _warm(app: Starlette) -> AsyncIterator[None]:
    """Make the indexes of both suggests aside: the first who types a place must not wait for them."""
    site: Site = app.state.site
    warming = [
        asyncio.create_task(asyncio.to_thread(site.places.suggest, "a")),
        asyncio.create_task(asyncio.to_thread(site.occupations.suggest, "a")),
    ]
    yield
    await asyncio.gather(*warming)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    titles = {404: "Adresse inconnue", 405: "Méthode refusée"}
    return problem(request, status, titles.get(status, "Requête refusée"), f"{request.method} {request.url.path}")


async def _failed(request: Request, error: Exception) -> Response:
    _LOG.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(request, 500, "Erreur du serveur", "L'erreur a été notée ; réessayez dans un instant.")
