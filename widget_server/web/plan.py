"""The map without a map: where the cards lie around the centre of the search, by bearing and distance.

It needs no tile, no script, nobody else's server. Pins carry the numbers of the list; two that would cover each other
stand side by side. Pure: data in, coordinates of a drawing out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from widget_server.domain.answer import AnswerPlace, ListedCard
from widget_server.web import wording
from widget_server.web.language import Language, mark

SIZE: Final = 400
"""Width and height of the drawing, in its own units."""
PIN: Final = 16
"""Radius of a pin: at 320 px a target of 24 px."""
MOST: Final = 50
_REACH: Final = 172
_OVERLAP: Final = 4
"""Pins may touch: their outlines are drawn over each other."""
_STEPS_KM: Final = (1, 2, 5, 10, 20, 50, 100, 200)
_MOST_RINGS: Final = 4
_KM_PER_DEGREE: Final = 111.2
_BEARINGS: Final = (
    mark("au nord"),
    mark("au nord-est"),
    mark("à l’est"),
    mark("au sud-est"),
    mark("au sud"),
    mark("au sud-ouest"),
    mark("à l’ouest"),
    mark("au nord-ouest"),
)


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One card on the drawing; `number` is its place in the list, `name` what a screen reader says."""

    number: int
    name: str
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A circle around the centre."""

    radius: int
    label: str

    @property
    def edge(self) -> int:
        """How far west, and south, of the centre the label stands."""
        return round(self.radius * math.sqrt(0.5))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The drawing. `unplaced` says how many cards of this page have no known point."""

    pins: tuple[Pin, ...]
    rings: tuple[Ring, ...]
    unplaced: str


def draw(t: Language, place: AnswerPlace | None, cards: Sequence[ListedCard]) -> Plan | None:
    """The plan of one page of the list; None when no card of it has a point."""
    points = [
        (number, card, point) for number, card in enumerate(cards, 1) if (point := point_of(card)) and number <= MOST
    ]
    if not points:
        return None
    centre = _centre(place, [point for _, _, point in points])
    offsets = [_offset_km(centre, point) for _, _, point in points]
    step, rings = _rings(max(math.hypot(*offset) for offset in offsets))
    scale = _REACH / (step * rings)
    apart = len(cards) - len(points)
    taken: list[tuple[float, float]] = []
    pins: list[Pin] = []
    for (number, card, _), (east, north) in zip(points, offsets, strict=True):
        x, y = _free(SIZE / 2 + east * scale, SIZE / 2 - north * scale, taken)
        pins.append(Pin(number=number, name=_name(t, number, card, east, north), x=round(x), y=round(y)))
    return Plan(
        pins=tuple(pins),
        rings=tuple(
            Ring(radius=round(step * ring * scale), label=t("{km} km", km=step * ring)) for ring in range(1, rings + 1)
        ),
        unplaced=t.plural(
            "{n} résultat sans adresse précise n’est pas sur le plan.",
            "{n} résultats sans adresse précise ne sont pas sur le plan.",
            apart,
        )
        if apart
        else "",
    )


def point_of(card: ListedCard) -> tuple[float, float] | None:
    """Latitude and longitude, where they are known."""
    place = card.place
    return None if place.latitude is None or place.longitude is None else (place.latitude, place.longitude)


def place_text(point: tuple[float, float]) -> str:
    """A point as text, to about 10 m."""
    return f"{point[0]:.4f},{point[1]:.4f}"


def centre_of(place: AnswerPlace | None) -> tuple[float, float] | None:
    """The centre of a search by radius; an area has none."""
    if place is None or place.latitude is None or place.longitude is None:
        return None
    return place.latitude, place.longitude


def _centre(place: AnswerPlace | None, points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    latitudes, longitudes = [point[0] for point in points], [point[1] for point in points]
    middle = (min(latitudes) + max(latitudes)) / 2, (min(longitudes) + max(longitudes)) / 2
    return centre_of(place) or middle


def _offset_km(centre: tuple[float, float], point: tuple[float, float]) -> tuple[float, float]:
    """How far east and north: flat, which is right to a few hundred metres at the largest radius."""
    east = (point[1] - centre[1]) * math.cos(math.radians(centre[0])) * _KM_PER_DEGREE
    return east, (point[0] - centre[0]) * _KM_PER_DEGREE


def _rings(farthest_km: float) -> tuple[int, int]:
    """The distance between two circles in km, and how many of them hold everything."""
    fitting = (step for step in _STEPS_KM if step * _MOST_RINGS >= farthest_km)
    step = next(fitting, max(_STEPS_KM[-1], math.ceil(farthest_km / _MOST_RINGS)))
    return step, max(1, math.ceil(farthest_km / step))


def _free(x: float, y: float, taken: list[tuple[float, float]]) -> tuple[float, float]:
    """The nearest spot where a pin covers no other, on rings of a pin's width; remembered as taken."""
    for ring in range(SIZE // (2 * PIN)):
        for turn in range(6 * ring or 1):
            angle = turn * math.pi / (3 * ring or 1)
            spot = x + 2 * PIN * ring * math.cos(angle), y + 2 * PIN * ring * math.sin(angle)
            inside = all(PIN <= value <= SIZE - PIN for value in spot)
            if inside and all(math.dist(spot, other) >= 2 * PIN - _OVERLAP for other in taken):
                taken.append(spot)
                return spot
    return x, y


def _name(t: Language, number: int, card: ListedCard, east: float, north: float) -> str:
    """ "3. Boulanger, à 12 km au nord-est": what the drawing says to those who do not see it."""
    distance = wording.distance(t, card.distance_km, card.place)
    title = card.title.strip() or t(wording.kind_words(card.kind).tag)
    if distance is None or not card.distance_km or card.distance_km < 1:
        return f"{number}. {title}" + (f", {distance}" if distance else "")
    bearing = _BEARINGS[round(math.degrees(math.atan2(east, north)) / 45) % 8]
    return f"{number}. {title}, {distance} {t(bearing)}"
