"""Offers of apprenticeship contracts from France Travail, read département by département."""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
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
from widget_server.domain.errors import SettingError, UpstreamMalformed, UpstreamRefused
from widget_server.snapshot.manifest import Part
from widget_server.sources.facts import answered, filled, linked, listed, said
from widget_server.sources.placing import Whereabouts
from widget_server.sources.rejects import reject
from widget_server.sources.source import Kit, ahead, instant, paris_day, sortable
from widget_server.sources.text import fold, line, link, names_contact
from widget_server.upstream.client import Client, Credentials

SEARCH: Final = "/partenaire/offresdemploi/v2/offres/search"
DETAIL: Final = "https://candidat.francetravail.fr/offres/recherche/detail/{id}"
PAGE: Final = 150
LAST_START: Final = 3000
"""The last position that a page may start at: a query shows its first 3 150 offers and no more."""
WINDOW: Final = LAST_START + PAGE
ENOUGH: Final = 0.99
"""Share of the announced offers that must have been read, after one more reading: offers move while one pages."""
TOGETHER: Final = 6
"""Partitions read at once; the pace of the client is what limits the calls."""

# natureContrat alone: with typeContrat beside it the two are joined by OR.
_CONTRACTS: Final = {"natureContrat": "E2,FS"}
_AXES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (("origineOffre", ("1", "2")), ("natureContrat", ("E2", "FS")))
"""How a partition that exceeds the window is split, in this order."""

_NATURES: Final[Mapping[str, str]] = {
    "contrat apprentissage": "apprentissage",
    "contrat d apprentissage": "apprentissage",
    "cont professionnalisation": "professionnalisation",
    "contrat professionnalisation": "professionnalisation",
    "contrat de professionnalisation": "professionnalisation",
}
_LEVELS: Final[Mapping[str, int]] = {
    "cap bep et equivalent": 3,
    "3eme achevee ou brevet": 3,
    "2nd ou 1ere achevee": 3,
    "bac ou equivalent": 4,
    "bac 2 ou equivalent": 5,
    "bac 3 bac 4 ou equivalent": 6,
    "bac 5 et plus ou equivalent": 7,
}
_REQUIRED: Final = "E"
_WANTED: Final[Mapping[str, str]] = {"E": " (exigé)", "S": " (souhaité)"}
_SCHOOLS: Final = "85"
_OVERSEAS: Final = frozenset({"971", "972", "973", "974", "976"})
_MONTHS: Final = re.compile(r"(\d+)\s*mois", re.IGNORECASE)
_LONGEST_MONTHS: Final = 60
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,20}")
_TOTAL: Final = re.compile(r"/(\d+)\s*$")
_PERSON: Final = re.compile(r"\s*(?:m\.|mr\b|mme\b|mlle\b|monsieur\b|madame\b|mademoiselle\b)", re.IGNORECASE)
_MANGLED_RANGE: Final = re.compile(r"(?<=Euros)\s*(?:ï¿½|\ufffd)+\s*(?=\d)")
"""The "à" of "1600,00 Euros à 1800,00 Euros", which some rows lost to a wrong encoding."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code's label, and whether it is required (E) or wished for (S)."""

    libelle: str | None = None
    exigence: str | None = None
    description: str | None = None


class Diploma(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One diploma that an offer asks for."""

    domaine_libelle: str | None = None
    niveau_libelle: str | None = None
    commentaire: str | None = None
    exigence: str | None = None


class Workplace(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the work is; coordinates may be text."""

    libelle: str | None = None
    latitude: float | str | None = None
    longitude: float | str | None = None
    code_postal: str | None = None
    commune: str | None = None


class Company(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who hires."""

    nom: str | None = None
    description: str | None = None
    logo: str | None = None
    url: str | None = None
    entreprise_adaptee: bool | None = None
    siret: str | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How to apply. Names, telephones and e-mail addresses are not even read."""

    coordonnees1: str | None = None
    coordonnees2: str | None = None
    coordonnees3: str | None = None
    commentaire: str | None = None
    url_recruteur: str | None = None
    url_postulation: str | None = None


class Partner(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A site that published the offer too."""

    nom: str | None = None
    url: str | None = None
    logo: str | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who brought the offer: France Travail (1) or a partner (2)."""

    origine: str | None = None
    url_origine: str | None = None
    partenaires: list[Partner] | None = None


class Complement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A benefit that comes with the salary."""

    libelle: str | None = None


class Salary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The salary, always as text."""

    libelle: str | None = None
    commentaire: str | None = None
    complement1: str | None = None
    complement2: str | None = None
    liste_complements: list[Complement] | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Working hours and conditions: text in some answers, lists in others."""

    horaires: str | list[str] | None = None
    conditions_exercice: str | list[str] | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One offer, as far as we read it. Everything may be missing."""

    id: str | None = None
    intitule: str | None = None
    description: str | None = None
    date_creation: str | None = None
    date_actualisation: str | None = None
    lieu_travail: Workplace | None = None
    rome_code: str | None = None
    rome_libelle: str | None = None
    appellationlibelle: str | None = None
    entreprise: Company | None = None
    type_contrat_libelle: str | None = None
    nature_contrat: str | None = None
    experience_libelle: str | None = None
    experience_commentaire: str | None = None
    formations: list[Diploma] | None = None
    langues: list[Labelled] | None = None
    permis: list[Labelled] | None = None
    competences: list[Labelled] | None = None
    qualites_professionnelles: list[Labelled] | None = None
    outils_bureautiques: str | list[str] | None = None
    salaire: Salary | None = None
    duree_travail_libelle: str | None = None
    duree_travail_libelle_converti: str | None = None
    complement_exercice: str | None = None
    condition_exercice: str | None = None
    contexte_travail: Context | None = None
    contact: Contact | None = None
    nombre_postes: int | None = None
    accessible_th: bool | None = msgspec.field(name="accessibleTH", default=None)
    deplacement_libelle: str | None = None
    qualification_libelle: str | None = None
    code_naf: str | None = msgspec.field(name="codeNAF", default=None)
    secteur_activite: str | None = None
    secteur_activite_libelle: str | None = None
    tranche_effectif_etab: str | None = None
    origine_offre: Origin | None = None
    offres_manque_candidats: bool | None = None
    entreprise_adaptee: bool | None = None
    employeur_handi_engage: bool | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of a search; its offers are decoded one by one, so that a bad one spoils no other."""

    resultats: list[msgspec.Raw] = []


_PAGE: Final = msgspec.json.Decoder(Page)
_OFFER: Final = msgspec.json.Decoder(Offer, strict=False)

DECLARATION: Final = Declaration(
    name="offers",
    kind="offer",
    label="France Travail",
    home_url="https://candidat.francetravail.fr/offres/emploi",
    attribution=(
        "Source : France Travail — offres mises à jour le {date}. Réutilisation soumise à la licence Offres d'emploi."
    ),
    licence_url=(
        "https://francetravail.io/produits-partages/documentation/conditions-dutilisation-api/licence-offres-emploi"
    ),
    method=(
        "Toutes les offres d'apprentissage et de professionnalisation publiées par France Travail sont lues,"
        " département par département. Les offres d'employeurs qui relèvent de l'enseignement (division 85 de la NAF)"
        " sont écartées, de même que celles dont le contrat ou le métier n'est pas reconnu. Deux annonces de la même"
        " entreprise, dans la même commune, pour le même métier et sous le même intitulé n'en font qu'une. Les textes"
        " sont reproduits sans mise en forme ; les noms, téléphones et adresses électroniques n'y figurent pas."
    ),
    level_role="required",
)


@dataclass(kw_only=True)
class _Partition:
    """What was read of one query; `unreadable` are rows that are not offers, with what is wrong."""

    name: str
    announced: int = 0
    read: int = 0
    offers: dict[str, Offer] = field(default_factory=dict)
    nameless: list[Offer] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def distinct(self) -> int:
        """Rows that are not a repetition of another."""
        return len(self.offers) + len(self.nameless) + len(self.unreadable)


class Offers:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """Harvest: the national total, then every département, then what the comparison of the two says."""
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
        async with kit.connect(
            "France Travail",
            settings.france_travail_url,
            rate_per_s=settings.france_travail_rate_per_s,
            credentials=credentials,
        ) as client:
            kit.notes.announced = await _total(client)
            if not kit.notes.announced:
                raise UpstreamMalformed(client.name, "says that there is not one offer in the whole country")
            seen: set[str] = set()
            odd = 0
            jobs = [partial(_harvest, client, {"departement": code}, code) for code in _harvested(kit.departements)]
            async with aclosing(ahead(jobs, TOGETHER)) as partitions:
                async for partition in partitions:
                    _note(partition, kit)
                    seen.update(partition.offers)
                    odd += len(partition.nameless) + len(partition.unreadable)
                    for offer in (*partition.offers.values(), *partition.nameless):
                        yield to_entry(offer, kit)
                    for problem in partition.unreadable:
                        yield reject("unreadable", None, problem)
            _compare(len(seen) + odd, kit)


def _harvested(departements: Iterable[str]) -> list[str]:
    """The 101 départements that the search knows; the collectivities overseas are not among them."""
    return [code for code in departements if len(code) == 2 or code in _OVERSEAS]


def _note(partition: _Partition, kit: Kit) -> None:
    kit.notes.parts.append(
        Part(
            name=partition.name,
            announced=partition.announced,
            read=partition.read,
            distinct=partition.distinct,
            problem=partition.problem,
        )
    )
    if partition.problem:
        kit.notes.complete = False


def _compare(read: int, kit: Kit) -> None:
    """Name the offers that no département showed: those placed in a région or in the whole country."""
    announced = kit.notes.announced or 0
    if read >= announced:
        return
    missing = announced - read
    kit.notes.parts.append(
        Part(name="hors département", announced=missing, read=0, distinct=0, problem="not shown in any département")
    )
    if read < announced * ENOUGH:
        kit.notes.complete = False


async def _total(client: Client) -> int:
    """How many offers there are in the whole country."""
    reply = await client.get(SEARCH, {**_CONTRACTS, "sort": "1", "range": "0-0"})
    return 0 if reply.status == 204 else _announced(reply.headers, client)


async def _harvest(client: Client, params: Mapping[str, str], name: str) -> _Partition:
    """One département, split where it exceeds the window, read twice where rows moved meanwhile."""
    try:
        return await _read_split(client, {**_CONTRACTS, **params}, name, _AXES)
    except UpstreamRefused as error:
        if error.status != 400 or "departement" not in error.said:
            raise
        return _Partition(name=name, problem=f"refused: {error.said}")


async def _read_split(
    client: Client, params: Mapping[str, str], name: str, axes: tuple[tuple[str, tuple[str, ...]], ...]
) -> _Partition:
    whole = _Partition(name=name)
    await _read_page(client, params, 0, whole)
    if whole.announced > WINDOW and axes:
        (axis, values), *rest = axes
        split = _Partition(name=name, announced=whole.announced)
        for value in values:
            part = await _read_split(client, {**params, axis: value}, f"{name} {axis}={value}", tuple(rest))
            split.read += part.read
            split.offers.update(part.offers)
            split.nameless += part.nameless
            split.unreadable += part.unreadable
            split.problem = split.problem or part.problem
        if split.problem is None and split.distinct < whole.announced * ENOUGH:
            split.problem = f"{split.distinct} of {whole.announced} offers after splitting by {axis}"
        return split
    await _read_rest(client, params, whole)
    if whole.distinct < whole.announced and whole.announced <= WINDOW:
        again = _Partition(name=name)
        await _read_page(client, params, 0, again)
        await _read_rest(client, params, again)
        whole.announced = again.announced
        whole.read += again.read
        whole.offers.update(again.offers)
        if len(again.unreadable) + len(again.nameless) > len(whole.unreadable) + len(whole.nameless):
            whole.unreadable, whole.nameless = again.unreadable, again.nameless
    if whole.announced > WINDOW:
        whole.problem = f"announces {whole.announced} offers, of which a query shows {WINDOW}"
    elif whole.distinct < whole.announced * ENOUGH:
        whole.problem = f"{whole.distinct} of {whole.announced} offers after reading twice"
    return whole


async def _read_rest(client: Client, params: Mapping[str, str], partition: _Partition) -> None:
    start = PAGE
    while start < partition.announced and start <= LAST_START:
        await _read_page(client, params, start, partition)
        start += PAGE


async def _read_page(client: Client, params: Mapping[str, str], start: int, partition: _Partition) -> None:
    reply = await client.get(SEARCH, {**params, "sort": "1", "range": f"{start}-{start + PAGE - 1}"})
    if reply.status == 204:  # nothing, or nothing any more
        return
    partition.announced = _announced(reply.headers, client)
    try:
        page = _PAGE.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(client.name, f"sends a page of offers that cannot be read: {error}") from error
    expected = min(PAGE, partition.announced - start)
    if not page.resultats and expected > 0:
        raise UpstreamMalformed(client.name, f"announces {partition.announced} offers and sends an empty page")
    for raw in page.resultats:
        partition.read += 1
        try:
            offer = _OFFER.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            partition.unreadable.append(str(error))
            continue
        if offer.id:
            partition.offers[offer.id] = offer
        else:
            partition.nameless.append(offer)


def _announced(headers: Mapping[str, str], client: Client) -> int:
    match = _TOTAL.search(headers.get("content-range", ""))
    if match is None:
        raise UpstreamMalformed(client.name, "sends offers without saying how many there are (Content-Range)")
    return int(match[1])


def to_entry(offer: Offer, kit: Kit) -> Entry | Rejection:
    """The card of an offer and everything else that it says, or why it is none."""
    if offer.id is None or not _ID.fullmatch(offer.id):
        return reject("id_missing", offer.id)
    card_id = f"ft:{offer.id}"
    title = line(offer.intitule)
    if title is None:
        return reject("title_missing", card_id)
    contract = _NATURES.get(fold(offer.nature_contrat))
    if contract is None:
        return reject("contract_unknown", card_id, offer.nature_contrat or "")
    if is_school(offer):
        return reject("school_as_employer", card_id, (offer.code_naf or offer.secteur_activite or ""))
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
        contract=(contract,),
        duration=duration_of(offer.type_contrat_libelle),
        published_on=paris_day(created),
        updated_on=paris_day(updated),
        flags=("handi",) if _is_handi(offer) else (),
        url=DETAIL.format(id=offer.id),
        apply_url=_apply_url(offer),
    )
    where = place.insee or place.postcode or fold(place.label)
    return Entry(
        card=card,
        facts=tuple(filled(_facts(offer, kit))),
        newest=sortable(created),
        twin=f"{fold(name)}|{where}|{offer.rome_code}|{fold(title)}" if name else "",
        preferred=int(offer.origine_offre is not None and offer.origine_offre.origine == "1"),
    )


def is_school(offer: Offer) -> bool:
    """Whether the employer belongs to education: NAF division 85, by code or by sector."""
    return (offer.code_naf or "").strip().startswith(_SCHOOLS) or (offer.secteur_activite or "").strip() == _SCHOOLS


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
