"""What a worker imports before it is bound: the core, and nothing that a visitor's answer does not need."""

import ast
import asyncio
import importlib
import subprocess
import sys
import threading
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.contract.site import fill
from tests.processes import ROOT
from widget_server.app import Application, create_app
from widget_server.settings import Settings
from widget_server.web.deferred import Endpoint
from widget_server.web.routes import DEFERRED
from widget_server.web.watch import Watch


@pytest.fixture
def anyio_backend():
    return "asyncio"


OURS = {
    "app", "cli", "settings",
    "domain.answer", "domain.cards", "domain.duplicates", "domain.errors", "domain.exploration", "domain.geo",
    "domain.occupations", "domain.query", "domain.sections", "domain.spreading",
    "listing.answers", "listing.merge", "listing.rank", "listing.search",
    "reference.gazetteer", "reference.occupations", "reference.places", "reference.tables", "reference.vintages",
    "reference.words",
    "snapshot.columns", "snapshot.guards", "snapshot.impressions", "snapshot.index", "snapshot.library",
    "snapshot.manifest", "snapshot.runs", "snapshot.shelf", "snapshot.store", "snapshot.visits",
    "web.assets", "web.busy", "web.cache", "web.cards_json", "web.deferred", "web.edition", "web.entries", "web.fast",
    "web.headers", "web.health", "web.impressions", "web.ledger", "web.logos", "web.origins", "web.partners",
    "web.quotas", "web.readings", "web.registry", "web.replies", "web.routes", "web.site", "web.tiles", "web.turnstile",
    "web.typed", "web.visits", "web.watch",
}  # fmt: skip
"""What a start and a first list need of our own. One more costs every start: is it needed for the first answers?"""
THEIRS = {
    "_brotli", "aiocache", "anyio", "brotli", "click", "httptools", "msgspec", "numpy", "orjson", "starlette",
    "uvicorn", "uvloop",
}  # fmt: skip
BY_CHANCE = {"_distutils_hack", "msgpack", "typing_extensions"}
"""What the above import where it is installed, and what setuptools puts into every start where it is."""
START = """
import asyncio, sys
sys.modules["redis"] = None  # an extra: where it is installed, aiocache imports it for everybody
from pathlib import Path
import httptools, uvicorn, uvloop
import widget_server.cli
from widget_server.app import create_app
from widget_server.settings import Settings

async def status(app, path, query=b""):
    sent = []
    async def send(message): sent.append(message)
    async def receive(): return {"type": "http.request"}
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": [], "scheme": "http",
             "client": ("192.0.2.1", 1), "server": ("widget.test", 80), "root_path": "", "http_version": "1.1"}
    await app(scope, receive, send)
    return sent[0]["status"]

async def main():
    ages = {f"{kind}_withheld_after_s": 10**9 for kind in ("trainings", "offers", "recruiters")}
    app = create_app(Settings(data_dir=sys.argv[1], partners_file=sys.argv[2], **ages))
    for path, query in (("/healthz", b""), ("/readyz", b""), ("/v1/cards", sys.argv[3].encode())):
        assert await status(app, path, query) == 200, path
    print(*(name for name, module in sys.modules.items() if module is not None))

asyncio.run(main())
"""


def test_a_start_and_its_first_answers_import_the_core_and_nothing_else(tmp_path):
    fill(tmp_path)
    partners = tmp_path / "partners.toml"
    partners.write_text('[[partner]]\nid = "demo"\nname = "Demo"\norigins = ["https://demo.example"]\n', "utf-8")
    command = [sys.executable, "-c", START, tmp_path, partners, "romes=D1102&insee=35238&partner=demo"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    loaded = told.stdout.split()

    ours = {name.removeprefix("widget_server.") for name in loaded if name.startswith("widget_server.")}
    assert ours - {name for name in ours if is_package(name)} == OURS
    assert (set(packages_distributions()) & set(loaded)) - {"widget_server"} - BY_CHANCE == THEIRS


def is_package(name: str) -> bool:
    return (ROOT / "widget_server" / name.replace(".", "/") / "__init__.py").is_file()


def test_each_deferred_route_leads_to_an_endpoint():
    assert {endpoint.deferred.name for endpoint in DEFERRED} > {"widget", "home", "docs", "metrics", "card"}
    for endpoint in DEFERRED:
        assert callable(endpoint.deferred.load()), endpoint.deferred.module


SLOW_MODULE = """
from threading import current_thread
from starlette.responses import PlainTextResponse
from {waiting} import BEGUN, MAY_GO_ON

BEGUN.append(current_thread().name)
assert MAY_GO_ON.wait(20), "the event loop was held up by this import"

async def hello(request):
    return PlainTextResponse("hello")
"""
WAITING_MODULE = "from threading import Event\nBEGUN, MAY_GO_ON = [], Event()\n"


@pytest.mark.anyio
async def test_twenty_first_requests_at_once_import_once_and_hold_nobody_up(tmp_path, monkeypatch):
    (tmp_path / "waiting_of_this_test.py").write_text(WAITING_MODULE, "utf-8")
    (tmp_path / "slow_of_this_test.py").write_text(SLOW_MODULE.format(waiting="waiting_of_this_test"), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    waiting = importlib.import_module("waiting_of_this_test")
    app = Starlette(
        routes=[
            Route("/slow", Endpoint("slow_of_this_test", "hello"), methods=["GET"]),
            Route("/quick", lambda request: PlainTextResponse("quick")),
        ]
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://widget.test") as http:
        first = [asyncio.create_task(http.get("/slow")) for _ in range(20)]
        async with asyncio.timeout(20):
            while not waiting.BEGUN:
                await asyncio.sleep(0.01)
        meanwhile = await http.get("/quick")
        waiting.MAY_GO_ON.set()
        told = await asyncio.gather(*first)

    assert meanwhile.text == "quick"
    assert {answer.text for answer in told} == {"hello"}
    assert len(waiting.BEGUN) == 1
    assert [threading.main_thread().name] != waiting.BEGUN


def refused(folder: Path) -> list[str]:
    """Where middleware is used that wraps each request in tasks, or compresses each answer again."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            words = ("BaseHTTPMiddleware", "middleware.base", "gzip.GZipMiddleware", "compress_middleware",
                     "starlette_compress", "brotli_asgi")  # fmt: skip
            found += [f"{path.name}: {name}" for name in names if any(word in name for word in words)]
    return found


def test_no_middleware_wraps_or_compresses_each_request():
    parts = [ROOT / "widget_server" / name for name in ("web", "listing", "snapshot", "domain", "reference")]

    assert [line for part in parts for line in refused(part)] == []
    assert refused(ROOT / "widget_server" / "sandbox"), "the rule finds the one place where it is allowed"


@pytest.mark.parametrize("base", ["BaseHTTPMiddleware", "GZipMiddleware"])
def test_what_stands_around_the_router_is_pure(tmp_path, base):
    app = create_app(Settings(data_dir=str(tmp_path)))
    assert isinstance(app, Application)
    layer, seen = app.build_middleware_stack(), []
    while layer is not None:
        seen.append(type(layer))
        layer = getattr(layer, "_app", None) or getattr(layer, "app", None)

    assert base not in {parent.__name__ for kind in seen for parent in kind.__mro__}
    assert Watch in seen
