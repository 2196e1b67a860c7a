"""The answers for who has to come back later: as data, or as a page that can be read in a frame and tries again."""

from typing import Final, Protocol
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from widget_server.web.deferred import Deferred
from widget_server.web.partners import Partner
from widget_server.web.replies import problem
from widget_server.web.site import Site

_DATA: Final = ("/v1/", "/oembed")
_FRAME: Final = "/v1/widget"
_LONGEST_QUERY: Final = 8_000
_OVERLOADED_S: Final = 2
"""What waits to be made when one more is refused takes about a second."""


class BusyPage(Protocol):
    """`web/busy_page.py`."""

    def __call__(self, request: Request, status: int, wait_s: int, *, own: bool) -> Response:
        """The page. `own`: the visitor asked too much."""
        ...


_PAGE: Final = Deferred[BusyPage]("widget_server.web.busy_page", "busy_page")


async def overloaded(request: Request) -> Response:
    """503 for who would wait behind too many others."""
    if is_data(request.url.path):
        told = f"Trop de listes attendent d'être faites ; réessayez dans {_OVERLOADED_S} s."
        return _as_data(request, 503, "Serveur occupé", told, _OVERLOADED_S)
    return (await _PAGE.get())(request, 503, _OVERLOADED_S, own=False)


async def asked_too_much(request: Request, *, wait_s: int, per_minute: int, program: bool) -> Response:
    """429 for who has no call left. `program`: it brought a key, so that nobody looks at a page."""
    if program or is_data(request.url.path):
        told = f"{per_minute} appels par minute au plus ; réessayez dans {wait_s} s."
        return _as_data(request, 429, "Trop d'appels", told, wait_s)
    return (await _PAGE.get())(request, 429, wait_s, own=True)


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


def _as_data(request: Request, status: int, title: str, told: str, wait_s: int) -> Response:
    answer = problem(request, status, title, told)
    answer.headers["Retry-After"] = str(wait_s)
    return answer
