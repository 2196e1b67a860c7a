"""The sandbox as an application in memory, with a clock that tests move."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import httpx
import uvicorn

from widget_server.reference.naf import Naf
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.sandbox import Counts, Economy, SandboxSettings, create_sandbox, make_economy
from widget_server.sandbox.companies import Companies
from widget_server.sandbox.gate import with_hang_up
from widget_server.sandbox.offers import OfferBook
from widget_server.sandbox.trainings import Catalogue
from widget_server.settings import Settings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SEARCH = "/partenaire/offresdemploi/v2/offres/search"
DETAIL = "/partenaire/offresdemploi/v2/offres"
SIGN_IN = "/connexion/oauth2/access_token?realm=%2Fpartenaire"
ENTITY = "/api/v1/entity"
RELEASE = "/recruiters/recruiters.ndjson.gz"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "PAR_demo",
    "client_secret": "demo",
    "scope": "api_offresdemploiv2 o2dsoffre",
}
QUIET = SandboxSettings(offers_rate_per_s=0, catalogue_rate_per_s=0, labonneboite_per_s=0)


@cache
def reference() -> tuple[Places, Occupations, Naf]:
    return Places.load(), Occupations.load(), Naf.load()


@cache
def economy(scale: float | Counts = 0.05, seed: int = 1) -> Economy:
    places, occupations, _ = reference()
    return make_economy(seed=seed, scale=scale, now=NOW, places=places, occupations=occupations)


def total(answer: httpx.Response) -> int:
    """How many offers there are, by Content-Range."""
    return int(answer.headers["content-range"].rpartition("/")[2])


def companies(made: Economy) -> Companies:
    return Companies(made, reference()[2])


def book(made: Economy) -> OfferBook:
    return OfferBook(made, companies(made))


def catalogue(made: Economy) -> Catalogue:
    return Catalogue(made)


@dataclass
class Clock:
    """Seconds that only tests make pass."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Sandbox:
    """A client of the sandbox, and its clock."""

    http: httpx.AsyncClient
    clock: Clock
    token: str = ""
    log: list[int] = field(default_factory=list)

    async def sign_in(self, **changed: str) -> httpx.Response:
        answer = await self.http.post(SIGN_IN, data={**FORM, **changed})
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    async def offers(self, path: str = SEARCH, **params: str) -> httpx.Response:
        return await self.http.get(path, params=params, headers={"Authorization": f"Bearer {self.token}"})

    async def fault(self, **told: object) -> None:
        answer = await self.http.post("/_faults", json=told)
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def sandbox(settings: SandboxSettings = QUIET, made: Economy | None = None) -> AsyncIterator[Sandbox]:
    clock = Clock()
    application = create_sandbox(made or economy(), settings, clock=clock, now=lambda: NOW)
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        found = Sandbox(http, clock)
        assert (await found.sign_in()).status_code == 200
        yield found


@contextmanager
def served(settings: SandboxSettings = QUIET, made: Economy | None = None) -> Iterator[str]:
    """The sandbox on a port of this machine, until the block is left; its address."""
    application = create_sandbox(made or economy(), settings, now=lambda: NOW)
    config = uvicorn.Config(
        with_hang_up(application), log_level="critical", access_log=False, date_header=False, lifespan="off", ws="none",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Connections wait in the socket's queue until the thread accepts them: nobody has to wait for it here.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="sandbox")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def settings_for(address: str, folder: str, **more: object) -> Settings:
    """Settings whose every upstream is the sandbox at this address: quick, and soon discouraged."""
    told: dict[str, object] = {
        "data_dir": folder, "attempts": 1, "patience_s": 5.0, "france_travail_url": address,
        "france_travail_token_url": f"{address}{SIGN_IN}", "france_travail_client_id": FORM["client_id"],
        "france_travail_client_secret": FORM["client_secret"], "france_travail_rate_per_s": 1000.0,
        "carif_oref_url": address, "carif_oref_rate_per_s": 1000.0, "recruiters_url": f"{address}{RELEASE}",
    }  # fmt: skip
    return Settings(**(told | more))
