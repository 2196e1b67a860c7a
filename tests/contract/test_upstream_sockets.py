"""What only real sockets show: connections, TLS, bodies that never end, a deadline."""

import asyncio
import gzip
import itertools
import resource
from collections.abc import Callable
from contextlib import aclosing

import pytest

from tests import http2
from tests.contract.upstream_fakes import CREDENTIALS
from tests.loopback import Server, served
from widget_server.domain.errors import UpstreamDown, UpstreamMalformed
from widget_server.upstream.client import Client, Credentials

MEGABYTE = 1 << 20
PATIENT_S = 30.0  # a busy machine must not look like an upstream that hangs
PAGE = b'{"resultats": []}'
WHOLE = b"HTTP/1.1 206 Partial Content\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + PAGE
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"


def client(port: int, scheme: str = "http", host: str = "127.0.0.1", **more: object) -> Client:
    told = {"rate_per_s": 1000.0, "patience_s": PATIENT_S, "attempts": 1}
    return Client("Service d'essai", f"{scheme}://{host}:{port}", **(told | more))


async def whole(writer: asyncio.StreamWriter) -> None:
    writer.write(WHOLE)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def run(answer: Callable, work: Callable, **more: object) -> tuple[object, Server]:
    async def inner() -> tuple[object, Server]:
        async with served(answer, **more) as seen:
            return await work(seen), seen

    return asyncio.run(inner())


async def drained(upstream: Client, cap_bytes: int) -> None:
    async with upstream.stream("/offers", cap_bytes=cap_bytes) as body, aclosing(body.pieces) as pieces:
        async for _ in pieces:
            pass


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_calls_in_turn_share_one_connection():
    async def work(seen: Server) -> None:
        async with client(seen.port) as upstream:
            for _ in range(5):
                await upstream.get("/offers")

    _, seen = run(whole, work)

    assert (seen.connections, len(seen.heads)) == (1, 5)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that trusts one more certificate, as an operator tells it to, and calls without a proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(http2.TRUSTED))
    monkeypatch.setenv("NO_PROXY", http2.HOST)


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize(
    ("offers", "spoken"), [(("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1")], ids=["offered", "not offered"]
)
def test_http_2_is_spoken_where_it_is_offered_and_all_calls_share_a_connection(offers: tuple[str, ...], spoken: str):
    async def work() -> tuple[list[bytes], http2.Server]:
        async with http2.served(PAGE, offers=offers) as seen, client(seen.port, "https", http2.HOST) as upstream:
            await upstream.get("/first")
            calls = await asyncio.gather(*(upstream.get(f"/{turn}") for turn in range(1 if spoken != "h2" else 6)))
            return [reply.body for reply in calls], seen

    bodies, seen = asyncio.run(work())

    assert set(bodies) == {PAGE}
    assert seen.protocols == [spoken]
    assert len(seen.paths) == 1 + len(bodies)


def test_a_certificate_that_is_not_trusted_is_refused_before_http_2_begins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", http2.HOST)

    async def work() -> http2.Server:
        async with http2.served(PAGE) as seen, client(seen.port, "https", http2.HOST) as upstream:
            with pytest.raises(UpstreamDown, match="no safe connection"):
                await upstream.get("/offers")
            return seen

    assert asyncio.run(work()).paths == []


def test_a_certificate_that_nobody_signed_is_refused_by_name_and_at_once():
    async def work(seen: Server) -> None:
        async with client(seen.port, "https", attempts=5) as upstream:
            with pytest.raises(UpstreamDown, match=r"no safe connection: .*self-signed certificate"):
                await upstream.get("/offers")

    _, seen = run(whole, work, secure=True)

    assert seen.heads == []
    assert seen.connections <= 1


def test_no_secret_is_sent_to_a_token_end_point_that_nobody_signed():
    async def work(seen: Server) -> None:
        told = Credentials(
            token_url=f"https://127.0.0.1:{seen.port}/", client_id="PAR", client_secret=CREDENTIALS.client_secret
        )
        async with client(seen.port, credentials=told) as upstream:
            with pytest.raises(UpstreamDown, match="no token: no safe connection"):
                await upstream.get("/offers")

    _, seen = run(whole, work, secure=True)

    assert seen.heads == []


def test_a_token_answer_that_trickles_is_given_up():
    async def trickling(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"\r\n")
        while not writer.is_closing():
            writer.write(chunk(b" "))
            await writer.drain()
            await asyncio.sleep(0.02)

    async def work(seen: Server) -> None:
        told = Credentials(token_url=f"http://127.0.0.1:{seen.port}/", client_id="PAR", client_secret="")
        async with client(seen.port, credentials=told, patience_s=0.2) as upstream:
            with pytest.raises(UpstreamDown, match=r"no token: no answer within 0\.2 s"):
                await upstream.get("/offers")

    run(trickling, work)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED + b"\r\n" + chunk(b"["))
    piece = chunk(b" " * 65_536)
    while not writer.is_closing():
        writer.write(piece)
        await writer.drain()


async def bomb(writer: asyncio.StreamWriter) -> None:
    member = gzip.compress(bytes(MEGABYTE))
    writer.write(CHUNKED + b"Content-Encoding: gzip\r\n\r\n")
    for _ in itertools.count():
        if writer.is_closing():
            return
        writer.write(chunk(member))
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "said", "cap"),
    [(endless, "more than 8 MB", 8 * MEGABYTE), (bomb, "swells", 4096 * MEGABYTE)],
    ids=["endless", "gzip bomb"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_an_answer_without_an_end_is_refused_in_bounded_memory(answer: Callable, said: str, cap: int, streamed: bool):
    before = peak_mb()

    async def work(seen: Server) -> None:
        async with client(seen.port) as upstream:
            call = drained(upstream, cap) if streamed else upstream.get("/offers", cap_bytes=cap)
            with pytest.raises(UpstreamMalformed, match=said):
                await call

    run(answer, work)

    assert peak_mb() - before < 60


@pytest.mark.parametrize("ends", [b"", b"HTTP/1.1 206 Partial"], ids=["no answer", "half a line"])
def test_a_connection_that_is_closed_is_tried_again(ends: bytes):
    answers = iter([ends, WHOLE])

    async def closing(writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))
        await writer.drain()
        writer.close()

    async def work(seen: Server) -> bytes:
        async with client(seen.port, attempts=2) as upstream:
            return (await upstream.get("/offers")).body

    body, seen = run(closing, work)

    assert (body, seen.connections) == (PAGE, 2)


def test_silence_is_named_after_the_patience():
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(PATIENT_S)

    async def work(seen: Server) -> None:
        async with client(seen.port, patience_s=0.2) as upstream:
            with pytest.raises(UpstreamDown, match="no answer in time"):
                await upstream.get("/offers")

    run(silent, work)


def test_a_call_that_is_cancelled_leaves_its_client_usable():
    answers = iter([CHUNKED + b"\r\n" + chunk(b"["), WHOLE])

    async def unfinished(writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    async def work(seen: Server) -> bytes:
        async with client(seen.port) as upstream:
            call = asyncio.create_task(drained(upstream, MEGABYTE))
            while not seen.heads:
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return (await upstream.get("/offers")).body

    body, seen = run(unfinished, work)

    assert (body, seen.connections) == (PAGE, 2)
