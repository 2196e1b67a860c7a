"""Official metres to degrees, as SQL: Lambert-93 in metropolitan France, the UTM zone of each territory overseas.

Both inversions are closed series on the GRS 80 ellipsoid (IGN, "Algorithmes géodésiques" NT/G 71 and NT/G 76); they err
by less than a millimetre, and they run in the database, where forty million rows already are.
"""

import math
from dataclasses import dataclass
from typing import Final

_FLATTENING: Final = 1 / 298.257222101
_MAJOR_AXIS_M: Final = 6_378_137.0
_THIRD: Final = _FLATTENING / (2 - _FLATTENING)

# Lambert-93: exponent and constant of the projection, its pole, its central meridian.
_EXPONENT: Final = 0.7256077650532670
_CONSTANT_M: Final = 11_754_255.4261
_POLE_M: Final = (700_000.0, 12_655_612.0499)
_MERIDIAN: Final = 3.0
_SCALE_M: Final = 0.9996 * _MAJOR_AXIS_M / (1 + _THIRD) * (1 + _THIRD**2 / 4 + _THIRD**4 / 64)
_EAST_M: Final = 500_000.0
_SOUTH_M: Final = 10_000_000.0
_BACK: Final = (
    _THIRD / 2 - 2 * _THIRD**2 / 3 + 37 * _THIRD**3 / 96,
    _THIRD**2 / 48 + _THIRD**3 / 15,
    17 * _THIRD**3 / 480,
)
# From the conformal latitude, which both projections give, to the latitude.
_LATITUDE: Final = (
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


def place_steps(x: str, y: str, departement: str) -> tuple[tuple[str, str], ...]:
    """Names and SQL of columns, each of which may use those before it; the last one is `place`.

    `place` is `{latitude, longitude}` in degrees; null where metres are null or outside the territory.
    """
    zones = " ".join(
        f"WHEN '{code}' THEN {territory.zone}" for code, territory in sorted(OVERSEAS.items()) if territory.zone
    )
    south = ", ".join(f"'{code}'" for code, territory in sorted(OVERSEAS.items()) if territory.north < 0)
    boxes = " ".join(
        f"WHEN {departement} = '{code}' THEN {_box(territory)}" for code, territory in sorted(OVERSEAS.items())
    )
    turns = range(1, len(_BACK) + 1)
    xi = "".join(f" - ({_BACK[n - 1]!r}) * sin({2 * n} * _along) * cosh({2 * n} * _across)" for n in turns)
    eta = "".join(f" - ({_BACK[n - 1]!r}) * cos({2 * n} * _along) * sinh({2 * n} * _across)" for n in turns)
    isometric = f"-ln(sqrt(_east * _east + _north * _north) / {_CONSTANT_M}) / {_EXPONENT}"
    latitude = "".join(f" + ({factor!r}) * sin({2 * n} * _conformal)" for n, factor in enumerate(_LATITUDE, start=1))
    return (
        ("_zone", f"CASE {departement} {zones} END"),
        ("_east", f"{x} - {_POLE_M[0]}"),
        ("_north", f"{_POLE_M[1]} - {y}"),
        ("_along", f"({y} - CASE WHEN {departement} IN ({south}) THEN {_SOUTH_M} ELSE 0 END) / {_SCALE_M!r}"),
        # Far outside every zone the series would overflow; with least() alone a null would be 1.
        ("_across", f"CASE WHEN {x} IS NOT NULL THEN greatest(-1, least(1, ({x} - {_EAST_M}) / {_SCALE_M!r})) END"),
        ("_xi", f"_along{xi}"),
        ("_eta", f"_across{eta}"),
        (
            "_conformal",
            "CASE WHEN _zone IS NOT NULL THEN asin(sin(_xi) / cosh(_eta)) "
            f"WHEN _east * _east + _north * _north > 0 THEN 2 * atan(exp({isometric})) - {math.pi / 2} END",
        ),
        (
            "_place",
            f"{{latitude: degrees(_conformal{latitude}), longitude: CASE WHEN _zone IS NOT NULL "
            f"THEN 6 * _zone - 183 + degrees(atan2(sinh(_eta), cos(_xi))) "
            f"ELSE {_MERIDIAN} + degrees(atan2(_east, _north)) / {_EXPONENT} END}}",
        ),
        (
            "place",
            f"CASE WHEN CASE {boxes} WHEN {departement}[1:2] NOT IN ('97', '98') THEN {_box(METROPOLITAN)} END "
            "THEN _place END",
        ),
    )


def _box(territory: Territory) -> str:
    return (
        f"(_place.latitude BETWEEN {territory.south} AND {territory.north} "
        f"AND _place.longitude BETWEEN {territory.west} AND {territory.east})"
    )
