"""What is known about each establishment on the day of an origin: one row per feature, one statement per origin.

A feature is computed in one of three steps, each of which sees what the one before it made:

    hires       an aggregate over the known hires of one establishment: `n` hires in a month that lies `ago` known
                months back (1 is the newest), `before` months before the day, in the September or October of the
                `rentree`-th newest rentrée
    row         an expression over one establishment and the aggregates
    sector      an expression with window functions over every establishment that is scored

Counts of an establishment without hires are 0; a window that starts before the data is null for everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

import duckdb

from widget_server.forecast.clock import Origin
from widget_server.forecast.tables import TABLES, section_ordinal_sql

FOLLOWED: Final = """
    LEFT JOIN moves AS first ON first.old = hires.siret
    LEFT JOIN moves AS second ON second.old = first.new
    LEFT JOIN moves AS third ON third.old = second.new"""
FOLLOWED_SIRET: Final = "coalesce(third.new, second.new, first.new, hires.siret)"
"""The SIRET under which somebody who moved up to three times is known now, where `moves` and `hires` are at hand."""
KEYS: Final = ("siret", "departement", "naf")
"""The columns of a file of features that stand before them."""
LABEL: Final = "hires"
"""The last column of a labelled file: hires in the window that is predicted."""
MEMORY_MONTHS: Final = 60
"""Who hired within so many months is scored even when SIRENE does not call it an employer."""
_ROW_GROUP: Final = 122_880
_MOVE_DAYS: Final = 92
_SHRINK: Final = 30
_SHRINK_BRACKET: Final = 15
_TENSION_SHRINK: Final = 20
_GROWTH_SHRINK: Final = 10

Family = Literal["recent", "history", "season", "sector", "size", "new", "growth", "tension", "calendar"]
Step = Literal["hires", "row", "sector"]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column of the model.

    constraint  +1: more of it never lowers a prediction, -1: never raises it, 0: free
    since       the first month that it looks at, as SQL; null for everybody when the data begin later
    """

    name: str
    family: Family
    constraint: Literal[-1, 0, 1]
    step: Step
    sql: str
    since: str = ""


def _count(family: Family, months: int) -> Feature:
    sql = f"sum(n) FILTER (WHERE ago <= {months})"
    return Feature(name=f"sum_{months}m", family=family, constraint=1, step="hires", sql=sql, since=_known(months))


def _known(months: int) -> str:
    return f"known_end - {months}"


def _semester(nth: int) -> Feature:
    sql = f"sum(n) FILTER (WHERE ago BETWEEN {6 * nth - 5} AND {6 * nth})"
    return Feature(name=f"semester_{nth}", family="history", constraint=1, step="hires", sql=sql, since=_known(6 * nth))


def _active_months(months: int) -> Feature:
    return Feature(
        name=f"active_months_{months}",
        family="history",
        constraint=1,
        step="hires",
        sql=f"count(*) FILTER (WHERE ago <= {months})",
        since=_known(months),
    )


def _same_window(years: int) -> Feature:
    sql = f"sum(n) FILTER (WHERE before BETWEEN {12 * years - 5} AND {12 * years})"
    return Feature(
        name=f"same_window_y{years}",
        family="season",
        constraint=1,
        step="hires",
        sql=sql,
        since=f"day - {12 * years}",
    )


def _peak(nth: int) -> Feature:
    return Feature(
        name=f"peak_{nth}",
        family="season",
        constraint=1,
        step="hires",
        sql=f"max(n) FILTER (WHERE rentree = {nth})",
        since=f"(last_rentree - {nth - 1}) * 12 + 8",
    )


def _encoding(name: str, value: str, by: str, shrink: int, since: str) -> Feature:
    """The mean of a value in a group, drawn towards the mean of the country by `shrink` establishments of it."""
    sql = (
        f"(sum({value}) OVER (PARTITION BY {by}) + {shrink} * avg({value}) OVER ()) "
        f"/ (count(*) OVER (PARTITION BY {by}) + {shrink})"
    )
    return Feature(name=name, family="sector", constraint=1, step="sector", sql=sql, since=since)


def _years(what: str) -> str:
    years = [f"coalesce(sum(n) FILTER (WHERE ago BETWEEN {12 * year - 11} AND {12 * year}), 0)" for year in range(1, 6)]
    return f"{what}([{', '.join(years)}])"


_BRACKET: Final = "naf, bracket"
_HIRED: Final = "CAST(sum_12m > 0 AS INTEGER)"

FEATURES: Final = (
    *(_count("recent", months) for months in (1, 2, 3, 6)),
    # Without the limit, null would mean 48 months on an old origin and 96 on the newest one.
    Feature(
        name="months_since_last",
        family="recent",
        constraint=-1,
        step="hires",
        sql=f"min(before) FILTER (WHERE ago <= {MEMORY_MONTHS})",
    ),
    *(_count("history", months) for months in (9, 12, 18, 24, 36, 48, 60)),
    *(_semester(nth) for nth in range(1, 8)),
    *(_active_months(months) for months in (24, 60)),
    Feature(
        name="years_active_5",
        family="history",
        constraint=1,
        step="hires",
        sql="count(DISTINCT (ago - 1) // 12) FILTER (WHERE ago <= 60)",
        since=_known(60),
    ),
    Feature(
        name="std_5y",
        family="history",
        constraint=0,
        step="hires",
        sql=_years("list_stddev_pop"),
        since=_known(60),
    ),
    *(_same_window(years) for years in range(1, 5)),
    *(_peak(nth) for nth in range(1, 4)),
    _encoding("mean_24m_naf", "sum_24m", "naf", _SHRINK, _known(24)),
    _encoding("mean_24m_naf_bracket", "sum_24m", _BRACKET, _SHRINK_BRACKET, _known(24)),
    _encoding("mean_24m_departement", "sum_24m", "departement", _SHRINK, _known(24)),
    _encoding("mean_24m_departement_section", "sum_24m", "departement, letter", _SHRINK, _known(24)),
    _encoding("hired_12m_naf", _HIRED, "naf", _SHRINK, _known(12)),
    _encoding("hired_12m_naf_bracket", _HIRED, _BRACKET, _SHRINK_BRACKET, _known(12)),
    _encoding("same_window_naf", "same_window_y1", "naf", _SHRINK, "day - 12"),
    _encoding("same_window_naf_bracket", "same_window_y1", _BRACKET, _SHRINK_BRACKET, "day - 12"),
    Feature(name="section", family="sector", constraint=0, step="row", sql=section_ordinal_sql("letter")),
    Feature(name="headcount", family="size", constraint=0, step="row", sql="bracket"),
    Feature(
        name="age_months",
        family="new",
        constraint=0,
        step="row",
        # With least() alone a null would be 240.
        sql="CASE WHEN created IS NOT NULL THEN least(240, day - (year(created) * 12 + month(created) - 1)) END",
    ),
    Feature(
        name="trend",
        family="growth",
        constraint=0,
        step="hires",
        sql="coalesce(sum(n) FILTER (WHERE ago <= 12), 0) - coalesce(sum(n) FILTER (WHERE ago BETWEEN 13 AND 24), 0)",
        since=_known(24),
    ),
    Feature(
        name="sector_growth",
        family="growth",
        constraint=0,
        step="row",
        # The same number above and below: over 1 exactly when the sector hired more than in the year before.
        sql=f"(coalesce(sector_12m, 0) + {_GROWTH_SHRINK}) / (coalesce(sector_before, 0) + {_GROWTH_SHRINK})",
        since=_known(24),
    ),
    Feature(name="tension", family="tension", constraint=0, step="row", sql="needed"),
    Feature(name="month", family="calendar", constraint=0, step="row", sql="day % 12 + 1"),
)
"""The model's columns, in its order."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a file of features holds: rows, establishments that carry a history from before a move, its stock file."""

    rows: int
    moves: int
    stock: date


def open_tables(
    folder: Path, *, threads: int = 1, memory: str = "3GB", spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A database that sees the clean tables of an ingest; results are in order whatever the number of threads.

    What does not fit into `memory` goes to the folder `spill`, or where DuckDB puts it.
    """
    database = duckdb.connect()
    if spill:
        target = str(spill).replace("'", "''")
        database.execute(f"SET temp_directory = '{target}'")
    database.execute(f"SET threads = {threads}; SET memory_limit = '{memory}'; SET preserve_insertion_order = true")
    for table in TABLES:
        path = str(folder / f"{table.name}.parquet").replace("'", "''")
        database.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{path}')")
    return database


def stock_days(database: duckdb.DuckDBPyConnection) -> tuple[date, ...]:
    """The days of the stock files, the oldest first."""
    rows = database.execute("SELECT DISTINCT as_of FROM establishments ORDER BY as_of").fetchall()
    return tuple(row[0] for row in rows)


def write_features(
    database: duckdb.DuckDBPyConnection, origin: Origin, path: Path, *, labelled: bool = False
) -> Written:
    """Write the features of everybody who is scored on the day of an origin, by SIRET, as Parquet.

    Columns: KEYS, the names of FEATURES as single precision, and LABEL when `labelled`.
    """
    days = stock_days(database)
    sql = features_sql(origin, days, labelled=labelled)
    target = str(path).replace("'", "''")
    rows = database.execute(
        f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
    ).fetchall()
    stock = origin.stock(days)
    moved = database.execute(f"SELECT count(*) FROM ({moves_sql(stock, origin.first_day)})").fetchall()
    return Written(rows=int(rows[0][0]), moves=int(moved[0][0]), stock=stock)


def moves_sql(stock: date, until: date) -> str:
    """`old, new, closed`: who closed by a day and opened under another SIRET within three months, at one commune.

    Same company, same NAF, and no second candidate on either side.
    """
    return f"""
        SELECT old.siret AS old, any_value(new.siret) AS new, any_value(old.closed) AS closed
        FROM establishments AS old
        JOIN establishments AS new ON new.siret[1:9] = old.siret[1:9] AND new.commune = old.commune
            AND new.naf = old.naf AND new.siret <> old.siret
        WHERE old.as_of = DATE '{stock}' AND new.as_of = DATE '{stock}' AND old.closed <= DATE '{until}'
            AND new.created > old.created AND new.created <= DATE '{until}'
            AND abs(new.created - old.closed) <= {_MOVE_DAYS}
        GROUP BY old.siret HAVING count(*) = 1
        QUALIFY count(*) OVER (PARTITION BY any_value(new.siret)) = 1"""


def features_sql(origin: Origin, stocks: Sequence[date], *, labelled: bool = False) -> str:
    """The statement that computes the features of an origin from the clean tables."""
    stock = origin.stock(stocks)
    label, join = "", ""
    if labelled:
        label = f", CAST(coalesce(future.n, 0) AS INTEGER) AS {LABEL}"
        join = "LEFT JOIN future ON future.siret = encoded.siret"
    return f"""
WITH clock AS (
    SELECT {origin.day.number} AS day, {origin.known_end.number} AS known_end, {origin.rentree} AS last_rentree
), stock AS (
    SELECT siret, departement, naf, section AS letter, headcount AS bracket, created, closed, employer
    FROM establishments
    WHERE as_of = DATE '{stock}' AND (created IS NULL OR created <= DATE '{origin.first_day}')
), moves AS ({moves_sql(stock, origin.first_day)}
), known AS (
    SELECT {FOLLOWED_SIRET} AS siret, month, sum(n) AS n,
        known_end - month AS ago, day - month AS before,
        CASE WHEN month % 12 IN (8, 9) THEN last_rentree - month // 12 + 1 END AS rentree
    FROM hires CROSS JOIN clock {FOLLOWED}
    WHERE month < known_end GROUP BY ALL
), beginning AS (
    SELECT min(month) AS first_month FROM known
), history AS (
    SELECT siret, min(ago) AS last_ago, {_listed("hires")} FROM known GROUP BY siret
), growth AS (
    SELECT naf, sum(n) FILTER (WHERE ago <= 12) AS sector_12m,
        sum(n) FILTER (WHERE ago BETWEEN 13 AND 24) AS sector_before
    FROM known JOIN stock USING (siret) GROUP BY naf
), {_tension_sql(origin)}, scored AS (
    SELECT stock.siret, stock.departement, stock.naf, letter, bracket, created, clock.*, first_month,
        sector_12m, sector_before, needed, {_filled("hires")}
    FROM stock CROSS JOIN clock CROSS JOIN beginning
    LEFT JOIN history ON history.siret = stock.siret
    LEFT JOIN growth ON growth.naf = stock.naf
    LEFT JOIN tension_of ON tension_of.departement = stock.departement AND tension_of.naf = stock.naf
    WHERE (closed IS NULL OR closed > DATE '{origin.first_day}')
        AND (employer OR bracket >= 1 OR last_ago <= {MEMORY_MONTHS})
), encoded AS (
    SELECT *, {_filled("row")}, {_filled("sector")} FROM scored
), future AS ({future_sql(origin, max(stocks))})
SELECT {", ".join(f"encoded.{key}" for key in KEYS)},
    {", ".join(f"CAST(encoded.{feature.name} AS FLOAT) AS {feature.name}" for feature in FEATURES)}{label}
FROM encoded {join} ORDER BY encoded.siret"""


def _listed(step: Step) -> str:
    return ", ".join(f"{feature.sql} AS {feature.name}" for feature in FEATURES if feature.step == step)


def _filled(step: Step) -> str:
    """The features of a step: nulls of counts are 0, and everything is null before the data begin."""
    columns = []
    for feature in FEATURES:
        if feature.step != step:
            continue
        value = feature.sql
        if step == "hires":
            value = f"coalesce(history.{feature.name}, 0)" if feature.since else f"history.{feature.name}"
        if feature.since:
            value = f"CASE WHEN first_month <= {feature.since} THEN {value} END"
        columns.append(f"{value} AS {feature.name}")
    return ", ".join(columns)


def _tension_sql(origin: Origin) -> str:
    """`tension_of`: the share of difficult recruitments by département and NAF, from the newest survey of the day.

    A département is drawn towards the country by 20 projects. Sums are decimals: those of floats depend on threads.
    """
    exact = "DECIMAL(38, 12)"
    return f"""survey AS (
    SELECT departement, fap, sum(difficult) AS difficult, sum(projects) AS projects FROM tension
    WHERE year = (SELECT max(year) FROM tension WHERE year <= {origin.tension_year})
        AND projects IS NOT NULL AND difficult IS NOT NULL
    GROUP BY departement, fap
), country AS (
    SELECT fap, sum(difficult) / sum(projects) AS ratio FROM survey GROUP BY fap HAVING sum(projects) > 0
), here AS (
    SELECT all_departements.departement, fap,
        (coalesce(difficult, 0) + {_TENSION_SHRINK} * ratio) / (coalesce(projects, 0) + {_TENSION_SHRINK}) AS ratio
    FROM (SELECT DISTINCT departement FROM stock) AS all_departements CROSS JOIN country
    LEFT JOIN survey USING (departement, fap)
), tension_rome AS (
    SELECT departement, rome,
        CAST(sum(CAST(weight * ratio AS {exact})) / sum(CAST(weight AS {exact})) AS DOUBLE) AS ratio
    FROM here JOIN fap_rome USING (fap) GROUP BY departement, rome
), tension_of AS (
    SELECT departement, naf,
        CAST(sum(CAST(hires * ratio AS {exact})) / sum(CAST(hires AS {exact})) AS DOUBLE) AS needed
    FROM tension_rome JOIN rome_naf USING (rome) GROUP BY departement, naf
)"""


def future_sql(origin: Origin, newest: date, *, by: str = "") -> str:
    """`siret, n`: the hires of the label by SIRET of the day, and by more columns of `hires` where `by` names them.

    Who moves in the meantime hires under its new SIRET; `newest` is the stock file that knows of it.
    """
    label = origin.label
    return f"""
    SELECT coalesce(moved.old, hires.siret) AS siret{by and f", {by}"}, sum(n) AS n FROM hires
    LEFT JOIN (
        SELECT old, new FROM ({moves_sql(newest, label.end.first_day)}) WHERE closed > DATE '{origin.first_day}'
    ) AS moved ON moved.new = hires.siret
    WHERE month >= {label.start.number} AND month < {label.end.number} GROUP BY ALL"""
