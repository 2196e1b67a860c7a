"""Counts on their way to disk: kept in memory while requests are answered, written beside them, by day of UTC."""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

_LOG = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)


class Store(Protocol[Key]):
    """Where counts go."""

    path: Path

    def add(self, day: date, counts: Mapping[Key, int]) -> None:
        """Add the counts of one day; `sqlite3.Error` or `OSError` when they cannot be written."""


class Ledger(Generic[Key]):
    """Writes what one server process counted. Without a store nothing is kept."""

    def __init__(self, store: Store[Key] | None, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._waiting: Counter[Key] = Counter()
        self._day = self._today()
        self._failed = False

    async def write(self, counts: Mapping[Key, int]) -> None:
        """Add these in a thread, with what could not be written before; what cannot be written waits."""
        # Of a write over midnight, what was counted belongs to the day on which counting began.
        day, self._day = self._day, self._today()
        due, self._waiting = self._waiting, Counter()
        due.update(counts)
        if not due or self._store is None:
            return
        try:
            await asyncio.to_thread(self._store.add, day, due)
            self._failed = False
        except (sqlite3.Error, OSError) as error:
            self._waiting.update(due)
            if not self._failed:
                _LOG.warning("counts cannot be written to %s: %s", self._store.path, error)
            self._failed = True

    def _today(self) -> date:
        return self._now().astimezone(UTC).date()
