"""Latency as a visitor meets it: requests arrive at a fixed rate, whether the server keeps up or not.

Each is counted from the moment when it was meant to be sent (an open loop), so that a stall counts for everybody who
would have come meanwhile.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.pairs import whole

CONNECTIONS = 32


@dataclass
class Arrivals:
    """What became of the requests: milliseconds of each that was answered, how many were not, and each body's word."""

    ms: list[float] = field(default_factory=list)
    failed: int = 0
    words: list[str] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        """Of the answered ones."""
        told = sorted(self.ms)
        return told[min(len(told) - 1, int(len(told) * percent / 100))]

    def line(self) -> str:
        """For a person."""
        parts = [f"p{percent} {self.percentile(percent):.2f}" for percent in (10, 50, 95, 99)]
        return f"{', '.join(parts)} ms, mean {statistics.mean(self.ms):.2f}"


async def arrive(
    ports: Sequence[int],
    requests: Callable[[int], bytes],
    *,
    per_s: float,
    count: int,
    word: Callable[[bytes], str] | None = None,
) -> Arrivals:
    """Send `count` requests, `per_s` in a second; the n-th is `requests(n)`. Several ports take turns."""
    told = Arrivals()
    # In turns, so that no connection is idle for so long that the server closes it.
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for number in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", ports[number % len(ports)]))
    begun = time.perf_counter() + 0.05

    async def one(number: int, due: float) -> None:
        reader, writer = await idle.get()
        try:
            writer.write(requests(number))
            held = bytearray()
            while not whole(held):
                piece = await reader.read(262_144)
                if not piece:
                    raise ConnectionError("closed before the end")
                held += piece
        except (OSError, AssertionError):
            told.failed += 1
            writer.close()
            idle.put_nowait(await asyncio.open_connection("127.0.0.1", ports[number % len(ports)]))
            return
        told.ms.append((time.perf_counter() - due) * 1000)
        if word is not None:
            told.words.append(word(bytes(held)))
        idle.put_nowait((reader, writer))

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = begun + number / per_s
            wait_s = due - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            group.create_task(one(number, due))
    while not idle.empty():
        _, writer = idle.get_nowait()
        writer.close()
    return told
