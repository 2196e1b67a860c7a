"""How good a scorer is, from arrays alone: the lists that a visitor would see, and the probabilities behind them.

Every mean has a 95 % interval: the bootstrap draws départements, never rows, since neighbours hire alike. All scorers
of a population share the draws, so two of them can be compared draw by draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from scipy.spatial import cKDTree

from widget_server.domain.errors import StageDamaged
from widget_server.domain.geo import EARTH_RADIUS_KM, KM_PER_DEGREE
from widget_server.domain.spreading import spread
from widget_server.forecast.calibration import BINS, Judged, bins_of
from widget_server.forecast.occupations import Affinity, naf_mix, pair_p, share_of
from widget_server.forecast.scorers import Flags, Integers, Mix, Numbers, Population, Prediction, Texts

FORMAT: Final = 1
METRICS_FILE: Final = "metrics.json"
DRAWN: Final = 1500
"""Queries that are drawn for a population."""
RADIUS_KM: Final = 30.0
JITTER_KM: Final = 5.0
LEAST_SHARE: Final = 0.02
"""A candidate's NAF has at least this share in the ROME that is asked for."""
LEAST_CANDIDATES: Final = 20
"""A query with fewer candidates is no choice, and is dropped."""
TOP: Final = 10
DRAWS: Final = 500
SMALL_BRACKETS: Final = 5
"""The brackets below this place hold at most 19 people."""
_MEDIUM_BRACKETS: Final = 9  # at most 249 people
_LEAST_MU: Final = 1e-4
_LEVEL: Final = (2.5, 97.5)
_LEAST_DEPARTEMENTS: Final = 5  # of fewer, a bootstrap says nothing
_PAIRS_AT_ONCE: Final = 1_000_000
_POINTS: Final = 101

QUERY_METRICS: Final = ("precision_at_10", "ndcg_at_10", "lift", "small_at_10", "exposure_top_1", "seen")
METRICS: Final = (*QUERY_METRICS, "deviance", "ece", "auc", "auc_without_history", "gain_at_10")
"""Every metric, in the order of a table."""
LESS_IS_BETTER: Final = frozenset({"deviance", "ece", "exposure_top_1"})


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a table.

    group   "" for everybody, else `region:53`, `section:C`, `size:small`
    low     the 95 % interval; None where it is no mean, or has too few départements
    n       queries or establishments behind it
    """

    origin: str
    scorer: str
    metric: str
    group: str = ""
    value: float
    low: float | None
    high: float | None
    n: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """`scorer` minus `against`, on the same draws of départements."""

    origin: str
    scorer: str
    against: str
    metric: str
    value: float
    low: float
    high: float


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """Which origins a model learned from, and on which it is tested or used."""

    test: str
    lag: int
    train: list[str]


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Establishments with about the same p: what was said, and what was so."""

    size: str
    said: float
    so: float
    n: int


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """What the plots of the model card are drawn from, of one origin.

    gains    by scorer: share of all hires made by the first 0 %, 1 % … 100 % by expected hires
    lorenz   by scorer: share of the places of the lists held by the least shown 0 %, 1 % … 100 % of candidates
    """

    origin: str
    gains: dict[str, list[float]]
    lorenz: dict[str, list[float]]
    reliability: list[Bin]


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """metrics.json: every scorer x metric x origin, and what the numbers come from.

    later_than_origin   share of the training rows whose attributes (headcount, NAF, commune) are newer than their day
    tension             whether a survey reaches the occupations of a sector
    moves               by origin, how many establishments carry the history of another SIRET of before a move
    """

    format: int = FORMAT
    day: str
    origins: list[str]
    scorers: list[str]
    scores: list[Score]
    differences: list[Difference]
    calibration: Judged | None
    curves: Curves
    splits: list[Trained]
    live: Trained
    later_than_origin: float
    tension: bool
    moves: dict[str, int]


def read_metrics(path: Path) -> Metrics:
    """The metrics of a model folder; a `StageDamaged` when they cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Metrics)
    except (OSError, msgspec.DecodeError) as error:
        raise StageDamaged(f"{path} cannot be read ({error}); train again") from error


@dataclass(frozen=True, kw_only=True)
class Queries:
    """What visitors would ask: Q places with a ROME each, and their candidates.

    row, relevant   of all candidates, query after query, in a seeded shuffle within each
    start           [Q + 1] where the candidates of a query begin
    relevant        whether it hired in that ROME within the window
    """

    rome: Texts
    departement: Texts
    start: Integers
    row: Integers
    relevant: Flags

    def __len__(self) -> int:
        return len(self.rome)


def draw_queries(population: Population, matrix: Affinity, people: Mapping[str, int], *, seed: int) -> Queries:
    """Places by population with 5 km of jitter, ROME by what was hired before; candidates within 30 km.

    `people` by commune; a commune that it does not name counts as its establishments do on the mean of the others.
    """
    chance = np.random.default_rng([seed, 1])
    placed = np.flatnonzero(~np.isnan(population.latitude))
    communes, first, back, counts = np.unique(
        population.commune[placed], return_index=True, return_inverse=True, return_counts=True
    )
    demand = _demand(population, matrix)
    if not len(placed) or not demand.sum():
        return _no_queries()
    weights = _people(communes.tolist(), counts, people)
    at = chance.choice(len(communes), DRAWN, p=weights / weights.sum())
    latitude = np.bincount(back, population.latitude[placed])[at] / counts[at]
    longitude = np.bincount(back, population.longitude[placed])[at] / counts[at]
    latitude = latitude + chance.normal(0, JITTER_KM, DRAWN) / KM_PER_DEGREE
    longitude = longitude + chance.normal(0, JITTER_KM, DRAWN) / (KM_PER_DEGREE * np.cos(np.radians(latitude)))
    rome = chance.choice(len(matrix.romes), DRAWN, p=demand / demand.sum())

    nafs, naf_of = np.unique(population.naf, return_inverse=True)
    offered = matrix.of(nafs) >= LEAST_SHARE
    wanted = _wanted(population, matrix)
    tree = cKDTree(_on_sphere(population.latitude[placed], population.longitude[placed]))
    points = _on_sphere(latitude, longitude)
    chord = 2 * np.sin(RADIUS_KM / EARTH_RADIUS_KM / 2)
    kept, rows, relevant = [], [], []
    for query in range(DRAWN):
        near = placed[np.sort(np.asarray(tree.query_ball_point(points[query], chord), dtype=np.int64))]
        near = near[offered[naf_of[near], rome[query]]]
        if len(near) < LEAST_CANDIDATES:
            continue
        near = chance.permutation(near)
        kept.append(query)
        rows.append(near)
        relevant.append(np.isin(near * len(matrix.romes) + rome[query], wanted))
    if not kept:
        return _no_queries()
    return Queries(
        rome=matrix.romes[rome[kept]],
        departement=population.departement[placed[first[at[kept]]]],
        start=np.concatenate([[0], np.cumsum([len(near) for near in rows])]),
        row=np.concatenate(rows),
        relevant=np.concatenate(relevant),
    )


def _no_queries() -> Queries:
    none = np.zeros(0, dtype=np.int64)
    texts = np.zeros(0, dtype=np.str_)
    return Queries(
        rome=texts, departement=texts, start=np.zeros(1, dtype=np.int64), row=none, relevant=none.astype(np.bool_)
    )


def _demand(population: Population, matrix: Affinity) -> Numbers:
    """How often each ROME was hired in the known months; without such hires, as the matrix has it."""
    column, there = matrix.places(population.past.rome)
    found = _sums(column[there], population.past.n[there].astype(np.float64), len(matrix.romes))
    return found if found.sum() else matrix.country


def _people(communes: list[str], counts: Integers, people: Mapping[str, int]) -> Numbers:
    known = np.asarray([people.get(commune, 0) for commune in communes], dtype=np.float64)
    told = known > 0
    each = known[told].sum() / counts[told].sum() if told.any() else 1.0
    found: Numbers = np.where(told, known, counts * each)
    return found


def _wanted(population: Population, matrix: Affinity) -> Integers:
    """The pairs that were hired in, as row x ROME in one number, sorted."""
    future = population.future
    if future is None:
        raise ValueError(f"nobody knows what came after {population.origin}")
    column, there = matrix.places(future.rome)
    found: Integers = np.unique((future.row * len(matrix.romes) + column)[there])
    return found


def _on_sphere(latitude: Numbers, longitude: Numbers) -> Numbers:
    phi, theta = np.radians(latitude), np.radians(longitude)
    return np.column_stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)])


@dataclass(frozen=True, kw_only=True)
class Lists:
    """The ten best of every query, [Q, 10]: rows of the population, and whether they are relevant."""

    row: Integers
    relevant: Flags


def pair_scores(queries: Queries, prediction: Prediction, mix: Mix) -> Numbers:
    """The p of every candidate in the ROME of its query; 0 for a ROME that is not in its mix."""
    romes = np.repeat(queries.rome, np.diff(queries.start))
    found = np.empty(len(queries.row))
    for first in range(0, len(found), _PAIRS_AT_ONCE):
        some = slice(first, first + _PAIRS_AT_ONCE)
        row = queries.row[some]
        share = share_of(mix, row, romes[some])
        found[some] = pair_p(prediction.p_any[row], prediction.expected_hires[row], share)
    return found


def best_places(queries: Queries, p: Numbers) -> Integers:
    """[Q, 10] where the best of every query stand among all candidates; equal ones stay in their shuffle."""
    picked = np.empty((len(queries), TOP), dtype=np.int64)
    for query in range(len(queries)):
        first, end = queries.start[query], queries.start[query + 1]
        picked[query] = first + np.argsort(-p[first:end], kind="stable")[:TOP]
    return picked


def best(queries: Queries, p: Numbers) -> Lists:
    """Order the candidates of every query by p."""
    picked = best_places(queries, p)
    return Lists(row=queries.row[picked], relevant=queries.relevant[picked])


def best_spread(queries: Queries, p: Numbers, expected_hires: Numbers, beta: float) -> Lists:
    """The same when each list is shown in its turn, and who was shown steps back by the formula of the product."""
    shown = np.zeros(len(expected_hires))
    picked = np.empty((len(queries), TOP), dtype=np.int64)
    for query in range(len(queries)):
        first, end = queries.start[query], queries.start[query + 1]
        row = queries.row[first:end]
        score = spread(p[first:end], expected_hires[row], shown[row], beta=beta)
        order = np.argsort(-score, kind="stable")[:TOP]
        picked[query] = first + order
        shown[row[order]] += 1
    return Lists(row=queries.row[picked], relevant=queries.relevant[picked])


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A metric with its value on each draw of départements; no draws where it is no mean."""

    value: float
    draws: Numbers | None
    n: int

    def score(self, origin: str, scorer: str, metric: str, group: str = "") -> Score:
        """As a row of a table."""
        low, high = _interval(self.draws)
        return Score(
            origin=origin,
            scorer=scorer,
            metric=metric,
            group=group,
            value=self.value,
            low=low,
            high=high,
            n=self.n,
        )


def _interval(draws: Numbers | None) -> tuple[float | None, float | None]:
    if draws is None or not np.isfinite(draws).any():
        return None, None
    low, high = np.percentile(draws[np.isfinite(draws)], _LEVEL)
    return float(low), float(high)


def difference(a: Measured, b: Measured) -> tuple[float, float, float] | None:
    """`a - b` with its interval, draw by draw; None where there are no draws."""
    if a.draws is None or b.draws is None:
        return None
    low, high = _interval(a.draws - b.draws)
    return None if low is None or high is None else (a.value - b.value, low, high)


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """Départements, sorted, and how often each is in each draw, [DRAWS, D]."""

    departements: Texts
    weights: Numbers

    @classmethod
    def over(cls, departements: Texts, *, seed: int) -> "Bootstrap":
        """Draws of as many départements as there are, with replacement."""
        names = np.unique(departements)
        chance = np.random.default_rng([seed, 2])
        drawn = chance.multinomial(len(names), np.full(len(names), 1 / max(1, len(names))), DRAWS)
        return cls(departements=names, weights=drawn.astype(np.float64))

    def places(self, departements: Texts) -> Integers:
        """The place of each département."""
        found: Integers = np.searchsorted(self.departements, departements)
        return found

    def ratio(self, over: Numbers, under: Numbers) -> Numbers | None:
        """`sum(over) / sum(under)` on each draw, of sums by département; None when too few départements have any."""
        if (under > 0).sum() < _LEAST_DEPARTEMENTS:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Numbers = (self.weights @ over) / (self.weights @ under)
        return found

    def mean(self, values: Numbers, place: Integers) -> Measured | None:
        """The mean of what is not NaN; None of nothing."""
        there = ~np.isnan(values)
        if not there.any():
            return None
        width = len(self.departements)
        over = _sums(place[there], values[there], width)
        under = _sums(place[there], np.ones(int(there.sum())), width)
        return Measured(value=float(values[there].mean()), draws=self.ratio(over, under), n=int(there.sum()))


def query_metrics(
    queries: Queries, lists: Lists, small: Flags, bootstrap: Bootstrap, *, of: Flags | None = None
) -> dict[str, Measured]:
    """What the lists are worth, of all queries or of some of them."""
    some = np.ones(len(queries), dtype=np.bool_) if of is None else of
    if not some.any():
        return {}
    place = bootstrap.places(queries.departement[some])
    hits = lists.relevant[some]
    counts = np.add.reduceat(queries.relevant, queries.start[:-1], dtype=np.int64)[some]
    candidates = np.diff(queries.start)[some]
    precision = hits.mean(axis=1)
    discount = 1 / np.log2(np.arange(TOP) + 2)
    ideal = np.cumsum(discount)[np.minimum(np.maximum(counts, 1), TOP) - 1]
    nothing = counts == 0
    found = {
        "precision_at_10": bootstrap.mean(precision, place),
        "ndcg_at_10": bootstrap.mean(np.where(nothing, np.nan, (hits * discount).sum(axis=1) / ideal), place),
        "lift": bootstrap.mean(np.where(nothing, np.nan, precision / np.where(nothing, 1, counts / candidates)), place),
        "small_at_10": bootstrap.mean(small[lists.row[some]].mean(axis=1), place),
    }
    if of is None:
        shown = _shown(queries, lists)
        most = max(1, round(len(shown) / 100))
        found["exposure_top_1"] = Measured(value=float(shown[-most:].sum() / shown.sum()), draws=None, n=len(shown))
        found["seen"] = Measured(value=float((shown > 0).mean()), draws=None, n=len(shown))
    return {metric: measured for metric, measured in found.items() if measured is not None}


def _shown(queries: Queries, lists: Lists) -> Integers:
    """How often each candidate stands in a list, the least shown first."""
    candidates = np.unique(queries.row)
    found: Integers = np.sort(np.bincount(np.searchsorted(candidates, lists.row.ravel()), minlength=len(candidates)))
    return found


def lorenz(queries: Queries, lists: Lists) -> list[float]:
    """The share of all places held by the least shown 0 %, 1 % … 100 % of the candidates."""
    return _shares(_shown(queries, lists).astype(np.float64))


def gains(population: Population, prediction: Prediction) -> list[float]:
    """The share of all hires made by the first 0 %, 1 % … 100 % by expected hires."""
    return _shares(_label(population)[np.argsort(-prediction.expected_hires, kind="stable")])


def _shares(values: Numbers) -> list[float]:
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.round(np.linspace(0, len(values), _POINTS)).astype(np.int64)
    return [round(float(share), 6) for share in total[at] / max(total[-1], 1e-9)]


def establishment_metrics(
    population: Population, prediction: Prediction, bootstrap: Bootstrap, *, of: Flags | None = None
) -> dict[str, Measured]:
    """What the probabilities are worth, of everybody or of some."""
    some = np.ones(len(population), dtype=np.bool_) if of is None else of
    if not some.any():
        return {}
    place = bootstrap.places(population.departement[some])
    hires, p, expected = _label(population)[some], prediction.p_any[some], prediction.expected_hires[some]
    hired = hires > 0
    without = ~population.known[some]
    found = {
        "deviance": bootstrap.mean(deviances(hires, expected), place),
        "ece": _ece(p, hired, place, bootstrap),
        "auc": auc(p, hired, place, bootstrap),
        "auc_without_history": auc(p[without], hired[without], place[without], bootstrap),
        "gain_at_10": _gain(expected, hires, place, bootstrap),
    }
    return {metric: measured for metric, measured in found.items() if measured is not None}


def _label(population: Population) -> Numbers:
    if population.label is None:
        raise ValueError(f"nobody knows what came after {population.origin}")
    return population.label.astype(np.float64)


def deviances(hires: Numbers, expected_hires: Numbers) -> Numbers:
    """The Poisson deviance of each: `2 (y ln(y / mu) - (y - mu))`, `0 ln 0 = 0`, mu at least 1e-4."""
    mu = np.maximum(expected_hires, _LEAST_MU)
    found: Numbers = 2 * (np.where(hires > 0, hires * np.log(np.maximum(hires, 1) / mu), 0.0) - (hires - mu))
    return found


def _ece(p: Numbers, hired: Flags, place: Integers, bootstrap: Bootstrap) -> Measured | None:
    width = len(bootstrap.departements)
    off = _sums(bins_of(p) * width + place, p - hired, BINS * width).reshape(BINS, width)
    rows = _sums(place, np.ones(len(p)), width)
    draws = None
    if (rows > 0).sum() >= _LEAST_DEPARTEMENTS:
        # A draw may hold no département of these rows: it says nothing, and is left out of the interval.
        with np.errstate(invalid="ignore"):
            draws = np.abs(bootstrap.weights @ off.T).sum(axis=1) / (bootstrap.weights @ rows)
    return Measured(value=float(np.abs(off.sum(axis=1)).sum() / len(p)), draws=draws, n=len(p))


def auc(p: Numbers, hired: Flags, place: Integers, bootstrap: Bootstrap) -> Measured | None:
    """The chance that one who hired has a higher p than one who did not, half of the ties; None without both kinds.

    Counted for each pair of départements, so that a draw is two products of matrices and no sort.
    """
    if not hired.any() or hired.all():
        return None
    width = len(bootstrap.departements)
    yes, no = p[hired], p[~hired]
    yes_place, no_place = place[hired], place[~hired]
    won = np.zeros((width, width))
    for other in np.unique(no_place):
        below = np.sort(no[no_place == other])
        beaten = (np.searchsorted(below, yes, side="left") + np.searchsorted(below, yes, side="right")) / 2
        won[:, other] = _sums(yes_place, beaten, width)
    yes_n, no_n = _sums(yes_place, np.ones(len(yes)), width), _sums(no_place, np.ones(len(no)), width)
    draws = None
    if min((yes_n > 0).sum(), (no_n > 0).sum()) >= _LEAST_DEPARTEMENTS:
        weights = bootstrap.weights
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = ((weights @ won) * weights).sum(axis=1) / ((weights @ yes_n) * (weights @ no_n))
    return Measured(value=float(won.sum() / (len(yes) * len(no))), draws=draws, n=len(p))


def _gain(expected: Numbers, hires: Numbers, place: Integers, bootstrap: Bootstrap) -> Measured | None:
    """The tenth is that of all rows in every draw; who is in it does not move with the draw."""
    if not hires.sum():
        return None
    chosen = np.zeros(len(hires))
    # Rows are in the order of SIRET; a die decides between equals, else old companies would come first.
    shuffled = np.random.default_rng(len(hires)).permutation(len(hires))
    chosen[shuffled[np.argsort(-expected[shuffled], kind="stable")[: max(1, len(hires) // 10)]]] = 1
    width = len(bootstrap.departements)
    over, under = _sums(place, hires * chosen, width), _sums(place, hires, width)
    return Measured(
        value=float(over.sum() / under.sum()),
        draws=bootstrap.ratio(over, under),
        n=len(hires),
    )


def _sums(place: Integers, values: Numbers, width: int) -> Numbers:
    return np.bincount(place, values, minlength=width).astype(np.float64)


def sizes(population: Population) -> Texts:
    """The size band of each: small (at most 19 people), medium (at most 249), large, unknown."""
    bracket = population.column("headcount")
    found: Texts = np.select(
        [np.isnan(bracket), bracket < SMALL_BRACKETS, bracket < _MEDIUM_BRACKETS],
        ["unknown", "small", "medium"],
        "large",
    )
    return found


def reliability(population: Population, prediction: Prediction) -> list[Bin]:
    """What was said and what was so in bins of equal mass, for everybody and by size band."""
    hired = _label(population) > 0
    band = sizes(population)
    found = []
    for size in ("all", *np.unique(band).tolist()):
        some = np.ones(len(band), dtype=np.bool_) if size == "all" else band == size
        bins = bins_of(prediction.p_any[some])
        for each in np.unique(bins):
            of = bins == each
            found.append(
                Bin(
                    size=size,
                    said=float(prediction.p_any[some][of].mean()),
                    so=float(hired[some][of].mean()),
                    n=int(of.sum()),
                )
            )
    return found


def mix_of(matrix: Affinity, population: Population, prediction: Prediction) -> Mix:
    """The scorer's own mix, or that of the NAF."""
    return prediction.mix or naf_mix(matrix, population)
