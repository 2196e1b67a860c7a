"""Cut `{"jobs": […], "recruiters": […]}` into the elements of its arrays while it arrives, in constant memory.

A plain array is cut too, by arrays.py; the name of its elements is "".
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from widget_server.domain.errors import UpstreamMalformed
from widget_server.upstream.arrays import LONGEST_ELEMENT, elements

_BLANK: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"
# A whole string, a bracket, a comma, or the quote of a string that has not arrived to its end.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|"', re.DOTALL)


async def members(pieces: AsyncIterator[bytes], upstream: str) -> AsyncGenerator[tuple[str, bytes], None]:
    """Each element with the name of its array, as JSON bytes; `UpstreamMalformed` when the text stops too soon."""
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= len(_BOM) and (head.removeprefix(_BOM).strip(_BLANK) or len(head) > LONGEST_ELEMENT):
            break
    text = head.removeprefix(_BOM).lstrip(_BLANK)
    if not text.startswith(b"{"):
        async for element in elements(_after(text, pieces), upstream):
            yield "", element
        return
    cutter = _Cutter(upstream)
    async for piece in _after(text, pieces):
        for found in cutter.feed(piece):
            yield found
    cutter.finish()


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece


class _Cutter:
    """Cuts one object; keeps the unfinished element only. Depth 1 is inside the object, 2 inside one of its arrays."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._rest = b""
        self._scanned = 0
        self._depth = 0
        self._name = ""
        self._in_array = False
        self._closed = False
        self._count = 0

    def feed(self, piece: bytes) -> list[tuple[str, bytes]]:
        """The elements that this piece completes."""
        text = self._rest + piece
        found: list[tuple[str, bytes]] = []
        begun, scanned = 0, self._scanned
        while not self._closed and (token := _TOKEN.search(text, scanned)) is not None:
            said, start, scanned = token[0], token.start(), token.end()
            if said == b'"':  # the string goes on in the next piece
                scanned = start
                break
            if said in (b"{", b"["):
                self._depth += 1
                if self._depth == 2:
                    self._in_array, begun = said == b"[", scanned
            elif said in (b"}", b"]"):
                if self._depth == 2:
                    self._cut(text[begun:start], found, last=True)
                    begun = scanned
                self._depth -= 1
                self._closed = self._depth == 0
            elif said == b",":
                if self._depth == 2:
                    self._cut(text[begun:start], found, last=False)
                if self._depth <= 2:
                    begun = scanned
            elif self._depth == 1:
                self._name, begun = said[1:-1].decode("utf-8", "replace"), scanned
        else:
            scanned = len(text)
        if self._closed:
            if text[begun:].strip(_BLANK + b"}"):
                raise UpstreamMalformed(self._upstream, f"goes on after the end of its object of {self._count} rows")
            begun = scanned = len(text)
        self._rest, self._scanned = text[begun:], max(0, scanned - begun)
        if len(self._rest) > LONGEST_ELEMENT:
            raise UpstreamMalformed(self._upstream, f"sends an element that does not end, after {self._count} rows")
        return found

    def finish(self) -> None:
        """`UpstreamMalformed` unless the object was closed."""
        if not self._closed:
            raise UpstreamMalformed(self._upstream, f"stops in the middle of an object, after {self._count} rows")

    def _cut(self, text: bytes, found: list[tuple[str, bytes]], *, last: bool) -> None:
        element = text.strip(_BLANK)
        if not self._in_array or (last and not element):  # an empty array, or the values of an inner object
            return
        if not element:
            raise UpstreamMalformed(self._upstream, f"sends a comma without an element, after {self._count} rows")
        self._count += 1
        found.append((self._name, element))
