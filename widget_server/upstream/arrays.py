"""Cut a JSON array or NDJSON into its elements while it arrives, in constant memory.

An element that cannot be decoded is the reader's to reject; a text that stops before its end is `UpstreamMalformed`.
Elements are cut at their brackets, so that one bad element never hides the next.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from widget_server.domain.errors import UpstreamMalformed

LONGEST_ELEMENT: Final = 8 << 20
"""Bytes of one element; more means that the brackets do not close."""

_BLANK: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"
# A whole string, a bracket, a comma, or the quote of a string that has not arrived to its end.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|"', re.DOTALL)
# Everything up to the next bracket: inside an element nothing else matters, and most of a file lies inside one.
_FILLING: Final = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_OPENING: Final = frozenset(b"{[")
_CLOSING: Final = frozenset(b"}]")
_QUOTE: Final = ord('"')
_COMMA: Final = ord(",")
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


async def elements(pieces: AsyncIterator[bytes], upstream: str) -> AsyncIterator[bytes]:
    """Each element of `[…]`, or each non-empty line of NDJSON, as JSON bytes. The first character decides which."""
    head = b""
    blanks = 0
    async for piece in pieces:
        head += piece
        text = head.removeprefix(_BOM).lstrip(_BLANK)
        if len(head) >= len(_BOM) and text:
            break
        if len(head) > len(_BOM):  # blanks only: count them, keep none
            blanks += len(head)
            head = text
        if blanks > LONGEST_ELEMENT:
            raise UpstreamMalformed(upstream, f"sends {blanks} blanks where an array was expected")
    text = head.removeprefix(_BOM).lstrip(_BLANK)
    if not text:
        raise UpstreamMalformed(upstream, "sends an empty text where an array was expected")
    if text.startswith(b"["):
        cut = _array(text[1:], pieces, upstream)
    elif text.startswith(b"{"):
        cut = _lines(text, pieces, upstream)
    else:
        raise UpstreamMalformed(upstream, "sends something that is neither a JSON array nor lines of JSON")
    async for element in cut:
        yield element


async def _array(text: bytes, pieces: AsyncIterator[bytes], upstream: str) -> AsyncIterator[bytes]:
    cutter = _Cutter(upstream)
    for element in cutter.feed(text):
        yield element
    async for piece in pieces:
        for element in cutter.feed(piece):
            yield element
    cutter.finish()


class _Cutter:
    """Cuts what follows the first `[`; keeps the unfinished element only."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._rest = b""
        self._scanned = 0
        self._depth = 1
        self._count = 0
        self._after_comma = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The elements that this piece completes."""
        text = self._rest + piece
        if self._depth == 0:
            self._expect_nothing(text)
            return []
        found: list[bytes] = []
        begun, scanned, depth = 0, self._scanned, self._depth
        while (token := _next_token(text, scanned, depth)) is not None:
            char, start, scanned = text[token.start()], token.start(), token.end()
            if char == _QUOTE:
                if scanned - start == 1:  # the string goes on in the next piece
                    scanned = start
                    break
            elif char in _OPENING:
                depth += 1
            elif char in _CLOSING:
                depth -= 1
                if depth == 0:
                    self._end(text, begun, start, found)
                    self._expect_nothing(text[scanned:])
                    begun = len(text)
                    break
            elif char == _COMMA and depth == 1:
                self._cut(text, begun, start, found)
                begun = scanned
        else:
            # Nothing is left to find, except that a bracket or a quote may come next.
            scanned = len(text)
        self._rest, self._scanned, self._depth = text[begun:], max(0, scanned - begun), depth
        if len(self._rest) > LONGEST_ELEMENT:
            raise UpstreamMalformed(self._upstream, f"sends an element that does not end, after {self._count} rows")
        return found

    def finish(self) -> None:
        """`UpstreamMalformed` unless the array was closed."""
        if self._depth > 0:
            raise UpstreamMalformed(self._upstream, f"stops in the middle of an array, after {self._count} rows")

    def _cut(self, text: bytes, begun: int, end: int, found: list[bytes]) -> None:
        element = text[begun:end].strip(_BLANK)
        if not element:
            raise UpstreamMalformed(self._upstream, f"sends a comma without an element, after {self._count} rows")
        self._count += 1
        self._after_comma = True
        found.append(element)

    def _end(self, text: bytes, begun: int, end: int, found: list[bytes]) -> None:
        if self._after_comma or text[begun:end].strip(_BLANK):
            self._cut(text, begun, end, found)

    def _expect_nothing(self, text: bytes) -> None:
        if text.strip(_BLANK):
            raise UpstreamMalformed(self._upstream, f"goes on after the end of its array of {self._count} rows")


def _next_token(text: bytes, scanned: int, depth: int) -> re.Match[bytes] | None:
    if depth > 1 and (filling := _FILLING.match(text, scanned)) is not None:
        scanned = filling.end()
    return _TOKEN.search(text, scanned)


async def _lines(text: bytes, pieces: AsyncIterator[bytes], upstream: str) -> AsyncIterator[bytes]:
    rest, count = text, 0
    while True:
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if line := line.strip(_BLANK):
                count += 1
                yield line
        if len(rest) > LONGEST_ELEMENT:
            raise UpstreamMalformed(upstream, f"sends a line that does not end, after {count} rows")
        try:
            rest += await anext(pieces)
        except StopAsyncIteration:
            break
    if line := rest.strip(_BLANK):
        if not _closed(line):  # the last line has no line feed: it may have been cut
            raise UpstreamMalformed(upstream, f"stops in the middle of a line, after {count} rows")
        yield line


def is_whole(text: bytes) -> bool:
    """Whether JSON was not cut on its way; what is wrong within its brackets is not looked at.

    The decoder is fast and refuses one bad character as it refuses a missing end: only then are brackets counted.
    """
    try:
        _ANY.decode(text)
    except msgspec.DecodeError:
        return _closed(text)
    return True


def _closed(text: bytes) -> bool:
    """Whether a text holds as many closing as opening brackets and no open string."""
    depth = 0
    for token in _TOKEN.finditer(text):
        char = text[token.start()]
        if char == _QUOTE and token.end() - token.start() == 1:
            return False
        depth += (char in _OPENING) - (char in _CLOSING)
    return depth == 0
