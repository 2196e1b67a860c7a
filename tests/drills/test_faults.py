"""Every source × everything that can befall it: the list stays as it was, the cause is named, and it heals by itself.

Real sockets throughout: the sandbox and the web server are processes, the syncs are calls of this one.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.loopback import served
from tests.processes import Installation, sandbox_served
from widget_server.doctor import Doctor
from widget_server.settings import Settings, read_settings
from widget_server.sync.sync import SyncReport, sync

SOURCES = ("offers", "trainings", "recruiters")
SCALE = "0.03"
SEARCH = "/v1/cards?romes=M1805&insee=35238&radius=100&limit=50"
NAMED_WITHIN_S = 10.0
QUICK = {"attempts": 2, "patience_s": 5.0, "sync_deadline_s": 60.0}


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


HASTY = QUICK | {"sync_deadline_s": 1.0, "patience_s": 30.0}
TENACIOUS = QUICK | {"attempts": 8}

DRILLS: Mapping[str, Mapping[str, Drill]] = {
    "down": dict.fromkeys(SOURCES, drill("disconnected|closed|reset", down=True)),
    "slow beyond the deadline": dict.fromkeys(SOURCES, drill("SYNC_DEADLINE_S", HASTY, slow_s=3)),
    "429 storm": dict.fromkeys(SOURCES, drill("asks us to slow down", throttle_s=1)),
    "401 in mid-harvest": {
        "offers": drill("", expire_tokens=True, after=30, times=1),
        "trainings": drill("401: Accès non autorisé", education=True, after=1),
        "recruiters": drill("refused with 401", status=401),
    },
    "tokens that never work": {"offers": drill("the token that was given", reject_tokens=True)},
    "500s at random": {
        "offers": drill("", TENACIOUS, status=500, chance=0.2),
        "trainings": drill("", TENACIOUS, status=500, times=3),
        "recruiters": drill("", TENACIOUS, status=500, times=2),
    },
    "500s for good": dict.fromkeys(SOURCES, drill("answers 500", status=500)),
    "truncated body": dict.fromkeys(SOURCES, drill("in the middle of", truncate=500)),
    "connection cut": dict.fromkeys(SOURCES, drill("in the middle of|closed|disconnected", cut=500)),
    "endless body": dict.fromkeys(SOURCES, drill("swells more than|sends more than|does not end", endless=True)),
    "gzip bomb": dict.fromkeys(SOURCES, drill("swells more than|does not end|blanks", bomb=True)),
    "malformed JSON": {
        "offers": drill("cannot be read", malformed=True),
        "trainings": drill("not a number", malformed=True),
        "recruiters": drill("rule drop", malformed=True),
    },
    "wrong content type": dict.fromkeys(SOURCES, drill("text/html instead of data: Maintenance", wrong_type=True)),
    "empty success": {
        "offers": drill("not one offer", empty=True),
        "trainings": drill("announces 0 trainings", empty=True),
        "recruiters": drill("holds no establishment", empty=True),
    },
    "ten times the usual size": dict.fromkeys(SOURCES, drill("rule growth", tenfold=True)),
    "half of the usual count": dict.fromkeys(SOURCES, drill("rule drop", half=True)),
    "duplicated ids": {
        "offers": drill("shows offers more than once on one page", duplicates=True),
        "trainings": drill("rule repeats", duplicates=True),
        "recruiters": drill("rule repeats", duplicates=True),
    },
    "clock an hour ahead": dict.fromkeys(SOURCES, drill("", clock_skew_s=3600)),
    "clock an hour behind": dict.fromkeys(SOURCES, drill("", clock_skew_s=-3600)),
    "TLS error": dict.fromkeys(SOURCES, drill("no safe connection: .*self-signed", moved_to="self-signed")),
}
PAIRS = [(source, fault) for fault, drills in DRILLS.items() for source in drills]


@dataclass(frozen=True)
class World:
    """What all drills share."""

    installation: Installation
    web: str
    self_signed: str

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.installation.sandbox_port}"

    @contextmanager
    def fault(self, source: str, told: Mapping[str, object]) -> Iterator[None]:
        told = dict(told) | ({"moved_to": self.self_signed} if "moved_to" in told else {})
        httpx.post(f"{self.sandbox}/_faults", json={source: told}).raise_for_status()
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
        """The web process looks at its folder once a second: wait until it names a cause like this, or none."""
        until = time.monotonic() + NAMED_WITHIN_S
        while time.monotonic() < until:
            state = self.state(source)
            problem = state.get("problem")
            if problem is None if cause is None else problem and re.search(cause, str(problem)):
                return state
            time.sleep(0.05)
        raise AssertionError(f"{source}: {cause or 'nothing'} was expected, the web process says {state}")

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


@pytest.fixture(scope="module")
def self_signed() -> Iterator[str]:
    """A server whose certificate nobody signed."""
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
    yield f"https://127.0.0.1:{port}"
    over.set()
    thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, self_signed: str) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("faults")
    with sandbox_served(folder, SCALE) as installation:
        done = installation.run("sync")
        assert done.returncode == 0, done.stdout
        with installation.server() as web:
            yield World(installation, web, self_signed)


@pytest.mark.parametrize(("source", "fault"), PAIRS, ids=[f"{source}, {fault}" for source, fault in PAIRS])
def test_the_list_stays_as_it_was_and_the_source_heals(world: World, source: str, fault: str):
    told = DRILLS[fault][source]
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


def test_every_source_has_every_fault():
    lacking = {fault: sorted(set(SOURCES) - set(drills)) for fault, drills in DRILLS.items()}

    assert {fault: missing for fault, missing in lacking.items() if missing} == {
        "tokens that never work": ["recruiters", "trainings"]
    }


def test_a_file_larger_than_its_setting_is_refused(world: World):
    report = world.sync("trainings", QUICK | {"largest_file_mb": 1})

    assert report.cause == "Carif-Oref: sends more than 1 MB"
    assert world.sync("trainings").ok


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("skew_s", "told"), [(3600, r"differs by -3[56]\d\d s"), (-3600, r"differs by \+3[56]\d\d s")])
def test_the_doctor_names_a_clock_that_differs(world: World, source: str, skew_s: int, told: str):
    with world.fault(source, {"clock_skew_s": skew_s}):
        doctor = Doctor(settings=world.settings(), now=datetime.now(UTC))
        clocks = [
            (each.name, each.state, bool(re.search(told, each.told)))
            for each in doctor.findings()
            if each.area == "clock"
        ]

    assert clocks == [(source, "attention", True)]


def test_the_commands_say_the_same_with_their_exit_codes(world: World):
    with world.fault("trainings", {"wrong_type": True}):
        failed = world.installation.run("sync", "trainings")
        advice = world.installation.run("doctor")
    healed = world.installation.run("sync", "trainings")

    cause = "Carif-Oref: answers 200 with text/html instead of data: Maintenance en cours"
    assert (failed.returncode, healed.returncode) == (1, 0), healed.stdout
    assert f"trainings: {cause}; version " in failed.stdout
    assert advice.returncode == 1
    assert cause in " ".join(advice.stdout.split())
