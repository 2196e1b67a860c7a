"""Counts what costs something before it is answered, or read from a cache: nobody can ask for everything.

A visitor is counted by address and partner; a call that brings a partner's API key (`Authorization: Bearer`) counts
against that partner's own quota instead. Suggestions are counted apart, because one search is many letters.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp, Scope

from widget_server.web.busy import asked_too_much, partner_of
from widget_server.web.quotas import network
from widget_server.web.replies import problem
from widget_server.web.site import Site
from widget_server.web.watch import Watch

_FREE: Final = ("/assets/", "/embed/", "/logos/", "/healthz", "/readyz", "/metrics", "/robots.txt", "/sitemap.xml")
"""What costs nothing, or is asked by whoever runs the server."""
_TYPING: Final = ("/v1/places", "/v1/jobs")


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

    def _refusal(self, scope: Scope, asked: Mapping[bytes, bytes]) -> ASGIApp | None:
        site, path = self._site, scope["path"]
        key = _bearer(asked)
        if key is not None:
            owner = site.partners.find_key(key)
            if owner is None:
                return _unknown_key(Request(scope))
            wait_s = site.quotas.take("key", owner.id, per_minute=owner.quota_per_minute)
            return _wait(wait_s, owner.quota_per_minute, program=True) if wait_s else None
        per_minute = site.settings.quota_per_minute
        visitor = network(scope["client"][0]) if per_minute and scope.get("client") else None
        if visitor is None:
            return None
        partner = partner_of(site, scope)
        what = "typing" if path.startswith(_TYPING) else "search"
        wait_s = site.quotas.take(what, visitor, partner.id if partner else "", per_minute=per_minute)
        return _wait(wait_s, per_minute, program=False) if wait_s else None


def _wait(wait_s: int, per_minute: int, *, program: bool) -> ASGIApp:
    return request_response(partial(asked_too_much, wait_s=wait_s, per_minute=per_minute, program=program))


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
