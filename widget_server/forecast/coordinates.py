"""Official metres to degrees, as SQL: Lambert-93 in metropolitan France, the UTM zone of each territory overseas.

Both inversions are closed series on the GRS 80 ellipsoid (IGN, "Algorithmes géodésiques" NT/G 71 and NT/G 76); they err
by less than a millimetre, and they run in the database, where forty million rows already are.
"""

import math
from dataclasses import dataclass
from typing import Final

_FLATTENING: Final = 1 / 298.257222101
_MAJOR_AXIS_M: Final = 6_378_137.0
_SQUARE: Final = _FLATTENING * (2 - _FLATTENING)
_THIRD: Final = _FLATTENING / (2 - _FLATTENING)

# Lambert-93: exponent and constant of the projection, its pole, its central meridian.
_EXPONENT: Final = 0.7256077650532670
_CONSTANT_M: Final = 11_754_255.4261
_POLE_M: Final = (700_000.0, 12_655_612.0499)
_MERIDIAN: Final = 3.0
# From the conformal latitude to the latitude: the factors of sin 2x, sin 4x, sin 6x, sin 8x.
_LAMBERT: Final = (
    _SQUARE / 2 + 5 * _SQUARE**2 / 24 + _SQUARE**3 / 12 + 13 * _SQUARE**4 / 360,
    7 * _SQUARE**2 / 48 + 29 * _SQUARE**3 / 240 + 811 * _SQUARE**4 / 11_520,
    7 * _SQUARE**3 / 120 + 81 * _SQUARE**4 / 1_120,
    4_279 * _SQUARE**4 / 161_280,
)

_SCALE_M: Final = 0.9996 * _MAJOR_AXIS_M / (1 + _THIRD) * (1 + _THIRD**2 / 4 + _THIRD**4 / 64)
_EAST_M: Final = 500_000.0
_SOUTH_M: Final = 10_000_000.0
_BACK: Final = (
    _THIRD / 2 - 2 * _THIRD**2 / 3 + 37 * _THIRD**3 / 96,
    _THIRD**2 / 48 + _THIRD**3 / 15,
    17 * _THIRD**3 / 480,
)
_UTM: Final = (
    2 * _THIRD - 2 * _THIRD**2 / 3 - 2 * _THIRD**3,
    7 * _THIRD**2 / 3 - 8 * _THIRD**3 / 5,
    56 * _THIRD**3 / 15,
)


@dataclass(frozen=True, kw_only=True)
class Territory:
    """A box in degrees that holds a territory, and the UTM zone of its coordinates; None for Lambert-93."""

    zone: int | None
    south: float
    north: float
    west: float
    east: float


_GUADELOUPE_AND_AROUND: Final = Territory(zone=20, south=15.7, north=18.2, west=-63.3, east=-60.9)
METROPOLITAN: Final = Territory(zone=None, south=41.2, north=51.2, west=-5.3, east=9.7)
OVERSEAS: Final = {
    "971": _GUADELOUPE_AND_AROUND,
    "972": Territory(zone=20, south=14.3, north=15.0, west=-61.3, east=-60.7),
    "973": Territory(zone=22, south=2.0, north=6.0, west=-54.7, east=-51.5),
    "974": Territory(zone=40, south=-21.5, north=-20.8, west=55.1, east=55.9),
    "976": Territory(zone=38, south=-13.1, north=-12.5, west=44.9, east=45.4),
    "977": _GUADELOUPE_AND_AROUND,
    "978": _GUADELOUPE_AND_AROUND,
}
"""Territories by the first three characters of a commune's code; of the others overseas we read no coordinates."""


def place_sql(x: str, y: str, departement: str) -> str:
    """SQL of `{latitude, longitude}` in degrees from metres; null where they are null or outside the territory."""
    cases = [
        f"WHEN {departement} = '{code}' THEN {_within(territory, x, y)}" for code, territory in sorted(OVERSEAS.items())
    ]
    return f"CASE {' '.join(cases)} WHEN {departement}[1:2] NOT IN ('97', '98') THEN {_within(METROPOLITAN, x, y)} END"


def _within(territory: Territory, x: str, y: str) -> str:
    degrees = _lambert(x, y) if territory.zone is None else _utm(x, y, territory)
    box = (
        f"p.latitude BETWEEN {territory.south} AND {territory.north} "
        f"AND p.longitude BETWEEN {territory.west} AND {territory.east}"
    )
    return f"list_filter([{degrees}], lambda p: {box})[1]"


def _series(factors: tuple[float, ...], angle: str, of: str = "sin") -> str:
    return " + ".join(f"({factor!r}) * {of}({2 * (n + 1)} * {angle})" for n, factor in enumerate(factors))


def _lambert(x: str, y: str) -> str:
    east, north = f"({x} - {_POLE_M[0]})", f"({_POLE_M[1]} - {y})"
    isometric = f"(-ln(sqrt({east} * {east} + {north} * {north}) / {_CONSTANT_M}) / {_EXPONENT})"
    conformal = f"(2 * atan(exp({isometric})) - {math.pi / 2})"
    return (
        f"{{latitude: degrees({conformal} + {_series(_LAMBERT, conformal)}), "
        f"longitude: {_MERIDIAN} + degrees(atan2({east}, {north})) / {_EXPONENT}}}"
    )


def _utm(x: str, y: str, territory: Territory) -> str:
    assert territory.zone is not None  # noqa: S101 - for the type checker; Lambert-93 has its own formula
    along = f"(({y} - {_SOUTH_M if territory.north < 0 else 0.0}) / {_SCALE_M!r})"
    across = f"(({x} - {_EAST_M}) / {_SCALE_M!r})"
    turns = range(1, len(_BACK) + 1)
    xi = " - ".join(
        (along, *(f"({_BACK[n - 1]!r}) * sin({2 * n} * {along}) * cosh({2 * n} * {across})" for n in turns))
    )
    eta = " - ".join(
        (across, *(f"({_BACK[n - 1]!r}) * cos({2 * n} * {along}) * sinh({2 * n} * {across})" for n in turns))
    )
    conformal = f"asin(sin({xi}) / cosh({eta}))"
    return (
        f"{{latitude: degrees({conformal} + {_series(_UTM, conformal)}), "
        f"longitude: {6 * territory.zone - 183} + degrees(atan2(sinh({eta}), cos({xi})))}}"
    )
