"""France: communes, départements, régions, their look-ups, and suggestions while somebody types."""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec

from widget_server.domain.geo import KM_PER_DEGREE
from widget_server.reference.tables import rows
from widget_server.reference.words import WordIndex, words_of

_NEAR_DEGREES = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Commune:
    """A commune of today or an arrondissement of Paris, Lyon or Marseille. Coordinates in WGS84 degrees."""

    insee: str
    name: str
    departement: str
    region: str | None
    postcodes: tuple[str, ...]
    population: int
    latitude: float | None
    longitude: float | None
    municipality: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Departement:
    """A département or an overseas collectivity, with the point of its chef-lieu."""

    code: str
    name: str
    region: str | None
    chef_lieu: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
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


@dataclass(frozen=True, kw_only=True)
class Located:
    """What a label such as "35 - RENNES" or "Bretagne" names: the finest thing that is certain."""

    precision: Literal["commune", "departement", "region", "country"]
    commune: Commune | None = None
    departement: str | None = None
    region: str | None = None


class Places:
    """Every place of France, overseas included; retired commune codes lead to today's commune."""

    def __init__(
        self, communes: list[Commune], retired: dict[str, str], departements: list[Departement], regions: list[Region]
    ) -> None:
        self._communes = {commune.insee: commune for commune in communes}
        self._retired = retired
        self._departements = {each.code: each for each in departements}
        self._regions = {each.code: each for each in regions}

    @classmethod
    def load(cls) -> "Places":
        """Read the tables."""
        communes = [
            Commune(
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
            for insee, name, departement, region, postcodes, population, latitude, longitude, municipality in rows(
                "communes"
            )
        ]
        by_code = {commune.insee: commune for commune in communes}
        departements = []
        for code, name, region, chef_lieu in rows("departements"):
            seat = by_code.get(chef_lieu)
            departements.append(
                Departement(
                    code=code,
                    name=name,
                    region=region or None,
                    chef_lieu=chef_lieu or None,
                    latitude=seat.latitude if seat else None,
                    longitude=seat.longitude if seat else None,
                )
            )
        regions = [Region(code=code, name=name) for code, name in rows("regions")]
        return cls(communes, dict(row for row in rows("retired_communes")), departements, regions)

    def communes(self) -> tuple[Commune, ...]:
        """Every commune and arrondissement, by code."""
        return tuple(self._communes.values())

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
    def _by_postcode(self) -> dict[str, tuple[Commune, ...]]:
        split = {commune.municipality for commune in self._communes.values() if commune.municipality != commune.insee}
        found: dict[str, list[Commune]] = {}
        for commune in self._communes.values():
            # Where a city has arrondissements, its postcodes are theirs.
            if commune.insee not in split:
                for postcode in commune.postcodes:
                    found.setdefault(postcode, []).append(commune)
        return {code: tuple(sorted(all_of, key=lambda each: -each.population)) for code, all_of in found.items()}

    def postcode(self, postcode: str) -> tuple[Commune, ...]:
        """The communes of a postcode, the most populous first."""
        return self._by_postcode.get(postcode, ())

    @cached_property
    def _by_cell(self) -> dict[tuple[int, int], list[Commune]]:
        cells: dict[tuple[int, int], list[Commune]] = {}
        for commune in self._communes.values():
            if commune.latitude is not None and commune.longitude is not None:
                cells.setdefault((math.floor(commune.latitude), math.floor(commune.longitude)), []).append(commune)
        return cells

    def nearest(self, latitude: float, longitude: float) -> Commune | None:
        """The commune whose centre is nearest, None when there is none within about a degree."""
        row, column = math.floor(latitude), math.floor(longitude)
        shrink = math.cos(math.radians(latitude))
        best: tuple[float, str] | None = None
        for north in (-1, 0, 1):
            for east in (-1, 0, 1):
                for commune in self._by_cell.get((row + north, column + east), ()):
                    if commune.latitude is None or commune.longitude is None:
                        continue
                    gap = math.hypot(commune.latitude - latitude, (commune.longitude - longitude) * shrink)
                    if gap <= _NEAR_DEGREES and (best is None or (gap, commune.insee) < best):
                        best = (gap, commune.insee)
        return self._communes[best[1]] if best else None

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
        for commune in self._communes.values():
            found.setdefault(commune.departement, []).append(commune)
        return found

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Commune]:
        """(département, name without case, accents, article) -> the most populous commune of that name."""
        found: dict[tuple[str, str], Commune] = {}
        for commune in sorted(self._communes.values(), key=lambda each: each.population):
            words = words_of(commune.name)
            found[commune.departement, " ".join(words)] = commune
            if len(words) > 1 and words[0] in ("l", "la", "le", "les"):
                found[commune.departement, " ".join(words[1:])] = commune
        return found

    def locate(self, label: str) -> Located | None:
        """What a label of an offer names; None when it is no place of France that we know."""
        match = re.match(r"\s*(\d{2,3}|2[ABab])\s*-\s*(.*)", label)
        if match is None:
            words = words_of(label)
            if words[:1] == ["france"]:
                return Located(precision="country")
            return next(
                (
                    Located(precision="region", region=region.code)
                    for region in self._regions.values()
                    if words_of(region.name) == words
                ),
                None,
            )
        departement = self.departement(match[1])
        if departement is None:
            return None
        words = words_of(match[2])
        words = ["arrondissement" if word.startswith("arrond") else word for word in words]
        while words:
            commune = self._by_name.get((departement.code, " ".join(words)))
            if commune is not None:
                return Located(
                    precision="commune", commune=commune, departement=departement.code, region=commune.region
                )
            if words == words_of(departement.name):
                break
            words = words[:-1]
        return Located(precision="departement", departement=departement.code, region=departement.region)

    @cached_property
    def _suggestions(self) -> tuple[WordIndex, list[PlaceSuggestion]]:
        items = [
            PlaceSuggestion(
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
            for commune in self._communes.values()
        ]
        inside: dict[str, int] = {}
        for commune in self._communes.values():
            if commune.municipality == commune.insee:
                for area in (commune.departement, f"r{commune.region}"):
                    inside[area] = inside.get(area, 0) + commune.population
        items += [
            PlaceSuggestion(
                kind="departement",
                label=f"{each.name} (département {each.code})",
                code=each.code,
                departement=each.code,
                region=each.region,
                population=inside.get(each.code, 0),
            )
            for each in self._departements.values()
        ]
        items += [
            PlaceSuggestion(
                kind="region",
                label=f"{each.name} (région)",
                code=each.code,
                region=each.code,
                population=inside.get(f"r{each.code}", 0),
            )
            for each in self._regions.values()
        ]
        # With the département's number and name: "saint denis 974" and "saint denis réunion" find the same.
        names = {each.code: each.name for each in self._departements.values()}
        texts = (f"{item.label} {names.get(item.departement or '', '')}" for item in items)
        index = WordIndex(texts, (item.population for item in items))
        return index, items

    def suggest(self, text: str, limit: int = 10) -> list[PlaceSuggestion]:
        """Places for the beginning of a name, of a postcode, or a département's number; the most populous first."""
        digits = re.match(r"\s*(\d{3,5})(?!\d)\s*(.*)", text[:100])
        found: list[PlaceSuggestion] = []
        if digits:
            found = self._postcodes(digits[1], words_of(digits[2]), limit)
        code = text.strip().upper()
        if code in self._departements:
            _, items = self._suggestions
            found += [item for item in items if item.kind == "departement" and item.code == code]
        if len(found) < limit:
            index, items = self._suggestions
            chosen = {(item.kind, item.code) for item in found}
            for number in index.find(text):
                if (items[number].kind, items[number].code) not in chosen:
                    found.append(items[number])
                if len(found) >= limit:
                    break
        return found[:limit]

    def _postcodes(self, prefix: str, name: list[str], limit: int) -> list[PlaceSuggestion]:
        communes = [
            (code, commune)
            for code, all_of in self._by_postcode.items()
            if code.startswith(prefix)
            for commune in all_of
            if all(any(word.startswith(asked) for word in words_of(commune.name)) for asked in name)
        ]
        communes.sort(key=lambda pair: (-pair[1].population, pair[0]))
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
            for code, commune in communes[:limit]
        ]
