"""The fast path: a request whose exact text was answered before is answered in front of the router.

It holds no answers of its own, only weak pointers from (path, raw query) to entries of the cache: what the cache gives
up is gone, whoever points at it. Everything else, and whatever could change a header, goes on to the router.
"""

from collections import OrderedDict
from typing import Final
from weakref import ref

from widget_server.web.cache import least_used
from widget_server.web.edition import Editions
from widget_server.web.entries import Entry

MOST: Final = 4096
LONGEST_QUERY_BYTES: Final = 1024


class _Known:
    """A text that was answered: with which entry, and whose page that is."""

    __slots__ = ("entry", "partner", "used")

    def __init__(self, entry: Entry, partner: str | None) -> None:
        self.entry = ref(entry)
        self.partner = partner
        self.used = False


class Learnt:
    """The requests that are known by their text, of one edition; the least used leave first."""

    def __init__(self, editions: Editions, *, most: int = MOST) -> None:
        self._most = most
        self._editions = editions
        self._token = ""
        self._known: OrderedDict[tuple[str, bytes], _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, path: str, query: bytes, entry: Entry, partner: str | None, token: str) -> None:
        """Remember the text of a request that the router answered with 200. Whether it is tidy is for the caller.

        entry     the answer, as the cache has it
        partner   whose page it is
        token     the edition that it is of
        """
        if len(query) > LONGEST_QUERY_BYTES or token != self._editions.current().token:
            return
        self._turn(token)
        self._known[path, query] = _Known(entry, partner)
        if len(self._known) > self._most:
            del self._known[least_used(self._known)]

    def find(self, path: str, query: bytes) -> tuple[Entry, str | None] | None:
        """The entry of a request and the partner whose page it is, if it is known and may be sent now."""
        known = self._known.get((path, query))
        if known is None:
            return None
        edition = self._editions.current()
        if edition.token != self._token:
            self._turn(edition.token)
            return None
        entry = known.entry()
        if entry is None or edition.now_s >= entry.fresh_until_s:
            del self._known[path, query]
            return None
        known.used = entry.used = True
        return entry, known.partner

    def _turn(self, token: str) -> None:
        """With a new edition everything that was learnt is void."""
        if token != self._token:
            self._known.clear()
            self._token = token
