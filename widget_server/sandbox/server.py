"""All upstreams on one port of this machine, at their own paths."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from widget_server.reference.naf import Naf
from widget_server.sandbox.api_apprentissage import ApiApprentissage
from widget_server.sandbox.carif_oref import CarifOref
from widget_server.sandbox.companies import Companies
from widget_server.sandbox.control import Control
from widget_server.sandbox.economy import Counts, Economy, make_economy
from widget_server.sandbox.faults import Faults
from widget_server.sandbox.france_travail import FranceTravail, Tokens
from widget_server.sandbox.gate import Gate, with_hang_up
from widget_server.sandbox.geocoding import Geocoding
from widget_server.sandbox.labonneboite import LaBonneBoite
from widget_server.sandbox.offers import OfferBook
from widget_server.sandbox.predictions import Predictions
from widget_server.sandbox.settings import SandboxSettings
from widget_server.sandbox.trainings import Catalogue

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def create_sandbox(
    economy: Economy,
    settings: SandboxSettings | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """The application. `clock` measures tokens, quotas and addresses that expire.

    `now` fills the Date header and dates the offers that a change creates.
    """
    settings = settings or SandboxSettings()
    faults = Faults()
    companies = Companies(economy, Naf.load())
    book, catalogue = OfferBook(economy, companies, now), Catalogue(economy)
    tokens = Tokens(settings, clock)
    routes: list[Route] = [
        *FranceTravail(economy, book, tokens, settings, clock).routes(),
        *CarifOref(catalogue, settings, clock).routes(),
        *Predictions(economy, companies, settings).routes(),
        *LaBonneBoite(economy, companies, tokens, settings, clock).routes(),
        *ApiApprentissage(economy, book, catalogue, companies, settings, clock).routes(),
        *Geocoding(economy, settings, clock).routes(),
        *Control(economy, book, catalogue, companies, faults).routes(),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(GZipMiddleware, minimum_size=500, compresslevel=1),
            Middleware(Gate, faults=faults, now=now),
        ],
    )


def serve_sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 8712,
    seed: int = 1,
    scale: str | float | Counts = "default",
    now: datetime | None = None,
    settings: SandboxSettings | None = None,
) -> None:
    """Serve until interrupted. Only on loopback: what is served is not true, and its faults are open to everybody."""
    if host not in _LOOPBACK:
        raise ValueError(f"the sandbox is served on loopback only, not on {host}")
    economy = make_economy(seed=seed, scale=scale, now=now or datetime.now(UTC))
    application = create_sandbox(economy, settings)
    uvicorn.run(
        with_hang_up(application),
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )
