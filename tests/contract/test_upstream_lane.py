"""Whether calls keep their pace together, whoever makes them."""

import asyncio

import httpx
import pytest

from tests.contract.upstream_fakes import CREDENTIALS, Clock, answer, client, kit, token
from widget_server.upstream.lane import Lane, Lanes


def stamps(clock: Clock, *paces: float, calls: int = 10) -> list[float]:
    """When each of so many calls of each pace took place, from clients that share a lane."""
    told: list[float] = []

    def handle(_: httpx.Request) -> httpx.Response:
        told.append(clock.now)
        return answer(204)

    async def run() -> None:
        lane = Lane("Service", clock=clock, sleep=clock.sleep)
        clients = [client(httpx.MockTransport(handle), clock, lane=lane, rate_per_s=pace) for pace in paces]
        await asyncio.gather(*(each.get("/offers") for _ in range(calls) for each in clients))
        for each in clients:
            await each.__aexit__(None, None, None)

    asyncio.run(run())
    return told


def test_calls_are_evenly_spaced():
    told = stamps(Clock(), 4.0)

    assert [later - told[0] for later in told] == pytest.approx([0.25 * place for place in range(10)])


def test_two_clients_of_one_application_share_one_pace():
    told = stamps(Clock(), 4.0, 4.0)

    assert told[-1] - told[0] == pytest.approx(19 / 4)


def test_a_slow_caller_and_a_fast_one_exceed_neither_pace():
    told = stamps(Clock(), 10.0, 2.0)

    assert told[-1] - told[0] == pytest.approx(10 * 0.1 + 9 * 0.5)


def test_nobody_saves_up_calls_while_idle():
    clock = Clock()
    lane = Lane("Service", clock=clock, sleep=clock.sleep)

    async def run() -> None:
        await lane.place(4.0)
        clock.now += 100
        for _ in range(3):
            await lane.place(4.0)

    asyncio.run(run())

    assert clock.slept == [0.25, 0.25]


def test_a_silence_is_kept_by_calls_that_already_wait_for_their_place():
    clock = Clock()
    lane = Lane("Service", clock=clock, sleep=clock.sleep)
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        if not clock.slept:  # while the second call waits, the first is told to keep quiet
            lane.keep_quiet(7.0)
        await clock.sleep(seconds)

    lane.sleep = sleep

    async def run() -> None:
        await lane.place(4.0)
        await lane.place(4.0)
        told.append(clock.now)
        await lane.place(4.0)
        told.append(clock.now)

    asyncio.run(run())

    assert told == [1007.0, 1007.25]


def test_a_shorter_silence_within_a_longer_one_adds_nothing():
    lane = Lane("Service", clock=Clock())

    assert (lane.keep_quiet(10.0), lane.keep_quiet(4.0), lane.keep_quiet(12.0)) == (10.0, 0.0, 2.0)


def test_two_sources_of_one_sync_that_use_one_application_share_one_pace():
    clock = Clock()
    lanes = Lanes(clock=clock, sleep=clock.sleep)
    told: list[float] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return token()
        told.append(clock.now)
        return answer(204)

    async def run() -> None:
        kits = [kit(lanes=lanes, transport=httpx.MockTransport(handle)) for _ in range(2)]
        for _ in range(3):
            for each in kits:
                async with each.connect("S", "https://s.example", rate_per_s=4.0, credentials=CREDENTIALS) as upstream:
                    await upstream.get("/offers")

    asyncio.run(run())

    assert [later - told[0] for later in told] == pytest.approx([0.25 * place for place in range(6)])


def test_a_lane_belongs_to_an_application_at_a_server():
    lanes = Lanes()

    first = lanes.of("api.example:443", "PAR_one", "Service")

    assert lanes.of("api.example:443", "PAR_one", "The same under another name") is first
    assert lanes.of("api.example:443", "PAR_two", "Service") is not first
    assert lanes.of("other.example:443", "PAR_one", "Service") is not first
