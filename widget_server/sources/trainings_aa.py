"""Trainings by apprenticeship from API Apprentissage, page by page.

Its pages have no order that a reader may rely on, and a training that is archived between two pages moves the others:
rows are united by key, and where the count moved the pages are read once more.
"""

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import date
from typing import Final

import msgspec

from widget_server.domain.cards import (
    Card,
    CardPlace,
    Declaration,
    Entry,
    Fact,
    Organisation,
    Rejection,
    SourceName,
)
from widget_server.domain.errors import UpstreamMalformed
from widget_server.snapshot.manifest import Part
from widget_server.sources.kit.apprentissage import HOME, connected
from widget_server.sources.kit.facts import answered, filled, linked, listed, said
from widget_server.sources.kit.placing import Placed, Whereabouts
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.rows import read_page, read_row
from widget_server.sources.kit.sessions import (
    Session,
    address_of,
    current_tags,
    day_of,
    duration_of,
    next_session,
    page_of,
)
from widget_server.sources.kit.source import Kit
from widget_server.sources.kit.text import fold, line
from widget_server.upstream.client import Client

SEARCH: Final = "/formation/v1/search"
PAGE: Final = 1000
READINGS: Final = 3
"""How often the pages are read while their count moves."""
ENOUGH: Final = 0.99
"""Share of the counted trainings that must have been shown in the end."""

_PUBLISHED: Final = "publie"
_LEVELS: Final = frozenset({"3", "4", "5", "6", "7"})
_LONGEST_YEARS: Final = 6
_LONGEST_KEY: Final = 200
_SIRET: Final = re.compile(r"[0-9]{14}")

DECLARATION: Final = Declaration(
    name="trainings-aa",
    kind="training",
    label="Réseau des Carif-Oref",
    home_url=HOME,
    attribution=(
        "Réseau des Carif-Oref, catalogue des formations en apprentissage, par API Apprentissage (La bonne alternance),"
        " {date}"
    ),
    method=(
        "Toutes les formations publiées au catalogue, telles que l'API Apprentissage les donne, dont une session"
        " appartient à l'année scolaire en cours ou aux suivantes. Leurs métiers sont ceux de la fiche RNCP de leur"
        " certification. Une formation proposée en plusieurs lieux reste plusieurs formations ; deux fiches de même"
        " intitulé, même établissement et même lieu n'en font qu'une."
    ),
    level_role="target",
)


class Coded(msgspec.Struct, frozen=True, kw_only=True):
    """A code and its label."""

    code: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Where the training stands: publié, archivé or supprimé."""

    catalogue: str | None = None


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """The key of the training."""

    cle_ministere_educatif: str | None = None


class Commune(msgspec.Struct, frozen=True, kw_only=True):
    """A commune."""

    nom: str | None = None
    code_insee: str | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An address; `label` is its street."""

    label: str | None = None
    code_postal: str | None = None
    commune: Commune | None = None


class Geopoint(msgspec.Struct, frozen=True, kw_only=True):
    """GeoJSON: longitude, then latitude."""

    coordinates: list[float | None] | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is taught."""

    adresse: Address | None = None
    geolocalisation: Geopoint | None = None


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The identifiers of an organisation."""

    siret: str | None = None
    uai: str | None = None


class Establishment(msgspec.Struct, frozen=True, kw_only=True):
    """The establishment of an organisation."""

    enseigne: str | None = None
    adresse: Address | None = None


class LegalUnit(msgspec.Struct, frozen=True, kw_only=True):
    """The legal unit of an organisation."""

    raison_sociale: str | None = None


class Organism(msgspec.Struct, frozen=True, kw_only=True):
    """A school, as the register of them knows it. Its contacts are not read."""

    identifiant: Numbers | None = None
    etablissement: Establishment | None = None
    unite_legale: LegalUnit | None = None


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """The school in one of its two roles; unknown ones are null."""

    organisme: Organism | None = None


class CertificationNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The identifiers of a certification."""

    cfd: str | None = None
    rncp: str | None = None


class CfdTitle(msgspec.Struct, frozen=True, kw_only=True):
    """The title of the diploma."""

    long: str | None = None
    court: str | None = None


class CfdLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The level by the diploma."""

    europeen: str | None = None
    libelle: str | None = None


class RncpLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The level by the RNCP sheet."""

    europeen: str | None = None


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The level, said twice."""

    cfd: CfdLevel | None = None
    rncp: RncpLevel | None = None


class Title(msgspec.Struct, frozen=True, kw_only=True):
    """The titles and levels of a certification."""

    cfd: CfdTitle | None = None
    niveau: Level | None = None
    rncp: str | None = None


class Occupations(msgspec.Struct, frozen=True, kw_only=True):
    """The ROME codes of the RNCP sheet; they may be of an older ROME."""

    rncp: list[Coded] | None = None


class Domains(msgspec.Struct, frozen=True, kw_only=True):
    """What a certification is about."""

    rome: Occupations | None = None


class Certification(msgspec.Struct, frozen=True, kw_only=True):
    """What the training leads to."""

    identifiant: CertificationNumbers = CertificationNumbers()
    intitule: Title = Title()
    domaines: Domains | None = None


class Certified(msgspec.Struct, frozen=True, kw_only=True):
    """The certification, where it could be resolved."""

    valeur: Certification | None = None


class Modality(msgspec.Struct, frozen=True, kw_only=True):
    """How it is taught; `duree_indicative` is in years."""

    entierement_a_distance: bool | None = None
    duree_indicative: float | None = None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is taught."""

    contenu: str | None = None
    objectif: str | None = None


class Onisep(msgspec.Struct, frozen=True, kw_only=True):
    """Onisep's page."""

    url: str | None = None


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One session."""

    debut: str | None = None
    fin: str | None = None


class Formation(msgspec.Struct, frozen=True, kw_only=True):
    """One training, as far as we read it. Its telephone and e-mail address are not."""

    identifiant: Key = Key()
    statut: Status = Status()
    formateur: Role = Role()
    responsable: Role = Role()
    certification: Certified = Certified()
    lieu: Place = Place()
    onisep: Onisep | None = None
    modalite: Modality | None = None
    contenu_educatif: Content | None = None
    sessions: list[Term] | None = None


class Pagination(msgspec.Struct, frozen=True, kw_only=True):
    """How many pages there are."""

    page_count: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page; its trainings are decoded one by one, so that a bad one spoils no other."""

    data: list[msgspec.Raw]
    pagination: Pagination


_PAGE: Final = msgspec.json.Decoder(Page)
_FORMATION: Final = msgspec.json.Decoder(Formation, strict=False)


class TrainingsAA:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """Every page; and every page again when their rows are not as many as were counted before and after."""
        seen: set[str] = set()
        async with _connected(kit) as client:
            counted = await _count(client)
            for _ in range(READINGS):
                if not counted:
                    raise UpstreamMalformed(client.name, "announces not one training")
                kit.notes.announced = counted
                shown: set[str] = set()
                read = 0
                async for raw in _pages(client):
                    read += 1
                    key, found = _read(raw, kit)
                    shown.add(key)
                    if key not in seen:
                        seen.add(key)
                        yield found
                before, counted = counted, await _count(client)
                kit.notes.announced = counted
                kit.notes.parts.append(Part(name="catalogue", announced=counted, read=read, distinct=len(shown)))
                if len(shown) == before == counted:
                    return
                kit.notes.remark("count_moved")
            if len(seen) < counted * ENOUGH:
                raise UpstreamMalformed(client.name, f"announces {counted} trainings and shows {len(seen)}")

    async def probe(self, kit: Kit) -> str:
        """The count alone."""
        async with _connected(kit) as client:
            return f"{await _count(client)} trainings announced"


def _connected(kit: Kit) -> Client:
    return connected(kit, rate_per_s=kit.settings.api_apprentissage_rate_per_s)


async def _count(client: Client) -> int:
    """How many trainings there are: as many as pages of one training."""
    return (await _page(client, 0, 1)).pagination.page_count


async def _pages(client: Client) -> AsyncIterator[msgspec.Raw]:
    number, pages = 0, 1
    while number < pages:
        page = await _page(client, number, PAGE)
        pages = page.pagination.page_count
        number += 1
        for raw in page.data:
            yield raw


async def _page(client: Client, number: int, size: int) -> Page:
    reply = await client.get(SEARCH, {"page_size": str(size), "page_index": str(number)})
    try:
        return read_page(reply.body, _PAGE)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(client.name, f"sends a page of trainings that cannot be read: {error}") from error


def _read(raw: msgspec.Raw, kit: Kit) -> tuple[str, Entry | Rejection]:
    """A training with its key; one that has none, or cannot be read, is told from others by all that it says."""
    try:
        formation = read_row(raw, _FORMATION, kit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return hashlib.blake2b(raw, digest_size=16).hexdigest(), reject("unreadable", None, str(error))
    key = (formation.identifiant.cle_ministere_educatif or "").strip()
    return key or hashlib.blake2b(raw, digest_size=16).hexdigest(), to_entry(formation, kit)


def to_entry(formation: Formation, kit: Kit) -> Entry | Rejection:
    """The card of a training and everything else that it says, or why it is none."""
    key = (formation.identifiant.cle_ministere_educatif or "").strip()
    if not key or len(key) > _LONGEST_KEY or not key.isprintable():
        return reject("id_missing", key)
    status = formation.statut.catalogue
    if fold(status) != _PUBLISHED:
        return reject("unpublished", key, status or "")
    sessions = sessions_of(formation)
    years = {str(session.start.year) for session in sessions}
    if not years & set(current_tags(kit.now)):
        return reject("session_past", key, ", ".join(sorted(years)))
    certification = formation.certification.valeur
    if certification is None:
        return reject("no_rome", key, "certification inconnue")
    told = certification.intitule
    titles = (told.cfd.long, told.cfd.court) if told.cfd else ()
    title = next((found for found in map(line, (*titles, told.rncp)) if found), None)
    if title is None:
        return reject("title_missing", key)
    codes = certification.domaines.rome.rncp if certification.domaines and certification.domaines.rome else None
    asked = [each.code for each in codes or () if each.code]
    if not asked:
        return reject("no_rome", key)
    romes = kit.known_romes(asked)
    if not romes:
        return reject("rome_unknown", key, ", ".join(asked[:5]))
    placed = _placed(formation, kit)
    if placed is None:
        return reject("place_unknown", key)
    kit.notes.remark(placed.repaired)
    school, manager = formation.formateur.organisme, formation.responsable.organisme
    session = next_session(sessions, kit.now)
    street = formation.lieu.adresse.label if formation.lieu.adresse else None
    card = Card(
        id=key,
        kind=DECLARATION.kind,
        title=title,
        organisation=Organisation(name=_name(school) or _name(manager), siret=_siret(school) or _siret(manager)),
        place=placed.place,
        romes=romes,
        source=SourceName(name=DECLARATION.name, label=DECLARATION.label),
        reasons=(),
        level=_level(told.niveau),
        diploma=line(told.niveau.cfd.libelle) if told.niveau and told.niveau.cfd else None,
        contract=("apprentissage",),
        duration=duration_of(session or sessions[-1], _years(formation)),
        starts_on=session.start.isoformat() if session else None,
        remote=_is_remote(formation),
        url=page_of(key, title),
    )
    kit.notes.schools.update(filter(None, (_siret(school), _siret(manager))))
    return Entry(
        card=card,
        facts=tuple(filled(_facts(formation, certification, sessions, kit))),
        twin="|".join(
            fold(field)
            for field in (title, _siret(school) or _siret(manager), placed.place.insee, placed.place.postcode, street)
        ),
        street="" if placed.repaired == "place_of_school" else line(street) or "",
    )


def sessions_of(formation: Formation) -> list[Session]:
    """The sessions, the earliest first; an end before its start is none."""
    found: set[Session] = set()
    for term in formation.sessions or ():
        start, end = day_of(term.debut), day_of(term.fin)
        if start is not None:
            found.add(Session(start=start, end=end if end and end >= start else None))
    return sorted(found, key=lambda session: (session.start, session.end or date.max))


def _placed(formation: Formation, kit: Kit) -> Placed | None:
    """The training place; where the row has none, the school's; a training at a distance may have neither."""
    point = formation.lieu.geolocalisation.coordinates if formation.lieu.geolocalisation else None
    longitude, latitude = point if point and len(point) == 2 else (None, None)
    there = kit.placing.place(_whereabouts(formation.lieu.adresse, latitude, longitude))
    if there is not None:
        return there
    for role in (formation.formateur, formation.responsable):
        establishment = role.organisme.etablissement if role.organisme else None
        school = kit.placing.place(_whereabouts(establishment.adresse if establishment else None))
        if school is not None:
            return Placed(place=school.place, repaired="place_of_school")
    if _is_remote(formation):
        return Placed(place=CardPlace(label="À distance", precision="country"))
    return None


def _whereabouts(told: Address | None, latitude: float | None = None, longitude: float | None = None) -> Whereabouts:
    commune = (told.commune if told else None) or Commune()
    return Whereabouts(
        latitude=latitude,
        longitude=longitude,
        insee=commune.code_insee,
        postcode=told.code_postal if told else None,
        name=commune.nom,
    )


def _is_remote(formation: Formation) -> bool:
    return formation.modalite is not None and formation.modalite.entierement_a_distance is True


def _name(school: Organism | None) -> str | None:
    if school is None:
        return None
    sign = line(school.etablissement.enseigne) if school.etablissement else None
    return sign or (line(school.unite_legale.raison_sociale) if school.unite_legale else None)


def _siret(school: Organism | None) -> str | None:
    """It is compared, never looked up."""
    told = school.identifiant.siret if school and school.identifiant else None
    return told if told and _SIRET.fullmatch(told) else None


def _level(told: Level | None) -> int | None:
    """By the diploma, else by the RNCP sheet."""
    levels = (told.cfd.europeen if told and told.cfd else None, told.rncp.europeen if told and told.rncp else None)
    return next((int(level) for level in levels if level in _LEVELS), None)


def _years(formation: Formation) -> int | None:
    told = formation.modalite.duree_indicative if formation.modalite else None
    return int(told) if told and 1 <= told <= _LONGEST_YEARS else None


def _facts(formation: Formation, certification: Certification, sessions: Sequence[Session], kit: Kit) -> Iterable[Fact]:
    """What is said of the training, in the order of a detail page."""
    content = formation.contenu_educatif or Content()
    titles = certification.intitule
    school, manager = formation.formateur.organisme, formation.responsable.organisme
    yield said("objective", "Objectif", content.objectif)
    yield said("content", "Contenu", content.contenu)
    yield said("diploma", "Diplôme", titles.niveau.cfd.libelle if titles.niveau and titles.niveau.cfd else None)
    yield listed("sessions", "Sessions", [str(session) for session in sessions])
    yield answered("remote", "Entièrement à distance", _is_remote(formation) if formation.modalite else None)
    yield said("address", "Lieu de formation", _address(formation.lieu.adresse))
    yield said("school", "Organisme formateur", _name(school))
    yield said("school_address", "Adresse de l'organisme formateur", _address_of(school))
    yield said("school_uai", "UAI de l'organisme formateur", _uai(school))
    yield said("manager", "Organisme responsable", _name(manager))
    yield said("manager_address", "Adresse de l'organisme responsable", _address_of(manager))
    numbers = certification.identifiant
    yield said("rncp", "Certification (RNCP)", ", ".join(part for part in (numbers.rncp, titles.rncp) if part))
    yield said("cfd", "Code formation diplôme", numbers.cfd)
    codes = certification.domaines.rome.rncp if certification.domaines and certification.domaines.rome else None
    labels = [kit.occupations.label(each.code.strip().upper()) for each in codes or () if each.code]
    yield listed("occupations", "Métiers préparés", labels)
    yield linked("onisep", "Fiche Onisep", formation.onisep.url if formation.onisep else None)
    yield said("reference", "Référence au catalogue", formation.identifiant.cle_ministere_educatif)


def _uai(school: Organism | None) -> str | None:
    return school.identifiant.uai if school and school.identifiant else None


def _address_of(school: Organism | None) -> str | None:
    return _address(school.etablissement.adresse) if school and school.etablissement else None


def _address(told: Address | None) -> str | None:
    if told is None:
        return None
    return address_of(told.label, None, told.code_postal, told.commune.nom if told.commune else None)
