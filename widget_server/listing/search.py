"""Find the cards of one snapshot for some occupations around a point or in an area.

The index holds coordinates in single precision with five true decimals; a point is in the circle when the great-circle
distance from its five-decimal coordinates is within the radius. Distances are kept in steps of 0.1 km, as shown, so
that "distance, then newest" holds for what a reader sees; before rounding they are at most 22 m off at 200 km.

Two ways lead to the same candidates. The *grid* looks up, for each occupation, the cells of the circle row by row. The
*scan* takes every posting of the occupations. The scan is quicker while these are few.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.geo import (
    CELLS_PER_DEGREE,
    COLUMNS,
    EARTH_RADIUS_KM,
    KM_PER_DEGREE,
    ROWS,
    SOUTH,
    WEST,
    distance_km,
)
from widget_server.domain.query import Area, Centre
from widget_server.snapshot.columns import number
from widget_server.snapshot.index import COUNTRY_AREA, STRIDE, PostingLists, departement_area, region_area
from widget_server.snapshot.shelf import Snapshot

I8 = npt.NDArray[np.int64]
NO_DISTANCE: Final = -1
"""Found in an area: the card has a point, the search has no centre."""
NOWHERE: Final = -2
"""The card has no point: it is placed at the level of a département, a région or the country."""
_MARGIN_DEGREES: Final = 0.001
_EDGE_KM: Final = 0.1
"""The quick distance is at most 22 m off at 200 km: nearer to the edge than this, the exact one decides."""
_DECIMALS: Final = 5
SCAN_POSTINGS: Final = 20_000
"""Up to so many postings under the asked occupations the scan is quicker: the two cross at 20 000 to 40 000."""
_CARD_BITS: Final = 32
_TENTHS_BITS: Final = 20
_RANK_BITS: Final = _TENTHS_BITS + 8
_RANK: Final = (1 << _RANK_BITS) - 1
_CARDS: Final = (1 << _CARD_BITS) - 1
_TENTHS: Final = (1 << _TENTHS_BITS) - 1


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """Distinct cards in the order of the list: better score, then nearer, then newer (a smaller card is newer).

    tenths  distance in 0.1 km, negative where there is none (NO_DISTANCE, NOWHERE)
    """

    card: I8
    tenths: I8
    score: I8

    def __len__(self) -> int:
        return len(self.card)

    def where(self, keep: npt.NDArray[np.bool_]) -> "Hits":
        """The hits for which `keep` is true, in the same order."""
        return Hits(card=self.card[keep], tenths=self.tenths[keep], score=self.score[keep])


NOTHING: Final = Hits(card=np.empty(0, np.int64), tenths=np.empty(0, np.int64), score=np.empty(0, np.int64))


def search(snapshot: Snapshot, keys: Sequence[str], place: Centre | Area, radius_km: int) -> Hits:
    """Every distinct card posted under one of the keys within the place, in the order of the list."""
    if isinstance(place, Area):
        return _in_area(snapshot, keys, place)
    if radius_km == 0:
        return _in_municipality(snapshot, keys, place)
    return _around(snapshot.index, keys, place, float(radius_km))


def search_unplaced(snapshot: Snapshot, keys: Sequence[str], areas: Sequence[int]) -> Hits:
    """Cards without a point that are placed at the level of one of these areas (numbers of snapshot/index.py)."""
    return _posted_in(snapshot.unplaced, keys, areas)


def _around(index: PostingLists, keys: Sequence[str], centre: Centre, radius_km: float) -> Hits:
    runs = _runs(index, keys)
    if sum(end - begin for begin, end in runs) <= SCAN_POSTINGS:
        return scan(index, runs, centre.latitude, centre.longitude, radius_km)
    return grid(index, keys, centre.latitude, centre.longitude, radius_km)


def scan(index: PostingLists, runs: Sequence[tuple[int, int]], latitude: float, longitude: float, km: float) -> Hits:
    """The hits in a circle, from all postings in these runs."""
    if not runs or index.lat is None or index.lon is None:
        return NOTHING
    lat = np.concatenate([index.lat[begin:end] for begin, end in runs])
    lon = np.concatenate([index.lon[begin:end] for begin, end in runs])
    inside, tenths = _within(latitude, longitude, lat, lon, km)
    card = np.concatenate([index.card[begin:end] for begin, end in runs])[inside]
    score = np.concatenate([index.score[begin:end] for begin, end in runs])[inside]
    return _ordered(card, tenths, score, repeated=len(runs) > 1)


def grid(index: PostingLists, keys: Sequence[str], latitude: float, longitude: float, radius_km: float) -> Hits:
    """The hits in a circle, from the postings in the cells that it touches."""
    ordinals = index.ordinals(keys)
    if not ordinals or index.lat is None or index.lon is None:
        return NOTHING
    rows, first, last = _circle_cells(latitude, longitude, radius_km)
    base = (np.array(ordinals, dtype=np.int64) * STRIDE)[:, None] + (rows * COLUMNS)[None, :]
    # Needles of another type would make numpy convert the whole key array.
    needles = np.concatenate([(base + first).ravel(), (base + last + 1).ravel()]).astype(np.uint32)
    found = index.start[index.key.searchsorted(needles)].astype(np.int64)
    positions = _expand(found[: len(found) // 2], found[len(found) // 2 :])
    inside, tenths = _within(latitude, longitude, index.lat[positions], index.lon[positions], radius_km)
    positions = positions[inside]
    return _ordered(index.card[positions], tenths, index.score[positions], repeated=len(ordinals) > 1)


def _within(
    latitude: float, longitude: float, lat: npt.NDArray[np.float32], lon: npt.NDArray[np.float32], radius_km: float
) -> tuple[I8, I8]:
    """Which of the points lie in the circle, and their distances in 0.1 km."""
    wide_lat, wide_lon = lat.astype(np.float64), lon.astype(np.float64)
    squares = _quick_squares(latitude, longitude, wide_lat, wide_lon)
    near = np.flatnonzero(squares <= ((radius_km + _EDGE_KM) / KM_PER_DEGREE) ** 2)
    km = np.sqrt(squares[near]) * KM_PER_DEGREE
    edge = np.flatnonzero(km > radius_km - _EDGE_KM)
    if len(edge):
        # Only here the formula for a plane could be on the wrong side.
        rim = near[edge]
        exact = distance_km(latitude, longitude, np.round(wide_lat[rim], _DECIMALS), np.round(wide_lon[rim], _DECIMALS))
        km[edge] = np.where(exact <= radius_km, exact, np.inf)
        inside = km <= radius_km
        near, km = near[inside], km[inside]
    return near, np.rint(km * 10).astype(np.int64)


def _circle_cells(latitude: float, longitude: float, radius_km: float) -> tuple[I8, I8, I8]:
    """The grid rows that a circle touches, with the first and last column of its chord in each."""
    reach = radius_km / KM_PER_DEGREE + _MARGIN_DEGREES
    bottom = int(np.floor((latitude - reach - SOUTH) * CELLS_PER_DEGREE))
    top = int(np.floor((latitude + reach - SOUTH) * CELLS_PER_DEGREE))
    rows = np.arange(max(bottom, 0), min(top, ROWS - 1) + 1, dtype=np.int64)
    south = rows / CELLS_PER_DEGREE + SOUTH
    north = south + 1 / CELLS_PER_DEGREE
    # The widest chord of a row is bounded by its nearest latitude (numerator) and its highest one (denominator).
    nearest = np.minimum(np.maximum(latitude, south), north)
    highest = np.minimum(np.maximum(np.abs(south), np.abs(north)), 89.9)
    half_angle = np.sin(radius_km / EARTH_RADIUS_KM / 2) ** 2 - np.sin(np.radians(nearest - latitude) / 2) ** 2
    chord = np.maximum(half_angle, 0.0) / (np.cos(np.radians(latitude)) * np.cos(np.radians(highest)) + 1e-12)
    width = np.degrees(2 * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))) + _MARGIN_DEGREES
    first = np.floor((longitude - width - WEST) * CELLS_PER_DEGREE).astype(np.int64)
    last = np.floor((longitude + width - WEST) * CELLS_PER_DEGREE).astype(np.int64)
    inside = (last >= 0) & (first < COLUMNS)
    # Not clip: numpy looks up the limits of the type on each call, which takes longer than everything else here.
    return rows[inside], np.maximum(first[inside], 0), np.minimum(last[inside], COLUMNS - 1)


def _quick_squares(
    latitude: float, longitude: float, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Squares of distances in degrees on a plane whose east-west scale changes with latitude: no function per point."""
    phi = np.radians(latitude)
    north = lat - latitude
    east = (lon - longitude) * (np.cos(phi) - np.sin(phi) * np.pi / 360 * north)
    squares: npt.NDArray[np.float64] = north * north + east * east
    return squares


def _in_municipality(snapshot: Snapshot, keys: Sequence[str], centre: Centre) -> Hits:
    """Radius 0: the cards of the commune itself, ordered by their distance from its centre."""
    index = snapshot.index
    if index.lat is None or index.lon is None:
        return NOTHING
    positions = _slices(index, keys)
    wanted = np.array([number(code) for code in centre.municipalities], dtype=np.uint32)
    positions = positions[np.isin(snapshot.columns.municipality[index.card[positions] - 1], wanted)]
    lat, lon = index.lat[positions].astype(np.float64), index.lon[positions].astype(np.float64)
    km = distance_km(centre.latitude, centre.longitude, np.round(lat, _DECIMALS), np.round(lon, _DECIMALS))
    return _ordered(index.card[positions], np.rint(km * 10).astype(np.int64), index.score[positions])


def _in_area(snapshot: Snapshot, keys: Sequence[str], area: Area) -> Hits:
    """Located cards of the area first, then those placed only at its level, then, in a région, the whole country's."""
    index = snapshot.index
    positions = _slices(index, keys)
    wanted = np.array([number(code) for code in area.departements], dtype=np.uint16)
    positions = positions[np.isin(snapshot.columns.departement[index.card[positions] - 1], wanted)]
    located = _ordered(index.card[positions], np.zeros(len(positions), np.int64), index.score[positions])
    areas = [departement_area(code) for code in area.departements]
    if area.whole_region and area.region:
        areas += [region_area(area.region), COUNTRY_AREA]
    wide = _posted_in(snapshot.unplaced, keys, areas)
    return Hits(
        card=np.concatenate([located.card, wide.card]),
        tenths=np.concatenate([np.full(len(located), NO_DISTANCE, np.int64), wide.tenths]),
        score=np.concatenate([located.score, wide.score]),
    )


def _posted_in(unplaced: PostingLists, keys: Sequence[str], areas: Sequence[int]) -> Hits:
    needles = [ordinal * STRIDE + area for ordinal in unplaced.ordinals(keys) for area in areas]
    if not needles:
        return NOTHING
    wanted = np.array(needles, dtype=np.uint32)
    low, high = unplaced.key.searchsorted(wanted), unplaced.key.searchsorted(wanted + np.uint32(1))
    positions = _expand(unplaced.start[low].astype(np.int64), unplaced.start[high].astype(np.int64))
    found = _ordered(unplaced.card[positions], np.zeros(len(positions), np.int64), unplaced.score[positions])
    return Hits(card=found.card, tenths=np.full(len(found), NOWHERE, np.int64), score=found.score)


def _slices(index: PostingLists, keys: Sequence[str]) -> I8:
    """Positions of every posting of these occupations, wherever they are."""
    runs = np.array(_runs(index, keys), dtype=np.int64).reshape(-1, 2)
    return _expand(runs[:, 0], runs[:, 1])


def _runs(index: PostingLists, keys: Sequence[str]) -> list[tuple[int, int]]:
    """First and end position of the postings of each of these occupations that has any."""
    ordinals = index.ordinals(keys)
    if not ordinals:
        return []
    base = np.array(ordinals, dtype=np.uint32) * np.uint32(STRIDE)
    found = index.start[index.key.searchsorted(np.concatenate([base, base + np.uint32(STRIDE)]))].tolist()
    return list(zip(found[: len(ordinals)], found[len(ordinals) :], strict=True))


def _expand(low: I8, high: I8) -> I8:
    """[low, high) ranges as one array of positions."""
    length = high - low
    keep = length > 0
    low, length = low[keep], length[keep]
    if not len(low):
        return np.empty(0, np.int64)
    ends = np.cumsum(length)
    steps = np.repeat(low - np.concatenate(([0], ends[:-1])), length)
    return np.arange(int(ends[-1]), dtype=np.int64) + steps


def _ordered(card: npt.NDArray[np.uint32], tenths: I8, score: npt.NDArray[np.uint8], *, repeated: bool = True) -> Hits:
    """Distinct cards; higher score first, then nearer, then the smaller card, which is the newer one.

    `repeated` says that a card may occur more than once, under several occupations; its best posting stays. Both sorts
    are of plain numbers that hold all that is compared: numpy sorts 20 000 of them in 80 us, `unique` takes 1 ms.
    """
    rank = ((255 - score.astype(np.int64)) << _TENTHS_BITS) | tenths
    number = card.astype(np.int64)
    if repeated and len(number):
        by_card = np.sort((number << _RANK_BITS) | rank)
        number = by_card >> _RANK_BITS
        best = np.concatenate(([True], number[1:] != number[:-1]))
        number, rank = number[best], by_card[best] & _RANK
    order = np.sort((rank << _CARD_BITS) | number)
    rank = order >> _CARD_BITS
    return Hits(card=order & _CARDS, tenths=rank & _TENTHS, score=255 - (rank >> _TENTHS_BITS))
