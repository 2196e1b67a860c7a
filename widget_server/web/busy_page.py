"""Busy, as a page that can be read in a frame, with a link that tries again."""

from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.query import Parsed
from widget_server.web.busy import partner_of
from widget_server.web.document import Shell, document, language_of, look_of
from widget_server.web.headers import page_headers
from widget_server.web.replies import HTML, reply
from widget_server.web.site import site_of


def busy_page(request: Request, status: int, wait_s: int, *, own: bool) -> Response:
    """The page. `own`: the visitor asked too much."""
    site = site_of(request)
    partner = partner_of(site, request.scope)
    shell = Shell(
        base_url="",
        css=site.assets.style.text,
        bridge="",
        version="",
        origins=partner.origins if partner else (),
        partner_name=partner.name if partner else None,
    )
    asked: Parsed = site.parse(request.query_params.multi_items())
    t = language_of(asked.request)
    page = document(
        "busy.html",
        shell,
        t,
        look_of(asked.request, shell),
        None,
        title=t("Un instant, s’il vous plaît"),
        own=own,
        wait=t.plural("Réessayez dans {n} seconde.", "Réessayez dans {n} secondes.", wait_s),
        retry=f"{request.url.path}?{request.url.query}",
    )
    headers = page_headers(frame_ancestors=shell.origins, scripts=(), styles=page.style_hashes)
    headers |= {"Cache-Control": "no-store", "Retry-After": str(wait_s)}
    return reply(request, page.html, HTML, headers=headers, status=status)
