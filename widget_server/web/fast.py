"""The fast path: a request whose exact text was answered before is answered in front of the router.

It holds no answers of its own, only weak pointers from (path, raw query) to entries of the cache: what the cache gives
up is gone, whoever points at it. Everything else, and whatever could change a header, goes on to the router.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple
from weakref import ReferenceType, ref

from starlette.types import ASGIApp, Receive, Scope, Send

from widget_server.web.cache import AnswerCache
from widget_server.web.edition import Editions
from widget_server.web.entries import Entry

MOST: Final = 4096
LONGEST_QUERY_BYTES: Final = 1024


class Known(NamedTuple):
    """Where a request led: the key and the entry in the cache, and the partner whose page it is."""

    key: str
    entry: Entry
    partner: str | None


Served = Callable[[Known], None]
Answered = Callable[[str, int], None]


class Learnt:
    """The requests that are known by their text, of one edition; the least used leave first."""

    def __init__(self, editions: Editions, cache: AnswerCache, *, most: int = MOST) -> None:
        self._most = most
        self._editions = editions
        self._cache = cache
        self._token = ""
        self._known: OrderedDict[tuple[str, bytes], tuple[str, ReferenceType[Entry], str | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, path: str, query: bytes, known: Known, token: str) -> None:
        """Remember the text of a request that the router answered with 200. Whether it is tidy is for the caller."""
        if len(query) > LONGEST_QUERY_BYTES or token != self._editions.current().token:
            return
        self._turn(token)
        self._known[path, query] = known.key, ref(known.entry), known.partner
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def find(self, path: str, query: bytes) -> Known | None:
        """The entry of a request, if it is known and may be sent now."""
        text = (path, query)
        pointer = self._known.get(text)
        if pointer is None:
            return None
        edition = self._editions.current()
        if edition.token != self._token:
            self._turn(edition.token)
            return None
        key, entry_of, partner = pointer
        entry = entry_of()
        if entry is None or edition.now_s >= entry.fresh_until_s:
            del self._known[text]
            return None
        self._known.move_to_end(text)
        self._cache.used(key)
        return Known(key, entry, partner)

    def _turn(self, token: str) -> None:
        """With a new edition everything that was learnt is void."""
        if token != self._token:
            self._known.clear()
            self._token = token


class FastPath:
    """Pure ASGI: answers what is learnt, hands on everything else.

    served      told of each list that leaves
    answered    told of each request: its path and its status
    """

    def __init__(self, app: ASGIApp, *, learnt: Learnt, served: Served, answered: Answered) -> None:
        self._app = app
        self._learnt = learnt
        self._served = served
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"]
            known = self._learnt.find(path, scope["query_string"])
            if known is not None:
                status = await known.entry.send(scope["headers"], send)
                self._served(known)
                self._answered(path, status)
                return
        await self._app(scope, receive, send)
