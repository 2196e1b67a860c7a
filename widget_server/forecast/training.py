"""The stage `train`: features of past origins, the model of the day, backtest and calibration, into one folder."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec

from widget_server.domain.errors import InputsRefused
from widget_server.forecast.backtest import HISTORY_MONTHS, Places, backtest, splits
from widget_server.forecast.clock import Origin, Split, later_than_origin
from widget_server.forecast.features import open_tables, stock_days
from widget_server.forecast.metrics import METRICS_FILE, Metrics, Trained
from widget_server.forecast.model import (
    FILES,
    HurdleLearner,
    LocalTrainer,
    Settings,
    Trainer,
    write_calibration,
    write_model,
)
from widget_server.forecast.occupations import Affinity, read_affinity
from widget_server.forecast.populations import Library, first_month
from widget_server.forecast.scorers import Progress

_Fill = Callable[[Split, Library, Affinity], None]


def train(
    tables: Path,
    out: Path,
    origin: Origin,
    places: Places,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    threads: int = 1,
    memory: str = "3GB",
    trainer: Trainer | None = None,
    progress: Progress = print,
) -> Mapping[str, int]:
    """Fill `out` with the model for `origin` from the clean tables; the rows that went in and out, for the manifest.

    An `InputsRefused` when the hires do not go back far enough for one backtest.
    """
    chosen, hands = settings or Settings(), trainer or LocalTrainer(threads=threads)

    def fill(live: Split, library: Library, matrix: Affinity) -> None:
        model, trained = HurdleLearner(hands, matrix, chosen, seed=seed, threads=threads).train(live, library)
        write_model(out, trained, model.rome)
        progress(f"model for {origin.day}: {len(live.train)} training origins, kappa {model.rome.kappa:g}")

    return _train(tables, out, origin, places, fill, chosen, hands, seed, threads, memory, progress)


def backtest_again(
    tables: Path,
    model: Path,
    out: Path,
    origin: Origin,
    places: Places,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    threads: int = 1,
    memory: str = "3GB",
    trainer: Trainer | None = None,
    progress: Progress = print,
) -> Mapping[str, int]:
    """Copy the boosters of a model into `out` and repeat what follows them: backtest and calibration."""

    def fill(live: Split, library: Library, matrix: Affinity) -> None:
        for name in FILES:
            shutil.copyfile(model / name, out / name)

    hands = trainer or LocalTrainer(threads=threads)
    return _train(tables, out, origin, places, fill, settings or Settings(), hands, seed, threads, memory, progress)


def _train(
    tables: Path,
    out: Path,
    origin: Origin,
    places: Places,
    fill: _Fill,
    settings: Settings,
    trainer: Trainer,
    seed: int,
    threads: int,
    memory: str,
    progress: Progress,
) -> Mapping[str, int]:
    with (
        TemporaryDirectory(dir=out) as scratch,
        open_tables(tables, threads=threads, memory=memory, spill=Path(scratch) / "spill") as database,
    ):
        tests, live = _splits(database, origin)
        matrix = read_affinity(database)
        library = Library(database, Path(scratch), progress)
        fill(live, library, matrix)
        found = backtest(
            tests,
            library,
            matrix,
            places,
            trainer=trainer,
            settings=settings,
            seed=seed,
            threads=threads,
            progress=progress,
        )
        if found.calibration:
            write_calibration(out, found.calibration)
        rows = {f"features_{each.day}": written.rows for each, written in sorted(library.written.items())}
        later = later_than_origin(live.train, stock_days(database))
        metrics = Metrics(
            day=str(origin.day),
            origins=[str(split.test.day) for split in tests],
            scorers=list(dict.fromkeys(score.scorer for each in found.comparisons for score in each.scores)),
            scores=[score for each in found.comparisons for score in each.scores],
            differences=[each for comparison in found.comparisons for each in comparison.differences],
            calibration=found.judged,
            curves=found.comparisons[0].curves,
            splits=[_trained(split) for split in tests],
            live=_trained(live),
            later_than_origin=sum(library.rows(each) for each in later)
            / sum(library.rows(each) for each in live.train),
            tension=tension_reaches(database, origin),
            moves={str(each.day): written.moves for each, written in sorted(library.written.items())},
        )
    (out / METRICS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(metrics), indent=1) + b"\n")
    return rows


def _splits(database: duckdb.DuckDBPyConnection, origin: Origin) -> tuple[list[Split], Split]:
    """The test splits and that of the model itself."""
    begin = first_month(database)
    tests = splits(origin, begin) if begin else []
    if not begin or not tests:
        one, all_of_them = (
            test.earlier()[0].day - HISTORY_MONTHS for test in (origin.backtests()[0], origin.backtests()[-1])
        )
        raise InputsRefused(
            f"hires: they begin in {begin}; a forecast for {origin.day} needs them from {one} on for one backtest, "
            f"from {all_of_them} on for all of them. Add older files, such as hires-{one.year}.parquet"
        )
    return tests, Split.before(origin, first=begin + HISTORY_MONTHS)


def tension_reaches(database: duckdb.DuckDBPyConnection, origin: Origin) -> bool:
    """Whether a survey that was out on the day reaches an occupation of a sector; without a crosswalk none does."""
    rows = database.execute(
        "SELECT count(*) FROM tension JOIN fap_rome USING (fap) JOIN rome_naf USING (rome) "
        f"WHERE projects > 0 AND difficult IS NOT NULL AND year <= {origin.tension_year}"
    ).fetchall()
    return bool(rows[0][0])


def _trained(split: Split) -> Trained:
    return Trained(test=str(split.test.day), lag=split.test.lag, train=[str(each.day) for each in split.train])
