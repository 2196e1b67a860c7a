"""Read partitions of the offers side by side: each is one search, or all the searches that it has to be split into."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from widget_server.domain.errors import UpstreamDown, UpstreamError, UpstreamMalformed, UpstreamRefused
from widget_server.sources.harvest.search import ENOUGH, Reading, Row, Search, Take
from widget_server.sources.harvest.split import AXES, Bounds, Params, is_nested, split

TOGETHER: Final = 6
"""Searches read at once; the pace of the client is what limits the calls."""
FAILURES: Final = 3
"""Searches that fail one after the other, retries included, before the upstream is taken to be down."""


@dataclass(kw_only=True)
class Partition:
    """What is read under one name, and how that went.

    announced   offers that the partition as a whole says to have, by its last answer
    least       the smallest number that it announced: so many must have been found
    read        rows received, those shown twice included
    keys        the distinct ones
    searches    how many it took; `left` are still to be read, in this `turn`
    moved       offers came or went while it was read
    error       what the upstream did that ended a search
    problem     why it is not whole; None when every search was proven and their union is what was announced
    """

    name: str
    params: Params
    axes: Sequence[str] = AXES
    announced: int = 0
    least: int = 0
    read: int = 0
    keys: set[str] = field(default_factory=set)
    searches: int = 0
    moved: bool = False
    error: UpstreamError | None = None
    problem: str | None = None
    left: int = 1
    turn: int = 1

    @property
    def is_short(self) -> bool:
        """Whether so much is missing that movement does not explain it."""
        return len(self.keys) < self.least * ENOUGH


@dataclass(frozen=True, kw_only=True)
class _Query:
    """One search of a partition; `last` when it has failed once already."""

    partition: Partition
    params: Params
    last: bool = False


class Reader:
    """Reads partitions. `take` receives the new rows of each page, `done` each partition that was read to its end."""

    def __init__(
        self,
        search: Search,
        bounds: Bounds,
        take: Callable[[Partition, Sequence[Row]], None],
        done: Callable[[Partition], None],
    ) -> None:
        self._search = search
        self._bounds = bounds
        self._take = take
        self._done = done
        self._failures = 0
        self._again: list[_Query] = []

    async def read(self, partitions: Iterable[Partition]) -> None:
        """Read them all, the parts of a split one before the next one begins; at the end what failed once more.

        A partition that fails says so itself; an `UpstreamError` is raised when there is no use in going on.
        """
        self._failures = 0
        queries = [_Query(partition=partition, params=partition.params) for partition in partitions]
        while queries:
            await self._drain(queries)
            queries, self._again = self._again, []

    async def _drain(self, waiting: Sequence[_Query]) -> None:
        # Last in, first out: a partition that was begun is finished first, so that a crash costs little.
        queries: asyncio.LifoQueue[_Query] = asyncio.LifoQueue()
        for query in reversed(waiting):
            queries.put_nowait(query)
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(self._work(queries)) for _ in range(TOGETHER)]
                await queries.join()
                for worker in workers:
                    worker.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _work(self, queries: "asyncio.LifoQueue[_Query]") -> None:
        while True:
            query = await queries.get()
            for part in reversed(await self._answer(query)):
                queries.put_nowait(_Query(partition=query.partition, params=part))
            query.partition.left -= 1
            if not query.partition.left and (again := await self._close(query.partition)):
                queries.put_nowait(again)
            queries.task_done()

    async def _answer(self, query: _Query) -> list[Params]:
        """Read one search; the searches that it must be split into, if it must."""
        partition = query.partition
        try:
            reading = await self._search.read(
                query.params, self._taker(partition), known=partition.keys if is_nested(query.params) else None
            )
        except UpstreamError as error:
            self._failed(query, error)
            return []
        self._failures = 0
        return self._counted(query, reading)

    def _failed(self, query: _Query, error: UpstreamError) -> None:
        """Read it later once more, or note it on the partition; raise it when it will befall every other one too."""
        partition = query.partition
        if isinstance(error, UpstreamRefused) and error.status == 400:
            partition.problem = partition.problem or f"refused: {error.said}"
            return
        self._failures += 1
        if not isinstance(error, UpstreamDown | UpstreamMalformed) or self._failures >= FAILURES:
            raise error
        if query.last:
            partition.error = error
            partition.problem = partition.problem or str(error)
        else:
            self._again.append(replace(query, last=True))
            partition.left += 1

    def _counted(self, query: _Query, reading: Reading) -> list[Params]:
        partition = query.partition
        if not partition.searches:
            partition.announced, partition.least = reading.announced, reading.least
        partition.searches += 1
        partition.read += reading.read
        partition.moved |= reading.moved
        partition.keys |= reading.keys
        parts: list[Params] = []
        if reading.too_many:
            parts = split(query.params, partition.axes, self._bounds)
            if not parts:
                said = f"announces {reading.announced} offers, more than a search shows, and nothing splits it"
                reading.problem = said
        partition.problem = partition.problem or reading.problem
        partition.left += len(parts)
        return parts

    def _taker(self, partition: Partition) -> Take:
        def take(rows: Sequence[Row]) -> None:
            fresh = [row for row in rows if row.key not in partition.keys]
            if fresh:
                self._take(partition, fresh)

        return take

    async def _close(self, partition: Partition) -> _Query | None:
        """Compare a partition that was split with what it announces now; where much is missing, read it once more."""
        if partition.searches > 1 and partition.problem is None:
            with suppress(UpstreamDown, UpstreamMalformed):  # what it announced at first is as good
                partition.announced = await self._search.total(partition.params)
            partition.least = min(partition.least, partition.announced)
            if partition.is_short and partition.turn == 1:
                partition.turn, partition.left, partition.least = 2, 1, partition.announced
                return _Query(partition=partition, params=partition.params)
            if partition.is_short:
                said = f"{len(partition.keys)} of {partition.announced} offers found in {partition.searches} searches"
                partition.problem = partition.problem or said
        self._done(partition)
        return None
