"""Finished HTTP answers: compression, ETag and 304, problem+json, and the headers that every answer carries."""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import brotli
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope, Send

from widget_server.domain.exploration import Showing
from widget_server.domain.query import Problem
from widget_server.web.cache import etag_of, key_of
from widget_server.web.edition import Edition
from widget_server.web.entries import Kept, coding_of, keep
from widget_server.web.readings import Reading
from widget_server.web.site import Site

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
HTML: Final = "text/html; charset=utf-8"
OPEN: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""A browser on any site may read this answer."""
_SMALL: Final = 300
_BROTLI_QUALITY: Final = 4


def reply(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    headers: Mapping[str, str],
    status: int = 200,
    brotli_body: bytes | None = None,
) -> Response:
    """An answer with an ETag, compressed as the client accepts; 304 when the client has it already."""
    sent = dict(headers)
    vary = sent.get("Vary")
    sent["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    if status == 200:
        tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        sent["ETag"] = tag
        if tag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=sent)
    coding = coding_of(request.headers.get("accept-encoding", ""))
    if len(body) > _SMALL and coding == "br":
        body = brotli_body or brotli.compress(body, quality=_BROTLI_QUALITY)
        sent["Content-Encoding"] = "br"
    elif len(body) > _SMALL and coding == "gzip":
        body = gzip.compress(body, 6, mtime=0)
        sent["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, headers=sent, media_type=media_type)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A list that was just made. `shown` are the recruiters in it."""

    body: bytes
    media_type: str
    headers: Mapping[str, str]
    shown: tuple[Showing, ...]


async def send_list(
    scope: Scope,
    send: Send,
    site: Site,
    *,
    edition: Edition,
    reading: Reading,
    make: Callable[[], Made],
    partner: str | None = None,
) -> None:
    """Send a list from the cache, where `make` puts it when it is not there; `make` runs in a worker thread."""
    key = key_of(edition.token, reading.question)
    now_s = edition.now_s

    def fill() -> Kept:
        made = make()
        return keep(made.body, made.headers, made.media_type, etag_of(key), made.shown, now_s)

    entry = await site.cache.entry(key, fill, now_s)
    asked = dict(scope["headers"])
    ready = entry.ready(asked)
    if ready is None:
        ready = entry.made(asked)
        site.cache.used(key)
    await send(ready[0])
    await send(ready[1])
    if reading.learn:
        site.learnt.learn(scope["path"], scope["query_string"], entry, partner, edition.token)
    site.served(scope["path"], entry, partner)


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a request."""

    param: str
    value: str
    code: str
    hint: str


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details; `errors` lists every parameter problem at once."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: tuple[ErrorRow, ...] = ()


def problem(request: Request, status: int, title: str, detail: str, errors: tuple[Problem, ...] = ()) -> Response:
    """An `application/problem+json` answer that any site may read."""
    rows = tuple(ErrorRow(param=row.param, value=row.value, code=row.code, hint=row.hint) for row in errors)
    body = msgspec.json.encode(ProblemBody(title=title, status=status, detail=detail, errors=rows))
    return reply(request, body, PROBLEM, status=status, headers=OPEN | {"Cache-Control": "no-store"})
