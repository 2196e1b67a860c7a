"""The files that browsers load from us: the loader that partners paste, and the page's own scripts."""

from starlette.requests import Request
from starlette.responses import Response

from widget_server.web.replies import OPEN, problem, reply
from widget_server.web.site import site_of

_MOVING = "public, max-age=3600, stale-while-revalidate=604800"
_FOREVER = "public, max-age=31536000, immutable"


async def loader(request: Request) -> Response:
    """`/embed/v1.js`: moves inside major version 1."""
    asset = site_of(request).assets.loader
    headers = OPEN | {"Cache-Control": _MOVING}
    return reply(request, asset.body, asset.media_type, headers=headers, brotli_body=asset.brotli)


async def asset(request: Request) -> Response:
    """`/assets/<name>`: a built file; those with a hash in their name never change."""
    found = site_of(request).assets.files.get(request.path_params["name"])
    if found is None:
        return problem(request, 404, "Fichier introuvable", "Ce fichier n'existe pas dans cette version.")
    hashed = found.name.count(".") > 1
    headers = OPEN | {"Cache-Control": _FOREVER if hashed else _MOVING}
    return reply(request, found.body, found.media_type, headers=headers, brotli_body=found.brotli)
