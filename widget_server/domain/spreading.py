"""Spread the load: who was shown often steps back among its equals, so that the same few do not get every letter.

The score of a pair is `p * exp(-beta * shown / (expected_hires + 0.3))`: an establishment that expects many hires can
be shown more often. Pure and without chance: the same counts give the same order, in every grid cell, all day long.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

BETA: Final = 0.1
"""The default strength of the spreading; 0 leaves the order as it is."""
DAYS: Final = 30
"""Showings of so many days count, today's not among them: it is not over."""
LEAST_P: Final = {"A": 0.40, "B": 0.20, "C": 0.0}
"""The lowest probability of each band, the best band first."""
_FLOOR: Final = 0.3  # an establishment that expects nothing has some capacity all the same
_STEPS: Final = 64
_FIRST: Final = {"A": 3 * _STEPS, "B": 2 * _STEPS, "C": _STEPS}

Numbers = npt.NDArray[np.float64]


def spread(p: Numbers, expected_hires: Numbers, shown: Numbers, *, beta: float = BETA) -> Numbers:
    """The score of each pair, for whoever sorts by one number; `shown` counts the showings of the last DAYS days."""
    score: Numbers = p * np.exp(-beta * shown / (expected_hires + _FLOOR))
    return score


def band(p: float) -> str:
    """A, B or C."""
    return next(name for name, least in LEAST_P.items() if p >= least)


def band_of(level: int) -> str | None:
    """The band that a level of the list was made from; None for level 0."""
    return next((name for name, first in _FIRST.items() if level >= first), None)


def level(named: str | None, expected_hires: float, shown: int, *, beta: float = BETA) -> int:
    """Where a pair stands in the list, 0-255, higher first: its band, then how often its score was halved.

    A reader sees the band, so no showing moves a company into another one. Within its band it steps back by one each
    time that spreading has halved its score; those of one step are in the order of their distances. A pair without a
    band has level 0, after every other.
    """
    if named not in _FIRST:
        return 0
    halvings = beta * shown / (max(expected_hires, 0.0) + _FLOOR) / np.log(2)
    return _FIRST[named] + _STEPS - 1 - min(int(halvings), _STEPS - 1)
