"""Newer reference tables: communes from the geo API, ROME from France Travail, RNCP from France compétences.

The same documents come from the network or from a folder of files. Each part (places, rome, rncp) is read, checked and
refused on its own; what succeeds is published together, and a running server reads it when it starts again.

France changes slowly: a table that lost much of what it held is refused, unless the operator accepts the rail.
"""

import csv
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from widget_server.domain.errors import GuardRail, SettingError, UpstreamMalformed, WidgetError
from widget_server.domain.geo import in_france
from widget_server.reference.places import Commune, Places
from widget_server.reference.tables import Table, Tables, publish
from widget_server.settings import Settings
from widget_server.upstream.client import Client, Transport

GEO_API: Final = "geo API"
ROME: Final = "ROME"
RNCP: Final = "RNCP"
LEAST_SHARE: Final = 0.7
"""What must be left of a table, and of the communes of each département."""
RAILS: Final = {
    "few": "an empty table would leave the product without a place or an occupation",
    "drop": "a list of France does not lose a third of its rows",
    "departement": "a département that came back nearly empty hides behind the others",
}

_MEGABYTE: Final = 1 << 20
_MOST_MEMBER: Final = 256 * _MEGABYTE
_DECIMALS: Final = 5
_COMMUNE_FIELDS: Final = "code,nom,codeParent,codesPostaux,centre,codeDepartement,codeRegion,population,anciensCodes"
_ZONES: Final = "metro,drom,com"
_GEO_CALLS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "communes.json": (
        "/communes",
        {
            "type": "commune-actuelle,arrondissement-municipal",
            "zone": _ZONES,
            "fields": _COMMUNE_FIELDS,
            "geometry": "centre",
        },
    ),
    "departements.json": ("/departements", {"zone": _ZONES, "fields": "code,nom,codeRegion"}),
    "regions.json": ("/regions", {"zone": _ZONES, "fields": "code,nom"}),
}
_ROME_CODES: Final = re.compile(r"unix_referentiel_code_rome_v(\d+)_utf8\.csv")
_ROME_APPELLATIONS: Final = re.compile(r"unix_referentiel_appellation_v(\d+)_utf8\.csv")
_RNCP_ROME: Final = re.compile(r"export_fiches_CSV_Rome_(\d{4}_\d\d_\d\d)\.csv")
_MEMBERS: Final = (_ROME_CODES, _ROME_APPELLATIONS, _RNCP_ROME)
_DAILY: Final = re.compile(r"export-fiches-csv-\d{4}-\d\d-\d\d\.zip")
_FILE_HOSTS: Final = ("static.data.gouv.fr", "object.files.data.gouv.fr", "www.data.gouv.fr")
"""Where data.gouv.fr keeps the files that its data sets name."""
_CODE: Final = re.compile(r"[A-Z]\d{4}")
_INSEE: Final = re.compile(r"\d[\dAB]\d{3}")
_LICENCE: Final = "LO 2.0"

Documents = Mapping[str, bytes]
"""What a part is made from: the name of each file, and its bytes."""
T = TypeVar("T")


class Centre(msgspec.Struct, frozen=True):
    """A GeoJSON point: longitude, latitude."""

    coordinates: tuple[float, float]


class GeoCommune(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A commune or an arrondissement, as the geo API gives it."""

    code: str
    nom: str
    code_parent: str | None = None
    codes_postaux: tuple[str, ...] = ()
    centre: Centre | None = None
    code_departement: str | None = None
    code_region: str | None = None
    population: int | None = None
    anciens_codes: tuple[str, ...] = ()


class GeoArea(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A département or a région, as the geo API gives it."""

    code: str
    nom: str
    code_region: str | None = None


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a data set of data.gouv.fr."""

    title: str = ""
    url: str = ""


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """A data set of data.gouv.fr."""

    resources: tuple[Resource, ...]


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one part.

    tables   rows of each new table: before, after
    cause    why the tables in use stay, None when they are replaced
    """

    part: str
    tables: dict[str, tuple[int, int]] = {}
    accepted: dict[str, str] = {}
    cause: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the part has new tables."""
        return self.cause is None


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One part: how its documents are fetched, which of a folder's files are its own, what they become."""

    name: str
    fetch: Callable[[Settings, Transport | None], Awaitable[Documents]]
    is_own: Callable[[str], bool]
    tables: Callable[[Documents, Tables, datetime], list[Table]]


async def refresh(
    settings: Settings,
    *,
    now: datetime,
    folder: Path | None = None,
    parts: Sequence[str] = (),
    accept: Mapping[str, str] | None = None,
    transport: Transport | None = None,
) -> tuple[Refreshed, ...]:
    """New tables into the settings' reference folder.

    folder      read these files instead of the network; a part without its files is left alone, unless it is named
    parts       places, rome, rncp; all when none is named
    accept      rails that may be broken: rule -> why (RAILS)
    transport   what carries the calls; the network when there is none

    `SettingError` when nothing can be done at all. What befalls one part is in its report.
    """
    chosen = [part for part in PARTS if not parts or part.name in parts]
    unknown = set(parts) - {part.name for part in PARTS}
    if unknown:
        raise SettingError(f"no part is called {', '.join(sorted(unknown))}; there are: places, rome, rncp")
    given = _given(folder) if folder else None
    reports: list[Refreshed] = []
    if given is not None:
        there = [part for part in chosen if any(part.is_own(name) for name in given)]
        if not there:
            raise SettingError(f"{folder}: none of the files of a refresh is there; see the README for their names")
        absent = [part.name for part in chosen if part not in there and part.name in parts]
        reports += [Refreshed(part=name, cause=f"{name}: {folder} holds none of its files") for name in absent]
        chosen = there
    in_use = Tables(settings.reference_path())
    new: list[Table] = []
    accepted: dict[str, str] = {}
    for part in chosen:
        try:
            documents = await part.fetch(settings, transport) if given is None else given
            tables = part.tables(documents, in_use, now)
            broken = _checked(part.name, tables, in_use, accept or {})
        except (WidgetError, OSError) as error:
            reports.append(Refreshed(part=part.name, cause=str(error)))
            continue
        new += tables
        accepted |= broken
        sizes = {table.name: (_count(in_use, table.name), len(table.rows)) for table in tables}
        reports.append(Refreshed(part=part.name, tables=sizes, accepted=broken))
    if new:
        version = f"{now:%Y%m%dT%H%M%S%f}Z"
        publish(
            settings.reference_path(),
            version,
            new,
            fetched=now.isoformat(timespec="seconds"),
            accepted=accepted,
            keep=settings.keep_versions,
        )
    return tuple(reports)


def _checked(part: str, tables: Sequence[Table], in_use: Tables, accept: Mapping[str, str]) -> dict[str, str]:
    """The rails that the new tables break and that the operator accepts, with why; `GuardRail` for the others."""
    broken: dict[str, list[str]] = {}
    for table in tables:
        before, after = _count(in_use, table.name), len(table.rows)
        if not after:
            broken.setdefault("few", []).append(f"{table.name} is empty")
        elif after < before * LEAST_SHARE:
            broken.setdefault("drop", []).append(f"{table.name} has {after} rows after {before}")
        if table.name == "communes":
            old, new = _by_area(in_use.rows("communes")), _by_area(table.rows)
            lost = [
                f"{area} {new[area]} after {count}" for area, count in old.items() if new[area] < count * LEAST_SHARE
            ]
            if lost:
                broken.setdefault("departement", []).append(f"communes were lost in {len(lost)}: {', '.join(lost[:5])}")
    refused = {rule: told for rule, told in broken.items() if rule not in accept}
    if refused:
        said = "; ".join(f"{', '.join(told)} (rule {rule})" for rule, told in refused.items())
        options = " ".join(f"--accept {rule}" for rule in refused)
        raise GuardRail(f'{part}: {said}. If this is right: reference refresh {part} {options} --because "..."')
    return {rule: accept[rule] for rule in broken}


def _by_area(rows: Iterator[list[str]] | Sequence[Sequence[object]]) -> Counter[str]:
    """Communes of each département, and arrondissements of each town that has some."""
    return Counter(str(row[2] if row[8] == row[0] else row[8]) for row in rows)


def _count(tables: Tables, name: str) -> int:
    return sum(1 for _ in tables.rows(name))


# Places


async def _fetch_places(settings: Settings, transport: Transport | None) -> Documents:
    async with _client(GEO_API, settings.geo_api_url, settings, transport) as client:
        return {
            name: (await client.get(path, params, cap_bytes=_MOST_MEMBER)).body
            for name, (path, params) in _GEO_CALLS.items()
        }


def _place_tables(documents: Documents, in_use: Tables, now: datetime) -> list[Table]:
    """Communes with their centre, retired codes, départements and régions.

    The geo API tells no seat of a département, and not every collectivity: what it leaves out of these two short
    lists is kept.
    """
    missing = [name for name in _GEO_CALLS if name not in documents]
    if missing:
        raise SettingError(f"places: {', '.join(missing)} is missing beside the others")
    areas = {row[0]: row for row in in_use.rows("departements")}
    regions = {row[0]: row for row in in_use.rows("regions")}
    regions |= {each.code: [each.code, each.nom] for each in _decoded(documents["regions.json"], list[GeoArea])}
    for each in _decoded(documents["departements.json"], list[GeoArea]):
        known = areas.get(each.code, ["", "", "", ""])
        areas[each.code] = [each.code, each.nom, each.code_region or known[2], known[3]]
    places = Places.load(in_use)
    rows: dict[str, Sequence[object]] = {}
    retired: dict[str, str] = {}
    for commune in _decoded(documents["communes.json"], list[GeoCommune]):
        row = _commune_row(commune, places.commune(commune.code), areas)
        if commune.code in rows:
            raise UpstreamMalformed(GEO_API, f"gives the commune {commune.code} twice")
        rows[commune.code] = row
        retired.update(dict.fromkeys(commune.anciens_codes, commune.code))
    for old, today in in_use.rows("retired_communes"):
        # A code that led to a commune which has now retired leads to the one that took it in.
        target = today if today in rows else retired.get(today)
        if target:
            retired.setdefault(old, target)
    kept = sorted((old, today) for old, today in retired.items() if old not in rows and today in rows)
    about = {"vintage": f"geo API, {now:%Y-%m-%d}", "licence": _LICENCE}
    source = "geo.api.gouv.fr : INSEE (COG), La Poste, Etalab"
    return [
        Table(name="communes", rows=[rows[code] for code in sorted(rows)], source=f"{source} ; centres : IGN", **about),
        Table(name="retired_communes", rows=kept, source=source, **about),
        Table(name="departements", rows=list(areas.values()), source=source, **about),
        Table(name="regions", rows=list(regions.values()), source=source, **about),
    ]


def _commune_row(commune: GeoCommune, known: Commune | None, areas: Mapping[str, Sequence[str]]) -> Sequence[object]:
    code = commune.code
    departement = commune.code_departement or (code[:3] if code.startswith(("97", "98")) else code[:2])
    if not _INSEE.fullmatch(code) or departement not in areas:
        raise UpstreamMalformed(GEO_API, f"gives a commune {code!r} in a département {departement!r}, which is none")
    latitude, longitude = (known.latitude, known.longitude) if known else (None, None)
    if commune.centre is not None:
        east, north = commune.centre.coordinates
        if in_france(north, east):
            latitude, longitude = round(north, _DECIMALS), round(east, _DECIMALS)
    population = commune.population if commune.population is not None else (known.population if known else 0)
    return (
        code,
        commune.nom,
        departement,
        commune.code_region or areas[departement][2],
        " ".join(commune.codes_postaux),
        population,
        latitude,
        longitude,
        commune.code_parent or code,
    )


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(GEO_API, f"answers what cannot be read: {error}") from error


# ROME


async def _fetch_rome(settings: Settings, transport: Transport | None) -> Documents:
    async with _client(ROME, settings.rome_url, settings, transport) as client:
        return _unzipped(ROME, (await client.get("", cap_bytes=_MOST_MEMBER)).body)


def _rome_tables(documents: Documents, in_use: Tables, now: datetime) -> list[Table]:
    """Codes with their parents; appellations, but those that are hardly used, when their file is there."""
    version, rows = _newest(ROME, documents, _ROME_CODES)
    codes = [
        (row["code_rome"], row["libelle_rome"], row["code_rome_parent"] or row["code_rome"], row["code_ogr"])
        for row in _read_csv(ROME, rows, ("code_rome", "libelle_rome", "code_rome_parent", "code_ogr"), ",")
    ]
    known = {code for code, *_ in codes}
    strange = [code for code, _, parent, _ in codes if not _CODE.fullmatch(code) or parent not in known]
    if strange or len(known) < len(codes):
        raise UpstreamMalformed(ROME, f"has codes that are none, twice there, or without their parent: {strange[:5]}")
    about = {
        "vintage": f"v{version[:1]}.{version[1:]}",
        "source": "France Travail, ROME 4.0",
        "licence": "Licence Ouverte",
    }
    tables = [Table(name="rome", rows=sorted(codes), **about)]
    if any(_ROME_APPELLATIONS.fullmatch(name) for name in documents):
        _, rows = _newest(ROME, documents, _ROME_APPELLATIONS)
        told = _read_csv(ROME, rows, ("libelle_appellation_court", "code_rome", "peu_usite"), ",")
        names = {
            (row["libelle_appellation_court"], row["code_rome"])
            for row in told
            if row["peu_usite"] != "O" and row["code_rome"] in known
        }
        tables.append(Table(name="appellations", rows=sorted(names), **about))
    return tables


# RNCP


async def _fetch_rncp(settings: Settings, transport: Transport | None) -> Documents:
    """The newest daily export: the data set names its files."""
    async with _client(RNCP, settings.rncp_url, settings, transport) as client:
        body = (await client.get("/")).body
    try:
        resources = msgspec.json.decode(body, type=DataSet).resources
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(RNCP, f"its data set cannot be read: {error}") from error
    daily = {each.title: each.url for each in resources if _DAILY.fullmatch(each.title)}
    if not daily:
        raise UpstreamMalformed(RNCP, "its data set names no export-fiches-csv-YYYY-MM-DD.zip")
    address = daily[max(daily)]
    if not _is_trusted(address, settings.rncp_url):
        raise UpstreamMalformed(RNCP, "its data set names a file on a host that is not of data.gouv.fr")
    async with _client(RNCP, address, settings, transport) as client:
        return _unzipped(RNCP, (await client.get("", cap_bytes=_MOST_MEMBER)).body)


def _is_trusted(address: str, base: str) -> bool:
    """Whether a file lies on the host of its data set, or over TLS where data.gouv.fr keeps its files."""
    origin = re.match(r"https?://[^/?#@\\]+", base)
    starts = [f"https://{host}/" for host in _FILE_HOSTS] + ([f"{origin[0]}/"] if origin else [])
    return address.startswith(tuple(starts))


def _rncp_tables(documents: Documents, in_use: Tables, now: datetime) -> list[Table]:
    day, body = _newest(RNCP, documents, _RNCP_ROME)
    told = _read_csv(RNCP, body, ("Numero_Fiche", "Codes_Rome_Code"), ";")
    rows = sorted(
        {
            (row["Numero_Fiche"], row["Codes_Rome_Code"])
            for row in told
            if row["Numero_Fiche"].startswith("RNCP") and _CODE.fullmatch(row["Codes_Rome_Code"])
        }
    )
    about = {"vintage": day.replace("_", "-"), "source": "France compétences, RNCP", "licence": _LICENCE}
    return [Table(name="rncp_rome", rows=rows, **about)]


# Files


def _given(folder: Path) -> Documents:
    """The files of a folder that a refresh can use, and those inside its zips."""
    if not folder.is_dir():
        raise SettingError(f"{folder} is no folder")
    found: dict[str, bytes] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix == ".zip":
            found |= _unzipped(file.name, file.read_bytes())
        elif file.name in _GEO_CALLS or any(member.fullmatch(file.name) for member in _MEMBERS):
            found[file.name] = file.read_bytes()
    return found


def _unzipped(name: str, body: bytes) -> Documents:
    """The members of a zip that a refresh can use, by their name without a folder."""
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                plain = member.filename.rpartition("/")[2]
                if not any(pattern.fullmatch(plain) for pattern in _MEMBERS):
                    continue
                if member.file_size > _MOST_MEMBER:
                    raise UpstreamMalformed(name, f"{plain} would be larger than {_MOST_MEMBER // _MEGABYTE} MB")
                found[plain] = archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UpstreamMalformed(name, f"is no zip that can be read: {error}") from error
    return found


def _newest(upstream: str, documents: Documents, pattern: re.Pattern[str]) -> tuple[str, bytes]:
    """The newest file of a kind, with the version or the day that its name tells."""
    matches = [match for name in documents if (match := pattern.fullmatch(name))]
    if not matches:
        raise UpstreamMalformed(upstream, f"holds no {pattern.pattern}")
    newest = max(matches, key=lambda match: match[1])
    return newest[1], documents[newest[0]]


def _read_csv(upstream: str, body: bytes, wanted: Sequence[str], delimiter: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, by the names of its header."""
    try:
        text = body.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
        missing = set(wanted) - set(reader.fieldnames or ())
        if missing:
            raise UpstreamMalformed(upstream, f"has no column {', '.join(sorted(missing))}")
        for row in reader:
            yield {name: (row[name] or "").strip() for name in wanted}
    except (UnicodeDecodeError, csv.Error) as error:
        raise UpstreamMalformed(upstream, f"has a file that cannot be read: {error}") from error


@asynccontextmanager
async def _client(name: str, address: str, settings: Settings, transport: Transport | None) -> AsyncIterator[Client]:
    """A handful of calls, so a pace that nobody feels."""
    async with Client(
        name,
        address,
        rate_per_s=5.0,
        patience_s=settings.patience_s,
        attempts=settings.attempts,
        also_hosts=_FILE_HOSTS,
        transport=transport,
    ) as client:
        yield client


PARTS: Final = (
    _Part(name="places", fetch=_fetch_places, is_own=_GEO_CALLS.__contains__, tables=_place_tables),
    _Part(name="rome", fetch=_fetch_rome, is_own=lambda name: bool(_ROME_CODES.fullmatch(name)), tables=_rome_tables),
    _Part(name="rncp", fetch=_fetch_rncp, is_own=lambda name: bool(_RNCP_ROME.fullmatch(name)), tables=_rncp_tables),
)
