"""`/v1/places` and `/v1/jobs`: suggestions from our own reference tables, while somebody types."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from widget_server.reference.occupations import JobSuggestion
from widget_server.reference.places import PlaceSuggestion
from widget_server.web.replies import JSON, OPEN, problem, reply
from widget_server.web.site import site_of

_CACHE = "public, max-age=86400"
_LONGEST = 100


class PlaceSuggestions(msgspec.Struct, frozen=True, kw_only=True):
    """Places for a beginning of a name, of a postcode or of a département number, the best first."""

    query: str
    suggestions: list[PlaceSuggestion]


class JobSuggestions(msgspec.Struct, frozen=True, kw_only=True):
    """Occupations for everyday words, each with its ROME codes, the best first."""

    query: str
    suggestions: list[JobSuggestion]


async def places(request: Request) -> Response:
    """Communes, postcodes, départements and régions."""
    asked = request.query_params.get("q", "").strip()[:_LONGEST]
    if not asked:
        return _missing(request, "rennes")
    body = msgspec.json.encode(PlaceSuggestions(query=asked, suggestions=site_of(request).places.suggest(asked)))
    return reply(request, body, JSON, headers=OPEN | {"Cache-Control": _CACHE})


async def jobs(request: Request) -> Response:
    """Occupations with their ROME codes."""
    asked = request.query_params.get("q", "").strip()[:_LONGEST]
    if not asked:
        return _missing(request, "boulang")
    body = msgspec.json.encode(JobSuggestions(query=asked, suggestions=site_of(request).occupations.suggest(asked)))
    return reply(request, body, JSON, headers=OPEN | {"Cache-Control": _CACHE})


def _missing(request: Request, example: str) -> Response:
    return problem(request, 400, "Il manque le texte à compléter", f"Donnez q, par exemple q={example}.")
