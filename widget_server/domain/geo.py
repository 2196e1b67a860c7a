"""Distances on the sphere, and the grid that cards are posted in.

The grid has cells of 0.1 degree over 25°S-55°N and 65°W-60°E: it holds mainland France, Corsica and the overseas
départements. A cell is `row * 1250 + column`. Distances use the great circle with the mean radius of the Earth.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_KM: Final = 6371.0088
KM_PER_DEGREE: Final = EARTH_RADIUS_KM * np.pi / 180.0
SOUTH: Final = -25.0
WEST: Final = -65.0
CELLS_PER_DEGREE: Final = 10
ROWS: Final = 800
COLUMNS: Final = 1250
CELLS: Final = ROWS * COLUMNS

# South, north, west, east: the mainland with Corsica; Antilles with Saint-Martin and Saint-Barthélemy; Guyane;
# La Réunion; Mayotte; Saint-Pierre-et-Miquelon.
_FRANCE: Final = (
    (41.2, 51.2, -5.3, 9.7),
    (14.2, 18.3, -63.3, -60.7),
    (2.0, 6.0, -54.7, -51.4),
    (-21.5, -20.8, 55.1, 55.9),
    (-13.1, -12.5, 44.9, 45.4),
    (46.6, 47.2, -56.5, -56.0),
)
_ARRONDISSEMENTS: Final = (("75056", "75101", "75120"), ("69123", "69381", "69389"), ("13055", "13201", "13216"))

Degrees = npt.NDArray[np.float64]


def distance_km(latitude: float, longitude: float, latitudes: Degrees, longitudes: Degrees) -> Degrees:
    """Great-circle distances in km from one point to n points (haversine, stable for short distances)."""
    phi, phis = np.radians(latitude), np.radians(latitudes)
    half_lat = np.sin((phis - phi) / 2)
    half_lon = np.sin(np.radians(longitudes - longitude) / 2)
    chord = half_lat * half_lat + np.cos(phi) * np.cos(phis) * half_lon * half_lon
    km: Degrees = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return km


def in_grid(latitude: float, longitude: float) -> bool:
    """Whether a point can be posted: finite, and inside the grid once it is stored in single precision."""
    lat, lon = float(np.float32(latitude)), float(np.float32(longitude))
    return SOUTH <= lat < SOUTH + ROWS / CELLS_PER_DEGREE and WEST <= lon < WEST + COLUMNS / CELLS_PER_DEGREE


def in_france(latitude: float, longitude: float) -> bool:
    """Whether a point lies in a box around mainland France with Corsica, or around a territory overseas."""
    return any(south <= latitude <= north and west <= longitude <= east for south, north, west, east in _FRANCE)


def cells(latitudes: npt.NDArray[np.float32], longitudes: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Cell of each point, computed in double precision from the stored single precision.

    This is the only place that turns a point into a cell, so that writing, verifying and searching agree.
    """
    row = np.floor((latitudes.astype(np.float64) - SOUTH) * CELLS_PER_DEGREE)
    column = np.floor((longitudes.astype(np.float64) - WEST) * CELLS_PER_DEGREE)
    return (row * COLUMNS + column).astype(np.uint32)


def municipality_of(insee: str) -> str:
    """The municipality of an arrondissement of Paris, Lyon or Marseille; any other code is its own."""
    for municipality, first, last in _ARRONDISSEMENTS:
        if first <= insee <= last:
            return municipality
    return insee
