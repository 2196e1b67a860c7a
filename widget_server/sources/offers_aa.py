"""Offers of apprenticeship contracts from the export of API Apprentissage: those of La bonne alternance and partners.

Rows of France Travail are the same offers as those of the source `offers`, under the same ids, and under the same
licence. Where both sources are expected, France Travail's own is the fresher: the export's rows are left to it.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Final

from widget_server.domain.cards import Card, Declaration, Duration, Entry, Fact, Organisation, Rejection, SourceName
from widget_server.domain.duplicates import twin_key, worth
from widget_server.domain.errors import UpstreamMalformed
from widget_server.snapshot.manifest import Part
from widget_server.sources.kit.apprentissage import (
    FRANCE_TRAVAIL,
    HOME,
    LABEL,
    NAME,
    PARTNERS,
    RECRUITERS,
    Location,
    Row,
    Tally,
    Workplace,
    export_day,
    exported,
    split_address,
    whereabouts,
)
from widget_server.sources.kit.facts import filled, linked, listed, said
from widget_server.sources.kit.licences import FRANCE_TRAVAIL_OFFERS
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.rules import WITH_TRAINING, Record, contract_of
from widget_server.sources.kit.source import PARIS, Kit, instant, paris_day, sortable
from widget_server.sources.kit.text import line, link

DIRECT: Final = "offers"
"""The source that reads the offers of France Travail from itself."""

_DETAIL: Final = "https://candidat.francetravail.fr/offres/recherche/detail/{id}"
_LEVELS: Final = frozenset({"3", "4", "5", "6", "7"})
_ACTIVE: Final = "active"
_LONGEST_MONTHS: Final = 60
_ID: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,120}")
_FRANCE_TRAVAIL_ID: Final = re.compile(r"[0-9A-Za-z-]{1,20}")
_OWN: Final = "offres_emploi_lba"
_REMOTE: Final[Mapping[str, str]] = {
    "onsite": "Sur place",
    "hybrid": "En partie à distance",
    "remote": "À distance",
}

DECLARATION: Final = Declaration(
    name="offers-aa",
    kind="offer",
    label=LABEL,
    home_url=HOME,
    attribution=(
        "Source : La bonne alternance / API Apprentissage, offres du {date}. Celles de France Travail sont réutilisées"
        " sous la licence Offres d'emploi."
    ),
    licence_url=FRANCE_TRAVAIL_OFFERS,
    method=(
        "Toutes les offres d'apprentissage et de professionnalisation du fichier quotidien de La bonne alternance,"
        " qu'elle les ait reçues elle-même ou de ses partenaires, dont France Travail. Sont écartées celles qui ont"
        " expiré, qui sont pourvues ou annulées, dont le métier n'est pas reconnu, ou dont l'employeur relève de"
        " l'enseignement (division 85 de la NAF). Une offre publiée par un centre de formation pour une entreprise est"
        " montrée comme telle, au lieu de l'entreprise et sans l'adresse du centre. Aucun téléphone n'est lu."
    ),
    level_role="target",
)


class OffersAA:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """The rows of the export that are offers; rows of France Travail only where nobody else brings them."""
        direct = DIRECT in dict(kit.settings.expected_sources())
        partners = Tally()
        read = 0
        async with aclosing(exported(kit)) as found:
            async for each in found:
                partners.count(each.partner)
                if each.partner == RECRUITERS:
                    continue
                if direct and each.partner == FRANCE_TRAVAIL:
                    kit.notes.remark("left_to_france_travail")
                    continue
                read += 1
                yield to_entry(each.row, kit) if each.row else reject("unreadable", None, each.problem)
        if not read and not partners.counts:
            raise UpstreamMalformed(NAME, "sends an export without a single row")
        kit.notes.announced = read
        kit.notes.parts += [
            Part(name=name, announced=count, read=count, distinct=count) for name, count in partners.counts.items()
        ]

    async def probe(self, kit: Kit) -> str:
        """The day of the export."""
        return f"the export is of {await export_day(kit)}"


def to_entry(row: Row, kit: Kit) -> Entry | Rejection:
    """The card of an offer and everything else that it says, or why it is none."""
    partner = line(row.identifier.partner_label)
    number = (row.identifier.partner_job_id or "").strip()
    is_france_travail = partner == FRANCE_TRAVAIL
    if partner is None or not (_FRANCE_TRAVAIL_ID if is_france_travail else _ID).fullmatch(number):
        return reject("id_missing", number)
    card_id = f"ft:{number}" if is_france_travail else f"{partner}:{number}"
    offer, workplace, delegated = row.offer, row.workplace, row.is_delegated is True
    title = line(offer.title)
    if title is None:
        return reject("title_missing", card_id)
    if (offer.status or "").strip().casefold() != _ACTIVE:
        return reject("not_active", card_id, offer.status or "")
    verdict = kit.hygiene.judge(_record(row, card_id, title, kit))
    if verdict.rejection is not None:
        return verdict.rejection
    asked = [code for code in offer.rome_codes or () if code]
    if not asked:
        return reject("no_rome", card_id)
    romes = kit.known_romes(asked)
    if not romes:
        return reject("rome_unknown", card_id, ", ".join(asked[:5]))
    told = whereabouts(workplace.location, delegated=delegated)
    placed = kit.placing.place(told)
    if placed is None or placed.repaired == "place_unknown":  # a street without a town is nowhere
        return reject("place_unknown" if told.latitude is None else "place_outside", card_id)
    kit.notes.remark(placed.repaired)
    name = None if delegated else _employer(workplace)
    siret = None if delegated else _siret(workplace.siret)
    created = instant(offer.publication.creation) if offer.publication else None
    place = placed.place
    street, _, _ = split_address(workplace.location.address if workplace.location else None)
    source = FRANCE_TRAVAIL if is_france_travail else PARTNERS.get(partner, partner)
    card = Card(
        id=card_id,
        kind=DECLARATION.kind,
        title=title,
        organisation=Organisation(
            name=name,
            siret=siret,
            sector=_sector(workplace, kit),
            headcount=None if delegated else _headcount(workplace.size),
        ),
        place=place,
        romes=romes,
        source=SourceName(
            name=DECLARATION.name, label=source if source == DECLARATION.label else f"{source} (par {LABEL})"
        ),
        reasons=(),
        level=_level(row),
        diploma=line(offer.target_diploma.label) if offer.target_diploma else None,
        contract=tuple(dict.fromkeys(filter(None, map(contract_of, row.contract.type or ())))),
        duration=_duration(row.contract.duration),
        starts_on=_start(row.contract.start, kit.now),
        published_on=paris_day(created),
        remote=row.contract.remote == "remote",
        flags=(WITH_TRAINING,) if delegated else (),
        url=_DETAIL.format(id=number) if is_france_travail else link(row.apply.url),
        apply_url=link(row.apply.url),
    )
    entry = Entry(
        card=card,
        facts=tuple(filled(_facts(row, card, delegated=delegated, is_france_travail=is_france_travail))),
        newest=sortable(created),
        twin=twin_key(name, place.insee or place.postcode or place.label, asked[0], title),
        preferred=worth(
            partner=partner,
            own=partner == _OWN,
            siret=siret is not None,
            text=bool(offer.description),
            diploma=card.level is not None,
            site=link(workplace.website) is not None,
        ),
        partner=source,
        street="" if delegated else street or "",
    )
    return verdict.on(entry)


def _record(row: Row, card_id: str, title: str, kit: Kit) -> Record:
    """What the rules of hygiene look at."""
    offer, workplace = row.offer, row.workplace
    naf = workplace.domain.naf if workplace.domain else None
    return Record(
        id=card_id,
        title=title,
        text=offer.description,
        company=_employer(workplace),
        siret=_siret(workplace.siret),
        naf=naf.code if naf else None,
        contracts=tuple(row.contract.type or ()),
        romes=tuple(code for code in offer.rome_codes or () if code),
        delegated=row.is_delegated is True,
        expires=instant(offer.publication.expiration) if offer.publication else None,
        now=kit.now,
    )


def _employer(workplace: Workplace) -> str | None:
    return line(workplace.brand) or line(workplace.name) or line(workplace.legal_name)


def _level(row: Row) -> int | None:
    told = row.offer.target_diploma.european if row.offer.target_diploma else None
    return int(told) if told in _LEVELS else None


def _duration(told: float | None) -> Duration | None:
    return Duration(months=int(told)) if told and 1 <= told <= _LONGEST_MONTHS else None


def _start(told: str | None, now: datetime) -> str | None:
    """The day on which the contract starts; one that is past says nothing to a candidate."""
    start = instant(told)
    return paris_day(start) if start and start.astimezone(PARIS).date() >= now.astimezone(PARIS).date() else None


def _siret(told: str | None) -> str | None:
    """Fourteen digits as the source gives them: it is compared, never looked up."""
    digits = (told or "").replace(" ", "")
    return digits if len(digits) == 14 and digits.isascii() and digits.isdigit() and int(digits) else None


def _sector(workplace: Workplace, kit: Kit) -> str | None:
    naf = workplace.domain.naf if workplace.domain else None
    if naf is None:
        return None
    return (kit.naf.label(naf.code.strip()) if naf.code else None) or line(naf.label)


def _headcount(told: str | None) -> str | None:
    size = line(told)
    return f"{size} salariés" if size and re.fullmatch(r"\d+\s*-\s*\d+", size) else size


def _facts(row: Row, card: Card, *, delegated: bool, is_france_travail: bool) -> Iterable[Fact]:
    """Everything received, in the order of a detail page."""
    offer, workplace = row.offer, row.workplace
    yield said("description", "Description de l'offre", offer.description)
    yield listed("contract", "Nature du contrat", [name.capitalize() for name in card.contract])
    yield said("posts", "Nombre de postes", str(offer.opening_count) if offer.opening_count else None)
    yield said("working_place", "Présence", _REMOTE.get(row.contract.remote or ""))
    yield said("diploma", "Diplôme préparé", offer.target_diploma.label if offer.target_diploma else None)
    yield listed("skills", "Compétences attendues", offer.desired_skills or ())
    yield listed("acquired_skills", "Compétences acquises pendant le contrat", offer.to_be_acquired_skills or ())
    yield listed("conditions", "Conditions d'accès", offer.access_conditions or ())
    if delegated:
        yield said("published_by", "Publiée par un centre de formation", _employer(workplace))
    else:
        yield said("company", "Entreprise", workplace.description)
        yield said("legal_name", "Raison sociale", workplace.legal_name)
        yield linked("company_site", "Site de l'entreprise", workplace.website)
        yield said("sector", "Secteur d'activité", card.organisation.sector)
        yield said("headcount", "Effectif", card.organisation.headcount)
        yield said("workplace", "Lieu de travail", _address(workplace.location))
    expiration = instant(offer.publication.expiration) if offer.publication else None
    yield said("expires", "Expire le", f"{expiration.astimezone(PARIS):%d/%m/%Y}" if expiration else None)
    yield linked("apply", "Postuler", row.apply.url)
    yield said("brought_by", "Transmise par", card.source.label)
    if is_france_travail:
        yield linked("licence", "Licence Offres d'emploi de France Travail", FRANCE_TRAVAIL_OFFERS)
    yield said("reference", "Référence de l'offre", row.identifier.partner_job_id)


def _address(told: Location | None) -> str | None:
    return told.address if told else None
