"""What the model has to beat, forever and in every table: each a `Learner`, as the model is.

All but the last say a number of hires; P(at least one) is then `1 - exp(-count)`. The ROME mix is that of the NAF.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from widget_server.forecast.clock import Split
from widget_server.forecast.occupations import Affinity, own_mix
from widget_server.forecast.scorers import Data, Flags, Learner, Numbers, Population, Prediction, Scorer
from widget_server.forecast.tables import HEADCOUNT_FLOORS

LEAST_KNOWN: Final = 50
"""A département with fewer establishments that hired before has no regression of its own, and so no score."""
_LOOK_BACK_MONTHS: Final = 24
_SEMESTERS: Final = tuple(f"semester_{nth}" for nth in range(1, 8))


def baselines(matrix: Affinity, kappa: float, *, seed: int) -> tuple[Learner, ...]:
    """Every baseline; `lbb_rome` is La bonne boîte's method with our ROME mix, to tell what each of them is worth."""
    return (
        Lbb(),
        Lbb(name="lbb_rome", matrix=matrix, kappa=kappa),
        Counting("last_year", lambda known: _filled(known, "same_window_y1")),
        Counting("sector", lambda known: _filled(known, "same_window_naf_bracket")),
        Counting("mean_3y", _mean_of_three_years),
        Chance(seed=seed),
    )


@dataclass(frozen=True, kw_only=True)
class Lbb:
    """La bonne boîte's method, from its description: in each département a least squares line over hires and size.

    Its inputs are the hires of 7 consecutive semesters and the lower bound of the headcount bracket, of establishments
    that hired before; it learns from the origin two years earlier. Everybody else has 0.
    """

    name: str = "lbb"
    matrix: Affinity | None = None
    kappa: float = 0.0

    def fit(self, split: Split, data: Data) -> Scorer:
        """One line for each département, from the training origin that is nearest to 24 months before."""
        wanted = split.test.day - _LOOK_BACK_MONTHS
        origin = min(split.train, key=lambda each: abs(each.day.number - wanted.number))
        population = data.population(origin)
        if population.label is None:
            raise ValueError(f"nobody knows what came after {origin}")
        known, inputs = _inputs(population)
        lines = {}
        for departement in np.unique(population.departement[known]).tolist():
            of = known & (population.departement == departement)
            if of.sum() >= LEAST_KNOWN:
                lines[departement] = np.linalg.lstsq(inputs[of], population.label[of].astype(np.float64))[0]
        return _Lines(name=self.name, lines=lines, matrix=self.matrix, kappa=self.kappa)


@dataclass(frozen=True, kw_only=True)
class _Lines:
    name: str
    lines: dict[str, Numbers]
    matrix: Affinity | None
    kappa: float

    def predict(self, population: Population) -> Prediction:
        """A line can fall below nobody; then it is nobody."""
        known, inputs = _inputs(population)
        count = np.zeros(len(population))
        for departement, line in self.lines.items():
            of = known & (population.departement == departement)
            count[of] = np.maximum(inputs[of] @ line, 0.0)
        mix = own_mix(self.matrix, population, self.kappa) if self.matrix else None
        return Prediction(p_any=_p_of(count), expected_hires=count, mix=mix)


@dataclass(frozen=True)
class Counting:
    """A number of hires that stands in the features already; there is nothing to learn."""

    name: str
    count: Callable[[Population], Numbers]

    def fit(self, split: Split, data: Data) -> Scorer:
        """Itself."""
        return self

    def predict(self, population: Population) -> Prediction:
        """The count of everybody."""
        count = self.count(population)
        return Prediction(p_any=_p_of(count), expected_hires=count)


@dataclass(frozen=True, kw_only=True)
class Chance:
    """The order of a seeded die."""

    seed: int
    name: str = "random"

    def fit(self, split: Split, data: Data) -> Scorer:
        """Itself."""
        return self

    def predict(self, population: Population) -> Prediction:
        """A number for everybody that tells nothing."""
        drawn = np.random.default_rng([self.seed, population.origin.day.number]).random(len(population))
        return Prediction(p_any=drawn, expected_hires=drawn)


def _inputs(population: Population) -> tuple[Flags, Numbers]:
    """Who hired in the 7 semesters, and the inputs of everybody with a column of ones for the intercept."""
    semesters = np.stack([_filled(population, name) for name in _SEMESTERS], axis=1)
    bracket = _filled(population, "headcount").astype(np.int64)
    people = np.asarray(HEADCOUNT_FLOORS, dtype=np.float64)[bracket]
    return semesters.sum(axis=1) > 0, np.column_stack([np.ones(len(population)), semesters, people])


def _mean_of_three_years(population: Population) -> Numbers:
    """The hires of the same window, mean of the last three years of which there are data."""
    years = np.stack([population.column(f"same_window_y{year}") for year in (1, 2, 3)], axis=1).astype(np.float64)
    there = ~np.isnan(years)
    found: Numbers = np.where(there, years, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return found


def _filled(population: Population, feature: str) -> Numbers:
    """A feature, 0 where it is null."""
    found: Numbers = np.nan_to_num(population.column(feature).astype(np.float64), nan=0.0)
    return found


def _p_of(count: Numbers) -> Numbers:
    found: Numbers = -np.expm1(-count)
    return found
