"""Why an establishment has its estimate: families of features that raise it, and sentences that are true of it.

A family counts with the sum of its exact TreeSHAP values; a code is given only where its guard holds as well, on what
was known on the day. So none is possible, and fewer than three is normal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from widget_server.forecast.features import FEATURES, MEMORY_MONTHS, Family
from widget_server.forecast.model import Boosters
from widget_server.forecast.populations import source_sql
from widget_server.forecast.scorers import COLUMNS, Flags, Numbers, Singles, Texts

MOST: Final = 3
LEAST_LOG_ODDS: Final = 0.1
NONE: Final = -1
"""The place of a reason that there is not."""
_ROWS_AT_ONCE: Final = 20_000
_RECENT_MONTHS: Final = 12
_NEW_MONTHS: Final = 24
_OFTEN_YEARS: Final = 2
_EQUAL: Final = 1e-6  # of single precision: what differs by less is the same rate


@dataclass(frozen=True, kw_only=True)
class Country:
    """What the guards compare with: everybody who is scored on the day.

    rate            share that hired within 12 months; None before there are 12 months of data
    bracket_rates   the same by headcount bracket
    tension         the median; None without a survey
    """

    rate: float | None
    bracket_rates: Mapping[int, float]
    tension: float | None


def read_country(database: duckdb.DuckDBPyConnection, file: Path) -> Country:
    """From the features of everybody on the day."""
    hired = "avg(CAST(sum_12m > 0 AS INTEGER))"
    source = source_sql(file)
    rate, tension = database.execute(f"SELECT {hired}, median(tension) FROM {source}").fetchall()[0]
    rates = database.execute(
        f"SELECT headcount, {hired} FROM {source} "
        "WHERE headcount IS NOT NULL AND sum_12m IS NOT NULL GROUP BY headcount ORDER BY headcount"
    ).fetchall()
    return Country(
        rate=None if rate is None else float(rate),
        bracket_rates={int(bracket): float(each) for bracket, each in rates},
        tension=None if tension is None else float(tension),
    )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Some rows as their guards see them; a comparison with null is false."""

    features: Singles
    naf: Texts
    country: Country

    def of(self, name: str) -> Numbers:
        return self.features[:, COLUMNS[name]].astype(np.float64)


def _season(rows: _Row) -> Flags:
    # "Souvent" is more than once.
    years = np.stack([rows.of(f"same_window_y{year}") > 0 for year in range(1, 5)])
    found: Flags = years.sum(axis=0) >= _OFTEN_YEARS
    return found


def _sector(rows: _Row) -> Flags:
    above = np.inf if rows.country.rate is None else rows.country.rate * (1 + _EQUAL)
    found: Flags = (rows.naf != "") & (rows.of("hired_12m_naf") > above)
    return found


def _size(rows: _Row) -> Flags:
    above = np.inf if rows.country.rate is None else rows.country.rate
    hiring = [bracket for bracket, rate in rows.country.bracket_rates.items() if rate > above]
    found: Flags = np.isin(rows.of("headcount"), hiring)
    return found


def _tension(rows: _Row) -> Flags:
    above = np.inf if rows.country.tension is None else rows.country.tension
    return rows.of("tension") > above


def _new(rows: _Row) -> Flags:
    return (rows.of("age_months") < _NEW_MONTHS) & np.isnan(rows.of("months_since_last"))


@dataclass(frozen=True)
class Reason:
    """A code of the release, the family that argues for it, and when its sentence is true."""

    code: str
    family: Family
    guard: Callable[[_Row], Flags]


REASONS: Final = (
    Reason("history", "history", lambda rows: rows.of("months_since_last") <= MEMORY_MONTHS),
    Reason("season", "season", _season),
    Reason("recent", "recent", lambda rows: rows.of("months_since_last") <= _RECENT_MONTHS),
    Reason("sector", "sector", _sector),
    Reason("size", "size", _size),
    Reason("tension", "tension", _tension),
    Reason("growth", "growth", lambda rows: (rows.naf != "") & (rows.of("sector_growth") > 1)),
    Reason("new", "new", _new),
)
"""Every reason; the sentences stand in sources/recruiters.py. The calendar argues for everybody alike: for nobody."""


def explain(boosters: Boosters, features: Singles, naf: Texts, country: Country) -> NDArray[np.int8]:
    """The places in REASONS of up to three codes for each row, [N, 3], the strongest first, then NONE."""
    found = np.full((len(features), MOST), NONE, dtype=np.int8)
    for first in range(0, len(features), _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        rows = _Row(features=features[some], naf=naf[some], country=country)
        sums = by_family(boosters.contributions(features[some]))
        guards = np.stack([reason.guard(rows) for reason in REASONS], axis=1)
        sums = np.where(guards & (sums >= LEAST_LOG_ODDS), sums, -np.inf)
        order = np.argsort(-sums, axis=1, kind="stable")[:, :MOST]
        found[some] = np.where(np.isfinite(np.take_along_axis(sums, order, axis=1)), order, NONE)
    return found


def by_family(contributions: Numbers) -> Numbers:
    """Contributions [N, features + bias] summed by the family of each reason, [N, len(REASONS)]."""
    member = np.asarray(
        [[feature.family == reason.family for reason in REASONS] for feature in FEATURES], dtype=np.float64
    )
    found: Numbers = contributions[:, : len(FEATURES)] @ member
    return found
