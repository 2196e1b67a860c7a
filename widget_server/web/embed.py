"""The files that browsers load from us: the loader that partners paste, and the page's own scripts."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from widget_server.web.replies import JSON, OPEN, problem, reply
from widget_server.web.site import base_url, site_of

_PICTURE = {"Content-Security-Policy": "default-src 'none'", "Cross-Origin-Resource-Policy": "cross-origin"}
_MOVING = "public, max-age=3600, stale-while-revalidate=604800"
_FOREVER = "public, max-age=31536000, immutable"
_SOON = "public, max-age=300"


class ManifestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A released loader for whoever pins one: what a script element needs, and what it speaks since when."""

    version: str
    url: str
    integrity: str
    protocol: str
    date: str


async def loader(request: Request) -> Response:
    """`/embed/v1.js`: moves inside major version 1."""
    asset = site_of(request).assets.loader
    headers = OPEN | {"Cache-Control": _MOVING}
    return reply(request, asset.body, asset.media_type, headers=headers, brotli_body=asset.brotli)


async def released_loader(request: Request) -> Response:
    """`/embed/<version>/embed.<hash>.js`: never changes, so that a page may name its hash (Subresource Integrity)."""
    file = "{version}/{name}".format_map(request.path_params)
    for row, asset in site_of(request).assets.released.items():
        if row.file == file:
            headers = OPEN | {"Cache-Control": _FOREVER}
            return reply(request, asset.body, asset.media_type, headers=headers, brotli_body=asset.brotli)
    return problem(request, 404, "Fichier introuvable", "/embed/manifest.json donne l'adresse de chaque version.")


async def manifest(request: Request) -> Response:
    """`/embed/manifest.json`: every released loader, newest first."""
    base = base_url(request)
    rows = [
        ManifestRow(
            version=row.version,
            url=f"{base}/embed/{row.file}",
            integrity=row.integrity,
            protocol=row.protocol,
            date=row.date,
        )
        for row in site_of(request).assets.released
    ]
    headers = OPEN | {"Cache-Control": _SOON}
    return reply(request, msgspec.json.encode({"loaders": rows}), JSON, headers=headers)


async def asset(request: Request) -> Response:
    """`/assets/<name>`: a built file; those with a hash in their name never change."""
    found = site_of(request).assets.files.get(request.path_params["name"])
    if found is None:
        return problem(request, 404, "Fichier introuvable", "Ce fichier n'existe pas dans cette version.")
    hashed = found.name.count(".") > 1
    headers = OPEN | {"Cache-Control": _FOREVER if hashed else _MOVING}
    return reply(request, found.body, found.media_type, headers=headers, brotli_body=found.brotli)


async def logo(request: Request) -> Response:
    """`/logos/<hash>.<type>`: a partner's logo, checked when the registry was read; its bytes never change."""
    found = site_of(request).partners.logos.get(request.path_params["name"])
    if found is None:
        return problem(request, 404, "Image introuvable", "Ce logo n'est pas, ou n'est plus, celui d'un partenaire.")
    headers = _PICTURE | {"Cache-Control": _FOREVER, "ETag": f'"{found.name}"'}
    return Response(found.body, headers=headers, media_type=found.media_type)
