"""What a visitor's request shows: the typed texts understood, the list searched and, when it is empty, widened."""

from dataclasses import replace
from typing import Final

from widget_server import __version__
from widget_server.domain.answer import Occupation
from widget_server.domain.exploration import Showing
from widget_server.domain.query import BY_NAME, Parsed
from widget_server.listing.answers import make_listing
from widget_server.listing.widening import widened
from widget_server.web import wording
from widget_server.web.document import HOME_CARD_PATH, HOME_PATH, Link, Picture, Shell, language_of
from widget_server.web.edition import Edition
from widget_server.web.page import ListPage
from widget_server.web.partners import Partner
from widget_server.web.site import Site
from widget_server.web.typed import JOB_FIELD, PLACE_FIELD, Choice, Settled, settle

_PLACE_PARAMETERS: Final = {
    "commune": "insee",
    "postcode": "postcode",
    "departement": "departement",
    "region": "region",
}
_NEAR: Final = 4
LOGO_HEIGHT_PX: Final = 40


def search_page(
    site: Site, edition: Edition, settled: Settled, parsed: Parsed, shell: Shell
) -> tuple[ListPage, tuple[Showing, ...]]:
    """The list for a request, in whichever state it is, and the recruiters on it. Only a page widens."""
    exploration = site.exploration(edition)
    found = widened(
        parsed.request,
        lambda asked: make_listing(asked, parsed.problems, edition.sources, site.occupations, exploration),
        lambda asked: make_listing(asked, parsed.problems, edition.sources, site.occupations),
    )
    answer = found.listing.answer()
    page = ListPage(
        shell=shell,
        answer=answer,
        request=found.request,
        received=parsed.received,
        now=edition.now,
        job=settled.job,
        place=settled.place,
        near=_near(site, parsed) if not answer.total else (),
        widened_from_km=found.from_km,
        tried_km=found.tried_km,
        nearest=found.nearest,
    )
    return page, found.shown


def read_search(site: Site, pairs: list[tuple[str, str]]) -> tuple[Settled, Parsed]:
    """The request, with the texts of the form's job and place fields understood first."""
    codes = [(name, value) for name, value in pairs if name not in (JOB_FIELD, PLACE_FIELD)]
    parsed = site.parse(codes)
    if len(codes) == len(pairs):
        return Settled(pairs=tuple(codes)), parsed
    shown = tuple(Occupation(rome=code, label=site.occupations.label(code) or code) for code in parsed.request.romes)
    settled = settle(
        pairs,
        job_shown=wording.jobs(language_of(parsed.request), shown),
        place_shown=parsed.request.place.label if parsed.request.place else "",
        jobs=lambda text: _job_choices(site, text),
        places=lambda text: _place_choices(site, text),
    )
    return settled, site.parse(list(settled.pairs))


def _job_choices(site: Site, text: str) -> list[Choice]:
    return [
        Choice(label=found.label, query=(("romes", ",".join(found.romes)),)) for found in site.occupations.suggest(text)
    ]


def _place_choices(site: Site, text: str) -> list[Choice]:
    return [
        Choice(label=found.label, query=((_PLACE_PARAMETERS[found.kind], found.code),))
        for found in site.places.suggest(text)
    ]


def _near(site: Site, parsed: Parsed) -> tuple[Choice, ...]:
    """Occupations of the same family, to try when nothing is found: the parent, else other children of the domain."""
    codes: list[str] = []
    for code in parsed.request.romes:
        family = (site.occupations.parent(code), *site.occupations.children(code))
        codes += [near for near in family if near not in parsed.request.romes]
        domain = [near for near in site.occupations.codes() if near[:3] == code[:3]]
        codes += [near for near in domain if near == site.occupations.parent(near)]
    wanted = [code for code in dict.fromkeys(codes) if code not in parsed.request.romes][:_NEAR]
    return tuple(Choice(label=site.occupations.label(code) or code, query=(("romes", code),)) for code in wanted)


def shell_of(site: Site, partner: Partner | None) -> Shell:
    """What every page of this server and of a partner has in common."""
    return Shell(
        base_url="",
        css=site.assets.style.text,
        bridge=site.assets.bridge.text,
        version=__version__,
        script_url=f"/assets/{site.assets.script.name}",
        origins=partner.origins if partner else (),
        public_url=site.settings.base_url(),
        tiles=site.tiles,
        partner_name=partner.name if partner else None,
        logo=_logo(partner),
        contact=Link(label=partner.contact.label, href=partner.contact.url) if partner and partner.contact else None,
    )


def _logo(partner: Partner | None) -> Picture | None:
    """The partner's logo at our own address, no higher than a line of text and its margins."""
    if partner is None or partner.logo is None:
        return None
    height_px = min(LOGO_HEIGHT_PX, partner.logo.height_px)
    width_px = round(partner.logo.width_px * height_px / partner.logo.height_px)
    return Picture(href=f"/logos/{partner.logo.name}", width_px=width_px, height_px=height_px)


def lone_shell(site: Site) -> Shell:
    """What the pages that stand in no frame have in common."""
    return replace(shell_of(site, None), list_path=HOME_PATH, card_path=HOME_CARD_PATH)


def of_nobody(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A query without its partner: a page that stands by itself belongs to none."""
    names = {"partner", *BY_NAME["partner"].aliases}
    return [(name, value) for name, value in pairs if name.lower() not in names]
