"""No growth over 100 000 mixed requests: the slope of own memory, once the cache has filled.

    python -m tests.bench.memory 100000

Hits, misses, junk, pages of cards, suggestions and refusals in the proportions of a busy day, over a cache of 8 MB, so
that entries come and go all the time. The slope is fitted over the second half.
"""

import http.client
import itertools
import random
import statistics
import sys
import time

from tests.bench import data
from tests.bench.pairs import Row, publish, serving, widget
from tests.bench.queries import questions

REQUESTS = 100_000
SAMPLES = 60
MOST_BYTES_PER_REQUEST = 20.0


def measure(requests: int = REQUESTS, *, scale: str = "default") -> list[Row]:
    """The slope in bytes per request."""
    command, environment = widget(data.national(scale), CACHE_MB="8")
    rng = random.Random(11)
    fresh = questions(12, 3, 30)
    popular = [asked.query() for asked in itertools.islice(questions(13, 2, 30), 50)]

    def path() -> str:
        kind = rng.random()
        if kind < 0.6:
            return f"/v1/widget?{rng.choice(popular)}&partner=demo-lycee"
        if kind < 0.7:
            return f"/v1/cards?{rng.choice(popular)}"
        if kind < 0.85:
            return f"/v1/cards?{next(fresh).query()}"
        if kind < 0.9:
            return f"/v1/places?q={rng.choice('abcdefghilmnoprst')}{rng.choice('aeiou')}"
        if kind < 0.95:
            return f"/v1/cards?{rng.choice(popular)}&utm_source=x{rng.randrange(10**9)}"
        return f"/v1/widget?{next(fresh).query()}"

    samples: list[tuple[int, int]] = []
    begun = time.monotonic()
    with serving(command, environment=environment, path="/readyz") as ours:
        connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=60)
        for number in range(requests):
            connection.request("GET", path(), headers={"accept-encoding": "br"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            if number % max(1, requests // SAMPLES) == 0:
                samples.append((number, ours.memory_kb("RssAnon") * 1024))
        connection.close()
    seconds = time.monotonic() - begun
    half = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([n for n, _ in half], [size for _, size in half]).slope
    peak = max(size for _, size in samples) / 1e6
    return [
        Row(
            subject=f"memory over {requests} mixed requests: growth in the second half",
            measured=max(0.0, slope),
            unit="B/request",
            goal=MOST_BYTES_PER_REQUEST,
            exact=True,
            note=f"{half[0][1] / 1e6:.1f} to {half[-1][1] / 1e6:.1f} MB, peak {peak:.1f}; {seconds:.0f} s",
        )
    ]


if __name__ == "__main__":
    publish("memory", measure(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS))
