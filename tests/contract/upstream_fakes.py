"""Fakes of upstreams: a clock that only sleeping moves, answers in pieces, and recordings that answer like servers."""

import atexit
import gzip
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx

from widget_server.reference.naf import Naf
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.settings import Settings
from widget_server.sources.kit.placing import Placing
from widget_server.sources.kit.source import Kit, Notes
from widget_server.upstream.client import Client, Credentials, Transport

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[3] / "shared" / "contracts" / "samples"
RECORDINGS = Path(__file__).parent / "recordings"
HIDDEN = "s3cr3t-of-the-application"
SIGN_IN = "https://token.example/access_token"
CREDENTIALS = Credentials(token_url=SIGN_IN, client_id="PAR_test", client_secret=HIDDEN, scope="api o2")

Handler = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Pieces(httpx.AsyncByteStream):
    """A body that arrives in pieces, and may break before its end."""

    def __init__(self, pieces: Iterable[bytes], error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error


def answer(
    status: int = 200,
    body: bytes | object = b"",
    headers: Mapping[str, str] | None = None,
    error: Exception | None = None,
) -> httpx.Response:
    """An answer as it comes over the wire: not yet read."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, headers=headers, stream=Pieces([content] if content else [], error))


def token(expires_in: float = 1499, name: str = "token") -> httpx.Response:
    return answer(200, {"access_token": name, "token_type": "Bearer", "scope": "api o2", "expires_in": expires_in})


def in_turn(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A transport that gives these answers one after the other, and the requests it saw."""
    seen: list[httpx.Request] = []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return following

    return httpx.MockTransport(handle), seen


def client(transport: Transport, clock: Clock | None = None, **more: object) -> Client:
    clock = clock or Clock()
    told = {"rate_per_s": 10_000.0, "patience_s": 5.0, "attempts": 3, "clock": clock, "sleep": clock.sleep}
    return Client("Service d'essai", "https://upstream.example", transport=transport, **(told | more))


@cache
def tables() -> tuple[Occupations, Naf, Placing, tuple[str, ...]]:
    places = Places.load()
    return Occupations.load(), Naf.load(), Placing(places), tuple(each.code for each in places.real_departements())


@cache
def scratch() -> Path:
    """One folder of this process for what sources keep between syncs; it goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="sources-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def kit(**more: object) -> Kit:
    """A kit on the real reference tables, with fresh notes."""
    occupations, naf, placing, departements = tables()
    told: dict[str, object] = {
        "settings": Settings(), "occupations": occupations, "naf": naf, "placing": placing,
        "departements": departements, "now": NOW, "notes": Notes(), "folder": Path(tempfile.mkdtemp(dir=scratch())),
    }  # fmt: skip
    return Kit(**(told | more))


def zipped(lines: Sequence[object]) -> bytes:
    """NDJSON, gzip, always the same bytes."""
    return gzip.compress(b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines), mtime=0)


def recorded(name: str) -> dict[str, object]:
    """A recording: its settings, its exchanges, and what they must become."""
    told: dict[str, object] = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
    return told


def replayed(recording: Mapping[str, object]) -> httpx.MockTransport:
    """Answers each request with the first exchange whose path and parameters it fits, else with the last."""
    exchanges = recording["exchanges"]
    assert isinstance(exchanges, list)

    def handle(request: httpx.Request) -> httpx.Response:
        params = dict(request.url.params)
        for exchange in exchanges:
            asked = exchange.get("params", {})
            if exchange["path"] == request.url.path and all(params.get(k) == v for k, v in asked.items()):
                body = zipped(exchange["lines_gz"]) if "lines_gz" in exchange else exchange.get("json", b"")
                return answer(exchange.get("status", 200), body, exchange.get("headers"))
        raise AssertionError(f"the recording has no answer to {request.url}")

    return httpx.MockTransport(handle)
