"""Call one upstream: paced, patient, retried within bounds, and never saying a secret. The only importer of httpx.

What an upstream does becomes one of four errors (domain/errors.py), always naming the upstream and its own words.
A client belongs to one event loop and to one upstream. Its pace and its breaker may be shared with other clients of the
same application: see lane.py.
"""

import asyncio
import logging
import random
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from widget_server import __version__
from widget_server.domain.errors import (
    SettingError,
    UpstreamDown,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamThrottled,
)
from widget_server.upstream.arrays import is_whole
from widget_server.upstream.compression import MEGABYTE, CutShort, capped, inflated
from widget_server.upstream.lane import Lane, Sleep
from widget_server.upstream.retries import LONGEST_WAIT_S, MOST, Again, pause_s, retry_after_s, skew_s
from widget_server.upstream.secrecy import Secrets, hush
from widget_server.upstream.token import Credentials as Credentials
from widget_server.upstream.token import Token, TokenReply
from widget_server.upstream.words import said

Transport = httpx.AsyncBaseTransport
"""What carries the calls; tests hand in a fake or the sandbox application."""

Params = Mapping[str, str | Sequence[str]]
"""Query parameters; a sequence repeats its name."""

T = TypeVar("T")

_CONNECT_S: Final = 10.0
_TOKEN_S: Final = 3.0
_CONNECTIONS: Final = 10
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_REDIRECTS: Final = 3
_SMALL: Final = 64 * 1024
"""Bytes of an error or of a token: more is neither."""
_LONGEST_WORDS: Final = 300
_BUSY: Final = frozenset({408, 425, 500, 502, 503, 504})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_JSON: Final = (b"{", b"[")
_DEMONSTRATION: Final = "x-demonstration-data"
# The page of a proxy, the XML error of an object store: nothing that any upstream of ours sends as data.
_STRANGE: Final = re.compile(r"text/html|(?:text|application)/xml|application/xhtml|(?:image|audio|video|font)/", re.I)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class Tally:
    """What a client has done so far.

    calls      requests sent, retries included, those for a token not
    bytes      what came over the wire
    waited_s   seconds that the upstream asked us to wait, or that we left it alone after a failure
    skew_s     how far this machine's clock is ahead of the upstream's, by its last Date header; None without one
    """

    calls: int = 0
    retries: int = 0
    bytes: int = 0
    waited_s: float = 0.0
    skew_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Body:
    """One streamed answer; `pieces` is its content, decompressed, to be read once."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Client:
    """Calls to one upstream. `trouble` is what went wrong last, "" since the last success.

    name          how errors and reports call it
    rate_per_s    calls per second, evenly spaced; retries count as calls
    patience_s    how long the upstream may stay silent, to connect or between two pieces of an answer
    attempts      how often one call is tried; retries.py says what is tried less often
    credentials   an OAuth2 application, whose token is sent
    key           or a key that is sent as it is; neither ever leaves the upstream's own host
    lane          pace and breaker, when another client shares them; it brings its own clock
    cap_bytes     no answer may be larger than this, decompressed
    also_hosts    other hosts that a redirect may lead to, without the token or the key
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
        key: str = "",
        lane: Lane | None = None,
        cap_bytes: int = 4096 * MEGABYTE,
        also_hosts: Collection[str] = (),
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: random.Random | None = None,
        on_call: Callable[[Tally], None] | None = None,
    ) -> None:
        hush()
        self.name = name
        self.tally = Tally()
        self.demonstration = False
        self.trouble = ""
        self._base = _base(name, base_url)
        self._rate_per_s = rate_per_s
        self._attempts = max(1, attempts)
        self._token_s = min(patience_s, _TOKEN_S)
        self._lane = lane or Lane(name, clock=clock, sleep=sleep)
        self._cap_bytes = cap_bytes
        self._also_hosts = frozenset(also_hosts)
        self._now = now
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._on_call = on_call
        self._key = key
        self._secrets = Secrets(key)
        self._token: Token | None = None
        if credentials is not None:
            self._secrets.add(credentials.client_secret)
            self._token = Token(name, credentials, post=self._post, secrets=self._secrets, clock=self._lane.clock)
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

    async def get(self, path: str, params: Params | None = None, *, cap_bytes: int = 64 * MEGABYTE) -> Reply:
        """A whole answer of status 2xx, tried again when it breaks off; every other end is an `UpstreamError`."""

        async def once() -> Reply:
            async with self._opened(path, params) as response:
                body = b"".join([piece async for piece in self._pieces(response, cap_bytes)])
            if body[:1] in _JSON and not is_whole(body):
                raise Again(CutShort(self.name, f"stops in the middle of an answer, after {len(body)} bytes"))
            return Reply(status=response.status_code, headers=_plain(response), body=body)

        return await self._tried(once)

    @asynccontextmanager
    async def stream(self, path: str, params: Params | None = None, *, cap_bytes: int) -> AsyncIterator[Body]:
        """An answer of status 2xx piece by piece. Opening it is retried; once it flows, a break is an error."""
        async with AsyncExitStack() as stack:
            response = await self._tried(lambda: stack.enter_async_context(self._opened(path, params)))
            pieces = self._flowing(response, cap_bytes)
            yield Body(status=response.status_code, headers=_plain(response), pieces=pieces)

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of the first attempt that succeeds; what went wrong with the last one when none does."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._lane.breaker.attempt():
                    done = await work()
                    self.trouble = ""
                    return done
            except Again as again:
                self.trouble = str(again.cause)
                if attempt >= min(self._attempts, _most(again.cause)):
                    raise again.cause from again
                if again.wait_s is not None and again.wait_s > LONGEST_WAIT_S:
                    told = f"asks us to wait {again.wait_s:.0f} s, more than a sync may"
                    raise UpstreamThrottled(self.name, told) from again
                await self._pause(attempt, again)

    async def _pause(self, attempt: int, again: Again) -> None:
        self.tally.retries += 1
        _log.debug("%s; attempt %d of %d", again.cause, attempt, self._attempts)
        wait_s = pause_s(attempt, self._chance)
        if again.wait_s is None:
            self.tally.waited_s += wait_s
            await self._lane.sleep(wait_s)
        else:
            # The quota is the application's, not the call's: every call of this lane keeps quiet.
            self.tally.waited_s += self._lane.keep_quiet(max(wait_s, again.wait_s))

    @asynccontextmanager
    async def _opened(self, path: str, params: Params | None) -> AsyncIterator[httpx.Response]:
        """One attempt: an open response of status 2xx; `Again` when another attempt makes sense."""
        query = {name: value if isinstance(value, str) else list(value) for name, value in (params or {}).items()}
        url = httpx.URL(str(self._base).rstrip("/") + path)  # a signed address keeps its own query, as it is
        url = url.copy_merge_params(query) if query else url
        for _ in range(_REDIRECTS):
            response = await self._authorised(url)
            try:
                if response.status_code in _MOVED:
                    url = self._redirected(url, response)
                    continue
                await self._accept(response)
                yield response
                return
            finally:
                await response.aclose()
        raise UpstreamRefused(self.name, response.status_code, f"redirects more than {_REDIRECTS} times")

    async def _authorised(self, url: httpx.URL) -> httpx.Response:
        """Send with what opens the upstream, at its own host only; after a 401 once more with a new token."""
        if not self._is_home(url):
            return await self._send(url, "")
        if self._token is None:
            return await self._send(url, self._key)
        token = await self._token.current()
        response = await self._send(url, token)
        if response.status_code != 401:
            return response
        await response.aclose()
        response = await self._send(url, await self._token.instead_of(token))
        if response.status_code == 401:
            await response.aclose()
            raise UpstreamRefused(self.name, 401, "the token that was given for this call, and the one before it")
        return response

    async def _send(self, url: httpx.URL, bearer: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else None
        request = self._http.build_request("GET", url, headers=headers)
        await self._lane.place(self._rate_per_s)
        self.tally.calls += 1
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise self._silence(error) from error
        _log.debug("%s: GET %s gives %d", self.name, url.path, response.status_code)
        if response.headers.get(_DEMONSTRATION, "").lower() == "true":
            self.demonstration = True
        self.tally.skew_s = skew_s(_plain(response), self._now())
        if self._on_call is not None:
            self._on_call(self.tally)
        return response

    async def _post(self, url: str, form: Mapping[str, str]) -> TokenReply:
        """Ask for a token: short, quick, and never redirected."""
        try:
            async with asyncio.timeout(self._token_s), self._http.stream("POST", url, data=dict(form)) as response:
                body = b"".join([piece async for piece in self._pieces(response, _SMALL)])
        except TimeoutError as error:
            raise Again(UpstreamDown(self.name, f"no token: no answer within {self._token_s:g} s")) from error
        except httpx.HTTPError as error:
            raise self._silence(error, "no token: ") from error
        _log.debug("%s: POST for a token gives %d", self.name, response.status_code)
        wait_s = retry_after_s(_plain(response), self._now())
        return TokenReply(status=response.status_code, body=body, said=self._words(body), wait_s=wait_s)

    async def _accept(self, response: httpx.Response) -> None:
        """Nothing for a status 2xx with data; what the upstream refuses, or answers instead of data, is raised."""
        status = response.status_code
        kind = response.headers.get("content-type", "")
        if status in range(200, 300):
            if _STRANGE.match(kind.strip()):
                page = await self._told(response)
                told = f"answers {status} with {kind.partition(';')[0]} instead of data{page and f': {page}'}"
                raise Again(UpstreamMalformed(self.name, told))
            return
        told = await self._told(response)
        wait_s = retry_after_s(_plain(response), self._now())
        if status == 429:
            raise Again(UpstreamThrottled(self.name, f"asks us to slow down (429){told and f': {told}'}"), wait_s)
        if status in _BUSY:
            raise Again(UpstreamDown(self.name, f"answers {status}{told and f': {told}'}"), wait_s)
        raise UpstreamRefused(self.name, status, told)

    async def _told(self, response: httpx.Response) -> str:
        """The words of an error; "" when they cannot be read: the status says enough."""
        try:
            return self._words(b"".join([piece async for piece in self._pieces(response, _SMALL)]))
        except (Again, UpstreamError):
            return ""

    def _words(self, body: bytes) -> str:
        # Hidden before it is cut, so that no half of a secret is left.
        return self._secrets.hide(said(body))[:_LONGEST_WORDS]

    def _redirected(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        """The new address of a call: on the same host, or on one that the source allows."""
        try:
            target = url.join(response.headers.get("location", ""))
        except httpx.InvalidURL as error:
            raise UpstreamMalformed(self.name, "redirects to something that is not an address") from error
        elsewhere = target.host in self._also_hosts and target.scheme == "https"
        if not (self._is_home(target) or elsewhere):
            raise UpstreamRefused(self.name, response.status_code, f"redirects to another host, {target.host}")
        return target

    def _is_home(self, url: httpx.URL) -> bool:
        """Whether an address is the upstream's own; the same host is also when it asks for https instead of http."""
        home = self._base
        safer = home.scheme == "http" and url.scheme == "https" and url.host == home.host
        return safer or (url.scheme, url.host, url.port) == (home.scheme, home.host, home.port)

    async def _flowing(self, response: httpx.Response, cap_bytes: int) -> AsyncIterator[bytes]:
        """The pieces of an answer that is already being used: no other attempt is possible."""
        try:
            async for piece in self._pieces(response, cap_bytes):
                yield piece
        except Again as again:
            raise again.cause from again

    async def _pieces(self, response: httpx.Response, cap_bytes: int) -> AsyncIterator[bytes]:
        """The decompressed body. Refused: more than the cap, another encoding, an end before its announced length."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise UpstreamMalformed(self.name, f"answers in the encoding {encoding!r}, which we did not ask for")
        pieces = self._wire(response)
        if encoding == "gzip":
            pieces = inflated(pieces, self.name)
        try:
            async for piece in capped(pieces, min(cap_bytes, self._cap_bytes), self.name):
                yield piece
        except CutShort as error:
            raise Again(error) from error

    async def _wire(self, response: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in response.aiter_raw():
                size += len(piece)
                self.tally.bytes += len(piece)
                yield piece
        except httpx.RemoteProtocolError as error:
            raise CutShort(self.name, f"stops in the middle of an answer, after {size} bytes") from error
        except httpx.HTTPError as error:
            raise self._silence(error) from error
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and size < int(announced):
            raise CutShort(self.name, f"stops in the middle of an answer, after {size} of {announced} bytes")

    def _silence(self, error: httpx.HTTPError, what: str = "") -> UpstreamError | Again:
        """What it means that no answer came: worth another attempt, but for a certificate that nobody trusts."""
        told = self._secrets.hide(str(error)) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            return Again(UpstreamDown(self.name, f"{what}no answer in time ({type(error).__name__})"))
        if _is_about_tls(error):
            return UpstreamDown(self.name, f"{what}no safe connection: {told}")
        if isinstance(error, httpx.TransportError):
            return Again(UpstreamDown(self.name, f"{what}{told}"))
        return UpstreamMalformed(self.name, f"{what}{told}")


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


def _most(cause: UpstreamError) -> int:
    return next(most for kind, most in MOST.items() if isinstance(cause, kind))


def _is_about_tls(error: BaseException | None) -> bool:
    """Whether a certificate is the reason; the libraries below wrap it several times."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _plain(response: httpx.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
