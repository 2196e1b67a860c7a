"""`widget-server doctor`: looks at everything that a running installation needs, and names the setting to change.

Each check gives findings: ok, a note, or something that needs attention. Nothing here changes anything.
"""

import asyncio
import gzip
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import msgspec

from widget_server import __version__
from widget_server.domain.errors import SettingError, SnapshotError, UpstreamError, UpstreamRefused
from widget_server.reference.gazetteer import ReferenceGazetteer
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.reference.tables import Tables
from widget_server.reference.vintages import vintages
from widget_server.settings import DAY_S, Settings
from widget_server.snapshot.runs import read_run
from widget_server.snapshot.shelf import Shelf
from widget_server.sources import SOURCES
from widget_server.sources.kit.hygiene import read_hygiene
from widget_server.sources.recruiters import RELEASE, Header
from widget_server.sync.sync import LOCK, kit_for
from widget_server.sync.watch import Plan, is_watched, plans
from widget_server.web.registry import read_partners

State = Literal["ok", "note", "attention"]

_SKEW_S: Final = 120.0
_UNAUTHORISED: Final = frozenset({400, 401, 403})
"""What upstreams refuse credentials with; a token that is refused is a 400."""
_SPACE: Final = 3
_LEAST_FREE: Final = 500 << 20
_UNUSED: Final = timedelta(days=300)
_XGBOOSTS: Final = ("xgboost", "xgboost-cpu")
_LATE_RELEASE: Final = timedelta(days=45)
_APPLICATION: Final = "FRANCE_TRAVAIL_CLIENT_ID, FRANCE_TRAVAIL_CLIENT_SECRET"
KEYS: Final[Mapping[str, str]] = {
    "offers": f"{_APPLICATION}, FRANCE_TRAVAIL_SCOPE",
    "offers-aa": "API_APPRENTISSAGE_KEY",
    "trainings-aa": "API_APPRENTISSAGE_KEY",
    "recruiters-aa": "API_APPRENTISSAGE_KEY",
    "recruiters-lbb": f"{_APPLICATION}, LABONNEBOITE_SCOPE",
}
"""The settings that open each upstream; a source that is not here needs none."""
ADDRESSES: Final[Mapping[str, str]] = {
    "offers": "FRANCE_TRAVAIL_URL, FRANCE_TRAVAIL_TOKEN_URL",
    "offers-aa": "API_APPRENTISSAGE_URL",
    "trainings": "CARIF_OREF_URL",
    "trainings-aa": "API_APPRENTISSAGE_URL",
    "recruiters": "RECRUITERS_URL",
    "recruiters-aa": "API_APPRENTISSAGE_URL",
    "recruiters-lbb": "LABONNEBOITE_URL, FRANCE_TRAVAIL_TOKEN_URL",
}
"""The settings that say where each upstream is."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing seen. `remedy` says what to do, with the line of settings to change; "" when nothing."""

    area: str
    name: str
    state: State
    told: str
    remedy: str = ""


def _installed(distribution: str) -> str | None:
    """The version of an installed distribution, None when it is not there."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _finding(area: str, name: str, told: str, remedy: str = "", state: State | None = None) -> Finding:
    """Something with a remedy needs attention, unless it is said to be a note."""
    return Finding(area=area, name=name, state=state or ("attention" if remedy else "ok"), told=told, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """What the checks look at. `calls` False leaves the network alone; `installed` tells versions of distributions."""

    settings: Settings
    now: datetime
    calls: bool = True
    installed: Callable[[str], str | None] = _installed

    def findings(self) -> Iterator[Finding]:
        """Every finding, area by area."""
        checks: tuple[Callable[[], Iterator[Finding]], ...] = (
            self._programs,
            self._reference,
            self._disk,
            self._snapshots,
            self._hygiene,
            self._forecast,
            self._duties,
            self._partners,
        )
        for check in checks:
            try:
                yield from check()
            except OSError as error:
                remedy = "give DATA_DIR to the user who syncs and serves, and run the doctor as that user"
                yield _finding("disk", "permissions", str(error), remedy)
        if self.calls:
            yield from asyncio.run(self._upstreams())

    def _programs(self) -> Iterator[Finding]:
        yield _finding("program", "version", f"{__version__}, Python {sys.version.split()[0]}")

    def _reference(self) -> Iterator[Finding]:
        tables = Tables(self.settings.reference_path())
        if tables.problem:
            yield _finding("reference", "refreshed tables", tables.problem, "widget-server reference refresh")
        for table in vintages(tables):
            told = f"{table.rows} rows, {table.vintage} ({table.source}; {table.licence})"
            told += f", refreshed {table.fetched}" if table.fetched else ""
            yield _finding("reference", table.name, told)

    def _disk(self) -> Iterator[Finding]:
        data = self.settings.data_path()
        nearest = next(path for path in (data.absolute(), *data.absolute().parents) if _is_seen(path))
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            yield _finding("disk", "DATA_DIR", f"{data} can be written")
        else:
            closed = "closed to this user" if nearest.is_dir() else "a file"
            told = f"{data} cannot be written: {nearest} is {closed}"
            yield _finding("disk", "DATA_DIR", told, "give this user the folder, or set DATA_DIR to one it may write")
        # One sync by hand as another user is enough to close a folder to the one who syncs on schedule.
        kept = [path for name, _ in self._expected() for path in (data / name, data / name / LOCK) if _is_seen(path)]
        closed_to_us = [str(path) for path in kept if not os.access(path, os.W_OK)]
        if closed_to_us:
            remedy = f"give them to the user who syncs: chown -R USER {data}"
            yield _finding("disk", "permissions", f"not ours to write: {', '.join(closed_to_us)}", remedy)
        free = shutil.disk_usage(nearest).free
        needed = max(_LEAST_FREE, _SPACE * max((_size(data / name) for name, _ in self._expected()), default=0))
        told = f"{free >> 20} MB free, {needed >> 20} MB are needed for the next version"
        yield _finding("disk", "space", told, "" if free >= needed else "free some space, or lower KEEP_VERSIONS")

    def _expected(self) -> tuple[tuple[str, str], ...]:
        return self.settings.expected_sources()

    def _snapshots(self) -> Iterator[Finding]:
        for name, kind in self._expected():
            if name not in SOURCES:
                yield _finding("sources", name, "no source has this name", f"SOURCES may name: {', '.join(SOURCES)}")
                continue
            if (known := SOURCES[name].declaration.kind) != kind:
                yield _finding("sources", name, f"brings no {kind}", f"SOURCES: {name}:{known}")
            shelf = Shelf(self.settings.data_path() / name)
            yield self._snapshot(shelf, name, kind)
            run = read_run(shelf.folder)
            if run is None:
                continue
            if run.ok:
                yield _finding("last sync", name, f"{run.ended:%Y-%m-%d %H:%M} UTC")
                continue
            since = f"{run.last_success:%Y-%m-%d %H:%M} UTC" if run.last_success else "never"
            told = f"failed {run.failures} time(s) in a row, last success {since}: {run.cause}"
            yield _finding("last sync", name, told, f"when the cause is gone: widget-server sync {name}")

    def _snapshot(self, shelf: Shelf, name: str, kind: str) -> Finding:
        version = shelf.current_version()
        if version is None:
            return _finding("snapshot", name, "none yet", f"widget-server sync {name}")
        try:
            manifest = shelf.open(version).manifest
        except SnapshotError as error:
            remedy = f"widget-server sync {name}, or widget-server snapshots rollback {name} VERSION"
            return _finding("snapshot", name, str(error), remedy)
        if manifest.harvest.gap:
            return _finding("snapshot", name, f"{version}: {manifest.harvest.gap}", f"widget-server sync {name}")
        age_s = (self.now - datetime.fromisoformat(manifest.harvest.as_of)).total_seconds()
        limit_s = self.settings.late_after_s(kind)
        told = f"{version}, {manifest.counts.cards} cards, {age_s / 3600:.1f} h old"
        if age_s < limit_s:
            return _finding("snapshot", name, told)
        told += f", late: the limit is {limit_s / 3600:.0f} h"
        return _finding("snapshot", name, told, f"widget-server sync {name}; the limit is {kind.upper()}S_LATE_AFTER_S")

    def _hygiene(self) -> Iterator[Finding]:
        """Whether the rules and their lists can be used: a sync that cannot use them keeps the previous version."""
        try:
            lists = read_hygiene(self.settings, "offer").lists
        except SettingError as error:
            remedy = "correct the named setting: until then every sync of offers and recruiters is refused"
            yield _finding("hygiene", "rules and lists", str(error), remedy)
            return
        sizes = {
            "closed": len(lists.closed),
            "opted out": len(lists.optout),
            "GEIQ": len(lists.geiq),
            "school names": len(lists.school_names),
            "schools of the catalogue": len(lists.schools or ()),
        }
        yield _finding("hygiene", "rules and lists", ", ".join(f"{count} {name}" for name, count in sizes.items()))
        occupations = Occupations.load(Tables(self.settings.reference_path()))
        unknown = sorted(code for code in lists.hidden_romes if not occupations.current(code))
        if unknown:
            remedy = "HIDDEN_ROMES names ROME codes with commas, for example K2202,G1605"
            yield _finding("hygiene", "HIDDEN_ROMES", f"{', '.join(unknown)} is no ROME code and hides nothing", remedy)

    def _forecast(self) -> Iterator[Finding]:
        """Which xgboost would train, and whether the release in place is late."""
        there = {name: version for name in _XGBOOSTS if (version := self.installed(name))}
        told = ", ".join(f"{name} {version}" for name, version in there.items())
        if len(there) == len(_XGBOOSTS):
            remedy = "pip uninstall xgboost xgboost-cpu, then pip install 'alternance-widget[forecast]'"
            yield _finding("forecast", "xgboost", f"{told} overwrite each other's files", remedy)
        else:
            yield _finding("forecast", "xgboost", told or "not installed: this machine makes no forecast")
        release = self.settings.data_path() / RELEASE
        if not release.exists():
            return
        try:
            with gzip.open(release) as stream:
                header = msgspec.json.decode(stream.readline(), type=Header)
        except (OSError, EOFError, msgspec.DecodeError) as error:
            remedy = 'widget-server forecast rollback --because "..."'
            yield _finding("forecast", "release", f"{release} cannot be read: {error}", remedy)
            return
        age = self.now.date() - header.day
        told = f"{release.resolve().parent.name}: {header.count} establishments, of {header.day}, until {header.until}"
        if header.demonstration or age <= _LATE_RELEASE:
            yield _finding("forecast", "release", f"{told}{', fictitious' if header.demonstration else ''}")
            return
        told += f"; its inputs are {age.days} days old, the limit is {_LATE_RELEASE.days}"
        yield _finding("forecast", "release", told, "newer inputs, then widget-server forecast run FOLDER")

    def _duties(self) -> Iterator[Finding]:
        """What the licence of the offers asks for: a full harvest every 24 h, and nothing shown long after."""
        try:
            schedule = plans(self.settings)
        except SettingError as error:
            yield _finding("duties", "schedule", str(error), "correct the named settings")
            return
        if is_watched(self.settings.data_path()):
            yield _finding("duties", "watch", "a process syncs on schedule")
        else:
            remedy = "widget-server sync --watch, or a timer of your own"
            yield _finding("duties", "watch", "nobody syncs on schedule", remedy, "note")
        kinds = dict(self._expected())
        for plan in schedule:
            if kinds[plan.source] == "offer":
                yield from self._offer_duties(plan)
        withheld_s = self.settings.withheld_after_s("offer")
        told = f"offers are withheld {withheld_s / 3600:.0f} h after the last complete harvest"
        remedy = "" if withheld_s <= 2 * DAY_S else f"OFFERS_WITHHELD_AFTER_S={2 * DAY_S} or less"
        yield _finding("duties", "withholding", told, remedy)

    def _offer_duties(self, plan: Plan) -> Iterator[Finding]:
        period = plan.period(self.now)
        told = f"{plan.source} are harvested at least every {period.total_seconds() / 3600:.0f} h"
        remedy = 'the licence of the offers asks for 24 h: OFFERS_SCHEDULE="0 3,15 * * *"'
        yield _finding("duties", "24 h", told, "" if period <= timedelta(days=1) else remedy)
        run = read_run(self.settings.data_path() / plan.source)
        if run and run.last_success and self.now - run.last_success > _UNUSED:
            told = "no successful harvest for months: the licence lapses after 12 unused months"
            yield _finding("duties", "use", told, f"widget-server sync {plan.source}")

    def _partners(self) -> Iterator[Finding]:
        file = self.settings.partners_file
        try:
            tables = Tables(self.settings.reference_path())
            gazetteer = ReferenceGazetteer(Places.load(tables), Occupations.load(tables))
            count = len(read_partners(Path(file) if file else None, gazetteer).by_id)
        except SettingError as error:
            remedy = "correct the named line; a running server keeps the last good file meanwhile"
            yield _finding("partners", "PARTNERS_FILE", str(error), remedy)
            return
        remedy = "" if count else "set PARTNERS_FILE: without it no site may frame the widget"
        state: State = "ok" if count else "note"
        yield _finding("partners", "PARTNERS_FILE", f"{count} partners may frame the widget", remedy, state)

    async def _upstreams(self) -> list[Finding]:
        return [finding for name, _ in self._expected() for finding in await self._upstream(name)]

    async def _upstream(self, name: str) -> list[Finding]:
        """One cheap real call with the real credentials."""
        if name not in SOURCES:
            return []
        kit = kit_for(self.settings, self.settings.data_path() / name, self.now)
        try:
            found = [_finding("upstream", name, await SOURCES[name].probe(kit))]
        except SettingError as error:
            return [_finding("upstream", name, "not set up", str(error))]
        except UpstreamRefused as error:
            if name in KEYS and error.status in _UNAUTHORISED:
                remedy = f"check the credentials ({KEYS[name]}), and in the portal whether its licence is accepted"
            else:
                remedy = f"check the address{_where(name)}"
            return [_finding("upstream", name, str(error), remedy)]
        except UpstreamError as error:
            remedy = f"check the address{_where(name)}, and whether this machine may call it"
            return [_finding("upstream", name, str(error), remedy)]
        skews_s = [client.tally.skew_s for client in kit.clients if client.tally.skew_s is not None]
        worst_s = max(skews_s, key=abs, default=0.0)
        if abs(worst_s) > _SKEW_S:
            told = f"this machine's clock differs by {worst_s:+.0f} s from the upstream's"
            found.append(_finding("clock", name, told, "synchronise the clock: ages and increments rest on it"))
        return found


def _is_seen(path: Path) -> bool:
    """Whether this user can see that there is something."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _where(source: str) -> str:
    """The settings of a source's address, as they are named behind a word; "" for a source that has none here."""
    return f" ({ADDRESSES[source]})" if source in ADDRESSES else ""


def _size(shelf: Path) -> int:
    """Bytes of the largest version on a shelf."""
    if not shelf.is_dir():
        return 0
    versions = [path for path in shelf.iterdir() if path.is_dir()]
    return max((sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) for path in versions), default=0)
