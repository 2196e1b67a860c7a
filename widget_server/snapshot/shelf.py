"""Which version is current: write aside, verify, fsync, rename, move `current`; keep some, roll back.

    DATA_DIR/<source>/<version>/   manifest.json, cards.sqlite, index/, unplaced/, columns/, sometimes method.json
    DATA_DIR/<source>/current      the name of the current version
    DATA_DIR/<source>/.compared    the versions whose bytes were compared with their manifests, and the state they had
    DATA_DIR/<source>/.draft-*     a version being written; an orphan of a crash is swept by the next draft

A crash at any instant leaves the previous version current: `current` is replaced by one atomic rename, after the new
version and its folder have reached the disk.
"""

import hashlib
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from widget_server import __version__
from widget_server.domain.cards import LOCATED, AlsoOn, Card, Declaration, Entry, Fact, Rejection
from widget_server.domain.errors import SnapshotCorrupt, SnapshotMissing
from widget_server.domain.geo import in_france, in_grid
from widget_server.domain.occupations import Tree, posting_keys
from widget_server.domain.sections import Sections
from widget_server.snapshot import manifest as manifests
from widget_server.snapshot.columns import Columns, ColumnWriter, open_columns
from widget_server.snapshot.guards import Comparison, check
from widget_server.snapshot.index import (
    COUNTRY_AREA,
    PostingLists,
    PostingWriter,
    departement_area,
    open_postings,
    region_area,
)
from widget_server.snapshot.manifest import Counts, Harvest, Manifest
from widget_server.snapshot.runs import FILE_NAME as LAST_RUN
from widget_server.snapshot.store import FILE_NAME as CARDS
from widget_server.snapshot.store import CardReader, CardWriter, Spool

CURRENT: Final = "current"
METHOD: Final = "method.json"
"""How the data were made, as sections (domain/sections.py), where a source brings it along."""
COMPARED: Final = ".compared"
_DRAFT: Final = ".draft-"
_SAMPLES_PER_REASON: Final = 20


class Snapshot:
    """One opened version: mapped index and columns, and the cards, for so many `readers` at the same time.

    `trusted` when these very files were verified before: then nothing of the index is read until it is asked for.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, readers: int = 1, trusted: bool = False) -> None:
        self.manifest = manifest
        self.version = manifest.version
        self.cards = CardReader(folder / CARDS, readers=readers)
        if self.cards.count != manifest.counts.cards:
            raise SnapshotCorrupt(f"{folder.name}: {self.cards.count} cards, the manifest says {manifest.counts.cards}")
        self.index: PostingLists = open_postings(
            folder / "index", manifest.keys, self.cards.count, points=True, trusted=trusted
        )
        self.unplaced: PostingLists = open_postings(
            folder / "unplaced", manifest.unplaced_keys, self.cards.count, points=False, trusted=trusted
        )
        self.columns: Columns = open_columns(folder / "columns", self.cards.count)
        self.method: Sections | None = _method(folder) if METHOD in manifest.files else None

    def find(self, card_id: str) -> tuple[Card, tuple[AlsoOn, ...], tuple[Fact, ...]] | None:
        """A card by its id, with everything its source said."""
        return self.cards.find(card_id)


class Shelf:
    """The versions of one source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name

    def current_version(self) -> str | None:
        """The name of the current version, None when there is none."""
        try:
            return (self.folder / CURRENT).read_text("ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def versions(self) -> list[str]:
        """Every version on the shelf, the oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def read_manifest(self, version: str) -> Manifest:
        """What a version says of itself."""
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise SnapshotMissing(f"{self.name} has no version {version}; it has: {known}")
        return manifests.read_manifest(self.folder / version)

    def open(self, version: str, *, readers: int = 1) -> Snapshot:
        """Open a version after comparing every byte with its manifest: once, and again when a file was touched since.

        Reading a national version to its end takes seconds, and each worker opens it at each start. What was compared
        is remembered with the state of each file (size, inode, times): a write changes it, and nobody can set it back.
        """
        manifest = self.read_manifest(version)
        state = _state(self.folder / version, manifest)
        known = self._compared()
        trusted = state is not None and known.get(version) == state
        if not trusted:
            manifests.verify_files(self.folder / version, manifest)
        snapshot = Snapshot(self.folder / version, manifest, readers=readers, trusted=trusted)
        if not trusted and state is not None:
            self._remember(known | {version: state})
        return snapshot

    def _compared(self) -> dict[str, str]:
        try:
            return msgspec.json.decode((self.folder / COMPARED).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            return {}

    def _remember(self, states: dict[str, str]) -> None:
        there = set(self.versions())
        aside = self.folder / f"{COMPARED}-{os.getpid()}"
        try:
            aside.write_bytes(msgspec.json.encode({name: told for name, told in states.items() if name in there}))
            aside.replace(self.folder / COMPARED)
        except OSError:
            return  # a folder that is read-only here: each start compares again

    def draft(self, declaration: Declaration, *, started: datetime) -> "Draft":
        """Begin a new version; use it as a context manager."""
        return Draft(self, declaration, started)

    def move_current(self, version: str) -> None:
        """Make a version the current one, atomically. This is also how to roll back."""
        self.read_manifest(version)
        aside = self.folder / f".{CURRENT}-{os.getpid()}"
        with aside.open("w", encoding="ascii") as file:
            file.write(version + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.folder / CURRENT)
        _sync_folder(self.folder)

    def sweep(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions, never the current one; returns what was removed."""
        current = self.current_version()
        versions = self.versions()
        gone = [name for name in versions[: max(0, len(versions) - keep)] if name != current]
        for name in gone:
            shutil.rmtree(self.folder / name)
        return gone


class Draft:
    """A version being written. Leaving the block without publishing removes it."""

    def __init__(self, shelf: Shelf, declaration: Declaration, started: datetime) -> None:
        self._shelf = shelf
        self._declaration = declaration
        self._started = started
        self._folder = shelf.folder / f"{_DRAFT}{os.getpid()}"
        self._read = 0
        self._repeated = 0
        self._rejected: Counter[str] = Counter()
        self._samples: list[Rejection] = []
        self._about = b""

    def __enter__(self) -> Self:
        self._shelf.folder.mkdir(parents=True, exist_ok=True)
        for orphan in self._shelf.folder.glob(f"{_DRAFT}*"):
            shutil.rmtree(orphan)
        for unfinished in (f".{CURRENT}-*", f"{LAST_RUN}-*", f"{COMPARED}-*"):
            for orphan in self._shelf.folder.glob(unfinished):
                orphan.unlink()
        self._folder.mkdir()
        try:
            self._spool = Spool(self._folder / "spool.sqlite")
        except sqlite3.Error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def rejected(self) -> dict[str, int]:
        """Rejections so far, by reason."""
        return dict(self._rejected)

    def add(self, entry: Entry) -> None:
        """Keep one entry. What the grid cannot hold is rejected; a repeated id is counted, the later one stays."""
        self._read += 1
        problem = _unpostable(entry.card)
        if problem is not None:
            self._refuse(problem)
        elif not self._spool.add(entry):
            self._repeated += 1

    def describe(self, method: bytes) -> None:
        """Let a document on how the data were made travel with the version: METHOD, encoded."""
        self._about = method

    def reject(self, rejection: Rejection) -> None:
        """Count a row that is not a card, and keep a sample of each reason."""
        self._read += 1
        self._refuse(rejection)

    def _refuse(self, rejection: Rejection) -> None:
        self._rejected[rejection.reason] += 1
        self._spool.reject(rejection)
        if self._rejected[rejection.reason] <= _SAMPLES_PER_REASON:
            self._samples.append(rejection)

    def publish(
        self, *, tree: Tree, harvest: Harvest, keep: int, least: int = 0, accept: Mapping[str, str] | None = None
    ) -> Manifest:
        """Merge twins, sort, build the index, verify, and make the new version the current one.

        `GuardRail` when it breaks a rail of guards.py that is not in `accept` (rule -> why).
        """
        files = self._folder / "version"
        files.mkdir()
        manifest = self._write(files, tree, harvest)
        accepted = check(Comparison(new=manifest, old=self._previous(), least=least), accept or {})
        manifest = msgspec.structs.replace(manifest, accepted=accepted)
        manifests.write_manifest(files, manifest)
        _fsync_all(files)
        Snapshot(files, manifest).cards.close()
        final = self._shelf.folder / manifest.version
        if not final.exists():  # the same bytes begun in the same second are the same version
            files.rename(final)
        _sync_folder(self._shelf.folder)
        self._shelf.move_current(manifest.version)
        self._shelf.sweep(keep)
        return manifest

    def _write(self, files: Path, tree: Tree, harvest: Harvest) -> Manifest:
        twins = self._spool.twins()
        losers = {loser for others in twins.values() for loser in others}
        cards, columns = CardWriter(files / CARDS), ColumnWriter()
        index, unplaced = PostingWriter(), PostingWriter()
        by_departement: Counter[str] = Counter()
        flagged: Counter[str] = Counter()
        count = 0
        for entry in self._spool.newest_first():
            if entry.card.id in losers:
                continue
            count += 1
            others = [also_on(self._spool.entry(loser)) for loser in twins.get(entry.card.id, ())]
            flagged.update(entry.flagged)
            cards.add(count, entry, others)
            columns.add(entry)
            place = entry.card.place
            by_departement[place.departement or ""] += 1
            keys = posting_keys(entry.card.romes, tree)
            if place.latitude is not None and place.longitude is not None:
                index.post(keys, count, entry.score, (place.latitude, place.longitude), entry.scores)
            else:
                unplaced.post(keys, count, entry.score, _area(entry.card), entry.scores)
        cards.reject(self._spool.rejections())
        cards.close()
        columns.write(files / "columns")
        if self._about:
            (files / METHOD).write_bytes(self._about)
        keys_placed, keys_unplaced = index.write(files / "index"), unplaced.write(files / "unplaced")
        marks = {
            str(path.relative_to(files)): manifests.mark(path) for path in sorted(files.rglob("*")) if path.is_file()
        }
        return Manifest(
            format=manifests.FORMAT,
            version=f"{self._started:%Y%m%dT%H%M%SZ}-{marks[CARDS].sha256[:8]}",
            code=__version__,
            source=self._declaration,
            started=self._started,
            harvest=harvest,
            counts=Counts(
                read=self._read,
                cards=count,
                merged=len(losers),
                repeated=self._repeated,
                rejected=dict(sorted(self._rejected.items())),
                postings=len(index),
                unplaced=len(unplaced),
                flagged=dict(sorted(flagged.items())),
            ),
            by_departement=dict(sorted(by_departement.items())),
            keys=keys_placed,
            unplaced_keys=keys_unplaced,
            files=marks,
            rejections=tuple(self._samples),
        )

    def _previous(self) -> Manifest | None:
        """The current version's manifest; None when there is nothing trustworthy to compare with."""
        current = self._shelf.current_version()
        try:
            return self._shelf.read_manifest(current) if current else None
        except (SnapshotCorrupt, SnapshotMissing):
            return None


def _method(folder: Path) -> Sections:
    try:
        return msgspec.json.decode((folder / METHOD).read_bytes(), type=Sections)
    except (OSError, msgspec.DecodeError) as error:
        raise SnapshotCorrupt(f"{folder.name}/{METHOD}: {error}") from error


def also_on(entry: Entry) -> AlsoOn:
    """A card as it is named on the one that it was merged into: by whoever published it."""
    card = entry.card
    return AlsoOn(id=card.id, kind=card.kind, label=entry.partner or card.source.label, url=card.url)


def _unpostable(card: Card) -> Rejection | None:
    """Why a card cannot be posted, None when it can."""
    place = card.place
    if not card.romes:
        return Rejection(reason="no_rome", id=card.id, detail=card.title)
    if (place.latitude is None) != (place.longitude is None) or (place.precision in LOCATED) != (
        place.latitude is not None
    ):
        return Rejection(reason="place_inconsistent", id=card.id, detail=f"{place.precision} {place.latitude}")
    if place.latitude is not None and place.longitude is not None and not in_grid(place.latitude, place.longitude):
        return Rejection(reason="outside_grid", id=card.id, detail=f"{place.latitude}, {place.longitude}")
    if place.latitude is not None and place.longitude is not None and not in_france(place.latitude, place.longitude):
        return Rejection(reason="outside_france", id=card.id, detail=f"{place.latitude}, {place.longitude}")
    return None


def _area(card: Card) -> int:
    """Where a card without a point is posted."""
    place = card.place
    if place.precision == "departement" and place.departement:
        return departement_area(place.departement)
    if place.precision == "region" and place.region:
        return region_area(place.region)
    return COUNTRY_AREA


def _state(folder: Path, manifest: Manifest) -> str | None:
    """What tells whether any file of a version was touched; None when one is missing."""
    told = []
    for name in sorted(manifest.files):
        try:
            stat = (folder / name).stat()
        except OSError:
            return None
        told.append(f"{name} {stat.st_size} {stat.st_ino} {stat.st_dev} {stat.st_mtime_ns} {stat.st_ctime_ns}")
    return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()


def _fsync_all(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_folder(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
