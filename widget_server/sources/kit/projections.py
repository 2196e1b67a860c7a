"""Turn the projected metres of French registers into WGS84 degrees: Lambert-93 and the four overseas UTM zones.

Formulas: IGN, NTG_71 (Lambert conformal conic) and Krüger's series to the fourth order (UTM). All five systems use the
GRS80 ellipsoid, and their differences from WGS84 are below a metre.
"""

import math
from dataclasses import dataclass
from typing import Final

_A: Final = 6_378_137.0
_F: Final = 1 / 298.257222101
_E2: Final = _F * (2 - _F)
_E: Final = math.sqrt(_E2)


@dataclass(frozen=True, kw_only=True)
class Utm:
    """A zone of Universal Transverse Mercator."""

    epsg: int
    zone: int
    south: bool


LAMBERT_93: Final = 2154
_ANTILLES: Final = Utm(epsg=5490, zone=20, south=False)
# EPSG:2972 is north of the equator; a known consumer declares it south and finds Guyane near the pole.
UTM_ZONES: Final[dict[str, Utm]] = {
    "971": _ANTILLES,
    "972": _ANTILLES,
    "977": _ANTILLES,
    "978": _ANTILLES,
    "973": Utm(epsg=2972, zone=22, south=False),
    "974": Utm(epsg=2975, zone=40, south=True),
    "976": Utm(epsg=4471, zone=38, south=True),
}
"""By the first three digits of the postcode; everything else is Lambert-93."""


def to_degrees(x: float | None, y: float | None, postcode: str) -> tuple[float, float] | None:
    """(latitude, longitude) of a projected point in metres; None when a coordinate is missing, 0 or absurd."""
    if not x or not y or not (math.isfinite(x) and math.isfinite(y)):
        return None
    if abs(x) > 1e7 or abs(y) > 2e7:
        return None
    zone = UTM_ZONES.get(postcode[:3])
    latitude, longitude = _from_lambert_93(x, y) if zone is None else _from_utm(x, y, zone)
    return (latitude, longitude) if math.isfinite(latitude) and math.isfinite(longitude) else None


def _isometric(phi: float) -> float:
    return math.log(math.tan(math.pi / 4 + phi / 2) * ((1 - _E * math.sin(phi)) / (1 + _E * math.sin(phi))) ** (_E / 2))


def _grande_normale(phi: float) -> float:
    return _A / math.sqrt(1 - _E2 * math.sin(phi) ** 2)


def _lambert_93() -> tuple[float, float, float, float]:
    """Exponent, constant, and the false origin of the cone through 44 and 49 degrees north."""
    phi_0, phi_1, phi_2 = math.radians(46.5), math.radians(44), math.radians(49)
    parallel_1 = _grande_normale(phi_1) * math.cos(phi_1)
    parallel_2 = _grande_normale(phi_2) * math.cos(phi_2)
    n = math.log(parallel_2 / parallel_1) / (_isometric(phi_1) - _isometric(phi_2))
    c = parallel_1 / n * math.exp(n * _isometric(phi_1))
    return n, c, 700_000.0, 6_600_000.0 + c * math.exp(-n * _isometric(phi_0))


_N, _C, _XS, _YS = _lambert_93()


def _from_lambert_93(x: float, y: float) -> tuple[float, float]:
    radius = math.hypot(x - _XS, y - _YS)
    gamma = math.atan2(x - _XS, _YS - y)
    isometric = -math.log(radius / _C) / _N
    phi = 2 * math.atan(math.exp(isometric)) - math.pi / 2
    for _ in range(12):  # converges to 1e-12 in six
        sine = _E * math.sin(phi)
        phi = 2 * math.atan(((1 + sine) / (1 - sine)) ** (_E / 2) * math.exp(isometric)) - math.pi / 2
    return math.degrees(phi), 3.0 + math.degrees(gamma / _N)


def _from_utm(x: float, y: float, zone: Utm) -> tuple[float, float]:
    n = _F / (2 - _F)
    radius = _A / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    xi = (y - (10_000_000.0 if zone.south else 0.0)) / (0.9996 * radius)
    eta = (x - 500_000.0) / (0.9996 * radius)
    beta = (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96 - n**4 / 360,
        n**2 / 48 + n**3 / 15 - 437 * n**4 / 1440,
        17 * n**3 / 480 - 37 * n**4 / 840,
        4397 * n**4 / 161280,
    )
    straight_xi = xi - sum(b * math.sin(2 * k * xi) * math.cosh(2 * k * eta) for k, b in enumerate(beta, 1))
    straight_eta = eta - sum(b * math.cos(2 * k * xi) * math.sinh(2 * k * eta) for k, b in enumerate(beta, 1))
    chi = math.asin(math.sin(straight_xi) / math.cosh(straight_eta))
    isometric = math.atanh(math.sin(chi))
    phi = chi
    for _ in range(12):
        phi = math.asin(math.tanh(isometric + _E * math.atanh(_E * math.sin(phi))))
    longitude = (zone.zone * 6 - 183) + math.degrees(math.atan2(math.sinh(straight_eta), math.cos(straight_xi)))
    return math.degrees(phi), longitude
