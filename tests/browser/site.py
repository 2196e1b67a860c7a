"""The example pages and a filled widget on two origins of this machine, and the browser that opens them."""

import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import HTTPServer
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, BrowserType, Frame, Page
from starlette.applications import Starlette

from examples.serve import Pages
from tests.builders import NOW, declaration, entry, harvest
from widget_server.app import create_app
from widget_server.reference.occupations import Occupations
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.hygiene import Hygiene

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
EACH = 6
"""Cards of each kind in each place."""

SEARCHES = {
    "D1102": (48.1118, -1.68189, "35238"),
    "M1805": (48.1118, -1.68189, "35238"),
    "G1602": (45.7578, 4.8493, "69383"),
    "K1304": (-20.8823, 55.4504, "97411"),
}
"""What the example pages ask: an occupation, and the place around which there are cards for it."""
_KINDS = {"trainings": "training", "offers": "offer", "recruiters": "recruiter"}


def launch(chromium: BrowserType, *, without: Sequence[str] = ()) -> Browser:
    """The distribution's Chromium. Without one the tests fail: what could not run must not look as if it had passed.

    `without` are options that Playwright would add.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise RuntimeError("The browser tests need Chromium. Type:  sh tests/browser/install-chromium.sh")
    return chromium.launch(executable_path=path, args=ARGUMENTS, ignore_default_args=list(without))


@dataclass(frozen=True)
class Site:
    """Where a partner's pages and the widget are: two origins."""

    pages: str
    widget: str


def fill(folder: Path) -> None:
    """Snapshots with cards of every kind for each search of the example pages."""
    for name, kind in _KINDS.items():
        told = declaration(name, kind, rules=Hygiene().described(kind))
        with Shelf(folder / name).draft(told, started=NOW) as draft:
            for rome, (latitude, longitude, insee) in SEARCHES.items():
                for number in range(EACH):
                    point = (round(latitude + number / 100, 5), longitude)
                    title = f"{name.capitalize()} {rome} n° {number} de la Maison Imaginaire"
                    draft.add(
                        entry(f"{kind}:{rome}:{number}", point, romes=(rome,), kind=kind, insee=insee, title=title)
                    )
            draft.publish(tree=Occupations.load(), harvest=harvest(demonstration=True), keep=1)


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """An application on a free port of this machine; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def answering(server: HTTPServer) -> Iterator[None]:
    """A server of the standard library, in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)


def make_widget(folder: Path, partners: str, **more: object) -> Starlette:
    """The real application over the snapshots of a folder, for the partners of a registry; `more` are settings."""
    registry = folder / "partners.toml"
    registry.write_text(partners, "utf-8")
    return create_app(Settings(**({"data_dir": str(folder), "partners_file": str(registry)} | more)), now=lambda: NOW)


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """The real application over a filled folder, and the example pages that show it."""
    fill(folder)
    registry = (ROOT / "examples" / "partners.toml").read_text("utf-8")
    with Pages(0, "http://127.0.0.1") as pages:
        app = make_widget(folder, registry.replace("__EXAMPLES_PORT__", str(pages.server_port)))
        with serving(app) as widget, answering(pages):
            pages.widget = widget
            yield Site(pages=f"http://localhost:{pages.server_port}", widget=widget)


def axe(target: Page | Frame, *, framed: bool) -> list[str]:
    """What axe-core finds wrong in one document, a line each; frames are asked one by one."""
    target.evaluate(AXE.read_text("utf-8"))
    # The first heading of a frame follows those of the page around it.
    off = {"page-has-heading-one": {"enabled": False}} if framed else {}
    found = target.evaluate("how => axe.run(document, how)", {"runOnly": RULES, "rules": off, "iframes": False})
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]]
