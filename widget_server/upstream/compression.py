"""Decompress gzip piece by piece, in bounded memory, whatever the upstream sends."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from widget_server.domain.errors import UpstreamMalformed

MEGABYTE: Final = 1 << 20
_GZIP: Final = 31  # zlib's code for "gzip, with the largest window"
_MAGIC: Final = b"\x1f\x8b"


async def inflated(pieces: AsyncIterator[bytes], upstream: str) -> AsyncIterator[bytes]:
    """The content of a gzip stream in pieces of at most 1 MB; `UpstreamMalformed` when it is broken or cut short."""
    machine = zlib.decompressobj(_GZIP)
    started = False
    try:
        async for piece in pieces:
            rest = piece
            while rest:
                if machine.eof:  # members may follow one another
                    machine = zlib.decompressobj(_GZIP)
                started = True
                out = machine.decompress(rest, MEGABYTE)
                rest = machine.unused_data if machine.eof else machine.unconsumed_tail
                if out:
                    yield out
    except zlib.error as error:
        raise UpstreamMalformed(upstream, f"sends gzip that cannot be read: {error}") from error
    if started and not machine.eof:
        raise UpstreamMalformed(upstream, "stops in the middle of a gzip stream")


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
            raise UpstreamMalformed(upstream, f"sends more than {cap_bytes / MEGABYTE:.0f} MB")
        yield piece


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece
