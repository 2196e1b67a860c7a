"""What is known about each establishment on the day of an origin: one row per feature, one statement per origin.

A feature is computed in one of four steps, each of which sees what the ones before it made:

    hires       an aggregate over the known hires of one establishment: `n` hires in a month that lies `ago` known
                months back (1 is the newest), `before` months before the day, in the September or October of the
                `rentree`-th newest rentrée
    peers       an aggregate over everybody who is scored, of one NAF and headcount bracket
    place       the same, of one département and NAF section
    row         an expression over one establishment and all of these

Counts of an establishment without hires are 0; a window that starts before the data is null for everybody.

A *normal month* is a twelfth of a year of hires in a section: September has several, February has half a one. *Faded*
by h months: a hire, or a month in which one could have been, counts half after h months. The *exposure* of an
establishment is its faded normal months since it was created, or since its first known hire where that is earlier (who
moved has a past), in the known months and at most 60. So a pace says the same of who is young and of who is old.

    faded_h         its hires
    exposure_h      its exposure
    busy            normal months in the window that is predicted
    rate_h          hires in a normal month, or for `any` the share that hired, of its NAF and bracket: the country,
                    times NAF, times bracket, times NAF x bracket, each observed / expected and drawn to 1
    local_h         observed / expected of its département and section, with those rates expected
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

import duckdb

from widget_server.forecast.clock import LABEL_MONTHS, Origin
from widget_server.forecast.literals import literal
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
_PEERS_SHRINK: Final = 10
_YEAR_SHRINK: Final = 300
_EXACT: Final = "DECIMAL(38, 12)"
"""What is summed over rows: sums of floats depend on threads."""
_FADES: Final = (6, 12, 24, 60)
_PEERS: Final = (("12", "faded_12", "exposure_12"), ("24", "faded_24", "exposure_24"), ("any", "hired", "1"))
"""Of whose rates: a name, what is counted of an establishment, and its exposure; `any` counts who hired in a year."""
_ESTABLISHMENTS: Final = "exposure_any"

Family = Literal["recent", "history", "season", "sector", "size", "new", "growth", "tension", "calendar"]
Step = Literal["hires", "peers", "place", "row"]


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

    def total(of: str, groups: str = "") -> str:
        return f"CAST(sum(sum({of})) OVER ({groups}) AS DOUBLE)"

    here, many = (total(of, f"PARTITION BY {by}") for of in (value, _ESTABLISHMENTS))
    return Feature(
        name=name,
        family="sector",
        constraint=1,
        step="peers" if by.startswith("naf") else "place",
        sql=f"({here} + {shrink} * {total(value)} / {total(_ESTABLISHMENTS)}) / ({many} + {shrink})",
        since=since,
    )


def _pace(fade: int) -> Feature:
    """Hires in the window at the faded pace of the past; a normal month without hires is added."""
    return Feature(
        name=f"pace_{fade}m",
        family="recent" if fade < 12 else "history",
        constraint=1,
        step="row",
        sql=f"faded_{fade} / (exposure_{fade} + 1) * busy",
        since=_known(1),
    )


def _peers(fade: int) -> tuple[Feature, ...]:
    """What its peers would hire in the window, the part of that which is the place, and its own pace drawn to it."""
    rate = f"rate_{fade} * local_{fade}"
    return (
        Feature(
            name=f"peers_{fade}m", family="sector", constraint=1, step="row", sql=f"{rate} * busy", since=_known(1)
        ),
        Feature(name=f"local_{fade}m", family="sector", constraint=1, step="row", sql=f"local_{fade}", since=_known(1)),
        Feature(
            name=f"pace_{fade}m_peers",
            family="history",
            constraint=1,
            step="row",
            # The mean of a gamma law whose prior is worth one hire.
            sql=f"(faded_{fade} + 1) / (exposure_{fade} * {rate} + 1) * {rate} * busy",
            since=_known(1),
        ),
    )


def _years(what: str) -> str:
    years = [f"coalesce(sum(n) FILTER (WHERE ago BETWEEN {12 * year - 11} AND {12 * year}), 0)" for year in range(1, 6)]
    return f"{what}([{', '.join(years)}])"


_BRACKET: Final = "naf, bracket"

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
    _encoding("hired_12m_naf", "seen_any", "naf", _SHRINK, _known(12)),
    _encoding("hired_12m_naf_bracket", "seen_any", _BRACKET, _SHRINK_BRACKET, _known(12)),
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
        sql="CASE WHEN created IS NOT NULL THEN least(240, day - created_month) END",
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
    *(_pace(fade) for fade in _FADES),
    Feature(name="silence", family="recent", constraint=-1, step="row", sql="quiet"),
    Feature(name="silence_before", family="history", constraint=-1, step="row", sql="quiet_before"),
    Feature(
        name="last_hires",
        family="history",
        constraint=1,
        step="hires",
        sql=f"arg_min(n, ago) FILTER (WHERE ago <= {MEMORY_MONTHS})",
        since=_known(1),
    ),
    *(feature for fade in (12, 24) for feature in _peers(fade)),
    Feature(
        name="hired_12m_peers",
        family="sector",
        constraint=1,
        step="row",
        sql="rate_any * local_any",
        since=_known(12),
    ),
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
        database.execute(f"SET temp_directory = {literal(spill)}")
    database.execute(f"SET threads = {threads}; SET memory_limit = '{memory}'; SET preserve_insertion_order = true")
    for table in TABLES:
        path = literal(folder / f"{table.name}.parquet")
        database.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet({path})")
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
    # Estimates go wrong by a factor of a thousand: joins keep what stands on the right of them in memory, as written.
    database.execute("SET disabled_optimizers = 'build_side_probe_side'")
    try:
        rows = database.execute(
            f"COPY ({sql}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
        ).fetchall()
    finally:
        database.execute("RESET disabled_optimizers")
    stock = origin.stock(days)
    moved = database.execute(f"SELECT count(*) FROM ({moves_sql(stock, origin.first_day)})").fetchall()
    return Written(rows=int(rows[0][0]), moves=int(moved[0][0]), stock=stock)


def moves_sql(stock: date, until: date) -> str:
    """`old, new, closed`: who closed by a day and opened under another SIRET within three months, at one commune.

    Same company, same NAF, and no second candidate on either side.
    """
    return f"""
        SELECT old.siret AS old, any_value(new.siret) AS new, any_value(old.closed) AS closed
        FROM establishments AS new
        JOIN establishments AS old ON new.siret[1:9] = old.siret[1:9] AND new.commune = old.commune
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
    SELECT siret, departement, naf, section AS letter, headcount AS bracket, created, closed, employer,
        year(created) * 12 + month(created) - 1 AS created_month
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
    SELECT siret, max(ago) AS first_ago, min(ago) FILTER (WHERE ago <= {MEMORY_MONTHS}) AS last_ago,
        (min(ago, 2) FILTER (WHERE ago <= {MEMORY_MONTHS}))[2] AS ago_before, {_faded()},
        {_listed("hires")}
    FROM known GROUP BY siret
), growth AS (
    SELECT naf, sum(n) FILTER (WHERE ago <= 12) AS sector_12m,
        sum(n) FILTER (WHERE ago BETWEEN 13 AND 24) AS sector_before
    FROM stock JOIN known USING (siret) GROUP BY naf
), {_tension_sql(origin)}, {_exposure_sql()}, scored AS NOT MATERIALIZED (
    SELECT stock.siret, stock.departement, stock.naf, stock.letter, bracket, created, created_month, clock.*,
        first_month, sector_12m, sector_before, needed, busy, last_ago, {_exposed()},
        quiet.normal AS quiet, quiet_before.normal AS quiet_before, {_filled("hires")}
    FROM stock CROSS JOIN clock CROSS JOIN beginning
    LEFT JOIN history ON history.siret = stock.siret
    LEFT JOIN growth ON growth.naf = stock.naf
    LEFT JOIN tension_of ON tension_of.departement = stock.departement AND tension_of.naf = stock.naf
    LEFT JOIN ahead ON ahead.letter IS NOT DISTINCT FROM stock.letter
    LEFT JOIN exposure ON exposure.letter IS NOT DISTINCT FROM stock.letter AND exposure.months = {_EXPOSED_MONTHS}
    LEFT JOIN exposure AS quiet ON quiet.letter IS NOT DISTINCT FROM stock.letter AND quiet.months = last_ago - 1
    LEFT JOIN exposure AS quiet_before ON quiet_before.letter IS NOT DISTINCT FROM stock.letter
        AND quiet_before.months = ago_before - 1
    WHERE (closed IS NULL OR closed > DATE '{origin.first_day}')
        AND (employer OR bracket >= 1 OR last_ago IS NOT NULL)
), {_peers_sql()}, encoded AS (
    SELECT scored.*, {_filled("peers")}, {_filled("place")}, {_filled("row")}
    FROM scored
    LEFT JOIN peers ON peer_naf IS NOT DISTINCT FROM naf AND peer_bracket IS NOT DISTINCT FROM bracket
    LEFT JOIN place ON peer_departement IS NOT DISTINCT FROM departement
        AND peer_letter IS NOT DISTINCT FROM letter
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
        value = feature.sql if step == "row" else feature.name
        if step == "hires":
            value = f"coalesce(history.{feature.name}, 0)" if feature.since else f"history.{feature.name}"
        if feature.since:
            value = f"CASE WHEN first_month <= {feature.since} THEN {value} END"
        columns.append(f"{value} AS {feature.name}")
    return ", ".join(columns)


_EXPOSED_MONTHS: Final = (
    f"least({MEMORY_MONTHS}, known_end - first_month, "
    f"greatest(coalesce(known_end - created_month, {MEMORY_MONTHS}), coalesce(first_ago, 0), 0))"
)


def _faded() -> str:
    """The hires of an establishment, faded, as sums over its known months."""
    return ", ".join(
        f"sum({_fade('n', fade)}) FILTER (WHERE ago <= {MEMORY_MONTHS}) AS faded_{fade}" for fade in _FADES
    )


def _exposed() -> str:
    """What is faded, and its exposure, of everybody."""
    return ", ".join(
        f"CAST(coalesce(faded_{fade}, 0) AS DOUBLE) AS faded_{fade}, exposure.exposure_{fade}" for fade in _FADES
    )


def _fade(value: str, months: int) -> str:
    return f"CAST({value} * pow(0.5, ago / {months}) AS {_EXACT})"


def _exposure_sql() -> str:
    """`exposure`: by section and months, the normal months in so many known ones, plain and faded; and `busy`.

    The year of a section is drawn towards the country's by 300 hires. It is the mean of whole years, since a part of
    one would favour its months; without a whole year all months are alike.
    """
    faded = ", ".join(f"CAST(sum({_fade('busy', fade)}) OVER newer AS DOUBLE) AS exposure_{fade}" for fade in _FADES)
    return f"""years AS (
    SELECT letter, month % 12 AS of_year, sum(n) AS n
    FROM stock JOIN known USING (siret) CROSS JOIN beginning CROSS JOIN clock
    WHERE ago <= least({MEMORY_MONTHS}, (known_end - first_month) // 12 * 12) GROUP BY ALL
), year AS (
    SELECT letters.letter, all_months.of_year, coalesce(n, 0) AS n
    FROM (SELECT DISTINCT letter FROM stock) AS letters CROSS JOIN range(12) AS all_months(of_year)
    LEFT JOIN years ON years.letter IS NOT DISTINCT FROM letters.letter AND years.of_year = all_months.of_year
), normal AS (
    SELECT letter, of_year, CAST(
        12 * (n + {_YEAR_SHRINK} * coalesce(sum(n) OVER (PARTITION BY of_year) / nullif(sum(n) OVER (), 0), 1 / 12))
        / (sum(n) OVER (PARTITION BY letter) + {_YEAR_SHRINK}) AS {_EXACT}) AS busy
    FROM year
), ahead AS (
    SELECT letter, CAST(sum(busy) FILTER (WHERE (of_year + 12 - day % 12) % 12 < {LABEL_MONTHS}) AS DOUBLE) AS busy
    FROM normal CROSS JOIN clock GROUP BY letter
), exposure AS (
    SELECT letter, ago AS months, CAST(sum(busy) OVER newer AS DOUBLE) AS normal, {faded}
    FROM (
        SELECT letter, ago, CASE WHEN ago > 0 THEN busy ELSE 0 END AS busy
        FROM range({MEMORY_MONTHS + 1}) AS all_months(ago) CROSS JOIN clock
        JOIN normal ON normal.of_year = (known_end - ago) % 12
    ) WINDOW newer AS (PARTITION BY letter ORDER BY ago)
)"""


def _peers_sql() -> str:
    """`peers` by NAF and bracket, with `rate_*`; `place` by département and section, with `local_*`.

    Both come from one small table of sums: windows over everybody are slow. A rate multiplies what it expects by what
    it finds, in one group after the other.
    """
    sums = ", ".join(
        f"sum(CAST({seen} AS {_EXACT})) AS seen_{name}, sum(CAST({exposure} AS {_EXACT})) AS exposure_{name}"
        for name, seen, exposure in _PEERS
    )
    cells = " UNION ALL ".join(
        f"SELECT '{name}' AS of, naf, bracket, departement, letter, seen_{name} AS seen, exposure_{name} AS exposure "
        "FROM sums"
        for name, _, _ in _PEERS
    )
    rates = ", ".join(f"max(rate) FILTER (WHERE of = '{name}') AS rate_{name}" for name, _, _ in _PEERS)
    locals_ = ", ".join(f"max(ratio) FILTER (WHERE of = '{name}') AS local_{name}" for name, _, _ in _PEERS)

    def times(groups: str) -> str:
        expected = f"sum(CAST(exposure * rate AS {_EXACT})) OVER (PARTITION BY of, {groups})"
        return f"rate * (sum(seen) OVER (PARTITION BY of, {groups}) + {_PEERS_SHRINK}) / ({expected} + {_PEERS_SHRINK})"

    return f"""sums AS (
    SELECT naf, bracket, departement, letter, {sums}, sum(sum_24m) AS sum_24m, sum(same_window_y1) AS same_window_y1
    FROM (SELECT *, CAST(coalesce(last_ago <= 12, false) AS INTEGER) AS hired FROM scored) GROUP BY ALL
), cells AS ({cells}
), in_country AS (
    SELECT of, naf, bracket, sum(seen) AS seen, sum(exposure) AS exposure,
        coalesce(sum(sum(seen)) OVER each / nullif(sum(sum(exposure)) OVER each, 0), 0) AS rate
    FROM cells GROUP BY of, naf, bracket WINDOW each AS (PARTITION BY of)
), by_naf AS (
    SELECT * REPLACE ({times("naf")} AS rate) FROM in_country
), by_bracket AS (
    SELECT * REPLACE ({times("bracket")} AS rate) FROM by_naf
), by_both AS (
    SELECT * REPLACE ({times("naf, bracket")} AS rate) FROM by_bracket
), rates AS (
    SELECT naf, bracket, {rates} FROM by_both GROUP BY naf, bracket
), ratios AS (
    SELECT departement, letter, {locals_}
    FROM (
        SELECT cells.of, departement, letter, (sum(cells.seen) + {_PEERS_SHRINK})
            / (sum(CAST(cells.exposure * rate AS {_EXACT})) + {_PEERS_SHRINK}) AS ratio
        FROM cells JOIN by_both ON by_both.of = cells.of AND by_both.naf IS NOT DISTINCT FROM cells.naf
            AND by_both.bracket IS NOT DISTINCT FROM cells.bracket
        GROUP BY cells.of, departement, letter
    ) GROUP BY departement, letter
), peers AS (
    SELECT rates.* EXCLUDE (naf, bracket), means.* FROM rates JOIN (
        SELECT naf AS peer_naf, bracket AS peer_bracket, {_listed("peers")} FROM sums GROUP BY naf, bracket
    ) AS means ON peer_naf IS NOT DISTINCT FROM naf AND peer_bracket IS NOT DISTINCT FROM bracket
), place AS (
    SELECT ratios.* EXCLUDE (departement, letter), means.* FROM ratios JOIN (
        SELECT departement AS peer_departement, letter AS peer_letter, {_listed("place")} FROM sums
        GROUP BY departement, letter
    ) AS means ON peer_departement IS NOT DISTINCT FROM departement AND peer_letter IS NOT DISTINCT FROM letter
)"""


def _tension_sql(origin: Origin) -> str:
    """`tension_of`: the share of difficult recruitments by département and NAF, from the newest survey of the day.

    A département is drawn towards the country by 20 projects.
    """
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
        CAST(sum(CAST(weight * ratio AS {_EXACT})) / sum(CAST(weight AS {_EXACT})) AS DOUBLE) AS ratio
    FROM here JOIN fap_rome USING (fap) GROUP BY departement, rome
), tension_of AS (
    SELECT departement, naf,
        CAST(sum(CAST(hires * ratio AS {_EXACT})) / sum(CAST(hires AS {_EXACT})) AS DOUBLE) AS needed
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
