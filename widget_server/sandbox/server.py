"""All upstreams on one port of this machine, at their own paths."""

import contextlib
import socket
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
from widget_server.sandbox.economy import Counts, Economy, counts_of, make_economy
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


def _nobody(told: str) -> None:
    """For those who know where they started it."""


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
    say: Callable[[str], None] = _nobody,
) -> None:
    """Serve until interrupted. Only on loopback: what is served is not true, and its faults are open to everybody.

    `say` is told where it is, with the settings of an installation that reads it. `OSError` when the port is taken.
    """
    if host not in _LOOPBACK:
        raise ValueError(f"the sandbox is served on loopback only, not on {host}")
    counts = counts_of(scale)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))  # before a country is drawn: a port that is taken is told at once
        economy = make_economy(seed=seed, scale=counts, now=now or datetime.now(UTC))
        application = create_sandbox(economy, settings)
        config = uvicorn.Config(
            with_hang_up(application),
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        say(_introduced(f"http://{host}:{listener.getsockname()[1]}", settings or SandboxSettings()))
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _introduced(address: str, settings: SandboxSettings) -> str:
    """Where it is, and what to put into the environment of an installation that reads it."""
    lines = [
        f"The sandbox is at {address}; everything in it is fictitious. Ctrl-C ends it. To read it:",
        "",
        f"export FRANCE_TRAVAIL_URL={address}",
        f"export FRANCE_TRAVAIL_TOKEN_URL='{address}/connexion/oauth2/access_token?realm=%2Fpartenaire'",
        f"export FRANCE_TRAVAIL_CLIENT_ID={settings.client_id} FRANCE_TRAVAIL_CLIENT_SECRET={settings.client_secret}",
        f"export CARIF_OREF_URL={address}",
        f"export RECRUITERS_URL={address}/recruiters/recruiters.ndjson.gz",
        f"export API_APPRENTISSAGE_URL={address}/api API_APPRENTISSAGE_KEY={settings.api_key}",
        f"export LABONNEBOITE_URL={address}",
        "export DATA_DIR=sandbox-data",
        "",
        f"Faults: GET, POST and DELETE {address}/_faults; changes of the offers: POST {address}/_change;",
        f"what a perfect sync ends with: GET {address}/_truth/offers, /_truth/trainings, /_truth/recruiters.",
    ]
    return "\n".join(lines)
