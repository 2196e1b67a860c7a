"""Companies that hire, from La Bonne Boîte: asked occupation by occupation in each département.

La Bonne Boîte has no bulk call, and what it estimates are hires under any contract: each card says so. The whole
country in every occupation would take a day: the settings name the occupations, and the départements if not all.
"""

import math
import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from widget_server.domain.cards import Declaration, Entry, Reason, Rejection
from widget_server.domain.errors import SettingError, UpstreamMalformed
from widget_server.snapshot.manifest import Part
from widget_server.sources.kit.companies import REGISTER, Company, Estimate
from widget_server.sources.kit.companies import to_entry as company_entry
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.rows import read_page, read_row
from widget_server.sources.kit.source import Kit
from widget_server.sources.kit.text import line
from widget_server.upstream.client import Client, Credentials

NAME: Final = "La Bonne Boîte"
SEARCH: Final = "/partenaire/labonneboite/v2/recherche"
ELSEWHERE: Final = "labonneboite.francetravail.fr"
"""The host that the search may redirect to; the token stays behind."""
PAGE: Final = 100
BEST: Final = 100.0
"""The highest potential."""

_ROME: Final = re.compile(r"[A-Z]\d{4}")

DECLARATION: Final = Declaration(
    name="recruiters-lbb",
    kind="recruiter",
    label="La Bonne Boîte (France Travail)",
    home_url="https://labonneboite.francetravail.fr",
    attribution="Entreprises : La Bonne Boîte, France Travail, relevées le {date}",
    licence_url="https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
    method=(
        "Établissements auxquels La Bonne Boîte (France Travail) prête un potentiel d'embauche dans un métier, classés"
        " par ce potentiel. Il compte toutes les embauches, quel que soit le contrat : il ne dit pas si l'entreprise"
        " prend des alternants. Seuls les métiers et les départements que l'exploitant du site a choisis sont lus, et"
        " de chacun les entreprises au plus fort potentiel. Ce ne sont pas des offres."
    ),
    parents_only=True,
)


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A point."""

    lat: float | None = None
    lon: float | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One company, as far as we read it."""

    siret: str | None = None
    company_name: str | None = None
    office_name: str | None = None
    headcount_min: int | None = None
    headcount_max: int | None = None
    naf: str | None = None
    naf_label: str | None = None
    location: Location | None = None
    city: str | None = None
    citycode: str | None = None
    postcode: str | None = None
    hiring_potential: float | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page; its companies are decoded one by one, so that a bad one spoils no other."""

    hits: int
    items: list[msgspec.Raw]


_PAGE: Final = msgspec.json.Decoder(Page)
_ITEM: Final = msgspec.json.Decoder(Item, strict=False)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked: every occupation in every département, the best companies of each."""

    romes: tuple[str, ...]
    departements: tuple[str, ...]
    most: int

    @property
    def least_calls(self) -> int:
        """How many calls that takes at least."""
        return len(self.romes) * len(self.departements)

    @property
    def calls(self) -> int:
        """How many calls that takes at most."""
        return self.least_calls * max(1, math.ceil(self.most / PAGE))

    def told(self, rate_per_s: float) -> str:
        """The estimate, in a sentence."""
        minutes = math.ceil(self.calls / rate_per_s / 60)
        return (
            f"{len(self.romes)} ROME codes in {len(self.departements)} départements take up to {self.calls} calls,"
            f" {minutes} min at {rate_per_s:g} calls per second"
        )


@dataclass(kw_only=True)
class _Found:
    """A company of one département, with every occupation that it was found for."""

    item: Item
    potentials: dict[str, float] = field(default_factory=dict)


class RecruitersLBB:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """One département after the other: a company is in one only, so that its occupations come together."""
        plan = plan_of(kit)
        kit.notes.announced = 0
        async with _connected(kit) as client:
            for departement in plan.departements:
                companies: dict[str, _Found] = {}
                for rome in plan.romes:
                    async for rejection in _read(client, kit, plan, rome, departement, companies):
                        kit.notes.announced += 1
                        yield rejection
                kit.notes.announced += len(companies)
                for company in companies.values():
                    yield to_entry(company.item, company.potentials, kit)

    async def probe(self, kit: Kit) -> str:
        """One call of the plan, and how many it takes."""
        plan = plan_of(kit)
        async with _connected(kit) as client:
            page = await _page(client, plan.romes[0], plan.departements[0], number=1, size=1)
        where = f"{page.hits} companies for {plan.romes[0]} in {plan.departements[0]}"
        return f"{where}; {plan.told(kit.settings.labonneboite_rate_per_s)}"


def plan_of(kit: Kit) -> Plan:
    """The plan of the settings; `SettingError` says what is wrong with them."""
    settings = kit.settings
    asked = _listed(settings.labonneboite_romes)
    if not asked:
        raise SettingError(
            "LABONNEBOITE_ROMES is empty: La Bonne Boîte is asked occupation by occupation,"
            " so name those that you show, for example LABONNEBOITE_ROMES=D1102,G1602"
        )
    known = {code: kit.occupations.current(code) for code in asked if _ROME.fullmatch(code)}
    unknown = [code for code in asked if not known.get(code)]
    if unknown:
        raise SettingError(f"LABONNEBOITE_ROMES: {', '.join(unknown)} is no ROME code, for example D1102")
    departements = _listed(settings.labonneboite_departements) or kit.departements
    nowhere = [code for code in departements if code not in kit.departements]
    if nowhere:
        raise SettingError(f"LABONNEBOITE_DEPARTEMENTS: {', '.join(nowhere)} is no département, for example 35 or 2A")
    if settings.labonneboite_most < 1:
        raise SettingError("LABONNEBOITE_MOST: at least 1 company must be read, for example 200")
    parents = dict.fromkeys(kit.occupations.parent(code) for codes in known.values() for code in codes or ())
    plan = Plan(romes=tuple(parents), departements=departements, most=settings.labonneboite_most)
    if plan.least_calls / settings.labonneboite_rate_per_s > settings.sync_deadline_s:
        raise SettingError(
            f"LABONNEBOITE_ROMES: {plan.told(settings.labonneboite_rate_per_s)}, more than SYNC_DEADLINE_S allows;"
            " name fewer, or LABONNEBOITE_DEPARTEMENTS"
        )
    return plan


def _listed(told: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in (each.strip().upper() for each in told.split(",")) if part))


def _connected(kit: Kit) -> Client:
    settings = kit.settings
    if not settings.france_travail_client_id or not settings.france_travail_client_secret:
        raise SettingError(
            "FRANCE_TRAVAIL_CLIENT_ID and FRANCE_TRAVAIL_CLIENT_SECRET are needed: each integrator has its own,"
            " and La Bonne Boîte must be among its APIs"
        )
    return kit.connect(
        NAME,
        settings.labonneboite_url,
        rate_per_s=settings.labonneboite_rate_per_s,
        credentials=Credentials(
            token_url=settings.france_travail_token_url,
            client_id=settings.france_travail_client_id,
            client_secret=settings.france_travail_client_secret,
            scope=settings.labonneboite_scope,
        ),
        also_hosts=(ELSEWHERE,),
    )


async def _read(
    client: Client, kit: Kit, plan: Plan, rome: str, departement: str, companies: dict[str, _Found]
) -> AsyncGenerator[Rejection, None]:
    """The best companies of one occupation in one département, added to those of the others; rows that are none."""
    hits, read, number = 0, 0, 0
    while number == 0 or read < min(hits, plan.most):
        number += 1
        page = await _page(client, rome, departement, number=number, size=min(PAGE, plan.most))
        hits = page.hits
        if not page.items:
            break
        for raw in page.items[: plan.most - read]:
            read += 1
            try:
                item = read_row(raw, _ITEM, kit)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield reject("unreadable", None, str(error))
                continue
            siret = (item.siret or "").strip()
            company = companies.setdefault(siret or f"{rome} {read}", _Found(item=item))
            potential = item.hiring_potential or 0.0
            company.potentials[rome] = max(potential, company.potentials.get(rome, 0.0))
    if read < min(hits, plan.most):
        raise UpstreamMalformed(client.name, f"announces {hits} companies for {rome} in {departement}, shows {read}")
    kit.notes.parts.append(Part(name=f"{rome} {departement}", announced=hits, read=read, distinct=read))
    if hits > read:
        kit.notes.remark("beyond_the_best")


async def _page(client: Client, rome: str, departement: str, *, number: int, size: int) -> Page:
    asked = {
        "rome": rome,
        "department_number": departement.removeprefix("0"),
        "page": str(number),
        "page_size": str(size),
    }
    reply = await client.get(SEARCH, asked)
    try:
        return read_page(reply.body, _PAGE)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(client.name, f"sends a page of companies that cannot be read: {error}") from error


def to_entry(item: Item, potentials: dict[str, float], kit: Kit) -> Entry | Rejection:
    """The card of a company with the potential of each of its occupations, or why it is none."""
    siret = (item.siret or "").strip()
    ranked = sorted(potentials, key=lambda rome: -potentials[rome])
    best = min(BEST, max(0.0, potentials[ranked[0]])) if ranked else 0.0
    location = item.location or Location()
    point = None if location.lat is None or location.lon is None else (location.lat, location.lon)
    return company_entry(
        Company(
            siret=siret,
            name=line(item.office_name) or line(item.company_name),
            legal_name=item.company_name,
            naf=item.naf,
            naf_label=item.naf_label,
            headcount="-".join(_bracket(item)) or None,
            postcode=(item.postcode or "").strip(),
            commune=item.city,
            insee=item.citycode,
            point=point,
            romes=tuple(ranked),
            url=REGISTER.format(siret=siret),
        ),
        Estimate(
            score=round(best),
            reasons=(
                Reason(
                    code="all_hires",
                    text=(
                        f"Potentiel d'embauche de {round(best)} sur 100 selon La Bonne Boîte, tous contrats confondus :"
                        " il ne dit rien de l'alternance"
                    ),
                ),
            ),
        ),
        DECLARATION,
        kit,
    )


def _bracket(item: Item) -> Iterator[str]:
    if item.headcount_min is not None and item.headcount_max is not None:
        yield str(item.headcount_min)
        yield str(item.headcount_max)
