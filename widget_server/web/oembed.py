"""`/oembed`: what a site that knows only the address of a list needs to show it (https://oembed.com)."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.answer import Occupation
from widget_server.listing.answers import make_answer
from widget_server.web import wording
from widget_server.web.document import language_of
from widget_server.web.pasted import form_a, frame_title, reserved_height_px
from widget_server.web.replies import JSON, OPEN, problem, reply
from widget_server.web.search_page import read_search
from widget_server.web.site import Site, base_url, site_of

PATHS: Final = frozenset({"/v1/widget"})
"""The pages that can be shown elsewhere; each links to its own description here."""
WIDTH_PX: Final = 720
_KEPT_S: Final = 3600


class Rich(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the type `rich`: markup to insert, and the room that it takes."""

    type: str = "rich"
    version: str = "1.0"
    title: str
    provider_name: str = "alternance-widget"
    provider_url: str
    cache_age: int = _KEPT_S
    html: str
    width: int
    height: int


async def oembed(request: Request) -> Response:
    """The markup for one of our own addresses; 404 for any other, 501 for any format but JSON."""
    asked = request.query_params
    if asked.get("format", "json") != "json":
        return problem(request, 501, "Format non proposé", "format : seul json est proposé, par exemple format=json.")
    limits: dict[str, int | None] = {}
    for name in ("maxwidth", "maxheight"):
        text = asked.get(name)
        if text is not None and not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
            hint = f"{name} : « {text[:20]} » n'est pas un nombre de pixels, par exemple {name}=600."
            return problem(request, 400, "La requête a un paramètre à corriger", hint)
        limits[name] = int(text[:9]) if text else None
    site = site_of(request)
    own = _own(request, site, asked.get("url", ""))
    if own is None:
        hint = f"url : l'adresse d'une liste de ce service, par exemple {base_url(request)}/v1/widget?romes=D1102."
        return problem(request, 404, "Adresse inconnue", hint)
    path, pairs = own
    address = f"{base_url(request)}{path}" + (f"?{urlencode(pairs, safe=',')}" if pairs else "")
    title, height_px = _describe(site, pairs)
    height_px = min(height_px, limits["maxheight"] or height_px)
    answer = Rich(
        title=title,
        provider_url=f"{base_url(request)}/",
        html=form_a(address, title, height_px=height_px),
        width=min(WIDTH_PX, limits["maxwidth"] or WIDTH_PX),
        height=height_px,
    )
    return reply(
        request, msgspec.json.encode(answer), JSON, headers=OPEN | {"Cache-Control": f"public, max-age={_KEPT_S}"}
    )


def _own(request: Request, site: Site, url: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The path and the query of one of our own pages; None for any other address."""
    bases = {base_url(request), site.settings.base_url(), str(request.base_url).rstrip("/")}
    address, _, query = url.partition("#")[0].partition("?")
    path = next((path for path in PATHS for base in bases if address == base + path), None)
    # Which page asks is no part of the address that is pasted.
    return (path, [pair for pair in parse_qsl(query) if pair[0] != "origin"]) if path else None


def _describe(site: Site, pairs: list[tuple[str, str]]) -> tuple[str, int]:
    """The title of the frame, and the height for the cards that its first page has now."""
    _, parsed = read_search(site, pairs)
    asked = parsed.request
    shown = tuple(Occupation(rome=code, label=site.occupations.label(code) or code) for code in asked.romes)
    t = language_of(asked)
    place = asked.place.label if asked.place else ""
    title = asked.look.get("title") or frame_title(t, wording.jobs(t, shown), place)
    answer = make_answer(asked, parsed.problems, site.sources(), site.occupations)
    return title, reserved_height_px(len(answer.cards))
