"""Trainings by apprenticeship from the Carif-Oref catalogue: counted, then read as one streamed array."""

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import date, datetime, timedelta
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
from widget_server.sources.kit.facts import answered, filled, linked, listed, said
from widget_server.sources.kit.placing import Placed, Whereabouts
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.rows import read_row
from widget_server.sources.kit.sessions import (
    Session,
    address_of,
    current_tags,
    day_of,
    duration_of,
    next_session,
    page_of,
)
from widget_server.sources.kit.source import Kit, instant, paris_day, sortable
from widget_server.sources.kit.text import fold, line
from widget_server.upstream.arrays import elements
from widget_server.upstream.client import Client

COUNT: Final = "/api/v1/entity/formations/count"
STREAM: Final = "/api/v1/entity/formations.json"
TOLERANCE: Final = 0.01
"""How far the rows received may be from the count: the catalogue may change between the two calls."""
CAP_BYTES: Final = 4 << 30
PATIENCE_S: Final = 60.0
"""At least this long between two pieces of the stream: the catalogue is slow to start."""

_LEVEL: Final = re.compile(r"([3-7]) \(")
_COORDINATES: Final = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*")
_RNCP: Final = re.compile(r"RNCP\d{2,5}")
_KEY: Final = re.compile(r"\d{6}P\d{4}\d{14}\d{14}-[0-9A-Z]{5}#L[0-9A-Z]{2}")
_SIRET: Final = re.compile(r"[0-9]{14}")
_YEAR: Final = timedelta(days=365)


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """How long a training takes, in years, as text."""

    duree: str | None = None
    annee: str | None = None


class Mef(msgspec.Struct, frozen=True, kw_only=True):
    """One way through the training in the ministry's nomenclature."""

    modalite: Stay | None = None


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the catalogue, as far as we read it. Telephones and e-mail addresses are not asked for."""

    cle_ministere_educatif: str | None = None
    intitule_long: str | None = None
    intitule_court: str | None = None
    intitule_rco: str | None = None
    niveau: str | None = None
    diplome: str | None = None
    cfd: str | None = None
    rncp_code: str | None = None
    rncp_intitule: str | None = None
    rome_codes: list[str | None] | None = None
    lieu_formation_adresse: str | None = None
    lieu_formation_geo_coordonnees: str | None = None
    lieu_formation_geo_coordonnees_computed: str | None = None
    code_postal: str | None = None
    localite: str | None = None
    code_commune_insee: str | None = None
    etablissement_formateur_siret: str | None = None
    etablissement_formateur_enseigne: str | None = None
    etablissement_formateur_entreprise_raison_sociale: str | None = None
    etablissement_formateur_uai: str | None = None
    etablissement_formateur_adresse: str | None = None
    etablissement_formateur_complement_adresse: str | None = None
    etablissement_formateur_localite: str | None = None
    etablissement_formateur_code_postal: str | None = None
    etablissement_gestionnaire_siret: str | None = None
    etablissement_gestionnaire_entreprise_raison_sociale: str | None = None
    etablissement_gestionnaire_adresse: str | None = None
    etablissement_gestionnaire_localite: str | None = None
    etablissement_gestionnaire_code_postal: str | None = None
    onisep_url: str | None = None
    date_debut: list[str | None] | None = None
    date_fin: list[str | None] | None = None
    modalites_entrees_sorties: list[bool | None] | None = None
    entierement_a_distance: bool | None = None
    tags: list[str | int | None] | None = None
    bcn_mefs_10: list[Mef] | None = None
    duree: str | None = None
    objectif: str | None = None
    contenu: str | None = None
    last_update_at: str | None = None
    published: bool | None = None
    catalogue_published: bool | None = None


_TRAINING: Final = msgspec.json.Decoder(Training, strict=False)
_COUNT: Final = msgspec.json.Decoder(int)

DECLARATION: Final = Declaration(
    name="trainings",
    kind="training",
    label="Réseau des Carif-Oref",
    home_url="https://labonnealternance.apprentissage.beta.gouv.fr",
    attribution="Réseau des Carif-Oref, catalogue des formations en apprentissage, {date}",
    method=(
        "Toutes les formations publiées au catalogue, dont une session appartient à l'année scolaire en cours ou aux"
        " suivantes. Une formation proposée en plusieurs lieux reste plusieurs formations ; deux fiches de même"
        " intitulé, même diplôme, même établissement et même lieu n'en font qu'une."
    ),
    level_role="target",
)


class Trainings:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """Count, then stream; the two must agree within 1 %.

        A little more than the count is asked for, so that trainings published meanwhile are not left out.
        """
        query = msgspec.json.encode(query_of(kit.now)).decode()
        async with _connected(kit) as client:
            announced = await _count(client, query)
            if announced <= 0:
                raise UpstreamMalformed(client.name, f"announces {announced} trainings")
            kit.notes.announced = announced
            asked = {
                "query": query,
                "limit": str(announced + _margin(announced) + 1),
                "select": msgspec.json.encode(dict.fromkeys(Training.__struct_fields__, 1)).decode(),
            }
            received = 0
            async with client.stream(STREAM, asked, cap_bytes=CAP_BYTES) as body:
                async for element in elements(body.pieces, client.name):
                    received += 1
                    yield _read(element, kit)
            if abs(received - announced) > _margin(announced):
                raise UpstreamMalformed(client.name, f"announces {announced} trainings and sends {received}")
            kit.notes.parts.append(Part(name="catalogue", announced=announced, read=received, distinct=received))

    async def probe(self, kit: Kit) -> str:
        """The count alone."""
        async with _connected(kit) as client:
            return f"{await _count(client, msgspec.json.encode(query_of(kit.now)).decode())} trainings announced"


def _connected(kit: Kit) -> Client:
    return kit.connect(
        "Carif-Oref",
        kit.settings.carif_oref_url,
        rate_per_s=kit.settings.carif_oref_rate_per_s,
        patience_s=PATIENCE_S,
    )


async def _count(client: Client, query: str) -> int:
    reply = await client.get(COUNT, {"query": query})
    try:
        return _COUNT.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(client.name, "sends a count that is not a number") from error


def query_of(now: datetime) -> dict[str, object]:
    """The catalogue's filter: published in both senses, with a session of a current school year."""
    return {"published": True, "catalogue_published": True, "tags": {"$in": list(current_tags(now))}}


def _margin(announced: int) -> int:
    return max(1, int(announced * TOLERANCE))


def _read(element: bytes, kit: Kit) -> Entry | Rejection:
    try:
        training = read_row(element, _TRAINING, kit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return reject("unreadable", None, str(error))
    return to_entry(training, kit)


def to_entry(training: Training, kit: Kit) -> Entry | Rejection:
    """The card of a training and everything else that it says, or why it is none."""
    key = (training.cle_ministere_educatif or "").strip()
    if not key or len(key) > 200 or not key.isprintable():
        return reject("id_missing", key)
    if not (training.published and training.catalogue_published):
        return reject("unpublished", key)
    if not set(current_tags(kit.now)) & {str(tag) for tag in training.tags or ()}:
        return reject("session_past", key, ", ".join(str(tag) for tag in training.tags or ()))
    title = line(training.intitule_long) or line(training.intitule_court) or line(training.intitule_rco)
    if title is None:
        return reject("title_missing", key)
    asked = [code for code in training.rome_codes or () if code]
    if not asked:
        return reject("no_rome", key)
    romes = kit.known_romes(asked)
    if not romes:
        return reject("rome_unknown", key, ", ".join(asked))
    placed = _placed(training, kit)
    if placed is None:
        return reject("place_unknown", key)
    kit.notes.remark(placed.repaired)
    if not _KEY.fullmatch(key):
        kit.notes.remark("key_unusual")
    level = _level(training.niveau)
    if level is None and training.niveau:
        kit.notes.remark("level_unknown")
    sessions = sessions_of(training)
    session = next_session(sessions, kit.now)
    updated = instant(training.last_update_at)
    card = Card(
        id=key,
        kind=DECLARATION.kind,
        title=title,
        organisation=Organisation(
            name=line(training.etablissement_formateur_enseigne)
            or line(training.etablissement_formateur_entreprise_raison_sociale)
            or line(training.etablissement_gestionnaire_entreprise_raison_sociale),
            siret=_siret(training),
        ),
        place=placed.place,
        romes=romes,
        source=SourceName(name=DECLARATION.name, label=DECLARATION.label),
        reasons=(),
        level=level,
        diploma=line(training.diplome),
        contract=("apprentissage",),
        duration=duration_of(session or (sessions[-1] if sessions else None), _years(training)),
        starts_on=session.start.isoformat() if session else None,
        updated_on=paris_day(updated),
        remote=training.entierement_a_distance is True,
        url=page_of(key, title),
    )
    for number in (training.etablissement_formateur_siret, training.etablissement_gestionnaire_siret):
        if number and re.fullmatch(r"[0-9]{14}", number):
            kit.notes.schools.add(number)
    return Entry(
        card=card,
        facts=tuple(filled(_facts(training, sessions, kit))),
        newest=sortable(updated),
        twin=_twin(training, placed.place),
        street="" if placed.repaired == "place_of_school" else line(training.lieu_formation_adresse) or "",
    )


def _twin(training: Training, place: CardPlace) -> str:
    """The catalogue's own five fields, and the place: the same training in another place is another training."""
    fields = (
        training.intitule_long,
        training.intitule_court,
        _siret(training) or training.etablissement_formateur_entreprise_raison_sociale,
        training.diplome,
        training.code_postal,
        place.insee,
        training.lieu_formation_adresse,
    )
    return "|".join(fold(field) for field in fields)


def _siret(training: Training) -> str | None:
    """The school's, else that of the school responsible; it is compared, never looked up."""
    told = (training.etablissement_formateur_siret, training.etablissement_gestionnaire_siret)
    return next((siret for siret in told if siret and _SIRET.fullmatch(siret)), None)


def _level(niveau: str | None) -> int | None:
    """ "5 (BTS, DEUST...)" -> 5."""
    match = _LEVEL.match(niveau or "")
    return int(match[1]) if match else None


def _placed(training: Training, kit: Kit) -> Placed | None:
    """The training place; where the row has none, the school's; a training at a distance may have neither."""
    latitude, longitude = _point(training)
    there = kit.placing.place(
        Whereabouts(
            latitude=latitude,
            longitude=longitude,
            insee=training.code_commune_insee,
            postcode=training.code_postal,
            name=training.localite,
        )
    )
    if there is not None:
        return there
    for postcode, name in (
        (training.etablissement_formateur_code_postal, training.etablissement_formateur_localite),
        (training.etablissement_gestionnaire_code_postal, training.etablissement_gestionnaire_localite),
    ):
        school = kit.placing.place(Whereabouts(postcode=postcode, name=name))
        if school is not None:
            return Placed(place=school.place, repaired="place_of_school")
    if training.entierement_a_distance:
        return Placed(place=CardPlace(label="À distance", precision="country"))
    return None


def sessions_of(training: Training) -> list[Session]:
    """The sessions, the earliest first. Their three arrays may differ in length or order.

    Arrays of one length are taken side by side; where that would end a session before it begins, or where the starts
    are in no order, both are sorted first. Otherwise each start is given the end whose distance is nearest to the usual
    length of this training. Both as the catalogue's other readers do.
    """
    starts = [day_of(told) for told in training.date_debut or ()]
    ends = [day_of(told) for told in training.date_fin or ()]
    entries = [entry is True for entry in training.modalites_entrees_sorties or ()]
    if len(entries) != len(starts):
        entries = [bool(entries) and all(entries)] * len(starts)
    known = sorted(end for end in ends if end is not None)
    begun = sorted((start, entry) for start, entry in zip(starts, entries, strict=True) if start is not None)
    as_told = zip(starts, ends, entries, strict=False)
    in_turn = [(start, end, entry) for (start, entry), end in zip(begun, known, strict=False)]
    if (
        len(starts) == len(ends)
        and starts == [start for start, _ in begun]
        and _in_time(zip(starts, ends, strict=True))
    ):
        found = {Session(start=start, end=end, open_entry=entry) for start, end, entry in as_told if start is not None}
    elif len(begun) == len(known) and _in_time((start, end) for start, end, _ in in_turn):
        found = {Session(start=start, end=end, open_entry=entry) for start, end, entry in in_turn}
    else:
        usual = _usual(training)
        found = {
            Session(start=start, end=_nearest_end(start, known, usual), open_entry=entry) for start, entry in begun
        }
    return sorted(found, key=lambda session: (session.start, session.end or date.max, session.open_entry))


def _in_time(pairs: Iterable[tuple[date | None, date | None]]) -> bool:
    """Whether no session ends before it begins."""
    return all(start is None or end is None or start <= end for start, end in pairs)


def _nearest_end(start: date, ends: Sequence[date], usual: timedelta) -> date | None:
    later = [end for end in ends if end > start]
    return min(later, key=lambda end: (abs(end - start - usual), end), default=None)


def _usual(training: Training) -> timedelta:
    return _YEAR * (_years(training) or 1)


def _years(training: Training) -> int | None:
    """The length in years, which the catalogue keeps as text, sometimes "X"."""
    stays = [mef.modalite.duree for mef in training.bcn_mefs_10 or () if mef.modalite]
    told = next((duree for duree in (*stays, training.duree) if duree and duree.isascii() and duree.isdigit()), None)
    return int(told) if told and 0 < int(told) <= 6 else None


def _point(training: Training) -> tuple[float | None, float | None]:
    """Latitude and longitude out of "48.11,-1.68"; the catalogue's own geocoding where the school gave none."""
    for told in (training.lieu_formation_geo_coordonnees, training.lieu_formation_geo_coordonnees_computed):
        match = _COORDINATES.fullmatch(told or "")
        if match:
            return float(match[1]), float(match[2])
    return None, None


def _facts(training: Training, sessions: Sequence[Session], kit: Kit) -> Iterable[Fact]:
    """What the catalogue says of the training, in the order of a detail page."""
    yield said("objective", "Objectif", training.objectif)
    yield said("content", "Contenu", training.contenu)
    yield said("diploma", "Diplôme", training.diplome)
    yield said("level", "Niveau", training.niveau)
    yield listed("sessions", "Sessions", [str(session) for session in sessions])
    yield answered("remote", "Entièrement à distance", training.entierement_a_distance)
    yield listed(
        "address",
        "Lieu de formation",
        [address_of(training.lieu_formation_adresse, None, training.code_postal, training.localite)],
    )
    yield said("school", "Organisme formateur", training.etablissement_formateur_entreprise_raison_sociale)
    yield said(
        "school_address",
        "Adresse de l'organisme formateur",
        address_of(
            training.etablissement_formateur_adresse,
            training.etablissement_formateur_complement_adresse,
            training.etablissement_formateur_code_postal,
            training.etablissement_formateur_localite,
        ),
    )
    yield said("school_uai", "UAI de l'organisme formateur", training.etablissement_formateur_uai)
    yield said("manager", "Organisme responsable", training.etablissement_gestionnaire_entreprise_raison_sociale)
    yield said(
        "manager_address",
        "Adresse de l'organisme responsable",
        address_of(
            training.etablissement_gestionnaire_adresse,
            None,
            training.etablissement_gestionnaire_code_postal,
            training.etablissement_gestionnaire_localite,
        ),
    )
    rncp = training.rncp_code if _RNCP.fullmatch(training.rncp_code or "") else None
    yield said("rncp", "Certification (RNCP)", ", ".join(part for part in (rncp, training.rncp_intitule) if part))
    yield said("cfd", "Code formation diplôme", training.cfd)
    romes = [code for code in training.rome_codes or () if code]
    yield listed("occupations", "Métiers préparés", [kit.occupations.label(code) for code in romes])
    yield linked("onisep", "Fiche Onisep", training.onisep_url)
    yield said("reference", "Référence au catalogue", training.cle_ministere_educatif)
