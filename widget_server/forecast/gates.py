"""What stops a publish: one row per gate, measured against the release in place, two-sided where a level can move.

A red gate leaves the previous release current. An operator who knows better overrides it by name, for one release,
with a reason that the manifest and the model card keep; who may be shown is never overridden. Bounds live here: raising
one is a reviewed commit.

Two releases rarely look at the same six months: a window without September holds fewer hires. Where a level is
compared, its bound is widened by what the same two windows did a year earlier, and only towards that side.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Final, Literal

import duckdb
import msgspec

from widget_server.domain.errors import GateRed, Leak
from widget_server.forecast.clock import Month, Origin, Split
from widget_server.forecast.features import open_tables, stock_days, write_features
from widget_server.forecast.ingest import Ingested
from widget_server.forecast.metrics import Metrics, Score
from widget_server.forecast.publication import WITHHELD_NAF, held_sql
from widget_server.forecast.release import FILE, Histogram, Summary, histograms, read_rows, stability

LEVEL: Final = 0.25
DEPARTEMENT: Final = 0.50
FEW_PAIRS: Final = 500
MOST_CHURN: Final = 0.35
LEAST_CHURN: Final = 0.005
DRIFT: Final = 0.25
SEASONAL_DRIFT: Final = 3.0
"""How many times what the same two days did a year earlier may come on top: no two years have one season."""
FEW_OF_BAND: Final = 8
"""Pairs of band A that may come or go whatever their share: of a few, a quarter is one."""
OVER_BASELINE: Final = 1.02
UNDER_LAST: Final = 0.97
TOO_GOOD: Final = 1.15
MOST_ECE: Final = 0.02
MOST_DEVIANCE: Final = 1.05
OLDEST_DAYS: Final = 45
OWN_PLACE: Final = 0.95
LEAST_REASON: Final = 20
"""Characters of a reason to override a gate."""
FLOORS: Final[Mapping[str, float]] = {
    "pairs": 1.0, "establishments": 1.0, "departements": 1.0, "mean_p": 0.0, "band_a": 0.0, "expected_hires": 0.0,
}  # fmt: skip
"""What a first release must reach, where later ones are compared; `--floor NAME=VALUE` sets another."""
MODEL: Final = "hurdle"
YARDSTICK: Final = "lbb"
COMPARED: Final = ("precision_at_10", "ndcg_at_10", "deviance", "ece", "auc")
"""What the gates of the next release compare with."""
BASELINES: Final = ("lbb", "lbb_rome", "last_year")

State = Literal["green", "red", "overridden", "not asked"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One bound of the synthetic economy, and what came out. `asked` False: told, and no reason to stop."""

    name: str
    value: float
    bound: str
    ok: bool
    asked: bool = True


class Synthetic(msgspec.Struct, frozen=True, kw_only=True):
    """What `forecast bench` found for one version of the code; the origin of a score names its seed."""

    code: str
    size: int
    seeds: list[int]
    checks: list[Check]
    scores: list[Score] = []


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """SIRET that the operator knows: those that every release shows, and those that none does."""

    present: Collection[str] = ()
    absent: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a gate may look at.

    release, scores, tables   folders: the draft, the scores that it is made of, the clean tables
    old, old_file             the release in place
    bootstrap                 there is none yet, and the operator said so
    code                      the version of this code
    """

    new: Summary
    release: Path
    scores: Path
    tables: Path
    origin: Origin
    ingested: Ingested
    metrics: Metrics
    today: date
    code: str
    old: Summary | None = None
    old_file: Path | None = None
    synthetic: Synthetic | None = None
    bootstrap: bool = False
    floors: Mapping[str, float] = field(default_factory=dict)
    regions: Mapping[str, str] = field(default_factory=dict)
    canaries: Canaries = Canaries()
    withheld_naf: Sequence[str] = WITHHELD_NAF


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a gate saw. `asked` False: there was nothing to ask it about, which is no reason to stop."""

    ok: bool
    said: str
    asked: bool = True


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One row of the table.

    yields          an operator may override it
    demonstration   fictitious companies are asked too
    """

    name: str
    measure: str
    bound: str
    why: str
    judge: Callable[[Evidence], Outcome]
    yields: bool = True
    demonstration: bool = True


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one gate said of one release; `because` is the reason of an override."""

    gate: str
    measure: str
    bound: str
    state: State
    said: str
    because: str = ""


def mean_of(metrics: Metrics, metric: str, scorer: str = MODEL) -> float | None:
    """The mean of a metric over the past origins, for everybody; None when nobody measured it."""
    found = [
        score.value for score in metrics.scores if (score.metric, score.scorer, score.group) == (metric, scorer, "")
    ]
    return fmean(found) if found else None


_NO_RELEASE: Final = "there is no release to compare with; the first one is published with --bootstrap"


def _first(seen: Evidence, told: str = "") -> Outcome:
    """What a gate says that compares with a release which is not there."""
    if seen.bootstrap:
        return Outcome(ok=True, said=told or "the first release: nothing to compare with", asked=bool(told))
    return Outcome(ok=False, said=_NO_RELEASE)


def _season(seen: Evidence, of: Callable[[Summary], float]) -> float:
    """What the two windows did a year earlier, new over old; 1 when nobody knows."""
    old = of(seen.old) if seen.old else 0.0
    return of(seen.new) / old if old > 0 and of(seen.new) > 0 else 1.0


def _firms(told: Summary) -> float:
    return told.season_firms


def _hires(told: Summary) -> float:
    return told.season_hires


def _few_of_band(told: Summary) -> float:
    return FEW_OF_BAND / told.all_pairs if told.all_pairs else 0.0


def _level(
    name: str,
    of: Callable[[Summary], float],
    season: Callable[[Summary], float] = _firms,
    slack: Callable[[Summary], float] = lambda told: 0.0,
) -> Callable[[Evidence], Outcome]:
    """A level within LEVEL of the last release, either way, or moved by no more than `slack`."""

    def judge(seen: Evidence) -> Outcome:
        now = of(seen.new)
        if seen.old is None:
            floor = {**FLOORS, **seen.floors}[name]
            outcome = _first(seen, f"{now:g}, floor {floor:g} (--floor {name}={floor:g})")
            return outcome if not seen.bootstrap or now >= floor else Outcome(ok=False, said=outcome.said)
        found = _within(now, of(seen.old), LEVEL, _season(seen, season))
        if not found.ok and abs(now - of(seen.old)) <= slack(seen.new):
            return Outcome(ok=True, said=f"{now:g} after {of(seen.old):g}; too few pairs to be a level")
        return found

    return judge


def _within(now: float, before: float, share: float, season: float) -> Outcome:
    low, high = before * (1 - share) * min(1.0, season), before * (1 + share) * max(1.0, season)
    widened = f", season {season:.2f}" if season != 1 else ""
    return Outcome(ok=low <= now <= high, said=f"{now:g} after {before:g}; {low:g} to {high:g} is right{widened}")


def _departements(seen: Evidence) -> Outcome:
    now = seen.new.pairs
    if seen.old is None:
        floor = {**FLOORS, **seen.floors}["departements"]
        outcome = _first(seen, f"{len(now)}, floor {floor:g} (--floor departements={floor:g})")
        return outcome if not seen.bootstrap or len(now) >= floor else Outcome(ok=False, said=outcome.said)
    empty = sorted(code for code in seen.old.pairs if not now.get(code))
    if empty:
        return Outcome(ok=False, said=f"no pair any more in {', '.join(empty)}")
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for code, pairs in seen.old.pairs.items():
        group = code if pairs >= FEW_PAIRS else f"région {seen.regions.get(code, '?')} (small départements)"
        before[group] = before.get(group, 0) + pairs
        after[group] = after.get(group, 0) + now[code]
    season = _season(seen, _firms)
    moved = [
        f"{group} {after[group]} after {pairs}"
        for group, pairs in sorted(before.items())
        if not _within(after[group], pairs, DEPARTEMENT, season).ok
    ]
    return Outcome(ok=not moved, said="; ".join(moved) or f"{len(now)} départements, none moved by more than half")


def _top_tenth(path: Path) -> set[str]:
    ranked = sorted((-row.expected_hires, row.siret) for row in read_rows(path))
    return {siret for _, siret in ranked[: max(1, len(ranked) // 10)]}


def _churn(seen: Evidence) -> Outcome:
    if seen.old_file is None or seen.old is None:
        return _first(seen)
    before, now = _top_tenth(seen.old_file), _top_tenth(seen.release / FILE)
    share = len(now - before) / len(now)
    # A release of the same day may be made again for an opt-out alone: only time that passed must change something.
    least = LEAST_CHURN if seen.new.day > seen.old.day else 0.0
    return Outcome(ok=least <= share <= MOST_CHURN, said=f"{share:.1%} of the top tenth are new")


def _drift(seen: Evidence) -> Outcome:
    if seen.old is None:
        return _first(seen)
    with (
        TemporaryDirectory(dir=seen.release) as scratch,
        open_tables(seen.tables, spill=Path(scratch) / "spill") as database,
    ):
        now = histograms(database, seen.scores / "features.parquet", seen.old.features)
        if any(seen.old.features[name].blur != told.blur for name, told in now.items()):
            return Outcome(ok=True, said="an older version counted the features of the last release", asked=False)
        season = _season_of_features(database, seen.old.day, seen.origin, Path(scratch))
    indices = sorted(((stability(seen.old.features[name], told), name) for name, told in now.items()), reverse=True)
    moved = [
        f"{name} {index:.2f}" + (f", season {season[name]:.2f}" if name in season else "")
        for index, name in indices
        # What nobody knows any more is no season.
        if index > DRIFT + SEASONAL_DRIFT * season.get(name, 0.0)
        or stability(_known(seen.old.features[name]), _known(now[name])) > DRIFT
    ]
    missing = sorted(seen.old.features.keys() - now.keys())
    told = [*moved, *(f"{name} is gone" for name in missing)]
    most = f"at most {indices[0][0]:.3f} ({indices[0][1]})" if indices else "no feature"
    return Outcome(ok=not told, said="; ".join(told) or most)


def _known(told: Histogram) -> Histogram:
    """Null or not, the first bin and all others, and nothing else."""
    return Histogram(edges=[], shares=[told.shares[0], sum(told.shares[1:])])


def _season_of_features(
    database: duckdb.DuckDBPyConnection, old: date, origin: Origin, scratch: Path
) -> dict[str, float]:
    """The index of each feature from the one day to the other, both a year earlier; nothing within one month."""
    days = [Month.of(old) - 12, origin.day - 12]
    if days[0] == days[1]:
        return {}
    files = [scratch / f"{day}.parquet" for day in days]
    for day, file in zip(days, files, strict=True):
        write_features(database, Origin(day, origin.lag), file)
    before = histograms(database, files[0])
    return {name: stability(before[name], told) for name, told in histograms(database, files[1], before).items()}


def _over_baselines(seen: Evidence) -> Outcome:
    model = mean_of(seen.metrics, "precision_at_10")
    found = {name: mean_of(seen.metrics, "precision_at_10", name) for name in BASELINES}
    best, value = max(((name, each or 0.0) for name, each in found.items()), key=lambda pair: pair[1])
    if model is None and seen.metrics.scores:
        return Outcome(ok=False, said="too few establishments for one list of any past origin: nothing is measured")
    if model is None:
        return Outcome(ok=False, said="the model has no backtest; run widget-server forecast train --only backtest")
    if not model:
        # Nothing is as good as nothing: hires without an occupation find nobody relevant.
        return Outcome(ok=False, said="0: no list of any past origin holds a hire in its occupation; see rome of hires")
    need = OVER_BASELINE * value
    return Outcome(ok=model >= need, said=f"{model:.4f}, the best baseline is {best} with {value:.4f}")


def _against_last(metric: str, ok: Callable[[float], bool]) -> Callable[[Evidence], Outcome]:
    def judge(seen: Evidence) -> Outcome:
        if seen.old is None:
            return _first(seen)
        now, before = mean_of(seen.metrics, metric), seen.old.metrics.get(metric)
        if now is None or not before:
            return Outcome(ok=False, said=f"{metric} is not known of {'this' if now is None else 'the last'} release")
        ratio, season = now / before, _season_of_metric(seen, metric)
        # What the season explains is taken off, never more, and only where it went the same way.
        low, high = min(season, 1.0), max(season, 1.0)
        fair = ratio / min(max(ratio, low), high)
        widened = f", season {season:.2f}" if season != 1 else ""
        return Outcome(ok=ok(fair), said=f"{now:.4f} after {before:.4f}, {ratio:.3f} times{widened}")

    return judge


def _season_of_metric(seen: Evidence, metric: str) -> float:
    """What became of a method that never changes: each month is tested on other windows, with and without September."""
    now = mean_of(seen.metrics, metric, YARDSTICK)
    before = seen.old.metrics.get(f"{YARDSTICK}:{metric}") if seen.old else None
    return now / before if now and before else 1.0


def compared(metrics: Metrics) -> dict[str, float]:
    """What a summary keeps of a backtest for the gates of the next release."""
    found = {name: mean_of(metrics, name) for name in COMPARED}
    found |= {f"{YARDSTICK}:{name}": mean_of(metrics, name, YARDSTICK) for name in COMPARED}
    return {name: value for name, value in found.items() if value is not None}


def _calibration(seen: Evidence) -> Outcome:
    ece = mean_of(seen.metrics, "ece")
    return Outcome(ok=ece is not None and ece <= MOST_ECE, said="not known" if ece is None else f"{ece:.4f}")


def _may_be_shown(seen: Evidence) -> Outcome:
    """Read the release as its reader will, and ask the tables about everybody in it."""
    shown = [row.siret for row in read_rows(seen.release / FILE)]
    with open_tables(seen.tables) as database:
        stock = seen.origin.stock(stock_days(database))
        database.execute("CREATE TEMP TABLE released AS SELECT unnest(?) AS siret", [shown])
        rows = database.execute(
            "SELECT coalesce(held, 'unknown'), count(*) FROM released "
            f"LEFT JOIN (SELECT siret, coalesce(held, '') AS held "
            f"FROM ({held_sql(seen.origin, stock, seen.withheld_naf)})) AS known USING (siret) "
            "WHERE held IS NULL OR held <> '' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    told = [f"{count} {reason}" for reason, count in rows]
    absent = len(set(shown) & set(seen.canaries.absent))
    if absent:
        told.append(f"{absent} canaries that must be absent")
    if len(set(shown)) != len(shown):
        told.append(f"{len(shown) - len(set(shown))} twice")
    return Outcome(ok=not told, said=", ".join(told) or f"0 of {len(shown)}")


def _canaries(seen: Evidence) -> Outcome:
    if not seen.canaries.present:
        return Outcome(ok=True, said="the operator names none (FORECAST_CANARIES_FILE)", asked=False)
    missing = set(seen.canaries.present) - {row.siret for row in read_rows(seen.release / FILE)}
    # The list is the operator's own, but a log is read by others: how many, not who.
    return Outcome(ok=not missing, said=f"{len(missing)} of {len(seen.canaries.present)} are missing")


def _labels(seen: Evidence) -> Outcome:
    """Make every split again, from what the model says of itself: a split that leaks cannot be made."""
    splits, live = seen.metrics.splits, seen.metrics.live
    if not splits:
        return Outcome(ok=False, said="the model was tested on no past origin; train it again")
    if (live.test, live.lag) != (str(seen.origin.day), seen.origin.lag):
        return Outcome(ok=False, said=f"the model was made for {live.test}, the release for {seen.origin}")
    try:
        for told in (*splits, live):
            train = tuple(Origin(Month.parse(each), told.lag) for each in told.train)
            Split(train, Origin(Month.parse(told.test), told.lag))
    except (Leak, ValueError) as error:
        return Outcome(ok=False, said=str(error))
    return Outcome(ok=True, said=f"{len(splits)} tests and the model itself")


def _age(seen: Evidence) -> Outcome:
    days = [(seen.today - seen.origin.first_day).days]
    days += [(seen.today - max(seen.ingested.stocks)).days] if seen.ingested.stocks else []
    ok = max(days) <= OLDEST_DAYS and min(days) >= -OLDEST_DAYS
    return Outcome(ok=ok, said=f"the day is {days[0]} days back, the newest stock file {days[-1]}")


def _order(seen: Evidence) -> Outcome:
    if seen.old is None:
        return _first(seen)
    return Outcome(ok=seen.new.day >= seen.old.day, said=f"{seen.new.day} after {seen.old.day}")


def _rejects(seen: Evidence) -> Outcome:
    told = []
    for counts in seen.ingested.tables:
        apart = {
            name.partition(".")[2]: ceiling
            for name, ceiling in seen.ingested.ceilings.items()
            if name.startswith(f"{counts.table}.")
        }
        rejected = {reason: counts.rejected_for.get(reason, 0) for reason in apart}
        rows = [(counts.table, counts.rejected - sum(rejected.values()), seen.ingested.ceilings[counts.table])]
        rows += [(f"{counts.table}.{reason}", rejected[reason], ceiling) for reason, ceiling in apart.items()]
        told += [f"{name} {count} of {counts.read}" for name, count, most in rows if count > most * counts.read]
    read = sum(counts.read for counts in seen.ingested.tables)
    lost = sum(counts.rejected for counts in seen.ingested.tables)
    return Outcome(ok=not told, said=", ".join(told) or f"{lost} of {read} rows")


def _own_place(seen: Evidence) -> Outcome:
    share = seen.ingested.own_place
    return Outcome(ok=share >= OWN_PLACE, said=f"{share:.1%} of the establishments that could be shown")


def _synthetic(seen: Evidence) -> Outcome:
    found = seen.synthetic
    if found is None or found.code != seen.code:
        told = f"of code {found.code}, this is {seen.code}" if found else "there is none"
        return Outcome(ok=False, said=f"{told}; run widget-server forecast bench")
    red = [f"{check.name} {check.value:.4g} ({check.bound})" for check in found.checks if check.asked and not check.ok]
    at = f"{len(found.checks)} bounds, {len(found.seeds)} seed(s) at {found.size}"
    return Outcome(ok=bool(found.checks) and not red, said=", ".join(red) or at)


_RELATIVE: Final = f"within {LEVEL:.0%} of the last release, season allowed for"

GATES: Final = (
    Gate(name="pairs", measure="pairs of establishment and occupation", bound=_RELATIVE,
         why="A join that lost rows looks like a quiet month.", judge=_level("pairs", lambda told: told.all_pairs)),
    Gate(name="establishments", measure="establishments", bound=_RELATIVE,
         why="The same, seen by companies.", judge=_level("establishments", lambda told: told.establishments)),
    Gate(name="departements", measure="pairs of each département",
         bound=f"none at 0, none moved by more than {DEPARTEMENT:.0%}; below {FEW_PAIRS} pairs by région",
         why="A département that is gone hides behind the growth of the others.", judge=_departements),
    Gate(name="mean_p", measure="mean probability", bound=_RELATIVE,
         why="Probabilities that all moved are a fault of the inputs, either way.",
         judge=_level("mean_p", lambda told: told.mean_p)),
    Gate(name="band_a", measure="share of band A", bound=_RELATIVE,
         why="The best band is what most readers see.",
         judge=_level("band_a", lambda told: told.band_a, slack=_few_of_band)),
    Gate(name="expected_hires", measure="mean expected hires", bound=_RELATIVE,
         why="Hires counted twice double them.",
         judge=_level("expected_hires", lambda told: told.expected_hires, _hires)),
    Gate(name="churn", measure="top tenth by expected hires",
         bound=f"{LEAST_CHURN:.1%} (of a later day) to {MOST_CHURN:.0%} are new",
         why="A list that turned over is broken; one that never changes is frozen.", judge=_churn),
    Gate(name="drift", measure="population stability index of each feature",
         bound=f"<= {DRIFT} + {SEASONAL_DRIFT:g} x that of the same two days a year earlier",
         why="A model is not asked about a world that it has not seen.", judge=_drift),
    Gate(name="precision", measure="precision@10 against the baselines",
         bound=f">= {OVER_BASELINE} x the best of {', '.join(BASELINES)}",
         why="A model that is not better than last year's list is not worth its risk.", judge=_over_baselines),
    Gate(name="precision_last", measure="precision@10 against the last release", bound=f">= {UNDER_LAST} x",
         why="Quality does not erode unseen.",
         judge=_against_last("precision_at_10", lambda ratio: ratio >= UNDER_LAST)),
    Gate(name="too_good", measure="precision@10 against the last release", bound=f"<= {TOO_GOOD} x",
         why="A leap is a leak until it is explained.",
         judge=_against_last("precision_at_10", lambda ratio: ratio <= TOO_GOOD)),
    Gate(name="calibration", measure="expected calibration error", bound=f"<= {MOST_ECE}",
         why="A band is a promise about a share.", judge=_calibration),
    Gate(name="deviance", measure="Poisson deviance against the last release", bound=f"<= {MOST_DEVIANCE} x",
         why="Counts go wrong before ranks do.", judge=_against_last("deviance", lambda ratio: ratio <= MOST_DEVIANCE)),
    Gate(name="shown", measure="opted out, closed, not diffusible, withheld, unknown, canaries that must be absent",
         bound="0", why="Nobody is shown who asked not to be.", judge=_may_be_shown, yields=False),
    Gate(name="canaries", measure="canaries that must be present", bound="all",
         why="What the operator knows to be there is there.", judge=_canaries, yields=False),
    Gate(name="labels", measure="label windows of every test and of the model", bound="known on the day of the test",
         why="No metric sees an overlap of three months.", judge=_labels),
    Gate(name="age", measure="age of the inputs", bound=f"<= {OLDEST_DAYS} days",
         why="An estimate of last season is not one of this season.", judge=_age, demonstration=False),
    Gate(name="order", measure="day against the last release", bound="not older",
         why="An old folder in the place of the new one brings back what was closed.", judge=_order),
    Gate(name="rejects", measure="rejected rows", bound="under the ceiling of each table",
         why="When many rows cannot be read, their format has changed.", judge=_rejects),
    Gate(name="own_place", measure="placed by their own coordinates", bound=f">= {OWN_PLACE:.0%}",
         why="Distances from the middle of a commune are guesses.", judge=_own_place),
    Gate(name="synthetic", measure="bounds on the synthetic economy, this code", bound="all",
         why="There the ceiling is known: what is lost there was lost by the code.", judge=_synthetic,
         demonstration=False),
)  # fmt: skip
"""In the order in which they are asked and printed."""


def problems_of(overrides: Mapping[str, str]) -> list[str]:
    """What is wrong with the overrides that an operator gave: gate -> reason."""
    known = {gate.name: gate for gate in GATES}
    told = []
    for name, because in overrides.items():
        if name not in known:
            told.append(f"no gate is called {name}; there are {', '.join(known)}")
        elif not known[name].yields:
            told.append(f"{name} is about who may be shown; it is never overridden")
        elif len(because.strip()) < LEAST_REASON:
            told.append(
                f"the reason to override {name} has {len(because.strip())} characters, {LEAST_REASON} are asked"
            )
    return told


def judge(seen: Evidence, overrides: Mapping[str, str] | None = None) -> list[Verdict]:
    """What every gate says, in the order of GATES; none stops another from being asked."""
    given = overrides or {}
    verdicts = []
    for gate in GATES:
        if seen.new.demonstration and not gate.demonstration:
            outcome = Outcome(ok=True, said="the companies are fictitious", asked=False)
        else:
            outcome = gate.judge(seen)
        state: State = "green" if outcome.ok else "red"
        if outcome.ok and not outcome.asked:
            state = "not asked"
        because = ""
        if not outcome.ok and gate.yields and gate.name in given:
            state, because = "overridden", given[gate.name].strip()
        verdicts.append(
            Verdict(
                gate=gate.name,
                measure=gate.measure,
                bound=gate.bound,
                state=state,
                said=outcome.said,
                because=because,
            )
        )
    return verdicts


def table(verdicts: Sequence[Verdict]) -> str:
    """The whole table for a terminal, one gate per line."""
    width = max(len(verdict.gate) for verdict in verdicts)
    return "\n".join(
        f"{verdict.state:<10} {verdict.gate:<{width}}  {verdict.said} ({verdict.measure}: {verdict.bound})"
        + (f" because: {verdict.because}" if verdict.because else "")
        for verdict in verdicts
    )


def check(verdicts: Sequence[Verdict]) -> None:
    """A `GateRed` with the whole table when a gate is red."""
    red = [verdict.gate for verdict in verdicts if verdict.state == "red"]
    if red:
        options = " ".join(f"--override {name}" for name in red if name not in ("shown", "canaries"))
        remedy = f'\nIf this is right: {options} --because "..."' if options else ""
        raise GateRed(
            f"{table(verdicts)}\n{len(red)} of {len(verdicts)} gates are red: {', '.join(red)}; "
            f"the previous release stays.{remedy}"
        )
