"""The access token of an OAuth2 application: asked for once, renewed a minute early, and never twice at a time."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from widget_server.domain.errors import UpstreamDown, UpstreamMalformed, UpstreamRefused, UpstreamThrottled
from widget_server.upstream.retries import Again
from widget_server.upstream.secrecy import Secrets

EARLY_S: Final = 60.0
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An OAuth2 application: its token comes from `token_url` in exchange for its secret."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: float


_ANSWER: Final = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, kw_only=True)
class TokenReply:
    """What the token end point answered; `said` are its own words about an error, without secrets."""

    status: int
    body: bytes
    said: str
    wait_s: float | None


Post = Callable[[str, Mapping[str, str]], Awaitable[TokenReply]]
"""Sends a form to an address; raises `Again` when nothing comes back."""

_BUSY: Final = frozenset({408, 425, 500, 502, 503, 504})


class Token:
    """The token of one client."""

    def __init__(
        self, upstream: str, credentials: Credentials, *, post: Post, secrets: Secrets, clock: Callable[[], float]
    ) -> None:
        self._upstream = upstream
        self._credentials = credentials
        self._post = post
        self._secrets = secrets
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value = ""
        self._good_until = float("-inf")

    async def current(self) -> str:
        """A token that is good for the next call."""
        async with self._lock:
            if self._clock() >= self._good_until:
                await self._renew()
            return self._value

    async def instead_of(self, refused: str) -> str:
        """Another token than the one that was refused; whoever comes first renews it for all."""
        async with self._lock:
            if self._value == refused:
                await self._renew()
            return self._value

    async def _renew(self) -> None:
        told = self._credentials
        form = {"grant_type": "client_credentials", "client_id": told.client_id, "client_secret": told.client_secret}
        if told.scope:
            form["scope"] = told.scope
        asked_at = self._clock()
        reply = await self._post(told.token_url, form)
        if reply.status == 429:
            cause = UpstreamThrottled(self._upstream, "no token: asks us to slow down (429)")
            raise Again(cause, reply.wait_s)
        if reply.status in _BUSY:
            raise Again(UpstreamDown(self._upstream, f"no token: answers {reply.status}"), reply.wait_s)
        if reply.status != 200:
            raise UpstreamRefused(self._upstream, reply.status, f"no token: {reply.said or 'no explanation'}")
        try:
            answer = _ANSWER.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Again(UpstreamMalformed(self._upstream, "no token: its answer cannot be read")) from error
        if not _TOKEN.fullmatch(answer.access_token):
            raise UpstreamMalformed(self._upstream, "no token: what it sends cannot be written into a header")
        self._secrets.add(answer.access_token)
        self._value = answer.access_token
        # A short-lived token is used at least for half of its life: otherwise each call would ask for a new one.
        self._good_until = asked_at + max(answer.expires_in - EARLY_S, answer.expires_in / 2)
