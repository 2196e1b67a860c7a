"""The Géoplateforme's geocoding as it answers: addresses near the centre of their commune, never real streets."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from widget_server.reference.places import Commune, Places
from widget_server.sandbox.dice import Dice, mix
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.projections import to_metres
from widget_server.sandbox.settings import SandboxSettings
from widget_server.sources.kit.text import fold

BLOCKED_S: Final = 5
"""How long a caller is blocked who asked too often; twice as long each time."""
_QUERY: Final = "q: must contain between 3 and 200 chars and start with a number or a letter"
_POSTCODE: Final = re.compile(r"\b(\d{5})\b")
_NUMBER: Final = re.compile(r"(\d{1,4})(?: ?(?:bis|ter))? ")
_TYPES: Final = ("housenumber", "street", "locality", "municipality")
_INDEXES: Final = ("address", "poi", "parcel")
_LONGEST_WORD: Final = 80
_WRONG_PER_MILLE: Final = 40
_OFFSET: Final = 0.008


class _Wrong(Exception):
    """A parameter is wrong; the message is the detail of the answer."""


class Geocoding:
    """The routes under /geocodage."""

    def __init__(self, economy: Economy, settings: SandboxSettings, clock: Callable[[], float]) -> None:
        self._places: Places = economy.places
        self._seed = economy.seed
        self._per_s = settings.geocoding_per_s
        self._clock = clock
        self._second = -1
        self._calls = 0
        self._blocked_until = clock()
        self._block_s = BLOCKED_S
        self._by_name: dict[str, list[Commune]] = {}
        for commune in self._places.communes():
            self._by_name.setdefault(fold(commune.name), []).append(commune)

    def routes(self) -> list[Route]:
        """The paths."""
        return [Route("/geocodage/search", self.search), Route("/geocodage/reverse", self.reverse)]

    def _refused(self) -> Response | None:
        """429 for whoever asks more often than allowed, and for a while after."""
        if not self._per_s:
            return None
        now = self._clock()
        if int(now) != self._second:
            self._second, self._calls = int(now), 0
        self._calls += 1
        if now >= self._blocked_until and self._calls <= self._per_s:
            return None
        if now >= self._blocked_until:
            self._blocked_until = now + self._block_s
            self._block_s *= 2
        return Response(status_code=429, headers={"Retry-After": str(max(1, round(self._blocked_until - now)))})

    async def search(self, request: Request) -> Response:
        """GET /search?q=."""
        refused = self._refused()
        if refused is not None:
            return refused
        told = request.query_params
        try:
            query = _query(told)
            limit = _whole(told.get("limit", "10"), "limit", 50)
            kind = _one_of(told.get("type"), "type", _TYPES)
            _one_of(told.get("index"), "index", _INDEXES)
            if ("lat" in told) != ("lon" in told):
                raise _Wrong("lat/lon: must be present together")
        except _Wrong as problem:
            return _error(str(problem))
        if any(len(word) > _LONGEST_WORD for word in query.split()):
            return Response(status_code=500)
        found = self._found(query, told, kind)[:limit]
        return JSONResponse({"type": "FeatureCollection", "features": found, "query": query})

    def _found(self, query: str, told: Mapping[str, str], kind: str | None) -> list[dict[str, object]]:
        postcodes = [code for code in told.get("postcode", "").split(",") if code] or _POSTCODE.findall(query)[-1:]
        codes = [code for code in told.get("citycode", "").split(",") if code]
        communes = [commune for code in codes if (commune := self._places.commune(code)) is not None]
        communes = communes or [commune for code in postcodes for commune in self._places.postcode(code)]
        folded = fold(_POSTCODE.sub(" ", query))
        named = [each for each in communes if folded.endswith(fold(each.name))]
        communes = named or communes or self._named(folded)
        if not communes:
            return []
        commune = communes[0]
        street = folded.removesuffix(fold(commune.name)).strip()
        if kind == "municipality" or (not street and kind is None):
            return [self._municipality(each) for each in self._with_districts(communes)]
        if not street:
            return []
        return [self._address(street, self._district(commune, postcodes), postcodes, query)]

    def _named(self, folded: str) -> list[Commune]:
        words = folded.split()
        for first in range(len(words)):
            found = self._by_name.get(" ".join(words[first:]))
            if found:
                return sorted(found, key=lambda each: -each.population)
        return []

    def _with_districts(self, communes: list[Commune]) -> list[Commune]:
        """A city before its arrondissements."""
        cities = {each.municipality: each for each in communes}
        whole = [self._places.commune(code) or each for code, each in cities.items()]
        parts = [
            each for each in self._places.communes() if each.municipality in cities and each.municipality != each.insee
        ]
        return whole + parts

    def _district(self, commune: Commune, postcodes: list[str]) -> Commune:
        """An address of a divided city is in an arrondissement."""
        parts = [
            each
            for each in self._places.communes()
            if each.municipality == commune.insee and each.insee != commune.insee
        ]
        return next((each for each in parts if set(postcodes) & set(each.postcodes)), parts[0] if parts else commune)

    def _address(self, street: str, commune: Commune, postcodes: list[str], query: str) -> dict[str, object]:
        dice = Dice(self._seed, 20, mix(self._seed, *fold(query).encode()))
        score = 0.62 + dice.below(360) / 1000
        if dice.chance(_WRONG_PER_MILLE):  # another town, as it happens
            score, commune = 0.52, self._places.commune("67482") or commune
            postcodes = list(commune.postcodes)
        match = _NUMBER.match(street + " ")
        name = " ".join(word.capitalize() for word in street.split())
        postcode = next((code for code in postcodes if code in commune.postcodes), (commune.postcodes or ("",))[0])
        latitude = (commune.latitude or 0.0) + (dice.below(2001) - 1000) / 1000 * _OFFSET
        longitude = (commune.longitude or 0.0) + (dice.below(2001) - 1000) / 1000 * _OFFSET
        town = self._places.commune(commune.municipality) or commune
        more: dict[str, object] = {"street": name}
        if match:
            more = {"housenumber": match[1], "street": name.partition(" ")[2]}
        if town.insee != commune.insee:
            more["district"] = commune.name
        return self._feature(
            commune,
            (latitude, longitude),
            kind="housenumber" if match else "street",
            name=name,
            label=f"{name} {postcode} {town.name}",
            postcode=postcode,
            city=town.name,
            score=round(score, 4),
            more=more,
        )

    def _municipality(self, commune: Commune) -> dict[str, object]:
        return self._feature(
            commune,
            (commune.latitude or 0.0, commune.longitude or 0.0),
            kind="municipality",
            name=commune.name,
            label=commune.name,
            postcode=(commune.postcodes or ("",))[0],
            city=commune.name,
            score=0.96,
            more={"population": commune.population, "municipality": commune.name},
        )

    def _feature(
        self,
        commune: Commune,
        point: tuple[float, float],
        *,
        kind: str,
        name: str,
        label: str,
        postcode: str,
        city: str,
        score: float,
        more: Mapping[str, object],
    ) -> dict[str, object]:
        x, y = to_metres(*point, commune.departement)
        departement = self._places.departement(commune.departement)
        region = self._places.region(commune.region or "")
        context = [commune.departement, *(each.name for each in (departement, region) if each)]
        return {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [round(point[1], 6), round(point[0], 6)]},
            "properties": {
                "label": label,
                "score": score,
                "id": commune.insee,
                "type": kind,
                "name": name,
                "postcode": postcode,
                "citycode": commune.insee,
                "x": round(x, 2),
                "y": round(y, 2),
                "city": city,
                "context": ", ".join(context),
                "importance": 0.5,
                "depcode": commune.departement,
                "_type": "address",
                **more,
            },
        }

    async def reverse(self, request: Request) -> Response:
        """GET /reverse?lon=&lat=: finds no municipality in Paris, and says no query."""
        refused = self._refused()
        if refused is not None:
            return refused
        told = request.query_params
        try:
            kind = _one_of(told.get("type"), "type", _TYPES)
            latitude, longitude = float(told["lat"]), float(told["lon"])
        except (KeyError, ValueError):
            return _error("lon/lat: required params")
        except _Wrong as problem:
            return _error(str(problem))
        commune = self._places.nearest(latitude, longitude)
        if commune is None or (kind == "municipality" and commune.departement == "75"):
            return JSONResponse({"type": "FeatureCollection", "features": []})
        feature = (
            self._municipality(commune)
            if kind == "municipality"
            else self._address("1 rue fictive", commune, list(commune.postcodes), f"{latitude} {longitude}")
        )
        return JSONResponse({"type": "FeatureCollection", "features": [feature]})


def _query(told: Mapping[str, str]) -> str:
    query = told.get("q")
    if query is None:
        raise _Wrong("q: required param")
    if not 3 <= len(query) <= 200 or not query[0].isalnum():
        raise _Wrong(_QUERY)
    return query


def _whole(told: str, name: str, most: int) -> int:
    if not told.isdigit() or not 1 <= int(told) <= most:
        raise _Wrong(f"{name}: must be an integer between 1 and {most}")
    return int(told)


def _one_of(told: str | None, name: str, known: tuple[str, ...]) -> str | None:
    if told is not None and told not in known:
        raise _Wrong(f"{name}: must be one of {', '.join(known)}")
    return told


def _error(detail: str) -> Response:
    return JSONResponse({"code": 400, "message": "Failed parsing query", "detail": [detail]}, 400)
