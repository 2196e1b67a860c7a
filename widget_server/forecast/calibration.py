"""Bend probabilities to what was seen on one origin, and keep that only where it helps on another one.

A booster that minimises log-loss is calibrated already; isotonic steps then add the noise of one origin. Under drift
they help. So they are measured, not assumed.
"""

from typing import Final

import msgspec
import numpy as np
from scipy.optimize import isotonic_regression

from widget_server.forecast.scorers import Flags, Numbers

BINS: Final = 15
"""Bins of equal mass in which the calibration is measured."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A rising line through the steps of an isotonic regression: what was said, and what was so.

    Between the steps it is straight, so that establishments with different p keep their order. `before` and `after` are
    the errors (ECE) on the origin that it was judged on.
    """

    said: list[float]
    so: list[float]
    before: float
    after: float

    def apply(self, p: Numbers) -> Numbers:
        """The calibrated probabilities."""
        found: Numbers = np.interp(p, self.said, self.so)
        return found


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the calibration is applied, and the errors (ECE) without and with it on the origin that decided."""

    applied: bool
    before: float
    after: float


def calibration_error(p: Numbers, hired: Flags) -> float:
    """ECE: 15 bins of equal mass of p, `sum w * abs(mean p - share that hired)`; 0 of nobody."""
    return float(bin_errors(p, hired)[0])


def bin_errors(p: Numbers, hired: Flags) -> tuple[float, list[tuple[float, float, int]]]:
    """The ECE, and of each bin the mean p, the share that hired and the rows."""
    if not len(p):
        return 0.0, []
    bins = bins_of(p)
    rows = np.bincount(bins, minlength=BINS)
    said = np.bincount(bins, weights=p, minlength=BINS)
    so = np.bincount(bins, weights=hired, minlength=BINS)
    filled = rows > 0
    error = float(np.abs(said - so).sum() / len(p))
    return error, [
        (float(a), float(b), int(c))
        for a, b, c in zip(said[filled] / rows[filled], so[filled] / rows[filled], rows[filled], strict=True)
    ]


def bins_of(p: Numbers) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The bin of each p; those that are equal share one, so a scorer with many ties has fewer."""
    ordered = np.sort(p)
    first = np.searchsorted(ordered, p, side="left")
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = first * BINS // len(p)
    return found


def calibrate(fit: tuple[Numbers, Flags], judge: tuple[Numbers, Flags]) -> tuple[Calibration | None, Judged]:
    """Fit on some predictions and what came of them; keep it only when it lowers the ECE of others.

    Both are of origins that the boosters which predicted them had not seen, and `judge` is not part of `fit`.
    """
    said, so = _steps(*fit)
    before = calibration_error(*judge)
    after = calibration_error(np.interp(judge[0], said, so), judge[1])
    applied = after < before
    found = Calibration(said=said, so=so, before=before, after=after) if applied else None
    return found, Judged(applied=applied, before=before, after=after)


def _steps(p: Numbers, hired: Flags) -> tuple[list[float], list[float]]:
    order = np.argsort(p, kind="stable")
    fitted = isotonic_regression(hired[order].astype(np.float64))
    blocks = fitted.blocks
    sizes = np.diff(blocks)
    means = np.add.reduceat(p[order], blocks[:-1]) / sizes
    values = fitted.x[blocks[:-1]]
    # The ends 0 and 1 keep the line rising; a first step of 0 would say that somebody never hires.
    kept = (values > 0) & (values < 1)
    said, so = [0.0, *means[kept].tolist(), 1.0], [0.0, *values[kept].tolist(), 1.0]
    return said, so
