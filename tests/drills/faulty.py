"""A running installation on real sockets whose upstreams can be made to fail, and what must come of each failure."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx

from tests.loopback import served
from tests.processes import Installation
from widget_server.doctor import Doctor
from widget_server.settings import Settings, read_settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sync.sync import SyncReport, sync

SCALE = "0.03"
SEARCH = "/v1/cards?romes=M1805&insee=35238&radius=100&limit=50"
NAMED_WITHIN_S = 60.0
QUICK = {"attempts": 2, "patience_s": 20.0, "sync_deadline_s": 60.0}
HASTY = QUICK | {"sync_deadline_s": 1.0, "patience_s": 30.0}
TENACIOUS = QUICK | {"attempts": 8}


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One fault and what must come of it.

    fault    what the sandbox is told
    cause    what the named cause matches; "" when the sync heals itself and publishes what is right
    more     settings of the syncs
    """

    fault: Mapping[str, object]
    cause: str
    more: Mapping[str, object]


def drill(cause: str, more: Mapping[str, object] = QUICK, **fault: object) -> Drill:
    return Drill(fault=fault, cause=cause, more=more)


@dataclass(frozen=True)
class World:
    """What all drills share."""

    installation: Installation
    web: str
    self_signed: str
    upstreams: Mapping[str, str] = field(default_factory=dict)
    """The upstream that each source calls, where it has another name."""

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.installation.sandbox_port}"

    @contextmanager
    def fault(self, source: str, told: Mapping[str, object]) -> Iterator[None]:
        told = dict(told) | ({"moved_to": self.self_signed} if "moved_to" in told else {})
        httpx.post(f"{self.sandbox}/_faults", json={self.upstreams.get(source, source): told}).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(f"{self.sandbox}/_faults").raise_for_status()

    def settings(self, more: Mapping[str, object] = QUICK) -> Settings:
        return replace(read_settings(self.installation.environment()), **more)

    def sync(self, source: str, more: Mapping[str, object] = QUICK) -> SyncReport:
        (report,) = asyncio.run(sync([source], self.settings(more), now=datetime.now(UTC)))
        return report

    def state(self, source: str) -> dict[str, object]:
        """The source as /readyz shows it."""
        states = httpx.get(f"{self.web}/readyz").json()["sources"]
        return next(state for state in states if state["name"] == source)

    def await_problem(self, source: str, cause: str | None) -> dict[str, object]:
        """The web process looks at its folder now and then: wait until it names a cause like this, or none."""
        until = time.monotonic() + NAMED_WITHIN_S
        while time.monotonic() < until:
            state = self.state(source)
            problem = state.get("problem")
            if problem is None if cause is None else problem and re.search(cause, str(problem)):
                return state
            time.sleep(0.05)
        raise AssertionError(f"{source}: {cause or 'nothing'} was expected, the web process says {state}")

    def await_versions(self) -> None:
        """Versions are opened beside the requests: wait until the list is made of the newest one of every source.

        Of every source, because the drill before this one may have published another source's a moment ago.
        """
        newest = {name: self._newest(name) for name in self._told()}
        until = time.monotonic() + NAMED_WITHIN_S
        while (told := self._told()) != newest:
            if time.monotonic() > until:
                raise AssertionError(f"the list is made of the versions of {told}, the newest ones are of {newest}")
            time.sleep(0.05)

    def _told(self) -> dict[str, str]:
        """When the version of each source was harvested, as the list tells it."""
        told = httpx.get(f"{self.web}{SEARCH}").raise_for_status().json()["sources"]
        return {each["name"]: each["as_of"] for each in told}

    def _newest(self, source: str) -> str:
        shelf = Shelf(self.installation.data / source)
        return shelf.read_manifest(shelf.current_version()).harvest.as_of

    def answer(self) -> bytes:
        """The list's JSON, without what may differ: ages, and the problem itself."""
        body = httpx.get(f"{self.web}{SEARCH}").raise_for_status().content
        return re.sub(rb'"problem":"(?:[^"\\]|\\.)*",?|"age_s":\d+', b"", body).replace(b",}", b"}")

    def cards(self) -> list[object]:
        return json.loads(httpx.get(f"{self.web}{SEARCH}").content)["cards"]

    def failing(self, source: str) -> float:
        text = httpx.get(f"{self.web}/metrics").text
        found = re.search(rf'^widget_source_failing{{source="{source}"}} (\S+)$', text, re.MULTILINE)
        assert found is not None
        return float(found[1])

    def findings(self, source: str) -> list[tuple[str, str]]:
        """(state, cause) of what the doctor says of a source and its last sync, without calling anybody."""
        doctor = Doctor(settings=self.settings(), now=datetime.now(UTC), calls=False)
        told = [each for each in doctor.findings() if each.name == source and each.area in ("last sync", "snapshot")]
        return [(each.state, re.sub(r"^.*?(?:UTC|never|-[0-9a-f]{8}): ", "", each.told)) for each in told]


def endure(world: World, source: str, told: Drill) -> None:
    """The fault, and then none: the list stays as it was, the cause is named everywhere, and it heals by itself."""
    world.await_versions()
    before, cards, as_of = world.answer(), world.cards(), world.state(source)["as_of"]
    assert any(card["source"]["name"] == source for card in cards), "the search shows cards of this source"

    with world.fault(source, told.fault):
        report = world.sync(source, told.more)

    if told.cause:
        state = world.await_problem(source, told.cause)
        assert state["status"] == "ok"
        assert world.failing(source) == 1
        assert ("attention", state["problem"]) in world.findings(source)
        assert world.cards() == cards
        assert (report.ok, report.cause) == (False, state["problem"])
        assert report.version == report.previous
        assert state["as_of"] == as_of
        assert world.answer() == before
        report = world.sync(source)
    assert report.ok, report.cause
    assert report.complete
    state = world.await_problem(source, None)
    assert state["status"] == "ok"
    assert world.failing(source) == 0
    assert [told for state, told in world.findings(source) if state == "attention"] == []
    assert world.cards() == cards


@contextmanager
def self_signed_served() -> Iterator[str]:
    """The address of a server whose certificate nobody signed."""
    ready, over = threading.Event(), threading.Event()
    port = 0

    async def serve() -> None:
        nonlocal port

        async def nothing(_: object) -> None:
            raise AssertionError("nobody may get this far")

        async with served(nothing, secure=True) as server:
            port = server.port
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="self-signed")
    thread.start()
    ready.wait()
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        over.set()
        thread.join()
