"""The files of predicted recruiters, in both shapes."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from widget_server.sandbox.companies import Companies, private_row, release_row
from widget_server.sandbox.dirt import named
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.faults import COPIES, Active, is_left_out, number
from widget_server.sandbox.gate import faults_of
from widget_server.sandbox.names import siret
from widget_server.sandbox.settings import SandboxSettings

FORMAT: Final = 1
WINDOW_DAYS: Final = 180
COPIED: Final = 650_000
"""Companies from this number on are copies: of the fault `tenfold`, at a scale that leaves room for them."""


class Predictions:
    """The files."""

    def __init__(self, economy: Economy, companies: Companies, settings: SandboxSettings) -> None:
        self._economy = economy
        self._companies = companies
        self._settings = settings

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/recruiters/recruiters.ndjson.gz", self.release),
            Route("/recruiters/predictions.json.gz", self.private_gz),
            Route("/recruiters/predictions.json", self.private),
            Route("/recruiters/predictions.ndjson", self.private_lines),
        ]

    def _rows(self, active: Active) -> list[int]:
        count = 0 if active.get("empty") else len(self._companies)
        rows = list(range(count))[: int(number(active, "only", 10)) or None]
        if active.get("without"):
            dirt = self._economy.recruiters.dirt
            rows = [row for row in rows if not is_left_out(active, named("recruiters", int(dirt[row])))]
        if active.get("half"):
            rows = rows[::2]
        copies = 2 if active.get("duplicates") else COPIES if active.get("tenfold") else 1
        return [row for row in rows for _ in range(copies)]

    def _released(self, rows: list[int], active: Active) -> Iterator[bytes]:
        for place, row in enumerate(rows):
            told = release_row(self._companies.company(row))
            if active.get("tenfold") and place % COPIES:
                told["siret"] = siret(COPIED + place)
            yield orjson.dumps(told) + b"\n"

    def _made(self, active: Active) -> datetime:
        return self._economy.midnight - timedelta(days=number(active, "older_days", 8))

    async def release(self, request: Request) -> Response:
        """The release of a forecast, format 1."""
        active = faults_of(request.scope)
        rows = self._rows(active)
        day = self._made(active).date()
        header = {
            "format": int(number(active, "format", 2)) or FORMAT,
            "model": f"{day.isoformat()}-{self._economy.seed & 0xFFFFFFFF:08x}",
            "day": day.isoformat(),
            "until": (day + timedelta(days=WINDOW_DAYS)).isoformat(),
            "count": len(rows) + int(number(active, "count_off", 500)),
        }
        lines = self._released(rows, active)
        return self._file(_chained(orjson.dumps(header) + b"\n", lines), active, gz=True)

    async def private_gz(self, request: Request) -> Response:
        """An integrator's own file, as a compressed array."""
        active = faults_of(request.scope)
        return self._file(array_of(self._private(active)), active, gz=True)

    async def private(self, request: Request) -> Response:
        """The same as an array."""
        active = faults_of(request.scope)
        return self._file(array_of(self._private(active)), active, gz=False)

    async def private_lines(self, request: Request) -> Response:
        """The same as lines."""
        active = faults_of(request.scope)
        return self._file((row + b"\n" for row in self._private(active)), active, gz=False)

    def _private(self, active: Active) -> Iterator[bytes]:
        companies = self._companies
        return (orjson.dumps(private_row(companies.company(row), companies.naf)) for row in self._rows(active))

    def _file(self, parts: Iterable[bytes], active: Active, *, gz: bool) -> Response:
        wait_s = number(active, "slow_chunks_s", 0.05)
        pieces = pieces_of(parts, self._settings.rows_at_once, wait_s)
        return StreamingResponse(
            _compressed(pieces) if gz else pieces,
            media_type="application/gzip" if gz else "application/json",
            headers={"Last-Modified": format_datetime(self._made(active), usegmt=True)},
        )


def _chained(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def array_of(rows: Iterator[bytes]) -> Iterator[bytes]:
    """Rows as the parts of one JSON array."""
    yield b"[\n"
    for number_of_row, row in enumerate(rows):
        yield b",\n" + row if number_of_row else row
    yield b"\n]\n"


async def pieces_of(parts: Iterable[bytes], at_once: int, wait_s: float) -> AsyncIterator[bytes]:
    """Some parts together, with room for others between two pieces."""
    piece: list[bytes] = []
    for part in parts:
        piece.append(part)
        if len(piece) >= at_once:
            yield b"".join(piece)
            piece.clear()
            await asyncio.sleep(wait_s)
    yield b"".join(piece)


async def _compressed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """gzip without a time in its header, so that the same rows give the same bytes."""
    squeeze = zlib.compressobj(3, zlib.DEFLATED, 31)
    async for piece in pieces:
        if squeezed := squeeze.compress(piece):
            yield squeezed
    yield squeeze.flush()
