"""Count how often each company is shown: in memory while a request is answered, on disk beside the requests.

A count knows a SIRET and a day. No address, no cookie, no partner, no search is kept, so there is nothing to protect.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from widget_server.snapshot.impressions import ImpressionStore
from widget_server.web.entries import Showings
from widget_server.web.ledger import Ledger


class Impressions:
    """The counts of one server process. `add` is called on the event loop only, and does no input or output."""

    def __init__(self, store: ImpressionStore | None, *, now: Callable[[], datetime]) -> None:
        self._ledger = Ledger[str](store, now=now)
        self._lists: list[Showings] = []

    def add(self, showings: Showings) -> None:
        """One list with these companies leaves. Lists are counted, not their companies: 0.1 us instead of 2."""
        if not showings.times:
            self._lists.append(showings)
        showings.times += 1

    async def flush(self) -> None:
        """Write what was counted, in a thread. What cannot be written is kept for the next time."""
        lists, self._lists = self._lists, []
        counts: Counter[str] = Counter()
        for showings in lists:
            times, showings.times = showings.times, 0
            for siret in showings.sirets:
                counts[siret] += times
        await self._ledger.write(counts)
