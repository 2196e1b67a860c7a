"""What the forecast costs: each job in a process of its own, with its seconds, CPU seconds, peak memory and disk.

What a job needs is prepared in another process, so that a peak is that of the job alone. Sizes are those of the
country; a smaller `scale` is for a machine that has not so much time. Times belong to the machine: targets are for two
free cores at scale 1, and only there is a time judged.
"""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

import duckdb
import msgspec
import numpy as np

from widget_server.domain.errors import ForecastError, JobEnded
from widget_server.forecast.clock import Origin, Split
from widget_server.forecast.economy import Laws
from widget_server.forecast.features import FEATURES, KEYS, LABEL, open_tables, write_features
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest
from widget_server.forecast.model import (
    SCORED_AT_ONCE,
    TARGETS,
    Boosters,
    HurdleLearner,
    LocalTrainer,
    Settings,
    write_model,
)
from widget_server.forecast.occupations import read_affinity
from widget_server.forecast.populations import Library
from widget_server.forecast.scorers import Progress
from widget_server.forecast.scoring import ScoreSettings, score
from widget_server.forecast.synth import write_inputs
from widget_server.memory import peak_memory_mb

_ALIVE: Final = 0.7  # of the establishments that are drawn
_ORIGINS: Final = 8
_ANSWER: Final = "answer.json"
_LEAST_SCALE: Final = 0.05
"""Below it, what a job takes at any size would be multiplied."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a job took: its own seconds and CPU seconds, of all threads; the peak memory of its process.

    disk_mb    the most that lay in its folder after one of its steps
    most_s, most_mb    its targets on two free cores at scale 1; None where none is set
    """

    job: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    disk_mb: float
    most_s: float
    most_mb: float | None

    def verdict(self, scale: float) -> str:
        """`held`, or what was missed. A time is judged at scale 1; a smaller scale says what it would come to."""
        missed = ["memory"] if self.most_mb is not None and self.peak_memory_mb > self.most_mb else []
        if scale < _LEAST_SCALE:
            return ", ".join(["too small to be judged", *(f"{each} missed" for each in missed)])
        if scale < 1:
            told = f"about {self.seconds / scale:.0f} s, {self.cpu_seconds / scale:.0f} CPU s at scale 1"
            return ", ".join([told, *(f"{each} missed" for each in missed)])
        missed = ["time", *missed] if self.seconds > self.most_s else missed
        return f"missed: {', '.join(missed)}" if missed else "held"

    def target(self) -> str:
        """The targets in words."""
        return f"<= {self.most_s:.0f} s" + ("" if self.most_mb is None else f", <= {self.most_mb:.0f} MB")


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table; `verdicts` in the order of the costs."""

    scale: float
    threads: int
    costs: list[Cost]
    verdicts: list[str]

    @property
    def ok(self) -> bool:
        """Nothing that is judged was missed."""
        return not any("missed" in verdict for verdict in self.verdicts)

    def lines(self) -> list[str]:
        """One line for each job."""
        head = f"{'job':<46} {'rows':>10} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {'disk MB':>8}"
        width = max([len("target at scale 1"), *(len(each.target()) for each in self.costs)])
        return [
            f"{head}  {'target at scale 1':<{width}}  verdict",
            *(
                f"{each.job:<46} {each.rows:>10} {each.seconds:>8.1f} {each.cpu_seconds:>8.1f} "
                f"{each.peak_memory_mb:>8.0f} {each.disk_mb:>8.0f}  {each.target():<{width}}  {verdict}"
                for each, verdict in zip(self.costs, self.verdicts, strict=True)
            ),
            f"scale {self.scale:g}, {self.threads} thread(s), {os.cpu_count()} core(s)",
        ]


class Clock:
    """Counts the part of a job that is measured: imports and what only prepares it stay out."""

    def __init__(self) -> None:
        self.started = (time.perf_counter(), time.process_time())

    def spent(self) -> tuple[float, float]:
        """Seconds and CPU seconds, of every thread, since it began."""
        return time.perf_counter() - self.started[0], time.process_time() - self.started[1]


Measured = tuple[int, float, float]
"""Rows, seconds, CPU seconds."""
Step = Callable[[Path, float, int], Measured]
"""Works in a folder, at a scale, with so many threads."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job with what is prepared for it, its targets, and what it takes on disk at scale 1."""

    title: str
    prepare: Step
    measure: Step
    most_s: float
    most_mb: float | None
    disk_mb: float


def measure_costs(
    *, scale: float = 1.0, threads: int = 1, jobs: Sequence[str] = (), progress: Progress = print
) -> Costs:
    """Run the jobs by name, all by default, one after the other, each in a folder that goes with it.

    A `ForecastError` before anything begins when the disk is too small for the largest of them.
    """
    names = list(jobs or JOBS)
    needed_mb = scale * max(JOBS[name].disk_mb for name in names)
    free_mb = shutil.disk_usage(gettempdir()).free / 1e6
    if free_mb < needed_mb:
        raise ForecastError(
            f"{gettempdir()} has {free_mb:.0f} MB left, and {needed_mb:.0f} MB are needed: set TMPDIR to a larger disk,"
            " or take a smaller --scale"
        )
    progress(f"at most {needed_mb:.0f} MB in {gettempdir()}, where nothing stays; one job after the other")
    found = [_cost(JOBS[name], scale, threads, progress) for name in names]
    return Costs(scale=scale, threads=threads, costs=found, verdicts=[each.verdict(scale) for each in found])


def _cost(job: Job, scale: float, threads: int, progress: Progress) -> Cost:
    # The folder belongs to this process: it goes whatever becomes of the others.
    with TemporaryDirectory(prefix="forecast-bench-") as told:
        folder = Path(told)
        progress(f"{job.title}: preparing")
        (_, seconds, _), _ = _apart(job, "prepare", folder, scale, threads)
        disk_mb = _size_mb(folder)
        progress(f"{job.title}: measuring, after {seconds:.0f} s of preparation")
        (rows, seconds, cpu_seconds), peak = _apart(job, "measure", folder, scale, threads)
        cost = Cost(
            job=job.title,
            rows=rows,
            seconds=round(seconds, 2),
            cpu_seconds=round(cpu_seconds, 2),
            peak_memory_mb=peak,
            disk_mb=round(max(disk_mb, _size_mb(folder)), 1),
            most_s=job.most_s,
            most_mb=job.most_mb,
        )
    progress(f"{job.title}: {cost.rows} rows, {seconds:.1f} s, {cpu_seconds:.1f} CPU s, {peak:.0f} MB")
    return cost


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _apart(job: Job, step: str, folder: Path, scale: float, threads: int) -> tuple[Measured, float]:
    """One step in a process of its own, with its peak memory; the process ends with this call, however it ends."""
    work: Step = job.prepare if step == "prepare" else job.measure
    answer = folder / _ANSWER
    answer.unlink(missing_ok=True)
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work, folder, scale, threads, answer))
    process.start()
    try:
        process.join()
    finally:
        # After an interruption it may be in the midst of native code, which hears of nothing weaker.
        process.kill()
        process.join()
    if not answer.exists():
        raise JobEnded(
            f"{job.title}: its process ended without an answer (exit code {process.exitcode}; -9 is what a machine"
            " without free memory does): free some memory or take a smaller --scale"
        )
    return msgspec.json.decode(answer.read_bytes(), type=tuple[Measured, float])


def _run(work: Step, folder: Path, scale: float, threads: int, answer: Path) -> None:
    # Ctrl-C comes to the whole group of processes; the one that waits for this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    measured = work(folder, scale, threads)
    answer.write_bytes(msgspec.json.encode((measured, peak_memory_mb())))


def _prepare_train(folder: Path, scale: float, threads: int) -> Measured:
    clock = Clock()
    rows = int(2_000_000 * scale)
    _write_noise(folder / "features.parquet", rows)
    return rows, *clock.spent()


def _train(folder: Path, scale: float, threads: int) -> Measured:
    clock = Clock()
    LocalTrainer(threads=threads).train([folder / "features.parquet"], Settings(), seed=1)
    return int(2_000_000 * scale), *clock.spent()


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


def _prepare_score(folder: Path, scale: float, threads: int) -> Measured:
    clock = Clock()
    rows = max(2_000, int(200_000 * scale))
    _write_noise(folder / "features.parquet", rows)
    trained = LocalTrainer(threads=threads).train([folder / "features.parquet"], Settings(), seed=1)
    for target, booster in trained.items():
        (folder / f"{target}.ubj").write_bytes(booster)
    return rows, *clock.spent()


def _score(folder: Path, scale: float, threads: int) -> Measured:
    rows = int(10_000_000 * scale)
    trained = {target: (folder / f"{target}.ubj").read_bytes() for target in TARGETS}
    piece = np.random.default_rng(1).standard_exponential((SCORED_AT_ONCE, len(FEATURES)), dtype=np.float32)
    clock = Clock()
    boosters = Boosters.read(trained, threads=threads)
    done = 0
    while done < rows:
        boosters.predict(piece[: rows - done])
        done += min(len(piece), rows - done)
    return rows, *clock.spent()


def _prepare_features(folder: Path, scale: float, threads: int) -> Measured:
    clock = Clock()
    size = int(13_800_000 * scale / _ORIGINS / _ALIVE)
    write_inputs(folder / "in", seed=1, size=size)
    ingest(folder / "in", folder / "out", folder / "rejects", grid(1).reference(), threads=threads)
    return size, *clock.spent()


def _features(folder: Path, scale: float, threads: int) -> Measured:
    live = Origin(Laws().day)
    clock = Clock()
    with open_tables(folder / "out", threads=threads, spill=folder / "spill") as database:
        rows = sum(
            write_features(database, origin, folder / f"{origin.day}.parquet", labelled=origin != live).rows
            for origin in (live, *live.earlier())
        )
    return rows, *clock.spent()


def _prepare_whole(folder: Path, scale: float, threads: int) -> Measured:
    clock = Clock()
    size = int(100_000 * scale)
    write_inputs(folder / "in", seed=1, size=size)
    return size, *clock.spent()


def _whole(folder: Path, scale: float, threads: int) -> Measured:
    origin = Origin(Laws().day)
    clock = Clock()
    ingest(folder / "in", folder / "out", folder / "rejects", grid(1).reference(), threads=threads)
    with open_tables(folder / "out", threads=threads, spill=folder / "spill") as database:
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
    return int(100_000 * scale), *clock.spent()


JOBS: Final[Mapping[str, Job]] = {
    "train": Job(
        title=f"train both boosters, 300 trees, {len(FEATURES)} features",
        prepare=_prepare_train,
        measure=_train,
        most_s=180,
        most_mb=2_000,
        disk_mb=500,
    ),
    "score": Job(
        title=f"score with both boosters, by {SCORED_AT_ONCE}",
        prepare=_prepare_score,
        measure=_score,
        most_s=120,
        most_mb=500,
        disk_mb=100,
    ),
    "features": Job(
        title="features of 8 origins, DuckDB",
        prepare=_prepare_features,
        measure=_features,
        most_s=180,
        most_mb=4_000,
        disk_mb=6_000,
    ),
    "whole": Job(
        title="ingest, train, score; no backtest, no reasons",
        prepare=_prepare_whole,
        measure=_whole,
        most_s=60,
        most_mb=None,
        disk_mb=200,
    ),
}
"""By name. A target of one booster is asked of both together."""
