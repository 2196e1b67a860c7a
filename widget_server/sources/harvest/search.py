"""One search of France Travail, read to its end while offers come and go.

A search shows its rows newest first, 150 on a page. Between two pages a new offer pushes the rows down, so that some
are shown twice, and a deleted one pulls them up, so that some would never be shown. Each page therefore begins a few
rows before the end of the one before it. As rows keep their order, a page that shows a row of the chain read so far
continues it without a gap; a page that shows none is taken for a gap, and the reader steps back until it finds one,
at worst to the first page, which needs no proof. An offer that exists from the first page to the last is thus read.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from widget_server.domain.errors import UpstreamMalformed, UpstreamRefused, UpstreamRepeats
from widget_server.upstream.client import Client
from widget_server.upstream.members import members

SEARCH: Final = "/partenaire/offresdemploi/v2/offres/search"
PAGE: Final = 150
LAST_START: Final = 3000
"""The last position that a page may start at: a search shows its first 3 150 offers and no more."""
WINDOW: Final = LAST_START + PAGE
OVERLAP: Final = 10
"""Rows that a page shows again, so that it proves to continue the page before it."""
ENOUGH: Final = 0.99
"""Share of the announced offers that must have been read, after a second reading: offers move while one pages."""

_REPEATS: Final = 0.1
_FEWEST_REPEATS: Final = 3
"""Rows of one page that show an offer again, and their share, above which the upstream is not believed: movement shows
offers twice on two pages, never on one."""
_STEP: Final = PAGE - OVERLAP
_MOST_PAGES: Final = 3 * (WINDOW // _STEP + 1)
"""Calls after which a search that moves faster than it can be read is given up."""
_OVERLAPS: Final = 0.9
_TOTAL: Final = re.compile(r"/(\d+)\s*$")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,20}")
_ROWS: Final = "resultats"
_TOO_FAR: Final = "position"
"""A word of the refusal of a page that starts too far: the window is smaller than documented."""


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page; its offers are decoded one by one, so that a bad one spoils no other."""

    resultats: list[msgspec.Raw] = []


class _Identified(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None


_PAGE: Final = msgspec.json.Decoder(_Page)
_IDENTIFIED: Final = msgspec.json.Decoder(_Identified, strict=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An offer as it came. `key` is ft:id, or ? and a digest of the row when it has no usable id."""

    key: str
    raw: bytes


@dataclass(kw_only=True)
class Reading:
    """What was read of one search.

    announced   how many offers it says to have, by its last answer
    least       the smallest number that it announced in its last reading: so many must have been found
    read        rows received, those shown twice included
    keys        the distinct ones
    moved       offers came or went while it was read
    too_many    it has more than it shows: nothing but splitting helps
    covered     what it shows was known already; it was not read further
    """

    announced: int = 0
    least: int = 0
    read: int = 0
    keys: set[str] = field(default_factory=set)
    moved: bool = False
    too_many: bool = False
    covered: bool = False
    problem: str | None = None

    @property
    def is_short(self) -> bool:
        """Whether fewer offers were found than must be there."""
        return len(self.keys) < self.least


Take = Callable[[Sequence[Row]], None]
"""Receives the rows of a page that its reading had not shown yet."""


class Search:
    """Searches of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.name = client.name

    async def total(self, params: Mapping[str, str]) -> int:
        """How many offers a search has."""
        reply = await self._client.get(SEARCH, {**params, "sort": "1", "range": "0-0"})
        return 0 if reply.status == 204 else self._announced(reply.headers)

    async def read(self, params: Mapping[str, str], take: Take, *, known: set[str] | None = None) -> Reading:
        """Every offer of a search. A search that moved is read again, from the top until nothing is new.

        With `known` a search whose first page shows hardly anything else is not read further: it lies inside of
        another one.
        """
        reading = Reading()
        await self._through(params, take, reading, known=known)
        if reading.too_many or reading.covered or reading.problem:
            return reading
        if reading.moved or reading.is_short:
            await self._through(params, take, reading, again=True)
        if len(reading.keys) < reading.least * ENOUGH and not reading.too_many and not reading.problem:
            reading.problem = f"{len(reading.keys)} of {reading.announced} offers found after reading twice"
        return reading

    async def _through(
        self,
        params: Mapping[str, str],
        take: Take,
        reading: Reading,
        *,
        known: set[str] | None = None,
        again: bool = False,
    ) -> None:
        """One reading from the top to the end; `again` ends it earlier, where nothing is new any more."""
        start, expected = 0, -1
        chain: set[str] = set()
        tail: list[str] = []
        for _ in range(_MOST_PAGES):
            try:
                rows = await self._page(params, start, reading)
            except UpstreamRefused as error:
                if error.status != 400 or _TOO_FAR not in error.said:
                    raise
                reading.too_many = True
                return
            reading.too_many = reading.announced > WINDOW
            reading.moved |= expected not in (-1, reading.announced)
            reading.least = reading.announced if expected == -1 else min(reading.least, reading.announced)
            expected = reading.announced
            keys = [row.key for row in rows]
            if start and chain.isdisjoint(keys) and not reading.too_many:
                reading.moved = True
                start, tail = max(0, start - _STEP), []
                continue
            reading.moved |= bool(tail) and keys[: len(tail)] != tail
            fresh = {row.key: row for row in rows if row.key not in reading.keys}
            if known is not None and start == 0 and rows and not again:
                reading.covered = sum(key in known for key in fresh) >= _OVERLAPS * len(fresh)
            reading.keys.update(fresh)
            chain.update(keys)
            take(list(fresh.values()))
            end = start + len(rows)
            is_settled = again and not fresh and not reading.is_short
            if reading.too_many or reading.covered or is_settled or end >= reading.announced:
                return
            following = max(0, min(end - OVERLAP, LAST_START))
            if following == start and not fresh:
                return  # it shows fewer than it announces, again and again
            start, tail = following, keys[following - end :]
        reading.problem = f"its {reading.announced} offers move faster than they can be read"

    async def _page(self, params: Mapping[str, str], start: int, reading: Reading) -> list[Row]:
        """The rows from a position on; none when the search has fewer."""
        reply = await self._client.get(SEARCH, {**params, "sort": "1", "range": f"{start}-{start + PAGE - 1}"})
        if reply.status == 204:
            if start == 0:
                reading.announced = 0
            return []
        reading.announced = self._announced(reply.headers)
        rows = await self._rows(reply.body)
        repeats = len(rows) - len({row.key for row in rows})
        if repeats >= _FEWEST_REPEATS and repeats > _REPEATS * len(rows):
            raise UpstreamRepeats(self.name, f"shows offers more than once on one page: {repeats} of {len(rows)} rows")
        if not rows and start < reading.announced:
            raise UpstreamMalformed(self.name, f"announces {reading.announced} offers and sends an empty page")
        reading.read += len(rows)
        return rows

    async def _rows(self, body: bytes) -> list[Row]:
        """The rows of a page. One that cannot be read spoils no other: then they are cut at their brackets."""
        try:
            return [_row(bytes(raw)) for raw in _PAGE.decode(body).resultats]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            told = f"sends a page of offers that cannot be read: {error}"
            cause = error
        try:
            rows = [_row(element) async for name, element in members(_whole(body), self.name) if name == _ROWS]
        except UpstreamMalformed:
            rows = []
        if 2 * sum(row.key.startswith("?") for row in rows) >= len(rows):
            raise UpstreamMalformed(self.name, told) from cause
        return rows

    def _announced(self, headers: Mapping[str, str]) -> int:
        match = _TOTAL.search(headers.get("content-range", ""))
        if match is None:
            raise UpstreamMalformed(self.name, "sends offers without saying how many there are (Content-Range)")
        return int(match[1])


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _row(raw: bytes) -> Row:
    try:
        told = _IDENTIFIED.decode(raw).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = None
    if told is not None and _ID.fullmatch(told):
        return Row(key=f"ft:{told}", raw=raw)
    return Row(key=f"?{hashlib.blake2b(raw, digest_size=12).hexdigest()}", raw=raw)
