"""Read everybody of an origin into arrays: features, place, hires by ROME before the day and in the window after it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from widget_server.forecast.clock import Month, Origin
from widget_server.forecast.features import (
    FEATURES,
    FOLLOWED,
    FOLLOWED_SIRET,
    LABEL,
    MEMORY_MONTHS,
    Written,
    future_sql,
    moves_sql,
    stock_days,
    write_features,
)
from widget_server.forecast.literals import literal
from widget_server.forecast.scorers import Hires, Population, Progress, Singles

FEATURES_SQL: Final = ", ".join(f"coalesce({feature.name}, 'nan') AS {feature.name}" for feature in FEATURES)
"""The columns of a file of features without nulls: numpy has NaN."""


class Library:
    """The files of features of past origins, each computed when it is first asked for."""

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path, progress: Progress = lambda _: None) -> None:
        self._database = database
        self._folder = folder
        self._progress = progress
        self.written: dict[Origin, Written] = {}

    def file(self, origin: Origin) -> Path:
        """The labelled features of an origin, by SIRET."""
        path = self._folder / f"{origin.day}.parquet"
        if origin not in self.written:
            self.written[origin] = write_features(self._database, origin, path, labelled=True)
            self._progress(f"features of {origin.day}: {self.written[origin].rows} establishments")
        return path

    def rows(self, origin: Origin) -> int:
        """How many establishments are scored on the day of an origin."""
        self.file(origin)
        return self.written[origin].rows

    def population(self, origin: Origin) -> Population:
        """Everybody of an origin, with what became of them."""
        return read_population(self._database, self.file(origin), origin, labelled=True)


def first_month(database: duckdb.DuckDBPyConnection) -> Month | None:
    """Where the hires begin; None when there are none."""
    found = database.execute("SELECT min(month) FROM hires").fetchall()[0][0]
    return None if found is None else Month(int(found))


def read_population(
    database: duckdb.DuckDBPyConnection,
    file: Path,
    origin: Origin,
    *,
    labelled: bool = False,
    rows: tuple[int, int] | None = None,
) -> Population:
    """Everybody in a file of features, with place and hires by ROME from the clean tables.

    `labelled` reads the hires of the window too; only a past origin has them all. `rows` reads a piece of the file,
    from the first number up to and without the second.
    """
    stocks = stock_days(database)
    first, end_row = rows or (0, 1 << 62)
    source = f"(SELECT * FROM {source_sql(file)} WHERE file_row_number >= {first} AND file_row_number < {end_row})"
    label_sql = f", CAST({LABEL} AS BIGINT) AS {LABEL}" if labelled else ""
    moves = f"moves AS ({moves_sql(origin.stock(stocks), origin.first_day)})"
    end = origin.known_end.number
    columns = database.execute(
        f"WITH {moves}, hired AS (SELECT DISTINCT {FOLLOWED_SIRET} AS siret FROM hires {FOLLOWED} WHERE month < {end}) "
        f"SELECT siret, departement, commune, coalesce(naf, '') AS naf, {FEATURES_SQL}{label_sql}, "
        "siret IN (SELECT siret FROM hired) AS known, "
        "coalesce(latitude, 'nan') AS latitude, coalesce(longitude, 'nan') AS longitude "
        f"FROM {source} JOIN (SELECT siret, commune, latitude, longitude FROM establishments "
        f"WHERE as_of = DATE '{origin.stock(stocks)}') USING (siret) ORDER BY siret"
    ).fetchnumpy()
    numbered = f"SELECT siret, row_number() OVER (ORDER BY siret) - 1 AS place FROM {source}"
    past = _hires(
        database,
        f"WITH {moves}, "
        f"counted AS (SELECT {FOLLOWED_SIRET} AS siret, rome, sum(n) AS n FROM hires {FOLLOWED} "
        f"WHERE month < {end} AND month >= {end - MEMORY_MONTHS} GROUP BY ALL), numbered AS ({numbered})",
    )
    label, future = None, None
    if labelled:
        label = columns[LABEL].astype(np.int64)
        counted = future_sql(origin, max(stocks), by="rome")
        future = _hires(database, f"WITH counted AS ({counted}), numbered AS ({numbered})")
    return Population(
        origin=origin,
        siret=columns["siret"].astype(np.str_),
        departement=columns["departement"].astype(np.str_),
        commune=columns["commune"].astype(np.str_),
        naf=columns["naf"].astype(np.str_),
        latitude=columns["latitude"].astype(np.float64),
        longitude=columns["longitude"].astype(np.float64),
        features=matrix(columns),
        known=columns["known"].astype(np.bool_),
        past=past,
        label=label,
        future=future,
    )


def source_sql(file: Path) -> str:
    """A Parquet file as something to select from."""
    return f"read_parquet({literal(file)}, file_row_number = true)"


def row_groups(database: duckdb.DuckDBPyConnection, path: Path, rows_at_once: int) -> list[tuple[Path, int, int]]:
    """`(path, first, end)`: the pieces in which a file is read."""
    rows = int(database.execute(f"SELECT count(*) FROM {source_sql(path)}").fetchall()[0][0])
    return [(path, first, min(first + rows_at_once, rows)) for first in range(0, rows, rows_at_once)]


def matrix(columns: Mapping[str, Singles]) -> Singles:
    """The columns of FEATURES_SQL as one matrix."""
    first = columns[FEATURES[0].name]
    found = np.empty((len(first), len(FEATURES)), dtype=np.float32)
    for place, feature in enumerate(FEATURES):
        found[:, place] = columns[feature.name]
    return found


def _hires(database: duckdb.DuckDBPyConnection, ctes: str) -> Hires:
    """Of the tables `counted` (siret, rome, n) and `numbered` (siret, place)."""
    columns = database.execute(
        f"{ctes} SELECT place, rome, CAST(counted.n AS BIGINT) AS n FROM counted JOIN numbered USING (siret) "
        "WHERE rome IS NOT NULL ORDER BY place, rome"
    ).fetchnumpy()
    return Hires(
        row=columns["place"].astype(np.int64), rome=columns["rome"].astype(np.str_), n=columns["n"].astype(np.int64)
    )
