"""Companies that may recruit, from the export of API Apprentissage: its only bulk list of them with their occupations.

The export gives the occupations in order of relevance and drops the score: there is none to show, and none is made up.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from widget_server.domain.cards import Declaration, Entry, Reason, Rejection
from widget_server.domain.errors import UpstreamMalformed
from widget_server.snapshot.manifest import Part
from widget_server.sources.kit.apprentissage import (
    HOME,
    LABEL,
    NAME,
    RECRUITERS,
    Row,
    export_day,
    exported,
    split_address,
    whereabouts,
)
from widget_server.sources.kit.companies import Company, Estimate
from widget_server.sources.kit.companies import to_entry as company_entry
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.source import Kit
from widget_server.sources.kit.text import line

_ACTIVE: Final = "active"
_SELECTED: Final = Reason(
    code="selected", text="Proposée par La bonne alternance, qui ne publie pas la probabilité qu'elle recrute"
)

DECLARATION: Final = Declaration(
    name="recruiters-aa",
    kind="recruiter",
    label=LABEL,
    home_url=HOME,
    attribution="Entreprises : La bonne alternance / API Apprentissage, fichier du {date}",
    method=(
        "Établissements dont La bonne alternance estime qu'ils pourraient recruter en alternance. Elle donne leurs"
        " métiers du plus au moins pertinent, sans score : aucune probabilité n'est donc affichée, et les entreprises"
        " d'un même métier sont classées par distance. Chacune a un SIRET valide, un nom, un code postal et au moins"
        " un métier connu. Ce ne sont pas des offres. Aucun téléphone, aucune adresse électronique n'est lu."
    ),
    parents_only=True,
)


class RecruitersAA:
    """The source."""

    declaration = DECLARATION

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        """The rows of the export that are recruiters."""
        read = 0
        async with aclosing(exported(kit)) as found:
            async for each in found:
                if each.partner == RECRUITERS:
                    read += 1
                    yield to_entry(each.row, kit) if each.row else reject("unreadable", None, each.problem)
        if not read:
            raise UpstreamMalformed(NAME, "sends an export without a single recruiter")
        kit.notes.announced = read
        kit.notes.parts.append(Part(name=RECRUITERS, announced=read, read=read, distinct=read))

    async def probe(self, kit: Kit) -> str:
        """The day of the export."""
        return f"the export is of {await export_day(kit)}"


def to_entry(row: Row, kit: Kit) -> Entry | Rejection:
    """The card of a company, or why it is none."""
    workplace, location = row.workplace, row.workplace.location
    siret = (row.identifier.partner_job_id or workplace.siret or "").strip()
    status = row.offer.status
    if status is not None and status.strip().casefold() != _ACTIVE:
        return reject("not_active", siret, status)
    street, postcode, city = split_address(location.address if location else None)
    told = whereabouts(location)
    naf = workplace.domain.naf if workplace.domain else None
    point = None if told.latitude is None or told.longitude is None else (told.latitude, told.longitude)
    return company_entry(
        Company(
            siret=siret,
            name=line(workplace.brand) or line(workplace.name) or line(workplace.legal_name),
            legal_name=workplace.legal_name,
            naf=naf.code if naf else None,
            naf_label=naf.label if naf else None,
            headcount=workplace.size,
            street=street,
            postcode=postcode or "",
            commune=city,
            point=point,
            romes=tuple(code for code in row.offer.rome_codes or () if code),
            url=row.apply.url,
            # Without a recipient the page has no form to write to the company.
            apply_url=row.apply.url if row.apply.recipient_id else None,
            site=workplace.website,
        ),
        Estimate(reasons=(_SELECTED,)),
        DECLARATION,
        kit,
    )
