"""Visitors who ask what nobody asked before, at a fixed rate: how long they wait, and whether others wait for them.

An open loop at a third of what one core can do. Hits are measured alone, and again while misses are made beside them.
"""

import asyncio
import itertools

from tests.bench import data
from tests.bench.arrivals import arrive
from tests.bench.hits import CARDS
from tests.bench.pairs import Row, cores, publish, request, serving, widget
from tests.bench.queries import questions

HITS_PER_S = 200.0
MISSES_PER_S = 40.0
SECONDS = 10


def measure(*, scale: str = "national", seconds: int = SECONDS) -> list[Row]:
    """Misses, and hits with and without them."""
    command, environment = widget(data.national(scale))
    fresh = [request(f"/v1/cards?{asked.query()}") for asked in itertools.islice(questions(9, 5, 30), 4000)]
    kept = request(CARDS)
    with serving(
        command, environment=environment, path=CARDS, core=None if cores()[0] == cores()[1] else cores()[0]
    ) as ours:

        async def both():
            hits = await arrive([ours.port], lambda _: kept, per_s=HITS_PER_S, count=int(HITS_PER_S * seconds))
            async with asyncio.TaskGroup() as group:
                beside = group.create_task(
                    arrive([ours.port], lambda _: kept, per_s=HITS_PER_S, count=int(HITS_PER_S * seconds))
                )
                misses = group.create_task(
                    arrive(
                        [ours.port], lambda number: fresh[number], per_s=MISSES_PER_S, count=int(MISSES_PER_S * seconds)
                    )
                )
            return hits, beside.result(), misses.result()

        alone, beside, misses = asyncio.run(both())
    assert not alone.failed + beside.failed + misses.failed
    return [
        Row(
            subject=f"misses at {MISSES_PER_S:.0f}/s: p50",
            measured=misses.percentile(50),
            unit="ms",
            note=misses.line(),
        ),
        Row(subject=f"hits at {HITS_PER_S:.0f}/s: p99", measured=alone.percentile(99), unit="ms", note=alone.line()),
        Row(
            subject="the same hits beside these misses: p99",
            measured=beside.percentile(99),
            unit="ms",
            note=beside.line(),
        ),
    ]


if __name__ == "__main__":
    publish("misses", measure())
