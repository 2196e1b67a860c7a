"""What a worker costs before it is asked anything: CPU from spawn to the first 200, memory, and what it imports.

Spawns of our server stand between spawns of a Starlette that says hello: B C B A B C B ..., where A is that Starlette
as a candidate. Packages are byte-compiled first, as an installer that compiles would leave them. The first start of a
machine compares the versions of the data with their checksums: it is a row of its own.
"""

import compileall
import itertools
import statistics
import subprocess
import sys
import sysconfig
import time
from functools import partial
from pathlib import Path

import msgspec

from tests.bench import data
from tests.bench.pairs import Row, Served, cores, cv, get, publish, serving, widget
from tests.bench.queries import questions
from tests.processes import ROOT
from widget_server.snapshot.shelf import COMPARED

SPAWNS = 11
FIRST = "/v1/cards?romes=D1102&insee=35238"
SEARCHES = 1000
HEAVY = 12
_SERVE = "import sys; sys.modules['redis'] = None; from widget_server.cli import main; main()"
"""The base installation has no redis; where it is installed, aiocache imports it for everybody (50 ms)."""


class _Start(msgspec.Struct, frozen=True):
    """One start: CPU to the first answer, and resident memory then, without and of mapped pages of the data."""

    cpu_ms: float
    own_kb: int
    mapped_kb: int


def measure(*, scale: str = "national", spawns: int = SPAWNS, searches: int = SEARCHES) -> list[Row]:
    """Start, memory, growth, imports."""
    for folder in (sysconfig.get_paths()["purelib"], ROOT / "widget_server"):
        compileall.compile_dir(str(folder), quiet=2, workers=2)
    folder = data.national(scale)
    _, environment = widget(folder)
    ours = partial(
        serving, [sys.executable, "-c", _SERVE, "serve"], environment=environment, path=FIRST, core=cores()[0]
    )
    hello = partial(serving, [sys.executable, "-m", "tests.bench.anchors", "hello", "PORT"], core=cores()[0])
    told: dict[str, list[_Start]] = {"ours": [], "twin": []}
    cpu: dict[str, list[float]] = {"ours": [], "twin": []}
    rss: list[float] = []
    for name in data.SOURCES:
        (folder / name / COMPARED).unlink(missing_ok=True)
    with ours() as served:
        first_ever_ms = _start(served, folder).cpu_ms
    with hello() as served:
        before = _start(served, folder)
    for name in ("ours", "twin") * spawns:
        with (ours if name == "ours" else hello)() as served:
            one = _start(served, folder)
        with hello() as served:
            after = _start(served, folder)
        told[name].append(one)
        cpu[name].append(one.cpu_ms / ((before.cpu_ms + after.cpu_ms) / 2))
        if name == "ours":
            rss.append(one.own_kb / ((before.own_kb + after.own_kb) / 2))
        before = after
    with ours() as served:
        warm = _warm_kb(served, folder) / before.own_kb
        grown = [(after_kb - before_kb) / 1000 for before_kb, after_kb in _searched(served, searches)]
    control = {"control": statistics.median(cpu["twin"]), "control_cv": cv(cpu["twin"])}
    ms = statistics.median(one.cpu_ms for one in told["ours"])
    mb = statistics.median(one.own_kb for one in told["ours"]) / 1000
    pages_mb = statistics.median(one.mapped_kb for one in told["ours"]) / 1000
    return [
        Row(
            subject="cold start to the first list: CPU / Starlette hello",
            measured=statistics.median(cpu["ours"]),
            goal=1.8,
            cv=cv(cpu["ours"]),
            note=f"{ms:.0f} ms; {min(cpu['ours']):.2f} to {max(cpu['ours']):.2f}, {spawns} starts",
            **control,
        ),
        Row(
            subject="the same, but the first of this machine over new versions",
            measured=first_ever_ms / statistics.median(one.cpu_ms for one in told["twin"]),
            note=f"{first_ever_ms:.0f} ms: every byte of the data is compared with its checksum, once",
        ),
        Row(
            subject="resident memory after the first list / hello",
            measured=statistics.median(rss),
            goal=1.7,
            cv=cv(rss),
            note=f"{mb:.0f} MB, and {pages_mb:.0f} MB of shared pages of the index",
        ),
        Row(
            subject="the same when all is warm: templates, suggestions, metrics",
            measured=warm,
            note="made aside, 1 s after the start",
        ),
        Row(
            subject=f"own memory added by {searches} different searches",
            measured=grown[1],
            unit="MB",
            note=f"{grown[0]:.0f} MB with mapped pages; the cache may take 64",
        ),
        *_imports(),
    ]


def _start(served: Served, folder: Path) -> _Start:
    """What a server took until now, which is just after its first answer. CPU first: to read the rest takes time."""
    cpu_ms = served.cpu_ns() / 1e6
    mapped_kb = served.mapped_kb(folder)
    return _Start(cpu_ms, served.memory_kb("VmRSS") - mapped_kb, mapped_kb)


def _warm_kb(served: Served, folder: Path) -> int:
    """Resident memory without pages of the data, when the warm-up has ended and a page was made."""
    assert get(served.port, "/v1/widget?romes=D1102&insee=35238")[0] == 200
    until, before = time.monotonic() + 20, -1
    while time.monotonic() < until and before != (before := served.memory_kb("RssAnon")):
        time.sleep(2.0)
    return served.memory_kb("VmRSS") - served.mapped_kb(folder)


def _searched(served: Served, searches: int) -> list[tuple[int, int]]:
    """(before, after) of resident and of own memory, in kB."""
    before = [served.memory_kb(name) for name in ("VmRSS", "RssAnon")]
    for asked in itertools.islice(questions(7, 5, 30), searches):
        assert get(served.port, f"/v1/cards?{asked.query()}")[0] == 200
    time.sleep(0.1)
    return list(zip(before, [served.memory_kb(name) for name in ("VmRSS", "RssAnon")], strict=True))


def _imports() -> list[Row]:
    """The modules that cost most when the application is imported, by python -X importtime."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import widget_server.app"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    times: dict[str, int] = {}
    for line in told.splitlines()[1:]:
        own, _, name = line.removeprefix("import time:").split("|")
        package = name.strip().partition(".")[0]
        times[package] = times.get(package, 0) + int(own)
    heaviest = sorted(times.items(), key=lambda pair: -pair[1])[:HEAVY]
    total = sum(times.values()) / 1000
    note = ", ".join(f"{name} {us / 1000:.0f}" for name, us in heaviest)
    return [Row(subject="importing the application", measured=total, unit="ms", note=note)]


if __name__ == "__main__":
    publish("start", measure())
