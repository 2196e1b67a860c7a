"""Sync: read the named sources side by side, and publish each on its own shelf.

A source that fails leaves its previous snapshot in place and its cause in the report; it never stops the others. Each
source writes from a thread of its own: publishing computes for seconds, and the other sources must keep their pace.
"""

import asyncio
import fcntl
import logging
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar

import msgspec

from widget_server.domain.cards import Entry, Rejection
from widget_server.domain.errors import SettingError, UpstreamDown, WidgetError
from widget_server.memory import peak_memory_mb
from widget_server.reference.naf import Naf
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.reference.tables import Tables
from widget_server.reference.vintages import vintages
from widget_server.settings import Settings
from widget_server.snapshot.manifest import Counts, Harvest, Manifest
from widget_server.snapshot.runs import write_run
from widget_server.snapshot.shelf import Draft, Shelf
from widget_server.sources import SOURCES
from widget_server.sources.kit.hygiene import read_hygiene
from widget_server.sources.kit.lists import write_schools
from widget_server.sources.kit.placing import Placing
from widget_server.sources.kit.source import Kit, Notes, Source, Unchanged
from widget_server.sync.geocoding import located
from widget_server.upstream.client import Tally, Transport
from widget_server.upstream.lane import Lanes

Phase = Literal["harvest", "publish", "done", "failed"]

_BATCH: Final = 500
LOCK: Final = ".sync.lock"
_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far one source is: for a progress display."""

    source: str
    phase: Phase
    calls: int
    rows: int
    rejected: int
    expected: int | None
    seconds: float

    @property
    def rows_per_s(self) -> float:
        """Rows read in a second, on average so far."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the expected rows are read; None while nobody can know."""
        if self.expected is None or not self.rows or self.phase != "harvest":
            return None
        return max(0, self.expected - self.rows) / self.rows_per_s if self.rows_per_s else None


class Progress(Protocol):
    """Whoever wants to know how far the sources are; called often, from the event loop."""

    def __call__(self, step: Step) -> None:
        """Take notice of one step."""
        ...


class SyncBusy(WidgetError):
    """Somebody else is syncing this source into the same folder."""


class SyncReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one source, for `--json`.

    version        the version that is current now: the new one when `ok`, else the previous one, if any
    counts         of the new version: read = cards + merged + repeated + the sum of rejected
    remarks        what was repaired without losing the row, by code
    cause          why it failed, in a sentence; None when it did not
    peak_mb        the largest memory of the whole process so far
    """

    source: str
    ok: bool
    version: str | None
    previous: str | None
    counts: Counts | None
    announced: int | None
    complete: bool
    demonstration: bool
    remarks: dict[str, int]
    calls: int
    retries: int
    bytes: int
    waited_s: float
    seconds: float
    peak_mb: float
    cause: str | None = None


def silent(step: Step) -> None:
    """Progress for nobody."""


async def sync(
    names: Sequence[str],
    settings: Settings,
    *,
    now: datetime,
    report: Progress = silent,
    transports: Mapping[str, Transport] | None = None,
    accept: Mapping[str, str] | None = None,
    increment: bool = False,
    lanes: Lanes | None = None,
    sources: Mapping[str, Source] = SOURCES,
) -> tuple[SyncReport, ...]:
    """Sync the named sources, or those of SOURCES when none is named; the reports are in the order of the names.

    now          the instant at which this sync begins, with its offset
    transports   source -> what carries its calls; a source that is not in it uses the network
    accept       rails of publication that may be broken: rule -> why (see snapshot/guards.py)
    increment    only what is new since the last sync, from the sources that can tell
    lanes        the pace of each upstream, when other syncs of this process share it

    `SettingError` when a name is unknown. Everything that befalls one source is in its report.
    """
    chosen = tuple(dict.fromkeys(names)) or tuple(name for name, _ in settings.expected_sources())
    unknown = [name for name in chosen if name not in sources]
    if unknown:
        raise SettingError(f"no source is called {', '.join(unknown)}; there are: {', '.join(sources)}")
    for name, kind in settings.expected_sources():
        if name in sources and (known := sources[name].declaration.kind) != kind:
            raise SettingError(f'SOURCES: "{name}:{kind}" must be {name}:{known}, which is what the source brings')
    kit = replace(kit_for(settings, settings.data_path(), now, increment=increment), lanes=lanes or Lanes())
    told = {vintage.name: vintage.vintage for vintage in vintages(Tables(settings.reference_path()))}
    runs = [_Run(sources[name], kit, (transports or {}).get(name), report) for name in chosen]
    return tuple(await asyncio.gather(*(run.finish(told, accept or {}) for run in runs)))


def kit_for(settings: Settings, folder: Path, now: datetime, *, increment: bool = False) -> Kit:
    """A kit on the reference tables, for one sync or one probe."""
    tables = Tables(settings.reference_path())
    places = Places.load(tables)
    return Kit(
        settings=settings,
        occupations=Occupations.load(tables),
        naf=Naf.load(tables),
        placing=Placing(places),
        departements=tuple(each.code for each in places.real_departements()),
        now=now,
        folder=folder,
        increment=increment,
    )


class _Run:
    """One source in one sync."""

    def __init__(self, source: Source, kit: Kit, transport: Transport | None, report: Progress) -> None:
        self._source = source
        self._name = source.declaration.name
        self._report = report
        self._shelf = Shelf(kit.settings.data_path() / self._name)
        self._kit = replace(
            kit, folder=self._shelf.folder, notes=Notes(), clients=[], transport=transport, on_call=self._called
        )
        self._begun = time.monotonic()
        self._rows = 0
        self._rejected = 0

    async def finish(self, vintages: Mapping[str, str], accept: Mapping[str, str]) -> SyncReport:
        """Harvest and publish; whatever happens is in the report."""
        previous = self._shelf.current_version()
        manifest: Manifest | None = None
        cause: str | None = None
        failure: Exception | None = None
        try:
            with _locked(self._shelf.folder):
                manifest = await self._publish(vintages, accept)
        except Unchanged as unchanged:
            _log.info("%s", unchanged)
            manifest = self._shelf.read_manifest(previous) if previous else None
        except WidgetError as error:
            failure, cause = error, str(error)
        except OSError as error:
            failure, cause = error, f"{self._name}: cannot work in DATA_DIR: {error}"
        except sqlite3.OperationalError as error:  # a full disk, most of all
            failure, cause = error, f"{self._name}: the new version cannot be written: {error}"
        except Exception as error:  # a bug in one source must not stop the others; its trace goes to the log
            _log.exception("sync of %s", self._name)
            cause = f"{self._name}: internal error, {type(error).__name__}; the log has its trace"
        if not isinstance(failure, SyncBusy):
            try:
                write_run(
                    self._shelf.folder,
                    started=self._kit.now,
                    ended=self._kit.now + timedelta(seconds=self._seconds()),
                    cause=cause,
                    increment=self._kit.increment,
                )
            except OSError as error:  # whoever watches goes on, and tries again when there is room
                cause = cause or f"{self._name}: published, but DATA_DIR does not take the record of it: {error}"
        self._tell("failed" if cause else "done")
        return self._reported(manifest, previous, cause)

    async def _publish(self, vintages: Mapping[str, str], accept: Mapping[str, str]) -> Manifest:
        declaration = self._source.declaration
        self._kit = replace(self._kit, hygiene=read_hygiene(self._kit.settings, declaration.kind))
        kit, notes = self._kit, self._kit.notes
        declaration = msgspec.structs.replace(declaration, rules=kit.hygiene.described(declaration.kind))
        for rule in kit.hygiene.waiting(declaration.kind):
            notes.remark(f"asleep_{rule}")
        async with _writing(self._shelf.draft(declaration, started=kit.now)) as desk:
            await self._harvest(desk)
            self._tell("publish")
            harvest = Harvest(
                as_of=(notes.as_of or kit.now).isoformat(),
                ended=kit.now + timedelta(seconds=self._seconds()),
                announced=notes.announced,
                complete=notes.complete,
                demonstration=self._is_demonstration(),
                vintages=dict(vintages),
                parts=tuple(notes.parts),
                mark=notes.mark,
                remarks=dict(sorted(notes.remarks.items())),
            )
            await desk.describe(notes.method)
            manifest = await desk.publish(kit, harvest, declaration.kind, accept)
        if notes.schools:
            write_schools(self._shelf.folder, notes.schools)
        return manifest

    async def _harvest(self, desk: "_Desk") -> None:
        """Read the source to its end, or until the deadline."""
        kit = self._kit
        batch: list[Entry | Rejection] = []
        try:
            async with (
                asyncio.timeout(kit.settings.sync_deadline_s) as deadline,
                aclosing(located(_admitted(self._source.rows(kit), kit), kit)) as rows,
            ):
                async for row in rows:
                    batch.append(row)
                    if len(batch) >= _BATCH:
                        self._rejected = await desk.put(batch)
                        self._rows += len(batch)
                        batch = []
                        self._tell("harvest")
        except TimeoutError as error:
            if not deadline.expired():
                raise
            told = f"not read to its end within {kit.settings.sync_deadline_s:g} s (SYNC_DEADLINE_S)"
            troubles = [client.trouble for client in kit.clients if client.trouble]
            raise UpstreamDown(self._name, "; ".join([told, *troubles])) from error
        self._rejected = await desk.put(batch)
        self._rows += len(batch)

    def _is_demonstration(self) -> bool:
        return self._kit.notes.demonstration or any(client.demonstration for client in self._kit.clients)

    def _called(self, tally: Tally) -> None:
        self._tell("harvest")

    def _tell(self, phase: Phase) -> None:
        self._report(
            Step(
                source=self._name,
                phase=phase,
                calls=sum(client.tally.calls for client in self._kit.clients),
                rows=max(self._rows, self._kit.notes.read),
                rejected=self._rejected,
                expected=self._kit.notes.announced,
                seconds=self._seconds(),
            )
        )

    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    def _reported(self, manifest: Manifest | None, previous: str | None, cause: str | None) -> SyncReport:
        tallies = [client.tally for client in self._kit.clients]
        notes = self._kit.notes
        return SyncReport(
            source=self._name,
            ok=cause is None,
            version=manifest.version if manifest else previous,
            previous=previous,
            counts=manifest.counts if manifest else None,
            announced=notes.announced,
            complete=notes.complete and cause is None,
            demonstration=self._is_demonstration(),
            remarks=dict(sorted(notes.remarks.items())),
            calls=sum(tally.calls for tally in tallies),
            retries=sum(tally.retries for tally in tallies),
            bytes=sum(tally.bytes for tally in tallies),
            waited_s=round(sum(tally.waited_s for tally in tallies), 1),
            seconds=round(self._seconds(), 1),
            peak_mb=peak_memory_mb(),
            cause=cause,
        )


async def _admitted(rows: AsyncGenerator[Entry | Rejection, None], kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
    """The same rows, those that no list keeps out; before anything else is done with them, such as asking where."""
    async with aclosing(rows):
        async for row in rows:
            yield kit.hygiene.admit(row) if isinstance(row, Entry) else row


class _Desk:
    """A draft that is written from one thread of its own: SQLite wants one, and the event loop must not wait."""

    def __init__(self, draft: Draft, thread: ThreadPoolExecutor) -> None:
        self._draft = draft
        self._thread = thread

    async def put(self, batch: Sequence[Entry | Rejection]) -> int:
        """Write a batch; returns the rejections so far."""
        return await self.run(lambda: self._put(batch))

    async def describe(self, method: bytes) -> None:
        """Let the source's own account of its data travel with the version."""
        await self.run(lambda: self._draft.describe(method))

    async def publish(self, kit: Kit, harvest: Harvest, kind: str, accept: Mapping[str, str]) -> Manifest:
        """Make it the current version."""
        keep, least = kit.settings.keep_versions, kit.settings.least(kind)
        return await self.run(
            lambda: self._draft.publish(tree=kit.occupations, harvest=harvest, keep=keep, least=least, accept=accept)
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _put(self, batch: Sequence[Entry | Rejection]) -> int:
        for row in batch:
            if isinstance(row, Entry):
                self._draft.add(row)
            else:
                self._draft.reject(row)
        return sum(self._draft.rejected.values())


@asynccontextmanager
async def _writing(draft: Draft) -> AsyncIterator[_Desk]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="draft") as thread:
        desk = _Desk(draft, thread)
        await desk.run(draft.__enter__)
        try:
            yield desk
        finally:
            await desk.run(lambda: draft.__exit__(None, None, None))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One sync at a time in a source's folder; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SyncBusy(f"{folder.name}: another sync is at work in this folder") from error
        yield
