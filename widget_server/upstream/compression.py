"""Decompress gzip piece by piece, in bounded memory, whatever the upstream sends."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from widget_server.domain.errors import UpstreamMalformed

MEGABYTE: Final = 1 << 20
SWELLS: Final = 200
"""Times that large content may be larger than its gzip: JSON swells ten to thirty times, a bomb a thousand."""
_LARGE: Final = 16 * MEGABYTE
_GZIP: Final = 31  # zlib's code for "gzip, with the largest window"
_MAGIC: Final = b"\x1f\x8b"


class CutShort(UpstreamMalformed):
    """An answer that ends before its end: another attempt may bring the rest."""


async def inflated(pieces: AsyncIterator[bytes], upstream: str) -> AsyncIterator[bytes]:
    """The content of a gzip stream in pieces of at most 1 MB.

    `UpstreamMalformed` when it is broken or swells beyond belief, `CutShort` when it stops in the middle.
    """
    machine = zlib.decompressobj(_GZIP)
    started = False
    packed = unpacked = 0
    try:
        async for piece in pieces:
            rest = piece
            packed += len(piece)
            while rest:
                if machine.eof:  # members may follow one another
                    machine = zlib.decompressobj(_GZIP)
                started = True
                out = machine.decompress(rest, MEGABYTE)
                rest = machine.unused_data if machine.eof else machine.unconsumed_tail
                unpacked += len(out)
                if unpacked > _LARGE and unpacked > packed * SWELLS:
                    raise UpstreamMalformed(upstream, f"sends gzip that swells more than {SWELLS} times")
                if out:
                    yield out
    except zlib.error as error:
        raise UpstreamMalformed(upstream, f"sends gzip that cannot be read: {error}") from error
    if started and not machine.eof:
        raise CutShort(upstream, "stops in the middle of a gzip stream")


async def opened(pieces: AsyncIterator[bytes], upstream: str) -> AsyncIterator[bytes]:
    """The content of a file that may be gzip or not: its first bytes tell, a name or a header may lie."""
    first = b""
    async for piece in pieces:
        first += piece
        if len(first) >= len(_MAGIC):
            break
    rest = _after(first, pieces)
    async for piece in inflated(rest, upstream) if first.startswith(_MAGIC) else rest:
        yield piece


async def capped(pieces: AsyncIterator[bytes], cap_bytes: int, upstream: str) -> AsyncIterator[bytes]:
    """The same pieces; `UpstreamMalformed` as soon as they are more than the cap."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > cap_bytes:
            cap = f"{cap_bytes // MEGABYTE} MB" if cap_bytes >= MEGABYTE else f"{cap_bytes // 1024} kB"
            raise UpstreamMalformed(upstream, f"sends more than {cap}")
        yield piece


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece
