"""Answers are made once and kept: one computation per key, however many ask, and a bound in bytes.

aiocache is the store, in memory and in Redis; everything that it leaves open is ours: the bound, the single flight, and
a second tier whose every failure is a miss.
"""

import asyncio
import hashlib
import logging
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import orjson
from aiocache import SimpleMemoryCache
from aiocache.serializers import BaseSerializer

from widget_server.domain.errors import SettingError
from widget_server.web.entries import FRESH_S, Entry, Kept

Make = Callable[[], Kept]
Key = TypeVar("Key")
UsedValue = TypeVar("UsedValue", bound="Used")

MOST_BYTES: Final = 64_000_000
MOST_WAITING: Final = 256
"""Answers that are being made or wait for it, per process: about a second of work. Who asks for one more is refused."""
_PATIENCE_S: Final = 0.05
"""A second tier on the local network answers in less than a millisecond; making an answer takes two."""
_SILENCE_S: Final = 2.0
"""How long a second tier that failed is left alone, so that an outage does not cost each miss its patience."""
_PREFIX: Final = "alternance:"
_LOG = logging.getLogger(__name__)


class Overloaded(Exception):
    """So many answers wait to be made that one more would come too late."""


class Counts(Protocol):
    """Whoever counts where answers come from; `web.watch.Metrics` does."""

    def answered_from(self, place: str) -> None:
        """Count one answer: "memory", "shared", "made" or, when there was none, "refused"."""
        ...

    def tier_failed(self) -> None:
        """Count one call to the second tier that failed."""
        ...


def question_of(asked: Mapping[str, object]) -> bytes:
    """The one spelling of a question: everything of a request that an answer's body or a header of it depends on."""
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def key_of(edition: str, question: bytes) -> str:
    """The key of a question in an edition. Its ETag is made of it, too."""
    return hashlib.blake2b(question, key=edition.encode(), digest_size=16).hexdigest()


def etag_of(key: str) -> str:
    """Weak: the same question in the same edition has the same answer, but for the age of the sources in seconds."""
    return f'W/"{key}"'


class Used(Protocol):
    """Something that is told when it is used."""

    used: bool


def least_used(held: OrderedDict[Key, UsedValue]) -> Key:
    """What leaves first: the oldest that was not used since it was looked at here; the others go to the end of the row.

    Who uses something sets a flag. To keep the exact order by moving it took a tenth of the fast path.
    """
    while True:
        key, value = next(iter(held.items()))
        if not value.used:
            return key
        value.used = False
        held.move_to_end(key)


class Memory(SimpleMemoryCache):  # type: ignore[misc]  # aiocache ships no types
    """aiocache's store with a bound: the oldest entries leave first, but for those that were used since.

    No entry is given a time to live: aiocache keeps the timers of entries that it has lost. An edition that has passed
    is never asked for again, and leaves like everything that is not used.
    """

    def __init__(self, most_bytes: int) -> None:
        # Without timeout=0 each call would be wrapped in a task, which costs four times the call.
        super().__init__(timeout=0)
        self.most_bytes = most_bytes
        self.size_bytes = 0
        self._cache: OrderedDict[str, Entry] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._cache)

    def touch(self, key: str) -> None:
        """Say that an entry was used, and may have grown."""
        entry = self._cache.get(key)
        if entry is not None:
            entry.used = True
            if entry.size_bytes != self._sizes[key]:
                self.size_bytes += entry.size_bytes - self._sizes[key]
                self._sizes[key] = entry.size_bytes

    def held(self, key: str) -> Entry | None:
        """What `get` gives, at once: timeouts and plugins, of which there are none, would take 2 us around it."""
        self.touch(key)
        return self._cache.get(key)

    async def _get(self, key: str, encoding: str = "utf-8", _conn: object = None) -> Entry | None:
        return self.held(key)

    async def _set(
        self, key: str, value: Entry, ttl: object = None, _cas_token: object = None, _conn: object = None
    ) -> bool:
        self._forget(key)
        while self._cache and self.size_bytes + value.size_bytes > self.most_bytes:
            self._forget(least_used(self._cache))
        self._cache[key] = value
        self._sizes[key] = value.size_bytes
        self.size_bytes += value.size_bytes
        return True

    def _forget(self, key: str) -> None:
        if self._cache.pop(key, None) is not None:
            self.size_bytes -= self._sizes.pop(key)


class Tier(Protocol):
    """A cache that several processes share. Neither call raises: a failure is a miss."""

    async def get(self, key: str) -> Kept | None:
        """What another process kept, if anything."""
        ...

    async def put(self, key: str, kept: Kept) -> None:
        """Keep for the others."""
        ...

    async def close(self) -> None:
        """Give the connections up."""
        ...


class _Serializer(BaseSerializer):  # type: ignore[misc]  # aiocache ships no types
    DEFAULT_ENCODING = None  # bytes as they are

    def dumps(self, value: Kept) -> bytes:
        return _ENCODER.encode(value)

    def loads(self, value: bytes | None) -> Kept | None:
        return None if value is None else _DECODER.decode(value)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Kept)


class RedisTier:
    """Redis or Valkey behind aiocache."""

    def __init__(
        self,
        url: str,
        counts: Counts,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        try:
            parts = urlsplit(url)
            port, database = parts.port or 6379, int(parts.path.strip("/") or 0)
        except ValueError:
            parts, port, database = urlsplit(""), 0, 0
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            # Without what was told: it may hold a password.
            raise SettingError("CACHE_URL is not redis://host:port/number, for example redis://127.0.0.1:6379/0")
        try:
            from aiocache import RedisCache  # imported here: the extra [redis] is optional
        except ImportError as error:
            raise SettingError('CACHE_URL needs the extra "redis": pip install "alternance-widget[redis]"') from error
        # aiocache 0.12 calls two methods by names that redis-py has retired; it works all the same.
        for retired in ("psetex", "close"):
            warnings.filterwarnings("ignore", message=rf".*\b{retired}\b", category=DeprecationWarning)
        self._cache = RedisCache(
            endpoint=parts.hostname,
            port=port,
            db=database,
            password=unquote(parts.password) if parts.password else None,
            ssl=parts.scheme == "rediss",
            serializer=_Serializer(),
            timeout=patience_s,
            create_connection_timeout=patience_s,
        )
        self._counts = counts
        self._clock = clock
        self._silent_until = float("-inf")

    async def get(self, key: str) -> Kept | None:
        """What another process kept; None also when the server does not answer in time."""
        if self._clock() < self._silent_until:
            return None
        try:
            found: Kept | None = await self._cache.get(_PREFIX + key)
        except Exception as error:  # whatever goes wrong in there, a visitor gets an answer
            self._failed(error)
            return None
        return found

    async def put(self, key: str, kept: Kept) -> None:
        """Keep for as long as an answer is fresh."""
        if self._clock() < self._silent_until:
            return
        try:
            await self._cache.set(_PREFIX + key, kept, ttl=float(FRESH_S))
        except Exception as error:  # as above
            self._failed(error)

    async def close(self) -> None:
        """Give the connections up."""
        try:
            await self._cache.close()
        except Exception as error:  # as above
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._silent_until = self._clock() + _SILENCE_S
        self._counts.tier_failed()
        _LOG.warning("second tier of the cache: %s: %s", type(error).__name__, error)


class AnswerCache:
    """What endpoints ask for their answers. A miss is made in a thread, at most one per core, so hits never wait."""

    def __init__(
        self,
        *,
        counts: Counts,
        threads: int,
        most_bytes: int = MOST_BYTES,
        most_waiting: int = MOST_WAITING,
        tier: Tier | None = None,
    ) -> None:
        self._counts = counts
        self._most_waiting = most_waiting
        self._memory = Memory(most_bytes)
        self._tier = tier
        self._flights: dict[str, asyncio.Task[Entry]] = {}
        self._puts: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="answers")

    @property
    def size_bytes(self) -> int:
        """What the entries take."""
        return self._memory.size_bytes

    def __len__(self) -> int:
        return len(self._memory)

    async def entry(self, key: str, make: Make, now_s: float) -> Entry:
        """The answer of a key: kept, or made now; whoever asks meanwhile waits for the same one.

        `Overloaded` when it would have to be made behind too many others.
        """
        found = self._memory.held(key)
        if found is not None and now_s < found.fresh_until_s:
            self._counts.answered_from("memory")
            return found
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= self._most_waiting:
                self._counts.answered_from("refused")
                raise Overloaded
            flight = asyncio.get_running_loop().create_task(self._fill(key, make, now_s))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # A visitor who leaves must not cancel what others wait for.
        return await asyncio.shield(flight)

    def used(self, key: str) -> None:
        """An entry was sent, and may have grown by another coding."""
        self._memory.touch(key)

    async def close(self) -> None:
        """Let what is being made come to its end, and give everything up."""
        await asyncio.gather(*self._flights.values(), *self._puts, return_exceptions=True)
        self._pool.shutdown()
        if self._tier is not None:
            await self._tier.close()

    async def _fill(self, key: str, make: Make, now_s: float) -> Entry:
        kept = await self._tier.get(key) if self._tier is not None else None
        if kept is not None and now_s < kept.made_s + FRESH_S:
            self._counts.answered_from("shared")
        else:
            kept = await asyncio.get_running_loop().run_in_executor(self._pool, make)
            self._counts.answered_from("made")
            if self._tier is not None:
                put = asyncio.get_running_loop().create_task(self._tier.put(key, kept))
                self._puts.add(put)
                put.add_done_callback(self._puts.discard)
        entry = Entry(kept)
        await self._memory.set(key, entry)
        return entry

    def _landed(self, key: str, flight: asyncio.Task[Entry]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # everybody who waited may have left: then nobody else reads it
