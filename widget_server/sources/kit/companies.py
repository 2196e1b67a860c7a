"""From an establishment, whoever proposes it, to the card of a company that may recruit."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

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
from widget_server.sources.kit.facts import filled, linked, listed, said
from widget_server.sources.kit.placing import Whereabouts
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.sirene import is_siret
from widget_server.sources.kit.source import Kit
from widget_server.sources.kit.text import line, link

REGISTER: Final = "https://annuaire-entreprises.data.gouv.fr/etablissement/{siret}"
"""The public register's page of an establishment, for those who give no page of their own."""

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
_BRACKET: Final = re.compile(r"(\d+)\s*-\s*(\d+)")
Value = TypeVar("Value", int, str)
_POSTCODE: Final = re.compile(r"[0-9]{5}")
_NOT_DIFFUSIBLE: Final = "[ND]"


@dataclass(frozen=True, kw_only=True)
class Company:
    """One establishment, as its source says it.

    romes      the occupations, the most relevant first
    point      latitude and longitude, WGS84
    headcount  INSEE's code or a bracket such as "10-19"
    url        a page about it
    apply_url  a page to write to it
    """

    siret: str
    name: str | None
    postcode: str
    romes: tuple[str, ...]
    legal_name: str | None = None
    naf: str | None = None
    naf_label: str | None = None
    headcount: str | None = None
    street: str | None = None
    commune: str | None = None
    insee: str | None = None
    point: tuple[float, float] | None = None
    url: str | None = None
    apply_url: str | None = None
    site: str | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What its source says of how likely it is to recruit; everything may be unknown.

    score      0-255, higher first
    scores     those of single occupations
    bands      A, B or C of single occupations; never made up where the source gives none
    told       a sentence about when and for when
    chances    words for each occupation that has any
    newest     the instant of the estimate
    """

    score: int = 0
    scores: Mapping[str, int] = field(default_factory=dict)
    bands: Mapping[str, str] = field(default_factory=dict)
    told: str | None = None
    reasons: tuple[Reason, ...] = ()
    chances: Mapping[str, str] | None = None
    newest: str = ""


def to_entry(company: Company, estimate: Estimate, declaration: Declaration, kit: Kit) -> Entry | Rejection:
    """The card of an establishment, or why it is none."""
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
    latitude, longitude = company.point or (None, None)
    placed = kit.placing.place(
        Whereabouts(
            latitude=latitude,
            longitude=longitude,
            insee=company.insee,
            postcode=company.postcode,
            name=company.commune,
        )
    )
    if placed is None:
        return reject("place_unknown", siret, company.postcode)
    kit.notes.remark(placed.repaired)
    card = Card(
        id=siret,
        kind=declaration.kind,
        title=name,
        organisation=Organisation(
            name=legal_name or name,
            siret=siret,
            sector=(kit.naf.label(company.naf) if company.naf else None) or line(company.naf_label),
            headcount=headcount_of(company.headcount),
        ),
        place=placed.place,
        romes=romes,
        source=SourceName(name=declaration.name, label=declaration.label),
        reasons=estimate.reasons,
        url=link(company.url),
        apply_url=link(company.apply_url),
        bands=_by_parent(estimate.bands, kit),
        estimated=estimate.told,
        optout_url=link(kit.settings.recruiters_optout_url),
    )
    return Entry(
        card=card,
        facts=tuple(filled(_facts(company, card, estimate, kit))),
        score=estimate.score,
        scores=_by_parent(estimate.scores, kit),
        newest=estimate.newest,
        twin=siret,
        street=line(company.street) or "",
    )


def _by_parent(told: Mapping[str, Value], kit: Kit) -> dict[str, Value]:
    """What is told of occupations, by the code that the card has for each; the first one stays."""
    found: dict[str, Value] = {}
    for code, value in told.items():
        for known in kit.occupations.current(code.strip().upper()) or ():
            found.setdefault(kit.occupations.parent(known), value)
    return found


def headcount_of(told: str | None) -> str | None:
    """ "11" and "10-19" -> "10 à 19 salariés"; None when the bracket is not known."""
    if not told:
        return None
    match = _BRACKET.fullmatch(told.strip())
    if match is None:
        return _HEADCOUNTS.get(told.strip())
    least, most = int(match[1]), int(match[2])
    if most == 0:
        return _HEADCOUNTS["00"]
    return f"{least} à {most} salariés" if most > 2 else "1 ou 2 salariés"


def _facts(company: Company, card: Card, estimate: Estimate, kit: Kit) -> Iterable[Fact]:
    city = " ".join(part for part in (company.postcode, company.commune or card.place.label) if part)
    yield said("address", "Adresse", ", ".join(part for part in (line(company.street), city) if part))
    yield said("legal_name", "Raison sociale", company.legal_name)
    yield said("sector", "Secteur d'activité", card.organisation.sector)
    yield said("naf", "Code NAF", company.naf)
    yield said("headcount", "Effectif", card.organisation.headcount)
    chances = estimate.chances or {}
    yield listed("occupations", "Métiers concernés", [_occupation(code, chances, kit) for code in card.romes])
    yield said("estimate", "Estimation", card.estimated)
    yield linked("company_site", "Site de l'entreprise", company.site)


def _occupation(code: str, chances: Mapping[str, str], kit: Kit) -> str | None:
    label = kit.occupations.label(code)
    chance = chances.get(code)
    return f"{label} ({chance})" if label and chance else label
