"""PostgreSQL beside our search on the same postings: PostGIS with GiST, and a B-tree under (rome, cell).

    python -m tests.bench.postgis [ESTABLISHMENTS]

A throw-away cluster on a socket in a temporary folder, run by a user without rights. Every result is compared before
any time is. Theirs is what the server says that planning and executing took, ours is wall time in this process.
"""

import itertools
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from tests.bench import data
from tests.bench.pairs import Row, publish
from tests.bench.queries import Question, questions
from tests.bench.search import TOP, found_in
from widget_server.listing.search import _circle_cells
from widget_server.snapshot.index import STRIDE, PostingLists

ESTABLISHMENTS = 1_000_000
QUERIES = 12
REPEATS = 3
_USER = "postgres"
"""Whom the distribution's package makes; PostgreSQL refuses to be run by root."""
_ROW_OF_CELLS = 1250
_MARK = "-- next --"
_TABLES = """
CREATE EXTENSION postgis;
CREATE UNLOGGED TABLE posting(rome integer, cell integer, card integer, score integer, lat float8, lon float8);
"""
_INDEXES = {
    "GiST": "ALTER TABLE posting ADD point geography(Point);"
    " UPDATE posting SET point = ST_MakePoint(lon, lat)::geography;"
    " CREATE INDEX by_point ON posting USING gist(point);"
    " CREATE INDEX by_rome ON posting(rome); VACUUM ANALYZE posting;",
    "B-tree (rome, cell)": "CREATE INDEX by_cell ON posting(rome, cell); VACUUM ANALYZE posting;",
}
_KM = (
    "2 * 6371.0088 * asin(sqrt(least(1.0, sin(radians(posting.lat - {lat}) / 2) ^ 2"
    " + cos(radians({lat})) * cos(radians(posting.lat)) * sin(radians(posting.lon - {lon}) / 2) ^ 2)))"
)
_SLACK_KM = 0.1
"""The extension's sphere is ours to the metre; the formula above decides at the rim, as everywhere."""


class Cluster:
    """A running server; asked through psql, which needs no driver."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._psql = [str(programs / "psql"), "-h", str(folder), "-U", "bench", "-d", "postgres", "-XAtq"]
        self._psql += ["-v", "ON_ERROR_STOP=1"]

    def ask(self, *texts: str) -> list[str]:
        """What each of these texts of SQL prints, one after the other in one session."""
        script = f"\n\\echo {_MARK}\n".join(texts)
        done = subprocess.run(self._psql, input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split(f"{_MARK}\n")

    def took_ms(self, texts: Sequence[str]) -> list[float]:
        """Planning and execution of each, the best of a few: the first reads pages that the next ones find."""
        explained = [f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text};" for text in texts for _ in range(REPEATS)]
        told = [json.loads(answer)[0] for answer in self.ask(*explained)]
        taken = [each["Planning Time"] + each["Execution Time"] for each in told]
        return [min(taken[first : first + REPEATS]) for first in range(0, len(taken), REPEATS)]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A new, empty one that is gone afterwards."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert versions, "no PostgreSQL; tests/bench/install-postgis.sh installs it"
    programs = versions[-1]
    folder = Path(tempfile.mkdtemp(prefix="bench-postgis-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["runuser", "-u", _USER, "--"]

    def run(program: str, *options: str) -> None:
        command = [*as_user, str(programs / program), "-D", str(folder / "data"), *options]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "-A", "trust", "-U", "bench", "-E", "UTF8", "--no-locale", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c shared_buffers=512MB -c jit=off"
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        try:
            yield Cluster(folder, programs)
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def measure(*, establishments: int = ESTABLISHMENTS) -> list[Row]:
    """Both indexes, at 5 occupations x 30 km and 20 x 100 km."""
    shelf = data.shelf(establishments)
    rows: list[Row] = []
    with cluster() as server:
        server.ask(_TABLES)
        _fill(server, shelf)
        for name, ask in (("GiST", _by_point), ("B-tree (rome, cell)", _by_cell)):
            begun = time.perf_counter()
            server.ask(_INDEXES[name])
            built_s = time.perf_counter() - begun
            for romes, radius_km in ((5, 30), (20, 100)):
                rows.append(_compared(server, shelf, name, ask, romes, radius_km, built_s))
    return rows


def _compared(
    server: Cluster,
    shelf: PostingLists,
    name: str,
    ask: Callable[[PostingLists, Question], str],
    romes: int,
    radius_km: int,
    built_s: float,
) -> Row:
    every = list(itertools.islice(questions(3, romes, radius_km, known=shelf.keys), QUERIES))
    texts = [ask(shelf, asked) for asked in every]
    own: list[float] = []
    hits = 0
    for asked, told in zip(every, server.ask(*(f"{text};" for text in texts)), strict=True):
        found = {card: score for card, _, score in (map(int, line.split("|")) for line in told.splitlines())}
        assert found == {card: score for card, _, score in found_in(shelf, asked)}, (name, asked)
        hits += len(found)
        own.append(min(_wall_ms(partial(found_in, shelf, asked)) for _ in range(REPEATS)))
    theirs = server.took_ms([f"{text} LIMIT {TOP}" for text in texts])
    return Row(
        subject=f"PostgreSQL {name}, {romes} ROME x {radius_km} km, top {TOP}: time / ours",
        measured=statistics.median(theirs) / statistics.median(own),
        note=f"p50 {statistics.median(theirs):.1f} ms, ours {statistics.median(own):.2f} ms;"
        f" {hits // QUERIES} hits each, {len(shelf.card)} postings, indexed in {built_s:.0f} s",
    )


def _wall_ms(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return (time.perf_counter() - begun) * 1000


def _fill(server: Cluster, shelf: PostingLists) -> None:
    assert shelf.lat is not None
    assert shelf.lon is not None
    keys = np.repeat(shelf.key, np.diff(shelf.start.astype(np.int64)))
    points = [column.astype(np.float64).round(5).tolist() for column in (shelf.lat, shelf.lon)]
    columns = [column.tolist() for column in (keys // STRIDE, keys % STRIDE, shelf.card, shelf.score)]
    lines = ("\t".join(map(str, row)) for row in zip(*columns, *points, strict=True))
    server.ask("COPY posting FROM STDIN;\n" + "\n".join(lines) + "\n\\.\n")


def _best(asked: Question, source: str) -> str:
    """The best score of each card within the circle, in our order."""
    km = _KM.format(lat=asked.latitude, lon=asked.longitude)
    return (
        "SELECT card, round(min(km) * 10)::integer AS tenths, max(score) AS best FROM"  # noqa: S608 - numbers and constants only
        f" (SELECT card, score, {km} AS km FROM {source}) AS near WHERE km <= {asked.radius_km}"
        " GROUP BY card ORDER BY best DESC, tenths, card"
    )


def _by_point(shelf: PostingLists, asked: Question) -> str:
    ordinals = ",".join(map(str, shelf.ordinals(asked.romes)))
    centre = f"ST_MakePoint({asked.longitude}, {asked.latitude})::geography"
    reach_m = (asked.radius_km + _SLACK_KM) * 1000
    return _best(
        asked, f"posting WHERE rome = ANY(ARRAY[{ordinals}]) AND ST_DWithin(point, {centre}, {reach_m}, false)"
    )


def _by_cell(shelf: PostingLists, asked: Question) -> str:
    rows, first, last = _circle_cells(asked.latitude, asked.longitude, asked.radius_km)
    ranges = ",".join(
        f"({ordinal},{row * _ROW_OF_CELLS + low},{row * _ROW_OF_CELLS + high})"
        for ordinal in shelf.ordinals(asked.romes)
        for row, low, high in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True)
    )
    source = (
        f"(VALUES {ranges}) AS run(of_rome, low, high) JOIN posting ON rome = of_rome AND cell BETWEEN low AND high"
    )
    return _best(asked, source)


if __name__ == "__main__":
    publish("postgis", measure(establishments=int(sys.argv[1]) if sys.argv[1:] else ESTABLISHMENTS))
