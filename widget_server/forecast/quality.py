"""How near the model comes to the best possible forecast, on economies whose truth is known; bounds that are checked.

Ratios to an oracle on synthetic data say what the code loses. They are not the precision of a forecast of real hires.

    FOLDER/<name>-<8 hex>.json   what one economy gave, kept: a run that was stopped goes on after it

The hash is of the code, the laws, the seed, the size and the particles.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Final, Protocol

import msgspec
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
    best_places,
    draw_queries,
    mix_of,
    pair_scores,
    query_metrics,
)
from widget_server.forecast.model import HurdleLearner, LocalTrainer, Settings, Trainer
from widget_server.forecast.occupations import Affinity, read_affinity
from widget_server.forecast.oracles import PARTICLES, Bayes, BayesRome, Omniscient, with_future
from widget_server.forecast.populations import Library, read_population
from widget_server.forecast.scorers import Numbers, Population, Progress, Scorer
from widget_server.forecast.stages import code_version
from widget_server.forecast.synth import TRUTH, write_inputs

SEEDS: Final = (1, 2, 3)
SIZE: Final = 100_000
OTHER_SIZE: Final = 50_000
"""Of the economies that are told and not judged: half the time."""
STANDARD: Final = "standard"


def _silent(_: str) -> None:
    pass


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
    each_asked: bool = True
    mean_asked: bool = True
    """Whether a bound must hold, or only tells how far a stronger oracle is, or what was luck."""

    def of(self, scores: Mapping[tuple[str, str], float]) -> float:
        """The number."""
        value = scores[self.over, self.metric] - self.chance
        return value / (scores[self.under, self.metric] - self.chance) if self.under else value


FILTERS: Final[Mapping[str, str]] = {"bayes_plain": "plain filter", "bayes": "exact-state filter"}
"""The ceilings: the one that the bounds are written for, and a stronger one."""


def _against(oracle: str) -> Iterator[Bound]:
    """The bounds of a filter; of the stronger one the mean is told, since nobody asks for it."""
    name = FILTERS[oracle]
    asked = oracle == "bayes_plain"
    yield Bound(name=f"p@10 / {name}, NAF mix", metric="precision_at_10", over="hurdle_naf", under=oracle, each=0.96,
                mean=0.99, mean_asked=asked)  # fmt: skip
    yield Bound(name=f"p@10 / {name}, ROME history", metric="precision_at_10", over="hurdle", under=f"{oracle}_rome",
                each=0.95, mean=0.99, mean_asked=asked)  # fmt: skip
    yield Bound(name=f"NDCG@10 / {name}", metric="ndcg_at_10", over="hurdle_naf", under=oracle, each=0.97)
    yield Bound(name=f"deviance / {name}", metric="deviance", over="hurdle", under=oracle, each=1.08, least=False)
    yield Bound(name=f"AUC without history / {name}", metric="auc_without_history", over="hurdle", under=oracle,
                chance=0.5, each=0.85)  # fmt: skip


EXPECTED: Final = "expected_at_10"
"""Precision@10 as the strongest oracle expects it: what came later plays no part, so a ratio says what is no luck.

All are too high alike: not every occupation is written down, and the mix of a firm is its own.
"""
BOUNDS: Final = (
    *(bound for oracle in FILTERS for bound in _against(oracle)),
    Bound(name="p@10 / LBB, NAF mix for both", metric="precision_at_10", over="hurdle_naf", under="lbb", each=1.05,
          mean=1.10),
    Bound(name="p@10 / LBB, as published", metric="precision_at_10", over="hurdle", under="lbb", each=1.05, mean=1.10),
    Bound(name="expected p@10 / plain filter, NAF mix", metric=EXPECTED, over="hurdle_naf", under="bayes_plain",
          each=0.96, mean=0.99, each_asked=False, mean_asked=False),
    Bound(name="expected p@10 / plain filter, ROME history", metric=EXPECTED, over="hurdle", under="bayes_plain_rome",
          each=0.95, mean=0.99, each_asked=False, mean_asked=False),
    Bound(name="ECE", metric="ece", over="hurdle", each=0.010, mean=0.005, least=False, loosely=0.006),
    Bound(name="p@10 kept at beta 0.1", metric="precision_at_10", over="hurdle_beta_0.1", under="hurdle", each=0.95),
)  # fmt: skip
"""The skill and the filters' own calibration are computed apart."""
_SKILL: Final = 0.93
_FILTER_ECE: Final = 0.005
_FILTER_MEAN: Final = 0.03
_SMALL: Final = 50_000
GUMBEL: Final = 0.3
"""The noise that load spreading is compared with."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """One economy: its scores, and how far the mean of each filter is from the truth's, as a share."""

    name: str
    size: int
    scores: list[Score]
    filter_means: dict[str, float]
    cpu_seconds: float = 0.0

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
            told += table(seed.scores, metrics=(*METRICS, EXPECTED))
            told += [f"{seed.size} establishments drawn, {seed.cpu_seconds:.0f} CPU s", ""]
        told += [
            f"{'ok ' if each.ok else 'RED'}  {each.name}: {each.value:.4f} ({each.bound}"
            f"{'' if each.asked else '; more than is asked: told and not judged'})"
            for each in checks(self.seeds, self.size)
        ]
        for other in self.others:
            told += ["", f"{other.name}, {other.size} establishments drawn, told and not judged:"]
            told += [
                f"{'ok ' if each.ok else 'RED'}  {each.name}: {each.value:.4f} ({each.bound})"
                for each in checks([other], other.size)
            ]
        told += [
            "",
            "Synthetic data: ratios to a known ceiling. They are not the precision of a forecast of real hires.",
        ]
        return told


class Measure(Protocol):
    """Whoever turns one economy into its scores; `measure_seed`."""

    def __call__(
        self,
        name: str,
        /,
        *,
        seed: int,
        size: int,
        laws: Laws,
        particles: int,
        trainer: Trainer,
        threads: int,
        memory: str,
        progress: Progress,
    ) -> Seed:
        """The scores of everybody."""


def measure_quality(
    *,
    seeds: Sequence[int] = SEEDS,
    size: int = SIZE,
    other_size: int = OTHER_SIZE,
    economies: Sequence[str] = tuple(ECONOMIES),
    particles: int = PARTICLES,
    threads: int = 1,
    memory: str = "3GB",
    progress: Progress = print,
    kept: Path | None = None,
    seen: Callable[[Quality], None] = lambda _: None,
    measure: Measure | None = None,
) -> Quality:
    """Every seed of the standard economy, the first seed of the others, through the whole pipeline.

    What is in the folder `kept` is not measured again. `seen` is shown the whole table after every economy.
    """
    found = Quality(size=size, numbers=[], seeds=[], others=[])
    drawn = [(STANDARD, seed, size) for seed in seeds]
    drawn += [(name, seeds[0], min(size, other_size)) for name in economies if name != STANDARD]
    for nth, (name, seed, of) in enumerate(drawn, 1):
        title = f"seed {seed}" if name == STANDARD else f"{name} {seed}"
        key = repr((code_version(), title, ECONOMIES[name], of, particles))
        digest = hashlib.sha256(key.encode()).hexdigest()[:8]
        file = kept / f"{title.replace(' ', '-')}-{digest}.json" if kept else None
        one = _read(file)
        if one:
            progress(f"{title}: measured before")
        else:
            progress(f"{title}: economy {nth} of {len(drawn)}, {of} establishments")
            one = (measure or measure_seed)(
                title,
                seed=seed,
                size=of,
                laws=ECONOMIES[name],
                particles=particles,
                trainer=LocalTrainer(threads=threads),
                threads=threads,
                memory=memory,
                progress=progress,
            )
            _keep(file, one)
        if name == STANDARD:
            found = replace(found, numbers=[*found.numbers, seed], seeds=[*found.seeds, one])
        else:
            found = replace(found, others=[*found.others, one])
        seen(found)
    return found


def _read(file: Path | None) -> Seed | None:
    """What was measured before; None where there is nothing that can be read."""
    if file is None:
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Seed)
    except (OSError, msgspec.DecodeError):
        return None


def _keep(file: Path | None, seed: Seed) -> None:
    """Whole or not at all."""
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}")
    aside.write_bytes(msgspec.json.encode(seed))
    aside.replace(file)


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
    progress: Progress = _silent,
) -> Seed:
    """One economy from its files to the scores of everybody on its day.

    `calibrated` trains for four past origins too, to find the calibration that `forecast train` would publish.
    """
    began = time.process_time()

    def told(what: str) -> None:
        progress(f"{name}: {what}, {time.process_time() - began:.0f} CPU s")

    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ground = grid(seed)
        write_inputs(folder / "in", seed=seed, size=size, ground=ground, laws=laws)
        ingest(folder / "in", folder / "out", folder / "rejects", ground.reference(), threads=threads, memory=memory)
        truth = Truth.load(folder / "in" / TRUTH)
        told("drawn and ingested")
        origin = Origin(laws.day)
        split = Split.before(origin, first=laws.start + HISTORY_MONTHS)
        with open_tables(folder / "out", threads=threads, memory=memory) as database:
            write_features(database, origin, folder / "live.parquet")
            population = with_future(read_population(database, folder / "live.parquet", origin), truth)
            library = Library(database, folder, _silent)
            matrix = read_affinity(database)
            learner = HurdleLearner(trainer, matrix, settings or Settings(), seed=seed, threads=threads)
            model = learner.fit(split, library)
            told("trained")
            if calibrated:
                found = learn_calibration(splits(origin, laws.start), library, learner)
                model = replace(model, calibration=found)
                told("calibrated" if found else "not calibrated, since past origins say that it would not help")
            scorers = list(contestants(model, split, library, seed=seed))
            filters = [Bayes(truth, particles=particles, seed=seed, exact=exact) for exact in (False, True)]
            comparison = compare(
                population,
                [
                    *scorers,
                    *(oracle for each in filters for oracle in (each, BayesRome(each))),
                    Omniscient(truth, seed=seed),
                ],
                matrix,
                Places(people=ground.people(), regions={}),
                seed=seed,
                grouped=False,
            )
            told("compared with the baselines and the oracles")
            noisy = list(_noisy(population, scorers[0], matrix, ground.people(), seed=seed))
            judged = [*scorers, *filters, *map(BayesRome, filters)]
            expected = list(_expected(population, judged, BayesRome(filters[-1]), matrix, ground.people(), seed=seed))
        if population.label is None:
            raise AssertionError("the truth holds the window")
        hires = np.mean(population.label)
        return Seed(
            name=name,
            size=size,
            scores=[_renamed(score, name) for score in [*comparison.scores, *noisy, *expected]],
            filter_means={
                each.name: float(np.mean(each.predict(population).expected_hires) / hires - 1) for each in filters
            },
            cpu_seconds=time.process_time() - began,
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


def _expected(
    population: Population,
    scorers: Sequence[Scorer],
    oracle: Scorer,
    matrix: Affinity,
    people: Mapping[str, int],
    *,
    seed: int,
) -> Iterator[Score]:
    """EXPECTED of each scorer, on the same queries as everything else."""
    queries = draw_queries(population, matrix, people, seed=seed)
    bootstrap = Bootstrap.over(population.departement, seed=seed)
    place = bootstrap.places(queries.departement)

    def p_of(scorer: Scorer) -> Numbers:
        prediction = scorer.predict(population)
        return pair_scores(queries, prediction, mix_of(matrix, population, prediction))

    likely = p_of(oracle)
    for scorer in scorers:
        measured = bootstrap.mean(likely[best_places(queries, p_of(scorer))].mean(axis=1), place)
        if measured:
            yield measured.score("", scorer.name, EXPECTED)


def checks(seeds: Sequence[Seed], size: int) -> Iterator[Check]:
    """Every bound on every seed, and on the mean where it has one and there are several seeds."""
    small = size < _SMALL
    scores = [seed.by_name() for seed in seeds]
    for bound in BOUNDS:
        values = [bound.of(each) for each in scores]
        for seed, value in zip(seeds, values, strict=True):
            check = _check(f"{bound.name}, {seed.name}", value, bound.each, bound, small)
            yield msgspec.structs.replace(check, asked=bound.each_asked)
        if bound.mean is not None and len(seeds) > 1:
            check = _check(f"{bound.name}, mean", fmean(values), bound.mean, bound, small)
            yield msgspec.structs.replace(check, asked=bound.mean_asked)
    for oracle, title in FILTERS.items():
        for seed, each in zip(seeds, scores, strict=True):
            lbb, model, filtered = (each[name, "deviance"] for name in ("lbb", "hurdle", oracle))
            skill = Bound(name="skill", metric="deviance", over="", each=_SKILL)
            value = (lbb - model) / (lbb - filtered)
            yield _check(f"skill over LBB / {title}'s, {seed.name}", value, _SKILL, skill, small)
        for seed, each in zip(seeds, scores, strict=True):
            ece = Bound(name="", metric="", over="", each=_FILTER_ECE, least=False, loosely=0.011)
            yield _check(f"ECE of the {title}, {seed.name}", each[oracle, "ece"], _FILTER_ECE, ece, small)
            mean = Bound(name="", metric="", over="", each=_FILTER_MEAN, least=False, loosely=0.03)
            off = abs(seed.filter_means[oracle])
            yield _check(f"mean of the {title} is off by, {seed.name}", off, _FILTER_MEAN, mean, small)


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
