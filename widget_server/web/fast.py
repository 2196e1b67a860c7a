"""The fast path: a request whose exact text was answered before is answered in front of the router.

It holds no answers of its own, only weak pointers from (path, raw query) to entries of the cache: what the cache gives
up is gone, whoever points at it. Everything else, and whatever could change a header, goes on to the router.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final
from weakref import ReferenceType, ref

from starlette.types import ASGIApp, Receive, Scope, Send

from widget_server.web.cache import AnswerCache
from widget_server.web.edition import Editions
from widget_server.web.entries import Entry

MOST: Final = 4096
LONGEST_QUERY_BYTES: Final = 1024


Refuse = Callable[[Scope, Mapping[bytes, bytes]], ASGIApp | None]
Answered = Callable[[str, int, Entry, str | None], None]


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

    def learn(self, path: str, query: bytes, key: str, entry: Entry, partner: str | None, token: str) -> None:
        """Remember the text of a request that the router answered with 200. Whether it is tidy is for the caller.

        key, entry   where the answer is in the cache
        partner      whose page it is
        token        the edition that it is of
        """
        if len(query) > LONGEST_QUERY_BYTES or token != self._editions.current().token:
            return
        self._turn(token)
        self._known[path, query] = key, ref(entry), partner
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def find(self, path: str, query: bytes) -> tuple[Entry, str | None] | None:
        """The entry of a request and the partner whose page it is, if it is known and may be sent now."""
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
        return entry, partner

    def _turn(self, token: str) -> None:
        """With a new edition everything that was learnt is void."""
        if token != self._token:
            self._known.clear()
            self._token = token


class FastPath:
    """Pure ASGI, and outermost: turns away whom `refuse` refuses, answers what is learnt, hands on everything else.

    refuse      gives the answer for who is refused; asked first, so that what a cache answers is counted too
    answered    told of each list that leaves from here: path, status, entry, partner
    """

    def __init__(self, app: ASGIApp, *, learnt: Learnt, refuse: Refuse, answered: Answered) -> None:
        self._app = app
        self._learnt = learnt
        self._refuse = refuse
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"])  # one pass for all three headers that matter here
        refusal = self._refuse(scope, asked)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if scope["method"] == "GET":
            path = scope["path"]
            known = self._learnt.find(path, scope["query_string"])
            if known is not None:
                entry, partner = known
                status = await entry.send(asked, send)
                self._answered(path, status, entry, partner)
                return
        await self._app(scope, receive, send)
