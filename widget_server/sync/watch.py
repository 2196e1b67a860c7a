"""`sync --watch`: every source on its own schedule, for as long as the process lives.

Each source has a loop of its own, so that a slow harvest delays nobody. What was missed while nobody watched is done at
once. A failed run is tried again after a pause that doubles, never later than its schedule says. A source may have a
second, lighter schedule: an increment, which is left out when a full sync is due at the same time.
"""

import asyncio
import fcntl
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

from cronsim import CronSim, CronSimError

from widget_server.domain.errors import SettingError, WidgetError
from widget_server.settings import Settings
from widget_server.snapshot.runs import Run, read_run
from widget_server.sources.kit.source import PARIS
from widget_server.sync.sync import LOCK as SYNC_LOCK
from widget_server.sync.sync import SyncReport

LOCK: Final = ".watch.lock"
FIRST_PAUSE_S: Final = 300.0
LONGEST_PAUSE_S: Final = 6 * 3600.0
_log: Final = logging.getLogger(__name__)


class WatchBusy(WidgetError):
    """Another process watches the same data folder."""


class Clock(Protocol):
    """The time, and waiting for it; tests bring their own."""

    def now(self) -> datetime:
        """The instant, with its offset."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class WallClock:
    """The real one."""

    def now(self) -> datetime:
        """The instant in Paris: schedules are read in the time of the upstreams."""
        return datetime.now(PARIS)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When a source is synced: five cron fields in Paris time; `increment` is "" where there is no lighter run."""

    source: str
    full: str
    increment: str = ""

    def next(self, after: datetime) -> "Job":
        """The next run after an instant; the full one when both fall on the same minute."""
        full = Job(source=self.source, at=next(CronSim(self.full, after.astimezone(PARIS))), increment=False)
        if not self.increment:
            return full
        lighter = next(CronSim(self.increment, after.astimezone(PARIS)))
        return full if full.at <= lighter else Job(source=self.source, at=lighter, increment=True)

    def period(self, after: datetime) -> timedelta:
        """The longest time between two full runs among the next ten."""
        runs = CronSim(self.full, after.astimezone(PARIS))
        moments = [next(runs) for _ in range(11)]
        return max(later - sooner for sooner, later in pairwise(moments))


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of one source, due at an instant."""

    source: str
    at: datetime
    increment: bool


Sync = Callable[[Job], Awaitable[SyncReport]]
"""Runs one job and reports; it does not raise for what befalls the source."""


def plans(settings: Settings) -> tuple[Plan, ...]:
    """The schedule of every source of SOURCES; `SettingError` names each that is not five cron fields."""
    found: list[Plan] = []
    problems: list[str] = []
    for name, kind in settings.expected_sources():
        plan = Plan(source=name, full=settings.schedule(kind), increment=settings.increment_schedule(kind))
        for row, told in ((f"{kind}s_schedule", plan.full), (f"{kind}s_increment_schedule", plan.increment)):
            if told or row == f"{kind}s_schedule":
                try:
                    CronSim(told, datetime.now(PARIS))
                except CronSimError as error:
                    problems.append(f'{row.upper()}: "{told}" is not five cron fields such as "30 2 * * *" ({error})')
        found.append(plan)
    if problems:
        raise SettingError("; ".join(problems))
    return tuple(found)


def first_job(plan: Plan, run: Run | None, now: datetime) -> Job:
    """What to do when watching begins: at once what was missed or failed, else what the schedule says next."""
    if run is None or not run.ok or run.last_success is None:
        return Job(source=plan.source, at=now, increment=False)
    due = plan.next(run.ended)
    return Job(source=plan.source, at=max(now, due.at), increment=due.increment)


def next_job(plan: Plan, done: Job, report: SyncReport, failures: int, now: datetime) -> Job:
    """What comes after a job: the schedule, or sooner the same again when it failed."""
    scheduled = plan.next(now)
    if report.ok:
        return scheduled
    pause_s = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S)
    again = now + timedelta(seconds=pause_s)
    if scheduled.at <= again and scheduled.increment <= done.increment:
        return scheduled
    return Job(source=plan.source, at=again, increment=done.increment)


async def watch(
    schedule: Sequence[Plan],
    data: Path,
    sync: Sync,
    *,
    clock: Clock,
    jitter_s: float,
    say: Callable[[str], None] = _log.info,
) -> None:
    """Run every plan until cancelled. `WatchBusy` when another process watches this folder.

    jitter_s   up to so many seconds are added to each run, so that not every operator calls at the same second
    """
    with _locked(data):
        async with asyncio.TaskGroup() as loops:
            for plan in schedule:
                loops.create_task(_keep(plan, data / plan.source, sync, clock, jitter_s, say))


async def _keep(
    plan: Plan, folder: Path, sync: Sync, clock: Clock, jitter_s: float, say: Callable[[str], None]
) -> None:
    job = first_job(plan, read_run(folder), clock.now())
    failures = 0
    while True:
        wait_s = (job.at - clock.now()).total_seconds()
        if wait_s > 0:
            wait_s += random.uniform(0, jitter_s)  # noqa: S311 - spreads calls, hides nothing
            what = "increment" if job.increment else "full sync"
            say(f"{plan.source}: next {what} at {job.at.astimezone(PARIS):%d/%m %H:%M} in Paris")
            await clock.sleep(wait_s)
        report = await sync(job)
        failures = 0 if report.ok else failures + 1
        cause = (report.cause or "done").removeprefix(f"{plan.source}: ")
        say(f"{plan.source}: {cause}")
        job = next_job(plan, job, report, failures, clock.now())


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """One watch in a data folder; the lock goes with the process, however it ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / LOCK).open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WatchBusy(f"another process watches {data}; stop it first, or see widget-server status") from error
        yield


def is_watched(data: Path) -> bool:
    """Whether a process watches this folder now."""
    return _is_held(data / LOCK)


def is_syncing(folder: Path) -> bool:
    """Whether a process syncs the source of this folder now."""
    return _is_held(folder / SYNC_LOCK)


def _is_held(path: Path) -> bool:
    try:
        with path.open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except BlockingIOError:
        return True
    return False
