"""What a source is, and the kit that every source works with.

A new source is one file and one line in `SOURCES`: an object with a `declaration` and `rows(kit)`. It calls its
upstream through `kit.connect(...)`, notes on `kit.notes` what the upstream announced, and yields one `Entry` or one
`Rejection` for each row that it received, so that nothing is dropped silently.
"""

import hashlib
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from widget_server import __version__
from widget_server.domain.cards import Declaration, Entry, Rejection
from widget_server.domain.errors import SnapshotError
from widget_server.reference.naf import Naf
from widget_server.reference.occupations import Occupations
from widget_server.reference.tables import Tables
from widget_server.reference.vintages import vintages
from widget_server.settings import Settings, is_secret
from widget_server.snapshot.manifest import Part
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.hygiene import Hygiene
from widget_server.sources.kit.lists import SCHOOLS
from widget_server.sources.kit.placing import Placing
from widget_server.upstream.client import Client, Credentials, Tally, Transport
from widget_server.upstream.lane import Lanes

PARIS: Final = ZoneInfo("Europe/Paris")
"""The days that French upstreams mean."""

_PLAUSIBLE_YEARS: Final = range(1990, 2100)


class Unchanged(Exception):
    """The upstream has nothing that the current version was not made from: a success without a new version."""


class Source(Protocol):
    """One kind of card from one upstream."""

    @property
    def declaration(self) -> Declaration:
        """What the source says of itself; it travels in the manifest."""
        ...

    def rows(self, kit: "Kit") -> AsyncGenerator[Entry | Rejection, None]:
        """Everything the upstream has, row by row. Raises `UpstreamError` when it cannot be read to its end.

        `Unchanged` before the first row keeps the current version.
        """
        ...

    async def probe(self, kit: "Kit") -> str:
        """One cheap call with the real credentials; what the upstream announces, in a sentence for an operator."""
        ...


@dataclass(kw_only=True)
class Notes:
    """What a source learns while it reads; the manifest and the report are made from it.

    as_of          the instant that the data describe, when it is not the start of the sync
    announced      how many rows the upstream says it has
    read           rows read so far, by a source that hands them over at its end only
    complete       False when something announced could not be read; then a part says what
    parts          what was announced and read of each partition
    remarks        what was repaired or set aside without losing the row, counted by a stable code
    mark           what `Kit.mark` makes of the upstream's own name for this state of its data; "" when it gives none
    method         the page that tells how the data were made, as the upstream wrote it; it travels with the version
    demonstration  the rows say of themselves that they are fictitious
    schools        SIRET of the schools of trainings and of whoever runs them: the hygiene of offers needs them
    """

    as_of: datetime | None = None
    announced: int | None = None
    read: int = 0
    complete: bool = True
    parts: list[Part] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    mark: str = ""
    method: bytes = b""
    demonstration: bool = False
    schools: set[str] = field(default_factory=set)

    def remark(self, code: str) -> None:
        """Count one repair; "" is none."""
        if code:
            self.remarks[code] += 1


@dataclass(frozen=True, kw_only=True)
class Kit:
    """Everything a source needs, for one sync. Clients are made by `connect`, so that their calls are counted.

    folder      the source's own folder: what it must find again in the next sync goes there, in a file with a dot
    increment   read only what is new since the last sync, where the upstream can tell; else the same as a full sync
    hygiene     the rules that a source asks while it maps a row
    lanes       what the clients of one application share: two sources that use it keep one pace
    """

    settings: Settings
    occupations: Occupations
    naf: Naf
    placing: Placing
    departements: tuple[str, ...]
    now: datetime
    folder: Path
    increment: bool = False
    hygiene: Hygiene = field(default_factory=Hygiene)
    notes: Notes = field(default_factory=Notes)
    clients: list[Client] = field(default_factory=list)
    transport: Transport | None = None
    lanes: Lanes = field(default_factory=Lanes)
    on_call: Callable[[Tally], None] | None = None

    def connect(
        self,
        upstream: str,
        base_url: str,
        *,
        rate_per_s: float,
        patience_s: float = 0.0,
        credentials: Credentials | None = None,
        key: str = "",
        also_hosts: Collection[str] = (),
    ) -> Client:
        """A client for one upstream, to be used as a context manager; `patience_s` may only add to the setting."""
        application = credentials.client_id if credentials else key
        client = Client(
            upstream,
            base_url,
            rate_per_s=rate_per_s,
            patience_s=max(patience_s, self.settings.patience_s),
            attempts=self.settings.attempts,
            credentials=credentials,
            key=key,
            lane=self.lanes.of(urlsplit(base_url).netloc, application, upstream),
            cap_bytes=self.settings.largest_file_mb << 20,
            also_hosts=also_hosts,
            transport=self.transport,
            on_call=self.on_call,
        )
        self.clients.append(client)
        return client

    def mark(self, told: str) -> str:
        """A state of an upstream's data as this program, with these settings and tables, reads it."""
        rows = [(row.name, getattr(self.settings, row.name)) for row in fields(Settings) if not is_secret(row.name)]
        tables = [(vintage.name, vintage.sha256) for vintage in vintages(Tables(self.settings.reference_path()))]
        # A company that is added to a list must go even where its upstream has nothing new.
        lists = [Path(str(value)) for name, value in rows if name.endswith("_file") and value]
        lists += sorted(self.settings.data_path().glob(f"*/{SCHOOLS}"))
        stamps = [(str(path), stat.st_mtime_ns, stat.st_size) for path in lists if (stat := _stat(path))]
        return hashlib.blake2b(repr((told, __version__, rows, tables, stamps)).encode(), digest_size=16).hexdigest()

    def is_current(self, mark: str) -> bool:
        """Whether the current version was made from this state."""
        shelf = Shelf(self.folder)
        version = shelf.current_version()
        try:
            return version is not None and shelf.read_manifest(version).harvest.mark == mark
        except SnapshotError:
            return False

    def known_romes(self, codes: Iterable[str]) -> tuple[str, ...]:
        """The current ROME codes behind these, without repetition, in their order; unknown ones are remarked."""
        found: dict[str, None] = {}
        for code in codes:
            current = self.occupations.current(code.strip().upper())
            if current is None:
                self.notes.remark("rome_unknown")
            found.update(dict.fromkeys(current or ()))
        return tuple(found)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def instant(told: str | None) -> datetime | None:
    """An ISO 8601 instant, with or without milliseconds, Z or an offset; without either it is UTC."""
    if not told:
        return None
    try:
        found = datetime.fromisoformat(told.strip())
    except ValueError:
        return None
    if found.year not in _PLAUSIBLE_YEARS:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def paris_day(moment: datetime | None) -> str | None:
    """The day of an instant in France, ISO 8601."""
    return None if moment is None else moment.astimezone(PARIS).date().isoformat()


def sortable(moment: datetime | None) -> str:
    """An instant in UTC whose text sorts like its time; "" when unknown."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")
