"""Counts what costs something before it is answered, or read from a cache: nobody can ask for everything.

A visitor is counted by address and partner; a call that brings a partner's API key (`Authorization: Bearer`) counts
against that partner's own quota instead. Suggestions are counted apart, because one search is many letters.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from widget_server.domain.query import Parsed
from widget_server.web.document import Shell, document, language_of, look_of
from widget_server.web.headers import page_headers
from widget_server.web.partners import Partner
from widget_server.web.quotas import network
from widget_server.web.replies import HTML, problem, reply
from widget_server.web.site import Site
from widget_server.web.watch import Watch

_FREE: Final = ("/assets/", "/embed/", "/logos/", "/healthz", "/readyz", "/metrics", "/robots.txt", "/sitemap.xml")
"""What costs nothing, or is asked by whoever runs the server."""
_TYPING: Final = ("/v1/places", "/v1/jobs")
_DATA: Final = ("/v1/", "/oembed")
_FRAME: Final = "/v1/widget"
_LONGEST_QUERY: Final = 8_000


class Turnstile:
    """Lets a call through, or says when to come back."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def refuse(self, scope: Scope, asked: Mapping[bytes, bytes]) -> ASGIApp | None:
        """Count one call with these headers. The answer for who has to wait or brings an unknown key; else None."""
        if scope["path"].startswith(_FREE):
            return None
        refusal = self._refusal(scope, asked)
        # Refusals are watched like every other answer; what is let through is watched further in.
        return None if refusal is None else Watch(refusal, self._site.metrics)

    def _refusal(self, scope: Scope, asked: Mapping[bytes, bytes]) -> Response | None:
        site, path = self._site, scope["path"]
        key = _bearer(asked)
        if key is not None:
            owner = site.partners.find_key(key)
            if owner is None:
                return _unknown_key(Request(scope))
            wait_s = site.quotas.take("key", owner.id, per_minute=owner.quota_per_minute)
            return _busy_data(Request(scope), wait_s, owner.quota_per_minute) if wait_s else None
        per_minute = site.settings.quota_per_minute
        visitor = network(scope["client"][0]) if per_minute and scope.get("client") else None
        if visitor is None:
            return None
        partner = self._partner(scope)
        what = "typing" if path.startswith(_TYPING) else "search"
        wait_s = site.quotas.take(what, visitor, partner.id if partner else "", per_minute=per_minute)
        if not wait_s:
            return None
        if path.startswith(_DATA) and not path.startswith(_FRAME):
            return _busy_data(Request(scope), wait_s, per_minute)
        return self._busy_page(Request(scope), partner, wait_s)

    def _partner(self, scope: Scope) -> Partner | None:
        """A known partner; inventing names must not open more buckets."""
        query = scope["query_string"]
        if b"partner" not in query and b"caller" not in query:
            return None
        pairs = parse_qsl(query[:_LONGEST_QUERY].decode("latin-1"))
        return self._site.partners.introduce(pairs).partner

    def _busy_page(self, request: Request, partner: Partner | None, wait_s: int) -> Response:
        """The same in a frame: a page that can be read, with a link that tries again."""
        assets = self._site.assets
        shell = Shell(
            base_url="",
            css=assets.style.text,
            bridge="",
            version="",
            origins=partner.origins if partner else (),
            partner_name=partner.name if partner else None,
        )
        asked: Parsed = self._site.parse(request.query_params.multi_items())
        t = language_of(asked.request)
        page = document(
            "busy.html",
            shell,
            t,
            look_of(asked.request, shell),
            None,
            title=t("Un instant, s’il vous plaît"),
            wait=t.plural("Réessayez dans {n} seconde.", "Réessayez dans {n} secondes.", wait_s),
            retry=f"{request.url.path}?{request.url.query}",
        )
        headers = page_headers(frame_ancestors=shell.origins, scripts=(), styles=page.style_hashes)
        headers |= {"Cache-Control": "no-store", "Retry-After": str(wait_s)}
        return reply(request, page.html, HTML, headers=headers, status=429)


def _bearer(asked: Mapping[bytes, bytes]) -> str | None:
    """The key of an `Authorization: Bearer` header; other schemes are a proxy's business."""
    value = asked.get(b"authorization")
    if value is None:
        return None
    scheme, _, key = value.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _unknown_key(request: Request) -> Response:
    told = "Cette clé n'est pas enregistrée, ou ne l'est plus. Une clé ne s'utilise que de serveur à serveur."
    answer = problem(request, 401, "Clé inconnue", told)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="alternance-widget"'
    return answer


def _busy_data(request: Request, wait_s: int, per_minute: int) -> Response:
    told = f"{per_minute} appels par minute au plus ; réessayez dans {wait_s} s."
    answer = problem(request, 429, "Trop d'appels", told)
    answer.headers["Retry-After"] = str(wait_s)
    return answer
