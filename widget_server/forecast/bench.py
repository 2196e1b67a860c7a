"""What the forecast costs: each job in a process of its own, with its seconds, CPU seconds and peak memory.

Sizes are those of the country; a smaller `scale` is for a machine that has not so much time. Times are told beside
their targets and judged by whoever reads them, since they belong to the machine.
"""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import msgspec
import numpy as np

from widget_server.forecast.clock import Origin, Split
from widget_server.forecast.economy import Laws
from widget_server.forecast.features import FEATURES, KEYS, LABEL, open_tables, write_features
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest
from widget_server.forecast.model import SCORED_AT_ONCE, Boosters, HurdleLearner, LocalTrainer, Settings, write_model
from widget_server.forecast.occupations import read_affinity
from widget_server.forecast.populations import Library
from widget_server.forecast.scorers import Progress
from widget_server.forecast.scoring import ScoreSettings, score
from widget_server.forecast.stages import peak_memory_mb
from widget_server.forecast.synth import write_inputs

_ALIVE: Final = 0.7  # of the establishments that are drawn
_ORIGINS: Final = 8


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a job took; `seconds` and `cpu_seconds` of the job alone, the memory of its whole process."""

    job: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    target: str


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table."""

    scale: float
    threads: int
    costs: list[Cost]

    def lines(self) -> list[str]:
        """One line for each job; targets are for scale 1 and two free cores."""
        head = f"{'job':<46} {'rows':>10} {'seconds':>9} {'CPU s':>9} {'peak MB':>9}  target at scale 1"
        return [
            head,
            *(
                f"{each.job:<46} {each.rows:>10} {each.seconds:>9.1f} {each.cpu_seconds:>9.1f} "
                f"{each.peak_memory_mb:>9.0f}  {each.target}"
                for each in self.costs
            ),
        ]


class Clock:
    """Counts the part of a job that is measured: what only prepares it stays out."""

    def __init__(self) -> None:
        self.started = (time.perf_counter(), time.process_time())

    def spent(self) -> tuple[float, float]:
        """Seconds and CPU seconds, of every thread, since it began."""
        return time.perf_counter() - self.started[0], time.process_time() - self.started[1]


Measured = tuple[int, float, float]
Job = Callable[[Path, float, int], Measured]


def measure_costs(
    *, scale: float = 1.0, threads: int = 1, jobs: Sequence[str] = (), progress: Progress = print
) -> Costs:
    """Run the jobs by name, all by default, one after the other."""
    found = []
    for name in jobs or tuple(JOBS):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            rows, seconds, cpu_seconds, peak = process.submit(_run, name, scale, threads).result()
        title, target, _ = JOBS[name]
        cost = Cost(job=title, rows=rows, seconds=seconds, cpu_seconds=cpu_seconds, peak_memory_mb=peak, target=target)
        progress(f"{title}: {seconds:.1f} s, {cpu_seconds:.1f} CPU s, {peak:.0f} MB")
        found.append(cost)
    return Costs(scale=scale, threads=threads, costs=found)


def _run(name: str, scale: float, threads: int) -> tuple[int, float, float, float]:
    with TemporaryDirectory() as folder:
        rows, seconds, cpu_seconds = JOBS[name][2](Path(folder), scale, threads)
    return rows, round(seconds, 2), round(cpu_seconds, 2), peak_memory_mb()


def _train(folder: Path, scale: float, threads: int) -> Measured:
    rows = int(2_000_000 * scale)
    path = folder / "features.parquet"
    _write_noise(path, rows)
    clock = Clock()
    LocalTrainer(threads=threads).train([path], Settings(), seed=1)
    return rows, *clock.spent()


def _write_noise(path: Path, rows: int) -> None:
    """Features as skewed as counts are, a label that depends on some of them; every value is made up."""
    keys = ", ".join(f"CAST(n AS VARCHAR) AS {key}" for key in KEYS)
    columns = ", ".join(f"CAST(-ln(1 - random()) AS FLOAT) AS {feature.name}" for feature in FEATURES)
    first, second = FEATURES[0].name, FEATURES[8].name
    with duckdb.connect() as database:
        database.execute("SET threads = 1; SELECT setseed(0.5)")
        database.execute(
            f"COPY (SELECT *, CAST({first} * {second} * random() > 1.5 AS INTEGER) AS {LABEL} "
            f"FROM (SELECT {keys}, {columns} FROM range({rows}) AS all_rows(n))) TO '{path}' (FORMAT parquet)"
        )


def _score(folder: Path, scale: float, threads: int) -> Measured:
    rows = int(10_000_000 * scale)
    path = folder / "features.parquet"
    _write_noise(path, max(2_000, int(200_000 * min(scale, 1.0))))
    boosters = Boosters.read(LocalTrainer(threads=threads).train([path], Settings(), seed=1), threads=threads)
    piece = np.random.default_rng(1).standard_exponential((SCORED_AT_ONCE, len(FEATURES)), dtype=np.float32)
    clock = Clock()
    done = 0
    while done < rows:
        boosters.predict(piece[: rows - done])
        done += min(len(piece), rows - done)
    return rows, *clock.spent()


def _features(folder: Path, scale: float, threads: int) -> Measured:
    size = int(13_800_000 * scale / _ORIGINS / _ALIVE)
    write_inputs(folder / "in", seed=1, size=size)
    ingest(folder / "in", folder / "out", folder / "rejects", grid(1).reference(), threads=threads)
    live = Origin(Laws().day)
    clock = Clock()
    with open_tables(folder / "out", threads=threads) as database:
        rows = sum(
            write_features(database, origin, folder / f"{origin.day}.parquet", labelled=origin != live).rows
            for origin in (live, *live.earlier())
        )
    return rows, *clock.spent()


def _whole(folder: Path, scale: float, threads: int) -> Measured:
    size = int(100_000 * scale)
    write_inputs(folder / "in", seed=1, size=size)
    origin = Origin(Laws().day)
    clock = Clock()
    ingest(folder / "in", folder / "out", folder / "rejects", grid(1).reference(), threads=threads)
    with open_tables(folder / "out", threads=threads) as database:
        learner = HurdleLearner(
            LocalTrainer(threads=threads), read_affinity(database), Settings(), seed=1, threads=threads
        )
        model, trained = learner.train(Split.before(origin), Library(database, folder))
    for name in ("model", "scores"):
        (folder / name).mkdir()
    write_model(folder / "model", trained, model.rome)
    score(
        folder / "out",
        folder / "model",
        folder / "scores",
        origin,
        model_id="bench",
        settings=ScoreSettings(reasons=False),
        threads=threads,
        progress=lambda _: None,
    )
    return size, *clock.spent()


JOBS: Final[Mapping[str, tuple[str, str, Job]]] = {
    "train": ("train both boosters, 300 trees, depth 6", "<= 3 min each, <= 2 GB", _train),
    "score": ("score with both boosters, pieces of 250 000", "<= 2 min each, <= 0.5 GB", _score),
    "features": ("features of 8 origins, DuckDB", "<= 3 min, <= 4 GB", _features),
    "whole": ("ingest, train, score; no backtest, no reasons", "<= 60 s", _whole),
}
"""By name: title, target on two free cores at scale 1, and what is measured."""
