"""From scores to a release: who may be shown, which pairs are kept, and the file that the recruiters source reads.

    releases/<id>/recruiters.ndjson.gz   format 1: a header, then one establishment per line
    releases/<id>/summary.json           what the gates of the next release compare with
    releases/current                     a link to the release in place; it moves last
    releases/journal.ndjson              every move of `current`, with its reason

No past count is written: estimates, bands and codes of reasons only.
"""

import gzip
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from widget_server.domain.errors import StageDamaged
from widget_server.forecast.clock import LABEL_MONTHS, Origin
from widget_server.forecast.features import FEATURES, open_tables, stock_days
from widget_server.forecast.literals import literal
from widget_server.forecast.publication import BEST_OF_PLACE, LEAST_P, REASONS_HELD, WITHHELD_NAF, held_sql, kept_sql
from widget_server.forecast.tables import HEADCOUNTS

FORMAT: Final = 1
FILE: Final = "recruiters.ndjson.gz"
SUMMARY: Final = "summary.json"
CURRENT: Final = "current"
JOURNAL: Final = "journal.ndjson"
KEPT: Final = 4
"""Releases on disk; an older one goes when a newer one is published."""
NOT_COMPARED: Final = "calendar"
"""The family of features that is the same for everybody on one day: it says which month it is, not that data drift."""
_BINS: Final = 10
_BLUR: Final = 0.25
_LEAST_SHARE: Final = 1e-4
_BATCH: Final = 10_000
_LEVEL: Final = 6


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line of a release. `demonstration`: the companies are fictitious."""

    format: int
    model: str
    day: date
    until: date
    count: int
    demonstration: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One establishment of a release, and nothing else; `contact` False: it asked to be shown without one."""

    siret: str
    name: str
    naf: str | None
    headcount: str | None
    address: str | None
    postcode: str | None
    commune: str
    lat: float | None
    lon: float | None
    expected_hires: float
    romes: list[tuple[str, float, str]]
    reasons: list[str]
    contact: bool = True


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """How a feature is spread over the establishments of a day: the share in each bin that its edges make.

    blur   how far an edge reaches to both sides, as a share of it
    """

    edges: list[float]
    shares: list[float]
    blur: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a release is as a whole.

    pairs           by département
    held            establishments with a score that are not shown, by reason
    season_hires    hires of the same six months a year earlier, and how many establishments made them: what a change
    season_firms    of the level from one release to the next may owe to the season
    metrics         of the model on its past origins, by name: the mean
    """

    format: int = FORMAT
    model: str
    day: date
    until: date
    demonstration: bool
    establishments: int
    pairs: dict[str, int]
    mean_p: float
    band_a: float
    expected_hires: float
    held: dict[str, int]
    season_hires: int
    season_firms: int
    features: dict[str, Histogram]
    metrics: dict[str, float]

    @property
    def all_pairs(self) -> int:
        """Pairs of the whole country."""
        return sum(self.pairs.values())


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the operator decides of a release.

    withheld_naf   beginnings of NAF codes that are learnt from and not shown
    """

    withheld_naf: Sequence[str] = WITHHELD_NAF
    least_p: float = LEAST_P
    best: int = BEST_OF_PLACE


_HEADER: Final = msgspec.json.Decoder(Header)
_ROW: Final = msgspec.json.Decoder(Row)


def write_release(
    tables: Path,
    scores: Path,
    out: Path,
    *,
    origin: Origin,
    model: str,
    demonstration: bool = False,
    metrics: Mapping[str, float] | None = None,
    choice: Choice | None = None,
    threads: int = 1,
    memory: str = "3GB",
) -> Summary:
    """Write FILE and SUMMARY into `out` from the clean tables and a folder of scores."""
    chosen = choice or Choice()
    until = (origin.day + LABEL_MONTHS).first_day
    with open_tables(tables, threads=threads, memory=memory) as database:
        _select(database, scores, origin, chosen)
        count = _number(database, "SELECT count(DISTINCT siret) FROM kept")
        header = Header(
            format=FORMAT,
            model=model,
            day=origin.first_day,
            until=until,
            count=count,
            demonstration=demonstration,
        )
        write_rows(out / FILE, header, _rows(database))
        summary = _summary(database, header, origin, scores, metrics or {})
    verify(out / FILE, count)
    (out / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(summary, order="deterministic"), indent=1))
    return summary


def _select(database: duckdb.DuckDBPyConnection, scores: Path, origin: Origin, choice: Choice) -> None:
    """`held`, why each scored establishment is not shown, and `kept`, the pairs of the release."""
    stock = origin.stock(stock_days(database))
    database.execute(
        "CREATE TEMP TABLE scored AS SELECT siret, rome, p, band, expected_hires, reasons "
        f"FROM read_parquet({literal(scores / 'scores.parquet')})"
    )
    database.execute(f"CREATE TEMP TABLE asked AS {held_sql(origin, stock, choice.withheld_naf)}")
    # Somebody whom the stock file does not know may not be shown: nobody can tell whether it asked not to be.
    database.execute(
        "CREATE TEMP TABLE held AS SELECT siret, CASE WHEN asked.siret IS NULL THEN 'unnamed' ELSE asked.held END "
        "AS held FROM (SELECT DISTINCT siret FROM scored) AS everybody LEFT JOIN asked USING (siret)"
    )
    kept = kept_sql("scored", "SELECT * FROM asked", least_p=choice.least_p, best=choice.best)
    database.execute(
        f"CREATE TEMP TABLE kept AS SELECT kept.*, departement FROM ({kept}) AS kept JOIN asked USING (siret)"
    )
    # A p is cut, not rounded: 0.39996 would become 0.4, which is another band.
    codes = ", ".join(f"'{code}'" for code in HEADCOUNTS)
    database.execute(
        f"""CREATE TEMP TABLE shown AS
        SELECT siret, name, naf, [{codes}][headcount + 1] AS headcount,
            nullif(concat_ws(' ', number, street_type, street), '') AS address, postcode, commune,
            round(latitude, 5) AS lat, round(longitude, 5) AS lon, round(expected_hires, 3) AS expected_hires,
            romes, reasons, siret NOT IN (SELECT siret FROM opt_out) AS contact
        FROM (SELECT * FROM establishments WHERE as_of = DATE '{stock}') AS stock
        JOIN (
            SELECT siret, max(CAST(expected_hires AS DOUBLE)) AS expected_hires, any_value(reasons) AS reasons,
                list(struct_pack(rome := rome, p := floor(CAST(p AS DOUBLE) * 10000 + 1e-3) / 10000, band := band)
                    ORDER BY p DESC, rome) AS romes
            FROM kept GROUP BY siret
        ) AS pairs USING (siret)
        ORDER BY siret"""
    )


def _rows(database: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    columns = Row.__struct_fields__
    cursor = database.execute(f"SELECT {', '.join(columns)} FROM shown ORDER BY siret")
    while batch := cursor.fetchmany(_BATCH):
        for cells in batch:
            told = dict(zip(columns, cells, strict=True))
            told["romes"] = [(pair["rome"], pair["p"], pair["band"]) for pair in told["romes"]]
            yield msgspec.convert(told, Row)


def write_rows(path: Path, header: Header, rows: Iterator[Row]) -> None:
    """Write a release's file; the same rows give the same bytes."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as stream:
        stream.write(encoder.encode(header) + b"\n")
        for row in rows:
            stream.write(encoder.encode(row) + b"\n")


def read_header(path: Path) -> Header:
    """The first line of a release."""
    with _opened(path) as stream:
        return _decoded_header(path, stream)


def read_rows(path: Path) -> Iterator[Row]:
    """The establishments of a release; a `StageDamaged` when it cannot be read to its end."""
    try:
        with _opened(path) as stream:
            _decoded_header(path, stream)
            for line in stream:
                yield _ROW.decode(line)
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise StageDamaged(f"{path} cannot be read to its end: {error}") from error


def _opened(path: Path) -> gzip.GzipFile:
    try:
        return gzip.open(path, "rb")
    except OSError as error:
        raise StageDamaged(f"{path} cannot be read: {error}") from error


def _decoded_header(path: Path, stream: gzip.GzipFile) -> Header:
    try:
        header = _HEADER.decode(stream.readline())
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise StageDamaged(f"{path} has no header that can be read: {error}") from error
    if header.format != FORMAT:
        raise StageDamaged(f"{path} has format {header.format}, this version reads {FORMAT}")
    return header


def verify(path: Path, count: int) -> None:
    """Read a release back; a `StageDamaged` unless it holds what its header says, each SIRET once."""
    seen = [row.siret for row in read_rows(path)]
    if len(seen) != count or len(set(seen)) != count:
        raise StageDamaged(f"{path} announces {count} establishments and holds {len(set(seen))} in {len(seen)} rows")


def _summary(
    database: duckdb.DuckDBPyConnection, header: Header, origin: Origin, scores: Path, metrics: Mapping[str, float]
) -> Summary:
    window = origin.same_window(1)
    # Decimals, because a sum of floats depends on the order of the threads.
    mean_p, band_a = _cells(
        database, "SELECT avg(CAST(p AS DECIMAL(18, 9))), avg(CAST(band = 'A' AS INTEGER)) FROM kept"
    )
    (expected,) = _cells(database, "SELECT avg(CAST(expected_hires AS DECIMAL(18, 3))) FROM shown")
    season = _cells(
        database,
        "SELECT coalesce(sum(n), 0), count(DISTINCT siret) FROM hires "
        f"WHERE month >= {window.start.number} AND month < {window.end.number}",
    )
    held = _counts(database, "SELECT held, count(*) FROM held WHERE held IS NOT NULL GROUP BY held ORDER BY held")
    return Summary(
        model=header.model,
        day=header.day,
        until=header.until,
        demonstration=header.demonstration,
        establishments=header.count,
        pairs=_counts(database, "SELECT departement, count(*) FROM kept GROUP BY departement ORDER BY departement"),
        mean_p=round(mean_p, 9),
        band_a=round(band_a, 9),
        expected_hires=round(expected, 6),
        held=dict.fromkeys(REASONS_HELD, 0) | held,
        season_hires=int(season[0]),
        season_firms=int(season[1]),
        features=histograms(database, scores / "features.parquet"),
        metrics=dict(metrics),
    )


def histograms(
    database: duckdb.DuckDBPyConnection, path: Path, like: Mapping[str, Histogram] | None = None
) -> dict[str, Histogram]:
    """How each feature is spread: over its own tenths, or over the edges of another day's histograms."""
    source = f"read_parquet({literal(path)})"
    names = [feature.name for feature in FEATURES if feature.family != NOT_COMPARED]
    if like is not None:
        edges = {name: like[name].edges for name in names if name in like}
    else:
        tenths = ", ".join(str(place / _BINS) for place in range(_BINS + 1))
        told = ", ".join(f"quantile_disc({name}, [{tenths}])" for name in names)
        found = database.execute(f"SELECT {told} FROM {source}").fetchall()[0]
        edges = {name: sorted({float(each) for each in cells or ()}) for name, cells in zip(names, found, strict=True)}
    steps = {name: _steps(name, each) for name, each in edges.items()}
    # Decimals, because a sum of floats depends on the order of the threads.
    sums = ", ".join(f"sum(CAST({each} AS DECIMAL(18, 9)))" for name in steps for each in steps[name])
    rows, *summed = _cells(database, f"SELECT count(*), {sums} FROM {source}")
    below = iter([each / rows if rows else 0.0 for each in summed])
    spread = {}
    for name, of in steps.items():
        known, *cumulated = [next(below) for _ in of]
        between = [high - low for low, high in pairwise([0.0, *cumulated, known])]
        spread[name] = [round(share, 9) for share in (1 - known, *between)]
    return {name: Histogram(edges=edges[name], shares=each, blur=_BLUR) for name, each in spread.items()}


def _steps(name: str, edges: Sequence[float]) -> list[str]:
    """How much of a value is known, and below each edge; the shares of the bins are the differences.

    Below a positive edge is not yes or no: it fades over a quarter on both sides. The mean of a sector is one value of
    thousands of establishments, and all of them would change bins when it moves by a thousandth.
    """
    steps = [f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END"]
    for nth, edge in enumerate(edges):
        if edge > 0:
            faded = f"({edge * (1 + _BLUR)!r} - {name}) / {2 * _BLUR * edge!r}"
            steps.append(f"CASE WHEN {name} IS NULL THEN 0 ELSE greatest(0, least(1, {faded})) END")
        else:
            # New values below the smallest one show in a bin of their own.
            steps += [f"CASE WHEN {name} < {edge!r} THEN 1 ELSE 0 END"] if nth == 0 else []
            steps.append(f"CASE WHEN {name} <= {edge!r} THEN 1 ELSE 0 END")
    return steps


def stability(before: Histogram, after: Histogram) -> float:
    """The population stability index of two histograms over the same edges: the sum of (a - b) ln(a / b)."""
    shares = zip(before.shares, after.shares, strict=True)
    floored = [(max(old, _LEAST_SHARE), max(new, _LEAST_SHARE)) for old, new in shares]
    return sum((new - old) * log(new / old) for old, new in floored)


def read_summary(folder: Path) -> Summary:
    """The summary of a release; a `StageDamaged` when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / SUMMARY).read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise StageDamaged(f"{folder} has no summary that can be read: {error}") from error


# Which release is in place.


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One move of `current`: from which release to which, when, and why."""

    at: str
    before: str | None
    after: str
    because: str


def current_release(releases: Path) -> Path | None:
    """The folder of the release in place."""
    link = releases / CURRENT
    return link.resolve() if link.is_symlink() and link.exists() else None


def all_releases(releases: Path) -> list[Path]:
    """The folders of all releases, the oldest first."""
    if not releases.is_dir():
        return []
    folders = [path for path in releases.iterdir() if path.is_dir() and not path.is_symlink() and path.name[:1] != "."]
    return sorted(folders, key=lambda path: (path.stat().st_mtime_ns, path.name))


def move_current(releases: Path, name: str, because: str, now: datetime) -> Move:
    """Put a release in place, atomically, and write the reason down."""
    before = current_release(releases)
    move = Move(
        at=now.astimezone(UTC).isoformat(timespec="seconds"),
        before=before.name if before else None,
        after=name,
        because=because,
    )
    aside = releases / f".{CURRENT}-{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(name, target_is_directory=True)
    with (releases / JOURNAL).open("ab") as journal:
        journal.write(msgspec.json.encode(move) + b"\n")
        journal.flush()
        os.fsync(journal.fileno())
    aside.replace(releases / CURRENT)
    handle = os.open(releases, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return move


def moves(releases: Path) -> list[Move]:
    """Every move of `current`, the oldest first."""
    try:
        lines = (releases / JOURNAL).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [msgspec.json.decode(line, type=Move) for line in lines]


def _number(database: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(database.execute(sql).fetchall()[0][0])


def _cells(database: duckdb.DuckDBPyConnection, sql: str) -> list[float]:
    return [float(cell or 0) for cell in database.execute(sql).fetchall()[0]]


def _counts(database: duckdb.DuckDBPyConnection, sql: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in database.execute(sql).fetchall()}
