"""The answers for who has to come back later: as data, or as a page that can be read in a frame and tries again."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from widget_server.domain.query import Parsed
from widget_server.web.document import Shell, document, language_of, look_of
from widget_server.web.headers import page_headers
from widget_server.web.partners import Partner
from widget_server.web.replies import HTML, problem, reply
from widget_server.web.site import Site, site_of

_DATA: Final = ("/v1/", "/oembed")
_FRAME: Final = "/v1/widget"
_LONGEST_QUERY: Final = 8_000
_OVERLOADED_S: Final = 2
"""What waits to be made when one more is refused takes about a second."""


def overloaded(request: Request) -> Response:
    """503 for who would wait behind too many others."""
    if is_data(request.url.path):
        told = f"Trop de listes attendent d'être faites ; réessayez dans {_OVERLOADED_S} s."
        return busy_data(request, 503, "Serveur occupé", told, _OVERLOADED_S)
    return busy_page(site_of(request), request, 503, _OVERLOADED_S, own=False)


def is_data(path: str) -> bool:
    """Whether a program reads what is at a path, and not a person."""
    return path.startswith(_DATA) and not path.startswith(_FRAME)


def partner_of(site: Site, scope: Scope) -> Partner | None:
    """A known partner; inventing names must not open more buckets."""
    query = scope["query_string"]
    if b"partner" not in query and b"caller" not in query:
        return None
    pairs = parse_qsl(query[:_LONGEST_QUERY].decode("latin-1"))
    return site.partners.introduce(pairs).partner


def busy_data(request: Request, status: int, title: str, told: str, wait_s: int) -> Response:
    """As data."""
    answer = problem(request, status, title, told)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def busy_page(site: Site, request: Request, status: int, wait_s: int, *, own: bool) -> Response:
    """The same in a frame: a page that can be read, with a link that tries again. `own`: the visitor asked too much."""
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
