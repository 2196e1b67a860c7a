"""The sandbox knows which offers there are: what a harvest lost and what it invented, while they came and went."""

import random
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf

SEARCH = "/offres/search"
_JSON = {"content-type": "application/json"}
_NOT_DATED = b'{"message": "Valeur du param\xc3\xa8tre \xc2\xab minCreationDate \xc2\xbb incorrecte."}'
_PLACED = {"departement", "grandDomaine", "codeROME"}


def settings_for(base: str, data: Path, **more: object) -> Settings:
    """Settings that read everything from a sandbox, as fast as it answers."""
    told: dict[str, object] = {
        "data_dir": str(data),
        "france_travail_url": base,
        "france_travail_token_url": f"{base}/connexion/oauth2/access_token?realm=%2Fpartenaire",
        "france_travail_client_id": "PAR_demo",
        "france_travail_client_secret": "demo",
        "france_travail_rate_per_s": 100_000.0,
        "carif_oref_url": base,
        "carif_oref_rate_per_s": 100_000.0,
        "recruiters_url": f"{base}/recruiters/recruiters.ndjson.gz",
    }
    return Settings(**(told | more))


@dataclass
class Change:
    """What a step of the drift may do, at most."""

    created: int = 3
    deleted: int = 3
    modified: int = 2
    burst: int = 0
    """Now and then so many are created at once, and next time deleted: more than two pages share."""


@dataclass
class Moving(httpx.AsyncBaseTransport):
    """Carries the calls; before every so many searches the offers change."""

    inner: httpx.AsyncBaseTransport
    base: str
    seed: int
    every: int
    change: Change = field(default_factory=Change)
    dated: bool = True
    """Whether the country can be searched by dates of creation; without, départements and domains are what is left."""
    spans: set[str] = field(default_factory=set)
    created: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    searches: int = 0
    changes: int = 0
    bursts: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(SEARCH):
            self.searches += 1
            if self.every and self.searches % self.every == 0:
                await self.move()
            if "minCreationDate" in request.url.params and request.url.params.keys().isdisjoint(_PLACED):
                self.spans.add(request.url.params["minCreationDate"])
                if not self.dated:
                    return httpx.Response(400, headers=_JSON, stream=httpx.ByteStream(_NOT_DATED))
        return await self.inner.handle_async_request(request)

    async def move(self, **told: int) -> None:
        """Change the offers now, as drawn or as told."""
        limits = self.change
        drawn = {
            "created": self._chance.randint(0, limits.created),
            "deleted": self._chance.randint(0, limits.deleted),
            "modified": self._chance.randint(0, limits.modified),
        }
        if limits.burst and self._chance.randint(1, 20) == 1:
            drawn["deleted" if self.bursts % 2 else "created"] = limits.burst
            self.bursts += 1
        answer = await self._call("POST", "/_change", told or drawn)
        self.changes += 1
        self.created |= set(answer["created"])
        self.deleted |= set(answer["deleted"])

    async def kept(self) -> set[str]:
        """The offers that a perfect reader keeps, as they are now."""
        return set((await self._answer("GET", "/_truth/offers/kept")).text.split())

    def settle(self) -> None:
        """What was deleted so far was deleted before the next harvest."""
        self.created, self.deleted = set(), set()

    async def _call(self, method: str, path: str, told: object = None) -> dict[str, list]:
        return (await self._answer(method, path, told)).json()

    async def _answer(self, method: str, path: str, told: object = None) -> httpx.Response:
        async with httpx.AsyncClient(transport=_Shared(self.inner), base_url=self.base, timeout=600) as http:
            answer = await http.request(method, path, json=told)
            assert answer.status_code == 200, answer.text
            return answer


class _Shared(httpx.AsyncBaseTransport):
    """A transport that somebody else closes."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._inner.handle_async_request(request)


def published(folder: Path) -> set[str]:
    """Every id of the current version, those merged into another card included, as the upstream has it."""
    shelf = Shelf(folder)
    version = shelf.current_version()
    assert version is not None
    db = sqlite3.connect(folder / version / "cards.sqlite")
    try:
        return {told.removeprefix("ft:") for (told,) in db.execute("SELECT id FROM card UNION SELECT id FROM alias")}
    finally:
        db.close()


@dataclass(frozen=True)
class Verdict:
    """lost       existed from before the harvest until after it, to be kept by the sandbox's truth, not published
    invented   published, and never existed
    undead     published, and deleted before the harvest began
    """

    lost: set[str]
    invented: set[str]
    undead: set[str]

    @property
    def is_true(self) -> bool:
        return not (self.lost or self.invented or self.undead)


def judged(found: set[str], kept: set[str], created: set[str], deleted: set[str], *, before: set[str]) -> Verdict:
    """Compare what is published with the truth of before the harvest and with what changed during it.

    kept     ids to keep when the harvest began
    before   ids that had been deleted by then
    """
    return Verdict(
        lost=kept - deleted - found,
        invented=found - kept - created - before,
        undead=(found & before) - kept,
    )
