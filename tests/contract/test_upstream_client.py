"""How the client behaves towards an upstream that misbehaves."""

import asyncio
import gzip
import logging
import random

import httpx
import pytest

from tests.contract.upstream_fakes import CREDENTIALS, HIDDEN, Clock, answer, client, in_turn, token
from widget_server.domain.errors import (
    SettingError,
    UpstreamDown,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamThrottled,
)
from widget_server.upstream.client import Client, Reply, Transport

MEGABYTE = 1 << 20


def get(transport: Transport, clock: Clock | None = None, **more: object) -> tuple[Reply, Client]:
    async def run() -> tuple[Reply, Client]:
        async with client(transport, clock, **more) as upstream:
            return await upstream.get("/offers", {"range": "0-149"}), upstream

    return asyncio.run(run())


def read(transport: Transport, cap_bytes: int = MEGABYTE, **more: object) -> bytes:
    async def run() -> bytes:
        async with client(transport, **more) as upstream, upstream.stream("/file", cap_bytes=cap_bytes) as body:
            return b"".join([piece async for piece in body.pieces])

    return asyncio.run(run())


def test_an_answer_comes_with_its_status_and_headers_in_lower_case():
    transport, seen = in_turn(answer(206, {"resultats": []}, {"Content-Range": "offres 0-149/496"}))

    reply, upstream = get(transport)

    assert (reply.status, reply.headers["content-range"], reply.body) == (206, "offres 0-149/496", b'{"resultats": []}')
    assert seen[0].url == "https://upstream.example/offers?range=0-149"
    assert (upstream.tally.calls, upstream.tally.retries) == (1, 0)


def test_a_204_has_an_empty_body():
    transport, _ = in_turn(answer(204, headers={"Content-Range": "*/0"}))

    reply, _ = get(transport)

    assert (reply.status, reply.body) == (204, b"")


def test_one_token_serves_many_calls():
    transport, seen = in_turn(token(), *[answer(206, {}) for _ in range(5)])

    async def run() -> None:
        async with client(transport, credentials=CREDENTIALS) as upstream:
            await asyncio.gather(*(upstream.get("/offers") for _ in range(5)))

    asyncio.run(run())

    assert [request.method for request in seen] == ["POST", "GET", "GET", "GET", "GET", "GET"]
    assert {request.headers["authorization"] for request in seen[1:]} == {"Bearer token"}


def test_a_token_is_renewed_a_minute_before_it_ends():
    clock = Clock()
    transport, seen = in_turn(token(300, "first"), answer(), answer(), token(300, "second"), answer())

    async def run() -> None:
        async with client(transport, clock, credentials=CREDENTIALS) as upstream:
            await upstream.get("/offers")
            clock.now += 239
            await upstream.get("/offers")
            clock.now += 1
            await upstream.get("/offers")

    asyncio.run(run())

    assert [request.headers.get("authorization") for request in seen] == [
        None, "Bearer first", "Bearer first", None, "Bearer second",
    ]  # fmt: skip


def test_a_401_renews_the_token_and_replays_once():
    transport, seen = in_turn(token(name="old"), answer(401), token(name="new"), answer(206, {}))

    reply, _ = get(transport, credentials=CREDENTIALS)

    assert reply.status == 206
    assert seen[-1].headers["authorization"] == "Bearer new"


def test_a_second_401_is_a_refusal_and_not_a_loop():
    transport, seen = in_turn(token(), answer(401), token(), answer(401))

    with pytest.raises(UpstreamRefused) as caught:
        get(transport, credentials=CREDENTIALS)

    assert caught.value.status == 401
    assert len(seen) == 4


def test_calls_that_meet_a_401_together_share_one_new_token():
    tokens = iter(["old", "new"])

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return token(name=next(tokens))
        return answer(401 if request.headers["authorization"] == "Bearer old" else 206, b"")

    async def run() -> list[int]:
        async with client(httpx.MockTransport(handle), credentials=CREDENTIALS) as upstream:
            return [reply.status for reply in await asyncio.gather(*(upstream.get("/offers") for _ in range(8)))]

    assert asyncio.run(run()) == [206] * 8


def test_wrong_credentials_are_refused_in_the_words_of_the_upstream():
    said = {"error": "invalid_client", "error_description": "Client authentication failed"}
    transport, _ = in_turn(answer(400, said))

    with pytest.raises(UpstreamRefused, match="no token: Client authentication failed"):
        get(transport, credentials=CREDENTIALS)


@pytest.mark.parametrize(
    "answers",
    [
        [answer(400, {"error_description": f"bad secret {HIDDEN}"})],
        [token(name="tok-en"), answer(400, {"message": "no right for tok-en"})],
        [httpx.ConnectError(f"cannot reach {HIDDEN}")] * 3,
    ],
    ids=["token refused", "call refused", "network error"],
)
def test_no_secret_is_ever_said(answers: list[httpx.Response | Exception], caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    transport, _ = in_turn(*answers)

    with pytest.raises(UpstreamError) as caught:
        get(transport, credentials=CREDENTIALS)

    assert HIDDEN not in f"{caught.value} {CREDENTIALS!r} {caplog.text}"
    assert "tok-en" not in f"{caught.value} {caplog.text}"


def test_a_429_waits_as_long_as_it_asks():
    clock = Clock()
    transport, _ = in_turn(answer(429, headers={"Retry-After": "7"}), answer(206, {}))

    reply, upstream = get(transport, clock)

    assert reply.status == 206
    assert clock.slept == [7.0]
    assert upstream.tally.retries == 1


def test_a_429_keeps_every_other_call_quiet_too():
    clock = Clock()
    transport, _ = in_turn(answer(429, headers={"Retry-After": "7"}), answer(206, {}), answer(206, {}))

    async def run() -> None:
        async with client(transport, clock) as upstream:
            await asyncio.gather(upstream.get("/a"), upstream.get("/b"))
        assert clock.now >= 1007

    asyncio.run(run())


def test_a_retry_after_may_be_a_date_by_the_clock_of_the_upstream():
    clock = Clock()
    headers = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT", "Retry-After": "Tue, 24 Nov 2026 12:00:09 GMT"}
    transport, _ = in_turn(answer(429, headers=headers), answer(206, {}))

    get(transport, clock)

    assert clock.slept == [9.0]


def test_a_wait_longer_than_a_sync_is_given_up_at_once():
    clock = Clock()
    transport, seen = in_turn(answer(429, headers={"Retry-After": "3600"}))

    with pytest.raises(UpstreamThrottled, match="3600 s"):
        get(transport, clock)

    assert (len(seen), clock.slept) == (1, [])


def test_a_500_is_tried_again_with_growing_and_bounded_waits():
    clock = Clock()
    said = {"message": "Erreur technique. Veuillez contacter le support de francetravail.io."}
    transport, seen = in_turn(*[answer(500, said) for _ in range(4)])

    with pytest.raises(UpstreamDown, match="answers 500: Erreur technique"):
        get(transport, clock, attempts=4, chance=random.Random(1))

    assert len(seen) == 4
    assert 0.25 <= clock.slept[0] <= 0.5 <= clock.slept[1] <= 1.0 <= clock.slept[2] <= 2.0


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("closed")]
)
def test_an_upstream_that_does_not_answer_is_down(error: Exception):
    transport, seen = in_turn(error, error, error)

    with pytest.raises(UpstreamDown, match="Service d'essai"):
        get(transport)

    assert len(seen) == 3


def test_a_break_in_the_middle_of_an_answer_is_read_again():
    broken = answer(206, b'{"resul', error=httpx.RemoteProtocolError("peer closed"))
    transport, _ = in_turn(broken, answer(206, {}))

    reply, _ = get(transport)

    assert reply.body == b"{}"


def test_an_answer_shorter_than_announced_is_malformed():
    short = [answer(206, b"[1,2", {"Content-Length": "1000"}) for _ in range(3)]
    transport, _ = in_turn(*short)

    with pytest.raises(UpstreamMalformed, match="4 of 1000 bytes"):
        get(transport)


def test_a_400_is_not_tried_again_and_keeps_the_french_message():
    said = {"message": "La position de début doit être inférieure ou égale à 3000."}
    transport, seen = in_turn(answer(400, said))

    with pytest.raises(UpstreamRefused) as caught:
        get(transport)

    assert (caught.value.status, caught.value.said, len(seen)) == (400, said["message"], 1)


def test_a_stream_that_breaks_is_an_error_and_never_a_short_file():
    transport, _ = in_turn(answer(200, b"[{},", error=httpx.RemoteProtocolError("peer closed")))

    with pytest.raises(UpstreamMalformed, match="stops in the middle of an answer, after 4 bytes"):
        read(transport)


def test_opening_a_stream_is_tried_again():
    transport, _ = in_turn(answer(502), answer(200, b"[]"))

    assert read(transport) == b"[]"


def test_gzip_is_opened_on_the_way():
    transport, _ = in_turn(answer(200, gzip.compress(b"[1]" * 1000), {"Content-Encoding": "gzip"}))

    assert read(transport) == b"[1]" * 1000


def test_a_gzip_bomb_is_refused_at_the_cap():
    bomb = gzip.compress(bytes(50 * MEGABYTE))
    transport, _ = in_turn(answer(200, bomb, {"Content-Encoding": "gzip"}))

    with pytest.raises(UpstreamMalformed, match="more than 1 MB"):
        read(transport)


def test_gzip_that_is_cut_short_is_malformed():
    half = gzip.compress(random.Random(2).randbytes(10_000))[:5000]
    transport, _ = in_turn(answer(200, half, {"Content-Encoding": "gzip"}))

    with pytest.raises(UpstreamMalformed, match="middle of a gzip stream"):
        read(transport)


def test_an_encoding_that_nobody_asked_for_is_malformed():
    transport, _ = in_turn(*[answer(200, b"x", {"Content-Encoding": "br"}) for _ in range(3)])

    with pytest.raises(UpstreamMalformed, match="'br'"):
        get(transport)


def test_a_redirect_on_the_same_host_is_followed():
    transport, seen = in_turn(answer(302, headers={"Location": "/v2/offers?range=0-149"}), answer(206, {}))

    reply, _ = get(transport, credentials=None)

    assert reply.status == 206
    assert seen[1].url.path == "/v2/offers"


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/offers", "http://upstream.example/offers", "//e.example"]
)
def test_a_redirect_to_another_host_is_refused_and_sends_nothing_there(target: str):
    transport, seen = in_turn(token(), answer(302, headers={"Location": target}))

    with pytest.raises(UpstreamRefused, match="redirects to another host"):
        get(transport, credentials=CREDENTIALS)

    assert {request.url.host for request in seen} == {"token.example", "upstream.example"}


def test_redirects_that_turn_in_a_circle_end():
    transport, _ = in_turn(*[answer(302, headers={"Location": "/offers"}) for _ in range(3)])

    with pytest.raises(UpstreamRefused, match="redirects more than 3 times"):
        get(transport)


def test_demonstration_data_is_recognised_by_its_header():
    transport, _ = in_turn(answer(206, {}, {"X-Demonstration-Data": "true"}))

    _, upstream = get(transport)

    assert upstream.demonstration


@pytest.mark.parametrize("address", ["ftp://upstream.example", "upstream.example", "https://", "https://me:pass@host"])
def test_an_address_that_cannot_be_called_is_a_setting_error_without_its_password(address: str):
    with pytest.raises(SettingError) as caught:
        Client("Service", address, rate_per_s=1, patience_s=1, attempts=1)

    assert "pass@" not in str(caught.value)
