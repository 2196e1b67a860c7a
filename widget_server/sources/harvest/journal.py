"""What a harvest has found, on disk: it survives a crash, and a partition that fails keeps what it had.

    found(key, partition, seen, is_entry, remarks, body)   every row, as the card or the rejection that it became
    partition(name, body)                                  how each partition was last read
    span(first, last)                                      creation dates that the harvest under way has read
    state(body)                                            the harvest under way, the last whole one

Snapshots are published from it. It holds nothing that a snapshot would not: mapped rows, never what the upstream sent.
A journal that is damaged, of another shape or of another upstream is thrown away: the next harvest reads everything.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from widget_server import __version__
from widget_server.domain.cards import Entry, Rejection
from widget_server.sources.harvest.split import Span
from widget_server.sources.kit.source import sortable

FILE_NAME: Final = ".harvest.sqlite"
ELSEWHERE: Final = "hors département"
"""The partition of the offers that are placed in a région or in France only."""
_TABLES: Final = """
CREATE TABLE found(
    key TEXT NOT NULL UNIQUE, partition TEXT NOT NULL, seen TEXT NOT NULL, is_entry INTEGER NOT NULL,
    remarks TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX found_seen ON found(partition, seen);
CREATE TABLE partition(name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE span(first TEXT NOT NULL, last TEXT NOT NULL);
CREATE TABLE state(body BLOB NOT NULL);
"""
_KEEP: Final = """
INSERT INTO found(key, partition, seen, is_entry, remarks, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT(key) DO UPDATE SET
    partition = iif(?, excluded.partition, partition), seen = excluded.seen, is_entry = excluded.is_entry,
    remarks = excluded.remarks, body = excluded.body
"""
_MADE_BY: Final = hashlib.blake2b(
    msgspec.json.encode([__version__, _TABLES, msgspec.json.schema(Entry), msgspec.json.schema(Rejection)]),
    digest_size=8,
).hexdigest()
"""Changes with the shape of what is kept, and with the program: another version may map rows in another way."""
_ENTRY: Final = msgspec.json.Decoder(Entry)
_REJECTION: Final = msgspec.json.Decoder(Rejection)
_AT_ONCE: Final = 500


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where the harvest stands. Instants as `sortable` writes them; "" = never.

    begun       when the full harvest that is under way, or the last one, began
    whole       when the last complete harvest began
    covered_to  creations up to here were asked for
    mark        the settings and tables that the harvest is made with: with others, rows may become something else
    """

    upstream: str
    made_by: str = _MADE_BY
    begun: str = ""
    whole: str = ""
    covered_to: str = ""
    mark: str = ""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """How a partition was last read; `seen` is when it was last read whole, "" = never."""

    name: str
    announced: int = 0
    read: int = 0
    distinct: int = 0
    searches: int = 0
    seen: str = ""
    remark: str | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """One row: what it became, and what was repaired on the way.

    partition   where it belongs; None when it does not say so: then it stays where it was, if it was anywhere
    """

    key: str
    partition: str | None
    outcome: Entry | Rejection
    remarks: Sequence[str] = ()


class Journal:
    """The journal of one source; use it as a context manager."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self._path = folder / FILE_NAME
        self._upstream = upstream
        self.state = State(upstream=upstream)

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._opened()
        except (sqlite3.DatabaseError, msgspec.DecodeError):
            for path in self._path.parent.glob(f"{FILE_NAME}*"):
                path.unlink()
            self._db = self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        if isinstance(error, sqlite3.Error):  # a full disk, above all
            raise OSError(f"{self._path.name}: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        """The data base with its tables and its state. Raises when it cannot be gone on with."""
        db = sqlite3.connect(self._path, isolation_level=None)
        try:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")  # the sync's own lock is there already
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA secure_delete=ON")  # what was withdrawn upstream does not linger in free pages
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                db.executescript(f"BEGIN; {_TABLES} COMMIT;")
            kept = db.execute("SELECT body FROM state").fetchone()
            if kept is not None:
                state = msgspec.json.decode(kept[0], type=State)
                if (state.upstream, state.made_by) != (self._upstream, _MADE_BY):
                    raise sqlite3.DatabaseError("of another upstream or of another version of the program")
                self.state = state
        except BaseException:
            db.close()
            raise
        return db

    def begin(self, begun: str, mark: str) -> None:
        """A harvest begins that goes on with no earlier one."""
        self._db.execute("DELETE FROM span")
        self.change(begun=begun, mark=mark)

    def change(self, **told: str) -> None:
        """Change the state; it is on disk at once."""
        self.state = msgspec.structs.replace(self.state, **told)
        self._db.execute("BEGIN")
        self._db.execute("DELETE FROM state")
        self._db.execute("INSERT INTO state VALUES (?)", (msgspec.json.encode(self.state),))
        self._db.execute("COMMIT")

    def cover(self, span: Span) -> None:
        """Note that every offer created in a span has been read."""
        self._db.execute("INSERT INTO span VALUES (?, ?)", (sortable(span.first), sortable(span.last)))

    def covered(self) -> list[Span]:
        """The spans that the harvest under way has read."""
        rows = self._db.execute("SELECT first, last FROM span")
        return [Span(datetime.fromisoformat(first), datetime.fromisoformat(last)) for first, last in rows]

    def keep(self, rows: Iterable[Found], seen: datetime) -> None:
        """Add rows or replace them."""
        self._db.execute("BEGIN")
        self._db.executemany(
            _KEEP,
            (
                (
                    row.key,
                    row.partition or ELSEWHERE,
                    sortable(seen),
                    isinstance(row.outcome, Entry),
                    " ".join(row.remarks),
                    zlib.compress(msgspec.json.encode(row.outcome), 1),
                    row.partition is not None,
                )
                for row in rows
            ),
        )
        self._db.execute("COMMIT")

    def unseen(self, keys: Sequence[str], since: str) -> set[str]:
        """Those of the keys that have not been seen since an instant."""
        marks = ",".join("?" * len(keys))
        rows = self._db.execute(f"SELECT key FROM found WHERE seen >= ? AND key IN ({marks})", (since, *keys))  # noqa: S608 - marks only
        return set(keys).difference(key for (key,) in rows)

    def shown(self, since: str) -> dict[str, int]:
        """How many rows of each partition have been seen since an instant."""
        rows = self._db.execute("SELECT partition, count(*) FROM found WHERE seen >= ? GROUP BY partition", (since,))
        return {partition: int(count) for partition, count in rows}

    def count(self, since: str) -> int:
        """How many rows have been seen since an instant."""
        return sum(self.shown(since).values())

    def finish(self, section: Section) -> None:
        """Note how a partition was read; one that failed keeps the instant at which it was last read whole."""
        if section.problem is not None:
            before = self.sections().get(section.name)
            section = msgspec.structs.replace(section, seen=before.seen if before else "")
        self._db.execute("REPLACE INTO partition VALUES (?, ?)", (section.name, msgspec.json.encode(section)))

    def sections(self) -> dict[str, Section]:
        """How each partition was last read."""
        rows = self._db.execute("SELECT body FROM partition ORDER BY name")
        sections = [msgspec.json.decode(body, type=Section) for (body,) in rows]
        return {section.name: section for section in sections}

    def forget(self, before: str) -> dict[str, int]:
        """Delete what has not been seen since an instant; how many rows of each partition."""
        gone = self.counts(before=before)
        self._db.execute("DELETE FROM found WHERE seen < ?", (before,))
        return gone

    def counts(self, *, before: str) -> dict[str, int]:
        """How many rows of each partition were last seen before an instant."""
        rows = self._db.execute("SELECT partition, count(*) FROM found WHERE seen < ? GROUP BY partition", (before,))
        return {partition: int(count) for partition, count in rows}

    def oldest(self) -> str:
        """The instant since which every row has been seen; "" when there is none."""
        (seen,) = self._db.execute("SELECT min(seen) FROM found").fetchone()
        return str(seen or "")

    def everything(self) -> Iterator[tuple[Entry | Rejection, list[str]]]:
        """Every row with what was repaired on it."""
        with closing(self._db.cursor()) as cursor:
            cursor.execute("SELECT is_entry, remarks, body FROM found ORDER BY rowid")
            while rows := cursor.fetchmany(_AT_ONCE):
                for is_entry, remarks, body in rows:
                    decoder = _ENTRY if is_entry else _REJECTION
                    yield decoder.decode(zlib.decompress(body)), remarks.split()


def is_within(earlier: str, now: datetime, span: timedelta) -> bool:
    """Whether an instant of the state lies in the span that ends now; an instant to come does not."""
    return sortable(now - span) <= earlier <= sortable(now)
