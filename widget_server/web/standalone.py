"""What stands beside the search at `/`: one card, the accessibility statement, and what search engines may visit."""

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.query import SearchRequest
from widget_server.web.cards_json import find_card
from widget_server.web.document import (
    ACCESSIBILITY_PATH,
    HOME_CARD_PATH,
    HOME_PATH,
    METHOD_PATH,
    Rendered,
    Shell,
    document,
    in_language,
    language_of,
    plain_look,
)
from widget_server.web.headers import page_headers
from widget_server.web.page import DetailPage, render_detail, render_gone
from widget_server.web.replies import HTML, reply
from widget_server.web.search_page import lone_shell, of_nobody, read_search
from widget_server.web.site import cache_control, site_of

_XML: Final = "application/xml"
_TEXT: Final = "text/plain; charset=utf-8"
_DAY: Final = "public, max-age=86400"
_INDEXED: Final = (HOME_PATH, f"{HOME_PATH}?lang=en", METHOD_PATH, f"{METHOD_PATH}?lang=en", ACCESSIBILITY_PATH)
"""Pages of this server itself. Lists change by the hour, and a card may be named after a person: neither is here."""


async def card(request: Request) -> Response:
    """One card, unframed."""
    site = site_of(request)
    _, parsed = read_search(site, of_nobody(request.query_params.multi_items()))
    asked = parsed.request
    sources = site.sources()
    found = find_card(sources, request.path_params["card_id"])
    if found is None:
        return _send(request, render_gone(lone_shell(site), asked, parsed.received), cache="no-store", status=404)
    page = DetailPage(
        shell=lone_shell(site),
        card=found.card,
        facts=found.facts,
        source=found.source,
        request=asked,
        received=parsed.received,
        now=site.now(),
    )
    return _send(request, render_detail(page), cache=cache_control(sources))


async def accessibility(request: Request) -> Response:
    """The accessibility statement: what was checked by ourselves, what is known to be missing, whom to tell."""
    site = site_of(request)
    asked = site.parse(request.query_params.multi_items()).request
    return _send(request, render_accessibility(lone_shell(site), asked), cache=_DAY)


def lost(request: Request) -> Response:
    """What a person sees at an address that leads nowhere."""
    site = site_of(request)
    asked = site.parse(request.query_params.multi_items()).request
    return _send(request, render_lost(lone_shell(site), asked), cache="no-store", status=404)


def render_lost(shell: Shell, request: SearchRequest) -> Rendered:
    """That there is no such page, and the way to the search."""
    t = language_of(request)
    title = t("Cette page n’existe pas")
    return document("lost.html", shell, t, plain_look("auto"), None, title=title, search=in_language(HOME_PATH, t.code))


def render_accessibility(shell: Shell, request: SearchRequest) -> Rendered:
    """The statement in the language that is asked."""
    t = language_of(request)
    return document(
        "accessibility.html",
        shell,
        t,
        plain_look("auto"),
        None,
        title=t("Déclaration d’accessibilité"),
        search=HOME_PATH,
    )


async def robots(request: Request) -> Response:
    """What crawlers may visit: neither frames, nor data, nor single cards."""
    base = site_of(request).settings.base_url()
    lines = ["User-agent: *", "Disallow: /v1/", f"Disallow: {HOME_CARD_PATH}", f"Sitemap: {base}/sitemap.xml", ""]
    return reply(request, "\n".join(lines).encode(), _TEXT, headers={"Cache-Control": _DAY})


async def sitemap(request: Request) -> Response:
    """The pages of this server itself."""
    base = site_of(request).settings.base_url()
    rows = "".join(f"<url><loc>{escape(base + path)}</loc></url>" for path in _INDEXED)
    body = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}'
    return reply(request, f"{body}</urlset>".encode(), _XML, headers={"Cache-Control": _DAY})


def _send(request: Request, page: Rendered, *, cache: str, status: int = 200) -> Response:
    headers = page_headers(frame_ancestors=(), scripts=page.script_hashes, styles=page.style_hashes)
    return reply(request, page.html, HTML, headers=headers | {"Cache-Control": cache}, status=status)
