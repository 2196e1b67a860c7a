"""`/healthz` and `/readyz`: for whoever runs the server."""

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from widget_server.domain.answer import SourceState
from widget_server.web.site import site_of


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every expected source can be shown; `missing` names those that cannot, with the reason.

    `partners` says why a newer registry is not in use. The server answers with the one before, so it still is ready.
    """

    ready: bool
    missing: dict[str, str]
    partners: str | None
    sources: tuple[SourceState, ...]


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """200 when every expected source has a usable snapshot, else 503 naming what is missing."""
    site = site_of(request)
    states = tuple(source.state for source in site.sources())
    missing = {
        state.name: state.problem or ("no snapshot yet" if state.as_of is None else "too old to be shown")
        for state in states
        if state.status == "missing"
    }
    site.registry.current()
    body = msgspec.json.encode(
        Readiness(ready=not missing, missing=missing, partners=site.registry.problem, sources=states)
    )
    return Response(
        body,
        status_code=503 if missing else 200,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
