"""Count what is asked for in the name of each partner: in memory at first, on disk beside the requests.

A count knows a partner of the registry, a day, and whether it was a list, its JSON or a card. No address, no browser,
no search, and nothing of who names no partner.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from widget_server.snapshot.visits import Asked, VisitStore, What
from widget_server.web.ledger import Ledger

LIST_PATH: Final = "/v1/widget"
"""Where the list is a page; anywhere else it is JSON."""


class Visits:
    """The counts of one server process. `add` is called on the event loop only, and does no input or output."""

    def __init__(self, store: VisitStore | None, *, now: Callable[[], datetime]) -> None:
        self._ledger = Ledger[Asked](store, now=now)
        self._counts: Counter[Asked] = Counter()

    def add(self, partner: str | None, what: What) -> None:
        """Something of this partner leaves."""
        if partner is not None:
            self._counts[partner, what] += 1

    async def flush(self) -> None:
        """Write what was counted, in a thread. What cannot be written is kept for the next time."""
        counts, self._counts = self._counts, Counter()
        await self._ledger.write(counts)
