"""From WGS84 degrees to the metres of French registers: Lambert-93, and UTM for the overseas départements.

Formulas: IGN's NT/G 71 for the conic (EPSG:2154) and Krüger's series to the fourth order for UTM (EPSG:5490, 2972,
2975, 4471), all on the GRS80 ellipsoid.
"""

import math
from typing import Final

_A: Final = 6_378_137.0
_F: Final = 1 / 298.257222101
_E: Final = math.sqrt(_F * (2 - _F))
_N: Final = _F / (2 - _F)
_ZONES: Final[dict[str, tuple[int, bool]]] = {
    "971": (20, False),
    "972": (20, False),
    "977": (20, False),
    "978": (20, False),
    "973": (22, False),
    "974": (40, True),
    "976": (38, True),
}
"""By the first three digits of the postcode: UTM zone, and whether it is the southern one."""

_RADIUS: Final = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA: Final = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180,
    13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440,
    61 * _N**3 / 240 - 103 * _N**4 / 140,
    49561 * _N**4 / 161280,
)


def to_metres(latitude: float, longitude: float, departement: str) -> tuple[float, float]:
    """x and y in metres, in the system of the département (or of the postcode's first three digits)."""
    zone = _ZONES.get(departement[:3])
    x, y = _conic(latitude, longitude) if zone is None else _utm(latitude, longitude, *zone)
    return round(x, 2), round(y, 2)


def _isometric(phi: float) -> float:
    return math.atanh(math.sin(phi)) - _E * math.atanh(_E * math.sin(phi))


def _parallel(phi: float) -> float:
    """The radius of a parallel."""
    return _A * math.cos(phi) / math.sqrt(1 - (_E * math.sin(phi)) ** 2)


_SOUTH, _NORTH, _MIDDLE = (math.radians(degrees) for degrees in (44.0, 49.0, 46.5))
_POWER: Final = math.log(_parallel(_NORTH) / _parallel(_SOUTH)) / (_isometric(_SOUTH) - _isometric(_NORTH))
_SCALE: Final = _parallel(_SOUTH) / _POWER * math.exp(_POWER * _isometric(_SOUTH))


def _conic(latitude: float, longitude: float) -> tuple[float, float]:
    radius = _SCALE * math.exp(-_POWER * _isometric(math.radians(latitude)))
    middle = _SCALE * math.exp(-_POWER * _isometric(_MIDDLE))
    angle = _POWER * math.radians(longitude - 3.0)
    return 700_000.0 + radius * math.sin(angle), 6_600_000.0 + middle - radius * math.cos(angle)


def _utm(latitude: float, longitude: float, zone: int, south: bool) -> tuple[float, float]:
    away = math.radians(longitude - (zone * 6 - 183))
    tangent = math.sinh(_isometric(math.radians(latitude)))
    xi = math.atan2(tangent, math.cos(away))
    eta = math.asinh(math.sin(away) / math.hypot(tangent, math.cos(away)))
    series = list(enumerate(_ALPHA, 1))
    north = xi + sum(a * math.sin(2 * k * xi) * math.cosh(2 * k * eta) for k, a in series)
    east = eta + sum(a * math.cos(2 * k * xi) * math.sinh(2 * k * eta) for k, a in series)
    return 500_000.0 + 0.9996 * _RADIUS * east, (10_000_000.0 if south else 0.0) + 0.9996 * _RADIUS * north
