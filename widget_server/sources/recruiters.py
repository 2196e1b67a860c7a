"""Companies that may recruit, from one file of predictions: our forecast's release, or an integrator's own rows."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from widget_server.domain.cards import (
    Card,
    Declaration,
    Entry,
    Fact,
    Organisation,
    Reason,
    Rejection,
    SourceName,
)
from widget_server.domain.errors import SettingError, UpstreamDown, UpstreamMalformed
from widget_server.snapshot.manifest import Part
from widget_server.sources.facts import filled, linked, listed, said
from widget_server.sources.placing import Placed, Whereabouts
from widget_server.sources.projections import to_degrees
from widget_server.sources.rejects import reject
from widget_server.sources.source import Kit
from widget_server.sources.text import kebab, line, link
from widget_server.upstream.arrays import elements
from widget_server.upstream.compression import capped, opened

NAME: Final = "Prédictions de recruteurs"
FORMAT: Final = 1
CAP_BYTES: Final = 4 << 30
RATE_PER_S: Final = 2.0
_PIECE: Final = 1 << 18

SCORES: Final[Mapping[str, int]] = {"A": 3, "B": 2, "C": 1}
"""The score of a band; 0 where the file has none."""

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

_HEADCOUNTS: Final[Mapping[str, str]] = {
    "00": "Sans salarié",
    "01": "1 ou 2 salariés",
    "02": "3 à 5 salariés",
    "03": "6 à 9 salariés",
    "11": "10 à 19 salariés",
    "12": "20 à 49 salariés",
    "21": "50 à 99 salariés",
    "22": "100 à 199 salariés",
    "31": "200 à 249 salariés",
    "32": "250 à 499 salariés",
    "41": "500 à 999 salariés",
    "42": "1 000 à 1 999 salariés",
    "51": "2 000 à 4 999 salariés",
    "52": "5 000 à 9 999 salariés",
    "53": "10 000 salariés et plus",
}
"""INSEE's brackets, by code."""

_BANDS: Final[Mapping[str, str]] = {"A": "forte", "B": "moyenne", "C": "plus faible"}
_BRACKET: Final = re.compile(r"(\d+)\s*-\s*(\d+)")
_SIRET: Final = re.compile(r"[0-9]{14}")
_POSTCODE: Final = re.compile(r"[0-9]{5}")
_INSEE: Final = re.compile(r"\d[\dAB]\d{3}")
_LA_POSTE: Final = "356000000"
_NOT_DIFFUSIBLE: Final = "[ND]"
_REGISTER: Final = "https://annuaire-entreprises.data.gouv.fr/etablissement/{siret}"
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
)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a release; nothing else has a `format`."""

    format: int
    model: str = ""
    day: date
    until: date
    count: int


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


_FIRST: Final = msgspec.json.Decoder(First)
_HEADER: Final = msgspec.json.Decoder(Header)
_SCORED: Final = msgspec.json.Decoder(Scored)
_BROUGHT: Final = msgspec.json.Decoder(Brought)


@dataclass(frozen=True, kw_only=True)
class _File:
    """An opened file and the day it was made, as far as its carrier says."""

    pieces: AsyncIterator[bytes]
    made: datetime | None


@dataclass(frozen=True, kw_only=True)
class _Company:
    """What both kinds of rows come down to."""

    siret: str
    name: str | None
    legal_name: str | None
    naf: str | None
    naf_label: str | None
    headcount: str | None
    street: str | None
    postcode: str
    commune: str | None
    insee: str | None
    point: tuple[float, float] | None
    romes: tuple[str, ...]
    bands: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    url: str
    site: str | None = None


class Recruiters:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """The rows of the file, which may be an array or lines, gzip or not, a release or an integrator's own."""
        header: Header | None = None
        read = 0
        async with _opened(kit) as file:
            kit.notes.as_of = file.made
            pieces = capped(opened(file.pieces, NAME), CAP_BYTES, NAME)
            async for element in elements(pieces, NAME):
                if read == 0 and header is None and _is_header(element):
                    header = _header(element)
                    kit.notes.announced = header.count
                    kit.notes.as_of = datetime.combine(header.day, datetime.min.time(), UTC)
                    continue
                read += 1
                yield _read(element, header, kit)
        if header is not None and read != header.count:
            raise UpstreamMalformed(NAME, f"announces {header.count} establishments and holds {read}")
        if not read:
            raise UpstreamMalformed(NAME, "holds no establishment")
        announced = kit.notes.announced = read
        kit.notes.parts.append(Part(name="fichier", announced=announced, read=read, distinct=read))

    async def probe(self, kit: Kit) -> str:
        """The first bytes of the file."""
        async with _opened(kit) as file:
            made = f"{file.made:%Y-%m-%d %H:%M} UTC" if file.made else "an unknown day"
            async for _ in file.pieces:
                return f"the file can be read; it is of {made}"
        raise UpstreamMalformed(NAME, "holds not one byte")


@asynccontextmanager
async def _opened(kit: Kit) -> AsyncIterator[_File]:
    told = kit.settings.recruiters_url
    if not told:
        raise SettingError(
            "RECRUITERS_URL is empty: give the address or the path of a predictions file,"
            " for example data/forecast/releases/current/recruiters.ndjson.gz"
        )
    parts = urlsplit(told)
    if parts.scheme not in ("http", "https"):
        path = Path(told.removeprefix("file://"))
        try:
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError as error:
            raise UpstreamDown(NAME, f"RECRUITERS_URL cannot be read: {error.strerror or error}") from error
        yield _File(pieces=_local(path), made=made)
        return
    async with (
        kit.connect(NAME, f"{parts.scheme}://{parts.netloc}", rate_per_s=RATE_PER_S) as client,
        client.stream(parts.path + (f"?{parts.query}" if parts.query else ""), cap_bytes=CAP_BYTES) as body,
    ):
        yield _File(pieces=body.pieces, made=_http_date(body.headers.get("last-modified")))


async def _local(path: Path) -> AsyncIterator[bytes]:
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


def _read(element: bytes, header: Header | None, kit: Kit) -> Entry | Rejection:
    try:
        if header is not None:
            return scored_entry(_SCORED.decode(element), header, kit)
        return brought_entry(_BROUGHT.decode(element), kit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return reject("unreadable", None, str(error))


def scored_entry(row: Scored, header: Header, kit: Kit) -> Entry | Rejection:
    """The card of an establishment of a release."""
    siret = (row.siret or "").strip()
    commune = (row.commune or "").strip()
    ranked = sorted(row.romes, key=lambda rome: -rome[1])
    bands = tuple((code, band) for code, _, band in ranked if band in SCORES)
    return _entry(
        _Company(
            siret=siret,
            name=row.name,
            legal_name=None,
            naf=row.naf,
            naf_label=None,
            headcount=None if row.headcount is None else str(row.headcount),
            street=row.address,
            postcode=(row.postcode or "").strip(),
            commune=None if _INSEE.fullmatch(commune) else commune or None,
            insee=commune if _INSEE.fullmatch(commune) else None,
            point=None if row.lat is None or row.lon is None else (row.lat, row.lon),
            romes=tuple(code for code, _, _ in ranked),
            bands=bands,
            reasons=tuple(row.reasons),
            url=_REGISTER.format(siret=siret),
        ),
        header,
        kit,
    )


def brought_entry(row: Brought, kit: Kit) -> Entry | Rejection:
    """The card of an establishment of an integrator's own file, whose scores have no band."""
    siret = (row.siret or "").strip()
    postcode = (row.zip_code or "").strip()
    name = line(row.enseigne) or line(row.raison_sociale)
    hires = sorted(row.rome_codes or (), key=lambda hired: -(hired.normalized_score or 0.0))
    street = " ".join(str(part).strip() for part in (row.street_number, row.street_name) if part)
    return _entry(
        _Company(
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
            bands=(),
            reasons=(),
            site=row.site_web,
            url=_LBA.format(siret=siret, title=kebab(name or "")),
        ),
        None,
        kit,
    )


def _entry(company: _Company, header: Header | None, kit: Kit) -> Entry | Rejection:
    siret = company.siret
    if not is_siret(siret):
        return reject("siret_invalid", siret)
    name, legal_name = line(company.name), line(company.legal_name)
    if name is None:
        return reject("name_missing", siret)
    if any(_NOT_DIFFUSIBLE in (told or "") for told in (name, legal_name, company.street)):
        return reject("not_diffusible", siret)
    if not _POSTCODE.fullmatch(company.postcode):
        return reject("postcode_invalid", siret, company.postcode)
    if not company.romes:
        return reject("no_rome", siret)
    # Recruiters are known by parent codes only: a more precise code stands for its parent.
    romes = tuple(dict.fromkeys(kit.occupations.parent(code) for code in kit.known_romes(company.romes)))
    if not romes:
        return reject("rome_unknown", siret, ", ".join(company.romes[:5]))
    placed = _placed(company, kit)
    if placed is None:
        return reject("place_unknown", siret, company.postcode)
    kit.notes.remark(placed.repaired)
    band = min((band for _, band in company.bands), default=None)
    card = Card(
        id=siret,
        kind=DECLARATION.kind,
        title=name,
        organisation=Organisation(
            name=legal_name or name,
            siret=siret,
            sector=(kit.naf.label(company.naf) if company.naf else None) or line(company.naf_label),
            headcount=headcount_of(company.headcount),
        ),
        place=placed.place,
        romes=romes,
        source=SourceName(name=DECLARATION.name, label=DECLARATION.label),
        reasons=tuple(_reasons(company.reasons, kit)),
        url=company.url,
        score_band=band,
        estimated=_estimated(header) if header else None,
        optout_url=link(kit.settings.recruiters_optout_url),
    )
    return Entry(
        card=card,
        facts=tuple(filled(_facts(company, card, kit))),
        score=SCORES.get(band or "", 0),
        newest=header.day.isoformat() if header else "",
    )


def is_siret(told: str) -> bool:
    """Fourteen digits whose Luhn sum holds; the establishments of La Poste follow a rule of their own."""
    if not _SIRET.fullmatch(told) or not int(told):
        return False
    digits = [int(digit) for digit in told]
    if told.startswith(_LA_POSTE) and sum(digits) % 5 == 0:
        return True
    return sum(sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits)) % 10 == 0


def headcount_of(told: str | None) -> str | None:
    """ "11" and "10-19" -> "10 à 19 salariés"; None when the bracket is not known."""
    if not told:
        return None
    match = _BRACKET.fullmatch(told.strip())
    if match:
        least, most = int(match[1]), int(match[2])
        if most <= 2:
            return "1 ou 2 salariés" if most else "Sans salarié"
        return f"{least} à {most} salariés"
    return _HEADCOUNTS.get(told.strip())


def _placed(company: _Company, kit: Kit) -> Placed | None:
    latitude, longitude = company.point or (None, None)
    return kit.placing.place(
        Whereabouts(
            latitude=latitude,
            longitude=longitude,
            insee=company.insee,
            postcode=company.postcode,
            name=company.commune,
        )
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


def _facts(company: _Company, card: Card, kit: Kit) -> Iterable[Fact]:
    city = " ".join(part for part in (company.postcode, company.commune or card.place.label) if part)
    yield said("address", "Adresse", ", ".join(part for part in (line(company.street), city) if part))
    yield said("legal_name", "Raison sociale", company.legal_name)
    yield said("sector", "Secteur d'activité", card.organisation.sector)
    yield said("naf", "Code NAF", company.naf)
    yield said("headcount", "Effectif", card.organisation.headcount)
    yield listed(
        "occupations", "Métiers concernés", [_occupation(code, dict(company.bands), kit) for code in card.romes]
    )
    yield said("estimate", "Estimation", card.estimated)
    yield linked("company_site", "Site de l'entreprise", company.site)


def _occupation(code: str, bands: Mapping[str, str], kit: Kit) -> str | None:
    label = kit.occupations.label(code)
    band = _BANDS.get(bands.get(code, ""))
    return f"{label} (probabilité de recruter {band})" if label and band else label
