"""What all calls of one application to one upstream share: their pace, the silence it asked for, the breaker."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from widget_server.upstream.breaker import Breaker

Sleep = Callable[[float], Awaitable[None]]


class Lane:
    """Calls take their places one after the other, however many clients there are.

    A place is as long as its caller's pace says, so a slow caller and a fast one never exceed either's rate together.
    """

    def __init__(
        self, upstream: str, *, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.clock = clock
        self.sleep = sleep
        self.breaker = Breaker(upstream, clock=clock, sleep=sleep)
        self._next = clock()
        self._quiet_until = clock()

    async def place(self, rate_per_s: float) -> None:
        """Wait for the next place. Somebody may be told to keep quiet meanwhile: then wait for a later one."""
        while True:
            at = max(self._next, self.clock())
            self._next = at + 1 / rate_per_s
            if (wait_s := at - self.clock()) > 0:
                await self.sleep(wait_s)
            if self.clock() >= self._quiet_until:
                return

    def keep_quiet(self, seconds: float) -> float:
        """No call of anybody for so long; returns how many seconds that adds to an earlier silence."""
        until = self.clock() + seconds
        added_s = max(0.0, until - max(self._quiet_until, self.clock()))
        self._quiet_until = max(self._quiet_until, until)
        self._next = max(self._next, self._quiet_until)
        return added_s


class Lanes:
    """The lanes of one sync process, by server and application."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lanes: dict[tuple[str, str], Lane] = {}

    def of(self, server: str, application: str, upstream: str) -> Lane:
        """The lane of an application (a client id or a key, "" for none) at a server; `upstream` names it in errors."""
        known = self._lanes.get((server, application))
        if known is None:
            known = self._lanes[server, application] = Lane(upstream, clock=self._clock, sleep=self._sleep)
        return known
