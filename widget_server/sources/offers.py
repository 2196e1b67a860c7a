"""Offers of apprenticeship contracts from France Travail: from a row as it comes to a card. the harvest reads them."""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Final

import msgspec

from widget_server.domain.cards import (
    Card,
    Declaration,
    Duration,
    Entry,
    Fact,
    Organisation,
    Rejection,
    SourceName,
)
from widget_server.domain.duplicates import twin_key, worth
from widget_server.domain.errors import SettingError
from widget_server.sources.harvest.harvest import CONTRACTS, Harvest
from widget_server.sources.harvest.journal import Journal
from widget_server.sources.harvest.records import (
    Company,
    Contact,
    Context,
    Diploma,
    Labelled,
    Offer,
    Origin,
    Salary,
    Workplace,
)
from widget_server.sources.harvest.search import Search
from widget_server.sources.kit.facts import answered, filled, linked, listed, said
from widget_server.sources.kit.licences import FRANCE_TRAVAIL_OFFERS
from widget_server.sources.kit.placing import Whereabouts
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.rows import read_row
from widget_server.sources.kit.rules import Record, contract_of
from widget_server.sources.kit.source import Kit, instant, paris_day, sortable
from widget_server.sources.kit.text import fold, line, link, names_contact
from widget_server.upstream.client import Client, Credentials

DETAIL: Final = "https://candidat.francetravail.fr/offres/recherche/detail/{id}"

_LEVELS: Final[Mapping[str, int]] = {
    "cap bep et equivalent": 3,
    "3eme achevee ou brevet": 3,
    "2nd ou 1ere achevee": 3,
    "bac ou equivalent": 4,
    "bac 2 ou equivalent": 5,
    "bac 3 bac 4 ou equivalent": 6,
    "bac 5 et plus ou equivalent": 7,
}
_OWN: Final = "1"
"""The origin of what France Travail publishes itself; everything else comes from a partner."""
_REQUIRED: Final = "E"
_WANTED: Final[Mapping[str, str]] = {"E": " (exigé)", "S": " (souhaité)"}
_MONTHS: Final = re.compile(r"(\d+)\s*mois", re.IGNORECASE)
_LONGEST_MONTHS: Final = 60
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,20}")
_DEPARTEMENT: Final = re.compile(r"\s*(\d{2,3}|2[AB])\s*-\s", re.IGNORECASE)
"""What a label of a place begins with: "35 - RENNES"."""
_PERSON: Final = re.compile(r"\s*(?:m\.|mr\b|mme\b|mlle\b|monsieur\b|madame\b|mademoiselle\b)", re.IGNORECASE)
_MANGLED_RANGE: Final = re.compile(r"(?<=Euros)\s*(?:ï¿½|\ufffd)+\s*(?=\d)")
"""The "à" of "1600,00 Euros à 1800,00 Euros", which some rows lost to a wrong encoding."""


_OFFER: Final = msgspec.json.Decoder(Offer, strict=False)

DECLARATION: Final = Declaration(
    name="offers",
    kind="offer",
    label="France Travail",
    home_url="https://candidat.francetravail.fr/offres/emploi",
    attribution=(
        "Source : France Travail — offres mises à jour le {date}. Réutilisation soumise à la licence Offres d'emploi."
    ),
    licence_url=FRANCE_TRAVAIL_OFFERS,
    method=(
        "Toutes les offres d'apprentissage et de professionnalisation publiées par France Travail sont lues,"
        " département par département, puis sans lieu ; les règles qui en écartent sont énumérées ci-dessous."
        " Deux annonces de la même entreprise, dans la même commune, pour le même métier et sous le même intitulé n'en"
        " font qu'une, de même que deux annonces de partenaires différents dont les intitulés se ressemblent ; celle"
        " qui reste renvoie à l'autre. Une offre que France Travail ne montre plus est retirée à la lecture complète"
        " suivante. Les textes sont reproduits sans mise en forme ; les noms, téléphones et adresses électroniques n'y"
        " figurent pas."
    ),
    level_role="required",
)


class Offers:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """Bring the journal up to date, then everything that is in it."""
        client = _connected(kit)
        with Journal(kit.folder, kit.settings.france_travail_url) as journal:
            harvest = Harvest(Search(client), journal, kit, read_offer)
            async with client:
                await harvest.read()
            for row in harvest.rows():
                yield row

    async def probe(self, kit: Kit) -> str:
        """The national total, with a token of its own."""
        async with _connected(kit) as client:
            return f"{await Search(client).total(CONTRACTS)} offers announced"


def _connected(kit: Kit) -> Client:
    settings = kit.settings
    if not settings.france_travail_client_id or not settings.france_travail_client_secret:
        raise SettingError(
            "FRANCE_TRAVAIL_CLIENT_ID and FRANCE_TRAVAIL_CLIENT_SECRET are needed: each integrator has its own"
        )
    credentials = Credentials(
        token_url=settings.france_travail_token_url,
        client_id=settings.france_travail_client_id,
        client_secret=settings.france_travail_client_secret,
        scope=settings.france_travail_scope,
    )
    return kit.connect(
        "France Travail",
        settings.france_travail_url,
        rate_per_s=settings.france_travail_rate_per_s,
        credentials=credentials,
    )


def read_offer(raw: bytes, kit: Kit) -> tuple[Entry | Rejection, str | None]:
    """What a row becomes, as it came, and the département that it names: by its label, else where its card is."""
    try:
        offer = read_row(raw, _OFFER, kit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return reject("unreadable", None, str(error)), None
    outcome = to_entry(offer, kit)
    label = offer.lieu_travail.libelle if offer.lieu_travail else None
    named = _DEPARTEMENT.match(label or "")
    if named is not None:
        return outcome, named[1].upper()
    return outcome, outcome.card.place.departement if isinstance(outcome, Entry) else None


def to_entry(offer: Offer, kit: Kit) -> Entry | Rejection:
    """The card of an offer and everything else that it says, or why it is none."""
    if offer.id is None or not _ID.fullmatch(offer.id):
        return reject("id_missing", offer.id)
    card_id = f"ft:{offer.id}"
    title = line(offer.intitule)
    if title is None:
        return reject("title_missing", card_id)
    verdict = kit.hygiene.judge(_record(offer, card_id, title))
    if verdict.rejection is not None:
        return verdict.rejection
    if not offer.rome_code:
        return reject("no_rome", card_id)
    romes = kit.known_romes([offer.rome_code])
    if not romes:
        return reject("rome_unknown", card_id, offer.rome_code)
    placed = kit.placing.place(_whereabouts(offer.lieu_travail))
    if placed is None:
        unplaced = offer.lieu_travail is None or offer.lieu_travail.latitude is None
        return reject("place_unknown" if unplaced else "place_outside", card_id)
    kit.notes.remark(placed.repaired)
    company = offer.entreprise or Company()
    name = line(company.nom)
    created, updated = instant(offer.date_creation), instant(offer.date_actualisation)
    place = placed.place
    card = Card(
        id=card_id,
        kind=DECLARATION.kind,
        title=title,
        organisation=Organisation(
            name=name,
            siret=_siret(company.siret),
            sector=line(offer.secteur_activite_libelle) or _sector(offer.code_naf, kit),
            headcount=line(offer.tranche_effectif_etab),
        ),
        place=place,
        romes=romes,
        source=SourceName(name=DECLARATION.name, label=DECLARATION.label),
        reasons=(),
        level=level_of(offer.formations, kit),
        contract=tuple(filter(None, [contract_of(offer.nature_contrat)])),
        duration=duration_of(offer.type_contrat_libelle),
        published_on=paris_day(created),
        updated_on=paris_day(updated),
        flags=("handi",) if _is_handi(offer) else (),
        url=DETAIL.format(id=offer.id),
        apply_url=_apply_url(offer),
    )
    own = offer.origine_offre is not None and offer.origine_offre.origine == _OWN
    partner = DECLARATION.label if own else _partner(offer.origine_offre)
    entry = Entry(
        card=card,
        facts=tuple(filled(_facts(offer, kit))),
        newest=sortable(created),
        twin=twin_key(name, place.insee or place.postcode or place.label, offer.rome_code, title),
        preferred=worth(
            partner=partner,
            own=own,
            siret=card.organisation.siret is not None,
            text=bool(offer.description),
            diploma=card.level is not None,
            site=link(company.url) is not None,
        ),
        partner=partner,
    )
    return verdict.on(entry)


def _record(offer: Offer, card_id: str, title: str) -> Record:
    """What the rules of hygiene look at."""
    company = offer.entreprise or Company()
    return Record(
        id=card_id,
        title=title,
        text=offer.description,
        company=line(company.nom),
        siret=_siret(company.siret),
        naf=offer.code_naf,
        sector=offer.secteur_activite,
        contracts=(offer.nature_contrat,) if offer.nature_contrat else (),
        romes=(offer.rome_code,) if offer.rome_code else (),
    )


def _partner(told: Origin | None) -> str:
    """The partner of France Travail that publishes an offer."""
    names = [line(partner.nom) for partner in (told.partenaires if told else None) or ()]
    return next(filter(None, names), "Partenaire de France Travail")


def level_of(diplomas: list[Diploma] | None, kit: Kit) -> int | None:
    """The level asked for: the lowest of those required, else of those wished for; unknown labels are remarked."""
    required: list[int] = []
    wished: list[int] = []
    for diploma in diplomas or ():
        # Both "équivalent" and "équivalents" occur.
        label = re.sub(r"\bequivalents\b", "equivalent", fold(diploma.niveau_libelle))
        level = _LEVELS.get(label)
        if level is not None:
            (required if diploma.exigence == _REQUIRED else wished).append(level)
        elif label:
            kit.notes.remark("level_unknown")
    return min(required or wished, default=None)


def duration_of(label: str | None) -> Duration | None:
    """The months that a contract's label names."""
    match = _MONTHS.search(label or "")
    months = int(match[1]) if match and len(match[1]) <= 3 else 0
    return Duration(months=months) if 0 < months <= _LONGEST_MONTHS else None


def _whereabouts(told: Workplace | None) -> Whereabouts:
    if told is None:
        return Whereabouts()
    return Whereabouts(
        latitude=_degrees(told.latitude),
        longitude=_degrees(told.longitude),
        insee=told.commune,
        postcode=told.code_postal,
        label=told.libelle,
    )


def _degrees(told: float | str | None) -> float | None:
    try:
        return float(told) if told is not None else None
    except ValueError:
        return None


def _siret(told: str | None) -> str | None:
    """Fourteen digits as the source gives them: it is compared, never looked up."""
    digits = (told or "").replace(" ", "")
    return digits if len(digits) == 14 and digits.isascii() and digits.isdigit() and int(digits) else None


def _sector(naf: str | None, kit: Kit) -> str | None:
    return kit.naf.label(naf.strip()) if naf and naf.strip() else None


def _is_handi(offer: Offer) -> bool:
    adapted = offer.entreprise is not None and offer.entreprise.entreprise_adaptee
    return bool(offer.accessible_th or offer.employeur_handi_engage or offer.entreprise_adaptee or adapted)


def _apply_url(offer: Offer) -> str | None:
    """Where to apply: the recruiter's own form, else the first partner, else the page of origin."""
    origin = offer.origine_offre or Origin()
    partners = [link(partner.url) for partner in origin.partenaires or ()]
    candidates = [link(offer.contact.url_postulation) if offer.contact else None, *partners, link(origin.url_origine)]
    return next((url for url in candidates if url), None)


def _facts(offer: Offer, kit: Kit) -> Iterable[Fact]:
    """Everything received, in the order of a detail page."""
    company, salary = offer.entreprise or Company(), offer.salaire or Salary()
    context, contact, origin = (
        offer.contexte_travail or Context(),
        offer.contact or Contact(),
        offer.origine_offre or Origin(),
    )
    yield said("description", "Description de l'offre", offer.description)
    yield said("appellation", "Appellation du métier", offer.appellationlibelle)
    yield said("occupation", "Métier", offer.rome_libelle)
    yield said("nature", "Nature du contrat", offer.nature_contrat)
    yield said("contract", "Type de contrat", offer.type_contrat_libelle)
    yield said("posts", "Nombre de postes", str(offer.nombre_postes) if offer.nombre_postes else None)
    yield said("working_time", "Durée du travail", offer.duree_travail_libelle)
    yield said("working_time_kind", "Temps de travail", offer.duree_travail_libelle_converti)
    yield listed("hours", "Horaires", _list(context.horaires))
    yield listed("conditions", "Conditions de travail", _list(context.conditions_exercice))
    yield said("condition", "Condition d'exercice", offer.condition_exercice)
    yield said("complement", "Complément d'exercice", offer.complement_exercice)
    yield said("travel", "Déplacements", offer.deplacement_libelle)
    benefits = (complement.libelle for complement in salary.liste_complements or ())
    pay = (salary.libelle, salary.commentaire, salary.complement1, salary.complement2, *benefits)
    yield listed("salary", "Salaire", dict.fromkeys(_MANGLED_RANGE.sub(" à ", part) for part in pay if part))
    yield said("experience", "Expérience", offer.experience_libelle)
    yield said("experience_comment", "Précision sur l'expérience", offer.experience_commentaire)
    yield listed("diplomas", "Formation demandée", [_diploma(diploma) for diploma in offer.formations or ()])
    yield said("qualification", "Qualification", offer.qualification_libelle)
    yield listed("skills", "Compétences", [_labelled(item) for item in offer.competences or ()])
    yield listed("qualities", "Savoir-être", [_described(item) for item in offer.qualites_professionnelles or ()])
    yield listed("languages", "Langues", [_labelled(item) for item in offer.langues or ()])
    yield listed("licences", "Permis", [_labelled(item) for item in offer.permis or ()])
    yield listed("software", "Logiciels", _list(offer.outils_bureautiques))
    yield said("company", "Entreprise", company.description)
    yield linked("company_site", "Site de l'entreprise", company.url)
    yield linked("logo", "Logo", company.logo)
    sector = offer.secteur_activite_libelle or _sector(offer.code_naf, kit)
    yield said("sector", "Secteur d'activité", sector)
    yield said("naf", "Code NAF", offer.code_naf)
    yield said("headcount", "Effectif", offer.tranche_effectif_etab)
    yield said("workplace", "Lieu de travail", offer.lieu_travail.libelle if offer.lieu_travail else None)
    for name, label, value in (
        ("disabled_workers", "Ouvert aux travailleurs handicapés", offer.accessible_th),
        ("adapted_company", "Entreprise adaptée", offer.entreprise_adaptee or company.entreprise_adaptee),
        ("handi_engaged", "Employeur handi-engagé", offer.employeur_handi_engage),
        ("few_candidates", "Offre qui manque de candidats", offer.offres_manque_candidats),
    ):
        yield answered(name, label, value)
    yield said("contact_comment", "Précision pour postuler", contact.commentaire)
    lines = [contact.coordonnees1, contact.coordonnees2, contact.coordonnees3]
    yield listed("contact_lines", "Où s'adresser", [item for item in lines if item and not _is_personal(item)])
    yield linked("apply", "Postuler", contact.url_postulation)
    yield linked("recruiter_site", "Site du recruteur", contact.url_recruteur)
    origins = {"1": "France Travail", "2": "Partenaire de France Travail"}
    yield said("origin", "Origine de l'offre", origins.get(origin.origine or ""))
    yield linked("origin_page", "Page d'origine", origin.url_origine)
    for number, partner in enumerate(origin.partenaires or (), 1):
        yield linked(f"partner_{number}", line(partner.nom) or "Site partenaire", partner.url)
        yield linked(f"partner_{number}_logo", f"Logo : {line(partner.nom) or 'partenaire'}", partner.logo)
    yield said("reference", "Référence de l'offre", offer.id)


def _list(told: str | list[str] | None) -> list[str]:
    return [told] if isinstance(told, str) else told or []


def _diploma(diploma: Diploma) -> str:
    parts = [diploma.niveau_libelle, diploma.domaine_libelle, diploma.commentaire]
    return ", ".join(part for part in parts if part) + _WANTED.get(diploma.exigence or "", "")


def _labelled(item: Labelled) -> str | None:
    return f"{item.libelle}{_WANTED.get(item.exigence or '', '')}" if item.libelle else None


def _described(item: Labelled) -> str:
    return " : ".join(part for part in (item.libelle, item.description) if part)


def _is_personal(told: str) -> bool:
    """Whether a line of contact details is about a person, or a way to reach one."""
    return names_contact(told) or _PERSON.match(told) is not None
