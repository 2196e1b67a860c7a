"""The search alone: grid, scan and rule on the stress shelf and on the national set, beside SQLite's two indexes.

Every result is compared before any time is. CPU of this process, variants interleaved.
"""

import itertools
import math
import sqlite3
import statistics
import time
from pathlib import Path

import numpy as np

from tests.bench import data
from tests.bench.pairs import Row, publish, timed
from tests.bench.queries import Question, questions
from widget_server.listing.search import _around, _circle_cells, _runs, grid, scan, search
from widget_server.snapshot.index import STRIDE, PostingLists, map_array
from widget_server.snapshot.shelf import Shelf

ESTABLISHMENTS = 1_000_000
QUERIES = 150
PEER_QUERIES = 12
TOP = 150
_FILES = {
    "key": np.uint32, "start": np.uint32, "lat": np.float32, "lon": np.float32, "score": np.uint8, "card": np.uint32,
}  # fmt: skip
_HAVERSINE = (
    "2 * 6371.0088 * asin(sqrt(min(1.0, pow(sin(radians(round(lat, 5) - :lat) / 2), 2)"
    " + cos(radians(:lat)) * cos(radians(round(lat, 5))) * pow(sin(radians(round(lon, 5) - :lon) / 2), 2))))"
)


def measure() -> list[Row]:
    """The rows of section search."""
    shelf = data.shelf(ESTABLISHMENTS)
    rows = [_size("stress shelf", shelf, None)]
    for romes, radius_km, goal, goal_ms in ((1, 30, 2.0, None), (5, 30, None, None), (20, 100, 0.4, 1.5)):
        rows += _against_scan(shelf, romes, radius_km, goal, goal_ms)
    rows += _peers(shelf)
    rows += _national()
    return rows


def _against_scan(
    shelf: PostingLists, romes: int, radius_km: int, goal: float | None, goal_ms: float | None
) -> list[Row]:
    ours: list[float] = []
    plain: list[float] = []
    found = 0
    for asked in itertools.islice(questions(1, romes, radius_km, known=shelf.keys), QUERIES):
        centre, point = asked.centre(), (asked.latitude, asked.longitude)
        runs = _runs(shelf, asked.romes)
        results = [
            _listed(hits)
            for hits in (
                _around(shelf, asked.romes, centre, float(radius_km)),
                grid(shelf, asked.romes, *point, radius_km),
                scan(shelf, runs, *point, radius_km),
            )
        ]
        assert results[0] == results[1] == results[2], asked
        found += len(results[0])
        told = timed(
            {
                "ours": lambda a=asked, c=centre: _around(shelf, a.romes, c, float(radius_km)),
                "scan": lambda a=asked, p=point: scan(shelf, _runs(shelf, a.romes), *p, radius_km),
            },
            repeats=3,
        )
        ours.append(statistics.median(told["ours"]))
        plain.append(statistics.median(told["scan"]))
    what = f"search, {len(shelf.card) / 1e6:.1f} M postings, {romes} ROME x {radius_km} km"
    ratio = statistics.median(ours) / statistics.median(plain)
    p99 = sorted(ours)[int(len(ours) * 0.99)]
    return [
        Row(subject=f"{what}: CPU / plain scan", measured=ratio, goal=goal, note=f"{found // QUERIES} hits each"),
        Row(
            subject=f"{what}: p50 of CPU",
            measured=statistics.median(ours),
            unit="ms",
            goal=goal_ms,
            note=f"p99 {p99:.2f} ms",
        ),
    ]


def _national() -> list[Row]:
    """All three sources as a visitor's search asks them, and the size of each index."""
    folder = data.national()
    snapshots = [Shelf(folder / name).open(Shelf(folder / name).current_version() or "") for name in data.SOURCES]
    rows = []
    for name, snapshot in zip(data.SOURCES, snapshots, strict=True):
        rows.append(_size(f"national {name}", snapshot.index, 19.0))
    for romes, radius_km, goal_ms in ((5, 30, 1.0), (20, 100, 2.5)):
        told: list[float] = []
        for asked in itertools.islice(questions(2, romes, radius_km), QUERIES):
            centre = asked.centre()
            runs = timed(
                {"all": lambda a=asked, c=centre: [search(each, a.romes, c, a.radius_km) for each in snapshots]},
                repeats=3,
            )
            told.append(statistics.median(runs["all"]))
        p99 = sorted(told)[int(len(told) * 0.99)]
        rows.append(
            Row(
                subject=f"search, national, three sources, {romes} ROME x {radius_km} km: p50 of CPU",
                measured=statistics.median(told),
                unit="ms",
                goal=goal_ms,
                note=f"p99 {p99:.2f} ms",
            )
        )
    versions = {name: Shelf(folder / name).current_version() or "" for name in data.SOURCES}
    begun = time.perf_counter()
    for name, version in versions.items():
        for array, kind in _FILES.items():
            map_array(folder / name / version / "index" / f"{array}.npy", kind)
    opened_ms = (time.perf_counter() - begun) * 1000 / len(data.SOURCES)
    rows.append(Row(subject="opening the files of one index", measured=opened_ms, unit="ms", goal=5.0))
    return rows


def _size(name: str, index: PostingLists, goal: float | None) -> Row:
    arrays = (index.key, index.start, index.lat, index.lon, index.score, index.card)
    total = sum(128 + array.nbytes for array in arrays if array is not None)
    return Row(
        subject=f"index, {name}: bytes per posting",
        measured=total / len(index.card),
        goal=goal,
        exact=True,
        note=f"{len(index.card)} postings, {total / 1e6:.1f} MB",
    )


def _peers(shelf: PostingLists) -> list[Row]:
    """SQLite, with the same grid as a B-tree and with an R*Tree: results first, then CPU over ours."""
    rows = []
    for romes, radius_km in ((5, 30), (20, 100)):
        asked = list(itertools.islice(questions(3, romes, radius_km, known=shelf.keys), PEER_QUERIES))
        ours = [{card: score for card, _, score in found_in(shelf, each)} for each in asked]
        own = [_cpu_ms(lambda each=each: found_in(shelf, each)[:TOP]) for each in asked]
        for name, ask in (("B-tree (rome, cell)", _by_cell), ("R*Tree", _by_rtree)):
            with sqlite3.connect(_sqlite(shelf)) as db:
                for question, expected in zip(asked, ours, strict=True):
                    # All of them: where two are as far but for metres, the formulas may order them otherwise.
                    found = {card: score for card, _, score in ask(db, shelf, question, -1)}
                    assert found == expected, (name, question)
                taken = [_cpu_ms(lambda each=each, ask=ask, db=db: ask(db, shelf, each, TOP)) for each in asked]
            rows.append(
                Row(
                    subject=f"SQLite {name}, {romes} ROME x {radius_km} km, top {TOP}: CPU / ours",
                    measured=statistics.median(taken) / statistics.median(own),
                    note=f"p50 {statistics.median(taken):.1f} ms, ours {statistics.median(own):.2f} ms",
                )
            )
            db.close()
    return rows


def _cpu_ms(run) -> float:
    begun = time.process_time_ns()
    run()
    return (time.process_time_ns() - begun) / 1e6


def found_in(shelf: PostingLists, asked: Question) -> list[tuple[int, int, int]]:
    """Card, tenths of a km and score of all hits."""
    return _listed(_around(shelf, asked.romes, asked.centre(), float(asked.radius_km)))


def _listed(hits) -> list[tuple[int, int, int]]:
    return list(zip(hits.card.tolist(), hits.tenths.tolist(), hits.score.tolist(), strict=True))


def _sqlite(shelf: PostingLists) -> Path:
    """The same postings in SQLite: a clustered B-tree under (rome, cell, card), and an R*Tree over the cards."""
    path = data.FOLDER / f"peers-{data.SEED}-{len(shelf.card)}.sqlite"
    if path.exists():
        return path
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)
    keys = np.repeat(shelf.key, np.diff(shelf.start.astype(np.int64)))
    assert shelf.lat is not None
    assert shelf.lon is not None
    db = sqlite3.connect(aside, isolation_level=None)
    db.execute("PRAGMA journal_mode=OFF")
    db.execute("PRAGMA synchronous=OFF")
    db.execute(
        "CREATE TABLE posting(rome INTEGER, cell INTEGER, card INTEGER, score INTEGER, lat REAL, lon REAL,"
        " PRIMARY KEY(rome, cell, card)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE filed(card INTEGER, rome INTEGER, score INTEGER, PRIMARY KEY(card, rome)) WITHOUT ROWID")
    db.execute("CREATE VIRTUAL TABLE place USING rtree(card, south, north, west, east)")
    db.execute("BEGIN")
    columns = [keys // STRIDE, keys % STRIDE, shelf.card, shelf.score, shelf.lat, shelf.lon]
    rows = zip(*[column.tolist() for column in columns], strict=True)
    db.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?, ?)", rows)
    order = np.lexsort((keys // STRIDE, shelf.card))
    filed = zip(*[column[order].tolist() for column in (shelf.card, keys // STRIDE, shelf.score)], strict=True)
    db.executemany("INSERT INTO filed VALUES (?, ?, ?)", filed)
    card, first = np.unique(shelf.card, return_index=True)
    lat, lon = shelf.lat[first].tolist(), shelf.lon[first].tolist()
    db.executemany("INSERT INTO place VALUES (?, ?, ?, ?, ?)", zip(card.tolist(), lat, lat, lon, lon, strict=True))
    db.execute("COMMIT")
    db.close()
    return aside.rename(path)


def _by_cell(db: sqlite3.Connection, shelf: PostingLists, asked: Question, top: int) -> list[tuple[int, int, int]]:
    """The rows of cells as a table of ranges, joined to the B-tree."""
    rows, first, last = _circle_cells(asked.latitude, asked.longitude, asked.radius_km)
    db.execute("CREATE TEMP TABLE IF NOT EXISTS range(rome INTEGER, low INTEGER, high INTEGER)")
    db.execute("DELETE FROM range")
    ranges = [
        (ordinal, int(row * 1250 + low), int(row * 1250 + high))
        for ordinal in shelf.ordinals(asked.romes)
        for row, low, high in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True)
    ]
    db.executemany("INSERT INTO range VALUES (?, ?, ?)", ranges)
    return db.execute(
        f"SELECT card, CAST(round(min(km) * 10) AS INTEGER) AS tenths, max(score) AS score FROM"  # noqa: S608 - numbers and constants only
        f" (SELECT card, score, {_HAVERSINE} AS km FROM range CROSS JOIN posting ON posting.rome = range.rome"
        " AND cell BETWEEN low AND high) WHERE km <= :km GROUP BY card ORDER BY score DESC, tenths, card LIMIT :top",
        {"lat": asked.latitude, "lon": asked.longitude, "km": asked.radius_km, "top": top},
    ).fetchall()


def _by_rtree(db: sqlite3.Connection, shelf: PostingLists, asked: Question, top: int) -> list[tuple[int, int, int]]:
    """The box of the circle from the R*Tree, joined to what is filed under the occupations."""
    ordinals = ",".join(map(str, shelf.ordinals(asked.romes)))
    reach = asked.radius_km / 111.195 + 0.001
    wide = reach / math.cos(math.radians(min(abs(asked.latitude) + reach, 89)))
    return db.execute(
        f"SELECT card, CAST(round(min(km) * 10) AS INTEGER) AS tenths, max(score) AS score FROM"  # noqa: S608 - numbers and constants only
        f" (SELECT place.card AS card, score, {_HAVERSINE.replace('lat,', 'south,').replace('lon,', 'west,')} AS km"
        f" FROM place CROSS JOIN filed ON filed.card = place.card AND rome IN ({ordinals})"
        " WHERE south BETWEEN :lat - :reach AND :lat + :reach AND west BETWEEN :lon - :wide AND :lon + :wide)"
        " WHERE km <= :km GROUP BY card ORDER BY score DESC, tenths, card LIMIT :top",
        {
            "lat": asked.latitude,
            "lon": asked.longitude,
            "km": asked.radius_km,
            "top": top,
            "reach": reach,
            "wide": wide,
        },
    ).fetchall()


if __name__ == "__main__":
    publish("search", measure())
