"""Read the operator's files into clean tables: every row is accepted, repaired, skipped or rejected, and counted.

    FOLDER/inputs.toml                      day, lag_months, establishments_as_of, source, demonstration
    FOLDER/<table>[-part].parquet|csv|csv.gz
    OUT/<table>.parquet                     what the rest of the forecast reads, and counts.json
    REJECTS/<table>.csv                     file, row, reasons, raw; for the operator's eyes only

Nothing is written before every table is known to be good.
"""

import csv
import gzip
import io
import re
import shutil
import tomllib
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from widget_server.domain.errors import InputsRefused
from widget_server.forecast.clock import LONGEST_LAG, Month, Origin, first_origin
from widget_server.forecast.literals import literal
from widget_server.forecast.tables import ESTABLISHMENTS, MASKED, REMEDIES, SKIPPED, TABLES, Column, Rule, Table

REQUEST: Final = "inputs.toml"
COUNTS: Final = "counts.json"
MALFORMED: Final = "row_shape"
"""The reason of a line of a CSV that has not as many cells as its header, or quotes that do not close."""
_REQUESTED: Final[Mapping[str, object]] = {
    "day": None, "lag_months": 0, "establishments_as_of": None, "source": "", "demonstration": False,
}  # fmt: skip
_ENDINGS: Final = (".parquet", ".csv", ".csv.gz")
_HEADER_BYTES: Final = 1 << 16
_FIRST_YEAR: Final = 2001  # hires are read from January 2000 on
_LAST_YEAR: Final = 2999
_HALF_A_DAY: Final = re.compile(r"(19|20)\d\d(-\d\d?){0,2}|(19|20)\d{4}(\d\d)?")
"""The free part of a stock file that means a day; whoever writes half a one would have it read as today's stock."""
_EXAMPLES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the reference tables know: communes with their centres in degrees, ROME codes with their parents."""

    communes: Mapping[str, tuple[float | None, float | None]]
    romes: Mapping[str, str]
    departements: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `inputs.toml` asks for.

    as_of           the day of an establishments file without a day in its name
    demonstration   the companies are fictitious; whatever is published of them says so
    """

    origin: Origin
    as_of: date
    source: str
    demonstration: bool = False


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a table: `read = accepted + skipped + rejected`, `repaired` are accepted.

    Reasons count each time they apply, so a row with two of them counts in both; `written` is after adding up.
    """

    table: str
    read: int
    accepted: int
    written: int
    skipped: int
    rejected: int
    repaired: dict[str, int]
    skipped_for: dict[str, int]
    rejected_for: dict[str, int]

    def line(self) -> str:
        """The equation, and the reasons behind it."""
        said = f"{self.table}: {self.read} read = {self.accepted} accepted"
        said += f" + {self.skipped} skipped + {self.rejected} rejected"
        for word, reasons in (
            ("repaired", self.repaired),
            ("skipped", self.skipped_for),
            ("rejected", self.rejected_for),
        ):
            if reasons:
                said += f"; {word}: " + ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        return said


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What an ingest found, for the manifest.

    stocks          the days of the stock files
    headcount_year  the newest year of a headcount: SIRENE is about two years late
    own_place       of the establishments that could be shown, the share placed by their own coordinates
    """

    day: str
    lag_months: int
    source: str
    demonstration: bool = False
    tables: list[Counts]
    ceilings: dict[str, float]
    stocks: list[date]
    headcount_year: int | None
    own_place: float


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One input file: its table, its header (what each column is called in it), its place in the order of reading."""

    number: int
    path: Path
    table: Table
    as_of: date
    header: tuple[str, ...]
    delimiter: str

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix == ".parquet"


@dataclass(kw_only=True)
class _Problems:
    """Everything that is wrong so far."""

    found: list[str] = field(default_factory=list)

    def say(self, problem: str) -> None:
        self.found.append(problem)

    def stop(self) -> None:
        if self.found:
            raise InputsRefused(*self.found)


def read_request(folder: Path) -> Request:
    """What `inputs.toml` says; an `InputsRefused` with everything that is wrong with it."""
    try:
        said = tomllib.loads((folder / REQUEST).read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputsRefused(f"{folder / REQUEST} is missing; it says for which day: day = 2026-07-01") from error
    except OSError as error:
        raise InputsRefused(f"{folder / REQUEST} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputsRefused(f"{REQUEST} is not TOML in UTF-8: {error}") from error
    problems = _Problems()
    day, lag, as_of, source, demonstration = (said.pop(name, default) for name, default in _REQUESTED.items())
    if type(day) is not date or day.day != 1:
        problems.say(f"{REQUEST}: day is the first of a month without quotes, such as 2026-07-01; it says {day!r}")
    elif not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        problems.say(f"{REQUEST}: day lies in the years {_FIRST_YEAR} to {_LAST_YEAR}; it says {day}")
    if as_of is not None and type(as_of) is not date:
        problems.say(f"{REQUEST}: establishments_as_of is a day without quotes, such as 2026-07-01; it says {as_of!r}")
    if not isinstance(lag, int) or isinstance(lag, bool) or not 0 <= lag <= LONGEST_LAG:
        problems.say(f"{REQUEST}: lag_months is a whole number from 0 to {LONGEST_LAG}; it says {lag!r}")
    if not isinstance(source, str):
        problems.say(f'{REQUEST}: source is a text such as "deca+sirene"; it says {source!r}')
    if not isinstance(demonstration, bool):
        problems.say(
            f"{REQUEST}: demonstration is true for fictitious companies, else false; it says {demonstration!r}"
        )
    for name in said:
        problems.say(f"{REQUEST}: {name} is not known; known: {', '.join(_REQUESTED)}")
    problems.stop()
    return Request(origin=Origin(Month.of(day), lag), as_of=as_of or day, source=source, demonstration=demonstration)


def files(folder: Path) -> list[Path]:
    """The files that an ingest reads, in their order; what a stage takes its key from."""
    return [folder / REQUEST, *sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))]


def ingest(
    folder: Path,
    out: Path,
    rejects: Path,
    reference: Reference,
    *,
    ceilings: Mapping[str, float] | None = None,
    threads: int = 1,
    memory: str = "3GB",
) -> Ingested:
    """Read the files of `folder` and write the clean tables into `out` and the rejected rows into `rejects`.

    `ceilings` replaces the rejected share of a table (`hires`) or of a reason that has its own
    (`hires.siret_unknown`). An `InputsRefused` says everything that is wrong; then neither folder exists.
    """
    request = read_request(folder)
    limits = {name: share for table in TABLES for name, share in table.ceilings()}
    problems = _Problems()
    for name in sorted(set(ceilings or {}) - set(limits)):
        problems.say(f"there is no ceiling {name}; there are {', '.join(sorted(limits))}")
    limits |= ceilings or {}
    scratch = out.with_name(f".{out.name}.scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    try:
        with duckdb.connect(str(scratch / "rows.duckdb")) as database:
            database.execute(f"SET threads = {threads}; SET memory_limit = '{memory}'")
            database.execute(f"SET temp_directory = {literal(scratch / 'spill')}")
            _know(database, request.origin, reference)
            parts = _parts(database, folder, request, problems)
            problems.stop()
            database.begin()  # the scratch need not survive a crash, so it need not reach the disk
            counts = []
            for table in TABLES:
                counts.append(_read_table(database, table, [each for each in parts if each.table is table], problems))
                _judge(counts[-1], table, limits, _examples(database, table), problems)
                if table is ESTABLISHMENTS:
                    problems.stop()  # without them every hire would look unknown
            problems.stop()
            stocks = sorted({part.as_of for part in parts if part.table is ESTABLISHMENTS})
            facts = _facts(database, request.origin.stock(stocks))
            report = Ingested(
                day=str(request.origin.day),
                lag_months=request.origin.lag,
                source=request.source,
                demonstration=request.demonstration,
                tables=counts,
                ceilings=limits,
                stocks=stocks,
                headcount_year=facts[0],
                own_place=facts[1],
            )
            _write(database, scratch, report)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    for target, name in ((rejects, "rejects"), (out, "tables")):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(scratch / name, target)
    shutil.rmtree(scratch)
    return report


def _know(database: duckdb.DuckDBPyConnection, origin: Origin, reference: Reference) -> None:
    database.execute(f"SET VARIABLE day = {origin.day.number}")
    database.execute(f"SET VARIABLE first_day = DATE '{origin.first_day}'")
    database.execute(f"SET VARIABLE first_origin = DATE '{first_origin(origin).first_day}'")
    communes = reference.communes
    for name, columns, rows in (
        (
            "known_communes",
            {
                "code": list(communes),
                "latitude": [place[0] for place in communes.values()],
                "longitude": [place[1] for place in communes.values()],
            },
            "code, latitude::DOUBLE AS latitude, longitude::DOUBLE AS longitude",
        ),
        ("known_romes", {"code": list(reference.romes), "parent": list(reference.romes.values())}, "code, parent"),
        ("known_departements", {"code": sorted(reference.departements)}, "code"),
    ):
        unnested = ", ".join(f"unnest(?) AS {column}" for column in columns)
        database.execute(f"CREATE TEMP TABLE {name} AS SELECT {rows} FROM (SELECT {unnested})", list(columns.values()))


def _parts(database: duckdb.DuckDBPyConnection, folder: Path, request: Request, problems: _Problems) -> list[_Part]:
    """Every file with its header; what is missing, twice there, or not asked for is a problem."""
    by_name = {table.name: table for table in TABLES}
    parts: list[_Part] = []
    stems: dict[str, str] = {}
    problems.found.extend(_passed_over(folder, by_name))
    for path in files(folder)[1:]:
        stem = _stem(path)
        name, _, free = stem.partition("-")
        if name not in by_name:
            problems.say(f"{path.name} is none of the tables {', '.join(by_name)}; rename it or move it away")
            continue
        if stem in stems:
            problems.say(f"{stems[stem]} and {path.name} would be the same rows twice; keep one of them")
            continue
        stems[stem] = path.name
        try:
            header, delimiter = _parquet_header(database, path) if path.suffix == ".parquet" else _csv_header(path)
        except InputsRefused as error:
            problems.found.extend(error.problems)
            continue
        table = by_name[name]
        problems.found.extend(_wrong_columns(path.name, table, header))
        day = _day_of(free)
        if table is ESTABLISHMENTS and day is None and _HALF_A_DAY.fullmatch(free):
            problems.say(f"{path.name}: a stock file names its whole day, such as {table.name}-2025-07-01.parquet")
        as_of = day or request.as_of
        parts.append(
            _Part(
                number=len(parts),
                path=path,
                table=table,
                as_of=as_of,
                header=header,
                delimiter=delimiter,
            )
        )
    present = {each.partition("-")[0] for each in stems}
    for table in TABLES:
        if not table.optional and table.name not in present:
            problems.say(
                f"there is no {table.name} in {folder}: add {table.name}.parquet, .csv or .csv.gz with the columns "
                + ", ".join(column.name for column in table.columns if not column.optional)
            )
    return parts


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _passed_over(folder: Path, tables: Collection[str]) -> Iterator[str]:
    """What is named like a table and would not be read: an `opt_out.CSV` would show whoever is in it.

    The spreadsheet from which a table was made may lie beside it.
    """
    read = {_stem(path) for path in files(folder)[1:]}
    for path in sorted(folder.iterdir()):
        stem = path.name.partition(".")[0]
        name = stem.partition("-")[0].lower()
        if name in tables and not path.name.endswith(_ENDINGS) and stem not in read:
            yield (
                f"{path.name} is named like the table {name} and would not be read: give it as {stem.lower()}.parquet, "
                ".csv or .csv.gz, or move it away"
            )


def _day_of(free: str) -> date | None:
    try:
        return date.fromisoformat(free)
    except ValueError:
        return None


def _wrong_columns(file: str, table: Table, header: Sequence[str]) -> Iterator[str]:
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if twice:
        yield f"{file}: the columns {', '.join(twice)} are there twice; keep one of each"
    missing = [column.name for column in table.columns if not column.optional and not column.find(header)]
    if missing:
        yield f"{file}: the columns {', '.join(missing)} are missing; it has {', '.join(header)}"
    known = {name for column in table.columns for name in column.find(header)}
    unexpected = [name for name in header if name not in known]
    if table.strict and unexpected:
        yield (
            f"{file}: the columns {', '.join(unexpected)} are not expected. A raw export may hold personal data: "
            f"give only {', '.join(column.name for column in table.columns)}"
        )


def _parquet_header(database: duckdb.DuckDBPyConnection, path: Path) -> tuple[tuple[str, ...], str]:
    try:
        rows = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error as error:
        raise InputsRefused(_unreadable(path, error)) from error
    return tuple(str(row[0]) for row in rows), ""


def _unreadable(path: Path, error: Exception) -> str:
    said = str(error).splitlines()[0]
    if path.suffix == ".parquet":
        return f"{path.name} is not a whole Parquet file; export or copy it again ({said})"
    if "state machine" in said:  # what DuckDB calls a file of which some lines end otherwise than the first one
        return f"{path.name}: its lines do not all end alike; let them: sed -i 's/\\r$//' {path.name}"
    return f"{path.name} is not a whole CSV file; export or copy it again ({said})"


def _not_utf8(path: Path, where: str) -> str:
    return (
        f"{path.name}: {where} is not UTF-8, often because it is Latin-1; export it as UTF-8, or convert it: "
        "iconv -f LATIN1 -t UTF-8"
    )


def _csv_header(path: Path) -> tuple[tuple[str, ...], str]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            first = stream.read(_HEADER_BYTES).split(b"\n", 1)[0]
        line = first.decode("utf-8-sig").rstrip("\r")
    except (OSError, EOFError, zlib.error) as error:
        raise InputsRefused(_unreadable(path, error)) from error
    except UnicodeDecodeError as error:
        raise InputsRefused(_not_utf8(path, "its header")) from error
    if "\r" in line:
        raise InputsRefused(f"{path.name}: its lines end in a carriage return alone; convert it: tr '\\r' '\\n'")
    delimiter = ";" if line.count(";") > line.count(",") else ","
    names = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
    if not any(names):
        raise InputsRefused(f"{path.name} has no header; its first line names the columns")
    return tuple(name.strip() for name in names), delimiter


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _read_table(
    database: duckdb.DuckDBPyConnection, table: Table, parts: Sequence[_Part], problems: _Problems
) -> Counts:
    """Make `checked_<table>` (every row with what became of it) and `clean_<table>`, and count."""
    cells = ", ".join(f"{_quoted(column.name)} VARCHAR" for column in table.columns)
    database.execute(
        f'CREATE TABLE raw_{table.name} (part INTEGER, file VARCHAR, "row" BIGINT, as_of DATE, raw STRUCT({cells}))'
    )
    database.execute(
        f'CREATE TABLE malformed_{table.name} (file VARCHAR, "row" BIGINT, good_before BIGINT, line VARCHAR)'
    )
    read = 0
    for part in parts:
        try:
            read += _read_part(database, table, part, problems)
        except duckdb.Error as error:
            raise InputsRefused(*problems.found, _unreadable(part.path, error)) from error
    database.execute(f"CREATE TABLE checked_{table.name} AS {_checked_sql(table)}")
    database.execute(f"DROP TABLE raw_{table.name}")
    if table.key and not table.total:
        _mark_duplicates(database, table)
    database.execute(f"CREATE TABLE clean_{table.name} AS {_clean_sql(table)}")
    if table is ESTABLISHMENTS:
        database.execute(f"CREATE TABLE read_{table.name} AS SELECT siret FROM checked_{table.name} WHERE reasons = []")
    counts = _count(database, table, read)
    if counts.read != counts.accepted + counts.skipped + counts.rejected:
        raise AssertionError(f"rows of {table.name} were lost: {counts.line()}")
    return counts


def _read_part(database: duckdb.DuckDBPyConnection, table: Table, part: _Part, problems: _Problems) -> int:
    """Put the rows of one file into `raw_<table>`, as text; how many rows it has, malformed ones included."""
    cells = ", ".join(
        f"{_quoted(column.name)} := {_cell_sql(column, column.find(part.header))}" for column in table.columns
    )
    path = literal(part.path)
    if part.is_parquet:
        number, source = "file_row_number + 1", f"read_parquet({path}, file_row_number = true)"
    else:
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in part.header)
        number = "row_number() OVER ()"
        source = (
            f"read_csv({path}, auto_detect = false, header = true, columns = {{{columns}}}, quote = '\"', "
            f"escape = '\"', delim = '{part.delimiter}', nullstr = '', store_rejects = true, "
            f"rejects_table = 'bad_{part.number}', rejects_scan = 'scan_{part.number}')"
        )
    database.execute(
        f"INSERT INTO raw_{table.name} SELECT {part.number}, {literal(part.path.name)}, {number}, "
        f"DATE '{part.as_of}', struct_pack({cells}) FROM {source}"
    )
    read = _number(database, f"SELECT count(*) FROM raw_{table.name} WHERE part = {part.number}")
    if part.is_parquet:
        return read
    foreign = database.execute(
        f"SELECT min(line) FROM bad_{part.number} WHERE error_type = 'INVALID ENCODING'"
    ).fetchall()[0][0]
    if foreign is not None:
        problems.say(_not_utf8(part.path, f"line {foreign}"))
    # A malformed line is read by nobody; the rows after it are further down in the file than they think.
    database.execute(
        f"INSERT INTO malformed_{table.name} SELECT {literal(part.path.name)}, line - 1, "
        f"line - 1 - row_number() OVER (ORDER BY line), text "
        f"FROM (SELECT line, any_value(csv_line) AS text FROM bad_{part.number} GROUP BY line)"
    )
    bad = _number(database, f"SELECT count(DISTINCT line) FROM bad_{part.number}")
    return read + bad


def _cell_sql(column: Column, names: Sequence[str]) -> str:
    if not names:
        return "CAST(NULL AS VARCHAR)"
    # Of several moving names the newest, which sorts last, is right.
    cells = [f"nullif(trim(CAST({_quoted(name)} AS VARCHAR)), '')" for name in sorted(names, reverse=True)]
    cell = f"coalesce({', '.join(cells)})" if len(cells) > 1 else cells[0]
    return f"nullif({cell}, '{MASKED}')" if column.masked else cell


def _checked_sql(table: Table) -> str:
    """Every row with its parsed columns, its reasons, the first reason to skip it, and its repairs."""
    rows = f"SELECT * FROM raw_{table.name}"
    for name, sql in table.parsed:
        rows = f"SELECT *, {sql} AS {name} FROM ({rows})"
    rejects, repairs = _reasons_sql(table.rejects), _reasons_sql(table.repairs)
    skip = " ".join(f"WHEN {rule.sql} THEN '{rule.reason}'" for rule in table.skips)
    # What only led to another column stays behind.
    steps = [name for name, _ in table.parsed if name.startswith("_")]
    kept = f"* EXCLUDE ({', '.join(steps)})" if steps else "*"
    return (
        f"SELECT {kept}, {rejects} AS reasons, {repairs} AS repairs, "
        f"CAST({f'CASE {skip} END' if skip else 'NULL'} AS VARCHAR) AS skip FROM ({rows})"
    )


def _reasons_sql(rules: Sequence[Rule]) -> str:
    """The list of the reasons that apply to a row, in the order of the table."""
    cases = ", ".join(f"CASE WHEN {rule.sql} THEN '{rule.reason}' END" for rule in rules) or "NULL"
    return f"list_filter(CAST([{cases}] AS VARCHAR[]), lambda reason: reason IS NOT NULL)"


def _mark_duplicates(database: duckdb.DuckDBPyConnection, table: Table) -> None:
    """The second good row of a key, in the order of reading, is rejected."""
    keys = ", ".join(table.key)
    database.execute(
        f"UPDATE checked_{table.name} SET reasons = ['duplicate'] WHERE (part, \"row\") IN ("
        f'SELECT (part, "row") FROM (SELECT part, "row", row_number() OVER (PARTITION BY {keys} '
        f'ORDER BY part, "row") AS seen FROM checked_{table.name} WHERE reasons = [] AND ({keys}) IN ('
        f"SELECT ({keys}) FROM checked_{table.name} WHERE reasons = [] GROUP BY {keys} HAVING count(*) > 1)) "
        "WHERE seen > 1)"
    )


def _clean_sql(table: Table) -> str:
    rows = f"SELECT * FROM checked_{table.name} WHERE reasons = [] AND skip IS NULL"
    if table.total:
        # Decimals, because a sum of floats depends on the order of the threads.
        total = f"sum(CAST({table.total} AS DECIMAL(38, 9))) AS {table.total}"
        keys = ", ".join(table.key)
        rows = f"SELECT {keys}, {total} FROM ({rows}) GROUP BY {keys}"
    columns = ", ".join(f"{sql} AS {name}" for name, sql in table.clean)
    return f"SELECT {columns} FROM ({rows})"


def _number(database: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(database.execute(sql).fetchall()[0][0])


def _by_reason(database: duckdb.DuckDBPyConnection, sql: str) -> dict[str, int]:
    return {
        str(reason): int(count)
        for reason, count in database.execute(
            f"SELECT reason, count(*) FROM ({sql}) GROUP BY reason ORDER BY reason"
        ).fetchall()
    }


def _count(database: duckdb.DuckDBPyConnection, table: Table, read: int) -> Counts:
    name = table.name
    good = f"checked_{name} WHERE reasons = []"
    malformed = _number(database, f"SELECT count(*) FROM malformed_{name}")
    accepted = _number(database, f"SELECT count(*) FROM {good} AND skip IS NULL")
    written = _number(database, f"SELECT count(*) FROM clean_{name}")
    repaired = _by_reason(database, f"SELECT unnest(repairs) AS reason FROM {good} AND skip IS NULL")
    if written < accepted:
        repaired["summed"] = accepted - written
    rejected_for = _by_reason(database, f"SELECT unnest(reasons) AS reason FROM checked_{name}")
    if malformed:
        rejected_for[MALFORMED] = malformed
    return Counts(
        table=name,
        read=read,
        accepted=accepted,
        written=written,
        skipped=_number(database, f"SELECT count(*) FROM {good} AND skip IS NOT NULL"),
        rejected=malformed + _number(database, f"SELECT count(*) FROM checked_{name} WHERE reasons <> []"),
        repaired=repaired,
        skipped_for=_by_reason(database, f"SELECT skip AS reason FROM {good} AND skip IS NOT NULL"),
        rejected_for=rejected_for,
    )


def _examples(database: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """For each reason, where its first rows are."""
    rows = database.execute(
        f"SELECT reason, string_agg(file || ' row ' || \"row\", ', ' ORDER BY file, \"row\") FROM ("
        f'SELECT *, row_number() OVER (PARTITION BY reason ORDER BY file, "row") AS nth '
        f"FROM (SELECT unnest(string_split(reasons, ';')) AS reason, file, \"row\" FROM ({_rejects_sql(table)}))"
        f") WHERE nth <= {_EXAMPLES} GROUP BY reason"
    ).fetchall()
    return {str(reason): str(where) for reason, where in rows}


def _judge(
    counts: Counts, table: Table, limits: Mapping[str, float], examples: Mapping[str, str], problems: _Problems
) -> None:
    """Nothing accepted, or more rejected than the ceiling, is a problem."""
    told = "; ".join(
        f"{count} {reason} ({examples[reason]}; {REMEDIES[reason]})"
        for reason, count in sorted(counts.rejected_for.items())
    )
    if not counts.accepted and not table.optional:
        left = [f"{count} {reason} ({SKIPPED[reason]})" for reason, count in sorted(counts.skipped_for.items())]
        said = "; ".join([*([told] if told else []), *left]) or "the file is empty"
        problems.say(f"{table.name}: not one row of {counts.read} can be used: {said}")
        return
    if table.fatal and counts.rejected:
        problems.say(f"{table.name}: a line that cannot be read could show somebody who asked not to be shown: {told}")
        return
    apart = sum(counts.rejected_for.get(reason, 0) for reason, _ in table.apart)
    for name, rejected in (
        (table.name, counts.rejected - apart),
        *((f"{table.name}.{reason}", counts.rejected_for.get(reason, 0)) for reason, _ in table.apart),
    ):
        if rejected > limits[name] * counts.read:
            problems.say(
                f"{name}: {rejected} of {counts.read} rows are rejected, more than {limits[name]:.2%}: {told}. "
                f"Mend the file, or accept it with --max-rejects {name}=SHARE"
            )


def _rejects_sql(table: Table) -> str:
    """`file, row, reasons, raw` of every rejected row."""
    name = table.name
    return (
        f'SELECT c.file, c."row" + (SELECT count(*) FROM malformed_{name} AS m '
        f'WHERE m.file = c.file AND m.good_before < c."row") AS "row", '
        "array_to_string(c.reasons, ';') AS reasons, CAST(to_json(c.raw) AS VARCHAR) AS raw "
        f"FROM checked_{name} AS c WHERE c.reasons <> [] "
        f"UNION ALL SELECT file, \"row\", '{MALFORMED}', CAST(to_json({{line: line}}) AS VARCHAR) "
        f"FROM malformed_{name}"
    )


def _facts(database: duckdb.DuckDBPyConnection, stock: date) -> tuple[int | None, float]:
    """The newest year of a headcount, and the share placed by its own coordinates of who could be shown.

    SIRENE withholds the coordinates of whoever is not diffusible, every eighth, and nobody is sent there.
    """
    year, own = database.execute(
        "SELECT max(headcount_year), coalesce(avg(CAST(own_place AS INTEGER)) FILTER (WHERE diffusible "
        f"AND as_of = DATE '{stock}' AND (closed IS NULL OR closed > getvariable('first_day'))), 1) "
        "FROM clean_establishments"
    ).fetchall()[0]
    return (None if year is None else int(year)), float(own)


def _write(database: duckdb.DuckDBPyConnection, scratch: Path, report: Ingested) -> None:
    tables, rejects = scratch / "tables", scratch / "rejects"
    tables.mkdir()
    rejects.mkdir(mode=0o700)
    for table in TABLES:
        clean = literal(tables / f"{table.name}.parquet")
        database.execute(
            f"COPY (SELECT * FROM clean_{table.name} ORDER BY {table.order}) TO {clean} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        file = rejects / f"{table.name}.csv"
        file.touch(mode=0o600)
        database.execute(
            f'COPY (SELECT * FROM ({_rejects_sql(table)}) ORDER BY file, "row") TO {literal(file)} '
            "(FORMAT csv, HEADER true)"
        )
        file.chmod(0o600)
    (tables / COUNTS).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
