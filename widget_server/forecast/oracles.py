"""The best possible forecasts of a synthetic economy, by somebody who knows its laws; the ceiling of every table.

    omniscient          knows the state of each establishment on the day, and its own mix of occupations
    bayes_plain         knows every law and parameter, but of states only what the counts of hires tell: the particle
                        filter that the bounds are written for. Activity, drift and what lasts are all particles
    bayes               the same with whether it is active carried exactly in each particle: stronger, since less is
                        left to chance
    bayes_plain_rome, bayes_rome
                        either one, with the exact posterior of the mix of occupations

A filter of some particles is an approximation: a ratio above 1 to it says so, never that an optimum was beaten.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from widget_server.forecast.clock import LABEL_MONTHS, Origin
from widget_server.forecast.economy import Truth
from widget_server.forecast.occupations import top_shares
from widget_server.forecast.scorers import Hires, Integers, Numbers, Population, Prediction, Singles

PARTICLES: Final = 64
"""Per establishment; a nightly run takes 512."""
MEMORY_MONTHS: Final = 60
FUTURES: Final = 40
_RESAMPLE_EVERY: Final = 4
_JITTER: Final = 0.05 / 0.75  # of what lasts, in its own sigma: equal particles part again
_AT_ONCE: Final = 1 << 18  # particles of one chunk: the arrays of a chunk stay in the cache


class _Particles(NamedTuple):
    """[n, P]: P(active), which is 0 or 1 in a plain filter, drift, what lasts; and the logarithms of their weights."""

    active: Singles
    drift: Singles
    lasting: Singles
    weight: Singles


@dataclass(frozen=True)
class Omniscient:
    """Knows the true state on the day and the true mix; what comes after is chance, even to it."""

    truth: Truth
    futures: int = FUTURES
    seed: int = 0
    name: str = "omniscient"

    def predict(self, population: Population) -> Prediction:
        """From simulated futures of the true states; a `KeyError` for an origin whose states were not kept."""
        truth, origin = self.truth, population.origin
        at = np.flatnonzero(truth.seen == truth.time(origin.day))
        if not len(at):
            raise KeyError(f"the truth holds no states of {origin.day}")
        rows = truth.rows(population.siret)
        p_any, expected = np.empty(len(rows)), np.empty(len(rows))
        for start, end in _chunks(len(rows), self.futures):
            each = rows[start:end]
            dice = np.random.default_rng([self.seed, 4, int(each[0])])
            shape = (len(each), self.futures)
            now = _Particles(
                active=np.broadcast_to(truth.active[at[0], each, None].astype(np.float32), shape),
                drift=np.broadcast_to(truth.drift[at[0], each, None], shape),
                lasting=np.broadcast_to(truth.lasting[each, None], shape),
                weight=np.zeros(shape, dtype=np.float32),
            )
            ahead = _ahead(truth, each, now, Origin(origin.day), dice, arrived=True)
            p_any[start:end], expected[start:end] = ahead
        mix = np.zeros((len(rows), len(truth.romes) + 1))
        np.put_along_axis(mix, truth.rome_of[truth.activity[rows]], truth.mix[rows], axis=1)
        return Prediction(p_any=p_any, expected_hires=expected, mix=top_shares(truth.romes, mix[:, :-1]))


class Bayes:
    """A particle filter with the mix of the NAF, plain or `exact`. `BayesRome` shares its last answer."""

    def __init__(self, truth: Truth, *, particles: int = PARTICLES, seed: int = 0, exact: bool = True) -> None:
        self.name = "bayes" if exact else "bayes_plain"
        self.truth = truth
        self._particles = particles
        self._seed = seed
        self._exact = exact
        self._last: tuple[Population, Prediction] | None = None

    def predict(self, population: Population) -> Prediction:
        """Filtered over the last 60 known months, then 6 months ahead."""
        if self._last is None or self._last[0] is not population:
            self._last = population, self._filtered(population)
        return self._last[1]

    def _filtered(self, population: Population) -> Prediction:
        truth, origin = self.truth, population.origin
        rows = truth.rows(population.siret)
        known_end = truth.time(origin.known_end)
        first = max(0, known_end - MEMORY_MONTHS)
        counts = _counts(truth, rows, first, known_end)
        p_any, expected = np.empty(len(rows)), np.empty(len(rows))
        for start, end in _chunks(len(rows), self._particles):
            each = rows[start:end]
            dice = np.random.default_rng([self._seed, 5, int(each[0])])
            now = _filter(truth, each, counts[start:end], first, self._particles, dice, exact=self._exact)
            p_any[start:end], expected[start:end] = _ahead(
                truth, each, now, origin, dice, arrived=first == known_end, exact=self._exact
            )
        return Prediction(p_any=p_any, expected_hires=expected)


@dataclass(frozen=True)
class BayesRome:
    """A particle filter with the posterior mean of each own mix: Dirichlet, bent by every hire with a known ROME."""

    bayes: Bayes

    @property
    def name(self) -> str:
        """That of the filter, and what it knows besides."""
        return f"{self.bayes.name}_rome"

    def predict(self, population: Population) -> Prediction:
        """What the filter says, and the mix."""
        truth = self.bayes.truth
        rows = truth.rows(population.siret)
        place = np.full(len(truth.siret), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        mix = np.zeros((len(rows), len(truth.romes) + 1))
        of_row = truth.activity[rows]
        np.put_along_axis(mix, truth.rome_of[of_row], truth.laws.own_mix * truth.affinity[of_row], axis=1)
        mix = mix[:, :-1]  # what is beyond the last occupation went into the last column
        known = truth.told & (truth.month < truth.time(population.origin.known_end)) & (place[truth.firm] >= 0)
        np.add.at(mix, (place[truth.firm[known]], truth.rome[known]), truth.n[known])
        mix /= mix.sum(axis=1, keepdims=True)
        return replace(self.bayes.predict(population), mix=top_shares(truth.romes, mix))


def with_future(population: Population, truth: Truth) -> Population:
    """The population with what really came after its day; hires without a ROME are counted, but in no ROME."""
    rows = truth.rows(population.siret)
    place = np.full(len(truth.siret), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    start = truth.time(population.origin.day)
    window = (truth.month >= start) & (truth.month < start + LABEL_MONTHS) & (place[truth.firm] >= 0)
    label = np.bincount(place[truth.firm[window]], weights=truth.n[window], minlength=len(rows)).astype(np.int64)
    told = window & truth.told
    keys, back = np.unique(place[truth.firm[told]] * len(truth.romes) + truth.rome[told], return_inverse=True)
    return replace(
        population,
        label=label,
        future=Hires(
            row=keys // len(truth.romes),
            rome=truth.romes[keys % len(truth.romes)],
            n=np.bincount(back, weights=truth.n[told], minlength=len(keys)).astype(np.int64),
        ),
    )


def _chunks(rows: int, particles: int) -> Iterator[tuple[int, int]]:
    width = max(1, _AT_ONCE // particles)
    for start in range(0, rows, width):
        yield start, min(start + width, rows)


def _counts(truth: Truth, rows: Integers, first: int, end: int) -> Integers:
    """Hires of each row and month in `[first, end)`."""
    place = np.full(len(truth.siret), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    inside = (truth.month >= first) & (truth.month < end) & (place[truth.firm] >= 0)
    found = np.zeros((len(rows), end - first), dtype=np.int64)
    np.add.at(found, (place[truth.firm[inside]], truth.month[inside] - first), truth.n[inside])
    return found


def _filter(
    truth: Truth,
    rows: Integers,
    counts: Integers,
    first: int,
    particles: int,
    dice: np.random.Generator,
    *,
    exact: bool,
) -> _Particles:
    """Walk through the known months of some establishments, from the stationary law on."""
    laws = truth.laws
    shape = (len(rows), particles)
    dispersion = np.float32(laws.dispersion)
    drift = np.float32(laws.drift_spread()) * dice.standard_normal(shape, dtype=np.float32)
    lasting = np.float32(laws.lasting) * dice.standard_normal(shape, dtype=np.float32)
    weight = np.zeros(shape, dtype=np.float32)
    active = np.repeat(truth.awake[rows, None].astype(np.float32), particles, axis=1)
    if not exact:
        active = _thrown(active, dice)
    wake = truth.wake[rows, None].astype(np.float32)
    place, sector = truth.place[rows], truth.sector_of[truth.activity[rows]]
    log_dormant = np.log(np.float32(laws.dormant))
    log_dormant_sum = np.log(np.float32(laws.dormant) + dispersion)
    for step in range(counts.shape[1]):
        month = first + step
        if step:
            drift = _drifted(truth, drift, dice)
            active = (1 - np.float32(laws.sleep)) * active + wake * (1 - active)
            if not exact:
                active = _thrown(active, dice)
        level = (truth.base[rows] + truth.level[month, place, sector]).astype(np.float32)
        n = counts[:, step].astype(np.float32)[:, None]
        log_rate = level[:, None] + lasting + drift
        # Negative binomial; what does not depend on the intensity is left out.
        log_sum = np.log(np.exp(log_rate) + dispersion)
        if_active = n * (log_rate - log_sum) - dispersion * log_sum
        if_asleep = n * (log_dormant - log_dormant_sum) - dispersion * log_dormant_sum
        born = (truth.born[rows] <= month)[:, None]
        if exact:
            most = np.maximum(if_active, if_asleep)
            awake = active * np.exp(if_active - most)
            both = awake + (1 - active) * np.exp(if_asleep - most)
            weight += np.where(born, most + np.log(both), np.float32(0))
            active = np.where(born, awake / both, active)
        else:
            weight += np.where(born, np.where(active > 0, if_active, if_asleep), np.float32(0))
        if step % _RESAMPLE_EVERY == _RESAMPLE_EVERY - 1:
            chosen = _resampled(weight, dice)
            active = np.take_along_axis(active, chosen, axis=1)
            drift = np.take_along_axis(drift, chosen, axis=1)
            lasting = np.take_along_axis(lasting, chosen, axis=1)
            lasting += np.float32(_JITTER * laws.lasting) * dice.standard_normal(shape, dtype=np.float32)
            weight = np.zeros(shape, dtype=np.float32)
    return _Particles(active=active, drift=drift, lasting=lasting, weight=weight)


def _thrown(likely: Singles, dice: np.random.Generator) -> Singles:
    """1 with that probability, else 0."""
    found: Singles = (dice.random(likely.shape, dtype=np.float32) < likely).astype(np.float32)
    return found


def _drifted(truth: Truth, drift: Singles, dice: np.random.Generator) -> Singles:
    """One month later."""
    laws = truth.laws
    moved = np.float32(laws.drift) * dice.standard_normal(drift.shape, dtype=np.float32)
    later: Singles = np.float32(laws.drift_kept) * drift + moved
    return later


def _shares(weight: Singles) -> Numbers:
    """Weights that add up to 1 in each row."""
    share = np.exp(weight - weight.max(axis=1, keepdims=True)).astype(np.float64)
    found: Numbers = share / share.sum(axis=1, keepdims=True)
    return found


def _resampled(weight: Singles, dice: np.random.Generator) -> Integers:
    """Systematic resampling: for each place of each row the particle that stands there next.

    One sorted search over all rows: row i has its cumulated weights between i and i + 1.
    """
    count, particles = weight.shape
    upto = np.cumsum(_shares(weight), axis=1)
    upto[:, -1] = 1.0
    row = np.arange(count, dtype=np.float64)[:, None]
    wanted = (dice.random((count, 1)) + np.arange(particles)) / particles
    found = np.searchsorted((upto + row).ravel(), (wanted + row).ravel()).reshape(count, particles)
    chosen: Integers = np.clip(found - np.arange(count, dtype=np.int64)[:, None] * particles, 0, particles - 1)
    return chosen


def _ahead(
    truth: Truth,
    rows: Integers,
    now: _Particles,
    origin: Origin,
    dice: np.random.Generator,
    *,
    arrived: bool,
    exact: bool = True,
) -> tuple[Numbers, Numbers]:
    """P(at least one hire) and the expected number in the window, from what is known at the end of the known months.

    Drifts are drawn; whether a particle is active is carried as a probability, or drawn too unless `exact`. `arrived`:
    the states are those of the first month ahead, not those of the month before it. Everybody is alive on the day and
    may close after its month.
    """
    laws = truth.laws
    share = _shares(now.weight)
    place, sector = truth.place[rows], truth.sector_of[truth.activity[rows]]
    wake, hazard = truth.wake[rows, None], truth.hazard[rows]
    drift = now.drift
    # Per particle: P(active) and P(asleep), each times P(no hire so far) once the window has begun.
    active = now.active.astype(np.float64)
    asleep = 1.0 - active
    dormant_none = (laws.dispersion / (laws.dispersion + laws.dormant)) ** laws.dispersion
    likely = active.copy()  # P(active) alone
    none, expected = np.zeros(len(rows)), np.zeros(len(rows))
    first, start = truth.time(origin.known_end), truth.time(origin.day)
    for month in range(first, start + LABEL_MONTHS):
        if month > first or not arrived:
            drift = _drifted(truth, drift, dice)
            likely = (1 - laws.sleep) * likely + wake * (1 - likely)
            if exact:
                active, asleep = (1 - laws.sleep) * active + wake * asleep, laws.sleep * active + (1 - wake) * asleep
            else:
                likely = _thrown(likely.astype(np.float32), dice).astype(np.float64)
                active, asleep = likely * (active + asleep), (1 - likely) * (active + asleep)
        if month < start:
            continue
        step = month - start
        level = truth.base[rows] + truth.level[month, place, sector]
        rate = np.exp(level[:, None] + now.lasting + drift)
        alive = (1 - hazard) ** step
        expected += alive * (share * (likely * rate + (1 - likely) * laws.dormant)).sum(axis=1)
        active = active * (laws.dispersion / (laws.dispersion + rate)) ** laws.dispersion
        asleep = asleep * dormant_none
        # The last month that it lives to see: it closes after this one, or the window ends.
        last = alive if step == LABEL_MONTHS - 1 else alive * hazard
        none += last * (share * (active + asleep)).sum(axis=1)
    return 1 - none, expected
