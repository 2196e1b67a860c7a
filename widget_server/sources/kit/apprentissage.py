"""API Apprentissage (La bonne alternance): its key, its export of jobs, and what a row of that export says.

The export is one call that answers an address in an object store. The address lives two minutes and wants no key: the
file is fetched at once, to this disk, and read from there piece by piece. It holds offers and predicted recruiters
together; each source takes the rows that are its own.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from widget_server.domain.errors import (
    SettingError,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
)
from widget_server.sources.kit.placing import Whereabouts
from widget_server.sources.kit.rows import read_row
from widget_server.sources.kit.source import Kit, Unchanged, instant
from widget_server.upstream.client import Client
from widget_server.upstream.compression import opened
from widget_server.upstream.members import members

NAME: Final = "API Apprentissage"
STORE: Final = "API Apprentissage, fichier d'export"
LABEL: Final = "La bonne alternance"
HOME: Final = "https://labonnealternance.apprentissage.beta.gouv.fr"
RECRUITERS: Final = "recruteurs_lba"
"""The partner label of the rows that are predicted recruiters."""
FRANCE_TRAVAIL: Final = "France Travail"
EXPORT: Final = "/job/v1/export"
FILE_NAME: Final = ".export.json"
CAP_BYTES: Final = 8 << 30
PATIENCE_S: Final = 60.0

_DOWNLOADS: Final = 3
_STORE_RATE_PER_S: Final = 1.0
_PIECE: Final = 1 << 18
_FORBIDDEN: Final = 403
_LABELS: Final = 60
"""Partner labels that are counted by name; partners choose theirs, so there may be any number."""
_OTHERS: Final = "autres partenaires"
_ADDRESS: Final = re.compile(r"(?:(.*)[\s,]+)?(\d{5})\s+(\S.*)", re.DOTALL)
_LAST_POSTCODE: Final = re.compile(r"(.*[^\s,])[\s,]+(\d{5})", re.DOTALL)
_LABELLED: Final = re.compile(r"(?:\d{2,3}|2[AB])\s*-\s*\S.*", re.IGNORECASE)


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """Which partner brought the row, and its number there; a recruiter's number is its SIRET."""

    partner_label: str | None = None
    partner_job_id: str | None = None


class Naf(msgspec.Struct, frozen=True, kw_only=True):
    """The sector."""

    code: str | None = None
    label: str | None = None


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the company's trade."""

    naf: Naf | None = None


class Geopoint(msgspec.Struct, frozen=True, kw_only=True):
    """GeoJSON: longitude, then latitude."""

    coordinates: list[float | None] | None = None


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """One line of address, and a point; of a delegated offer they are those of two different places."""

    address: str | None = None
    geopoint: Geopoint | None = None


class Workplace(msgspec.Struct, frozen=True, kw_only=True):
    """Who hires. A delegated offer has its training centre here."""

    siret: str | None = None
    brand: str | None = None
    legal_name: str | None = None
    name: str | None = None
    website: str | None = None
    description: str | None = None
    size: str | None = None
    location: Location | None = None
    domain: Domain | None = None


class Apply(msgspec.Struct, frozen=True, kw_only=True):
    """Where to apply. The telephone is not read."""

    url: str | None = None
    recipient_id: str | None = None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """The contract; `duration` is in months."""

    start: str | None = None
    duration: float | None = None
    remote: str | None = None
    type: list[str] | None = None


class Diploma(msgspec.Struct, frozen=True, kw_only=True):
    """The diploma that the contract leads to; `european` is its level."""

    european: str | None = None
    label: str | None = None


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """Since when and until when."""

    creation: str | None = None
    expiration: str | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is offered; of a recruiter only the occupations mean something."""

    title: str | None = None
    description: str | None = None
    rome_codes: list[str] | None = None
    target_diploma: Diploma | None = None
    desired_skills: list[str] | None = None
    to_be_acquired_skills: list[str] | None = None
    access_conditions: list[str] | None = None
    publication: Publication | None = None
    opening_count: int | None = None
    status: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the export, as far as we read it. Everything may be missing."""

    identifier: Identifier = Identifier()
    workplace: Workplace = Workplace()
    apply: Apply = Apply()
    contract: Contract = Contract()
    offer: Offer = Offer()
    is_delegated: bool | None = None


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a row as tells whose it is."""

    identifier: Identifier = Identifier()


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    url: str
    last_update: str


_ROW: Final = msgspec.json.Decoder(Row, strict=False)
_NAMED: Final = msgspec.json.Decoder(_Named)
_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One row of the export.

    partner  the label of the partner who brought it; "" when it has none
    row      what it says; None when it cannot be read, and then `problem` says why
    """

    partner: str
    row: Row | None
    problem: str = ""


def connected(kit: Kit, *, rate_per_s: float) -> Client:
    """A client with the operator's own key."""
    settings = kit.settings
    if not settings.api_apprentissage_key:
        raise SettingError(
            "API_APPRENTISSAGE_KEY is needed: each integrator has its own, free,"
            " from https://api.apprentissage.beta.gouv.fr"
        )
    return kit.connect(
        NAME,
        settings.api_apprentissage_url,
        rate_per_s=rate_per_s,
        patience_s=PATIENCE_S,
        key=settings.api_apprentissage_key,
    )


async def exported(kit: Kit) -> AsyncGenerator[Exported, None]:
    """Every row of the export, in its order. `Unchanged` when the current version was made from the same file.

    The notes get the file's own date, and its mark.
    """
    async with _fetched(kit) as path, aclosing(members(opened(_pieces(path), STORE), STORE)) as found:
        async for name, element in found:
            yield _read(name, element, kit)


async def export_day(kit: Kit) -> str:
    """When the export was made, by one call: for `probe`."""
    async with _exporting(kit) as api:
        return (await _envelope(api)).last_update


class Tally:
    """Counts the rows of the export by partner; beyond so many partners, together."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count(self, partner: str) -> None:
        """One row more."""
        name = partner or "sans partenaire"
        if name not in self.counts and len(self.counts) >= _LABELS:
            name = _OTHERS
        self.counts[name] = self.counts.get(name, 0) + 1


def whereabouts(told: Location | None, *, delegated: bool = False) -> Whereabouts:
    """What a row says of its place. The address of a delegated offer is the school's: only its point counts."""
    latitude, longitude = _point(told)
    street, postcode, city = (None, None, None) if told is None or delegated else split_address(told.address)
    # Rows of France Travail bring its labels: "75 - PARIS" behind a postcode, "Bretagne" alone.
    label = city if city and _LABELLED.fullmatch(city) else None
    if postcode is None and latitude is None:
        label = street
    return Whereabouts(
        latitude=latitude,
        longitude=longitude,
        postcode=postcode,
        name=city or (street if postcode else None) if label is None else None,
        label=label,
    )


def split_address(told: str | None) -> tuple[str | None, str | None, str | None]:
    """ "20 AVENUE DE SEGUR 75007 PARIS" -> street, postcode, city; all is street where there is no postcode.

    "PARIS 75007" has its city before the postcode: it stays with the street, where nobody can cut it.
    """
    plain = " ".join((told or "").split())
    match = _ADDRESS.fullmatch(plain)
    if match is None:
        last = _LAST_POSTCODE.fullmatch(plain)
        return (last[1], last[2], None) if last and not _LABELLED.fullmatch(plain) else (plain or None, None, None)
    street, postcode, city = match.groups()
    return (street or "").strip(" ,") or None, postcode, city


def _point(told: Location | None) -> tuple[float | None, float | None]:
    """Latitude and longitude; 0 and 0 stand for none."""
    pair = told.geopoint.coordinates if told and told.geopoint else None
    if not pair or len(pair) != 2 or pair == [0, 0]:
        return None, None
    return pair[1], pair[0]


def _read(name: str, element: bytes, kit: Kit) -> Exported:
    try:
        row = read_row(element, _ROW, kit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Exported(partner=_partner_of(element), row=None, problem=str(error))
    partner = (row.identifier.partner_label or "").strip()
    # In the shape of the search, recruiters are told by the name of their array.
    return Exported(partner=partner or (RECRUITERS if name == "recruiters" else ""), row=row)


def _partner_of(element: bytes) -> str:
    try:
        return (_NAMED.decode(element).identifier.partner_label or "").strip()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _exporting(kit: Kit) -> Client:
    return connected(kit, rate_per_s=kit.settings.api_apprentissage_exports_per_minute / 60)


@asynccontextmanager
async def _fetched(kit: Kit) -> AsyncIterator[Path]:
    """The export on this disk, for as long as the block lasts."""
    path = kit.folder / FILE_NAME
    try:
        async with _exporting(kit) as api:
            envelope = await _envelope(api)
            made = _day_of(envelope)
            mark = kit.mark(envelope.last_update + kit.hygiene.lists.mark)
            if kit.is_current(mark):
                raise Unchanged(f"{NAME}: the export of {envelope.last_update} is the one that is shown")
            for left in reversed(range(_DOWNLOADS)):
                try:
                    await _download(envelope.url, path, kit)
                    break
                except UpstreamError as error:
                    # An address that is too old and a file that broke off are cured by a new address.
                    if not left or (isinstance(error, UpstreamRefused) and error.status != _FORBIDDEN):
                        raise
                    envelope = await _envelope(api)
                    made, mark = _day_of(envelope), kit.mark(envelope.last_update + kit.hygiene.lists.mark)
        kit.notes.as_of, kit.notes.mark = made, mark
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _envelope(api: Client) -> _Envelope:
    reply = await api.get(EXPORT)
    try:
        return _ENVELOPE.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(api.name, f"sends no address of its export: {error}") from error


def _day_of(envelope: _Envelope) -> datetime:
    made = instant(envelope.last_update)
    if made is None:
        raise UpstreamMalformed(NAME, f"says that its export was made {envelope.last_update!r}, which is no instant")
    return made


async def _download(address: str, path: Path, kit: Kit) -> None:
    """Stream the file to the disk, from another server and without our key."""
    parts = urlsplit(address)
    allowed = ("https", urlsplit(kit.settings.api_apprentissage_url).scheme)
    if parts.scheme not in allowed or not parts.hostname:
        raise UpstreamMalformed(NAME, "gives an address of its export that is not https")
    # The query holds the signature: it is asked for, and written nowhere.
    where = parts.path + (f"?{parts.query}" if parts.query else "")
    last = b""
    async with (
        kit.connect(
            STORE, f"{parts.scheme}://{parts.netloc}", rate_per_s=_STORE_RATE_PER_S, patience_s=PATIENCE_S
        ) as store,
        store.stream(where, cap_bytes=CAP_BYTES) as body,
    ):
        with path.open("wb") as file:
            async for piece in body.pieces:
                file.write(piece)
                last = piece.rstrip() or last
    if not last.startswith(b"\x1f\x8b") and not last.endswith((b"]", b"}")):
        raise UpstreamMalformed(STORE, f"stops in the middle, after {path.stat().st_size} bytes")


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


PARTNERS: Final[Mapping[str, str]] = {"offres_emploi_lba": LABEL}
"""Partner labels that are codes, and how they are shown."""
