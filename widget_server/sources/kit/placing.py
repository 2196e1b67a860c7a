"""Say where a card is, as exactly as its row allows and no more exactly than that.

The row's own coordinates come first, turned round when they are plainly inverted; then the centre of its commune; then
its département, région or the whole country, which have no point and so never pretend to a distance.
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from widget_server.domain.cards import CardPlace
from widget_server.reference.places import Commune, Places
from widget_server.sources.kit.text import fold, line

MARGIN_DEGREES: Final = 0.2
"""How far a commune may reach beyond the centres of its département's communes."""
_WIDE_MARGINS: Final = {"973": 1.0}
"""Communes of Guyane are as large as départements."""

_POSTCODE: Final = re.compile(r"\d{5}")
_INSEE: Final = re.compile(r"\d[\dAB]\d{3}")
_LABEL: Final = re.compile(r"\s*+(?:\d{2,3}|2[AB])\s*+-\s*+(.+)", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"\s*+\d{5}\s*+-\s*+(.+)")

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """What a row says of its place, as it says it.

    insee      a commune code; some rows have a postcode there
    postcode   five digits; some rows have a commune code there
    name       the commune's name
    label      a free label such as "35 - RENNES", "49 - Maine et Loire", "Bretagne"
    """

    latitude: float | None = None
    longitude: float | None = None
    insee: str | None = None
    postcode: str | None = None
    name: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A place, and what had to be repaired to find it: "" when nothing."""

    place: CardPlace
    repaired: str = ""


class Placing:
    """Resolves whereabouts with the reference tables."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._boxes = _boxes(places)

    def place(self, told: Whereabouts) -> Placed | None:
        """Where it is; None when the row names no place of France at all."""
        commune, postcode = self._commune(told)
        named = self._places.locate(told.label) if told.label else None
        if commune is None and named is not None and named.commune is not None and postcode is None:
            commune = named.commune
        departement = _departement(commune, postcode, self._places) or (named.departement if named else None)
        point, repaired = self._point(told, departement)
        if point is not None:
            return self._at_point(point, repaired, told, commune, postcode, departement)
        if commune is not None:
            return Placed(place=self._in_commune(commune, told, postcode), repaired=repaired)
        if named is not None and named.precision == "region" and named.region:
            region = self._places.region(named.region)
            label = region.name if region else told.label or "France"
            return Placed(place=CardPlace(label=label, precision="region", region=named.region), repaired=repaired)
        if departement is not None:
            return Placed(place=self._in_departement(departement, postcode), repaired=repaired)
        if told.label:
            label = line(told.label) or "France" if named is not None else "France"
            return Placed(
                place=CardPlace(label=label, precision="country"),
                repaired=repaired or ("" if named is not None else "place_unknown"),
            )
        return None

    def in_departement(self, code: str | None, latitude: float, longitude: float) -> bool:
        """Whether a point lies in a département's box; in any box when the département is not known."""
        box = self._boxes.get(code) if code else None
        if box is not None:
            return _inside(box, latitude, longitude)
        return any(_inside(each, latitude, longitude) for each in self._boxes.values())

    def same_city(self, insee: str, other: str) -> bool:
        """Whether two codes name the same commune, or a city and one of its arrondissements."""
        one, two = self._places.commune(insee), self._places.commune(other)
        return one is not None and two is not None and one.municipality == two.municipality

    def _commune(self, told: Whereabouts) -> tuple[Commune | None, str | None]:
        """The commune that the codes name for certain or most probably, and the postcode."""
        insee = (told.insee or "").strip().upper()
        postcode = (told.postcode or "").strip()
        candidates = self._places.postcode(postcode) if _POSTCODE.fullmatch(postcode) else ()
        commune = self._places.commune(insee) if _INSEE.fullmatch(insee) else None
        if commune is not None and insee == postcode and candidates:
            # 13001 is Aix as a commune and Marseille as a postcode: where two fields repeat one number, the postcode
            # is what was meant.
            commune = next((each for each in candidates if each.municipality == commune.municipality), None)
        if commune is not None:
            district = next((each for each in candidates if each.municipality == commune.insee != each.insee), None)
            if district is not None and len({each.insee for each in candidates}) == 1:
                return district, postcode  # a whole city, and the postcode of one of its arrondissements
            return commune, postcode if candidates else _only_postcode(commune)
        if candidates:
            name = fold(told.name) or fold(_tail(told.label))
            same = [each for each in candidates if _same_name(name, each.name)]
            if same:
                return same[0], postcode
            if len(candidates) == 1 or not name:
                return candidates[0], postcode
            return None, postcode
        if _POSTCODE.fullmatch(insee) and self._places.postcode(insee):
            return self._commune(Whereabouts(postcode=insee, name=told.name, label=told.label))
        if _INSEE.fullmatch(postcode.upper()):
            return self._places.commune(postcode), None
        return None, None

    def _point(self, told: Whereabouts, departement: str | None) -> tuple[tuple[float, float] | None, str]:
        latitude, longitude = told.latitude, told.longitude
        if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
            return None, ""
        if latitude == 0 and longitude == 0:
            return None, ""
        if self.in_departement(departement, latitude, longitude):
            return (latitude, longitude), ""
        if self.in_departement(departement, longitude, latitude):
            return (longitude, latitude), "coordinates_inverted"
        return None, "coordinates_outside"

    def _at_point(
        self,
        point: tuple[float, float],
        repaired: str,
        told: Whereabouts,
        commune: Commune | None,
        postcode: str | None,
        departement: str | None,
    ) -> Placed:
        near = self._places.nearest(*point) if commune is None and departement is None else None
        code = departement or (near.departement if near else None)
        name = commune.name if commune else line(told.name) or line(_tail(told.label)) or (near.name if near else None)
        return Placed(
            place=CardPlace(
                label=name or postcode or "France",
                precision="address",
                insee=commune.insee if commune else None,
                postcode=postcode,
                departement=code,
                region=self._region(code),
                latitude=round(point[0], 5),
                longitude=round(point[1], 5),
            ),
            repaired=repaired,
        )

    def _in_commune(self, commune: Commune, told: Whereabouts, postcode: str | None) -> CardPlace:
        located = commune.latitude is not None and commune.longitude is not None
        return CardPlace(
            label=commune.name,
            precision="commune" if located else "departement",
            insee=commune.insee,
            postcode=postcode or _only_postcode(commune),
            departement=commune.departement,
            region=self._region(commune.departement),
            latitude=commune.latitude,
            longitude=commune.longitude,
        )

    def _in_departement(self, code: str, postcode: str | None) -> CardPlace:
        # A postcode shared by several communes, none of which the row names: their most populous one stands for all.
        candidates = self._places.postcode(postcode) if postcode else ()
        seat = next((each for each in candidates if each.latitude is not None), None)
        if seat is not None:
            return CardPlace(
                label=f"{postcode} {seat.name}",
                precision="commune",
                postcode=postcode,
                departement=seat.departement,
                region=self._region(seat.departement),
                latitude=seat.latitude,
                longitude=seat.longitude,
            )
        departement = self._places.departement(code)
        name = departement.name if departement else code
        return CardPlace(label=f"{name} ({code})", precision="departement", departement=code, region=self._region(code))

    def _region(self, departement: str | None) -> str | None:
        found = self._places.departement(departement) if departement else None
        return found.region if found else None


def _only_postcode(commune: Commune) -> str | None:
    """The postcode of a commune that has one; nothing is guessed where there are several."""
    return commune.postcodes[0] if len(commune.postcodes) == 1 else None


def _departement(commune: Commune | None, postcode: str | None, places: Places) -> str | None:
    if commune is not None:
        return commune.departement
    codes = {each.departement for each in places.postcode(postcode)} if postcode else set()
    return codes.pop() if len(codes) == 1 else None


def _tail(label: str | None) -> str | None:
    """What a label says after its number: "92 - CLICHY" -> "CLICHY"."""
    if not label:
        return None
    match = _LABEL.fullmatch(label) or _NUMBERED.fullmatch(label)
    return match[1] if match else label


def _same_name(told: str, name: str) -> bool:
    """ "st denis" is "Saint-Denis"; "metz technopole" and "rennes cedex 7" are Metz and Rennes."""
    asked, known = _spelled(told), _spelled(fold(name))
    return bool(asked) and (asked == known or asked.startswith(f"{known} "))


def _spelled(folded: str) -> str:
    words = [{"st": "saint", "ste": "sainte"}.get(word, word) for word in folded.split()]
    while words and words[0] in ("l", "la", "le", "les"):
        words = words[1:]
    return " ".join(words)


def _boxes(places: Places) -> dict[str, Box]:
    """For each département south, west, north, east of its communes' centres, with the margin."""
    found: dict[str, Box] = {}
    for commune in places.communes():
        latitude, longitude = commune.latitude, commune.longitude
        if latitude is None or longitude is None:
            continue
        south, west, north, east = found.get(commune.departement, (latitude, longitude, latitude, longitude))
        found[commune.departement] = (
            min(south, latitude), min(west, longitude), max(north, latitude), max(east, longitude),
        )  # fmt: skip
    return {
        code: (south - margin, west - margin, north + margin, east + margin)
        for code, (south, west, north, east) in found.items()
        for margin in [_WIDE_MARGINS.get(code, MARGIN_DEGREES)]
    }


def _inside(box: Box, latitude: float, longitude: float) -> bool:
    south, west, north, east = box
    return south <= latitude <= north and west <= longitude <= east
