"""Finished HTTP answers: compression, ETag and 304, problem+json, and the headers that every answer carries."""

import gzip
import hashlib
from collections.abc import Mapping
from typing import Final

import brotli
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.query import Problem

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
    coding = _coding(request.headers.get("accept-encoding", ""))
    if len(body) > _SMALL and coding == "br":
        body = brotli_body or brotli.compress(body, quality=_BROTLI_QUALITY)
        sent["Content-Encoding"] = "br"
    elif len(body) > _SMALL and coding == "gzip":
        body = gzip.compress(body, 6, mtime=0)
        sent["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, headers=sent, media_type=media_type)


def _coding(accepted: str) -> str | None:
    """The best coding that the client accepts; a quality of 0 is a refusal."""
    offers: dict[str, bool] = {}
    for item in accepted.lower().split(","):
        name, _, weight = item.partition(";")
        offers[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((name for name in ("br", "gzip") if offers.get(name, False)), None)


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
