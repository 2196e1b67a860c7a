"""Populations and mixes made by hand, as small as a test wants them."""

import numpy as np

from tests.forecast.inputs import siret
from widget_server.forecast.clock import Month, Origin
from widget_server.forecast.features import FEATURES
from widget_server.forecast.occupations import affinity
from widget_server.forecast.scorers import COLUMNS, Hires, Population, Prediction

JULY = Origin(Month.parse("2026-07"))
ROMES = np.asarray(["D1102", "F1703", "M1805"])


def hires(*entries):
    """Entries of (row, rome, n)."""
    row, rome, n = zip(*entries, strict=True) if entries else ((), (), ())
    return Hires(
        row=np.asarray(row, dtype=np.int64), rome=np.asarray(rome, dtype=np.str_), n=np.asarray(n, dtype=np.int64)
    )


def population(size, *, past=(), future=(), label=None, origin=JULY, **columns):
    """`columns` are features by name, or departement, commune, naf, latitude, longitude, known; one value or N."""
    features = np.full((size, len(FEATURES)), np.nan, dtype=np.float32)
    for name, values in columns.items():
        if name in COLUMNS:
            features[:, COLUMNS[name]] = values

    def texts(name, default):
        return np.broadcast_to(np.asarray(columns.get(name, default), dtype=np.str_), (size,)).copy()

    def numbers(name, default):
        return np.broadcast_to(np.asarray(columns.get(name, default), dtype=np.float64), (size,)).copy()

    return Population(
        origin=origin,
        siret=np.asarray([siret(number) for number in range(1, size + 1)]),
        departement=texts("departement", "35"),
        commune=texts("commune", "35238"),
        naf=texts("naf", "1071C"),
        latitude=numbers("latitude", 48.11),
        longitude=numbers("longitude", -1.68),
        features=features,
        known=np.broadcast_to(np.asarray(columns.get("known", False)), (size,)).copy(),
        past=hires(*past),
        label=np.zeros(size, dtype=np.int64) if label is None else np.asarray(label, dtype=np.int64),
        future=hires(*future),
    )


def matrix(cells, romes=ROMES):
    """An affinity from {(naf, rome): hires}."""
    pairs = sorted(cells)
    return affinity(
        np.asarray(romes),
        np.asarray([naf for naf, _ in pairs], dtype=np.str_),
        np.asarray([rome for _, rome in pairs], dtype=np.str_),
        np.asarray([cells[pair] for pair in pairs], dtype=np.float64),
    )


class Says:
    """A scorer that says what a test wants."""

    def __init__(self, name, p_any, expected_hires=None, mix=None):
        self.name = name
        self._p = np.asarray(p_any, dtype=float)
        self._expected = self._p if expected_hires is None else np.asarray(expected_hires, dtype=float)
        self._mix = mix

    def predict(self, population):
        return Prediction(p_any=self._p, expected_hires=self._expected, mix=self._mix)
