"""The stage `score`: features of the day, estimates, ROME mix and reasons, into one folder.

    FOLDER/features.parquet   KEYS and FEATURES of everybody who is scored, by SIRET
    FOLDER/scores.parquet     format 1: COLUMNS, one row for each establishment and ROME of its mix

Who asked not to be scored is in neither. Rows are by SIRET, the largest share first, whatever the number of threads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import numpy as np

from widget_server.domain.spreading import LEAST_P
from widget_server.forecast.clock import Origin
from widget_server.forecast.features import open_tables, stock_days, write_features
from widget_server.forecast.literals import literal
from widget_server.forecast.model import Hurdle, read_model
from widget_server.forecast.occupations import own_mix, pair_p, read_affinity
from widget_server.forecast.populations import read_population, row_groups, source_sql
from widget_server.forecast.publication import WITHHELD_NAF, held_sql, kept_sql
from widget_server.forecast.reasons import REASONS, Country, explain, read_country
from widget_server.forecast.scorers import MIX_WIDTH, Progress

SCORES_FILE: Final = "scores.parquet"
FEATURES_FILE: Final = "features.parquet"
COLUMNS: Final = (
    "siret", "rome", "p", "p_any", "expected_hires", "share", "band", "reasons", "day", "until", "model",
)  # fmt: skip
"""The columns of the scores file, in its order."""
_ROWS_AT_ONCE: Final = 245_760
_ROW_GROUP: Final = 122_880


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
    """How a day is scored; all of it goes into the key of the stage.

    withheld_naf   codes or beginnings of codes that are not published, so need no reasons
    """

    reasons: bool = True
    withheld_naf: tuple[str, ...] = WITHHELD_NAF


def score(
    tables: Path,
    model: Path,
    out: Path,
    origin: Origin,
    *,
    model_id: str,
    settings: ScoreSettings | None = None,
    threads: int = 1,
    memory: str = "3GB",
    progress: Progress = print,
) -> Mapping[str, int]:
    """Fill `out` with the features and the scores of a day; the rows that went in and out, for the manifest."""
    chosen = settings or ScoreSettings()
    with (
        TemporaryDirectory(dir=out) as scratch,
        open_tables(tables, threads=threads, memory=memory, spill=Path(scratch) / "spill") as database,
    ):
        everybody = Path(scratch) / FEATURES_FILE
        alive = write_features(database, origin, everybody).rows
        progress(f"features of {origin.day}: {alive} establishments")
        country = read_country(database, everybody)
        asked = out / FEATURES_FILE
        _copy(
            database,
            f"SELECT * EXCLUDE (file_row_number) FROM {source_sql(everybody)} "
            "WHERE siret NOT IN (SELECT siret FROM opt_out WHERE scope = 'all') ORDER BY siret",
            asked,
        )
        hurdle = read_model(model, read_affinity(database), threads=threads)
        parts = _score_pieces(database, hurdle, asked, origin, Path(scratch), progress)
        listed = ", ".join(map(literal, parts))
        database.execute(f"CREATE VIEW scores AS SELECT * FROM read_parquet([{listed}])")
        database.execute("CREATE TABLE explained (siret VARCHAR, reasons VARCHAR[])")
        if chosen.reasons:
            _explain(database, hurdle, asked, origin, country, chosen, progress)
        until = origin.label.end.first_day
        rows = _copy(
            database,
            f"SELECT siret, rome, p, p_any, expected_hires, share, band, coalesce(reasons, []) AS reasons, "
            f"DATE '{origin.first_day}' AS day, DATE '{until}' AS until, '{model_id}' AS model "
            "FROM scores LEFT JOIN explained USING (siret) ORDER BY siret, share DESC, rome",
            out / SCORES_FILE,
        )
        scored = database.execute("SELECT count(DISTINCT siret) FROM scores").fetchall()[0][0]
        explained = database.execute("SELECT count(*) FROM explained").fetchall()[0][0]
    return {
        "features": alive,
        "opted_out": alive - int(scored),
        "establishments": int(scored),
        "pairs": rows,
        "explained": int(explained),
    }


def _copy(database: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    rows = database.execute(
        f"COPY ({sql}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
    ).fetchall()
    return int(rows[0][0])


def _score_pieces(
    database: duckdb.DuckDBPyConnection,
    hurdle: Hurdle,
    features: Path,
    origin: Origin,
    scratch: Path,
    progress: Progress,
) -> list[str]:
    """Files with a row for each pair, a piece of the establishments in each: the matrix of all is never in memory."""
    parts = []
    for nth, (_, first, end) in enumerate(row_groups(database, features, _ROWS_AT_ONCE)):
        population = read_population(database, features, origin, rows=(first, end))
        p_any, expected = hurdle.estimate(population.features)
        mix = own_mix(hurdle.matrix, population, hurdle.rome.kappa)
        row, place = np.nonzero(mix.share > 0)
        share = mix.share[row, place].astype(np.float64)
        p = pair_p(p_any[row], expected[row], share).astype(np.float32)
        pairs = {
            "siret": population.siret[row].astype(object),
            "rome": mix.romes[mix.code[row, place]].astype(object),
            "p": p,
            "p_any": p_any[row].astype(np.float32),
            "expected_hires": expected[row].astype(np.float32),
            "share": share.astype(np.float32),
            "band": np.select([p >= least for least in LEAST_P.values()], list(LEAST_P), default="C").astype(object),
        }
        database.register("pairs", pairs)
        parts.append(str(scratch / f"{nth:06d}.parquet"))
        _copy(database, "SELECT * FROM pairs", Path(parts[-1]))
        database.unregister("pairs")
        progress(f"scored: {end} establishments, {len(row)} pairs in the last piece of at most {MIX_WIDTH} each")
    return parts


def _explain(
    database: duckdb.DuckDBPyConnection,
    hurdle: Hurdle,
    features: Path,
    origin: Origin,
    country: Country,
    settings: ScoreSettings,
    progress: Progress,
) -> None:
    """Fill `explained` for the establishments that may be published."""
    stock = origin.stock(stock_days(database))
    database.execute(
        "CREATE TABLE published AS SELECT DISTINCT siret "
        f"FROM ({kept_sql('scores', held_sql(origin, stock, settings.withheld_naf))}) ORDER BY siret"
    )
    codes = np.asarray([*(reason.code for reason in REASONS), None], dtype=object)  # NONE is its last place
    published = database.execute("SELECT siret FROM published").fetchnumpy()["siret"].astype(np.str_)
    for _, first, end in row_groups(database, features, _ROWS_AT_ONCE):
        population = read_population(database, features, origin, rows=(first, end))
        some = np.isin(population.siret, published)
        if not some.any():
            continue
        found = explain(hurdle.boosters, population.features[some], population.naf[some], country)
        told = {"siret": population.siret[some].astype(object)}
        for nth in range(found.shape[1]):
            told[f"nth_{nth}"] = codes[found[:, nth]]
        database.register("told", told)
        listed = ", ".join(f"nth_{nth}" for nth in range(found.shape[1]))
        database.execute(
            f"INSERT INTO explained SELECT siret, list_filter([{listed}], lambda code: code IS NOT NULL) FROM told"
        )
        database.unregister("told")
        progress(f"explained: {int(some.sum())} of {end - first} establishments of a piece")
