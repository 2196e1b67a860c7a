"""Offers come, go and change between any two calls of a harvest, and none is lost, none invented.

Lost is an offer that existed before the first call and after the last one, that the sandbox's truth says to keep, and
that is neither a card nor merged into one. Invented is a card whose id never existed. Undead is a card of an offer that
had been deleted before the harvest began.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.contract.sandbox import NOW, Counts, economy
from tests.drills.truth import Change, Moving, judged, published, settings_for
from widget_server.sandbox import SandboxSettings, create_sandbox
from widget_server.snapshot.manifest import Harvest
from widget_server.snapshot.shelf import Shelf
from widget_server.sync.sync import SyncReport, sync

MIDNIGHT = NOW.replace(hour=0)
COUNTS = Counts(offers=1_500, trainings=101, recruiters=1_000)
LARGER = Counts(offers=5_000, trainings=101, recruiters=1_000)
BASE = "http://sandbox.test"

# The window of the sandbox shrinks, so that spans and in the end départements have to be split.
SEEDS = [
    pytest.param(1, 3000, True, Change(), COUNTS, 2, id="seed 1, whole window"),
    pytest.param(2, 3000, True, Change(burst=150), COUNTS, 2, id="seed 2, whole window, bursts"),
    pytest.param(3, 150, True, Change(burst=150), COUNTS, 2, id="seed 3, window of 300, bursts"),
    pytest.param(4, 450, False, Change(), COUNTS, 2, id="seed 4, no search by dates, window of 600"),
    pytest.param(5, 0, True, Change(), LARGER, 1, id="seed 5, window of 150"),
]


def moving(
    seed: int, window: int, change: Change, counts: Counts = COUNTS, every: int = 2, *, dated: bool = True
) -> Moving:
    application = create_sandbox(
        economy(counts, seed), SandboxSettings(offers_rate_per_s=0, first_positions=window), now=lambda: NOW
    )
    return Moving(httpx.ASGITransport(application), BASE, seed, every, change, dated)


async def harvest(carrier: Moving, data: Path, *, hours: float = 0, increment: bool = False) -> SyncReport:
    (report,) = await sync(
        ["offers"],
        settings_for(BASE, data),
        now=MIDNIGHT + timedelta(hours=hours),
        transports={"offers": carrier},
        increment=increment,
        accept={"departement": "bursts of deletions"},
    )
    return report


@pytest.mark.parametrize(("seed", "window", "dated", "change", "counts", "rounds"), SEEDS)
def test_no_offer_is_lost_and_none_invented_while_offers_come_and_go(
    tmp_path, seed, window, dated, change, counts, rounds
):
    carrier = moving(seed, window, change, counts, dated=dated)
    before: set[str] = set()

    for hours in range(0, rounds * 12, 12):
        kept = asyncio.run(carrier.kept())
        report = asyncio.run(harvest(carrier, tmp_path, hours=hours))

        assert report.cause is None
        assert report.complete, problems(tmp_path)
        assert carrier.changes > 40
        found = published(tmp_path / "offers")
        verdict = judged(found, kept, carrier.created, carrier.deleted, before=before)
        assert verdict.is_true, verdict
        assert len(carrier.spans) > 30 or window > 150
        assert dated or any(part.searches > 1 for part in told(tmp_path).parts)
        before |= carrier.deleted
        carrier.settle()


def test_an_increment_brings_what_was_created_since_and_does_not_pretend_to_be_younger(tmp_path):
    carrier = moving(1, 3000, Change(), every=0)
    kept = asyncio.run(carrier.kept())
    asyncio.run(harvest(carrier, tmp_path, hours=11.9))
    asyncio.run(carrier.move(created=40, deleted=40))

    report = asyncio.run(harvest(carrier, tmp_path, hours=12.1, increment=True))

    found = published(tmp_path / "offers")
    assert found >= kept | (asyncio.run(carrier.kept()) & carrier.created)
    assert report.calls <= 4
    assert told(tmp_path).as_of == (MIDNIGHT + timedelta(hours=11.9)).isoformat()
    assert {part.name: part.distinct for part in told(tmp_path).parts}["nouvelles offres"] == 40


def told(data: Path) -> Harvest:
    """What the current version says of its harvest."""
    shelf = Shelf(data / "offers")
    version = shelf.current_version()
    assert version is not None
    return shelf.read_manifest(version).harvest


def problems(data: Path) -> dict[str, str]:
    """What each partition says went wrong."""
    return {part.name: part.problem for part in told(data).parts if part.problem}
