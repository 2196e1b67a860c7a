"""The files of predicted recruiters, in both shapes, and La Bonne Boîte."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from widget_server.domain.geo import distance_km
from widget_server.sandbox.companies import Companies, Company, private_row, release_row
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.faults import Active, number
from widget_server.sandbox.france_travail import Tokens
from widget_server.sandbox.gate import error, faults_of
from widget_server.sandbox.quota import Quota
from widget_server.sandbox.settings import SandboxSettings

FORMAT: Final = 1
WINDOW_DAYS: Final = 180
LABONNEBOITE_SCOPES: Final = frozenset({"api_labonneboitev2", "search", "office"})
_FARTHEST_KM: Final = 200
_DEFAULT_KM: Final = 10
_MOST: Final = 100
_JOBS: Final = ("job", "granddomain", "domain", "rome", "naf")
_PLACES: Final = ("citycode", "latitude", "department_number", "postcode", "city", "region", "region_number", "bbox")


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
        if active.get("half"):
            rows = rows[::2]
        if active.get("duplicates"):
            rows = [row for row in rows for _ in range(2)]
        return rows

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
        lines = (orjson.dumps(release_row(self._companies.company(row))) + b"\n" for row in rows)
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


class LaBonneBoite:
    """La Bonne Boîte, version 2: companies for one occupation around one place."""

    def __init__(
        self,
        economy: Economy,
        companies: Companies,
        tokens: Tokens,
        settings: SandboxSettings,
        clock: Callable[[], float],
    ) -> None:
        self._economy = economy
        self._companies = companies
        self._tokens = tokens
        self._quota = Quota(burst=settings.labonneboite_per_s, per_s=settings.labonneboite_per_s, clock=clock)
        self._per_s = settings.labonneboite_per_s

    def routes(self) -> list[Route]:
        """The paths; the second is where the first may redirect to."""
        return [
            Route("/partenaire/labonneboite/v2/recherche", self.search),
            Route("/api/v2/search/", self.search),
        ]

    async def search(self, request: Request) -> Response:
        """GET /recherche."""
        active, params = faults_of(request.scope), request.query_params
        client = self._tokens.check(request, LABONNEBOITE_SCOPES, active)
        if isinstance(client, Response):
            return client
        left, wait_s = self._quota.take(client)
        headers = {
            "X-Ratelimit-Burst-Capacity-Clientidlimiter": str(round(self._per_s)),
            "X-Ratelimit-Remaining-Clientidlimiter": str(left),
            "X-Ratelimit-Replenish-Rate-Clientidlimiter": str(round(self._per_s)),
            "X-Ratelimit-Requested-Tokens-Clientidlimiter": "1",
        }
        if wait_s:
            return Response(status_code=429, headers={**headers, "Retry-After": str(wait_s)})
        if active.get("redirect"):
            return RedirectResponse(f"https://labonneboite.francetravail.fr/api/v2/search/?{request.url.query}", 302)
        jobs = [name for name in _JOBS if name in params]
        places = [name for name in _PLACES if name in params]
        distance, size = params.get("distance", str(_DEFAULT_KM)), params.get("page_size", "10")
        numbers = (distance, size, params.get("page", "1"))
        if len(jobs) != 1 or len(places) != 1 or not all(told.isdigit() for told in numbers):
            return error("apprentissage", 422, "one job criterion and one place are expected")
        if int(distance) > _FARTHEST_KM or not 0 < int(size) <= _MOST:
            return error("apprentissage", 422, f"distance is at most {_FARTHEST_KM} and page_size {_MOST}")
        found = self._found(set(params.getlist("rome")), places[0], request)
        start = (max(1, int(params.get("page", "1"))) - 1) * int(size)
        return JSONResponse(
            {
                "hits": len(found),
                "items": [self._item(each) for each in found[start : start + int(size)]],
                "params": {},
                "resolved_params": {"jobs": [], "locations": []},
            },
            headers=headers,
        )

    def _found(self, romes: set[str], place: str, request: Request) -> list[Company]:
        geography, rows = self._economy.geography, self._economy.recruiters
        known = romes & set(self._economy.jobs.parents)  # "A,B" is the name of no occupation
        if not known:
            return []
        told = request.query_params[place].zfill(2) if place == "department_number" else request.query_params[place]
        centre: tuple[float, float] | None = None
        if place == "latitude":
            try:
                centre = float(told), float(request.query_params.get("longitude", ""))
            except ValueError:
                return []
        elif place == "citycode":
            commune = self._economy.places.commune(told)
            if commune is None or commune.latitude is None or commune.longitude is None:
                return []
            centre = commune.latitude, commune.longitude
        limit_km = float(request.query_params.get("distance", _DEFAULT_KM))
        if centre is not None:
            near = np.flatnonzero(distance_km(*centre, rows.latitude, rows.longitude) <= limit_km).tolist()
        else:
            near = [
                row
                for row, position in enumerate(rows.commune.tolist())
                for commune in [geography.communes[position]]
                if told in (commune.departement, *commune.postcodes, commune.name)
            ]
        companies = [self._companies.company(row) for row in near]
        found = [each for each in companies if not each.rejected and known & {code for code, _, _ in each.romes}]
        return sorted(found, key=lambda each: (-each.romes[0][1], each.row))

    def _item(self, company: Company) -> dict[str, object]:
        least, _, most = company.bracket.partition("-")
        places, commune = self._economy.places, company.commune
        departement, region = places.departement(commune.departement), places.region(commune.region or "")
        rome, probability, band = company.romes[0]
        return {
            "rome": rome,
            "id": company.row + 1,
            "siret": company.siret,
            "email": "no",
            "company_name": company.name,
            "office_name": company.name,
            "headcount_min": int(least),
            "headcount_max": int(most),
            "naf": company.naf,
            "naf_label": self._companies.naf.label(company.naf),
            "location": {"lat": company.latitude, "lon": company.longitude},
            "city": commune.name,
            "citycode": commune.insee,
            "postcode": company.postcode,
            "department": departement.name if departement else None,
            "region": region.name if region else None,
            "department_number": commune.departement.lstrip("0"),
            "hiring_potential": round(probability * 100, 7),
            "is_high_potential": band == "A",
        }


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
