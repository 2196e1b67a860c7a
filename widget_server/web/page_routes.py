"""`/v1/widget`: the finished page for a frame, and the page of one card; who may frame them, and what they may load."""

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from widget_server import __version__
from widget_server.domain.answer import Occupation
from widget_server.domain.query import Parsed, is_tidy
from widget_server.listing.answers import make_listing
from widget_server.web import wording
from widget_server.web.cards_json import find_card, told
from widget_server.web.document import Link, Picture, Rendered, Shell, language_of
from widget_server.web.headers import notice_headers, page_headers
from widget_server.web.page import (
    DetailPage,
    ListPage,
    render_detail,
    render_down,
    render_gone,
    render_list,
    render_notice,
)
from widget_server.web.partners import Partner
from widget_server.web.replies import HTML, Made, reply, send_list
from widget_server.web.site import Site, cache_control, site_of
from widget_server.web.typed import JOB_FIELD, PLACE_FIELD, Choice, Settled, settle

_PLACE_PARAMETERS: Final = {
    "commune": "insee",
    "postcode": "postcode",
    "departement": "departement",
    "region": "region",
}
_NEAR: Final = 4
LOGO_HEIGHT_PX: Final = 40


async def home(request: Request) -> Response:
    """The site's own address leads to the search."""
    return RedirectResponse("/v1/widget", status_code=302)


class ListPages:
    """The list as one finished page; a bad parameter becomes a notice, never an error or a blank frame.

    An ASGI application of its own, so that what is kept is sent as it is.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        site = site_of(request)
        pairs = request.query_params.multi_items()
        settled, parsed = _read(site, pairs)
        partner = site.partners.find(parsed.request.partner)
        if partner is None and request.headers.get("sec-fetch-dest") == "iframe":
            await _not_here(request, site)(scope, receive, send)
            return
        edition = site.editions.current()

        def view() -> tuple[ListPage, tuple[str, ...]]:
            listing = make_listing(parsed.request, parsed.problems, edition.sources, site.occupations)
            answer = listing.answer()
            page = ListPage(
                shell=_shell(site, partner),
                answer=answer,
                request=parsed.request,
                received=parsed.received,
                now=edition.now,
                job=settled.job,
                place=settled.place,
                near=_near(site, parsed) if not answer.total else (),
            )
            return page, listing.shown()

        if edition.down:
            page, _ = view()
            down = _send(request, render_down(page), partner, cache="no-store", status=503)
            await down(scope, receive, send)
            return

        def make() -> Made:
            page, shown = view()
            rendered = render_list(page)
            headers = _headers(rendered, partner, cache_control(edition.sources))
            return Made(body=rendered.html, media_type=HTML, headers=headers, shown=shown)

        typed = {name: value for name, value in pairs if name in (JOB_FIELD, PLACE_FIELD)}
        await send_list(
            scope,
            send,
            site,
            edition=edition,
            asked={
                "path": "/v1/widget",
                "query": parsed.request.canonical(),
                "look": parsed.request.look,
                "lock": parsed.request.lock,
                "partner": parsed.request.partner,
                # The page tells the host page what it was called with; who the host page is it does not say.
                "received": {name: value for name, value in parsed.received.items() if name != "origin"},
                "typed": typed,
                "notices": told(parsed.problems),
            },
            make=make,
            partner=partner.id if partner else None,
            # A page of no partner is answered with a notice inside a frame: only the router can tell.
            learn=partner is not None and not parsed.problems and is_tidy(pairs, (JOB_FIELD, PLACE_FIELD)),
        )


widget: Final = ListPages()


async def detail(request: Request) -> Response:
    """One card with everything that its source said, and the way back to the list."""
    site = site_of(request)
    _, parsed = _read(site, request.query_params.multi_items())
    partner = site.partners.find(parsed.request.partner)
    if partner is None and request.headers.get("sec-fetch-dest") == "iframe":
        return _not_here(request, site)
    sources = site.sources()
    found = find_card(sources, request.path_params["card_id"])
    shell = _shell(site, partner)
    if found is None:
        gone = render_gone(shell, parsed.request, parsed.received)
        return _send(request, gone, partner, cache="no-store", status=404)
    page = DetailPage(
        shell=shell,
        card=found.card,
        facts=found.facts,
        source=found.source,
        request=parsed.request,
        received=parsed.received,
        now=site.now(),
    )
    return _send(request, render_detail(page), partner, cache=cache_control(sources))


def _read(site: Site, pairs: list[tuple[str, str]]) -> tuple[Settled, Parsed]:
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


def _shell(site: Site, partner: Partner | None) -> Shell:
    return Shell(
        base_url="",
        css=site.assets.style.text,
        bridge=site.assets.bridge.text,
        version=__version__,
        script_url=f"/assets/{site.assets.script.name}",
        origins=partner.origins if partner else (),
        public_url=site.settings.base_url(),
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


def _not_here(request: Request, site: Site) -> Response:
    """A frame on a site that nobody registered gets a notice, since a refused frame would show only a browser error."""
    page = render_notice(replace(_shell(site, None), base_url=site.settings.base_url()))
    headers = notice_headers(page.style_hashes) | {"Cache-Control": "private, no-store", "Vary": "Sec-Fetch-Dest"}
    return reply(request, page.html, HTML, headers=headers, status=403)


def _send(request: Request, page: Rendered, partner: Partner | None, *, cache: str, status: int = 200) -> Response:
    return reply(request, page.html, HTML, headers=_headers(page, partner, cache, status=status), status=status)


def _headers(page: Rendered, partner: Partner | None, cache: str, *, status: int = 200) -> dict[str, str]:
    headers = page_headers(
        frame_ancestors=partner.origins if partner else (), scripts=page.script_hashes, styles=page.style_hashes
    )
    headers["Cache-Control"] = cache
    if partner is None and status == 200:
        # The same address gives a notice inside a frame: the two must never be mixed.
        headers |= {"Cache-Control": "private, max-age=60", "Vary": "Sec-Fetch-Dest"}
    return headers
