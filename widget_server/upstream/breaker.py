"""Leave an upstream that is down alone for a while, then let one call try whether it is back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from widget_server.domain.errors import UpstreamDown, UpstreamError
from widget_server.upstream.retries import Again

FAILURES: Final = 10
"""Failed attempts in a row, of whatever calls, after which the upstream is left alone."""
REST_S: Final = 15.0
"""How long it is left alone before one call tries."""
PATIENCE_S: Final = 60.0
"""How long calls wait for it to come back; later ones fail at once, but for one try after each rest."""


class Breaker:
    """Closed while the upstream answers; open after too many failures in a row; half open while one call tries.

    An answer that we do not like, such as a 404 or a 429, is an answer: only silence and 5xx are failures.
    """

    def __init__(
        self,
        upstream: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        failures: int = FAILURES,
        rest_s: float = REST_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._sleep = sleep
        self._most = failures
        self._rest_s = rest_s
        self._patience_s = patience_s
        self._failures = 0
        self._open_since: float | None = None
        self._try_at = 0.0
        self._cause = ""
        self._trying = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the upstream is being left alone."""
        return self._open_since is not None

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Wrap one attempt: wait while the breaker is open, and learn from how the attempt ends.

        `UpstreamDown` when the upstream has been gone for longer than one waits.
        """
        async with AsyncExitStack() as turn:
            if self.is_open:
                await turn.enter_async_context(self._trying)  # one after the other: the first tells the others
                if self._open_since is None:
                    await turn.aclose()
                else:
                    await self._rest(self._open_since)
            try:
                yield
            except Again as again:
                if isinstance(again.cause, UpstreamDown):
                    self._failed(again.cause)
                else:
                    self._answered()
                raise
            except UpstreamError:
                self._answered()
                raise
            self._answered()

    async def _rest(self, open_since: float) -> None:
        now = self._clock()
        left_s = self._try_at - now
        if left_s <= 0:
            return
        if now - open_since >= self._patience_s:
            raise UpstreamDown(self._upstream, f"{self._failures} calls in a row failed; the last: {self._cause}")
        await self._sleep(left_s)

    def _failed(self, cause: UpstreamDown) -> None:
        self._failures += 1
        self._cause = str(cause).removeprefix(f"{self._upstream}: ")
        if self._failures >= self._most:
            now = self._clock()
            self._try_at = now + self._rest_s
            if self._open_since is None:
                self._open_since = now

    def _answered(self) -> None:
        self._failures = 0
        self._open_since = None
