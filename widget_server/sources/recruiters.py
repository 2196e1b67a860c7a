"""Companies that may recruit, from one file of predictions: our forecast's release, or an integrator's own rows."""

import hashlib
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from widget_server.domain.cards import Declaration, Entry, Reason, Rejection
from widget_server.domain.errors import SettingError, UpstreamDown, UpstreamMalformed
from widget_server.domain.sections import Sections
from widget_server.domain.spreading import level
from widget_server.snapshot.impressions import ImpressionStore
from widget_server.snapshot.manifest import Part
from widget_server.sources.kit.companies import REGISTER, Company, Estimate, to_entry
from widget_server.sources.kit.projections import to_degrees
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.rows import read_row
from widget_server.sources.kit.source import Kit, Unchanged
from widget_server.sources.kit.text import kebab, line
from widget_server.upstream.arrays import elements
from widget_server.upstream.compression import capped, opened

NAME: Final = "Prédictions de recruteurs"
FORMAT: Final = 1
CAP_BYTES: Final = 4 << 30
RATE_PER_S: Final = 2.0
RELEASE: Final = Path("forecast", "releases", "current", "recruiters.ndjson.gz")
"""Our forecast's own release, within DATA_DIR."""
OPTED_OUT: Final = Path("forecast", "opted_out.txt")
"""Within DATA_DIR: the SIRET, one on a line, that the newest table `opt_out` of our forecast names. A release that was
made before, or put back in place, may still hold them."""
METHOD: Final = "method.json"
"""Beside a release: how it was made, as data (domain/sections.py)."""
_PIECE: Final = 1 << 18

REASONS: Final[Mapping[str, str]] = {
    "history": "A déjà recruté en alternance ces dernières années",
    "season": "Recrute souvent à cette période de l'année",
    "recent": "A recruté récemment en alternance",
    "sector": "Son secteur recrute beaucoup d'alternants",
    "size": "Taille comparable à celle des entreprises qui recrutent",
    "tension": "Métier recherché dans ce département",
    "growth": "Son secteur recrute plus que l'an dernier",
    "new": "Entreprise récente : estimation moins sûre",
}
"""The reasons that a release may give; each is true of the company, not only influential."""

_BANDS: Final[Mapping[str, str]] = {"A": "forte", "B": "moyenne", "C": "plus faible"}
_INSEE: Final = re.compile(r"\d[\dAB]\d{3}")
_LBA: Final = "https://labonnealternance.apprentissage.beta.gouv.fr/emploi/recruteurs_lba/{siret}/{title}"
_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip

DECLARATION: Final = Declaration(
    name="recruiters",
    kind="recruiter",
    label="Estimation",
    home_url="https://labonnealternance.apprentissage.beta.gouv.fr",
    attribution="Entreprises : estimation statistique du {date}, à partir de données de l'INSEE (Sirene)",
    method=(
        "Établissements dont un modèle statistique estime qu'ils pourraient recruter en alternance dans un métier."
        " Chacun a un SIRET valide, un nom, un code postal et au moins un métier connu. Ce ne sont pas des offres."
        " Aucun téléphone, aucune adresse électronique, aucun nom de personne n'est lu."
    ),
    parents_only=True,
    banded=True,
)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a release; nothing else has a `format`. `demonstration`: its companies are fictitious."""

    format: int
    model: str = ""
    day: date
    until: date
    count: int
    demonstration: bool = False


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """One establishment of a release: WGS84 degrees, and (ROME, probability, band) of each occupation."""

    siret: str | None = None
    name: str | None = None
    naf: str | None = None
    headcount: str | int | None = None
    address: str | None = None
    postcode: str | None = None
    commune: str | None = None
    lat: float | None = None
    lon: float | None = None
    expected_hires: float = 0.0
    romes: list[tuple[str, float, str]] = []
    reasons: list[str] = []


class First(msgspec.Struct, frozen=True, kw_only=True):
    """Enough of the first element to tell the header of a release from an establishment."""

    format: msgspec.Raw = msgspec.Raw()


class Hired(msgspec.Struct, frozen=True, kw_only=True):
    """An occupation of an integrator's row.

    Its score has no public definition: it orders the occupations of one company, and never becomes a band.
    """

    rome_code: str | None = None
    normalized_score: float | None = None


class Brought(msgspec.Struct, frozen=True, kw_only=True, rename={
    "city": "libelleCommuneEtablissement",
    "x": "coordonneeLambertAbscisseEtablissement",
    "y": "coordonneeLambertOrdonneeEtablissement",
}):  # fmt: skip
    """One establishment of an integrator's own file. E-mail addresses and telephones are not read."""

    siret: str | None = None
    enseigne: str | None = None
    raison_sociale: str | None = None
    naf_code: str | None = None
    naf_label: str | None = None
    street_number: str | int | None = None
    street_name: str | None = None
    insee_city_code: str | None = None
    zip_code: str | None = None
    city: str | None = None
    x: float | None = None
    y: float | None = None
    company_size: str | None = None
    rome_codes: list[Hired] | None = None
    site_web: str | None = None


_log: Final = logging.getLogger(__name__)
_FIRST: Final = msgspec.json.Decoder(First)
_HEADER: Final = msgspec.json.Decoder(Header)
_SCORED: Final = msgspec.json.Decoder(Scored)
_SECTIONS: Final = msgspec.json.Decoder(Sections)
_BROUGHT: Final = msgspec.json.Decoder(Brought, strict=False)


@dataclass(frozen=True, kw_only=True)
class _File:
    """An opened file and the day it was made, as far as its carrier says."""

    pieces: AsyncIterator[bytes]
    made: datetime | None


class Recruiters:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """The rows of the file, which may be an array or lines, gzip or not, a release or an integrator's own."""
        header: Header | None = None
        read = 0
        place = _place(kit)
        shown = ImpressionStore(kit.settings.data_path()).before(kit.now.astimezone(UTC).date())
        gone = _opted_out(kit.settings.data_path() / OPTED_OUT)
        mark = _mark(place, shown, gone, kit) if isinstance(place, Path) else ""
        if mark and kit.is_current(mark):
            raise Unchanged(f"{NAME}: {place} is what is shown, and nobody was shown since")
        async with _opened(place, kit) as file:
            kit.notes.as_of = file.made
            pieces = capped(opened(file.pieces, NAME), CAP_BYTES, NAME)
            async for element in elements(pieces, NAME):
                if read == 0 and header is None and _is_header(element):
                    header = _header(element)
                    kit.notes.announced = header.count
                    kit.notes.as_of = datetime.combine(header.day, datetime.min.time(), UTC)
                    kit.notes.demonstration = header.demonstration
                    continue
                read += 1
                entry = _read(element, header, shown, kit)
                asked = isinstance(entry, Entry) and entry.card.id in gone
                yield reject("not_active", None, "opt_out of the forecast") if asked else entry
        if header is not None:
            kit.notes.method = _method(place)
        if header is not None and read != header.count:
            raise UpstreamMalformed(NAME, f"announces {header.count} establishments and holds {read}")
        if not read:
            raise UpstreamMalformed(NAME, "holds no establishment")
        announced = kit.notes.announced = read
        kit.notes.parts.append(Part(name="fichier", announced=announced, read=read, distinct=read))
        kit.notes.mark = mark

    async def probe(self, kit: Kit) -> str:
        """The first bytes of the file."""
        async with _opened(_place(kit), kit) as file:
            made = f"{file.made:%Y-%m-%d %H:%M} UTC" if file.made else "an unknown day"
            async for _ in file.pieces:
                return f"the file can be read; it is of {made}"
        raise UpstreamMalformed(NAME, "holds not one byte")


def _place(kit: Kit) -> Path | str:
    """Where the file is: an address, or a path. The release in place is named, so that all is read of one release."""
    told = kit.settings.recruiters_url
    if not told:
        release = kit.settings.data_path() / RELEASE
        if not release.exists():
            raise SettingError(
                f"RECRUITERS_URL is empty, and there is no release in {release}: give the address or the path of a"
                " predictions file, or make a release with widget-server forecast run FOLDER --bootstrap"
            )
        return release.resolve()
    try:
        scheme = urlsplit(told).scheme
    except ValueError as error:
        raise SettingError(f"RECRUITERS_URL is no address that can be read: {error}") from error
    if scheme in ("http", "https"):
        return told
    path = told.removeprefix("file://")
    if "://" in path:
        raise SettingError(f"RECRUITERS_URL begins with {path.partition('://')[0]}://: http(s), file or a path is read")
    return Path(path).resolve()


def _opted_out(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        # Without it somebody who asked not to be shown might be.
        raise SettingError(f"{path} cannot be read ({error}); make it again: widget-server forecast ingest") from error


def _mark(path: Path, shown: Mapping[str, int], gone: Collection[str], kit: Kit) -> str:
    """A state of the file and of what was shown until yesterday; "" for a file that cannot be read."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    told = hashlib.blake2b(repr((sorted(shown.items()), sorted(gone))).encode(), digest_size=16).hexdigest()
    return kit.mark(f"{path} {stat.st_mtime_ns} {stat.st_size} {told}")


@asynccontextmanager
async def _opened(place: Path | str, kit: Kit) -> AsyncIterator[_File]:
    if isinstance(place, Path):
        try:
            made = datetime.fromtimestamp(place.stat().st_mtime, UTC)
        except OSError as error:
            raise UpstreamDown(NAME, f"RECRUITERS_URL cannot be read: {error.strerror or error}") from error
        # A file that is refused at its first line is closed at once.
        async with aclosing(_local(place)) as pieces:
            yield _File(pieces=pieces, made=made)
        return
    parts = urlsplit(place)
    async with (
        kit.connect(NAME, f"{parts.scheme}://{parts.netloc}", rate_per_s=RATE_PER_S) as client,
        client.stream(parts.path + (f"?{parts.query}" if parts.query else ""), cap_bytes=CAP_BYTES) as body,
    ):
        yield _File(pieces=body.pieces, made=_http_date(body.headers.get("last-modified")))


def _method(place: Path | str) -> bytes:
    """How a release was made, as it lies beside it; b"" where there is nothing of the kind: no card needs it."""
    if not isinstance(place, Path):
        return b""
    try:
        told = place.with_name(METHOD).read_bytes()
        _SECTIONS.decode(told)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _log.info("%s: no account of how they were made: %s", NAME, error)
        return b""
    return told


async def _local(path: Path) -> AsyncGenerator[bytes, None]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise UpstreamDown(NAME, f"RECRUITERS_URL cannot be read: {error.strerror or error}") from error


def _http_date(told: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(told).astimezone(UTC) if told else None
    except ValueError:
        return None


def _is_header(element: bytes) -> bool:
    try:
        return _FIRST.decode(element).format != msgspec.Raw()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _header(element: bytes) -> Header:
    try:
        header = _HEADER.decode(element)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(NAME, f"begins with a header that cannot be read: {error}") from error
    if header.format != FORMAT:
        raise UpstreamMalformed(NAME, f"is written in format {header.format}; this program reads format {FORMAT}")
    return header


def _read(element: bytes, header: Header | None, shown: Mapping[str, int], kit: Kit) -> Entry | Rejection:
    try:
        if header is not None:
            return scored_entry(_SCORED.decode(element), header, kit, shown)
        return brought_entry(read_row(element, _BROUGHT, kit), kit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return reject("unreadable", None, str(error))


def scored_entry(row: Scored, header: Header, kit: Kit, shown: Mapping[str, int] | None = None) -> Entry | Rejection:
    """The card of an establishment of a release; `shown` is how often each SIRET was, of late."""
    siret = (row.siret or "").strip()
    commune = (row.commune or "").strip()
    ranked = sorted(row.romes, key=lambda rome: -rome[1])
    bands = {code: band for code, _, band in ranked if band in _BANDS}
    times, beta = (shown or {}).get(siret, 0), kit.settings.recruiters_spreading
    scores = {code: level(band, row.expected_hires, times, beta=beta) for code, band in bands.items()}
    return to_entry(
        Company(
            siret=siret,
            name=row.name,
            naf=row.naf,
            headcount=None if row.headcount is None else str(row.headcount),
            street=row.address,
            postcode=(row.postcode or "").strip(),
            commune=None if _INSEE.fullmatch(commune) else commune or None,
            insee=commune if _INSEE.fullmatch(commune) else None,
            point=None if row.lat is None or row.lon is None else (row.lat, row.lon),
            romes=tuple(code for code, _, _ in ranked),
            url=REGISTER.format(siret=siret),
        ),
        Estimate(
            scores=scores,
            bands=bands,
            told=_estimated(header),
            reasons=tuple(_reasons(row.reasons, kit)),
            chances={code: f"probabilité de recruter {_BANDS[band]}" for code, band in bands.items()},
            newest=header.day.isoformat(),
        ),
        DECLARATION,
        kit,
    )


def brought_entry(row: Brought, kit: Kit) -> Entry | Rejection:
    """The card of an establishment of an integrator's own file, whose scores have no band."""
    siret = (row.siret or "").strip()
    postcode = (row.zip_code or "").strip()
    name = line(row.enseigne) or line(row.raison_sociale)
    hires = sorted(row.rome_codes or (), key=lambda hired: -(hired.normalized_score or 0.0))
    street = " ".join(str(part).strip() for part in (row.street_number, row.street_name) if part)
    return to_entry(
        Company(
            siret=siret,
            name=name,
            legal_name=row.raison_sociale,
            naf=row.naf_code,
            naf_label=row.naf_label,
            headcount=row.company_size,
            street=street or None,
            postcode=postcode,
            commune=row.city,
            insee=row.insee_city_code,
            point=to_degrees(row.x, row.y, postcode),
            romes=tuple(hired.rome_code for hired in hires if hired.rome_code),
            site=row.site_web,
            url=_LBA.format(siret=siret, title=kebab(name or "")),
        ),
        Estimate(),
        DECLARATION,
        kit,
    )


def _reasons(codes: Iterable[str], kit: Kit) -> Iterable[Reason]:
    for code in dict.fromkeys(codes):
        text = REASONS.get(code)
        if text is None:
            kit.notes.remark("reason_unknown")
        else:
            yield Reason(code=code, text=text)


def _estimated(header: Header) -> str:
    return f"Estimation du {_day(header.day)}, pour des embauches jusqu'au {_day(header.until)}"


def _day(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"
