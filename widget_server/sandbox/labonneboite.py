"""La Bonne Boîte, version 2, as it answers."""

from collections.abc import Callable
from typing import Final

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from widget_server.domain.geo import distance_km
from widget_server.sandbox.companies import Companies, Company
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.france_travail import Tokens
from widget_server.sandbox.gate import error, faults_of
from widget_server.sandbox.quota import Quota
from widget_server.sandbox.settings import SandboxSettings

SCOPES: Final = frozenset({"api_labonneboitev2", "search", "office"})
ELSEWHERE: Final = "https://labonneboite.francetravail.fr"
_FARTHEST_KM: Final = 200
_DEFAULT_KM: Final = 10
_MOST: Final = 100
_JOBS: Final = ("job", "granddomain", "domain", "rome", "naf")
_PLACES: Final = ("citycode", "latitude", "department_number", "postcode", "city", "region", "region_number", "bbox")


class LaBonneBoite:
    """The search: companies for one occupation around one place."""

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
        """The paths; the second is where the first may redirect to, on a host that knows no token."""
        return [
            Route("/partenaire/labonneboite/v2/recherche", self.search),
            Route("/api/v2/search/", self.elsewhere),
        ]

    async def search(self, request: Request) -> Response:
        """GET /recherche."""
        active = faults_of(request.scope)
        client = self._tokens.check(request, SCOPES, active)
        if isinstance(client, Response):
            return JSONResponse({"message": "Invalid scope"}, 403) if client.status_code == 403 else client
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
            return RedirectResponse(f"{ELSEWHERE}/api/v2/search/?{request.url.query}", 302)
        return self._answer(request, headers)

    async def elsewhere(self, request: Request) -> Response:
        """GET /search/ on the other host, which must not be told the token of the first."""
        if "authorization" in request.headers:
            return error("apprentissage", 400, "this host wants no token")
        return self._answer(request, {})

    def _answer(self, request: Request, headers: dict[str, str]) -> Response:
        params = request.query_params
        jobs = [name for name in _JOBS if name in params]
        places = [name for name in _PLACES if name in params]
        distance, size = params.get("distance", str(_DEFAULT_KM)), params.get("page_size", "10")
        numbers = (distance, size, params.get("page", "1"))
        if len(jobs) != 1 or len(places) != 1 or not all(told.isdigit() for told in numbers):
            return error("apprentissage", 422, "one job criterion and one place are expected")
        if int(distance) > _FARTHEST_KM or not 0 < int(size) <= _MOST:
            return error("apprentissage", 422, f"distance is at most {_FARTHEST_KM} and page_size {_MOST}")
        romes = set(params.getlist("rome"))
        found = self._found(romes, places[0], request)
        active = faults_of(request.scope)
        if active.get("empty"):
            found = []
        if active.get("half"):
            found = found[::2]
        if active.get("duplicates"):
            found = [each for each in found for _ in range(2)]
        start = (max(1, int(params.get("page", "1"))) - 1) * int(size)
        return JSONResponse(
            {
                "hits": len(found),
                "items": [self._item(each, romes) for each in found[start : start + int(size)]],
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
        return sorted(found, key=lambda each: (-max(told[1] for told in each.romes if told[0] in known), each.row))

    def _item(self, company: Company, romes: set[str]) -> dict[str, object]:
        least, _, most = company.bracket.partition("-")
        places, commune = self._economy.places, company.commune
        departement, region = places.departement(commune.departement), places.region(commune.region or "")
        rome, probability, band = next(told for told in company.romes if told[0] in romes)
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
