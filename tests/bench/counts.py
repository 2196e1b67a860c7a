"""What needs no clock: bytes that travel, requests to read a page, computations per question, imports, connections.

The tests beside this file hold the same to a small data set on every push; here it is counted once on the national one,
so that the table of `make bench` has every goal.
"""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import brotli

from tests import budgets
from tests.bench import data
from tests.bench.pairs import Row, Served, get, publish, serving, widget
from tests.processes import ROOT
from widget_server.web.assets import read_assets

VISITORS = 200
PAGE = "/v1/widget?romes=K1304,K1302,G1602&insee=69123&radius=30&partner=demo-lycee"
ANEW = "/v1/cards?romes=D1102,G1602,K1304,D1106,G1603&insee=69123&radius=47"
HEAVY = (
    "httpx", "xgboost", "scipy", "pandas", "rich", "duckdb", "dask", "pyarrow", "fsspec",
    "widget_server.upstream", "widget_server.sources", "widget_server.sync", "widget_server.forecast",
)  # fmt: skip
_EVERYTHING = """
import sys
import widget_server.app
from widget_server.web.routes import DEFERRED
for endpoint in DEFERRED:
    endpoint.deferred.load()
print(*sys.modules)
"""
_ESTABLISHED = "01"


def measure(*, scale: str = "national") -> list[Row]:
    """Everything that is counted."""
    command, environment = widget(data.national(scale))
    rows = _built()
    with serving(command, environment=environment, path="/readyz") as ours:
        rows += _page(ours.port)
        before = _made(ours.port)
        statuses = asyncio.run(_at_once(ours.port))
        assert statuses == [200] * VISITORS, set(statuses)
        subject = f"computations for {VISITORS} visitors at once with one new question"
        rows.append(Row(subject=subject, measured=_made(ours.port) - before, goal=1, exact=True))
        rows.append(Row(subject="web process: outgoing connections", measured=len(_outgoing(ours)), goal=0, exact=True))
    told = subprocess.run([sys.executable, "-c", _EVERYTHING], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = [name for name in told.stdout.split() if name in HEAVY]
    rows.append(
        Row(
            subject="web process: heavy imports, with everything that is deferred",
            measured=len(heavy),
            goal=0,
            exact=True,
            note=", ".join(heavy) or f"none of {', '.join(HEAVY[:5])}, …",
        )
    )
    return rows


def _built() -> list[Row]:
    """Files that browsers get, as they are compressed at build time."""
    return [
        Row(
            subject=f"{name}: bytes, brotli 11",
            measured=budgets.packed(files) / 1000,
            unit="kB",
            goal=most / 1000,
            exact=True,
        )
        for name, (most, files) in budgets.built(read_assets()).items()
    ]


def _page(port: int) -> list[Row]:
    """The page with its style and bridge inline, as it is sent."""
    status, headers, body = get(port, PAGE, {"accept-encoding": "br", "sec-fetch-dest": "iframe"})
    assert (status, headers["content-encoding"]) == (200, "br")
    page = brotli.decompress(body).decode()
    assert page.count("<article") == 20
    needed = re.findall(
        r'<(?:link[^>]+rel="?stylesheet|img|iframe|object|script(?![^>]*(?:defer|async))[^>]*src)', page
    )
    return [
        Row(
            subject="page of 20 cards: bytes",
            measured=len(body) / 1000,
            unit="kB",
            goal=budgets.PAGE / 1000,
            exact=True,
        ),
        Row(subject="page of 20 cards: requests to read it", measured=1 + len(needed), goal=1, exact=True),
    ]


def _made(port: int) -> float:
    """Lists that were made so far, as /metrics says."""
    _, _, text = get(port, "/metrics")
    found = re.search(r'^widget_answers_total\{origin="made"\} (\S+)$', text.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def _at_once(port: int) -> list[int]:
    """The statuses of one question, asked over as many connections as there are visitors, all open before the first."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(VISITORS)]
    for _, writer in streams:
        writer.write(b"GET %b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" % ANEW.encode())
    answers = await asyncio.gather(*(reader.read() for reader, _ in streams))
    for _, writer in streams:
        writer.close()
    return [int(answer[9:12]) for answer in answers]


def _outgoing(served: Served) -> list[str]:
    """The connections that the server opened itself: those that do not end at its own port."""
    mine = {link for pid in served.pids() for file in Path(f"/proc/{pid}/fd").iterdir() if (link := _target(file))}
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text("ascii").splitlines()[1:]:
            _, local, remote, state, *rest = line.split()
            own_port = int(local.rpartition(":")[2], 16) == served.port
            if state == _ESTABLISHED and not own_port and f"socket:[{rest[5]}]" in mine:
                found.append(remote)
    return found


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:  # closed meanwhile
        return ""


if __name__ == "__main__":
    publish("counts", measure())
