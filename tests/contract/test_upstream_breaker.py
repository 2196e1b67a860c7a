"""Whether an upstream that is down is left alone, and found again."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.contract.upstream_fakes import Clock
from widget_server.domain.errors import UpstreamDown, UpstreamRefused, UpstreamThrottled
from widget_server.upstream.breaker import Breaker
from widget_server.upstream.retries import Again

DOWN = Again(UpstreamDown("Service", "answers 500"))


def breaker(clock: Clock) -> Breaker:
    return Breaker("Service", clock=clock, sleep=clock.sleep, failures=3, rest_s=15.0, patience_s=60.0)


async def attempts(tried: Breaker, outcomes: Sequence[Exception | None]) -> list[str]:
    """Make an attempt for each outcome; what each came to."""
    told = []
    for outcome in outcomes:
        try:
            async with tried.attempt():
                if outcome is not None:
                    raise outcome
        except Again:
            told.append("failed")
        except UpstreamDown:
            told.append("left alone")
        except UpstreamRefused:
            told.append("refused")
        else:
            told.append("answered")
    return told


def test_it_opens_after_failures_in_a_row_and_the_next_call_waits_before_it_tries():
    clock = Clock()
    tried = breaker(clock)

    told = asyncio.run(attempts(tried, [DOWN, DOWN, DOWN, None]))

    assert told == ["failed", "failed", "failed", "answered"]
    assert clock.slept == [15.0]
    assert not tried.is_open


@pytest.mark.parametrize(
    "answer",
    [None, UpstreamRefused("Service", 404, "nothing"), Again(UpstreamThrottled("Service", "slow down"))],
    ids=["success", "refusal", "429"],
)
def test_every_answer_between_failures_keeps_it_closed(answer: Exception | None):
    clock = Clock()
    tried = breaker(clock)

    asyncio.run(attempts(tried, [DOWN, DOWN, answer, DOWN, DOWN, answer]))

    assert not tried.is_open
    assert clock.slept == []


def test_after_a_minute_calls_are_refused_at_once_with_the_last_cause():
    clock = Clock()
    tried = breaker(clock)

    async def run() -> None:
        assert await attempts(tried, [DOWN] * 7) == ["failed"] * 7
        assert clock.slept == [15.0] * 4
        with pytest.raises(UpstreamDown, match="7 calls in a row failed; the last: answers 500"):
            async with tried.attempt():
                raise AssertionError("nobody may call")

    asyncio.run(run())


def test_after_each_rest_one_call_tries_even_when_all_others_are_refused():
    clock = Clock()
    tried = breaker(clock)

    async def run() -> list[str]:
        await attempts(tried, [DOWN] * 7)
        clock.now += 15
        return await attempts(tried, [DOWN, None])

    assert asyncio.run(run()) == ["failed", "left alone"]


def test_while_one_call_tries_the_others_wait_for_what_it_finds():
    clock = Clock()
    tried = breaker(clock)
    at_once, most = 0, 0

    async def call() -> None:
        nonlocal at_once, most
        async with tried.attempt():
            at_once, most = at_once + 1, max(most, at_once + 1)
            if tried.is_open:
                assert at_once == 1
            await asyncio.sleep(0)
            at_once -= 1

    async def run() -> None:
        await attempts(tried, [DOWN] * 3)
        await asyncio.gather(*(call() for _ in range(5)))

    asyncio.run(run())

    assert clock.slept == [15.0]
    assert most > 1


def test_a_call_that_is_given_up_while_it_tries_leaves_the_place_to_the_next():
    clock = Clock()
    tried = breaker(clock)

    async def run() -> list[str]:
        await attempts(tried, [DOWN] * 3)
        with pytest.raises(asyncio.CancelledError):
            async with tried.attempt():
                raise asyncio.CancelledError
        return await attempts(tried, [None])

    assert asyncio.run(run()) == ["answered"]
