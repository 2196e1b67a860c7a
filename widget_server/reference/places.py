"""France: communes, départements, régions, their look-ups, and suggestions while somebody types."""

import csv
import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.geo import KM_PER_DEGREE
from widget_server.reference.tables import SHIPPED, Tables, Text
from widget_server.reference.words import WordIndex, plain_names, words_of

# How far the nearest commune may be; the first, narrow look is nearly always enough.
_NEAR_DEGREES: Final = (0.15, 1.0)
# An arrondissement weighs this much less than a commune of its size: "mar" means Marseille before its parts.
_DISTRICT: Final = 3.4
_OVERSEAS: Final = frozenset({"971", "972", "973", "974", "976"})
_SHORT_NAMES: Final = {"idf": "11", "hdf": "32", "aura": "84", "paca": "93"}
# A département or a région weighs this much less than a town of its size, which is what most people mean.
_AREA: Final = 2.5
_LABEL: Final = re.compile(r"\s*(\d{2,3}|2[AB])\s*-\s*(.*)", re.IGNORECASE | re.DOTALL)
# Three digits and more begin a postcode wherever they stand, two when they stand alone.
_MADE: Final = 512
"""Communes that are kept as objects, those asked for last: another takes 10 us to make, and 0.6 kB to keep."""
# The columns of the table.
_INSEE, _NAME, _DEPARTEMENT, _REGION, _POSTCODES, _POPULATION, _LATITUDE, _LONGITUDE, _MUNICIPALITY = range(9)
_POSTCODE: Final = re.compile(r"\b\d{3,5}\b|^\d\d$")


class Commune(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A commune of today or an arrondissement of Paris, Lyon or Marseille. Coordinates in WGS84 degrees.

    A Struct: a sync makes 35 000 of them.
    """

    insee: str
    name: str
    departement: str
    region: str | None
    postcodes: tuple[str, ...]
    population: int
    latitude: float | None
    longitude: float | None
    municipality: str


class Departement(msgspec.Struct, frozen=True, kw_only=True):
    """A département or an overseas collectivity; `chef_lieu` is the code of its commune."""

    code: str
    name: str
    region: str | None
    chef_lieu: str | None


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """A région by INSEE code."""

    code: str
    name: str


class PlaceSuggestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a search can be around or in; `code` goes into the parameter that `kind` names."""

    kind: Literal["commune", "postcode", "departement", "region"]
    label: str
    code: str
    insee: str | None = None
    postcode: str | None = None
    departement: str | None = None
    region: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    population: int = 0


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """What a label such as "35 - RENNES" or "Bretagne" names: the finest thing that is certain."""

    precision: Literal["commune", "departement", "region", "country"]
    commune: Commune | None = None
    departement: str | None = None
    region: str | None = None


class _Communes(Mapping[str, Commune]):
    """The communes by code, each made of its line in the table when it is asked for.

    The table is sorted by code, so that its text is all that is needed: a start answers its first visitor after two or
    three communes, and all 35 000 as objects took 60 ms and 20 MB. The place of a commune is where its line begins.
    """

    def __init__(self, text: Text) -> None:
        self._text = text
        self._first = text.find(b"\n") + 1
        self._made = lru_cache(_MADE)(self._read)

    def __getitem__(self, insee: str) -> Commune:
        code = insee.encode()
        low, high = self._first, len(self._text)
        while low < high:
            middle = (low + high) // 2
            begin = self._text.rfind(b"\n", low, middle) + 1 or low
            if self._code(begin) < code:
                low = self._text.find(b"\n", middle) + 1
            else:
                high = begin
        if low == len(self._text) or self._code(low) != code:
            raise KeyError(insee)
        return self._made(low)

    def __iter__(self) -> Iterator[str]:
        return (row[_INSEE] for _, row in self.rows())

    def __len__(self) -> int:
        return sum(1 for _ in self.rows())

    def at(self, place: int) -> Commune:
        """The commune at a place."""
        return self._made(place)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every place with its row: for whoever goes through all of them once, ten times as quick."""
        lines = self._text[self._first :].split(b"\n")[:-1]
        places = accumulate((len(line) + 1 for line in lines), initial=self._first)
        return zip(places, csv.reader(line.decode() for line in lines), strict=False)

    def _code(self, place: int) -> bytes:
        return self._text[place : self._text.find(b",", place)]

    def _read(self, place: int) -> Commune:
        (row,) = csv.reader([self._text[place : self._text.find(b"\n", place)].decode()])
        return _commune(row)


def _commune(row: list[str]) -> Commune:
    insee, name, departement, region, postcodes, population, latitude, longitude, municipality = row
    return Commune(
        insee=insee,
        name=name,
        departement=departement,
        region=region or None,
        postcodes=tuple(postcodes.split()),
        population=int(population),
        latitude=float(latitude) if latitude else None,
        longitude=float(longitude) if longitude else None,
        municipality=municipality,
    )


class Places:
    """Every place of France, overseas included; retired commune codes lead to today's commune."""

    def __init__(
        self,
        communes: _Communes,
        retired: dict[str, str],
        departements: list[Departement],
        regions: list[Region],
    ) -> None:
        self._communes = communes
        self._retired = retired
        self._departements = {each.code: each for each in departements}
        self._regions = {each.code: each for each in regions}

    @classmethod
    def load(cls, tables: Tables = SHIPPED) -> "Places":
        """Read the tables."""
        departements = [
            Departement(code=code, name=name, region=region or None, chef_lieu=chef_lieu or None)
            for code, name, region, chef_lieu in tables.rows("departements")
        ]
        regions = [Region(code=code, name=name) for code, name in tables.rows("regions")]
        return cls(_Communes(tables.text("communes")), dict(tables.rows("retired_communes")), departements, regions)

    def communes(self) -> tuple[Commune, ...]:
        """Every commune and arrondissement, by code."""
        return self._every

    @cached_property
    def _every(self) -> tuple[Commune, ...]:
        return tuple(_commune(row) for _, row in self._communes.rows())

    def real_departements(self) -> tuple[Departement, ...]:
        """The 101 départements, without the collectivités overseas: the codes that the offers can be asked by."""
        return tuple(each for each in self.departements() if len(each.code) == 2 or each.code in _OVERSEAS)

    def departements(self) -> tuple[Departement, ...]:
        """Every département and collectivity, by code."""
        return tuple(self._departements.values())

    def regions(self) -> tuple[Region, ...]:
        """Every région, by code."""
        return tuple(self._regions.values())

    def commune(self, insee: str) -> Commune | None:
        """A commune by code, in any case; a retired code gives today's commune."""
        code = insee.upper()
        return self._communes.get(code) or self._communes.get(self._retired.get(code, ""))

    def departement(self, code: str) -> Departement | None:
        """A département by code, in any case."""
        return self._departements.get(code.upper())

    def region(self, code: str) -> Region | None:
        """A région by INSEE code."""
        return self._regions.get(code)

    @cached_property
    def _by_postcode(self) -> dict[str, tuple[int, ...]]:
        """The places of the communes of each postcode, the most populous first."""
        split = {row[_MUNICIPALITY] for _, row in self._communes.rows() if row[_MUNICIPALITY] != row[_INSEE]}
        found: dict[str, list[tuple[int, int]]] = {}
        for place, row in self._communes.rows():
            # Where a city has arrondissements, its postcodes are theirs.
            if row[_INSEE] not in split:
                for postcode in row[_POSTCODES].split():
                    found.setdefault(postcode, []).append((-int(row[_POPULATION]), place))
        return {code: tuple(place for _, place in sorted(all_of)) for code, all_of in found.items()}

    def postcode(self, postcode: str) -> tuple[Commune, ...]:
        """The communes of a postcode, the most populous first."""
        return tuple(map(self._communes.at, self._by_postcode.get(postcode, ())))

    @cached_property
    def _points(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Latitudes in ascending order, with the longitudes and the places of the same communes."""
        placed = sorted(
            (float(row[_LATITUDE]), float(row[_LONGITUDE]), place)
            for place, row in self._communes.rows()
            if row[_LATITUDE] and row[_LONGITUDE]
        )
        latitudes, longitudes, places = zip(*placed, strict=True)
        return np.array(latitudes), np.array(longitudes), np.array(places, np.int32)

    def nearest(self, latitude: float, longitude: float) -> Commune | None:
        """The commune whose centre is nearest, None when there is none within about a degree."""
        latitudes, longitudes, places = self._points
        shrink = math.cos(math.radians(latitude))
        for reach in _NEAR_DEGREES:
            low, high = np.searchsorted(latitudes, (latitude - reach, latitude + reach))
            if low < high:
                gaps = np.hypot(latitudes[low:high] - latitude, (longitudes[low:high] - longitude) * shrink)
                best = int(np.argmin(gaps))
                if gaps[best] <= reach:
                    return self._communes.at(int(places[int(low) + best]))
        return None

    def distance_to_departement_km(self, code: str, latitude: float, longitude: float) -> float | None:
        """How far a point lies from the nearest commune centre of a département, in km; None when it has none."""
        shrink = math.cos(math.radians(latitude))
        gaps = [
            math.hypot(commune.latitude - latitude, (commune.longitude - longitude) * shrink)
            for commune in self._in_departement.get(code, ())
            if commune.latitude is not None and commune.longitude is not None
        ]
        return min(gaps) * KM_PER_DEGREE if gaps else None

    @cached_property
    def _in_departement(self) -> dict[str, list[Commune]]:
        found: dict[str, list[Commune]] = {}
        for commune in self._every:
            found.setdefault(commune.departement, []).append(commune)
        return found

    @cached_property
    def _plain_names(self) -> list[str]:
        return plain_names(row[_NAME] for _, row in self._communes.rows())

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Commune]:
        """(département, plain name, also without its article or its "arrondissement") -> its most populous commune."""
        found: dict[tuple[str, str], Commune] = {}
        named = sorted(zip(self._plain_names, self._every, strict=True), key=lambda pair: pair[1].population)
        for name, commune in named:
            found[commune.departement, name] = commune
            first, _, rest = name.partition(" ")
            if rest and first in ("l", "la", "le", "les"):
                found[commune.departement, rest] = commune
            if commune.municipality != commune.insee:
                found[commune.departement, name.removesuffix(" arrondissement")] = commune
        return found

    @cached_property
    def _countrywide(self) -> dict[str, Located]:
        """The country and its régions by plain name."""
        found = {
            " ".join(words_of(each.name)): Located(precision="region", region=each.code) for each in self.regions()
        }
        return found | {"france": Located(precision="country")}

    def locate(self, label: str) -> Located | None:
        """What a label of an offer names; None when it is no place of France that we know."""
        match = _LABEL.match(label[:200])
        if match is None:
            words = words_of(label)
            return self._countrywide.get("france" if words[:1] == ["france"] else " ".join(words))
        departement = self.departement(match[1])
        if departement is None:
            return None
        own_name = words_of(departement.name)
        words = ["arrondissement" if word.startswith("arrond") else word for word in words_of(match[2])]
        while words:
            commune = self._by_name.get((departement.code, " ".join(words)))
            if commune is not None:
                return Located(
                    precision="commune", commune=commune, departement=departement.code, region=commune.region
                )
            if words == own_name:
                break
            words = words[:-1]
        return Located(precision="departement", departement=departement.code, region=departement.region)

    @cached_property
    def _people(self) -> dict[str, int]:
        """Inhabitants of each département ("35") and région ("r53")."""
        found: dict[str, int] = {}
        for _, row in self._communes.rows():
            if row[_MUNICIPALITY] == row[_INSEE]:
                for area in (row[_DEPARTEMENT], f"r{row[_REGION]}"):
                    found[area] = found.get(area, 0) + int(row[_POPULATION])
        return found

    @cached_property
    def _suggested(self) -> tuple[WordIndex, npt.NDArray[np.int32], list[Departement | Region]]:
        """Every place that can be suggested by its name: communes, of which the places are given, then areas.

        Built when somebody first types.
        """
        departements = self.departements()
        # Overseas, a région is one département of the same name: once is enough.
        once = {each.name for each in departements}
        regions = [each for each in self.regions() if each.name not in once]
        short = {name: self._regions[code] for name, code in _SHORT_NAMES.items() if code in self._regions}
        wider: list[Departement | Region] = [*departements, *regions, *short.values()]
        names = [
            *self._plain_names,
            *plain_names([*(each.name for each in departements), *(each.name for each in regions), *short]),
        ]
        area = {each.code: place for place, each in enumerate(departements)}
        nowhere = len(area)
        places, people, district, area_of = [], [], [], []
        for place, row in self._communes.rows():
            places.append(place)
            people.append(int(row[_POPULATION]))
            district.append(row[_MUNICIPALITY] != row[_INSEE])
            area_of.append(area.get(row[_DEPARTEMENT], nowhere))
        people += [self._people.get(each.code, 0) for each in departements]
        people += [self._people.get(f"r{each.code}", 0) for each in wider[nowhere:]]
        points = np.log1p(people)
        points[len(district) :] -= _AREA
        points[np.flatnonzero(district)] -= _DISTRICT
        area_of += [*range(nowhere), *([nowhere] * (len(wider) - nowhere))]
        areas = plain_names([*(f"{each.name} {each.code}" for each in departements), ""])
        return WordIndex(names, points.tolist(), area_of=area_of, areas=areas), np.array(places, np.int32), wider

    def suggest(self, text: str, limit: int = 10) -> list[PlaceSuggestion]:
        """Places for the beginning of a name, of a postcode, or a département's number; the most populous first."""
        typed = text[:100].strip().upper()
        found = [
            self._departement_suggestion(each)
            for code, each in self._departements.items()
            if code == typed or (len(typed) == 1 and code.startswith(typed))
        ]
        # A shorter number is part of a name when there is one: "Lyon 3", "Rennes 35".
        number = _POSTCODE.search(typed)
        if number:
            found += self._postcodes(number[0], words_of(typed.replace(number[0], " ")), limit)
        if not found:
            index, places, wider = self._suggested
            best = [
                self._communes.at(int(places[item])) if item < len(places) else wider[item - len(places)]
                for item in index.find(text, 2 * limit)
            ]
            # Two names may lead to one place: "PACA" and "Provence-Alpes-Côte d'Azur".
            found = [self._suggestion(each) for each in dict.fromkeys(best)]
        return found[:limit]

    def _suggestion(self, place: Commune | Departement | Region) -> PlaceSuggestion:
        if isinstance(place, Commune):
            return _commune_suggestion(place)
        if isinstance(place, Departement):
            return self._departement_suggestion(place)
        return self._region_suggestion(place)

    def _departement_suggestion(self, each: Departement) -> PlaceSuggestion:
        return PlaceSuggestion(
            kind="departement",
            label=f"{each.name} (département {each.code})",
            code=each.code,
            departement=each.code,
            region=each.region,
            population=self._people.get(each.code, 0),
        )

    def _region_suggestion(self, each: Region) -> PlaceSuggestion:
        return PlaceSuggestion(
            kind="region",
            label=f"{each.name} (région)",
            code=each.code,
            region=each.code,
            population=self._people.get(f"r{each.code}", 0),
        )

    @cached_property
    def _sorted_postcodes(self) -> list[str]:
        return sorted(self._by_postcode)

    def _postcodes(self, prefix: str, name: list[str], limit: int) -> list[PlaceSuggestion]:
        """Postcodes that begin so, of communes whose name has these words too; the most populous first."""
        first = bisect_left(self._sorted_postcodes, prefix)
        after = bisect_left(self._sorted_postcodes, prefix + ":")  # the sign after 9
        every = [(code, commune) for code in self._sorted_postcodes[first:after] for commune in self.postcode(code)]
        found = [
            pair
            for pair in every
            if all(any(word.startswith(asked) for word in words_of(pair[1].name)) for asked in name)
        ]
        # A whole postcode is right even beside the name of a quarter that is no commune.
        found = found or (every if len(prefix) == len("75012") else [])
        found.sort(key=lambda pair: (-pair[1].population, pair[0], pair[1].insee))
        return [
            PlaceSuggestion(
                kind="postcode",
                label=f"{code} {commune.name}",
                code=code,
                insee=commune.insee,
                postcode=code,
                departement=commune.departement,
                region=commune.region,
                latitude=commune.latitude,
                longitude=commune.longitude,
                population=commune.population,
            )
            for code, commune in found[:limit]
        ]


def _commune_suggestion(commune: Commune) -> PlaceSuggestion:
    return PlaceSuggestion(
        kind="commune",
        label=f"{commune.name} ({commune.departement})",
        code=commune.insee,
        insee=commune.insee,
        postcode=commune.postcodes[0] if commune.postcodes else None,
        departement=commune.departement,
        region=commune.region,
        latitude=commune.latitude,
        longitude=commune.longitude,
        population=commune.population,
    )
