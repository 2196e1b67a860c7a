"""A finished answer as it is kept: its compressed body, its ETag, and messages that are sent as they are.

The messages are shared by all requests, so their headers are tuples: whoever tries to add to them fails.
"""

import gzip
from collections.abc import Mapping
from typing import Final

import brotli
import msgspec
from starlette.types import Message

from widget_server.domain.exploration import Showing
from widget_server.web.headers import EVERYWHERE

Headers = tuple[tuple[bytes, bytes], ...]
Prepared = tuple[Message, Message]

FRESH_S: Final = 300
"""How old an answer may be: as old as a shared cache may keep it. Only the ages of the sources change meanwhile."""
_BROTLI_QUALITY: Final = 4  # at 5 a body is 2.4 % smaller and takes 70 % longer
_GZIP_LEVEL: Final = 6
_OVERHEAD_BYTES: Final = 1500  # the objects around the bytes of one entry
_ALWAYS: Final = tuple((name.lower().encode(), value.encode()) for name, value in EVERYWHERE.items())


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is worth keeping of an answer; this is what travels to a second tier.

    body      brotli
    headers   all but those of the coding
    shown     the recruiters that it shows
    made_s    when it was made, in seconds since 1970
    """

    body: bytes
    headers: Headers
    shown: tuple[Showing, ...]
    made_s: float


class Showings:
    """The companies that a list shows, and how often it left since they were last written down."""

    __slots__ = ("companies", "times")

    def __init__(self, companies: tuple[Showing, ...]) -> None:
        self.companies = companies
        self.times = 0


class Entry:
    """A kept answer, ready to be sent.

    size_bytes   about what it takes in memory; it grows when a second coding is asked for
    used         whether it was sent since the cache last looked for what may leave
    """

    __slots__ = (
        "__weakref__",
        "_gzip",
        "brotli",
        "etag",
        "fresh_until_s",
        "kept",
        "not_modified",
        "showings",
        "size_bytes",
        "used",
    )

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.showings = Showings(kept.shown)
        self.brotli = _prepared(kept.headers, kept.body, b"br")
        self.not_modified = _not_modified(kept.headers)
        self.fresh_until_s = kept.made_s + FRESH_S
        self.etag = next(value for name, value in kept.headers if name == b"etag")
        self.size_bytes = len(kept.body) + sum(len(name) + len(value) for name, value in kept.headers) + _OVERHEAD_BYTES
        self.used = False
        self._gzip: Prepared | None = None

    def gzip(self) -> Prepared:
        """The same with gzip, made when it is first asked for."""
        if self._gzip is None:
            body = gzip.compress(brotli.decompress(self.kept.body), _GZIP_LEVEL, mtime=0)
            self._gzip = _prepared(self.kept.headers, body, b"gzip")
            self.size_bytes += len(body)
        return self._gzip

    def plain(self) -> Prepared:
        """The same without compression: rare, and quicker to decompress (40 us) than to keep."""
        return _prepared(self.kept.headers, brotli.decompress(self.kept.body), None)

    def ready(self, asked: Mapping[bytes, bytes]) -> Prepared | None:
        """What suits the headers of a request, whose names are in lower case: 304, or the body in the best coding that
        it accepts. None when it has to be made first.
        """
        held = asked.get(b"if-none-match")
        if held is not None and self.etag in [part.strip() for part in held.split(b",")]:
            return self.not_modified
        coding = _coding(asked)
        return self.brotli if coding == "br" else self._gzip if coding == "gzip" else None

    def made(self, asked: Mapping[bytes, bytes]) -> Prepared:
        """The body in a coding that is not ready."""
        return self.gzip() if _coding(asked) == "gzip" else self.plain()


def _coding(asked: Mapping[bytes, bytes]) -> str:
    accepted = asked.get(b"accept-encoding", b"")
    found = _CODINGS.get(accepted)
    if found is None:
        found = coding_of(accepted.decode("latin-1")) or "identity"
        if len(_CODINGS) < _MOST_CODINGS:
            _CODINGS[accepted] = found
    return found


_MOST_CODINGS: Final = 256
_CODINGS: Final[dict[bytes, str]] = {}
"""What each text of Accept-Encoding comes to; browsers have a dozen of them."""


def keep(
    body: bytes, headers: Mapping[str, str], media_type: str, etag: str, shown: tuple[Showing, ...], made_s: float
) -> Kept:
    """Compress a finished answer. Takes most of a millisecond: for a worker thread."""
    vary = headers.get("Vary")
    told = dict(headers) | {
        "Content-Type": media_type,
        "ETag": etag,
        "Vary": f"{vary}, Accept-Encoding" if vary else "Accept-Encoding",
    }
    encoded = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in told.items())
    packed: bytes = brotli.compress(body, quality=_BROTLI_QUALITY)
    return Kept(body=packed, headers=(*encoded, *_ALWAYS), shown=shown, made_s=made_s)


def coding_of(accepted: str) -> str | None:
    """The best coding that a client accepts, None for no compression; a quality of 0 is a refusal."""
    offers: dict[str, bool] = {}
    for item in accepted.lower().split(","):
        name, _, weight = item.partition(";")
        offers[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((name for name in ("br", "gzip") if offers.get(name, False)), None)


def _prepared(headers: Headers, body: bytes, coding: bytes | None) -> Prepared:
    told = (*headers, (b"content-length", str(len(body)).encode()))
    if coding is not None:
        told = (*told, (b"content-encoding", coding))
    return (
        {"type": "http.response.start", "status": 200, "headers": told},
        {"type": "http.response.body", "body": body},
    )


def _not_modified(headers: Headers) -> Prepared:
    told = tuple((name, value) for name, value in headers if name != b"content-type")
    return (
        {"type": "http.response.start", "status": 304, "headers": told},
        {"type": "http.response.body", "body": b""},
    )
