"""The reference tables, row by row: those of the last refresh first, then those that ship with the package.

    widget_server/reference/tables/   <table>.csv of each table that ships, as it is: to unpack the communes took 10 ms
    REFERENCE_DIR/<version>/   <table>.csv.gz of every table that was ever refreshed, vintages.json
    REFERENCE_DIR/current      the name of the version in use

A version is written aside, reaches the disk, is renamed, and only then becomes current, in one atomic step.
"""

import csv
import gzip
import hashlib
import io
import logging
import mmap
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

Text = bytes | mmap.mmap
"""What can be sliced and searched like bytes."""
FOLDER: Final = Path(__file__).parent / "tables"
NAMES: Final = Path(__file__).parent / "everyday_names.csv"
COLUMNS: Final = {
    "communes": (
        "insee", "name", "departement", "region", "postcodes", "population", "latitude", "longitude", "municipality",
    ),
    "retired_communes": ("insee", "current"),
    "departements": ("code", "name", "region", "chef_lieu"),
    "regions": ("code", "name"),
    "rome": ("code", "label", "parent", "ogr"),
    "appellations": ("name", "rome"),
    "naf": ("code", "label"),
    "rncp_rome": ("rncp", "rome"),
}  # fmt: skip
"""The columns of each table, in the order of their rows; appellations come only with a refresh."""
_CURRENT: Final = "current"
_DRAFT: Final = ".draft-"
_VINTAGES: Final = "vintages.json"
_log: Final = logging.getLogger(__name__)


class Vintage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a table holds, of which date, from whom.

    sha256      of the text of the table, so that equal tables have equal vintages
    fetched     when a refresh read it (ISO 8601); "" for a table that ships with the package
    accepted    the rails that a refresh was allowed to break, each with why
    """

    name: str
    rows: int
    sha256: str
    vintage: str
    source: str
    licence: str
    fetched: str = ""
    accepted: dict[str, str] = {}


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A new table: its name in COLUMNS, its rows, and where they come from."""

    name: str
    rows: Sequence[Sequence[object]]
    vintage: str
    source: str
    licence: str


class Tables:
    """The tables to read: what a refresh left in `folder`, if it left something whole, and what ships.

    refreshed   the vintages of the tables that a refresh left
    problem     why what a refresh left is not used, "" when it is
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.refreshed: list[Vintage] = []
        self.problem = ""
        self._bodies: dict[str, bytes] = {}
        version = current_version(folder) if folder else None
        if folder and version:
            try:
                self.refreshed, self._bodies = _verified(folder / version)
            except (OSError, EOFError, zlib.error, ValueError) as error:  # msgspec's own errors are ValueErrors
                self.problem = (
                    f"the refreshed tables of version {version} are damaged, those that ship are used: {error}"
                )
                _log.warning("%s", self.problem)

    def rows(self, name: str) -> Iterator[list[str]]:
        """The rows of a table, without its header; none when there is no such table yet."""
        reader = csv.reader(io.StringIO(self._read(name).decode()))
        next(reader, None)
        return reader

    def text(self, name: str) -> Text:
        """The same as text that nobody has parsed, its header too; what ships is mapped, so that processes share it."""
        kept = self._bodies.get(name)
        if kept is not None:
            return kept
        with (FOLDER / f"{name}.csv").open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _read(self, name: str) -> bytes:
        found = self._bodies.get(name)
        if found is None:
            file = FOLDER / f"{name}.csv"
            found = file.read_bytes() if file.is_file() else b""
        return found


SHIPPED: Final = Tables()


def current_version(folder: Path) -> str | None:
    """The name of the version in use, None when there is none."""
    try:
        return (folder / _CURRENT).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def read_vintages(folder: Path) -> list[Vintage]:
    """The vintages of the tables in a folder."""
    return msgspec.json.decode((folder / _VINTAGES).read_bytes(), type=list[Vintage])


def _verified(folder: Path) -> tuple[list[Vintage], dict[str, bytes]]:
    """The vintages and the tables of a version; a `ValueError` when a table is not what its vintage says."""
    vintages = read_vintages(folder)
    bodies: dict[str, bytes] = {}
    for each in vintages:
        body = gzip.decompress((folder / f"{each.name}.csv.gz").read_bytes())
        if hashlib.sha256(body).hexdigest() != each.sha256:
            raise ValueError(f"{each.name} is not what its vintage says")
        bodies[each.name] = body
    return vintages, bodies


def write_vintages(folder: Path, vintages: Sequence[Vintage]) -> None:
    """The vintages of the tables in a folder, for a human too."""
    (folder / _VINTAGES).write_bytes(msgspec.json.format(msgspec.json.encode(vintages), indent=1) + b"\n")


def write_table(folder: Path, table: Table, *, packed: bool) -> Vintage:
    """One table as a CSV, `packed` by gzip without a time stamp: the same rows give the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS[table.name])
    for row in table.rows:
        writer.writerow(["" if value is None else value for value in row])
    body = text.getvalue().encode()
    if packed:
        (folder / f"{table.name}.csv.gz").write_bytes(gzip.compress(body, 9, mtime=0))
    else:
        (folder / f"{table.name}.csv").write_bytes(body)
    return Vintage(
        name=table.name,
        rows=len(table.rows),
        sha256=hashlib.sha256(body).hexdigest(),
        vintage=table.vintage,
        source=table.source,
        licence=table.licence,
    )


def publish(
    folder: Path, version: str, tables: Iterable[Table], *, fetched: str, accepted: Mapping[str, str], keep: int
) -> list[Vintage]:
    """Make a version of new tables, with those that earlier refreshes left, and make it current."""
    folder.mkdir(parents=True, exist_ok=True)
    for orphan in folder.glob(f"{_DRAFT}*"):
        shutil.rmtree(orphan)
    draft = folder / f"{_DRAFT}{os.getpid()}"
    draft.mkdir()
    written = [
        msgspec.structs.replace(write_table(draft, table, packed=True), fetched=fetched, accepted=dict(accepted))
        for table in tables
    ]
    new = {each.name for each in written}
    for kept in Tables(folder).refreshed:
        if kept.name not in new:
            shutil.copyfile(
                folder / str(current_version(folder)) / f"{kept.name}.csv.gz", draft / f"{kept.name}.csv.gz"
            )
            written.append(kept)
    write_vintages(draft, written)
    for file in draft.iterdir():
        _to_disk(file)
    _to_disk(draft)
    draft.rename(folder / version)
    _to_disk(folder)
    aside = folder / f".{_CURRENT}-{os.getpid()}"
    aside.write_text(version + "\n", "ascii")
    _to_disk(aside)
    aside.replace(folder / _CURRENT)
    _to_disk(folder)
    old = sorted(each for each in folder.iterdir() if each.is_dir() and each.name != version)
    for gone in old[: max(0, len(old) + 1 - keep)]:
        shutil.rmtree(gone)
    return written


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class EverydayNames(msgspec.Struct, frozen=True, kw_only=True):
    """What people call an occupation, or a whole trade when there are several codes.

    `use` says how often it is looked for by apprentices, from 0 (rare) to 5 (everywhere): our own estimate.
    """

    romes: tuple[str, ...]
    use: int
    names: tuple[str, ...]


def everyday_names() -> Iterator[EverydayNames]:
    """Our own table of everyday names."""
    for romes, use, names in csv.reader(NAMES.read_text("utf-8").splitlines()[1:]):
        yield EverydayNames(romes=tuple(romes.split()), use=int(use), names=tuple(names.split("|")))
