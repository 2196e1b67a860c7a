"""What grows with the data and with the traffic: the numbers that docs/scale.md rests on.

    python -m tests.bench.scale            everything; half an hour on two cores, 3 GB of memory
    python -m tests.bench.scale 100000 1000000    some sizes (postings)
    python -m tests.bench.scale traffic    only what does not depend on the size: workers and processes

Each size is measured in a process of its own, so that memory is that of the size alone.
"""

import asyncio
import itertools
import json
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench import data
from tests.bench.arrivals import arrive
from tests.bench.hits import CARDS
from tests.bench.pairs import Client, Row, Served, publish, request, serving, widget
from tests.bench.queries import questions
from tests.processes import ROOT
from widget_server.listing.search import _around

SIZES = (100_000, 1_000_000, 5_000_000, 20_000_000)
QUERIES = 200
CLIENTS = 32
_SHARED = [
    sys.executable, "-m", "uvicorn", "widget_server.app:from_environment", "--factory", "--fd", "PORT",
    "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
]  # fmt: skip
"""Another server on a socket that somebody else has opened, as service managers hand it over."""
RATES = (100.0, 200.0, 400.0, 800.0, 1600.0)


def _memory_mb(name: str) -> float:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1000


def one(postings: int) -> dict[str, float]:
    """A shelf of about so many postings, in this process: size, time to open, search, memory."""
    establishments = postings // data.ROMES_EACH
    data.shelf(establishments)
    before = _memory_mb("VmRSS")
    begun = time.process_time_ns()
    index = data.shelf(establishments)
    opened_ms = (time.process_time_ns() - begun) / 1e6
    told: dict[str, float] = {}
    for romes, radius_km in ((5, 30), (20, 100)):
        ms = []
        for asked in itertools.islice(questions(21, romes, radius_km, known=index.keys), QUERIES):
            centre = asked.centre()
            begun = time.process_time_ns()
            _around(index, asked.romes, centre, float(radius_km))
            ms.append((time.process_time_ns() - begun) / 1e6)
        ms.sort()
        told |= {f"p50_{romes}": ms[len(ms) // 2], f"p99_{romes}": ms[int(len(ms) * 0.99)]}
    arrays = (index.key, index.start, index.lat, index.lon, index.score, index.card)
    size = sum(array.nbytes for array in arrays if array is not None)
    return told | {
        "postings": len(index.card),
        "mb": size / 1e6,
        "bytes": size / len(index.card),
        "verify_ms": opened_ms,
        "grown_mb": _memory_mb("VmRSS") - before,
        "own_mb": _memory_mb("RssAnon"),
    }


def sizes(wanted: tuple[int, ...]) -> list[Row]:
    """The index at each size."""
    rows = []
    for postings in wanted:
        command = [sys.executable, "-m", "tests.bench.scale", "--one", str(postings)]
        told = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
        rows.append(
            Row(
                subject=f"{told['postings']:.0f} postings: search 20 ROME x 100 km, p50 of CPU",
                measured=told["p50_20"],
                unit="ms",
                note=(
                    f"p99 {told['p99_20']:.2f}; 5 x 30 km {told['p50_5']:.2f} / {told['p99_5']:.2f} ms;"
                    f" {told['mb']:.0f} MB, {told['bytes']:.1f} B each; verified in {told['verify_ms']:.0f} ms;"
                    f" +{told['grown_mb']:.0f} MB resident, own {told['own_mb']:.0f}"
                ),
            )
        )
        print(rows[-1].line(), flush=True)
    return rows


def traffic(scale: str = "national") -> list[Row]:
    """Kept lists and one miss in ten, by one worker, by two, and by two servers that accept from one port."""
    folder = data.national(scale)
    rows = []
    for name, processes, workers in (("1 worker", 1, 1), ("2 workers", 1, 2), ("2 servers, one port", 2, 1)):
        with ExitStack() as stack:
            command, environment = widget(folder, WORKERS=str(workers))
            begun = time.monotonic()
            listener = None
            if processes > 1:
                command = _SHARED
                listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                # uvicorn takes what it inherits for a Unix socket, and leaves this out: each answer waits 40 ms.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            served = [
                stack.enter_context(serving(command, environment=environment, path=CARDS, listener=listener))
                for _ in range(processes)
            ]
            for each in served:
                _await_data(each, folder)
            started_s = (time.monotonic() - begun) / processes
            fresh = [request(f"/v1/cards?{asked.query()}") for asked in itertools.islice(questions(22, 5, 30), 8000)]
            kept = request(CARDS)
            turn = iter(fresh)

            def asked(number: int, turn=turn, kept=kept) -> bytes:
                return next(turn) if number % 10 == 0 else kept

            for per_s in RATES:
                told = asyncio.run(arrive([served[0].port], asked, per_s=per_s, count=int(per_s * 5)))
                rows.append(
                    Row(
                        subject=f"{name}, {per_s:.0f} lists a second, one in ten new: p99",
                        measured=told.percentile(99),
                        unit="ms",
                        note=f"{told.line()}; failed {told.failed}; start {started_s:.1f} s",
                    )
                )
                print(rows[-1].line(), flush=True)
            client = Client(served[0].port, kept, connections=CLIENTS)
            client.run(0.5)
            begun = time.monotonic()
            answers = client.run(5.0)
            rate = answers / (time.monotonic() - begun)
            client.close()
            subject = f"{name}: kept lists a second, {CLIENTS} connections that never pause"
            rows.append(Row(subject=subject, measured=rate, unit="/s", note="the client is on the same cores"))
            print(rows[-1].line(), flush=True)
            memory = sum(each.memory_kb("RssAnon") for each in served) / 1000
            shares = [each.cpu_ns() / 1e9 for each in served]
            note = " and ".join(f"{share:.1f}" for share in shares) + " s of CPU"
            rows.append(Row(subject=f"{name}: own memory", measured=memory, unit="MB", note=note))
            print(rows[-1].line(), flush=True)
    return rows


def _await_data(served: Served, folder: Path, within_s: float = 60.0) -> None:
    """Wait until each of these processes has the data: on a shared port another may have answered."""
    until = time.monotonic() + within_s
    while not served.mapped_kb(folder):
        assert time.monotonic() < until, f"{served.process.args} opens no data within {within_s:.0f} s"
        time.sleep(0.05)


def main() -> None:
    """Sizes, then traffic."""
    if sys.argv[1:2] == ["--one"]:
        sys.stdout.write(json.dumps(one(int(sys.argv[2]))))
        return
    wanted = sys.argv[1:]
    rows = [] if wanted == ["traffic"] else sizes(tuple(map(int, wanted)) or SIZES)
    if wanted in ([], ["traffic"]):
        rows += traffic()
    publish("scale", rows)


if __name__ == "__main__":
    main()
