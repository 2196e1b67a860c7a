"""What the text of a query was read as: the same text is read once, however often it comes.

Reading takes longer than everything else that the router does for a kept answer (40 of 70 us). A reading depends on the
text, the partners and the reference tables, and on nothing else.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from widget_server.domain.query import Parsed, Problem
from widget_server.web.typed import Settled

Pairs = list[tuple[str, str]]

MOST: Final = 2048
LONGEST_QUERY_BYTES: Final = 1024


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The request, and what became of the texts typed into a form.

    question   everything that an answer depends on but the edition, in one spelling
    errors     what JSON answers 400 for
    learn      whether the same text, sent again by anybody, may be answered in front of the router
    """

    settled: Settled
    parsed: Parsed
    question: bytes
    learn: bool
    errors: tuple[Problem, ...] = ()


class Readings:
    """The newest readings, by path and raw query, under one version of the partners; the least used leave first."""

    def __init__(self, version: Callable[[], str], *, most: int = MOST) -> None:
        self._version = version
        self._most = most
        self._held_version = ""
        self._held: OrderedDict[tuple[str, bytes], Reading] = OrderedDict()

    def of(self, path: str, query: bytes, read: Callable[[Pairs], Reading]) -> Reading:
        """What a raw query means at a path, as `read` reads its pairs."""
        version = self._version()
        if version != self._held_version:
            self._held.clear()
            self._held_version = version
        held = self._held.get((path, query))
        if held is not None:
            self._held.move_to_end((path, query))
            return held
        told = read(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        if len(query) <= LONGEST_QUERY_BYTES:
            self._held[path, query] = told
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return told
