"""What a worker costs before it is asked anything: CPU from spawn to the first 200, memory, and what it imports.

Spawns of our server and of a Starlette that says hello take turns; packages are byte-compiled first, as an installer
that compiles would leave them.
"""

import compileall
import itertools
import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from tests.bench import data
from tests.bench.pairs import Row, Served, cores, cv, get, publish, serving, widget
from tests.bench.queries import questions
from tests.processes import ROOT

SPAWNS = 7
SEARCHES = 1000
HEAVY = 12
_SERVE = "import sys; sys.modules['redis'] = None; from widget_server.cli import main; main()"
"""The base installation has no redis; where it is installed, aiocache imports it for everybody (50 ms)."""


def measure(*, scale: str = "national", spawns: int = SPAWNS, searches: int = SEARCHES) -> list[Row]:
    """Start, memory, growth, imports."""
    for folder in (sysconfig.get_paths()["purelib"], ROOT / "widget_server"):
        compileall.compile_dir(str(folder), quiet=2, workers=2)
    folder = data.national(scale)
    _, environment = widget(folder)
    command = [sys.executable, "-c", _SERVE, "serve"]
    hello = [sys.executable, "-m", "tests.bench.anchors", "hello", "PORT"]
    told: dict[str, list[tuple[float, int]]] = {"ours": [], "hello": [], "twin": []}
    pages: list[int] = []
    grown: list[float] = []
    warm = 0.0
    for turn in range(spawns):
        for name in ("hello", "ours", "twin"):
            first = "/v1/cards?romes=D1102&insee=35238" if name == "ours" else "/"
            how = (command, environment) if name == "ours" else (hello, {})
            with serving(how[0], environment=how[1], path=first, core=cores()[0]) as served:
                touched = served.mapped_kb(folder)
                told[name].append((served.cpu_ns() / 1e6, served.memory_kb("VmRSS") - touched))
                if name == "ours":
                    pages.append(touched)
                if name == "ours" and turn == spawns - 1:
                    warm = _warm_kb(served, folder) / told["hello"][-1][1]
                    grown = [(after - before) / 1000 for before, after in _searched(served, searches)]
    ratios = {
        name: [(ours[0] / hello[0], ours[1] / hello[1]) for ours, hello in zip(told[name], told["hello"], strict=True)]
        for name in ("ours", "twin")
    }
    control = {
        "control": statistics.median(cpu for cpu, _ in ratios["twin"]),
        "control_cv": cv([cpu for cpu, _ in ratios["twin"]]),
    }
    cpu, rss = [cpu for cpu, _ in ratios["ours"]], [rss for _, rss in ratios["ours"]]
    ms = statistics.median(cpu for cpu, _ in told["ours"])
    mb = statistics.median(rss for _, rss in told["ours"]) / 1000
    return [
        Row(
            subject="cold start to the first list: CPU / Starlette hello",
            measured=statistics.median(cpu),
            goal=1.8,
            cv=cv(cpu),
            note=f"{ms:.0f} ms",
            **control,
        ),
        Row(
            subject="resident memory after the first list / hello",
            measured=statistics.median(rss),
            goal=1.7,
            cv=cv(rss),
            note=f"{mb:.0f} MB, and {statistics.median(pages) / 1000:.0f} MB of shared pages of the index",
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
