"""Tables of every scorer x metric: on past origins, or on the origin of a synthetic economy whose future is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from widget_server.domain.exploration import SHARE, draw, explored_places, seed_of
from widget_server.domain.spreading import BETA
from widget_server.forecast.baselines import baselines
from widget_server.forecast.calibration import Calibration, Judged, calibrate
from widget_server.forecast.clock import Month, Origin, Split
from widget_server.forecast.metrics import (
    METRICS,
    SMALL_BRACKETS,
    TOP,
    Bootstrap,
    Curves,
    Difference,
    Lists,
    Measured,
    Queries,
    Score,
    best,
    best_spread,
    difference,
    draw_queries,
    establishment_metrics,
    gains,
    lorenz,
    mix_of,
    pair_scores,
    query_metrics,
    reliability,
    sizes,
)
from widget_server.forecast.model import Hurdle, HurdleLearner, Settings, Trainer
from widget_server.forecast.occupations import Affinity
from widget_server.forecast.scorers import Data, Flags, Numbers, Population, Progress, Scorer, Texts

MAIN: Final = "hurdle"
"""The scorer that is published, and that every other one is compared with."""
ABLATED: Final = "hurdle_without_tension"
BETAS: Final = (0.1, 0.3)
"""How strongly the load is spread in the lines of the table that tell what it costs."""
EXPLORED: Final = "hurdle_explored"
"""The lists as the product shows them: the load spread as by default, and a share of the places explored."""
HISTORY_MONTHS: Final = 12
"""An origin of which fewer months were known teaches nothing about a season."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """People by commune, for queries where people live; the région of each département, for the groups of the table."""

    people: Mapping[str, int]
    regions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Every scorer x metric on one population, what `hurdle` is above the others, and the curves of the plots."""

    scores: list[Score]
    differences: list[Difference]
    curves: Curves


def compare(
    population: Population,
    scorers: Sequence[Scorer],
    matrix: Affinity,
    places: Places,
    *,
    seed: int,
    main: str = MAIN,
    grouped: bool = True,
) -> Comparison:
    """Measure all scorers on one population whose future is known; the lists of `main` also with the load spread.

    `grouped` adds the lines by région, NAF section and size band.
    """
    origin = str(population.origin.day)
    queries = draw_queries(population, matrix, places.people, seed=seed)
    bootstrap = Bootstrap.over(population.departement, seed=seed)
    small = population.column("headcount") < SMALL_BRACKETS
    groups = list(_groups(population, queries.departement, places.regions)) if grouped else []
    scores: list[Score] = []
    measured: dict[str, dict[str, Measured]] = {}
    curves = Curves(origin=origin, gains={}, lorenz={}, reliability=[])
    for scorer in scorers:
        prediction = scorer.predict(population)
        p = pair_scores(queries, prediction, mix_of(matrix, population, prediction))
        lists = best(queries, p)
        whole = query_metrics(queries, lists, small, bootstrap)
        whole |= establishment_metrics(population, prediction, bootstrap)
        measured[scorer.name] = whole
        curves.gains[scorer.name] = gains(population, prediction)
        curves.lorenz[scorer.name] = lorenz(queries, lists)
        for group, asked, of in groups:
            found = establishment_metrics(population, prediction, bootstrap, of=of)
            if asked is not None:
                found |= query_metrics(queries, lists, small, bootstrap, of=asked)
            scores += [each.score(origin, scorer.name, metric, group) for metric, each in found.items()]
        if scorer.name == main:
            curves.reliability.extend(reliability(population, prediction))
            for beta in BETAS:
                spread: Lists = best_spread(queries, p, prediction.expected_hires, beta)
                name = f"{main}_beta_{beta:g}"
                measured[name] = query_metrics(queries, spread, small, bootstrap)
                curves.lorenz[name] = lorenz(queries, spread)
                if beta == BETA:
                    measured[EXPLORED] = query_metrics(queries, explored(queries, spread, population), small, bootstrap)
    whole_scores = [
        measured[name][metric].score(origin, name, metric)
        for name in measured
        for metric in METRICS
        if metric in measured[name]
    ]
    return Comparison(
        scores=whole_scores + scores, differences=list(_differences(origin, measured, main)), curves=curves
    )


def explored(queries: Queries, lists: Lists, population: Population, *, share: float = SHARE) -> Lists:
    """The lists when the last places of some go to candidates from farther down, as the product draws them."""
    row, relevant = lists.row.copy(), lists.relevant.copy()
    for query in range(len(queries)):
        seed = seed_of(population.origin.day.first_day, str(query), [str(queries.rome[query])])
        count = explored_places(TOP, seed=seed, share=share)
        if not count:
            continue
        candidates = slice(queries.start[query], queries.start[query + 1])
        behind = np.flatnonzero(~np.isin(queries.row[candidates], lists.row[query, : TOP - count]))
        drawn = behind[draw(queries.row[candidates][behind].astype(np.uint64), count, seed=seed)]
        row[query, TOP - len(drawn) :] = queries.row[candidates][drawn]
        relevant[query, TOP - len(drawn) :] = queries.relevant[candidates][drawn]
    return Lists(row=row, relevant=relevant)


def _differences(origin: str, measured: Mapping[str, Mapping[str, Measured]], main: str) -> Iterator[Difference]:
    for other in measured:
        for metric in METRICS:
            if other == main or metric not in measured[other] or metric not in measured.get(main, {}):
                continue
            found = difference(measured[main][metric], measured[other][metric])
            if found:
                value, low, high = found
                yield Difference(
                    origin=origin, scorer=main, against=other, metric=metric, value=value, low=low, high=high
                )


def _groups(
    population: Population, asked: Texts, regions: Mapping[str, str]
) -> Iterator[tuple[str, Flags | None, Flags]]:
    """`(group, which queries, which establishments)`; only a région has queries of its own."""
    of = _regions(population.departement, regions)
    asked_in = _regions(asked, regions)
    for region in np.unique(of[of != ""]).tolist():
        yield f"region:{region}", asked_in == region, of == region
    section = population.column("section")
    for ordinal in np.unique(section[~np.isnan(section)]).tolist():
        yield f"section:{chr(ord('A') - 1 + int(ordinal))}", None, section == ordinal
    band = sizes(population)
    for size in np.unique(band).tolist():
        yield f"size:{size}", None, band == size


def _regions(departements: Texts, regions: Mapping[str, str]) -> Texts:
    names, back = np.unique(departements, return_inverse=True)
    of = np.asarray([regions.get(name, "") for name in names.tolist()], dtype=np.str_)
    return of[back] if len(of) else of


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """What the past says: the tables of all test origins, how each was learned for, whether calibration is worth it."""

    comparisons: list[Comparison]
    splits: list[Split]
    calibration: Calibration | None
    judged: Judged | None


def splits(origin: Origin, first_month: Month) -> list[Split]:
    """The test origins that have something to learn from, the newest first; a `Leak` cannot be built."""
    first = first_month + HISTORY_MONTHS
    tests = [test for test in origin.backtests() if any(each.day >= first for each in test.earlier())]
    return [Split.before(test, first=first) for test in tests]


def backtest(
    tests: Sequence[Split],
    data: Data,
    matrix: Affinity,
    places: Places,
    *,
    trainer: Trainer,
    settings: Settings,
    seed: int,
    threads: int,
    progress: Progress,
) -> Backtest:
    """Train for each test origin as of its day, and compare with the baselines; the newest also without the tension.

    The calibration is fitted on the older test origins, each predicted by boosters that had not seen it, and judged on
    the newest one.
    """
    comparisons = []
    said: list[tuple[Numbers, Flags]] = []
    for nth, split in enumerate(tests):
        model = HurdleLearner(trainer, matrix, settings, seed=seed, threads=threads).fit(split, data)
        scorers: list[Scorer] = list(contestants(model, split, data, seed=seed))
        if nth == 0:
            blind = replace(settings, without=("tension",))
            learner = HurdleLearner(trainer, matrix, blind, seed=seed, threads=threads, name=ABLATED)
            scorers.append(learner.fit(split, data))
        population = data.population(split.test)
        comparison = compare(population, scorers, matrix, places, seed=seed)
        comparisons.append(comparison)
        said.append(_said(model, population))
        progress(f"backtest of {split.test.day}: {len(population)} establishments, {_told(comparison)}")
    calibration, judged = _judged(said)
    if judged:
        progress(
            f"calibration: ECE {judged.before:.4f} without, {judged.after:.4f} with it on {tests[0].test.day}; "
            f"{'applied' if judged.applied else 'left out'}"
        )
    return Backtest(comparisons=comparisons, splits=list(tests), calibration=calibration, judged=judged)


def learn_calibration(tests: Sequence[Split], data: Data, learner: HurdleLearner) -> Calibration | None:
    """What `backtest` would find, without its tables; None where it is not worth it."""
    return _judged([_said(learner.fit(split, data), data.population(split.test)) for split in tests])[0]


def _said(model: Hurdle, population: Population) -> tuple[Numbers, Flags]:
    """What the boosters say of a test origin before calibration, and who hired."""
    if population.label is None:
        raise ValueError(f"nobody knows what came after {population.origin}")
    return model.boosters.predict(population.features)[0], population.label > 0


def _judged(said: Sequence[tuple[Numbers, Flags]]) -> tuple[Calibration | None, Judged | None]:
    """Fitted on all origins but the first, which is the newest and decides."""
    if len(said) < 2:
        return None, None
    older = np.concatenate([p for p, _ in said[1:]]), np.concatenate([hired for _, hired in said[1:]])
    return calibrate(older, said[0])


def contestants(model: Hurdle, split: Split, data: Data, *, seed: int) -> Iterator[Scorer]:
    """The model with and without the ROME history of each establishment, and every baseline, as of the split's test."""
    yield model
    yield replace(model, name=f"{model.name}_naf", own_history=False)
    for learner in baselines(model.matrix, model.rome.kappa, seed=seed):
        yield learner.fit(split, data)


def table(scores: Sequence[Score], *, metrics: Sequence[str] = METRICS) -> list[str]:
    """Scorers x metrics of everybody as lines of text: each origin, then the mean of all; `-` where there is none."""
    whole = [score for score in scores if not score.group]
    origins = list(dict.fromkeys(score.origin for score in whole))
    lines = []
    for origin in origins:
        lines += _block(origin, [score for score in whole if score.origin == origin], 1, metrics)
    if len(origins) > 1:
        lines += _block("mean", whole, len(origins), metrics)
    return lines


def _block(title: str, scores: Sequence[Score], origins: int, metrics: Sequence[str]) -> list[str]:
    """The lines of one origin, or of the mean; who does not stand in every origin has no mean."""
    names = list(dict.fromkeys(score.scorer for score in scores))
    width = max(len(each) for each in (title, *names))
    lines = ["  ".join([title.ljust(width), *metrics])]
    for name in names:
        cells = []
        for metric in metrics:
            values = [score.value for score in scores if score.scorer == name and score.metric == metric]
            cells.append((f"{np.mean(values):.4f}" if len(values) == origins else "-").rjust(len(metric)))
        if any(cell.strip() != "-" for cell in cells):
            lines.append("  ".join([name.ljust(width), *cells]))
    return lines


def _told(comparison: Comparison) -> str:
    """The two numbers that somebody who waits wants to see."""
    found = {
        score.scorer: score.value
        for score in comparison.scores
        if score.metric == "precision_at_10" and not score.group
    }
    return ", ".join(f"precision@10 of {name} {found[name]:.3f}" for name in (MAIN, "lbb") if name in found)
