"""How the client behaves towards an upstream that misbehaves."""

import asyncio
import gzip
import json
import logging
import random
from urllib.parse import quote

import httpx
import pytest

from tests.contract.upstream_fakes import CREDENTIALS, HIDDEN, NOW, Clock, answer, client, in_turn, token
from widget_server.domain.errors import (
    SettingError,
    UpstreamDown,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamThrottled,
)
from widget_server.upstream.breaker import Breaker
from widget_server.upstream.client import Client, Reply, Transport
from widget_server.upstream.lane import Lane

MEGABYTE = 1 << 20


def get(transport: Transport, clock: Clock | None = None, **more: object) -> tuple[Reply, Client]:
    async def run() -> tuple[Reply, Client]:
        async with client(transport, clock, **more) as upstream:
            return await upstream.get("/offers", {"range": "0-149"}), upstream

    return asyncio.run(run())


def read(transport: Transport, most: int = MEGABYTE, **more: object) -> bytes:
    async def run() -> bytes:
        async with client(transport, **more) as upstream, upstream.stream("/file", cap_bytes=most) as body:
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

    with pytest.raises(UpstreamRefused, match="the token that was given for this call, and the one before it"):
        get(transport, credentials=CREDENTIALS)

    assert [request.method for request in seen] == ["POST", "GET", "POST", "GET"]


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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "no token: its answer cannot be read"),
        ({"access_token": "a\r\nX-Injected: b", "expires_in": 9}, "cannot be written into a header"),
        ({"access_token": "", "expires_in": 9}, "cannot be written into a header"),
        (b"[" * MEGABYTE, "sends more than 64 kB"),
    ],
    ids=["a page", "a line feed", "nothing", "a megabyte"],
)
def test_a_token_that_is_none_is_malformed(body: object, said: str):
    transport, _ = in_turn(*[answer(200, body) for _ in range(3)])

    with pytest.raises(UpstreamMalformed, match=said):
        get(transport, credentials=CREDENTIALS)


def test_a_token_end_point_that_is_down_for_a_moment_is_asked_again():
    transport, _ = in_turn(answer(503), httpx.ReadTimeout("slow"), token(), answer(206, {}))

    reply, _ = get(transport, credentials=CREDENTIALS)

    assert reply.status == 206


def test_a_token_end_point_that_redirects_is_refused_and_the_secret_stays_here():
    transport, seen = in_turn(answer(302, headers={"Location": "https://elsewhere.example/"}))

    with pytest.raises(UpstreamRefused, match="302: no token"):
        get(transport, credentials=CREDENTIALS)

    assert len(seen) == 1


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
        [answer(400, {"error_description": "x" * 290 + HIDDEN})],
        [answer(400, {"error_description": f"bad form client_secret={quote(HIDDEN)}"})],
        [token(name="tok-en"), answer(400, f"<title>tok-en</title>{HIDDEN}".encode(), {"Content-Type": "text/html"})],
        [token(name="tok-en"), answer(302, headers={"Location": f"https://e.example/?{HIDDEN}"})],
    ],
    ids=["token refused", "call refused", "network error", "cut in half", "as a form", "as a page", "as an address"],
)
def test_no_secret_is_ever_said(answers: list[httpx.Response | Exception], caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    transport, _ = in_turn(*answers)

    with pytest.raises(UpstreamError) as caught:
        get(transport, credentials=CREDENTIALS)

    written = f"{caught.value} {caught.value!r} {CREDENTIALS!r} {caplog.text}"
    assert HIDDEN[:10] not in written
    assert quote(HIDDEN)[:10] not in written
    assert "tok-en" not in written


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


def test_a_call_waits_out_an_outage_while_the_upstream_is_left_alone():
    clock = Clock()
    back_at = clock.now + 30
    sent: list[float] = []

    def handle(_: httpx.Request) -> httpx.Response:
        sent.append(clock.now)
        return answer(502) if clock.now < back_at else answer(206, {})

    lane = Lane("Service d'essai", clock=clock, sleep=clock.sleep)
    lane.breaker = Breaker("Service d'essai", clock=clock, sleep=clock.sleep, failures=3, rest_s=15.0)

    reply, _ = get(httpx.MockTransport(handle), attempts=8, lane=lane)

    assert reply.status == 206
    assert len(sent) <= 3 + 2


def test_an_upstream_that_stays_down_is_left_alone():
    transport, seen = in_turn(*[answer(503, {"message": "Maintenance"}) for _ in range(100)])

    async def run() -> list[str]:
        causes = []
        async with client(transport, attempts=5) as upstream:
            for _ in range(50):
                try:
                    await upstream.get("/offers")
                except UpstreamDown as error:
                    causes.append(str(error))
        return causes

    causes = asyncio.run(run())

    assert len(causes) == 50
    assert len(seen) < 20
    assert causes[-1].endswith("calls in a row failed; the last: answers 503: Maintenance")


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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_not_tried_again_and_keeps_the_french_message(status: int):
    said = {"message": "La position de début doit être inférieure ou égale à 3000."}
    transport, seen = in_turn(answer(status, said))

    with pytest.raises(UpstreamRefused) as caught:
        get(transport)

    assert (caught.value.status, caught.value.said, len(seen)) == (status, said["message"], 1)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_tried_again(status: int):
    transport, seen = in_turn(answer(status), answer(206, {}))

    reply, _ = get(transport)

    assert (reply.status, len(seen)) == (206, 2)


def test_a_503_waits_as_long_as_it_asks():
    clock = Clock()
    transport, _ = in_turn(answer(503, headers={"Retry-After": "11"}), answer(206, {}))

    get(transport, clock)

    assert clock.slept == [11.0]


def test_a_retry_after_of_nothing_is_no_reason_to_hurry():
    clock = Clock()
    transport, _ = in_turn(*[answer(429, headers={"Retry-After": "0"}) for _ in range(2)], answer(206, {}))

    get(transport, clock)

    assert sum(clock.slept) >= 0.25 + 0.5


def test_a_retry_after_without_a_date_is_read_by_our_clock():
    clock = Clock()
    headers = {"Retry-After": "Tue, 24 Nov 2026 12:00:09 GMT"}
    transport, _ = in_turn(answer(429, headers=headers), answer(206, {}))

    get(transport, clock, now=lambda: NOW)

    assert clock.slept == [9.0]


@pytest.mark.parametrize("told", ["soon", "-5", "Tue, 99 Nov 2026 12:00:09 GMT"])
def test_a_retry_after_that_cannot_be_read_is_a_429_without_one(told: str):
    transport, seen = in_turn(answer(429, headers={"Retry-After": told}), answer(206, {}))

    get(transport)

    assert len(seen) == 2


@pytest.mark.parametrize("cut", [b'{"resultats": [{"id": "1"}', b'{"resultats": [{"id": "1', b'{"resultats": [1,'])
def test_an_answer_that_is_cut_although_it_says_to_be_complete_is_read_again(cut: bytes):
    transport, _ = in_turn(answer(206, cut), answer(206, {"resultats": []}))

    reply, _ = get(transport)

    assert reply.body == b'{"resultats": []}'


@pytest.mark.parametrize("odd", [b'[{"a": "\\ud800"}, {"b": 1}]', b'[{"a": tru}]', b"12"])
def test_what_is_wrong_within_an_answer_is_left_to_its_reader(odd: bytes):
    transport, seen = in_turn(answer(200, odd))

    reply, _ = get(transport)

    assert (reply.body, len(seen)) == (odd, 1)


def test_an_answer_that_is_cut_three_times_is_malformed():
    transport, seen = in_turn(*[answer(206, b"[1, 2") for _ in range(3)])

    with pytest.raises(UpstreamMalformed, match="stops in the middle of an answer, after 5 bytes"):
        get(transport, attempts=10)

    assert len(seen) == 3


def test_the_page_of_a_proxy_is_named_by_its_type_and_its_heading():
    page = b"<html><head><title>Maintenance en cours</title></head><body>...</body></html>"
    transport, _ = in_turn(*[answer(200, page, {"Content-Type": "text/html; charset=utf-8"}) for _ in range(3)])

    with pytest.raises(UpstreamMalformed, match="answers 200 with text/html instead of data: Maintenance en cours"):
        get(transport)


@pytest.mark.parametrize("kind", ["application/gzip", "application/x-ndjson", "text/plain", "binary/octet-stream"])
def test_a_file_may_be_of_any_type_that_files_are_served_as(kind: str):
    transport, _ = in_turn(answer(200, b"[]", {"Content-Type": kind}))

    assert read(transport) == b"[]"


def test_a_clock_that_differs_is_measured_and_changes_nothing():
    transport, _ = in_turn(answer(206, {}, {"Date": "Tue, 24 Nov 2026 13:00:00 GMT"}))

    reply, upstream = get(transport, now=lambda: NOW)

    assert (reply.status, upstream.tally.skew_s) == (206, -3600.0)


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


def test_gzip_that_swells_beyond_belief_is_refused_whatever_the_cap():
    bomb = gzip.compress(bytes(1 * MEGABYTE)) * 100
    transport, _ = in_turn(answer(200, bomb, {"Content-Encoding": "gzip"}))

    with pytest.raises(UpstreamMalformed, match="swells more than 200 times"):
        read(transport, 4096 * MEGABYTE)


def test_json_as_repetitive_as_it_gets_is_no_bomb():
    row = {"siret": "00000000000000", "enseigne": "Boulangerie Fictive", "rome_codes": ["D1102"] * 3}
    rows = json.dumps([row | {"siret": f"{number:014d}"} for number in range(200_000)]).encode()
    transport, _ = in_turn(answer(200, gzip.compress(rows), {"Content-Encoding": "gzip"}))

    assert read(transport, 100 * MEGABYTE) == rows


def test_no_answer_is_larger_than_the_client_allows():
    transport, _ = in_turn(answer(200, bytes(3 * MEGABYTE)))

    with pytest.raises(UpstreamMalformed, match="more than 2 MB"):
        read(transport, 100 * MEGABYTE, cap_bytes=2 * MEGABYTE)


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


def test_a_host_that_the_source_allows_is_followed_without_the_bearer():
    transport, seen = in_turn(
        token(), answer(302, headers={"Location": "https://store.example/file?signed"}), answer(200, {})
    )

    reply, _ = get(transport, credentials=CREDENTIALS, also_hosts=["store.example"])

    assert reply.status == 200
    assert [(request.url.host, "authorization" in request.headers) for request in seen[1:]] == [
        ("upstream.example", True), ("store.example", False),
    ]  # fmt: skip


def test_a_host_that_the_source_allows_is_never_called_without_tls():
    transport, _ = in_turn(answer(302, headers={"Location": "http://store.example/file"}))

    with pytest.raises(UpstreamRefused, match="redirects to another host"):
        get(transport, also_hosts=["store.example"])


def test_a_key_is_sent_to_its_own_host_only():
    transport, seen = in_turn(answer(302, headers={"Location": "https://store.example/file"}), answer(200, {}))

    get(transport, key="the-key", also_hosts=["store.example"])

    assert [request.headers.get("authorization") for request in seen] == ["Bearer the-key", None]


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
