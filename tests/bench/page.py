"""Our page against its client-rendered twin in Chromium, throttled like a telephone: LCP and total blocking time.

The twin shows the same cards with the same style from the same JSON, rendered in the browser by plain code without a
framework: less than any framework would take. Runs take turns; a cold cache each.
"""

import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, CDPSession, sync_playwright

from tests.bench import anchors, data
from tests.bench.pairs import Row, cv, get, publish, serving, widget
from tests.browser.site import launch
from widget_server.web.assets import read_assets

RUNS = 9
SEARCH = "romes=K1304,K1302,G1602&insee=69123&radius=30"
KBIT_S, LATENCY_MS, SLOWER = 1600, 150, 4
PATIENCE_S = 30
CARDS = 20
_LONG_MS = 50
_OBSERVE = """
window.told = {lcp: 0, painted: 0, tasks: []};
new PerformanceObserver(list => { for (const e of list.getEntries()) told.lcp = e.startTime })
  .observe({type: 'largest-contentful-paint', buffered: true});
new PerformanceObserver(list => { for (const e of list.getEntries()) told.tasks.push([e.startTime, e.duration]) })
  .observe({type: 'longtask', buffered: true});
new PerformanceObserver(list => {
  for (const e of list.getEntries()) if (e.name === 'first-contentful-paint') told.painted = e.startTime })
  .observe({type: 'paint', buffered: true});
"""
_TOLD = "JSON.stringify({...told, cards: document.getElementsByTagName('article').length})"
_RENDER = """
const text = (tag, words, name) => { const e = document.createElement(tag); e.textContent = words || '';
  if (name) e.className = name; return e };
fetch('/cards.json').then(r => r.json()).then(answer => {
  const list = document.createElement('ul'); list.className = 'cards';
  document.querySelector('h1').textContent = answer.total + ' résultats';
  for (const card of answer.cards) {
    const item = document.createElement('li'), article = text('article', '', 'card');
    article.append(text('p', card.kind, 'top'), text('h2', card.title),
      text('p', [card.organisation.name, card.place.label, card.distance_km + ' km'].join(' · '), 'who'),
      text('p', [card.contract, card.published_on, card.diploma].filter(Boolean).join(' · '), 'facts'),
      text('p', card.source.label, 'from'));
    const link = text('a', 'Détails'); link.href = card.url || '#'; article.append(link);
    item.append(article); list.append(item);
  }
  document.querySelector('main').append(list);
});
"""


class _Told(msgspec.Struct, frozen=True):
    """What a page observed of itself: largest and first paint, long tasks with their duration, in ms; its cards now."""

    lcp: float
    painted: float
    tasks: list[tuple[float, float]]
    cards: int


def measure(*, scale: str = "national", runs: int = RUNS) -> list[Row]:
    """LCP, TBT, requests and bytes of both."""
    command, environment = widget(data.national(scale))
    with ExitStack() as stack:
        ours = stack.enter_context(serving(command, environment=environment, path="/readyz"))
        recorded = data.FOLDER / "twin.json"
        _record_twin(recorded, ours.port)
        twin = stack.enter_context(
            serving([sys.executable, "-m", "tests.bench.anchors", "raw", "PORT", str(recorded)], path="/")
        )
        page = f"http://127.0.0.1:{ours.port}/?{SEARCH}"
        get(ours.port, f"/?{SEARCH}", {"accept-encoding": "br"})
        playwright = stack.enter_context(sync_playwright())
        browser = launch(playwright.chromium)
        addresses = {"ours": page, "twin": f"http://127.0.0.1:{twin.port}/", "again": f"http://127.0.0.1:{twin.port}/"}
        told: dict[str, list[dict[str, float]]] = {name: [] for name in addresses}
        for _ in range(runs):
            for name, address in addresses.items():
                told[name].append(_visit(browser, address))
        browser.close()

    def median(name: str, what: str) -> float:
        return statistics.median(run[what] for run in told[name])

    def ratios(name: str) -> list[float]:
        return [one["lcp"] / two["lcp"] for one, two in zip(told[name], told["twin"], strict=True)]

    control = {"control": statistics.median(ratios("again")), "control_cv": cv(ratios("again"))}
    return [
        Row(
            subject="page: LCP / client-rendered twin",
            measured=statistics.median(ratios("ours")),
            goal=0.8,
            cv=cv(ratios("ours")),
            note=f"{median('ours', 'lcp'):.0f} ms, twin {median('twin', 'lcp'):.0f} ms, {runs} runs each",
            **control,
        ),
        Row(
            subject="page: total blocking time",
            measured=median("ours", "tbt"),
            unit="ms",
            goal=0.0,
            exact=True,
            note=f"at most {max(run['tbt'] for run in told['ours']):.0f} ms; twin {median('twin', 'tbt'):.0f} ms",
            **control,
        ),
        Row(
            subject="page: bytes on the wire, all requests",
            measured=median("ours", "bytes") / 1000,
            unit="kB",
            goal=25.0,
            exact=True,
            note=f"{median('ours', 'requests'):.0f} requests; twin {median('twin', 'bytes') / 1000:.1f} kB in"
            f" {median('twin', 'requests'):.0f}",
        ),
        Row(subject="page: requests", measured=median("ours", "requests"), goal=3, exact=True),
    ]


def _record_twin(file: Path, port: int) -> None:
    import brotli

    _, _, cards = get(port, f"/v1/cards?{SEARCH}", {"accept-encoding": "identity"})
    style = read_assets().style.text
    shell = (
        "<!doctype html><html lang=fr><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<link rel=icon href='data:,'><link rel=stylesheet href=/style.css><body><main><h1></h1></main>"
        "<script src=/app.js></script>"
    )

    def packed(body: bytes, kind: str) -> tuple[int, dict[str, str], bytes]:
        small = brotli.compress(body, quality=4)
        return 200, {"content-type": kind, "content-encoding": "br", "content-length": str(len(small))}, small

    anchors.record(
        file,
        {
            "/": packed(shell.encode(), "text/html; charset=utf-8"),
            "/style.css": packed(style.encode(), "text/css"),
            "/app.js": packed(_RENDER.encode(), "text/javascript; charset=utf-8"),
            "/cards.json": packed(cards, "application/json"),
        },
    )


def _visit(browser: Browser, address: str) -> dict[str, float]:
    """One cold visit on a slow telephone."""
    context = browser.new_context(viewport={"width": 412, "height": 823}, device_scale_factor=1.75)
    page = context.new_page()
    session = context.new_cdp_session(page)
    received = {"bytes": 0.0, "requests": 0.0}

    def count(event: dict[str, object]) -> None:
        received["bytes"] += float(str(event["encodedDataLength"]))
        received["requests"] += 1

    session.on("Network.loadingFinished", count)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": LATENCY_MS,
            "downloadThroughput": KBIT_S * 1000 / 8,
            "uploadThroughput": KBIT_S * 1000 / 8,
        },
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.add_init_script(_OBSERVE)
    page.goto(address, wait_until="networkidle")
    told = _told(session, address)
    context.close()
    return {"lcp": told.lcp, "tbt": _blocking_ms(told.tasks, told.painted), **received}


def _told(session: CDPSession, address: str) -> _Told:
    """What the page observed of itself, once it shows its cards.

    Asked by the bare protocol: what Playwright evaluates brings a library along, which would be a long task itself. And
    asked again and again from here, since the page's policy lets nothing be evaluated in it while it waits.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        answer = session.send("Runtime.evaluate", {"expression": _TOLD, "returnByValue": True})
        told = msgspec.json.decode(answer["result"]["value"], type=_Told)
        if told.lcp and told.painted and told.cards >= CARDS:
            return told
        assert time.monotonic() < until, f"{address}: no first or largest paint, or too few cards: {told}"
        time.sleep(0.1)


def _blocking_ms(tasks: list[tuple[float, float]], painted_ms: float) -> float:
    """Total blocking time: what long tasks take beyond 50 ms, counted from the first contentful paint."""
    spans = [begun + lasted - max(begun, painted_ms) for begun, lasted in tasks]
    return sum(max(0.0, span - _LONG_MS) for span in spans)


if __name__ == "__main__":
    publish("page", measure())
