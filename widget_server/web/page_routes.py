"""The list as a finished page, in a frame (`/v1/widget`) and by itself (`/`), and the page of one card in a frame.

Who may frame a page, and what it may load, is said in its headers.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from widget_server.domain.exploration import Showing
from widget_server.domain.query import is_tidy
from widget_server.web.cache import question_of
from widget_server.web.cards_json import find_card, told
from widget_server.web.document import HOME_PATH, Rendered
from widget_server.web.headers import notice_headers, noticed, page_headers
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
from widget_server.web.readings import Pairs, Reading
from widget_server.web.replies import HTML, Made, reply, send_list
from widget_server.web.search_page import lone_shell, of_nobody, read_search, search_page, shell_of
from widget_server.web.site import Site, cache_control, site_in, site_of
from widget_server.web.typed import JOB_FIELD, PLACE_FIELD
from widget_server.web.visits import LIST_PATH


class ListPages:
    """The list as one finished page; a bad parameter becomes a notice, never an error or a blank frame.

    An ASGI application of its own, so that what is kept is sent as it is. At `/` it stands by itself: it belongs to no
    partner, nobody frames it, and everybody may keep it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.alone = path == HOME_PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        site = site_in(scope)
        reading = site.readings.of(scope["path"], scope["query_string"], partial(self._read, site))
        settled, parsed = reading.settled, reading.parsed
        partner = site.partners.find(parsed.request.partner)
        if partner is None and not self.alone and request.headers.get("sec-fetch-dest") == "iframe":
            await _not_here(request, site)(scope, receive, send)
            return
        edition = site.editions.current()

        def view() -> tuple[ListPage, tuple[Showing, ...]]:
            shell = lone_shell(site) if self.alone else shell_of(site, partner)
            return search_page(site, edition, settled, parsed, shell)

        if edition.down:
            page, _ = view()
            down = _send(request, render_down(page), partner, cache="no-store", status=503)
            await down(scope, receive, send)
            return

        def make() -> Made:
            page, shown = view()
            rendered = render_list(page)
            headers = _headers(rendered, partner, cache_control(edition.sources), apart=not self.alone)
            headers |= noticed(parsed.problems)
            return Made(body=rendered.html, media_type=HTML, headers=headers, shown=shown)

        await send_list(
            scope,
            send,
            site,
            edition=edition,
            reading=reading,
            make=make,
            partner=partner.id if partner else None,
        )

    def _read(self, site: Site, pairs: Pairs) -> Reading:
        pairs = of_nobody(pairs) if self.alone else pairs
        settled, parsed = read_search(site, pairs)
        asked = {
            "path": self.path,
            "query": parsed.request.canonical(),
            "look": parsed.request.look,
            "lock": parsed.request.lock,
            "partner": parsed.request.partner,
            # The page tells the host page what it was called with; who the host page is it does not say.
            "received": {name: value for name, value in parsed.received.items() if name != "origin"},
            "typed": {name: value for name, value in pairs if name in (JOB_FIELD, PLACE_FIELD)},
            "notices": told(parsed.problems),
        }
        # A page of no partner is answered with a notice inside a frame: only the router can tell.
        learnable = self.alone or site.partners.find(parsed.request.partner) is not None
        return Reading(
            settled=settled,
            parsed=parsed,
            question=question_of(asked),
            learn=learnable and not parsed.problems and is_tidy(pairs, (JOB_FIELD, PLACE_FIELD)),
        )


widget: Final = ListPages(LIST_PATH)
home: Final = ListPages(HOME_PATH)


async def detail(request: Request) -> Response:
    """One card with everything that its source said, and the way back to the list."""
    site = site_of(request)
    _, parsed = read_search(site, request.query_params.multi_items())
    partner = site.partners.find(parsed.request.partner)
    if partner is None and request.headers.get("sec-fetch-dest") == "iframe":
        return _not_here(request, site)
    sources = site.sources()
    found = find_card(sources, request.path_params["card_id"])
    shell = shell_of(site, partner)
    if found is None:
        gone = render_gone(shell, parsed.request, parsed.received)
        return _send(request, gone, partner, cache="no-store", status=404)
    site.visits.add(partner.id if partner else None, "card")
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


def _not_here(request: Request, site: Site) -> Response:
    """A frame on a site that nobody registered gets a notice, since a refused frame would show only a browser error."""
    page = render_notice(replace(shell_of(site, None), base_url=site.settings.base_url()))
    headers = notice_headers(page.style_hashes) | {"Cache-Control": "private, no-store", "Vary": "Sec-Fetch-Dest"}
    return reply(request, page.html, HTML, headers=headers, status=403)


def _send(request: Request, page: Rendered, partner: Partner | None, *, cache: str, status: int = 200) -> Response:
    return reply(request, page.html, HTML, headers=_headers(page, partner, cache, status=status), status=status)


def _headers(
    page: Rendered, partner: Partner | None, cache: str, *, status: int = 200, apart: bool = True
) -> dict[str, str]:
    """`apart`: the same address gives a notice inside a frame of nobody's, and the two must never be mixed."""
    headers = page_headers(
        frame_ancestors=partner.origins if partner else (),
        scripts=page.script_hashes,
        styles=page.style_hashes,
        images=page.image_origins,
    )
    headers["Cache-Control"] = cache
    if partner is None and status == 200 and apart:
        headers |= {"Cache-Control": "private, max-age=60", "Vary": "Sec-Fetch-Dest"}
    return headers
