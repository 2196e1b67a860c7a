"""Count how often each company is shown: in memory while a request is answered, on disk beside the requests.

A count knows a SIRET and a day. No address, no cookie, no partner, no search is kept, so there is nothing to protect.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from widget_server.snapshot.impressions import ImpressionStore
from widget_server.web.entries import Showings

FLUSH_S: Final = 10.0
_LOG = logging.getLogger(__name__)


class Impressions:
    """The counts of one server process. `add` is called on the event loop only, and does no input or output."""

    def __init__(self, store: ImpressionStore | None, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._lists: list[Showings] = []
        self._kept: Counter[str] = Counter()
        self._day = self._today()
        self._failed = False

    def add(self, showings: Showings) -> None:
        """One list with these companies leaves. Lists are counted, not their companies: 0.1 us instead of 2."""
        if not showings.times:
            self._lists.append(showings)
        showings.times += 1

    async def flush(self) -> None:
        """Write what was counted, in a thread. What cannot be written is kept for the next time."""
        # Of a flush over midnight, what was shown belongs to the day on which counting began.
        lists, counts, day = self._lists, self._kept, self._day
        self._lists, self._kept, self._day = [], Counter(), self._today()
        for showings in lists:
            times, showings.times = showings.times, 0
            for siret in showings.sirets:
                counts[siret] += times
        if not counts or self._store is None:
            return
        try:
            await asyncio.to_thread(self._store.add, day, counts)
            self._failed = False
        except (sqlite3.Error, OSError) as error:
            self._kept.update(counts)
            if not self._failed:
                _LOG.warning("showings cannot be counted in %s: %s", self._store.path, error)
            self._failed = True

    async def keep_flushing(self) -> None:
        """Flush every FLUSH_S, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    def _today(self) -> date:
        return self._now().astimezone(UTC).date()
