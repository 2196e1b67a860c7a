"""Count how often each company is shown: in memory while a request is answered, on disk beside the requests.

A count knows a SIRET, a day and whether its place was kept for exploration. No address, no cookie, no partner, no
search is kept, so there is nothing to protect.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from widget_server.domain.exploration import Showing
from widget_server.snapshot.impressions import ImpressionStore
from widget_server.web.entries import Showings
from widget_server.web.ledger import Ledger

Told = Callable[[int, int], None]
"""Is told of so many places of recruiters that were shown, and how many of them were explored."""


def _nobody(places: int, explored: int) -> None:
    pass


class Impressions:
    """The counts of one server process. `add` is called on the event loop only, and does no input or output."""

    def __init__(self, store: ImpressionStore | None, *, now: Callable[[], datetime], told: Told = _nobody) -> None:
        self._ledger = Ledger[Showing](store, now=now)
        self._told = told
        self._lists: list[Showings] = []

    def add(self, showings: Showings) -> None:
        """One list with these companies leaves. Lists are counted, not their companies: 0.1 us instead of 2."""
        if not showings.times:
            self._lists.append(showings)
        showings.times += 1

    async def flush(self) -> None:
        """Write what was counted, in a thread. What cannot be written is kept for the next time."""
        lists, self._lists = self._lists, []
        counts: Counter[Showing] = Counter()
        for showings in lists:
            times, showings.times = showings.times, 0
            for showing in showings.companies:
                counts[showing] += times
        self._told(counts.total(), sum(n for showing, n in counts.items() if showing.explored))
        await self._ledger.write(counts)
