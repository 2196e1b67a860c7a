"""A whole web application over a few cards in real places, without a network."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette

from tests.builders import NOW, declaration, entry
from tests.builders import harvest as make_harvest
from widget_server.app import create_app
from widget_server.reference.occupations import Occupations
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.web.assets import Asset, Assets

RENNES = (48.1118, -1.68189)
OCCUPATIONS = Occupations.load()
PARTNERS = """
[[partner]]
id = "demo-lycee"
name = "Lycée de l'Exemple"
origins = ["https://lycee.example"]
"""


def asset(name: str, text: str) -> Asset:
    kind = "text/css; charset=utf-8" if name.endswith(".css") else "text/javascript; charset=utf-8"
    return Asset(name=name, body=text.encode(), brotli=None, media_type=kind)


ASSETS = Assets(
    loader=asset("v1.js", "/* loader */"),
    bridge=asset("bridge.js", "/* bridge */"),
    style=asset("neutral.css", "body{margin:0}"),
    script=asset("list.0a1b2c3d.js", "/* list */"),
    files={name: asset(name, f"/* {name} */") for name in ("list.0a1b2c3d.js", "map.0a1b2c3d.js", "map.0a1b2c3d.css")},
)


def fill(folder: Path, *, sources: tuple[str, ...] = ("trainings", "offers", "recruiters"), each: int = 4) -> None:
    """Snapshots around Rennes for D1102, one per named source."""
    kinds = {"trainings": "training", "offers": "offer", "recruiters": "recruiter"}
    for name in sources:
        kind = kinds[name]
        told = declaration(name, kind, parents_only=kind == "recruiter")
        entries = [
            entry(f"{kind}:{n}", (round(48.1118 + n / 50, 5), -1.68189), kind=kind, insee="35238") for n in range(each)
        ]
        with Shelf(folder / name).draft(told, started=NOW) as draft:
            for item in entries:
                draft.add(item)
            draft.publish(tree=OCCUPATIONS, harvest=make_harvest(demonstration=True), keep=3)


class Client(httpx.AsyncClient):
    """A client that may call from several addresses: `caller` is the one in use."""

    def __init__(self, app: Starlette, callers: tuple[str, ...]) -> None:
        self.caller = callers[0]
        self._ways = {
            caller: httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(caller, 1)) for caller in callers
        }
        super().__init__(transport=self._ways[self.caller], base_url="http://widget.test")

    def _transport_for_url(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        return self._ways[self.caller]


@asynccontextmanager
async def client(
    folder: Path,
    *,
    now=NOW,
    assets: Assets = ASSETS,
    partners: str = PARTNERS,
    clock_s: Callable[[], float] = time.monotonic,
    callers: tuple[str, ...] = ("127.0.0.1",),
    **more: object,
) -> AsyncIterator[Client]:
    """The application over a folder, for the partners of a registry; `more` are settings."""
    registry = folder / "partners.toml"
    registry.write_text(partners, "utf-8")
    settings = Settings(**({"data_dir": str(folder), "partners_file": str(registry)} | more))
    app = create_app(settings, now=lambda: now, assets=assets, clock_s=clock_s)
    async with Client(app, callers) as http:
        yield http
