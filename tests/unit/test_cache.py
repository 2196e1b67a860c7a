"""One computation per key, a bound in bytes, and a second tier whose every failure is a miss."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import weakref
from collections import Counter
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.processes import end, free_port
from widget_server.domain.errors import SettingError
from widget_server.web.cache import AnswerCache, Memory, Overloaded, RedisTier, etag_of, key_of, question_of
from widget_server.web.entries import FRESH_S, Entry, Kept, coding_of, keep

pytestmark = pytest.mark.anyio
NOW_S = 1_000_000.0
PATIENT_S = 20.0  # a busy machine must not look like a server that hangs


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Counted:
    """Counts like the metrics do."""

    def __init__(self):
        self.places = Counter()
        self.failures = 0

    def answered_from(self, place):
        self.places[place] += 1

    def tier_failed(self):
        self.failures += 1


def kept(text="texte " * 100, *, made_s=NOW_S, shown=()) -> Kept:
    return keep(text.encode(), {"Cache-Control": "public"}, "application/json", 'W/"tag"', shown, made_s)


@pytest.fixture
async def cache():
    made = AnswerCache(counts=Counted(), threads=2)
    yield made
    await made.close()


class Slow:
    """A maker that waits until it is told to go on, and counts how often it was asked."""

    def __init__(self, fails=False):
        self.calls = 0
        self.go = threading.Event()
        self.threads = set()
        self._fails = fails

    def __call__(self):
        self.calls += 1
        self.threads.add(threading.current_thread().name)
        assert self.go.wait(20)
        if self._fails:
            raise RuntimeError("cannot be made")
        return kept()


async def test_two_hundred_who_ask_at_once_wait_for_one_computation(cache):
    make = Slow()
    asking = [asyncio.create_task(cache.entry("k", make, NOW_S)) for _ in range(200)]
    await asyncio.sleep(0)
    make.go.set()

    entries = await asyncio.gather(*asking)

    assert make.calls == 1
    assert len({id(entry) for entry in entries}) == 1
    assert (await cache.entry("k", make, NOW_S)) is entries[0]
    assert cache._counts.places == {"made": 1, "memory": 1}


async def test_a_visitor_who_leaves_does_not_cancel_the_others(cache):
    make = Slow()
    first, second = [asyncio.create_task(cache.entry("k", make, NOW_S)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    make.go.set()

    assert (await second).etag == b'W/"tag"'
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_when_all_have_left_the_answer_is_kept_for_the_next(cache):
    make = Slow()
    asking = asyncio.create_task(cache.entry("k", make, NOW_S))
    await asyncio.sleep(0)
    asking.cancel()
    make.go.set()
    await asyncio.gather(asking, return_exceptions=True)

    await cache.entry("k", make, NOW_S)

    assert make.calls == 1


async def test_a_failure_reaches_everybody_and_is_not_kept(cache):
    failing = Slow(fails=True)
    asking = [asyncio.create_task(cache.entry("k", failing, NOW_S)) for _ in range(3)]
    await asyncio.sleep(0)
    failing.go.set()

    assert {type(told) for told in await asyncio.gather(*asking, return_exceptions=True)} == {RuntimeError}
    assert failing.calls == 1
    assert (await cache.entry("k", kept, NOW_S)).etag == b'W/"tag"'


async def test_answers_are_made_beside_the_event_loop(cache):
    make = Slow()
    asking = asyncio.create_task(cache.entry("k", make, NOW_S))
    await asyncio.sleep(0)
    beats = 0
    while make.calls == 0:
        await asyncio.sleep(0.001)
        beats += 1
    make.go.set()
    await asking

    assert all(name.startswith("answers") for name in make.threads)


async def test_at_most_one_answer_per_core_is_made_at_a_time():
    cache = AnswerCache(counts=Counted(), threads=2)
    makes = [Slow() for _ in range(4)]
    asking = [asyncio.create_task(cache.entry(f"k{number}", make, NOW_S)) for number, make in enumerate(makes)]
    while sum(make.calls for make in makes) < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    begun = sum(make.calls for make in makes)
    for make in makes:
        make.go.set()
    await asyncio.gather(*asking)
    await cache.close()

    assert begun == 2


async def test_behind_too_many_others_nobody_waits_but_what_is_on_its_way_is_shared():
    counts, slow = Counted(), threading.Event()
    cache = AnswerCache(counts=counts, threads=1, most_waiting=3)

    def make():
        assert slow.wait(PATIENT_S)
        return kept()

    waiting = [asyncio.create_task(cache.entry(key, make, NOW_S)) for key in ("a", "b", "c")]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await cache.entry("d", make, NOW_S)
    joined = asyncio.create_task(cache.entry("a", make, NOW_S))
    await asyncio.sleep(0)
    slow.set()
    first, *_ = await asyncio.gather(*waiting)

    assert await joined is first
    assert (await cache.entry("d", make, NOW_S)).kept == kept()
    assert counts.places == {"made": 4, "refused": 1}
    await cache.close()


async def test_an_answer_that_is_no_longer_fresh_is_made_again(cache):
    await cache.entry("k", kept, NOW_S)

    again = await cache.entry("k", lambda: kept("neu " * 100, made_s=NOW_S + FRESH_S), NOW_S + FRESH_S)

    assert again.fresh_until_s == NOW_S + 2 * FRESH_S
    assert len(cache) == 1


async def test_the_memory_stays_within_its_bytes_and_loses_what_was_not_used():
    memory = Memory(most_bytes=10 * Entry(kept()).size_bytes)
    entries = {f"k{number}": Entry(kept()) for number in range(50)}
    for key, entry in entries.items():
        await memory.set(key, entry)
        assert memory.size_bytes <= memory.most_bytes
        assert await memory.get("k0") is entries["k0"]

    assert len(memory) == 10
    assert await memory.get("k1") is None


async def test_what_leaves_the_memory_is_freed_whoever_learnt_it():
    memory = Memory(most_bytes=10)
    await memory.set("a", Entry(kept()))
    pointer = weakref.ref(await memory.get("a"))
    await memory.set("b", Entry(kept()))

    assert pointer() is None


async def test_a_second_coding_counts_as_bytes_too():
    memory = Memory(most_bytes=1_000_000)
    entry = Entry(kept())
    await memory.set("k", entry)
    before = memory.size_bytes
    packed = entry.gzip()[1]["body"]
    memory.touch("k")

    assert memory.size_bytes == before + len(packed)
    assert entry.gzip()[1]["body"] is packed


async def test_one_answer_larger_than_the_bound_is_still_kept():
    memory = Memory(most_bytes=10)
    await memory.set("a", Entry(kept()))
    await memory.set("b", Entry(kept()))

    assert (await memory.get("a"), len(memory)) == (None, 1)


async def test_the_headers_of_what_is_sent_cannot_be_added_to():
    entry = Entry(kept())

    for start, _ in (entry.brotli, entry.gzip(), entry.plain(), entry.not_modified):
        with pytest.raises(AttributeError):
            start["headers"].append((b"set-cookie", b"x"))


ASKED = st.dictionaries(
    st.sampled_from(["romes", "radius", "insee", "kinds", "page"]),
    st.one_of(st.integers(-9, 9), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3)),
)


@given(ASKED, ASKED, st.sampled_from(["e1", "e2"]), st.sampled_from(["e1", "e2"]))
def test_keys_are_equal_exactly_when_questions_and_editions_are(one, two, edition, other):
    shuffled = dict(reversed(one.items()))

    key = key_of(edition, question_of(one))

    assert key == key_of(edition, question_of(shuffled))
    assert (key == key_of(other, question_of(two))) == (one == two and edition == other)
    assert etag_of(key) == f'W/"{key}"'


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("BR", "br"),
        ("identity", None),
        ("", None),
        ("gzip;q=0", None),
    ],
)
def test_the_best_coding_that_is_accepted_is_chosen(accepted, coding):
    assert coding_of(accepted) == coding


# The second tier: a real server.


@contextmanager
def redis_server(port: int):
    """A redis-server from Debian, in memory only."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program is not None, "install redis-server (apt) to run the tests of the second tier"
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)
        end(process)


async def listening(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise AssertionError("redis-server does not listen")


@contextmanager
def stopped(process):
    """A server that accepts connections and answers nothing."""
    os.kill(process.pid, signal.SIGSTOP)
    yield
    os.kill(process.pid, signal.SIGCONT)


async def test_what_one_process_made_another_finds():
    port = free_port()
    with redis_server(port):
        await listening(port)
        first, second = [
            AnswerCache(
                counts=counts, threads=1, tier=RedisTier(f"redis://127.0.0.1:{port}/0", counts, patience_s=PATIENT_S)
            )
            for counts in (Counted(), Counted())
        ]
        make = Slow()
        make.go.set()
        one = await first.entry("k", make, NOW_S)
        await asyncio.gather(*first._puts)
        two = await second.entry("k", make, NOW_S)
        late = await second.entry("k2", make, NOW_S)
        await first.close()
        await second.close()

    assert make.calls == 2
    assert msgspec.msgpack.encode(two.kept) == msgspec.msgpack.encode(one.kept)
    assert (first._counts.places, second._counts.places) == ({"made": 1}, {"shared": 1, "made": 1})
    assert (first._counts.failures, second._counts.failures) == (0, 0)
    assert late.etag == one.etag


async def test_a_second_tier_that_is_not_there_is_a_miss_that_is_counted_and_then_left_alone():
    counts, clock = Counted(), [0.0]
    tier = RedisTier(f"redis://127.0.0.1:{free_port()}/0", counts, clock=lambda: clock[0])
    cache = AnswerCache(counts=counts, threads=1, tier=tier)

    for number in range(5):
        assert (await cache.entry(f"k{number}", kept, NOW_S)).etag == b'W/"tag"'
    silent = counts.failures
    clock[0] += 10
    await cache.entry("later", kept, NOW_S)
    await cache.close()

    assert (silent, counts.places) == (1, {"made": 6})
    assert counts.failures > silent


async def test_a_second_tier_that_hangs_costs_a_miss_its_patience_and_no_more():
    port, counts = free_port(), Counted()
    with redis_server(port) as process:
        await listening(port)
        cache = AnswerCache(counts=counts, threads=1, tier=RedisTier(f"redis://127.0.0.1:{port}/0", counts))
        with stopped(process):
            begun = time.monotonic()
            entry = await cache.entry("k", kept, NOW_S)
            waited_s = time.monotonic() - begun
        await cache.close()

    assert entry.etag == b'W/"tag"'
    assert counts.failures >= 1
    assert waited_s < 5, "aiocache's own patience would be 5 s"


async def test_what_the_second_tier_holds_of_another_shape_is_a_miss():
    port, counts = free_port(), Counted()
    with redis_server(port):
        await listening(port)
        _, writer = reader = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"SET alternance:k nonsense\r\n")
        assert await reader[0].readline() == b"+OK\r\n"
        writer.close()
        await writer.wait_closed()
        cache = AnswerCache(
            counts=counts, threads=1, tier=RedisTier(f"redis://127.0.0.1:{port}/0", counts, patience_s=PATIENT_S)
        )
        entry = await cache.entry("k", kept, NOW_S)
        await cache.close()

    assert entry.etag == b'W/"tag"'
    assert (counts.failures, counts.places) == (1, {"made": 1})


@pytest.mark.parametrize("url", ["memcached://x", "redis://", "127.0.0.1:6379"])
def test_an_address_that_is_no_redis_is_refused_with_an_example(url):
    with pytest.raises(SettingError, match=re.escape("redis://127.0.0.1:6379/0")):
        RedisTier(url, Counted())
