"""What stands in front of every upstream: the label of demonstration data, and the faults of transport."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final, Protocol

from starlette.datastructures import MutableHeaders
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_server.sandbox.faults import Active, Faults, number, upstream_of

LABEL: Final = "X-Demonstration-Data"
TECHNICAL: Final = "Erreur technique. Veuillez contacter le support de francetravail.io."
_SOON: Final = 2000
_KEY: Final = "sandbox.faults"
_HANG_UP: Final = "sandbox.hang_up"
_BOMB_BYTES: Final = 512 << 20


class HungUp(ConnectionError):
    """The connection was closed on purpose where there is none to close: under a test's transport."""


class _Transport(Protocol):
    def abort(self) -> None: ...


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, faults: Faults, now: Callable[[], datetime]) -> None:
        self._app = app
        self._faults = faults
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upstream = upstream_of(scope["path"])
        active: Active = self._faults.take(upstream) if upstream else {}
        scope[_KEY] = active
        skew_s = number(active, "clock_skew_s", 3600)

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[LABEL] = "true"
                headers["date"] = format_datetime(self._now() + timedelta(seconds=skew_s), usegmt=True)
            await send(message)

        if wait_s := number(active, "slow_s", 1):
            await asyncio.sleep(wait_s)
        if active.get("down"):
            await _hang_up(scope, receive)
            return
        answer = _moved(scope, active) or _instead(upstream or "", active)
        if answer is not None:
            await answer(scope, receive, labelled)
            return
        most = int(number(active, "truncate", _SOON) or number(active, "cut", _SOON))
        if not most:
            await self._app(scope, receive, labelled)
            return
        shortened = _Shortened(labelled, most, hang_up=bool(active.get("cut")), scope=scope, receive=receive)
        await self._app(scope, receive, shortened)


class _Shortened:
    """Passes so many bytes of a body, then ends it or hangs up."""

    def __init__(self, send: Send, most: int, *, hang_up: bool, scope: Scope, receive: Receive) -> None:
        self._send = send
        self._left = most
        self._hang_up = hang_up
        self._scope = scope
        self._receive = receive
        self._over = False

    async def __call__(self, message: Message) -> None:
        """Send what is left to send."""
        if self._over:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "content-length" in headers:
                del headers["content-length"]
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        if len(body) < self._left:
            self._left -= len(body)
            await self._send(message)
            return
        self._over = True
        await self._send({"type": "http.response.body", "body": body[: self._left], "more_body": self._hang_up})
        if self._hang_up:
            await _hang_up(self._scope, self._receive)


def faults_of(scope: Scope | Mapping[str, object]) -> Active:
    """The faults that apply to this call."""
    active = scope.get(_KEY)
    return active if isinstance(active, dict) else {}


def with_hang_up(app: ASGIApp) -> ASGIApp:
    """The application with a way to close its connections, as a real server has them."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)
        transport: _Transport | None = getattr(cycle, "transport", None)
        if scope["type"] == "http" and transport is not None:
            scope[_HANG_UP] = transport.abort
        await app(scope, receive, send)

    return served


async def _hang_up(scope: Scope, receive: Receive) -> None:
    close = scope.get(_HANG_UP)
    if close is None:
        raise HungUp("closed without an answer")
    close()
    while (await receive())["type"] != "http.disconnect":
        pass


def error(upstream: str, status: int, message: str = "") -> Response:
    """An error in the upstream's own shape."""
    if upstream in ("offers", "labonneboite"):
        if status in (401, 403):
            headers = {"WWW-Authenticate": "Bearer" if status == 401 else 'Bearer error="insufficient_scope"'}
            return Response(status_code=status, headers=headers)
        return JSONResponse({"message": message or TECHNICAL}, status)
    if upstream == "token":
        return JSONResponse({"error": "server_error", "error_description": message or "Internal error"}, status)
    name = _NAMES.get(status, "Error")
    if upstream == "trainings":
        return JSONResponse({"statusCode": status, "error": name, "message": message or name}, status)
    if upstream == "apprentissage":
        told = message or "The server was unable to complete your request"
        return JSONResponse({"statusCode": status, "name": name, "message": told}, status)
    return PlainTextResponse(message or name, status)


_NAMES: Final[Mapping[int, str]] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}


def _moved(scope: Scope, active: Active) -> Response | None:
    """The way to another address, where the same path is."""
    if not (there := active.get("moved_to")):
        return None
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{there}{scope['path']}{query and '?'}{query}", 302)


def _instead(upstream: str, active: Active) -> Response | None:
    """The answer that a fault gives instead of the upstream's."""
    if wait_s := int(number(active, "throttle_s", 1)):
        answer = error(upstream, 429)
        answer.headers["Retry-After"] = str(wait_s)
        return answer
    if status := int(number(active, "status", 500)):
        return error(upstream, status)
    if active.get("wrong_type"):
        return HTMLResponse("<html><body><h1>Maintenance en cours</h1></body></html>")
    headers = {"Content-Range": "offres 0-0/1"} if upstream == "offers" else None
    if active.get("malformed"):
        return Response(_MALFORMED.get(upstream, b'[{"siret": }]'), media_type="application/json", headers=headers)
    if active.get("endless"):
        return StreamingResponse(_endless(), media_type="application/json", headers=headers)
    if active.get("bomb"):
        return Response(_bomb(), media_type="application/json", headers={**(headers or {}), "Content-Encoding": "gzip"})
    return None


_MALFORMED: Final[Mapping[str, bytes]] = {
    "token": b'{"access_token": ',
    "offers": b'{"resultats": [{"id": "000AAAA", "intitule": }]}',
    "trainings": b'[{"cle_ministere_educatif": }]',
}


async def _endless() -> AsyncIterator[bytes]:
    yield b"["
    while True:
        yield b" " * 65_536
        await asyncio.sleep(0)


def _bomb() -> bytes:
    piece = gzip.compress(b" " * (1 << 20), mtime=0)
    return piece * (_BOMB_BYTES >> 20)
