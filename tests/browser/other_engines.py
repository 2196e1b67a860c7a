"""What must hold in Firefox ESR and WebKitGTK as in Chromium: `make engines` runs this file.

The sizes of several widgets, the handshake in every order, the history, and a tour of everything. Its name keeps it out
of the other runs: it needs browsers that take a while to install.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio.to_thread
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.browser.engines import ENGINES, Engine, until
from tests.browser.hosts import Host, Pasted, document
from tests.browser.scene import RECORD, REGISTRY
from tests.browser.site import EACH, answering, fill, make_widget, serving
from tests.browser.test_map import TILE

pytestmark = pytest.mark.timeout(240)
SLOW = "attente=oui"
"""A parameter that the widget does not know: the tests hold back the answer to it."""


class _Tile(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Any tile."""
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(TILE)))
        self.end_headers()
        self.wfile.write(TILE)

    def log_message(self, format: str, *args: object) -> None:
        """Not news."""


class Gate:
    """Lets every request through, but those of a slow frame only when it is open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.open = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and SLOW.encode() in scope["query_string"]:
            await anyio.to_thread.run_sync(self.open.wait, 30)
        await self._app(scope, receive, send)


@dataclass
class Stage:
    """A partner's pages, the widget, and a window that shows them."""

    host: Host
    paste: Pasted
    engine: Engine
    gate: Gate

    def open(self, body: str) -> str:
        """Show a page at an address of its own, which it gives: nothing of an earlier one is taken for it."""
        path = f"/{len(self.host.pages)}"
        self.host.pages[path] = document(f"<script>{RECORD}</script>{body}")
        self.engine.open(self.host.origin + path)
        until(self.engine, f"location.pathname === '{path}' && document.readyState !== 'loading'")
        return path

    def heard(self, kind: str) -> list[dict]:
        return [detail for name, detail in self.engine.evaluate("heard") if name == kind]

    def settled(self, number: int = 0, *, ready: int = 1) -> float:
        """Wait until a frame is as high as its list; gives the height."""
        until(self.engine, f"heard.filter(([type]) => type === 'ready').length >= {ready}")
        until(self.engine, "document.readyState === 'complete' && !!document.querySelector('article')", number)
        inside = "Math.ceil(document.querySelector('main').getBoundingClientRect().height)"
        outside = f"document.querySelectorAll('alternance-widget iframe')[{number}].getBoundingClientRect().height"
        high = 0.0

        def fits() -> bool:
            nonlocal high
            high = float(self.engine.evaluate(outside))
            return high == self.engine.evaluate(inside, number)

        _wait(fits)
        return high


def _wait(true) -> None:
    pause = threading.Event()
    for _ in range(400):
        if true():
            return
        pause.wait(0.05)
    raise AssertionError("the frame and its list never had one height")


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as running, answering(running):
        yield running


@contextmanager
def _tiles() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tile) as server, answering(server):
        yield f"http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.png"


@pytest.fixture(scope="module")
def gate(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, str]]:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    with _tiles() as tiles:
        gate = Gate(make_widget(folder, REGISTRY.format(origin=host.origin), tile_url=tiles))
        with serving(gate) as widget:
            yield gate, widget


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def stage(host: Host, gate: tuple[Gate, str], engine: Engine) -> Stage:
    held, widget = gate
    held.open.clear()
    return Stage(host, Pasted(widget), engine, held)


def change(stage: Stage, **attributes: str) -> None:
    """Several attributes at once: one new search."""
    one = "document.querySelector('alternance-widget')"
    stage.engine.evaluate(
        "void " + ", ".join(f"{one}.setAttribute('{n}', '{value}')" for n, value in attributes.items())
    )


def test_three_widgets_have_their_own_heights_and_the_script_twice_is_once(stage: Stage):
    parts = [stage.paste.form_a(), stage.paste.form_b('romes="G1602" insee="69383" limit="3"'), stage.paste.form_a()]
    stage.open(stage.paste.script + "".join(parts) + stage.paste.script)

    heights = [stage.settled(number, ready=3) for number in range(3)]

    assert heights[0] == heights[2] > heights[1]
    assert len(stage.heard("ready")) == 3


@pytest.mark.parametrize("form", ["form_a", "form_b", "form_c"])
def test_the_loader_first(stage: Stage, form):
    stage.open(stage.paste.script + getattr(stage.paste, form)())

    stage.settled()
    assert len(stage.heard("ready")) == len(stage.heard("results")) == 1


def test_the_frame_first(stage: Stage):
    stage.open(stage.paste.form_a())
    until(stage.engine, "document.readyState === 'complete' && !!document.querySelector('article')", 0)

    stage.engine.evaluate(
        "void document.body.append(Object.assign(document.createElement('script'), "
        f"{{ src: '{stage.paste.widget}/embed/v1.js' }}))"
    )

    stage.settled()
    assert len(stage.heard("ready")) == len(stage.heard("results")) == 1


def test_a_lazy_frame_that_comes_into_sight(stage: Stage):
    stage.open('<p style="height: 20000px">' + stage.paste.form_b(loading="lazy") + stage.paste.script)
    until(stage.engine, "!!document.querySelector('alternance-widget iframe')")
    # When it loads is the browser's choice: WebKitGTK does so at once, Firefox sometimes.
    stage.engine.evaluate("void document.querySelector('alternance-widget').scrollIntoView()")

    stage.settled()
    assert stage.heard("error") == []


def test_a_slow_frame_and_an_attribute_that_changes_before_it_answers(stage: Stage):
    stage.open(stage.paste.form_a(f"romes=D1102&insee=35238&{SLOW}") + stage.paste.script)
    until(stage.engine, "!!document.querySelector('iframe').style.border")

    change(stage, romes="M1805")
    stage.gate.open.set()

    stage.settled()
    assert [detail["params"]["romes"] for detail in stage.heard("ready")] == ["M1805"]


def test_searches_leave_the_history_as_it_was_and_back_leaves_the_page(stage: Stage):
    first = stage.open("<p>La page d’avant</p>")
    stage.open(stage.paste.form_b() + stage.paste.script)
    stage.settled()
    entries = stage.engine.evaluate("history.length")

    for ready, rome in enumerate(["M1805", "D1102"] * 2 + ["M1805"], start=2):
        change(stage, romes=rome)
        until(stage.engine, f"heard.filter(([type]) => type === 'ready').length === {ready}")
        stage.settled(ready=ready)
    results = len(stage.heard("results"))
    for turn in range(1, 6):
        stage.engine.evaluate("void document.querySelector('form [type=checkbox]').click()", 0)
        until(stage.engine, f"heard.filter(([type]) => type === 'results').length === {results + turn}")

    assert stage.engine.evaluate("history.length") == entries
    stage.engine.evaluate("void setTimeout(() => history.back())")
    until(stage.engine, f"location.pathname === '{first}'")


def test_a_tour_of_sizes_events_a_new_search_and_the_map(stage: Stage):
    stage.open(stage.paste.form_b() + stage.paste.script)
    stage.settled()
    assert [detail["total"] for detail in stage.heard("results")] == [3 * EACH]

    change(stage, romes="G1602", insee="69383")
    until(stage.engine, "heard.filter(([type]) => type === 'ready').length === 2")
    before = stage.settled(ready=2)
    stage.engine.evaluate("void document.querySelector('.map button').click()", 0)
    until(stage.engine, "!!document.querySelector('.leaflet-tile-loaded')", 0)

    assert stage.engine.evaluate("document.querySelectorAll('.canvas .pin').length", 0) == 3 * EACH
    assert stage.settled(ready=2) > before + 300
    escape = "new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })"
    stage.engine.evaluate(f"void document.querySelector('.canvas').dispatchEvent({escape})", 0)
    until(stage.engine, "document.querySelector('.map button').getAttribute('aria-expanded') === 'false'", 0)
    # WebKit gives no focus to a frame of another origin that nobody has touched.
    if stage.engine.name == "firefox":
        assert stage.engine.evaluate("document.activeElement.textContent", 0) == "Afficher la carte"
    assert stage.settled(ready=2) == before
    assert stage.heard("error") == []
    assert stage.engine.evaluate("violations") == []
