"""cards.sqlite: the cards of one snapshot, inspectable with any SQLite tool.

    card(card INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT, also_on TEXT, facts TEXT)
    alias(id TEXT PRIMARY KEY, card INTEGER)     ids that were merged into another card
    rejected(id TEXT, reason TEXT, detail TEXT)  rows that did not become a card

`body` is the card's final JSON without what depends on a search. Primary keys count from 1, the newest card first.
"""

import hashlib
import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.cards import AlsoOn, Card, CardPlace, Entry, Fact, Organisation, Rejection
from widget_server.domain.duplicates import LARGEST_BLOCK, Advert, blocks, gather, pairs, settle
from widget_server.domain.errors import SnapshotCorrupt
from widget_server.domain.geo import municipality_of

FILE_NAME: Final = "cards.sqlite"
_ENTRY: Final = msgspec.json.Decoder(Entry)
_FACTS: Final = msgspec.json.Decoder(tuple[Fact, ...])
_ALSO_ON: Final = msgspec.json.Decoder(tuple[AlsoOn, ...])
_CARD: Final = msgspec.json.Decoder(Card)


class Stored(NamedTuple):
    """A card as it lies in the file: its JSON, and that of what was merged into it at sync, None for nothing."""

    body: bytes
    also_on: bytes | None

    def card(self) -> Card:
        """The card itself; a visitor's JSON never needs it."""
        return _CARD.decode(self.body)

    def others(self) -> tuple[AlsoOn, ...]:
        """What was merged into it at sync."""
        return _ALSO_ON.decode(self.also_on) if self.also_on else ()


class _Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Of a card, what makes it an advert."""

    id: str
    title: str
    organisation: Organisation
    place: CardPlace


class _Published(msgspec.Struct, frozen=True, kw_only=True):
    """The same of an entry: what is read again and again while adverts are compared."""

    card: _Compared
    newest: str
    preferred: int
    partner: str

    def advert(self) -> Advert:
        """What the comparison takes."""
        place, organisation = self.card.place, self.card.organisation
        return Advert(
            id=self.card.id,
            partner=self.partner,
            title=self.card.title,
            company=organisation.name,
            siret=organisation.siret,
            postcode=place.postcode,
            municipality=municipality_of(place.insee) if place.insee else None,
            worth=self.preferred,
            newest=self.newest,
        )


_PUBLISHED: Final = msgspec.json.Decoder(_Published)


class Spool:
    """Entries on disk in the order they came, so that a harvest of any size needs little memory."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE entry(id TEXT PRIMARY KEY, newest TEXT, twin TEXT, preferred INTEGER, partner TEXT,"
            " body BLOB)"
            " WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE rejected(id TEXT, reason TEXT, detail TEXT)")
        self._db.execute("BEGIN")

    def add(self, entry: Entry) -> bool:
        """Keep an entry; False when its id is there already (the later one wins: it is the fresher read)."""
        row = (entry.card.id, entry.newest, entry.twin, entry.preferred, entry.partner, msgspec.json.encode(entry))
        try:
            self._db.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            self._db.execute("REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
            return False
        return True

    def reject(self, rejection: Rejection) -> None:
        """Keep what became of a row that is not a card."""
        row = (rejection.id, rejection.reason, rejection.detail)
        self._db.execute("INSERT INTO rejected VALUES (?, ?, ?)", row)

    def rejections(self) -> Iterator[tuple[str, str, str]]:
        """Every rejection as id, reason, detail, in the order of the ids."""
        rows: Iterator[tuple[str, str, str]] = self._db.execute(
            "SELECT id, reason, detail FROM rejected ORDER BY id, reason, detail"
        )
        return rows

    def twins(self) -> dict[str, tuple[str, ...]]:
        """For each card that stays: the ids that say the same and are merged into it.

        First those that say the same word for word, then the adverts of different partners that are alike; what had
        been merged into a loser follows it.
        """
        same = self._same()
        merged = {loser for losers in same.values() for loser in losers}
        alike = settle(pair for block in self._blocks(merged) for pair in pairs(block))
        for winner, losers in alike.items():
            same[winner] = (
                *same.get(winner, ()),
                *(other for loser in losers for other in (loser, *same.pop(loser, ()))),
            )
        return same

    def _same(self) -> dict[str, tuple[str, ...]]:
        rows: Iterator[tuple[str, bytes]] = self._db.execute(
            "SELECT twin, body FROM entry WHERE twin IN (SELECT twin FROM entry WHERE twin <> '' GROUP BY twin"
            " HAVING count(*) > 1) ORDER BY twin, preferred DESC, newest DESC, id"
        )
        same: dict[str, tuple[str, ...]] = {}
        for _, members in groupby(rows, key=itemgetter(0)):
            same.update(gather([_PUBLISHED.decode(body).advert() for _, body in members]))
        return same

    def _blocks(self, merged: Collection[str]) -> Iterator[list[Advert]]:
        """The adverts that may be the same offer, block by block, without those that are merged already."""
        self._db.execute("CREATE TEMP TABLE advert(number INTEGER PRIMARY KEY, body BLOB)")
        keys, numbers = array("q"), array("q")
        rows: Iterator[tuple[bytes]] = self._db.execute("SELECT body FROM entry WHERE partner <> ''")
        for number, (body,) in enumerate(rows):
            published = _PUBLISHED.decode(body)
            if published.card.id not in merged:
                self._db.execute("INSERT INTO advert VALUES (?, ?)", (number, msgspec.json.encode(published)))
                told = [_key(block) for block in blocks(published.advert())]
                keys.extend(told)
                numbers.extend([number] * len(told))
        for members in _groups(np.array(keys, dtype=np.int64), np.array(numbers, dtype=np.int64)):
            marks = ",".join("?" * len(members))
            found = self._db.execute(f"SELECT body FROM advert WHERE number IN ({marks})", members)  # noqa: S608 - marks only
            yield [_PUBLISHED.decode(body).advert() for (body,) in found]
        self._db.execute("DROP TABLE advert")

    def entry(self, card_id: str) -> Entry:
        """One entry by id."""
        (body,) = self._db.execute("SELECT body FROM entry WHERE id = ?", (card_id,)).fetchone()
        return _ENTRY.decode(body)

    def newest_first(self) -> Iterator[Entry]:
        """Every entry, the newest first; ties by id."""
        for (body,) in self._db.execute("SELECT body FROM entry ORDER BY newest DESC, id"):
            yield _ENTRY.decode(body)

    def close(self) -> None:
        """Give the file up."""
        self._db.close()


class CardWriter:
    """Writes cards.sqlite in one transaction; the same cards give the same bytes."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE card(card INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, also_on TEXT,"
            " facts TEXT NOT NULL)"
        )
        self._db.execute("CREATE TABLE alias(id TEXT PRIMARY KEY, card INTEGER NOT NULL) WITHOUT ROWID")
        self._db.execute("CREATE TABLE rejected(id TEXT, reason TEXT, detail TEXT)")
        self._db.execute("BEGIN")

    def add(self, card: int, entry: Entry, also_on: Sequence[AlsoOn]) -> None:
        """One card under its primary key, with the ids merged into it."""
        body = msgspec.json.encode(entry.card).decode()
        others = msgspec.json.encode(also_on).decode() if also_on else None
        facts = msgspec.json.encode(entry.facts).decode()
        self._db.execute("INSERT INTO card VALUES (?, ?, ?, ?, ?)", (card, entry.card.id, body, others, facts))
        self._db.executemany("INSERT INTO alias VALUES (?, ?)", [(other.id, card) for other in also_on])

    def reject(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """The rows that did not become a card, as id, reason, detail."""
        self._db.executemany("INSERT INTO rejected VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Commit and close."""
        self._db.execute("COMMIT")
        self._db.close()


class CardReader:
    """Reads cards by primary key or id. The file is opened read-only and immutable: nobody ever edits it.

    It may be used by several threads: each call borrows one of the `readers` connections, and waits while all are lent.
    They are opened at once, because the files of a version may be swept away while it still answers.
    """

    def __init__(self, path: Path, *, readers: int = 1) -> None:
        self._path = path
        self._readers = readers
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        try:
            for _ in range(readers):
                self._idle.put(_opened(path))
            with self._lent() as db:
                # Primary keys count from 1 without a gap; count(*) would read the file to its end.
                (self.count,) = db.execute("SELECT coalesce(max(card), 0) FROM card").fetchone()
        except sqlite3.DatabaseError as error:
            raise SnapshotCorrupt(f"{path.name}: {error}") from error

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        db = self._idle.get()
        try:
            yield db
        finally:
            self._idle.put(db)

    def stored(self, keys: Iterable[int]) -> dict[int, Stored]:
        """The cards of these primary keys as they are stored. One query, nothing decoded."""
        wanted = list(keys)
        marks = ",".join("?" * len(wanted))
        with self._lent() as db:
            rows = db.execute(f"SELECT card, body, also_on FROM card WHERE card IN ({marks})", wanted)  # noqa: S608 - marks only
            return {card: Stored(body, also) for card, body, also in rows}

    def find(self, card_id: str) -> tuple[Card, tuple[AlsoOn, ...], tuple[Fact, ...]] | None:
        """A card by its id, or by the id of one that was merged into it, with everything its source said."""
        with self._lent() as db:
            row = db.execute(
                "SELECT body, also_on, facts FROM card WHERE id = ?1"
                " OR card = (SELECT card FROM alias WHERE id = ?1) LIMIT 1",
                (card_id,),
            ).fetchone()
        if row is None:
            return None
        body, also_on, facts = row
        return _CARD.decode(body), _ALSO_ON.decode(also_on) if also_on else (), _FACTS.decode(facts)

    def rejected(self, row_id: str) -> list[tuple[str, str]]:
        """Why the row of this id is not a card, as reason and detail; empty when it was not rejected."""
        with self._lent() as db:
            rows = db.execute("SELECT reason, detail FROM rejected WHERE id = ?", (row_id,)).fetchall()
        return [(reason.decode(), detail.decode()) for reason, detail in rows]

    def everything(self) -> Iterator[Card]:
        """Every card in the order of its primary key; for checks and counts, never for a visitor."""
        # A connection of its own: whoever walks through all cards may look others up on the way.
        with closing(_opened(self._path)) as db:
            for (body,) in db.execute("SELECT body FROM card ORDER BY card"):
                yield _CARD.decode(body)

    def close(self) -> None:
        """Give the file up, once every borrowed connection is back."""
        for _ in range(self._readers):
            self._idle.get().close()


def _opened(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    db = sqlite3.connect(address, uri=True, check_same_thread=False)
    db.execute("PRAGMA mmap_size=268435456")
    db.text_factory = bytes
    return db


def _key(block: str) -> int:
    """The key of a block as a number that SQLite can hold."""
    return int.from_bytes(hashlib.blake2b(block.encode(), digest_size=8).digest(), "little", signed=True)


def _groups(keys: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]) -> Iterator[tuple[int, ...]]:
    """The numbers under each key that has enough and not too many, in the order of the keys; no group twice."""
    order = np.lexsort((numbers, keys))
    keys, numbers = keys[order], numbers[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.empty(0, np.int64)
    last = np.append(first[1:], len(keys))
    size = last - first
    wanted = (size >= 2) & (size <= LARGEST_BLOCK)
    seen: set[int] = set()
    for begin, end in zip(first[wanted].tolist(), last[wanted].tolist(), strict=True):
        members = tuple(numbers[begin:end].tolist())
        if hash(members) not in seen:
            seen.add(hash(members))
            yield members
