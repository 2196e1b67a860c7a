"""`widget-server sync` as a real process, killed with -9 at random instants of its harvest and of its publication."""

import random
import signal
import time

import pytest

from tests.processes import sandbox_served
from widget_server.snapshot.shelf import Shelf

KILLS = 50
SOURCES = ("trainings", "offers", "recruiters")


@pytest.mark.timeout(400)
def test_a_sync_killed_at_fifty_random_instants_leaves_valid_versions_and_the_next_one_no_orphan(tmp_path):
    chance = random.Random(3)
    killed = ended = 0
    with sandbox_served(tmp_path) as installation:
        begun = time.monotonic()
        assert installation.run("sync").returncode == 0
        whole_s = time.monotonic() - begun
        shelves = [Shelf(installation.data / name) for name in SOURCES]
        first = {shelf.name: shelf.current_version() for shelf in shelves}

        while killed < KILLS:
            process = installation.start("sync")
            # A harvest of offers that was killed is gone on with: most syncs are shorter than the first one.
            time.sleep(chance.uniform(0.2, 0.8) * whole_s)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if process.returncode == -signal.SIGKILL:
                killed += 1
            else:
                # The first one was slow, or this one had little left to do: look for the instant earlier.
                whole_s, ended = 0.9 * whole_s, ended + 1
                assert ended < KILLS, "syncs end before they can be killed"
            for shelf in shelves:
                snapshot = shelf.open(shelf.current_version())
                assert len(list(snapshot.cards.everything())) == snapshot.manifest.counts.cards > 0
                snapshot.cards.close()

        assert installation.run("sync").returncode == 0

    for shelf in shelves:
        assert shelf.current_version() != first[shelf.name]
        left = [path.name for path in shelf.folder.iterdir() if path.name.startswith((".draft", ".current-"))]
        assert left + [path.name for path in shelf.folder.glob(".last-run.json-*")] == []
