"""A kept list, by the fast path and by the router, as JSON and as a page, and a 304: CPU per request over raw ASGI.

The base is sent the very request of the candidate, and sends its very bytes. The router is reached by a parameter that
is ignored and never learnt.
"""

import statistics
import sys
from contextlib import ExitStack

from tests.bench import anchors, data
from tests.bench.pairs import PAIRS, SLICE_S, Case, Row, alternate, cores, cv, get, publish, request, serving, widget

SEARCH = "romes=D1102,G1602,K1304,D1106,G1603&insee=35238&radius=30"
CARDS = f"/v1/cards?{SEARCH}&limit=50"
PAGE = f"/v1/widget?{SEARCH}&partner=demo-lycee"
ROUTED = "&utm_source=bench"
AS_BROWSER = {"accept-encoding": "gzip, deflate, br, zstd", "sec-fetch-dest": "iframe"}


def measure(*, scale: str = "national", pairs: int = PAIRS, slice_s: float = SLICE_S) -> list[Row]:
    """All cases; takes about 20 s each."""
    folder = data.national(scale)
    recorded = data.FOLDER / "answers.json"
    command, environment = widget(folder)
    server_core = cores()[0]
    with ExitStack() as stack:
        ours = stack.enter_context(serving(command, environment=environment, path="/readyz", core=server_core))
        answers = {}
        for name, path in (("/v1/cards", CARDS), ("/v1/widget", PAGE)):
            for _ in range(2):
                answers[name] = get(ours.port, path, AS_BROWSER)
            assert answers[name] == get(ours.port, path, AS_BROWSER)
        etag = answers["/v1/cards"][1]["etag"]
        unchanged, _, _ = get(ours.port, CARDS, AS_BROWSER | {"if-none-match": etag})
        assert [unchanged, *(status for status, _, _ in answers.values())] == [304, 200, 200]
        anchors.record(recorded, {path: _without_date(*answer) for path, answer in answers.items()})
        raw, twin, peer = [
            stack.enter_context(
                serving(
                    [sys.executable, "-m", "tests.bench.anchors", kind, "PORT", str(recorded)],
                    path="/v1/cards",
                    core=server_core,
                )
            )
            for kind in ("raw", "raw", "starlette")
        ]

        def case(name, candidate, path, tag=""):
            return Case(name, candidate, request(path, etag=tag), raw, request(path))

        cases = {
            "control": case("control", twin, CARDS),
            "json": case("json", ours, CARDS),
            "page": case("page", ours, PAGE),
            "routed json": case("routed json", ours, CARDS + ROUTED),
            "routed page": case("routed page", ours, PAGE + ROUTED),
            "304": case("304", ours, CARDS, etag),
            "routed 304": case("routed 304", ours, CARDS + ROUTED, etag),
            "starlette": case("starlette", peer, CARDS),
        }
        alternate(list(cases.values()), pairs=pairs, slice_s=slice_s)
    control = {
        "control": statistics.median(cases["control"].cpu),
        "control_cv": cv(cases["control"].cpu),
    }
    rate_control = {
        "control": statistics.median(cases["control"].rate),
        "control_cv": cv(cases["control"].rate),
    }

    def cpu(name, subject, goal):
        values = cases[name].cpu
        return Row(subject=subject, measured=statistics.median(values), goal=goal, cv=cv(values), **control)

    def rate(name, subject, goal, note=""):
        values = cases[name].rate
        return Row(
            subject=subject,
            measured=statistics.median(values),
            goal=goal,
            at_least=True,
            cv=cv(values),
            note=note,
            **rate_control,
        )

    return [
        cpu("json", "kept JSON, fast path: CPU / raw ASGI", 1.3),
        cpu("page", "kept page, fast path: CPU / raw ASGI", 1.3),
        cpu("routed json", "kept JSON, router: CPU / raw ASGI", 2.2),
        cpu("routed page", "kept page, router: CPU / raw ASGI", 2.2),
        rate("304", "304, fast path: requests per second / raw 200", 0.5),
        rate("routed 304", "304, router: requests per second / raw 200", 0.5),
        rate("json", "kept JSON, fast path: requests per second / raw", None, "hoped for: 0.75"),
        rate("routed json", "kept JSON, router: requests per second / raw", None, "hoped for: 0.5"),
        cpu("starlette", "the same bytes, Starlette Response: CPU / raw ASGI", None),
    ]


def _without_date(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    return status, {name: value for name, value in headers.items() if name != "date"}, body


if __name__ == "__main__":
    publish("hits", measure())
