"""How near the model comes to the best possible forecast, on economies whose truth is known; bounds that are checked.

Ratios to an oracle on synthetic data say what the code loses. They are not the precision of a forecast of real hires.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from widget_server.forecast.backtest import (
    HISTORY_MONTHS,
    Places,
    compare,
    contestants,
    learn_calibration,
    splits,
    table,
)
from widget_server.forecast.clock import Origin, Split
from widget_server.forecast.economy import Laws, Truth
from widget_server.forecast.features import open_tables, write_features
from widget_server.forecast.gates import Check, Synthetic
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest
from widget_server.forecast.metrics import (
    METRICS,
    SMALL_BRACKETS,
    Bootstrap,
    Score,
    best,
    draw_queries,
    mix_of,
    pair_scores,
    query_metrics,
)
from widget_server.forecast.model import HurdleLearner, LocalTrainer, Settings, Trainer
from widget_server.forecast.occupations import Affinity, read_affinity
from widget_server.forecast.oracles import PARTICLES, Bayes, BayesRome, Omniscient, with_future
from widget_server.forecast.populations import Library, read_population
from widget_server.forecast.scorers import Population, Progress, Scorer
from widget_server.forecast.stages import code_version
from widget_server.forecast.synth import TRUTH, write_inputs

SEEDS: Final = (1, 2, 3)
SIZE: Final = 100_000
STANDARD: Final = "standard"
ECONOMIES: Final[Mapping[str, Laws]] = {
    STANDARD: Laws(),
    # Apprentices begin in winter, and sectors differ more.
    "winter": Laws(season=(3.2, 2.0, 1.0, 0.6, 0.5, 0.6, 0.4, 0.3, 1.2, 0.9, 0.6, 0.7), season_noise=0.35),
    # Who hires keeps on, who sleeps sleeps long; counts are more dispersed, tension moves hires more.
    "sticky": Laws(
        sleep=0.015, wake_most=0.2, drift_kept=0.98, drift=0.18, dispersion=1.0, tension_power=1.2, rate_naf=0.6
    ),
}
"""The economy that the bounds are written for, and two others, which nothing was tuned on."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A number that is made of the scores of one seed, and what it must be: on every seed, and on their mean.

    over, under   the ratio of `metric` of these scorers; without `under` the metric itself
    least         the number is at least so much, else at most
    loosely       how much looser it is at a small size, where sampling blurs it
    """

    name: str
    metric: str
    over: str
    under: str = ""
    least: bool = True
    each: float
    mean: float | None = None
    loosely: float = 0.04
    chance: float = 0.0
    """What is taken off both sides before the ratio: the AUC of a die."""

    def of(self, scores: Mapping[tuple[str, str], float]) -> float:
        """The number."""
        value = scores[self.over, self.metric] - self.chance
        return value / (scores[self.under, self.metric] - self.chance) if self.under else value


BOUNDS: Final = (
    Bound(name="p@10 / filter, NAF mix", metric="precision_at_10", over="hurdle_naf", under="bayes", each=0.96,
          mean=0.99),
    Bound(name="p@10 / filter, ROME history", metric="precision_at_10", over="hurdle", under="bayes_rome", each=0.95),
    Bound(name="p@10 / LBB, NAF mix", metric="precision_at_10", over="hurdle_naf", under="lbb", each=1.05, mean=1.10),
    Bound(name="NDCG@10 / filter", metric="ndcg_at_10", over="hurdle_naf", under="bayes", each=0.97),
    Bound(name="deviance / filter", metric="deviance", over="hurdle", under="bayes", each=1.08, least=False),
    Bound(name="ECE", metric="ece", over="hurdle", each=0.010, mean=0.005, least=False, loosely=0.006),
    Bound(name="AUC without history / filter", metric="auc_without_history", over="hurdle", under="bayes", chance=0.5,
          each=0.85),
    Bound(name="p@10 kept at beta 0.1", metric="precision_at_10", over="hurdle_beta_0.1", under="hurdle", each=0.95),
)  # fmt: skip
"""The skill and the filter's own calibration are computed apart."""
_SKILL: Final = 0.93
_FILTER_ECE: Final = 0.005
_FILTER_MEAN: Final = 0.03
_SMALL: Final = 50_000
GUMBEL: Final = 0.3
"""The noise that load spreading is compared with."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """One economy: its scores, and how far the filter's mean is from the truth's, as a share."""

    name: str
    scores: list[Score]
    filter_mean: float

    def by_name(self) -> dict[tuple[str, str], float]:
        """The values of everybody by scorer and metric."""
        return {(each.scorer, each.metric): each.value for each in self.scores if not each.group}


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What was measured: seeds of the standard economy, which the bounds are checked on, and of others."""

    size: int
    numbers: Sequence[int]
    seeds: Sequence[Seed]
    others: Sequence[Seed]

    def synthetic(self) -> Synthetic:
        """For the gates and the model card."""
        return Synthetic(
            code=code_version(),
            size=self.size,
            seeds=list(self.numbers),
            checks=list(checks(self.seeds, self.size)),
            scores=[score for seed in (*self.seeds, *self.others) for score in seed.scores],
        )

    def lines(self) -> list[str]:
        """The whole table, then every bound with its verdict, then the same numbers of the other economies."""
        told = []
        for seed in (*self.seeds, *self.others):
            told += [*table(seed.scores), ""]
        told += [f"{'ok ' if each.ok else 'RED'}  {each.name}: {each.value:.4f} ({each.bound})"
                 for each in checks(self.seeds, self.size)]  # fmt: skip
        for other in self.others:
            told += ["", f"{other.name}, told and not judged:"]
            told += [f"     {each.name}: {each.value:.4f}" for each in checks([other], self.size)]
        told += [
            "",
            "Synthetic data: ratios to a known ceiling. They are not the precision of a forecast of real hires.",
        ]
        return told


def measure_quality(
    *,
    seeds: Sequence[int] = SEEDS,
    size: int = SIZE,
    economies: Sequence[str] = tuple(ECONOMIES),
    particles: int = PARTICLES,
    threads: int = 1,
    memory: str = "3GB",
    progress: Progress = print,
) -> Quality:
    """Every seed of the standard economy, the first seed of the others, through the whole pipeline."""

    def measured(name: str, seed: int) -> Seed:
        title = f"seed {seed}" if name == STANDARD else f"{name} {seed}"
        found = measure_seed(
            title,
            seed=seed,
            size=size,
            laws=ECONOMIES[name],
            particles=particles,
            trainer=LocalTrainer(threads=threads),
            threads=threads,
            memory=memory,
        )
        progress(f"{title}: {len(found.scores)} scores")
        return found

    return Quality(
        size=size,
        numbers=seeds,
        seeds=[measured(STANDARD, seed) for seed in seeds],
        others=[measured(name, seeds[0]) for name in economies if name != STANDARD],
    )


def measure_seed(
    name: str,
    *,
    seed: int,
    size: int,
    laws: Laws,
    particles: int = PARTICLES,
    settings: Settings | None = None,
    trainer: Trainer,
    calibrated: bool = True,
    threads: int = 1,
    memory: str = "3GB",
) -> Seed:
    """One economy from its files to the scores of everybody on its day.

    `calibrated` trains for four past origins too, to find the calibration that `forecast train` would publish.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ground = grid(seed)
        write_inputs(folder / "in", seed=seed, size=size, ground=ground, laws=laws)
        ingest(folder / "in", folder / "out", folder / "rejects", ground.reference(), threads=threads, memory=memory)
        truth = Truth.load(folder / "in" / TRUTH)
        origin = Origin(laws.day)
        split = Split.before(origin, first=laws.start + HISTORY_MONTHS)
        with open_tables(folder / "out", threads=threads, memory=memory) as database:
            write_features(database, origin, folder / "live.parquet")
            population = with_future(read_population(database, folder / "live.parquet", origin), truth)
            library = Library(database, folder, _silent)
            matrix = read_affinity(database)
            learner = HurdleLearner(trainer, matrix, settings or Settings(), seed=seed, threads=threads)
            model = learner.fit(split, library)
            if calibrated:
                found = learn_calibration(splits(origin, laws.start), library, learner)
                model = replace(model, calibration=found)
            scorers = list(contestants(model, split, library, seed=seed))
            bayes = Bayes(truth, particles=particles, seed=seed)
            comparison = compare(
                population,
                [*scorers, bayes, BayesRome(bayes), Omniscient(truth, seed=seed)],
                matrix,
                Places(people=ground.people(), regions={}),
                seed=seed,
                grouped=False,
            )
            noisy = list(_noisy(population, scorers[0], matrix, ground.people(), seed=seed))
        if population.label is None:
            raise AssertionError("the truth holds the window")
        expected = bayes.predict(population).expected_hires
        return Seed(
            name=name,
            scores=[_renamed(score, name) for score in [*comparison.scores, *noisy]],
            filter_mean=float(np.mean(expected) / np.mean(population.label) - 1),
        )


def _noisy(
    population: Population, scorer: Scorer, matrix: Affinity, people: Mapping[str, int], *, seed: int
) -> Iterator[Score]:
    """What other ways to spread the load cost: the score times a die, as La bonne boîte did, and noise on its log.

    On the same queries as everything else; each list is drawn anew.
    """
    queries = draw_queries(population, matrix, people, seed=seed)
    prediction = scorer.predict(population)
    p = pair_scores(queries, prediction, mix_of(matrix, population, prediction))
    bootstrap = Bootstrap.over(population.departement, seed=seed)
    small = population.column("headcount") < SMALL_BRACKETS
    dice = np.random.default_rng([seed, 6])
    for name, noise in (
        ("shuffled", np.log(1 - dice.random(len(p)))),
        (f"gumbel_{GUMBEL:g}", GUMBEL * dice.gumbel(size=len(p))),
    ):
        found = query_metrics(queries, best(queries, p * np.exp(noise)), small, bootstrap)
        for metric in METRICS:
            if metric in found:
                yield found[metric].score("", f"{scorer.name}_{name}", metric)


def checks(seeds: Sequence[Seed], size: int) -> Iterator[Check]:
    """Every bound on every seed, and on the mean where it has one and there are several seeds."""
    small = size < _SMALL
    scores = [seed.by_name() for seed in seeds]
    for bound in BOUNDS:
        values = [bound.of(each) for each in scores]
        for seed, value in zip(seeds, values, strict=True):
            yield _check(f"{bound.name}, {seed.name}", value, bound.each, bound, small)
        if bound.mean is not None and len(seeds) > 1:
            yield _check(f"{bound.name}, mean", fmean(values), bound.mean, bound, small)
    for seed, each in zip(seeds, scores, strict=True):
        lbb, model, filtered = (each[name, "deviance"] for name in ("lbb", "hurdle", "bayes"))
        skill = Bound(name="skill", metric="deviance", over="", each=_SKILL)
        yield _check(f"skill over LBB / filter's, {seed.name}", (lbb - model) / (lbb - filtered), _SKILL, skill, small)
    for seed, each in zip(seeds, scores, strict=True):
        ece = Bound(name="", metric="", over="", each=_FILTER_ECE, least=False, loosely=0.011)
        yield _check(f"ECE of the filter, {seed.name}", each["bayes", "ece"], _FILTER_ECE, ece, small)
        mean = Bound(name="", metric="", over="", each=_FILTER_MEAN, least=False, loosely=0.03)
        yield _check(f"mean of the filter is off by, {seed.name}", abs(seed.filter_mean), _FILTER_MEAN, mean, small)


def _check(name: str, value: float, limit: float, bound: Bound, small: bool) -> Check:
    loose = bound.loosely if small else 0.0
    if bound.least:
        return Check(name=name, value=value, bound=f"at least {limit - loose:.4g}", ok=value >= limit - loose)
    return Check(name=name, value=value, bound=f"at most {limit + loose:.4g}", ok=value <= limit + loose)


def _renamed(score: Score, origin: str) -> Score:
    return Score(
        origin=origin,
        scorer=score.scorer,
        metric=score.metric,
        group=score.group,
        value=score.value,
        low=score.low,
        high=score.high,
        n=score.n,
    )


def _silent(_: str) -> None:
    pass
