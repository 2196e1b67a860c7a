"""No secret, no token and no key is in anything that a sync leaves behind, whether it fails or succeeds."""

import asyncio
import io
import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.contract.sandbox import NOW, QUIET, RELEASE, SIGN_IN, economy
from tests.contract.site import client as site
from tests.contract.upstream_fakes import answer
from widget_server.domain.errors import UpstreamError
from widget_server.sandbox import create_sandbox
from widget_server.sandbox.gate import HungUp
from widget_server.settings import Settings
from widget_server.sync.sync import SyncReport, sync
from widget_server.upstream.client import Client

WORD = "Sesame+ouvre/toi=0123456789"
QUERY = "acces-prive-0123456789"
KEY = "cle-d-essai/0123456789abcdef"


class Listening(httpx.AsyncBaseTransport):
    """The sandbox, with an ear for the tokens that it gives."""

    def __init__(self) -> None:
        made = replace(QUIET, client_secret=WORD, api_key=KEY)
        self.application = create_sandbox(economy(0.02), made, now=lambda: NOW)
        self._inner = httpx.ASGITransport(self.application)
        self.tokens: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except HungUp as error:
            raise httpx.ReadError(f"closed under {request.headers}") from error
        if request.url.path.startswith("/connexion/oauth2/") and response.status_code == 200:
            body = await response.aread()
            self.tokens.append(json.loads(body)["access_token"])
            response = answer(200, body, response.headers)
        return response

    async def fault(self, told: dict[str, object]) -> None:
        async with httpx.AsyncClient(transport=self._inner, base_url="http://sandbox.test") as http:
            assert (await http.post("/_faults", json=told)).status_code == 200


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What all loggers say at DEBUG, with the traces."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def settings(folder: Path) -> Settings:
    return Settings(
        data_dir=str(folder),
        france_travail_url="http://sandbox.test",
        france_travail_token_url=f"http://sandbox.test{SIGN_IN}",
        france_travail_client_id="PAR_demo",
        france_travail_client_secret=WORD,
        france_travail_rate_per_s=10_000.0,
        api_apprentissage_url="http://sandbox.test/api",
        api_apprentissage_key=KEY,
        recruiters_url=f"http://sandbox.test{RELEASE}?access={QUERY}",
        attempts=2,
    )


async def left_behind(folder: Path, name: str, fault: dict[str, object]) -> tuple[SyncReport, str, list[str]]:
    """The report of a sync of a source, everything that was written anywhere, and the tokens that were used."""
    sandbox = Listening()
    await sandbox.fault(fault)
    with everything_logged() as log:
        (report,) = await sync([name], settings(folder), now=NOW, transports={name: sandbox})
        async with site(folder) as http:
            answers = [(await http.get(path)).text for path in ("/readyz", "/metrics", "/v1/cards?romes=D1102")]
    files = [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
    return report, "\n".join([log.getvalue(), repr(report), *answers, *files]), sandbox.tokens


@pytest.mark.parametrize(
    ("name", "fault", "ok"),
    [
        ("offers", {"offers": {"expire_tokens": True, "times": 1}}, True),
        ("offers", {"offers": {"reject_tokens": True}}, False),
        ("offers", {"offers": {"status": 500}}, False),
        ("offers", {"offers": {"down": True}}, False),
        ("offers", {"token": {"refuse": "invalid_client"}}, False),
        ("recruiters", {}, True),
        ("recruiters", {"recruiters": {"status": 403}}, False),
        ("recruiters", {"recruiters": {"moved_to": "https://elsewhere.test"}}, False),
        ("recruiters-aa", {}, True),
        ("recruiters-aa", {"apprentissage": {"key": "expired"}}, False),
        ("recruiters-aa", {"apprentissage": {"malformed": True}}, False),
    ],
)
def test_nothing_that_a_sync_leaves_behind_holds_a_secret_a_token_or_a_key(
    tmp_path: Path, name: str, fault: dict[str, object], ok: bool
):
    report, written, tokens = asyncio.run(left_behind(tmp_path, name, fault))

    assert report.ok is ok, report.cause
    assert [secret for secret in (WORD, KEY, QUERY, *tokens) if secret in written] == []
    assert bool(tokens) is (name == "offers" and "token" not in fault)
    assert ": GET /" in written or ": POST for a token" in written or ok is False


def test_no_error_about_a_key_holds_the_key(tmp_path: Path):
    def echo(request: httpx.Request) -> httpx.Response:
        return answer(401, {"statusCode": 401, "message": f"Clé {request.headers['authorization']}"})

    async def run() -> str:
        upstream = Client(
            "Service", "https://upstream.example", key=KEY, rate_per_s=1000.0, patience_s=1.0, attempts=1,
            transport=httpx.MockTransport(echo),
        )  # fmt: skip
        async with upstream:
            with pytest.raises(UpstreamError) as caught:
                await upstream.get("/job/v1/export")
        return "".join(traceback.format_exception(caught.value)) + repr(caught.value)

    with everything_logged() as log:
        written = asyncio.run(run())

    assert KEY not in written + log.getvalue()
    assert "(secret)" in written


def test_the_settings_never_print_a_secret(tmp_path: Path):
    told = settings(tmp_path)

    assert WORD not in f"{told!r} {told}"
    assert KEY not in f"{told!r} {told}"


def test_a_library_below_us_may_not_log_what_it_sends():
    Client("Service", "https://upstream.example", rate_per_s=1.0, patience_s=1.0, attempts=1)

    assert not any(logging.getLogger(name).isEnabledFor(logging.INFO) for name in ("httpx", "httpcore.http2", "hpack"))
