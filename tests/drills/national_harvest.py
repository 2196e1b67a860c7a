"""All sources at national size while offers come and go: what is lost, what is invented, and what it costs.

    python -m tests.drills.national_harvest                          five seeds at 350 000 / 60 000 / 400 000 rows
    python -m tests.drills.national_harvest --seeds 1 --scale 0.1    a quick look

Long, so not a test. Each source is synced twice by a process of its own from a sandbox on loopback: the second time its
previous version is there to be compared with, and what was deleted must be gone. Lost and invented mean what they mean
in test_harvest_truth.py. Peak memory is that of the process; idle is what it takes with the reference tables loaded.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from tests.drills.truth import Moving, Verdict, judged, published, settings_for
from tests.processes import ROOT, await_answer, end, free_port
from widget_server.memory import peak_memory_mb
from widget_server.sync.sync import kit_for, sync

SOURCES = ("offers", "trainings", "recruiters")
DAY = datetime(2026, 11, 24, tzinfo=UTC)
PACE_PER_S = 4.0
MOVED_EVERY = 10
_PREPARED_WITHIN_S = 600

_SANDBOX = """
import sys
from datetime import datetime
from widget_server.sandbox import SandboxSettings
from widget_server.sandbox.server import serve_sandbox
quiet = SandboxSettings(offers_rate_per_s=0, catalogue_rate_per_s=0)
port, scale, seed, day = sys.argv[1:]
serve_sandbox(port=int(port), scale=scale, seed=int(seed), now=datetime.fromisoformat(day), settings=quiet)
"""


@dataclass(frozen=True)
class Outcome:
    """One sync of one source in a process of its own."""

    report: dict[str, object]
    cpu_s: float
    idle_mb: float
    peak_mb: float
    created: set[str]
    deleted: set[str]


@contextmanager
def sandbox(scale: str, seed: int) -> Iterator[str]:
    """The address of a sandbox in a process of its own."""
    port = free_port()
    command = [sys.executable, "-c", _SANDBOX, str(port), scale, str(seed), DAY.isoformat()]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        await_answer(f"http://127.0.0.1:{port}/_faults", process, within_s=_PREPARED_WITHIN_S)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def kept(address: str, source: str) -> set[str]:
    """What a perfect reader keeps of a source, as it is now."""
    return set(httpx.get(f"{address}/_truth/{source}/kept", timeout=3600).raise_for_status().text.split())


def synced(address: str, source: str, data: Path, seed: int, hours: int) -> Outcome:
    """Run `one` in a process of its own."""
    command = [sys.executable, "-m", "tests.drills.national_harvest", "--one", source, address, str(data)]
    command += ["--seeds", str(seed), "--hours", str(hours)]
    told = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return Outcome(**told | {"created": set(told["created"]), "deleted": set(told["deleted"])})


async def one(source: str, address: str, data: Path, seed: int, hours: int) -> dict[str, object]:
    """One sync in this process."""
    settings = settings_for(address, data)
    tables = kit_for(settings, data, DAY)
    idle_mb = resident_mb()
    del tables
    moving = Moving(httpx.AsyncHTTPTransport(), address, seed * 100 + hours, MOVED_EVERY)
    transports = {"offers": moving} if source == "offers" else {}
    begun_s = time.process_time()
    (report,) = await sync([source], settings, now=DAY + timedelta(hours=hours), transports=transports)
    return {
        "cpu_s": time.process_time() - begun_s,
        "report": msgspec.to_builtins(report),
        "idle_mb": idle_mb,
        "peak_mb": peak_memory_mb(),
        "created": sorted(moving.created),
        "deleted": sorted(moving.deleted),
    }


def resident_mb() -> float:
    """The memory of this process now."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def drill(scale: str, seed: int, sources: tuple[str, ...], rounds: int) -> bool:
    """Syncs of each source from one sandbox; prints a line for each. Whether nothing is lost or invented."""
    is_true = True
    with sandbox(scale, seed) as address, tempfile.TemporaryDirectory() as folder:
        for source in sources:
            before: set[str] = set()
            for hours in range(0, rounds * 12, 12):
                wanted = kept(address, source)
                begun = time.monotonic()
                outcome = synced(address, source, Path(folder), seed, hours)
                seconds = time.monotonic() - begun
                verdict = judged(
                    published(Path(folder) / source), wanted, outcome.created, outcome.deleted, before=before
                )
                is_true &= verdict.is_true and outcome.report["cause"] is None
                print(line(seed, source, hours, seconds, len(wanted), outcome, verdict), flush=True)
                before |= outcome.deleted
    return is_true


def line(seed: int, source: str, hours: int, seconds: float, count: int, outcome: Outcome, verdict: Verdict) -> str:
    report = outcome.report
    calls = int(str(report["calls"]))
    return (
        f"seed {seed}  {source:<10} {hours:>2} h  {count:>7} to keep  lost {len(verdict.lost)}"
        f"  invented {len(verdict.invented)}  undead {len(verdict.undead)}"
        f"  {'complete' if report['complete'] else 'INCOMPLETE'}  {seconds:6.0f} s, CPU {outcome.cpu_s:.0f} s"
        f"  {calls:>5} calls ({calls / PACE_PER_S / 60:.0f} min at {PACE_PER_S:.0f}/s)  peak {outcome.peak_mb:.0f} MB,"
        f" idle {outcome.idle_mb:.0f} MB  +{len(outcome.created)} -{len(outcome.deleted)}  {report['cause'] or ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", default="1,2,3,4,5", help="which")
    parser.add_argument("--rounds", type=int, default=2, help="syncs of each source")
    parser.add_argument("--scale", default="national", help="default, large, national, or a factor like 0.1")
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--hours", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=3, metavar=("SOURCE", "ADDRESS", "FOLDER"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        source, address, folder = told.one
        outcome = asyncio.run(one(source, address, Path(folder), int(told.seeds), told.hours))
        sys.stdout.write(json.dumps(outcome))
        return
    sources = tuple(told.sources.split(","))
    results = [drill(told.scale, int(seed), sources, told.rounds) for seed in told.seeds.split(",")]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
