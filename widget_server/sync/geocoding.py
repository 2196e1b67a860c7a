"""Place addresses that their rows give no coordinates for, with the Géoplateforme. At sync only, and only if asked for.

A card that stands at the centre of its commune and has a street is asked for once; answers, and that there is none,
are kept on disk for months. Whatever goes wrong leaves the card where it is: a position is a refinement, not a loss.
"""

import asyncio
import hashlib
import re
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from widget_server.domain.cards import CardPlace, Entry, Fact, Rejection
from widget_server.domain.errors import UpstreamError, UpstreamMalformed, UpstreamRefused
from widget_server.sources.kit.source import Kit, sortable
from widget_server.sources.kit.text import fold
from widget_server.upstream.client import Client

NAME: Final = "Géoplateforme"
SEARCH: Final = "/search"
FILE_NAME: Final = ".geocoding.sqlite"
LEAST_SCORE: Final = 0.6
"""Below, answers are of other towns: one of Strasbourg came back for Caen with 0.52."""
KEPT_FOR: Final = timedelta(days=180)
MOST: Final = 20_000
"""Addresses asked for in one sync of one source; the rest is asked for in the next."""
PRECISIONS: Final = {"housenumber": "au numéro", "street": "à la rue", "locality": "au lieu-dit"}
"""The kinds of answer that are finer than a commune, and how they are told."""
CREDIT: Final = "Base Adresse Nationale (DINUM/IGN, Géoplateforme), Licence Ouverte 2.0"

_DIVIDED: Final = frozenset({"75056", "69123", "13055"})
"""Cities whose addresses are filed under their arrondissements."""
_UNREADABLE: Final = 400
_TOGETHER: Final = 200
_AT_ONCE: Final = 20
_SHORTEST: Final = 3
_LONGEST: Final = 200
_LONGEST_WORD: Final = 60
_BEFORE: Final = re.compile(r"^[^0-9a-zà-öø-ÿ]+", re.IGNORECASE)
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS answer(
    address BLOB PRIMARY KEY, asked TEXT NOT NULL, latitude REAL, longitude REAL, kind TEXT, citycode TEXT
) WITHOUT ROWID
"""


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where an address is. `kind` is one of `PRECISIONS`, `citycode` the commune that it was found in."""

    latitude: float
    longitude: float
    kind: str
    citycode: str


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """What is found."""

    score: float = 0.0
    type: str = ""
    citycode: str = ""


class Geometry(msgspec.Struct, frozen=True, kw_only=True):
    """GeoJSON: longitude, then latitude."""

    coordinates: tuple[float, float]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    geometry: Geometry
    properties: Properties


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """The answers, the best first."""

    features: list[Feature]


_FEATURES: Final = msgspec.json.Decoder(Features)


async def located(rows: AsyncGenerator[Entry | Rejection, None], kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
    """The same rows in the same order, those that can be placed better placed better; untouched when not asked for."""
    if not kit.settings.geocoding_url:
        async with aclosing(rows):
            async for row in rows:
                yield row
        return
    with Answers(kit.settings.data_path(), kit) as answers:
        async with aclosing(rows), _connected(kit) as client:
            geocoder = Geocoder(client, answers, kit)
            batch: list[Entry | Rejection] = []
            async for row in rows:
                batch.append(row)
                if len(batch) >= _TOGETHER:
                    for refined in await geocoder.refine(batch):
                        yield refined
                    batch = []
            for refined in await geocoder.refine(batch):
                yield refined


def _connected(kit: Kit) -> Client:
    return kit.connect(NAME, kit.settings.geocoding_url, rate_per_s=kit.settings.geocoding_rate_per_s)


class Geocoder:
    """Asks for addresses, several at once; after a failure no more in this sync."""

    def __init__(self, client: Client, answers: "Answers", kit: Kit) -> None:
        self._client = client
        self._answers = answers
        self._kit = kit
        self._left = MOST
        self._broken = False
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def refine(self, rows: Sequence[Entry | Rejection]) -> list[Entry | Rejection]:
        """The rows, placed as well as can be."""
        return list(await asyncio.gather(*map(self._refined, rows)))

    async def _refined(self, row: Entry | Rejection) -> Entry | Rejection:
        if not isinstance(row, Entry) or row.card.place.precision != "commune" or not row.street:
            return row
        place = row.card.place
        query = query_of(row.street, place)
        if query is None:
            return row
        known, position = self._answers.find(query, place)
        if not known:
            async with self._gate:
                position = await self._asked(query, place)
        if position is None or not self._fits(position, place):
            return row
        self._kit.notes.remark("geocoded")
        return _moved(row, position)

    async def _asked(self, query: str, place: CardPlace) -> Position | None:
        if self._broken or self._left <= 0:
            self._kit.notes.remark("geocoding_left")
            return None
        self._left -= 1
        try:
            position = await self._search(query, place)
        except UpstreamError as error:
            # Refusing one address says nothing of the next; anything else would only happen again.
            self._broken = not (isinstance(error, UpstreamRefused) and error.status == _UNREADABLE)
            self._kit.notes.remark("geocoding_failed")
            return None
        self._answers.keep(query, place, position)
        return position

    async def _search(self, query: str, place: CardPlace) -> Position | None:
        asked = {"q": query, "limit": "1", "autocomplete": "0", "index": "address"}
        if place.insee and place.insee not in _DIVIDED:
            asked["citycode"] = place.insee
        elif place.postcode:
            asked["postcode"] = place.postcode
        reply = await self._client.get(SEARCH, asked)
        try:
            features = _FEATURES.decode(reply.body).features
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UpstreamMalformed(self._client.name, f"sends an answer that cannot be read: {error}") from error
        if not features:
            return None
        best, (longitude, latitude) = features[0].properties, features[0].geometry.coordinates
        if best.score < LEAST_SCORE or best.type not in PRECISIONS:
            return None
        return Position(latitude=latitude, longitude=longitude, kind=best.type, citycode=best.citycode)

    def _fits(self, position: Position, place: CardPlace) -> bool:
        """Whether an answer lies where the row says: in its commune when that is known, in its département anyway."""
        placing = self._kit.placing
        here = placing.in_departement(place.departement, position.latitude, position.longitude)
        return here and (place.insee is None or placing.same_city(place.insee, position.citycode))


def query_of(street: str, place: CardPlace) -> str | None:
    """What to ask for: beginning with a letter or a digit, without a word that breaks the service; None if nothing."""
    town = place.label.removeprefix(place.postcode or "").strip()
    words = f"{street} {place.postcode or ''} {town}".split()
    query = _BEFORE.sub("", " ".join(word for word in words if len(word) <= _LONGEST_WORD))[:_LONGEST].strip()
    return query if len(query) >= _SHORTEST and fold(street) else None


def _moved(entry: Entry, position: Position) -> Entry:
    place = msgspec.structs.replace(
        entry.card.place,
        precision="address",
        latitude=round(position.latitude, 5),
        longitude=round(position.longitude, 5),
    )
    told = f"Calculée d'après l'adresse, {PRECISIONS[position.kind]} ; {CREDIT}"
    fact = Fact(name="position", label="Position sur la carte", text=told)
    return msgspec.structs.replace(
        entry, card=msgspec.structs.replace(entry.card, place=place), facts=(*entry.facts, fact)
    )


class Answers:
    """What was answered before, on disk. Addresses are kept as digests: the file tells nobody what was asked."""

    def __init__(self, folder: Path, kit: Kit) -> None:
        self._path = folder / FILE_NAME
        self._now = kit.now

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._opened()
        except sqlite3.DatabaseError:  # damaged: it holds nothing that cannot be asked again
            for path in self._path.parent.glob(f"{FILE_NAME}*"):
                path.unlink()
            self._db = self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=30.0)
        try:
            db.execute("PRAGMA journal_mode=WAL")  # several sources and processes share the file
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_TABLE)
            db.execute("DELETE FROM answer WHERE asked < ?", (sortable(self._now - KEPT_FOR),))
        except BaseException:
            db.close()
            raise
        return db

    def find(self, query: str, place: CardPlace) -> tuple[bool, Position | None]:
        """Whether this was asked before, and what came back."""
        row = self._db.execute(
            "SELECT latitude, longitude, kind, citycode FROM answer WHERE address = ?", (_digest(query, place),)
        ).fetchone()
        if row is None or row[0] is None:
            return row is not None, None
        latitude, longitude, kind, citycode = row
        return True, Position(latitude=latitude, longitude=longitude, kind=kind, citycode=citycode)

    def keep(self, query: str, place: CardPlace, position: Position | None) -> None:
        """Remember an answer, or that there is none."""
        told: tuple[float | str | None, ...] = (None, None, None, None)
        if position is not None:
            told = position.latitude, position.longitude, position.kind, position.citycode
        row = (_digest(query, place), sortable(self._now), *told)
        self._db.execute("REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)", row)


def _digest(query: str, place: CardPlace) -> bytes:
    told = f"{fold(query)}|{place.insee or ''}|{place.postcode or ''}"
    return hashlib.blake2b(told.encode(), digest_size=16).digest()
