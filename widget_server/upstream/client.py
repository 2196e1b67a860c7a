"""Call one upstream: paced, patient, retried within bounds, and never saying a secret. The only importer of httpx.

What an upstream does becomes one of four errors (domain/errors.py), always naming the upstream and its own words.
A client belongs to one event loop and to one upstream; all its calls share one pace, one token and one pool.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec
from aiolimiter import AsyncLimiter

from widget_server import __version__
from widget_server.domain.errors import (
    SettingError,
    UpstreamDown,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamThrottled,
)
from widget_server.upstream.compression import MEGABYTE, capped, inflated

Transport = httpx.AsyncBaseTransport
"""What carries the calls; tests hand in a fake or the sandbox application."""

LONGEST_WAIT_S: Final = 120.0
"""A `Retry-After` beyond this is not waited for: the sync fails, and the next one tries again."""

_CONNECT_S: Final = 10.0
_TOKEN_S: Final = 3.0
_EARLY_S: Final = 60.0
_BACKOFF_S: Final = 0.5
_LONGEST_BACKOFF_S: Final = 20.0
_CONNECTIONS: Final = 10
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_REDIRECTS: Final = 3
_ERROR_BODY: Final = 64 * 1024
_SAID: Final = 300
_AGAIN: Final = frozenset({408, 425, 500, 502, 503, 504})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_DEMONSTRATION: Final = "x-demonstration-data"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class Tally:
    """What a client has done so far; `bytes` counts what came over the wire."""

    calls: int = 0
    retries: int = 0
    bytes: int = 0
    waited_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An OAuth2 application: its token comes from `token_url` in exchange for its secret."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, kw_only=True)
class Body:
    """One streamed answer; `pieces` is its content, decompressed, to be read once."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Client:
    """Calls to one upstream.

    name        how errors and reports call it
    rate_per_s  calls per second, evenly spaced; retries count as calls
    patience_s  how long the upstream may stay silent, to connect or between two pieces of an answer
    attempts    how often one call is tried
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        rate_per_s: float,
        patience_s: float,
        attempts: int,
        credentials: Credentials | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: random.Random | None = None,
        on_call: Callable[[Tally], None] | None = None,
    ) -> None:
        # hpack writes every header it sends to its log at DEBUG, the bearer token included.
        logging.getLogger("hpack").setLevel(logging.INFO)
        self.name = name
        self.tally = Tally()
        self.demonstration = False
        self._base = _base(name, base_url)
        self._attempts = max(1, attempts)
        self._pace = AsyncLimiter(1, 1 / rate_per_s)
        self._clock = clock
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._on_call = on_call
        self._quiet_until = clock()
        self._token = None if credentials is None else _Token(name, credentials, clock)
        self._http = httpx.AsyncClient(
            http2=transport is None,
            transport=transport,
            timeout=httpx.Timeout(patience_s, connect=min(patience_s, _CONNECT_S), pool=None),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"alternance-widget/{__version__}",
            },
            follow_redirects=False,
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            trust_env=self._base.host not in _LOOPBACK,  # proxies are for the others
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, cap_bytes: int = 64 * MEGABYTE) -> Reply:
        """A whole answer of status 2xx, tried again when it breaks off; every other end is an `UpstreamError`."""
        for attempt in range(1, self._attempts + 1):
            try:
                async with self._opened(path, params) as response:
                    body = b"".join([piece async for piece in self._pieces(response, cap_bytes)])
                    return Reply(status=response.status_code, headers=_plain(response.headers), body=body)
            except _Again as again:
                await self._before_next(attempt, again)
            except UpstreamMalformed as broken:
                await self._before_next(attempt, _Again(broken))
        raise AssertionError("the last attempt raises")

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str] | None = None, *, cap_bytes: int
    ) -> AsyncIterator[Body]:
        """An answer of status 2xx piece by piece. Opening it is retried; once it flows, a break is an error."""
        for attempt in range(1, self._attempts + 1):
            opening = self._opened(path, params)
            try:
                response = await opening.__aenter__()
            except _Again as again:
                await self._before_next(attempt, again)
                continue
            try:
                pieces = self._pieces(response, cap_bytes)
                yield Body(status=response.status_code, headers=_plain(response.headers), pieces=pieces)
            except _Again as again:
                raise again.cause from again
            finally:
                await opening.__aexit__(None, None, None)
            return

    @asynccontextmanager
    async def _opened(self, path: str, params: Mapping[str, str] | None) -> AsyncIterator[httpx.Response]:
        """One attempt: an open response of status 2xx; `_Again` when another attempt makes sense."""
        url = httpx.URL(str(self._base).rstrip("/") + path)
        request = self._http.build_request("GET", url, params=params)
        for _ in range(_REDIRECTS):
            response = await self._send(request)
            try:
                if response.status_code in _MOVED:
                    request = self._redirected(request, response)
                    continue
                if response.status_code not in range(200, 300):
                    await self._refuse(response)
                yield response
                return
            finally:
                await response.aclose()
        raise UpstreamRefused(self.name, 310, "too many redirects")

    async def _send(self, request: httpx.Request) -> httpx.Response:
        while (quiet_s := self._quiet_until - self._clock()) > 0:
            await self._wait(quiet_s)
        await self._pace.acquire()
        self.tally.calls += 1
        try:
            response = await self._http.send(request, stream=True, auth=self._token)
        except httpx.TransportError as error:
            raise _Again(UpstreamDown(self.name, self._told(error))) from error
        except httpx.HTTPError as error:
            raise UpstreamMalformed(self.name, self._told(error)) from error
        if response.headers.get(_DEMONSTRATION, "").lower() == "true":
            self.demonstration = True
        if self._on_call is not None:
            self._on_call(self.tally)
        return response

    async def _refuse(self, response: httpx.Response) -> None:
        """Turn a status that is not a success into the error it stands for."""
        try:
            body = b"".join([piece async for piece in self._pieces(response, _ERROR_BODY)])
        except (_Again, UpstreamError):
            body = b""  # the status says enough
        status, said = response.status_code, self._conceal(_said(body))
        if status == 429:
            wait_s = _retry_after(response.headers)
            cause = UpstreamThrottled(self.name, f"asks us to slow down (429){': ' + said if said else ''}")
            if wait_s is not None and wait_s > LONGEST_WAIT_S:
                raise UpstreamThrottled(self.name, f"asks us to wait {wait_s:.0f} s, more than a sync may")
            raise _Again(cause, wait_s)
        if status in _AGAIN:
            raise _Again(UpstreamDown(self.name, f"answers {status}{': ' + said if said else ''}"))
        raise UpstreamRefused(self.name, status, said)

    async def _before_next(self, attempt: int, again: "_Again") -> None:
        """Wait as asked, or for a jittered and growing while; after the last attempt raise what happened."""
        if attempt >= self._attempts:
            raise again.cause from again
        self.tally.retries += 1
        if again.wait_s is not None:
            # The quota is the application's, not the call's: every call of this client keeps quiet.
            self._quiet_until = max(self._quiet_until, self._clock() + again.wait_s)
            return
        longest = min(_BACKOFF_S * 2.0 ** (attempt - 1), _LONGEST_BACKOFF_S)
        await self._wait(self._chance.uniform(longest / 2, longest))

    async def _wait(self, seconds: float) -> None:
        self.tally.waited_s += seconds
        await self._sleep(seconds)

    def _redirected(self, request: httpx.Request, response: httpx.Response) -> httpx.Request:
        """The same call at its new address on the same host; anywhere else is refused, the bearer stays here."""
        try:
            target = request.url.join(response.headers.get("location", ""))
        except httpx.InvalidURL as error:
            raise UpstreamMalformed(self.name, "redirects to something that is not an address") from error
        safer = request.url.scheme == "http" and target.scheme == "https" and target.host == request.url.host
        here = (target.scheme, target.host, target.port) == (request.url.scheme, request.url.host, request.url.port)
        if not (here or safer):
            raise UpstreamRefused(self.name, response.status_code, f"redirects to another host, {target.host}")
        return self._http.build_request("GET", target)

    async def _pieces(self, response: httpx.Response, cap_bytes: int) -> AsyncIterator[bytes]:
        """The decompressed body. Refused: more than the cap, another encoding, an end before its announced length."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise UpstreamMalformed(self.name, f"answers in the encoding {encoding!r}, which we did not ask for")
        pieces = self._wire(response)
        if encoding == "gzip":
            pieces = inflated(pieces, self.name)
        async for piece in capped(pieces, cap_bytes, self.name):
            yield piece

    async def _wire(self, response: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in response.aiter_raw():
                size += len(piece)
                self.tally.bytes += len(piece)
                yield piece
        except httpx.RemoteProtocolError as error:
            raise UpstreamMalformed(self.name, f"stops in the middle of an answer, after {size} bytes") from error
        except httpx.TransportError as error:
            raise _Again(UpstreamDown(self.name, self._told(error))) from error
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and size < int(announced):
            raise UpstreamMalformed(self.name, f"stops in the middle of an answer, after {size} of {announced} bytes")

    def _told(self, error: httpx.HTTPError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"no answer in time ({type(error).__name__})"
        return self._conceal(str(error)) or type(error).__name__

    def _conceal(self, text: str) -> str:
        secrets = () if self._token is None else self._token.secrets()
        for secret in secrets:
            text = text.replace(secret, "(secret)")
        return text


def _base(name: str, base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise SettingError(f"{name}: its address cannot be read, for example https://api.example") from error
    if url.userinfo:
        raise SettingError(f"{name}: its address holds a password; addresses are written to logs, passwords never")
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingError(f"{name}: {base_url!r} is not an http(s) address, for example https://api.example")
    return url


class _Again(Exception):
    """An attempt failed in a way that another may cure; `cause` is raised when there is no other."""

    def __init__(self, cause: UpstreamError, wait_s: float | None = None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait_s = wait_s


class _TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: float


class _Token(httpx.Auth):
    """OAuth2 client credentials: one refresh at a time, 60 s early, and one replay after a 401."""

    def __init__(self, upstream: str, credentials: Credentials, clock: Callable[[], float]) -> None:
        self._upstream = upstream
        self._credentials = credentials
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until = float("-inf")

    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere."""
        return tuple(secret for secret in (self._credentials.client_secret, self._token) if secret)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What httpx sends: a token request when one is due, the call, and once more both after a 401."""
        async with self._lock:
            if self._clock() >= self._good_until:
                answer = yield self._ask()
                await self._keep(answer)
        used = self._token
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code != 401:
            return
        async with self._lock:
            if self._token == used:  # nobody else refreshed it meanwhile
                answer = yield self._ask()
                await self._keep(answer)
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def _ask(self) -> httpx.Request:
        told = self._credentials
        form = {"grant_type": "client_credentials", "client_id": told.client_id, "client_secret": told.client_secret}
        if told.scope:
            form["scope"] = told.scope
        return httpx.Request(
            "POST",
            told.token_url,
            data=form,
            headers={"Accept": "application/json"},
            extensions={"timeout": httpx.Timeout(_TOKEN_S).as_dict()},
        )

    async def _keep(self, response: httpx.Response) -> None:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(_TOKEN_S):  # httpx wants the body whole; it is short, or it is no token
                body = await response.aread()
        except TimeoutError as error:
            raise _Again(UpstreamDown(self._upstream, "no token: its answer does not end")) from error
        status = response.status_code
        if status == 429:
            raise _Again(
                UpstreamThrottled(self._upstream, "no token: asks us to slow down (429)"),
                _retry_after(response.headers),
            )
        if status in _AGAIN:
            raise _Again(UpstreamDown(self._upstream, f"no token: answers {status}"))
        if status != 200:
            said = _said(body)
            for secret in self.secrets():
                said = said.replace(secret, "(secret)")
            raise UpstreamRefused(self._upstream, status, f"no token: {said or 'no explanation'}")
        try:
            told = _TOKEN_ANSWER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UpstreamMalformed(self._upstream, "sends a token answer that cannot be read") from error
        self._token = told.access_token
        # A short-lived token is used at least for half of its life: otherwise each call would ask for a new one.
        self._good_until = asked_at + max(told.expires_in - _EARLY_S, told.expires_in / 2)


_TOKEN_ANSWER: Final = msgspec.json.Decoder(_TokenAnswer)


class _ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The error shapes of all upstreams: the first of these that is filled is what they said."""

    message: str | None = None
    error_description: str | None = None
    error: str | None = None


def _said(body: bytes) -> str:
    """An upstream's own words about an error, on one line; "" when there are none."""
    text = body.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            told = msgspec.json.decode(body, type=_ErrorAnswer)
            text = told.message or told.error_description or told.error or ""
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    elif text.startswith("<"):
        text = ""  # a proxy's page says nothing useful
    return " ".join(text.split())[:_SAID]


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait: a number, or a date compared with the upstream's own clock."""
    told = headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError):
        return None


def _plain(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}
